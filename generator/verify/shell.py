"""Every script of the output, those inside kickstarts included, read by shellcheck."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from generator.tools import programs
from generator.tools.shellcheck import check_shell
from generator.verify.check import ToolCheck

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from generator.tools.toolbox import Tool
    from generator.verify.context import Context

_SECTION: Final = re.compile(r"^%(pre|pre-install|post|onerror|traceback)\b(.*)$")
_SHEBANG: Final = re.compile(rb"^#!\s*/(?:usr/)?bin/(?:env\s+)?(sh|bash|dash)\b")
DEFAULT_INTERPRETER: Final = "/bin/sh"


@dataclass(frozen=True, slots=True)
class Section:
    """One script of a kickstart; `first_line` counts from 1 in the kickstart."""

    title: str
    interpreter: str
    first_line: int
    script: str


def list_sections(kickstart: str) -> Iterator[Section]:
    """Yield the scripts of a kickstart, as its parser would cut them out."""
    title = interpreter = ""
    begin = 0
    body: list[str] = []
    for number, line in enumerate(kickstart.splitlines(), start=1):
        found = _SECTION.match(line)
        if found and not title:
            title, begin, body = f"%{found[1]}", number + 1, []
            interpreter = _find_interpreter(found[2])
        elif title and line.rstrip() == "%end":
            yield Section(title, interpreter, begin, "\n".join(body) + "\n")
            title = ""
        elif title:
            body.append(line)


def _find_interpreter(arguments: str) -> str:
    words = shlex.split(arguments, comments=True)
    for index, word in enumerate(words):
        if word.startswith("--interpreter="):
            return word.partition("=")[2]
        if word == "--interpreter" and index + 1 < len(words):
            return words[index + 1]
    return DEFAULT_INTERPRETER


def _judge_section(section: Section, name: str, tool: Tool) -> tuple[str, ...]:
    program = section.interpreter.rpartition("/")[2]
    if program not in {"sh", "bash"}:
        place = f"{section.title} at line {section.first_line - 1}"
        return (f"{place} is run by {section.interpreter}, which nobody checks",)
    # The installer's /bin/sh is bash, but nothing here may depend on it.
    return check_shell(
        tool, section.script.encode(), name=name, dialect=program, first_line=section.first_line
    )


def _judge_kickstart(path: Path, name: str, tool: Tool) -> list[str]:
    text = path.read_text("utf-8")
    return [complaint for section in list_sections(text) for complaint in _judge_section(section, name, tool)]


def _judge_script(path: Path, name: str, dialect: str, tool: Tool) -> tuple[str, ...]:
    return check_shell(tool, path.read_bytes(), name=name, dialect=dialect)


def plan_shell(context: Context) -> Iterator[ToolCheck]:
    """Plan shellcheck over scripts (by their first line) and kickstarts."""
    output = context.output
    for path in output.files:
        if path.is_symlink():
            continue
        name = output.label(path)
        if path.suffix in {".ks", ".cfg"} and path.parent in {
            output.layout.packer,
            *(n.folder for n in output.nodes),
        }:
            yield ToolCheck("shell", name, programs.SHELLCHECK, partial(_judge_kickstart, path, name))
            continue
        # What is gone, the manifest's check names: nobody can tell any more whether it was a script.
        if not path.is_file():
            continue
        with path.open("rb") as stream:
            found = _SHEBANG.match(stream.readline(200))
        if found:
            judge = partial(_judge_script, path, name, found[1].decode())
            yield ToolCheck("shell", name, programs.SHELLCHECK, judge)
