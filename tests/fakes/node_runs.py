"""Run the first-boot program against a fake machine, in this process or in one that can be killed."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING, Any

from generator.node.cli import run_stages
from generator.node.facts.document import parse_node
from generator.node.facts.node import NODE_JSON
from generator.node.machine.clock import Clock
from generator.node.machine.command import CommandFailed, Commands
from generator.node.machine.console import Console
from generator.node.machine.machine import Machine, Means
from generator.node.machine.rootfs import RootFs
from generator.node.machine.web import Answer, Unreachable, Web
from generator.node.status import load_status
from generator.node.storage_service import bring_up_storage
from tests.fakes.fake_services import ADDRESS, PEER, VIP

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.fakes.fake_machine import FakeMachine


class FakeCommands(Commands):
    """Commands that the fake machine plays."""

    def __init__(self, fake: FakeMachine, log: io.StringIO) -> None:
        super().__init__(lambda line: print(f"+ {line}", file=log))
        self._fake = fake

    def find(self, program: str) -> str | None:
        """Ask the fake machine."""
        return self._fake.find(program)

    def _execute(self, argv: Sequence[str], timeout: float, text: str = "") -> tuple[int, bytes, bytes]:
        assert timeout > 0
        if text:
            self._fake.load()
            self._fake.state.setdefault("inputs", []).append(text)
            self._fake.save()
        name = argv[0].rpartition("/")[2]
        self._log(" ".join(argv))
        if self._fake.find(name) is None:
            raise CommandFailed(f"the program `{name}` is missing")
        code, output, errors = self._fake.call(list(argv))
        return code, output.encode(), errors.encode()


class FakeWeb(Web):
    """Interfaces that the fake machine plays; remembers what was asked."""

    def __init__(self, fake: FakeMachine) -> None:
        super().__init__()
        self._fake = fake

    def ask(
        self,
        url: str,
        *,
        method: str = "GET",
        token: str | None = None,
        body: object | None = None,
        authority: str | None = None,  # noqa: ARG002 - the interface of Web
    ) -> Answer:
        """Let the fake machine answer."""
        status, text = self._fake.web(method, url, token, body)
        if status == 0:
            raise Unreachable(text)
        return Answer(status, text)

    def accepts(self, address: str, port: int) -> bool:
        """Say what answers: this machine's PostgreSQL, the peer's, the virtual address."""
        assert port == 5432
        if address == ADDRESS:
            return self._fake.is_serving()
        if address == PEER:
            return bool(self._fake.state.get("peer_accepts"))
        assert address == VIP
        return bool(self._fake.state.get("vip_answers", True))


class FakeClock(Clock):
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def wall(self) -> float:
        """Return the moment."""
        return self.now

    def steady(self) -> float:
        """Return the moment."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Move on at once."""
        self.now += seconds


class Run:
    """One run: exit code, journal, status record."""

    def __init__(self, fake: FakeMachine) -> None:
        self.fake = fake
        self.log = io.StringIO()
        self.code = -1

    def open(self) -> Machine:
        """Return the machine as the program opens it."""
        fs = RootFs(str(self.fake.root))
        node = parse_node(fs.read(NODE_JSON) or "")
        means = Means(
            FakeCommands(self.fake, self.log), FakeClock(), FakeWeb(self.fake), Console(fs, self.log)
        )
        return Machine(node, fs, means)

    @property
    def status(self) -> dict[str, Any]:
        """Return status.json."""
        return load_status(RootFs(str(self.fake.root))) or {}

    @property
    def failure(self) -> dict[str, str]:
        """Return the recorded failure."""
        return dict(self.status["failure"])


def run(fake: FakeMachine, until: str | None = None) -> Run:
    """Run the stages in this process."""
    result = Run(fake)
    result.code = run_stages(result.open(), until)
    return result


def boot(fake: FakeMachine) -> Run:
    """Reboot, let systemd start what is enabled, run the stages."""
    fake.reboot()
    if fake.state["units"].get("holster-storage.service", {}).get("enabled"):
        assert bring_up_storage(Run(fake).open()) == 0
    return run(fake)


def run_until_killed(fake: FakeMachine, count: int, moment: str, until: str | None = None) -> bool:
    """Run the stages in a child that is killed at its `count`-th command; return whether that happened."""
    child = os.fork()
    if child == 0:
        fake.kill_at = (len(fake.calls) + count, moment)
        try:
            run(fake, until)
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    fake.load()
    return os.WIFSIGNALED(status)
