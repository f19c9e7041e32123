"""One machine of the lab: power, disks, seed, network link, commands.

What a power cut does: QEMU is killed.  What the guest flushed is safe, as on a disk
that keeps its promise; what lay in the guest's memory is gone, and of what was written
to the root disk without a flush a part is gone as well.  What was written to the data
disks without a flush is kept: a real disk may lose that, too.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal

from generator.errors import ToolFailed
from generator.lab.console import ConsoleLog
from generator.lab.disks import digest_content, write_at_start
from generator.lab.failure import LabFailed
from generator.lab.qemu_arguments import NIC, MachinePlan, list_machine_arguments
from generator.lab.qmp import execute
from generator.lab.status import NodeStatus, parse_status
from generator.tools.background import Background
from generator.tools.process import Command

if TYPE_CHECKING:
    from pathlib import Path

    from generator.tools.process import Completed
    from generator.tools.qemu import Accelerator
    from generator.tools.ssh import Connection
    from generator.tools.toolbox import Tool

Role = Literal["data", "wal"]

PROGRAM: Final = "/usr/local/sbin/holster-node"
BOOT_ID: Final = "/proc/sys/kernel/random/boot_id"
POLL_S: Final = 1.0
START_S: Final = 20.0


@dataclass(frozen=True, slots=True)
class Engine:
    """QEMU, how it runs guests here, and whether its machines outlive us (`--keep`)."""

    tool: Tool
    accelerator: Accelerator
    outlives: bool = False


class VirtualMachine:
    """One machine; off until `power_on`.

    Changes of disks and seed take effect at the next power on.

    Attributes:
        log: what its console said since it was powered on; `watch` brings it up to date.
        on_at: the steady moment of the last power on.
    """

    def __init__(self, plan: MachinePlan, engine: Engine, connection: Connection) -> None:
        self.plan = plan
        self.log = ConsoleLog()
        self.on_at: float | None = None
        self._engine = engine
        self._connection = connection
        self._process: Background | None = None
        self._read = 0
        self._heard = 0.0

    @property
    def name(self) -> str:
        """The machine's name in the cluster."""
        return self.plan.name

    @property
    def console(self) -> Path:
        """The text of its serial console, over all boots."""
        return self.plan.console

    @property
    def is_on(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.is_alive

    @property
    def pid(self) -> int | None:
        """The process of the running machine."""
        return self._process.pid if self._process is not None and self.is_on else None

    def power_on(self) -> None:
        """Start it; nothing happens when it runs.

        Raises:
            ToolFailed: QEMU ends at once; its words are in the message.
        """
        if self.is_on:
            return
        self.plan.console.touch()
        self._read = self.plan.console.stat().st_size
        self.log = ConsoleLog()
        self.plan.monitor.unlink(missing_ok=True)
        arguments = list_machine_arguments(self.plan, self._engine.accelerator)
        command = Command([self._engine.tool.path, *arguments], purpose=f"start {self.name}")
        log = self.plan.console.with_name("qemu.log")
        self._process = Background(command, log, outlives=self._engine.outlives)
        self.on_at = time.monotonic()
        deadline = self.on_at + START_S
        while not self.plan.monitor.exists():
            if not self._process.is_alive or time.monotonic() > deadline:
                self._process.kill()
                raise self._process.explain()
            time.sleep(0.02)

    def cut_power(self) -> None:
        """Cut the power: nothing is flushed, nobody is told."""
        if self._process is not None:
            self._process.kill()
            self._process = None
        self._connection.close()

    def shut_down(self, timeout_s: float) -> None:
        """Shut down in order and wait for the machine to be off.

        Raises:
            LabFailed: it still runs after that time.
        """
        if self._process is None or not self.is_on:
            return
        self._ask_systemd("poweroff")
        if self._process.wait(timeout_s) is None:
            raise self.fail(f"did not shut down within {timeout_s:g} s")
        self._connection.close()

    def reboot(self, timeout_s: float) -> None:
        """Reboot in order and wait until somebody can log in again.

        Raises:
            LabFailed: nobody can after that time.
        """
        before = self.run("cat", BOOT_ID).stdout
        self._ask_systemd("reboot")
        self._connection.close()
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            time.sleep(POLL_S)
            if not self.is_on:
                raise self.fail("went off instead of rebooting")
            try:
                if self.run("cat", BOOT_ID, timeout_s=30).stdout != before:
                    return
            except ToolFailed:
                continue
        raise self.fail(f"did not reboot within {timeout_s:g} s")

    def _ask_systemd(self, verb: str) -> None:
        # The connection may break before the answer comes.
        self._connection.run(
            ["sudo", "-n", "systemd-run", "--no-block", "--quiet", "systemctl", verb],
            timeout_s=60,
            check=True,
        )

    def set_link(self, up: bool) -> None:  # noqa: FBT001 -- the parameter says what it is
        """Connect or disconnect the network cable."""
        execute(self.plan.monitor, "set_link", name=NIC, up=up)

    def pause(self) -> None:
        """Stop the machine's processors: it knows nothing of the time until `resume`."""
        execute(self.plan.monitor, "stop")

    def resume(self) -> None:
        """Let it go on where it stopped."""
        execute(self.plan.monitor, "cont")

    def attach_seed(self, iso: Path) -> None:
        """Put a seed disc in."""
        self.plan = replace(self.plan, seed=iso)

    def detach_seed(self) -> None:
        """Take the seed disc out."""
        self.plan = replace(self.plan, seed=None)

    def swap_data_disks(self) -> None:
        """Attach the data and the WAL disk the other way round."""
        root, data, wal = self.plan.disks
        self.plan = replace(self.plan, disks=(root, wal, data))

    def find_disk(self, role: str) -> Path:
        """Return the file with a disk's content.

        Raises:
            LabFailed: the machine has no such disk.
        """
        for disk in self.plan.disks:
            if disk.role == role:
                return disk.path
        raise self.fail(f"has no disk for {role}")

    def put_on_disk(self, which: Role, content: Path) -> None:
        """Write the bytes of a file to the start of a disk; only while the machine is off.

        Raises:
            LabFailed: it runs.
        """
        self._demand_off()
        write_at_start(self.find_disk(which), content)

    def digest_disk(self, which: Role) -> str:
        """Return a digest of a disk's content; only while the machine is off.

        Raises:
            LabFailed: it runs.
        """
        self._demand_off()
        return digest_content(self.find_disk(which))

    def _demand_off(self) -> None:
        if self.is_on:
            raise LabFailed(f"{self.name} runs: its disks are in use")

    def run(
        self,
        *argv: str,
        timeout_s: float = 60,
        check: bool = True,
        stdin: bytes | None = None,
        secrets: tuple[str, ...] = (),
    ) -> Completed:
        """Run a program as root; `check` False takes every exit code as an answer.

        Raises:
            ToolFailed: the machine cannot be reached, or the program failed.
        """
        return self._connection.run(
            ["sudo", "-n", "--", *argv], timeout_s=timeout_s, check=check, stdin=stdin, secrets=secrets
        )

    def status(self) -> NodeStatus:
        """Return what `holster-node status --json` says.

        Raises:
            ToolFailed: the machine cannot be reached.
            LabFailed: the answer is none.
        """
        answer = self.run(PROGRAM, "status", "--json", check=False)
        try:
            return parse_status(self.name, answer.stdout)
        except ValueError as error:
            raise self.fail(f"has no readable status: {error}\n{answer.output}") from None

    def is_sealed(self) -> bool:
        """Say whether the marker of a finished first boot is there; False when nobody answers."""
        try:
            return self.run("test", "-s", "/var/lib/holster/sealed", check=False, timeout_s=30).exit_code == 0
        except ToolFailed:
            return False

    def watch(self) -> ConsoleLog:
        """Read what the console said since the last look and return all of it."""
        with self.plan.console.open("rb") as stream:
            stream.seek(self._read)
            text = stream.read()
        if text and self.on_at is not None:
            self._heard = time.monotonic()
            self._read += len(text)
            self.log.feed(text.decode("utf-8", "replace"), time.monotonic() - self.on_at)
        return self.log

    def was_quiet_for(self, seconds: float) -> bool:
        """Say, at most once in that many seconds, that the console has been silent for so long."""
        now = time.monotonic()
        if now - self._heard < seconds:
            return False
        self._heard = now
        return True

    def disconnect(self) -> None:
        """End the control connection; the machine goes on."""
        self._connection.close()

    def forget_host_key(self) -> None:
        """Accept a new host key at the next contact."""
        self._connection.close()
        self._connection.forget_host_key()

    def fail(self, what: str) -> LabFailed:
        """Return the error "NAME did that", with the last lines of the console."""
        tail = "\n".join(f"  {line}" for line in self.watch().tail)
        return LabFailed(
            f"{self.name} {what}\n  last lines of its console:\n{tail}", hint=f"all of it: {self.console}"
        )
