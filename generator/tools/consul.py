"""`consul validate`: does the agent read this configuration?

It judges keys, types and their combinations.  It does not judge the length of
`encrypt`, `reconnect_timeout`, or whether an address is this machine's (reference
notes §1.1): `generator.verify.consul` does.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from generator.tools.process import Command, run

if TYPE_CHECKING:
    from pathlib import Path

    from generator.tools.toolbox import Tool

_NOISE: Final = re.compile(r"^\s*(Config validation failed:\s*)?", re.MULTILINE)


def check_consul_config(tool: Tool, config: Path, *, secrets: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Return what Consul says against `config` (a file or a folder); empty when it is accepted.

    Raises:
        ToolFailed: Consul could not be asked.
    """
    answer = run(
        Command(
            argv=[tool.path, "validate", config],
            purpose=f"validate {config.name} with {tool.label}",
            accepted=(0, 1),
            secrets=secrets,
        )
    )
    if answer.exit_code == 0:
        return ()
    text = _NOISE.sub("", answer.output).strip()
    return (text or f"{tool.label} refuses it without saying why",)
