"""The programs of the lab, each asked for real: QEMU takes our arguments, ssh talks to a real sshd."""

from __future__ import annotations

import getpass
import os
import signal
import socket
import time
from ipaddress import IPv4Address, IPv4Network
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from generator.errors import ToolFailed
from generator.lab.disks import make_blank
from generator.lab.network import Cable, Forward, list_gate_arguments
from generator.lab.qemu_arguments import DiskPart, MachinePlan, list_machine_arguments
from generator.lab.qmp import execute
from generator.lab.wiring import Wiring
from generator.tools import programs
from generator.tools.background import Background, read_start
from generator.tools.process import Command
from generator.tools.qemu import Accelerator, make_overlay, read_format
from generator.tools.ssh import Connection, Target
from generator.tools.ssh_keygen import make_key_pair

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from generator.tools.toolbox import Tool, ToolBox

pytestmark = pytest.mark.external


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait(condition: Callable[[], bool], beside: Background, seconds: float = 20) -> None:
    """Wait for something that a program beside us does."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert beside.is_alive, beside.read_output()
        assert time.monotonic() < deadline, beside.read_output()
        time.sleep(0.05)


def answers(port: int) -> bool:
    """Say whether somebody listens there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def qemu(tool: Callable[..., Path], toolbox: ToolBox) -> Tool:
    """Return QEMU."""
    tool("qemu-system-x86_64")
    return toolbox.find(programs.QEMU)


def test_qemu_takes_the_arguments_of_a_machine(
    qemu: Tool, toolbox: ToolBox, tool: Callable[..., Path], tmp_path: Path
) -> None:
    """Disks, serial numbers, WWN, card, console, entropy: every device is there."""
    tool("qemu-img")
    base = tmp_path / "base.raw"
    make_blank(base, 16)
    qemu_img = toolbox.find(programs.QEMU_IMG)
    golden, root = tmp_path / "golden.qcow2", tmp_path / "root,1.qcow2"
    beside = Background(
        Command([qemu_img.path, "convert", "-O", "qcow2", base, golden], "make an image"), tmp_path / "log"
    )
    assert beside.wait(30) == 0, beside.read_output()
    make_overlay(qemu_img, golden, root)
    assert read_format(qemu_img, root) == ("qcow2", 16 << 20)
    for name in ("data", "wal", "seed"):
        make_blank(tmp_path / name, 1)
    plan = MachinePlan(
        name="pg1",
        memory_mib=128,
        cpus=1,
        mac="52:54:00:77:00:11",
        interface="enp0s8",
        cable=Cable(free_port(), free_port()),
        disks=(
            DiskPart("root", root, "qcow2", serial="holster-root"),
            DiskPart("data", tmp_path / "data", "raw", serial="DATA"),
            DiskPart("wal", tmp_path / "wal", "raw", wwn="0x5000c500a1b2c3d4"),
        ),
        seed=tmp_path / "seed",
        boot=None,
        firmware="bios",
        console=tmp_path / "console.log",
        monitor=tmp_path / "m",
    )
    arguments = list_machine_arguments(plan, Accelerator("tcg", "max,-cx16,-la57", "as asked"))
    machine = Background(Command([qemu.path, *arguments], "start a machine"), tmp_path / "qemu.log")
    try:
        wait(plan.monitor.exists, machine)
        blocks = {item["device"] for item in execute(plan.monitor, "query-block")}
        assert blocks == {"root", "data", "wal", "seed"}
        execute(plan.monitor, "set_link", name="nic0", up=False)
        cards = execute(plan.monitor, "human-monitor-command", **{"command-line": "info network"})
        assert "nic0" in cards
        assert "user" not in cards
        devices = execute(plan.monitor, "human-monitor-command", **{"command-line": "info qtree"})
        assert "dev: i6300esb" in devices
        assert "noreboot = false" in devices, "else the board's own watchdog runs out without a reset"
        for command, is_running in (("stop", False), ("cont", True)):
            execute(plan.monitor, command)
            assert execute(plan.monitor, "query-status")["running"] is is_running
    finally:
        machine.kill()


def test_gate_listens_on_loopback_only(qemu: Tool, tmp_path: Path) -> None:
    """And is QEMU's user network with everything closed."""
    port, monitor = free_port(), tmp_path / "m"
    part = IPv4Network("10.77.0.224/28")
    forwards = [Forward(port, IPv4Address("10.77.0.11"), 22)]
    arguments = list_gate_arguments(part, Cable(free_port(), free_port()), forwards, monitor)
    gate = Background(Command([qemu.path, *arguments], "start a gate"), tmp_path / "log")
    try:
        wait(monitor.exists, gate)
        wait(lambda: answers(port), gate)
        shown = execute(monitor, "human-monitor-command", **{"command-line": "info network"})
        assert "restrict=on" in shown
        assert "net=10.77.0.224" in shown
        # A machine that is stopped takes no frames, and so would the gate.
        assert execute(monitor, "query-status")["running"]
    finally:
        gate.kill()


