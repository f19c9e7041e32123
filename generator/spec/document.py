"""A spec as plain data, with the position of every key and value."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from generator.diagnostics import Position, Problem, SpecPath

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class SourceDocument:
    """A spec as data, and where everything stands.

    Attributes:
        name: the file's name as shown to the user.
        lines: the text for excerpts, with whatever may be a secret masked.
        data: mappings, lists, text, whole numbers, true/false and null only.
        keys, values: positions by path.
        problems: what is wrong with the text, with positions.
        broken: paths whose value cannot be relied on; they are not in `data`.
        is_usable: False where the text could not be read to its end.
    """

    name: str
    lines: tuple[str, ...]
    data: dict[str, Any] = field(default_factory=dict)
    keys: Mapping[SpecPath, Position] = field(default_factory=dict)
    values: Mapping[SpecPath, Position] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    broken: frozenset[SpecPath] = frozenset()
    is_usable: bool = True

    def locate(self, path: SpecPath, *, at_key: bool = False) -> Position:
        """Return where `path` stands; an unknown path takes its deepest known ancestor."""
        if not at_key and path in self.values:
            return self.values[path]
        for depth in range(len(path), 0, -1):
            known = self.keys.get(path[:depth]) or self.values.get(path[:depth])
            if known:
                return known
        # Nothing of it is in the file: a place, and nothing to show there.
        return Position(1, 1, 0)
