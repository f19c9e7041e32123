"""What a machine says on its serial console.

In: its text as it comes, and the moment at which it was read.  Out: which stage the
first boot is in, how it ended, whether the system is up.  Pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

STAGE_LINE: Final = re.compile(r"holster: \[(?P<stage>[a-z]+)\] (?P<what>.*)")
FAILED: Final = re.compile(r"failed: (?P<cause>[a-z-]+): (?P<reason>.*)")
REFUSED: Final = re.compile(r"refused, no disk was changed: (?P<cause>[a-z-]+): (?P<reason>.*)")
READY: Final = "holster: ready"
NODE_INVALID: Final = "holster: /etc/holster/node.json: "
CLOUD_INIT: Final = re.compile(r"Cloud-init v\. \S+ finished at ")
LOGIN: Final = re.compile(r"^\S+ login: ")
PANIC: Final = "Kernel panic - not syncing"
_ESCAPES: Final = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[()][A-Z0-9]")
TAIL_LINES: Final = 15


@dataclass(slots=True)
class StageTimes:
    """When a stage began and ended, in seconds since the machine was powered on."""

    name: str
    began: float
    ended: float | None = None


@dataclass(frozen=True, slots=True)
class Stop:
    """One run of the first boot that ended before the machine was ready; `at` as in ConsoleLog."""

    outcome: str
    stage: str | None
    cause: str | None
    reason: str | None
    at: float


@dataclass(slots=True)
class ConsoleLog:
    """What was read of one machine since it was powered on; moments in seconds since then.

    Attributes:
        stages: in the order in which they began; a stage that began again counts anew.
        note: what the present stage waits for.
        outcome: `sealed`, `failed` or `refused`, None while the first boot is under way.
        reason: the cause's id and words of an outcome that is not `sealed`.
        ended_at: when the outcome came.
        stops: every run that failed or was refused; they stay when the program is started again.
        cloud_init_at, login_at: when cloud-init was done, when somebody could log in.
        has_panicked: whether the kernel gave up.
    """

    stages: list[StageTimes] = field(default_factory=list)
    note: str | None = None
    outcome: str | None = None
    cause: str | None = None
    reason: str | None = None
    ended_at: float | None = None
    stops: list[Stop] = field(default_factory=list)
    cloud_init_at: float | None = None
    login_at: float | None = None
    has_panicked: bool = False
    tail: list[str] = field(default_factory=list)
    _rest: str = ""

    @property
    def stage(self) -> StageTimes | None:
        """The stage that began last."""
        return self.stages[-1] if self.stages else None

    @property
    def is_up(self) -> bool:
        """Whether the system has booted to its end: a login prompt, and cloud-init done."""
        return self.login_at is not None and self.cloud_init_at is not None

    @property
    def up_at(self) -> float | None:
        """When the system had booted to its end."""
        if self.login_at is None or self.cloud_init_at is None:
            return None
        return max(self.login_at, self.cloud_init_at)

    def feed(self, text: str, at: float) -> None:
        """Take in the next piece of the console's text, read at this moment."""
        *lines, self._rest = (self._rest + text).replace("\r", "\n").split("\n")
        for line in lines:
            # Line by line: a piece may end in the middle of a colour.
            if words := _ESCAPES.sub("", line).strip():
                self._read(words, at)
        # A prompt has no line break.
        if self.login_at is None and LOGIN.search(self._rest):
            self.login_at = at

    def _read(self, line: str, at: float) -> None:
        self.tail = [*self.tail[1 - TAIL_LINES :], line]
        # systemd and the kernel write to the same console: a line may begin in the middle of another.
        if (found := STAGE_LINE.search(line)) is not None:
            self._read_stage(found["stage"], found["what"], at)
        elif READY in line:
            self._end("sealed", at)
        elif NODE_INVALID in line:
            self._end("failed", at, "node-invalid", line.partition(NODE_INVALID)[2])
        elif PANIC in line:
            self.has_panicked = True
        else:
            # Both may be in one line: a prompt has no line break.
            if CLOUD_INIT.search(line):
                self.cloud_init_at = at
            if self.login_at is None and LOGIN.search(line):
                self.login_at = at

    def _read_stage(self, stage: str, what: str, at: float) -> None:
        if what == "begins":
            # Also after a failure: the program was started again.
            self.outcome = self.cause = self.reason = self.ended_at = self.note = None
            self.stages = [item for item in self.stages if item.name != stage]
            self.stages.append(StageTimes(stage, at))
        elif what.startswith("done in ") and self.stages and self.stages[-1].name == stage:
            self.stages[-1].ended = at
            self.note = None
        elif what.startswith("waiting: "):
            self.note = what.removeprefix("waiting: ")
        elif (found := FAILED.fullmatch(what)) is not None:
            self._end("failed", at, found["cause"], found["reason"])
        elif (found := REFUSED.fullmatch(what)) is not None:
            self._end("refused", at, found["cause"], found["reason"])

    def _end(self, outcome: str, at: float, cause: str | None = None, reason: str | None = None) -> None:
        self.outcome, self.cause, self.reason, self.ended_at = outcome, cause, reason, at
        if outcome != "sealed":
            self.stops.append(Stop(outcome, self.stage.name if self.stage else None, cause, reason, at))
