"""Take out of a spec's data what is wrong, so that the rest can be checked in the same run.

In: data, and the paths that cannot be used.  Out: data without them, and a way back
from its paths to the paths of the file.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from generator.diagnostics import SpecPath

STAND_INS: dict[SpecPath, Any] = {
    # Required keys outside any list: something valid stands in for them, and no rule
    # that reads them is run. 192.0.2.0/24 is the documentation network of RFC 5737.
    ("holster",): 1,
    ("cluster",): "stand-in",
    ("durability",): "asynchronous",
    ("vip",): "192.0.2.1",
    ("network",): {"prefix": "192.0.2.0/24"},
    ("network", "prefix"): "192.0.2.0/24",
    ("groups",): {
        "stand-in": {"roles": ["postgres"], "nodes": [{"name": "stand-in", "address": "192.0.2.2"}]}
    },
}
ENTRY_PARENTS: frozenset[SpecPath] = frozenset({("groups",), ("datacenters",)})
"""Mappings whose entries can go one by one."""


@dataclass(slots=True)
class Pruning:
    """What has been taken out so far.

    Attributes:
        removed: paths of the file that must not be relied on.
        stand_ins: valid values instead of required ones.
        indexes: for each list that lost items, the original index of those left.
        above: the removed paths and all paths above them.
    """

    removed: set[SpecPath] = field(default_factory=set)
    stand_ins: dict[SpecPath, Any] = field(default_factory=dict)
    indexes: dict[SpecPath, list[int]] = field(default_factory=dict)
    above: set[SpecPath] = field(default_factory=set)

    def apply(self, data: dict[str, Any]) -> dict[str, Any]:
        """Return `data` without what was removed."""
        self.indexes = {}
        pruned: dict[str, Any] = self._copy(data, (), ())
        return pruned

    def _copy(self, value: Any, path: SpecPath, shown: SpecPath) -> Any:
        if path in self.stand_ins:
            return self.stand_ins[path]
        if isinstance(value, list):
            kept = [index for index in range(len(value)) if (*path, index) not in self.removed]
            if len(kept) != len(value):
                self.indexes[shown] = kept
            return [self._copy(value[index], (*path, index), (*shown, new)) for new, index in enumerate(kept)]
        if isinstance(value, dict):
            copied = {
                key: self._copy(inner, (*path, key), (*shown, key))
                for key, inner in value.items()
                if (*path, key) not in self.removed or (*path, key) in self.stand_ins
            }
            added = {
                target[-1]: valid
                for target, valid in self.stand_ins.items()
                if target[:-1] == path and target
            }
            return {**added, **copied}
        return value

    def restore(self, path: SpecPath) -> SpecPath:
        """Return the path of the file for a path of the pruned data."""
        original: list[str | int] = []
        for depth, part in enumerate(path):
            kept = self.indexes.get(path[:depth])
            has_index = kept is not None and isinstance(part, int) and part < len(kept)
            original.append(kept[part] if kept is not None and has_index and isinstance(part, int) else part)
        return tuple(original)

    def is_follow_up(self, path: SpecPath) -> bool:
        """Say whether a finding at `path` can come from what was removed there or below."""
        return path in self.above

    def distrust(self, path: SpecPath) -> None:
        """Let no rule rely on the value at `path`."""
        self.removed.add(path)
        self.above.update(path[:depth] for depth in range(len(path) + 1))

    def remove(self, path: SpecPath, *, is_missing: bool) -> None:
        """Take out the value at `path`; of a missing or already removed one, what needs it."""
        if not is_missing and path not in self.removed and path not in STAND_INS:
            self.distrust(path)
            return
        for depth in range(len(path), 0, -1):
            target = path[:depth]
            is_entry = isinstance(target[-1], int) or target[:-1] in ENTRY_PARENTS
            if target in STAND_INS:
                self.distrust(target)
                self.stand_ins[target] = STAND_INS[target]
                return
            if is_entry and target not in self.removed:
                self.distrust(target)
                return
        self.distrust(path)
