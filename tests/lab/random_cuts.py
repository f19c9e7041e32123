"""Power cuts within the stages of the first boot, drawn from a seed before anything is switched on.

The cuts go forward through the first boot, so that what was cut boots again while the
others go on.  A machine that was cut passes all its stages again: until all are sealed
there is always one that will come to the stage of the next cut.  What lies between the
beginning of a stage and the cut is the same in every run of a seed; which machine comes
to the stage first is not.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from generator.lab.console import ConsoleLog

EARLY: Final = "before the first stage"
OFF_S: Final = 5.0
EARLY_S: Final = (5.0, 45.0)
"""After the first power-on; under emulation the first stage begins after a minute and a half or later."""
STEPS: Final = (("storage",), ("consul", "acl"), ("patroni",), ("verify",), ("seal",))
"""One cut each, in one of these stages."""
ALL_STEP: Final = ("consul", "acl")
"""All machines are cut at once here: the servers find each other, and nobody has PostgreSQL yet."""
LONGEST_OFFSET_S: Final = {
    "storage": 8.0,
    "consul": 2.0,
    "acl": 2.0,
    "patroni": 20.0,
    "verify": 3.0,
    "seal": 1.0,
}
"""Under emulation: storage took 11 s and more, acl 5 s, patroni 33 s and more, seal 1 s; the first machine in
verify waits for the others."""
DEMANDED: Final = (("storage",), ("patroni",), ("verify", "seal"))
"""In one stage of each of these a cut must have been."""
SHARES: Final = (1.0, 0.25, 0.0)
"""A stage that was over before the cut is gone for again, with so much of the offset."""


@dataclass(frozen=True, slots=True)
class Cut:
    """One power cut.

    Attributes:
        stage: the stage that must have begun, or EARLY.
        offset_s: seconds after that; for EARLY after the power-on.
        order: the machines as preferred where several are in the stage.
        is_for_all: all machines that are not sealed are cut.
        off_s: how long they stay off.
    """

    stage: str
    offset_s: float
    order: tuple[str, ...]
    is_for_all: bool
    off_s: float

    @property
    def offsets(self) -> tuple[float, ...]:
        """The offset of each try; only what must be seen is tried again."""
        if self.stage in {"storage", "patroni", "verify"}:
            return tuple(self.offset_s * share for share in SHARES)
        return (self.offset_s,)

    def find_victim(self, logs: Mapping[str, ConsoleLog]) -> str | None:
        """Return the preferred machine that is in the stage, None while there is none."""
        return next((name for name in self.order if is_in(logs[name], self.stage)), None)

    def choose(self, victim: str, logs: Mapping[str, ConsoleLog]) -> list[str]:
        """Return the machines to cut: the victim, or all whose first boot is not over."""
        if not self.is_for_all:
            return [victim]
        return [name for name in self.order if name == victim or logs[name].outcome != "sealed"]


def draw_cuts(seed: int, names: Sequence[str]) -> tuple[Cut, ...]:
    """Return the cuts in their order; the same seed gives the same ones."""
    source = random.Random(seed)  # noqa: S311 -- moments to break things at, no secrets

    def draw(stage: str, earliest: float, latest: float, *, is_for_all: bool) -> Cut:
        return Cut(
            stage=stage,
            offset_s=source.uniform(earliest, latest),
            order=tuple(source.sample(list(names), len(names))),
            is_for_all=is_for_all,
            off_s=source.uniform(0.0, OFF_S),
        )

    cuts = [draw(EARLY, *EARLY_S, is_for_all=False)]
    for stages in STEPS:
        stage = source.choice(stages)
        cuts.append(draw(stage, 0.0, LONGEST_OFFSET_S[stage], is_for_all=stages == ALL_STEP))
    return tuple(cuts)


def is_in(log: ConsoleLog, stage: str) -> bool:
    """Say whether a machine's first boot is in the stage."""
    return describe_moment(log) == stage


def describe_moment(log: ConsoleLog) -> str:
    """Return where a machine's first boot is since its last power-on: a stage, or between which."""
    if log.outcome is not None:
        return log.outcome
    if log.stage is None:
        return EARLY
    return log.stage.name if log.stage.ended is None else f"after {log.stage.name}"


def list_missed(seen: Sequence[str]) -> list[str]:
    """Return the demanded stages in which no cut was, out of the stages in which there were cuts."""
    return [" or ".join(stages) for stages in DEMANDED if not set(stages) & set(seen)]