class Server:
    """An sshd of our own on loopback."""

    def __init__(self, folder: Path, sshd: Path, keygen: Tool) -> None:
        self.folder = folder
        self.port = free_port()
        self._sshd = sshd
        self._keygen = keygen
        self._process: Background | None = None
        self.key = folder / "key"
        make_key_pair(keygen, self.key)
        self.start()

    def start(self) -> None:
        """Start it with a new host key."""
        host_key = self.folder / "host_key"
        for path in (host_key, host_key.with_name("host_key.pub")):
            path.unlink(missing_ok=True)
        make_key_pair(self._keygen, host_key)
        config = self.folder / "sshd_config"
        config.write_text(
            f"ListenAddress 127.0.0.1\nPort {self.port}\nHostKey {host_key}\nPidFile none\n"
            f"AuthorizedKeysFile {self.key}.pub\nStrictModes no\nUsePAM no\n"
            "PasswordAuthentication no\nPermitRootLogin yes\n"
        )
        argv: list[str | Path] = [self._sshd, "-D", "-e", "-f", config]
        self._process = Background(Command(argv, "start sshd"), self.folder / "sshd.log")
        wait(lambda: answers(self.port), self._process)

    def stop(self) -> None:
        """End it with its connections."""
        if self._process is not None:
            self._process.kill()


@pytest.fixture
def server(tool: Callable[..., Path], toolbox: ToolBox, tmp_path: Path) -> Iterator[Server]:
    """Return a running sshd."""
    if not os.path.isdir("/run/sshd"):  # noqa: PTH112 -- a fixed path of sshd
        pytest.skip("outside tool absent: sshd's folder /run/sshd (package openssh-server, started once)")
    tool("ssh-keygen")
    made = Server(tmp_path, tool("sshd"), toolbox.find(programs.SSH_KEYGEN))
    yield made
    made.stop()


@pytest.fixture
def connection(
    server: Server, tool: Callable[..., Path], toolbox: ToolBox, tmp_path: Path
) -> Iterator[Connection]:
    """Return a connection that is not open yet."""
    tool("ssh")
    target = Target(
        name="pg1",
        host="127.0.0.1",
        port=server.port,
        user=getpass.getuser(),
        key=server.key,
        known_hosts=tmp_path / "known_hosts",
        control=tmp_path / "c",
    )
    made = Connection(toolbox.find(programs.SSH), target, tmp_path / "ssh.log")
    yield made
    made.close()


def test_arguments_arrive_as_they_are(connection: Connection) -> None:
    """A shell on the other side must not change them; exit codes and both streams come back."""
    odd = ["a b", "$HOME", "it's", '"', "*", ""]
    answer = connection.run(["printf", "<%s>", *odd], timeout_s=20, check=True)
    assert answer.stdout == "<a b><$HOME><it's><\"><*><>"
    failed = connection.run(["sh", "-c", "echo no >&2; exit 3"], timeout_s=20, check=False)
    assert (failed.exit_code, failed.stderr) == (3, "no\n")
    with pytest.raises(ToolFailed, match="exit code 3"):
        connection.run(["sh", "-c", "exit 3"], timeout_s=20, check=True)


def test_secrets_go_through_standard_input(connection: Connection) -> None:
    """And come back in no message."""
    answer = connection.run(["cat"], timeout_s=20, check=True, stdin=b"hunter22\n", secrets=("hunter22",))
    assert answer.stdout == "[redacted]\n"


def test_another_host_key_is_refused(connection: Connection, server: Server) -> None:
    """Scenario 10 rests on it: a machine with new host keys must not pass for the old one."""
    connection.run(["true"], timeout_s=20, check=True)
    server.stop()
    server.start()
    connection.close()
    with pytest.raises(ToolFailed, match=r"(?i)host key verification failed|host identification has changed"):
        connection.run(["true"], timeout_s=20, check=True)
    connection.forget_host_key()
    connection.run(["true"], timeout_s=20, check=True)


def test_connection_is_opened_again_after_it_broke(connection: Connection, server: Server) -> None:
    """A machine that was rebooted."""
    connection.run(["true"], timeout_s=20, check=True)
    connection.close()
    assert connection.run(["echo", "again"], timeout_s=20, check=True).stdout == "again\n"
    server.stop()
    connection.close()
    with pytest.raises(ToolFailed, match="could not log in to pg1"):
        connection.run(["true"], timeout_s=20, check=True)


def test_wiring_is_started_once_and_ends_whole(qemu: Tool, tmp_path: Path) -> None:
    """What runs is not started again, what is gone is."""
    cables = {name: Cable(free_port(), free_port()) for name in ("pg1", "pg2", "gate")}
    forward = Forward(free_port(), IPv4Address("10.77.0.11"), 22)
    site = SimpleNamespace(
        folder=tmp_path,
        sockets=tmp_path,
        gate=IPv4Network("10.77.0.224/28"),
        gate_cable=cables.pop("gate"),
        plans={name: SimpleNamespace(cable=cable) for name, cable in cables.items()},
        forwards={("10.77.0.11", 22): forward},
    )
    wiring = Wiring(site, qemu, outlives=False)  # type: ignore[arg-type]
    try:
        wiring.start()
        pids = wiring.pids
        assert set(pids) == {"switch", "gate"}
        wiring.start()
        assert wiring.pids == pids
        os.kill(pids["gate"], signal.SIGKILL)
        # Not its port: the kernel closes that before the process counts as ended.
        os.waitid(os.P_PID, pids["gate"], os.WEXITED | os.WNOWAIT)
        wiring.start()
        assert wiring.pids["switch"] == pids["switch"]
        assert wiring.pids["gate"] != pids["gate"]
    finally:
        wiring.close()
    assert wiring.pids == {}
    assert read_start(pids["switch"]) is None
