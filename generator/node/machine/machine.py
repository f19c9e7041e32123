"""What a stage works with: the machine's files, programs, clocks and interfaces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, NamedTuple

from generator.node.causes import StageFailed, read_cause
from generator.node.machine.command import CommandFailed, Commands

if TYPE_CHECKING:
    from generator.node.facts.node import Node
    from generator.node.machine.clock import Clock
    from generator.node.machine.console import Console
    from generator.node.machine.rootfs import RootFs
    from generator.node.machine.web import Web

STATE_DIR = "/var/lib/holster"
LOG_LINES = "200"
# A look into the journal costs more than the question that it explains; most waits end before the first.
JOURNAL_INTERVAL = 15.0


class Means(NamedTuple):
    """How a machine is acted upon; tests put their own in."""

    commands: Commands
    clock: Clock
    web: Web
    console: Console


class Machine:
    """The machine that this program runs on.

    `deadline` is the steady time at which the current stage must be done; the
    runner sets it, and `note`, `warn` and `state_fact` too, which record words in the status.
    """

    def __init__(self, node: Node, fs: RootFs, means: Means) -> None:
        self.node = node
        self.fs = fs
        self.commands = means.commands
        self.clock = means.clock
        self.web = means.web
        self.console = means.console
        self.deadline = self.clock.steady()
        self._journals: dict[str, tuple[float, str]] = {}
        self.note: Callable[[str], None] = self.console.log
        self.warn: Callable[[str], None] = self.console.log
        self.state_fact: Callable[[str, str], None] = lambda name, text: self.console.log(f"{name}: {text}")

    def allow(self, seconds: float) -> None:
        """Set the deadline that many seconds from now."""
        self.deadline = self.clock.steady() + seconds

    def remaining(self) -> float:
        """Return the seconds left until the deadline, at least one."""
        return max(1.0, self.deadline - self.clock.steady())

    def wait(
        self,
        probe: Callable[[], str | None],
        fail: Callable[[str], StageFailed],
        interval: float = 2.0,
    ) -> None:
        """Wait until `probe` finds nothing missing.

        `probe` returns None, or a sentence that says what is missing; the last
        sentence goes to `fail` when the deadline comes.

        Raises:
            StageFailed: what `fail` made.
        """
        while True:
            missing = probe()
            if missing is None:
                return
            self.note(missing)
            if self.clock.steady() >= self.deadline:
                raise fail(missing)
            self.clock.sleep(interval)

    def read_journal(self, unit: str, *, is_urgent: bool = False) -> str:
        """Return the latest lines of a unit's log of this boot, or nothing.

        Until the deadline nothing is read in the first seconds, and what was read is good for
        some more, unless it is urgent.
        """
        now = self.clock.steady()
        read_at, text = self._journals.setdefault(unit, (now, ""))
        if now - read_at < JOURNAL_INTERVAL and now < self.deadline and not is_urgent:
            return text
        try:
            text = self.commands.ask(
                "journalctl", "-b", "-u", unit, "-n", LOG_LINES, "-o", "cat", "--no-pager", timeout=20
            ).output
        except CommandFailed:
            text = ""
        self._journals[unit] = (now, text)
        return text

    def explain(self, kind: str, unit: str, otherwise: str, missing: str) -> StageFailed:
        """Return a failure whose cause comes from the unit's log, else `otherwise`."""
        found = read_cause(kind, self.read_journal(unit))
        if found is None:
            return StageFailed(otherwise, missing)
        cause, words = found
        # `missing` may come from an earlier look that added the same words.
        return StageFailed(cause, missing if words in missing else f"{missing}; {words}")
