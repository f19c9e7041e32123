"""Random power cuts: drawn from a seed before anything is switched on, so that a run can be repeated."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

EARLIEST_S, LATEST_S = 15.0, 90.0
"""After the cut before. A machine that was just cut needs longer than this for its first boot, so that
there is always one whose first boot is under way."""
OFF_S: Final = 5.0
ALL_AT_ONCE: Final = 0.25
STAGE: Final = re.compile(r"\[(\w+)\] begins")


@dataclass(frozen=True, slots=True)
class Cut:
    """One power cut.

    Attributes:
        after_s: seconds after the machines of the cut before had power again.
        order: the machines as preferred; the first one whose first boot is under way is cut.
        is_for_all: all machines whose first boot is under way are cut.
        off_s: how long they stay off.
    """

    after_s: float
    order: tuple[str, ...]
    is_for_all: bool
    off_s: float

    def choose(self, unsealed: Collection[str]) -> list[str]:
        """Return the machines to cut, out of those whose first boot is under way."""
        candidates = [name for name in self.order if name in unsealed]
        return candidates if self.is_for_all else candidates[:1]


def draw_cuts(seed: int, names: Sequence[str], count: int) -> tuple[Cut, ...]:
    """Return so many cuts; the same seed gives the same ones."""
    source = random.Random(seed)  # noqa: S311 -- moments to break things at, no secrets
    return tuple(
        Cut(
            after_s=source.uniform(EARLIEST_S, LATEST_S),
            order=tuple(source.sample(list(names), len(names))),
            is_for_all=source.random() < ALL_AT_ONCE,
            off_s=source.uniform(0.0, OFF_S),
        )
        for _ in range(count)
    )


def read_stage(console: Path) -> str:
    """Return the stage that a machine's console named last, else that the program had not begun."""
    found = STAGE.findall(console.read_text("utf-8", "replace")) if console.exists() else []
    return found[-1] if found else "before the first stage"
