"""shellcheck: mistakes in shell that a syntax check does not see."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from generator.tools.process import Command, run

if TYPE_CHECKING:
    from generator.tools.toolbox import Tool


def check_shell(
    tool: Tool, script: bytes, *, name: str, dialect: str, first_line: int = 1
) -> tuple[str, ...]:
    """Return shellcheck's findings as `line N: SCnnnn text`.

    Args:
        tool: shellcheck.
        script: the text; it goes through stdin, so that a section of a file can be checked.
        name: where it comes from, for messages.
        dialect: `sh`, `bash` or `dash`.
        first_line: the line of the file on which the script begins.
    """
    answer = run(
        Command(
            argv=[tool.path, "--norc", "--format=json1", f"--shell={dialect}", "-"],
            purpose=f"check the shell of {name} with {tool.label}",
            stdin=script,
            accepted=(0, 1),
        )
    )
    comments = json.loads(answer.stdout)["comments"]
    return tuple(
        f"line {comment['line'] + first_line - 1}: SC{comment['code']} {comment['message']}"
        for comment in comments
    )
