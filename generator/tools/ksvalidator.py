"""`ksvalidator`: does the installer's own parser accept this kickstart?

pykickstart is GPL: it is started, never imported.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from generator.tools.process import Command, run

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from generator.tools.toolbox import Tool

_CHATTER: Final = re.compile(r"^Checking kickstart file .*$", re.MULTILINE)
_PLACE: Final = re.compile(r"The following problem occurred on line (\d+) of the kickstart file:\s*")


def check_kickstart(tool: Tool, kickstarts: Sequence[Path], handler: str) -> tuple[str, ...]:
    """Return the parser's problems and warnings; empty when it accepts the files in silence.

    Args:
        tool: ksvalidator.
        kickstarts: the files.
        handler: which syntax: `RHEL9`, `F37`, …

    A deprecation is a problem too: the next release of the installer drops it.
    ksvalidator's exit code is the number of problems, so any code is an answer.
    """
    answer = run(
        Command(
            argv=[tool.path, "-v", handler, *kickstarts],
            purpose=f"validate {', '.join(sorted({path.name for path in kickstarts}))} as {handler}",
            accepted=None,
        )
    )
    text = "\n".join((answer.stderr, _CHATTER.sub("", answer.stdout))).strip()
    if not text:
        return (
            ()
            if answer.exit_code == 0
            else (f"ksvalidator counts {answer.exit_code} problems without naming one",)
        )
    text = _PLACE.sub(r"line \1: ", text)
    return (re.sub(r"\n\s*\n", "\n", text),)
