"""Load a spec: bytes in, a frozen ClusterSpec or every problem at once out.

The text is parsed once.  Where its shape is wrong, the wrong part is taken out and
the rest is checked again, rules included, so that one run shows everything.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pydantic import ValidationError

from generator.diagnostics import Problem, Severity
from generator.errors import SpecInvalid
from generator.spec.model import ClusterSpec
from generator.spec.pruning import Pruning
from generator.spec.rules import RULES
from generator.spec.rules.rule import run_rules
from generator.spec.shape import translate_errors
from generator.spec.source import parse_source

if TYPE_CHECKING:
    from collections.abc import Iterable

    from generator.spec.document import SourceDocument

MAX_ROUNDS = 100
MAX_ERRORS = 500
"""Errors of shape in one round; a file with more is not a spec with mistakes in it."""


@dataclass(slots=True)
class Reading:
    """A spec as far as it could be read, and every problem so far.

    Attributes:
        spec: None where not even a part can be checked.
        pruning: what was taken out of the text's data to get `spec`.
    """

    document: SourceDocument
    spec: ClusterSpec | None = None
    pruning: Pruning = field(default_factory=Pruning)
    problems: list[Problem] = field(default_factory=list)

    def add(self, problems: Iterable[Problem], *, is_restored: bool = False) -> None:
        """Add problems; paths of the pruned data become paths of the file unless they are already."""
        for problem in problems:
            if is_restored:
                self.problems.append(self._place(problem))
            else:
                related = problem.related and self.pruning.restore(problem.related)
                path = self.pruning.restore(problem.path)
                self.problems.append(self._place(replace(problem, path=path, related=related)))

    def _place(self, problem: Problem) -> Problem:
        message = problem.message
        if problem.related is not None:
            message += f" (line {self.document.locate(problem.related).line})"
        position = problem.position or self.document.locate(problem.path, at_key=problem.at_key)
        return replace(problem, message=message, position=position)

    def finish(self) -> tuple[ClusterSpec, tuple[Problem, ...]]:
        """Return the spec and its warnings, sorted.

        Raises:
            SpecInvalid: there are errors; it carries every problem.
        """
        problems = sort_problems(self.problems)
        if self.spec is None or any(problem.severity is Severity.ERROR for problem in problems):
            raise SpecInvalid(problems, source=self.document.name, lines=self.document.lines)
        return self.spec, problems


def sort_problems(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Return the problems in the order of the file, each once."""

    def order(problem: Problem) -> tuple[int, int, str, str, str]:
        position = problem.position
        line, column = (position.line, position.column) if position else (0, 0)
        return line, column, problem.severity, problem.id, problem.message

    return tuple(sorted(dict.fromkeys(problems), key=order))


def read_spec(text: bytes, name: str) -> Reading:
    """Return the spec and the problems of text, shape and rules; never raises."""
    document = parse_source(text, name)
    reading = Reading(document)
    reading.add(document.problems, is_restored=True)
    if not document.is_usable:
        return reading
    for path in document.broken:
        reading.pruning.distrust(path)
    reading.spec = _shape(reading)
    if reading.spec is not None:
        reading.add(run_rules(RULES, reading.pruning.removed, reading.spec))
    return reading


def _shape(reading: Reading) -> ClusterSpec | None:
    pruning = reading.pruning
    data = pruning.apply(reading.document.data) if pruning.removed else reading.document.data
    for _ in range(MAX_ROUNDS):
        try:
            return ClusterSpec.model_validate(data)
        except ValidationError as error:
            errors = error.errors(include_url=False)
        for finding in translate_errors(errors[:MAX_ERRORS], data, ClusterSpec):
            path = pruning.restore(finding.path)
            if not pruning.is_follow_up(path):
                reading.add([replace(finding.problem, path=path)], is_restored=True)
            pruning.remove(path, is_missing=finding.is_missing)
            if finding.meant:
                pruning.distrust(pruning.restore(finding.meant))
        if len(errors) > MAX_ERRORS:
            return None
        data = pruning.apply(reading.document.data)
    return None
