"""A check: what is judged, by which tool, and how to ask."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from generator.errors import ToolFailed, ToolMissing
from generator.tools.process import redact
from generator.verify.report import CheckResult, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from generator.tools.programs import Program
    from generator.tools.toolbox import Tool, ToolBox
    from generator.versions import VersionNumber

UNREADABLE: Final = (KeyError, IndexError, TypeError, ValueError, AttributeError, OSError, RecursionError)
"""What a judge may stumble over in a file that somebody edited; a finding, not a traceback."""


@dataclass(frozen=True, slots=True)
class OwnCheck:
    """A rule of our own; `judge` returns what speaks against the file."""

    id: str
    file: str
    judge: Callable[[], Sequence[str]]

    def run(self, tools: ToolBox, secrets: tuple[str, ...]) -> CheckResult:
        """Judge and report."""
        del tools
        empty = CheckResult(self.id, "holster", self.file, Verdict.OK)
        try:
            complaints = self.judge()
        except UNREADABLE as error:
            complaints = [_explain(error)]
        return _decide(empty, complaints, secrets)


@dataclass(frozen=True, slots=True)
class ToolCheck:
    """A question to an outside program.

    Attributes:
        program, wanted, described: which program in which version (see ToolBox.find).
        judge: asks the tool; returns what it says against the file.
        note: says with which restriction the file was accepted.
    """

    id: str
    file: str
    program: Program
    judge: Callable[[Tool], Sequence[str]]
    wanted: Callable[[VersionNumber], bool] | None = None
    described: str = ""
    note: Callable[[Tool], str] | None = None

    def run(self, tools: ToolBox, secrets: tuple[str, ...]) -> CheckResult:
        """Find the tool, ask it and report; an absent tool is a skip, a broken one a failure."""
        name = f"{self.program.name} {self.described}".rstrip()
        try:
            tool = tools.find(self.program, self.wanted, self.described)
            name = tool.label
            complaints = self.judge(tool)
        except ToolMissing as missing:
            return CheckResult(self.id, name, self.file, Verdict.SKIPPED, redact(missing.message, secrets))
        except ToolFailed as failed:
            return CheckResult(self.id, name, self.file, Verdict.FAILED, redact(failed.message, secrets))
        except UNREADABLE as error:
            complaints = [_explain(error)]
        note = self.note(tool) if self.note is not None else ""
        return _decide(CheckResult(self.id, name, self.file, Verdict.OK, note), complaints, secrets)


Check = OwnCheck | ToolCheck


def _explain(error: Exception) -> str:
    """Return the finding about a file that is too far from its shape to be judged.

    Without the error's text, which may quote a secret.
    """
    if isinstance(error, OSError):
        return f"cannot be read: {error.strerror}"
    return f"has another shape than Holster renders ({type(error).__name__})"


def _decide(accepted: CheckResult, complaints: Sequence[str], secrets: tuple[str, ...]) -> CheckResult:
    if not complaints:
        return accepted
    detail = redact("; ".join(complaints), secrets)
    if accepted.detail:
        detail = f"{accepted.detail}: {detail}"
    return replace(accepted, verdict=Verdict.REJECTED, detail=detail)
