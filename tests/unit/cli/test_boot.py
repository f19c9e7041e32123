"""`holster boot` and `holster lab`: what they say before any machine starts, and what they show."""

from __future__ import annotations

import io
import os
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING

from rich.console import Console

from generator.cli import boot
from generator.cli.lab_view import LiveView, describe_machine, tabulate_boot
from generator.errors import UsageInvalid
from generator.lab.console import ConsoleLog
from generator.lab.kept import STATE, list_running, reserve
from generator.lab.report import LabReport, NodeReport, StageReport
from generator.tools.qemu import Accelerator

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest

    from tests.unit.cli.conftest import Called

    Holster = Callable[..., Called]


def test_missing_image_is_named_with_the_command_that_makes_it(holster: Holster, sirius: Path) -> None:
    """The first thing that a new user meets."""
    called = holster("boot", str(sirius))
    assert called.code == 2
    assert "output/sirius-image holds no image" in called.err
    assert "holster build" in called.err


def test_unknown_machine_is_named(holster: Holster, sirius: Path) -> None:
    """Before anything is made."""
    called = holster("boot", str(sirius), "--node", "pg9")
    assert called.code == 2
    assert "no such machine: pg9" in called.err


def test_nothing_to_stop(holster: Holster, sirius: Path) -> None:
    """A second `--stop` must not look like a success."""
    called = holster("boot", str(sirius), "--stop")
    assert called.code == 2
    assert "no lab runs in output/sirius-lab" in called.err


def test_two_labs_in_one_folder(holster: Holster, sirius: Path, tmp_path: Path) -> None:
    """The second would replace the disks of the first."""
    with reserve(tmp_path / "output/sirius-lab"):
        for words in (("boot",), ("lab", "report")):
            called = holster(*words, str(sirius))
            assert called.code == 2
            assert "another run uses the lab" in called.err


def test_several_images_are_no_answer(holster: Holster, sirius: Path, tmp_path: Path) -> None:
    """Which one was meant, nobody knows."""
    folder = tmp_path / "images"
    folder.mkdir()
    for name in ("a.qcow2", "b.qcow2"):
        (folder / name).touch()
    called = holster("lab", "report", str(sirius), "--image", str(folder))
    assert called.code == 2
    assert "holds 2 images" in called.err


class FakeMachine:
    """What the view needs of a machine."""

    def __init__(self, text: str = "", at: float = 1.0, *, is_on: bool = True) -> None:
        self.log = ConsoleLog()
        self.log.feed(text, at)
        self.is_on = is_on
        self.on_at: float | None = None


def test_what_a_machine_does_is_told_in_words() -> None:
    """Off, booting, in a stage, waiting, ready."""
    begun = "holster: [consul] begins\n"
    told = [
        describe_machine(machine)  # type: ignore[arg-type]
        for machine in (
            FakeMachine(is_on=False),
            FakeMachine(),
            FakeMachine(begun),
            FakeMachine(f"{begun}holster: [consul] waiting: no leader yet\n"),
            FakeMachine("holster: ready\n"),
        )
    ]
    assert told == ["off", "boots", "consul", "consul: no leader yet", "sealed"]


class FakeLab:
    """What the view needs of a lab."""

    def __init__(self, **nodes: FakeMachine) -> None:
        self.nodes = nodes
        self.on_tick: Callable[[], None] | None = None


def test_without_a_terminal_each_change_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    """A log of CI has no place for lines that move."""
    machine = FakeMachine()
    lab = FakeLab(pg1=machine)
    with LiveView(lab, is_quiet=False):  # type: ignore[arg-type]
        assert lab.on_tick is not None
        lab.on_tick()
        lab.on_tick()
        machine.log.feed("holster: [consul] begins\nholster: [consul] waiting: no leader yet\n", 90.0)
        lab.on_tick()
        machine.log.feed("holster: ready\n", 200.0)
        lab.on_tick()
    assert vars(lab)["on_tick"] is None
    assert capsys.readouterr().err.splitlines() == [
        "[    0 s] pg1: boots",
        "[    0 s] pg1: consul",
        "[  200 s] pg1: sealed",
    ]


