"""What a rule is, and when it may run.

A rule looks at a whole spec and yields problems.  It declares the paths that it
reads: where one of them had to be taken out of the spec, the rule does not run, so
that nobody is told of problems that only follow from another one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from generator.diagnostics import Problem, SpecPath

EVERY = "*"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    Attributes:
        ids: of the problems it may yield.
        reads: patterns of paths, `*` for any key or index.
        is_partial: what it finds among some of the entries stays true when there are
            more: it runs although nodes or other entries were taken out whole.
        check: yields the problems; gets the spec, platform rules also the profile.
    """

    ids: tuple[str, ...]
    reads: tuple[tuple[str, ...], ...]
    is_partial: bool
    check: Callable[..., Iterator[Problem]]

    def may_run(self, removed: Iterable[SpecPath]) -> bool:
        """Say whether all that the rule reads is still there."""
        return not any(self._is_touched(pattern, path) for path in removed for pattern in self.reads)

    def _is_touched(self, pattern: tuple[str, ...], path: SpecPath) -> bool:
        if any(part not in (EVERY, str(key)) for part, key in zip(pattern, path, strict=False)):
            return False
        is_whole_entry = 0 < len(path) < len(pattern) and pattern[len(path) - 1] == EVERY
        return not (self.is_partial and is_whole_entry)


def rule(
    *ids: str, reads: str, is_partial: bool = False
) -> Callable[[Callable[..., Iterator[Problem]]], Rule]:
    """Make a rule of a function; `reads` holds dotted patterns separated by spaces."""

    def make(check: Callable[..., Iterator[Problem]]) -> Rule:
        return Rule(ids, tuple(tuple(pattern.split(".")) for pattern in reads.split()), is_partial, check)

    return make


def run_rules(rules: Iterable[Rule], removed: Collection[SpecPath], *arguments: Any) -> list[Problem]:
    """Return what the rules that may run find."""
    # Of an entry that went whole, its parts need no mention.
    gone = [path for path in removed if not any(path[:depth] in removed for depth in range(len(path)))]
    return [problem for each in rules if each.may_run(gone) for problem in each.check(*arguments)]
