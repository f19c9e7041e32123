"""What a verification found."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from generator.errors import OutputRejected, ToolFailed, ToolMissing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from generator.errors import HolsterError

SHOWN: Final = 10


class Verdict(StrEnum):
    """`ok` and `rejected` are answers; `skipped`: the tool is absent; `failed`: it broke."""

    OK = "ok"
    REJECTED = "rejected"
    SKIPPED = "skipped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One file (or group of files) judged by one tool.

    Attributes:
        check: id of the check, listed in docs/verify.md.
        tool: name and version; `holster` for rules of our own.
        file: relative to the output folder.
        verdict: what came out.
        detail: the tool's words, or a note; secrets are replaced.
    """

    check: str
    tool: str
    file: str
    verdict: Verdict
    detail: str = ""

    def to_json(self) -> dict[str, str]:
        """Return the result for programs."""
        return {
            "check": self.check,
            "tool": self.tool,
            "file": self.file,
            "verdict": self.verdict.value,
            "detail": self.detail,
        }


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """Every result, in the order of checks and files."""

    results: tuple[CheckResult, ...]
    require_tools: bool

    def select(self, verdict: Verdict) -> tuple[CheckResult, ...]:
        """Return the results with this verdict."""
        return tuple(result for result in self.results if result.verdict is verdict)

    @property
    def absent_tools(self) -> dict[str, int]:
        """Each tool that was not there, with the number of checks skipped for it."""
        return dict(Counter(result.tool for result in self.select(Verdict.SKIPPED)))

    def find_error(self) -> HolsterError | None:
        """Return what the command ends with: the most serious finding, or None when all is well.

        A rejection comes first: it is a bug of ours, whatever else was missing.
        """
        if rejected := self.select(Verdict.REJECTED):
            return OutputRejected(
                "\n".join(
                    _list_results(f"{_count(len(rejected), 'file was', 'files were')} rejected", rejected)
                ),
                hint="this is a bug of Holster, unless the files were changed by hand",
            )
        if failed := self.select(Verdict.FAILED):
            return ToolFailed("\n".join(_list_results("an outside tool failed", failed)))
        if self.require_tools and self.absent_tools:
            absent = ", ".join(
                f"{name} ({_count(count, 'check', 'checks')})" for name, count in self.absent_tools.items()
            )
            return ToolMissing(
                f"outside tools are absent: {absent}",
                hint="in a checkout `make tools` brings them, into .tools (HOLSTER_TOOLS=.tools) and .venv; "
                "docs/verify.md says which",
            )
        return None


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _list_results(title: str, results: tuple[CheckResult, ...]) -> Iterator[str]:
    yield f"{title}:"
    for result in results[:SHOWN]:
        yield f"  {result.file} ({result.check}, {result.tool}): {result.detail}"
    if len(results) > SHOWN:
        yield f"  and {len(results) - SHOWN} more"