def test_quiet_shows_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """As the option says."""
    lab = FakeLab(pg1=FakeMachine())
    with LiveView(lab, is_quiet=True):  # type: ignore[arg-type]
        assert lab.on_tick is None
    assert capsys.readouterr() == ("", "")


NODES = (
    NodeReport(
        "pg1",
        ("consul-server", "postgres"),
        "192.0.2.11",
        250.4,
        (StageReport("preflight", 90.0, 97.4), StageReport("storage", 97.4, 110.0)),
    ),
    NodeReport("consul1", ("consul-server",), "192.0.2.12", None, (StageReport("preflight", 95.0, None),)),
)
REPORT = LabReport(
    cluster="demo",
    platform="debian13",
    vip="192.0.2.100",
    vip_mode="patroni",
    vip_owner="pg1",
    first_row=255.0,
    accelerator="tcg",
    qemu="qemu 7.2",
    processors=2,
    made="2026-01-01T00:00:00Z",
    nodes=NODES,
)


def draw(report: LabReport) -> str:
    """Return the table as text."""
    stream = io.StringIO()
    Console(file=stream, width=200).print(tabulate_boot(report))
    return stream.getvalue()


def test_table_tells_who_has_the_address_and_what_took_how_long() -> None:
    """Seconds to be ready, of the boot before the first stage, of each stage."""
    head, first, second = draw(REPORT).splitlines()
    assert head.split() == ["machine", "roles", "address", "ready", "boot", "preflight", "storage"]
    assert "192.0.2.11 + 192.0.2.100" in first
    assert first.split()[-8:] == ["250", "s", "90", "s", "7", "s", "13", "s"]
    assert second.split()[-5:] == ["-", "95", "s", "-", "-"]


def test_table_without_an_owner() -> None:
    """A lab of Consul servers alone has no address to show."""
    assert "192.0.2.100" not in draw(replace(REPORT, vip_owner=None))


class LabWithoutQemu(FakeLab):
    """A lab whose machines are a flag and a process each: ours."""

    qemu_label = "QEMU"
    accelerator = Accelerator("tcg", "max", "a test")
    is_closed = False
    site = SimpleNamespace(sockets="sockets")

    def close(self) -> None:
        """Remember it."""
        self.is_closed = True

    def start(self, name: str) -> None:
        """Power one on."""
        self.nodes[name].is_on = True

    @property
    def pids(self) -> dict[str, int]:
        """Each machine that is on has our own process."""
        return {name: os.getpid() for name, machine in self.nodes.items() if machine.is_on}


class LabThatStartsNothing(LabWithoutQemu):
    """A lab whose machines stay off."""

    def start(self, name: str) -> None:
        """Fail."""
        raise UsageInvalid(f"the lab cannot give {name} a network card")


def test_nothing_is_kept_where_no_machine_runs(
    holster: Holster, sirius: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lab that failed before its first machine would leave a network behind, and block the next one."""
    lab = LabThatStartsNothing(pg1=FakeMachine(is_on=False))

    monkeypatch.setattr(boot, "open_lab", lambda *_, **__: lab)
    called = holster("boot", str(sirius), "--keep")
    assert called.code == 2
    assert "network card" in called.err
    assert "go on" not in called.err
    assert lab.is_closed


def test_machines_to_be_kept_are_written_down_before_they_are_waited_for(
    holster: Holster, sirius: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They outlive a SIGKILL of ours, and `--stop` must find them then."""
    lab = LabWithoutQemu(pg1=FakeMachine(is_on=False), pg2=FakeMachine(is_on=False))
    place = tmp_path / "output/sirius-lab"
    seen: list[list[str]] = []

    def die(*_: object) -> LabReport:
        seen.append(list_running(place))
        raise KeyboardInterrupt

    monkeypatch.setattr(boot, "open_lab", lambda *_, **__: lab)
    monkeypatch.setattr(boot, "prove_boot", die)
    assert holster("boot", str(sirius), "--keep").code != 0
    assert seen == [["pg1", "pg2"]]
    assert lab.is_closed
    assert not (place / STATE).exists(), "an interruption ended them"
