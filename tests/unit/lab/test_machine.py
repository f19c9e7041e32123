"""One machine, with a program in QEMU's place that says what a guest would say."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from generator.errors import ToolFailed
from generator.lab.failure import LabFailed
from generator.lab.qmp import execute
from tests.fakes.qemu_stand_in import Bench

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.starts_python


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """Return a machine that is off."""
    made = Bench(tmp_path)
    yield made
    made.machine.cut_power()


def wait(condition: Callable[[], bool]) -> None:
    """Wait for something that another process does."""
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_power(bench: Bench) -> None:
    """On, again on, off, off again."""
    machine = bench.machine
    assert not machine.is_on
    machine.power_on()
    pid = machine.pid
    machine.power_on()
    assert (machine.is_on, machine.pid) == (True, pid)
    machine.cut_power()
    machine.cut_power()
    assert (machine.is_on, machine.pid) == (False, None)


def test_machine_that_does_not_start_says_why(bench: Bench) -> None:
    """QEMU's own words."""
    bench.write_program(fails=True)
    with pytest.raises(ToolFailed, match="no such disk"):
        bench.machine.power_on()
    assert not bench.machine.is_on


def test_console_of_this_boot_is_told_from_that_of_the_last(bench: Bench) -> None:
    """The file keeps all boots; what is judged is this one."""
    machine = bench.machine
    bench.script.write_text("holster: [storage] begins\nholster: [storage] failed: disk-missing: none\n")
    machine.power_on()
    wait(lambda: machine.watch().outcome == "failed")
    machine.cut_power()
    bench.script.write_text("holster: [storage] begins\n")
    machine.power_on()
    wait(lambda: machine.watch().stage is not None)
    assert machine.watch().outcome is None
    assert machine.console.read_text().count("[storage] begins") == 2


def test_link_is_cut_by_qemu(bench: Bench) -> None:
    """An event in between is no answer; a refusal is an error."""
    bench.machine.power_on()
    bench.machine.set_link(up=False)
    monitor = bench.machine.plan.monitor
    answer = execute(monitor, "set_link", name="nic0", up=True)
    assert answer["arguments"] == {"name": "nic0", "up": True}
    with pytest.raises(LabFailed, match="Device not found"):
        execute(monitor, "set_link", name="other", up=True)
    bench.machine.cut_power()
    with pytest.raises(LabFailed, match="does not answer"):
        bench.machine.set_link(up=True)


def test_machine_is_paused_by_qemu(bench: Bench) -> None:
    """And a machine that is off cannot be."""
    bench.machine.power_on()
    bench.machine.pause()
    bench.machine.resume()
    bench.machine.cut_power()
    with pytest.raises(LabFailed, match="does not answer to stop"):
        bench.machine.pause()


def test_disks_are_touched_only_while_it_is_off(bench: Bench) -> None:
    """QEMU holds them open."""
    machine, content = bench.machine, bench.folder / "content"
    content.write_bytes(b"XFSB")
    before = machine.digest_disk("data")
    machine.put_on_disk("data", content)
    assert machine.digest_disk("data") != before
    assert machine.digest_disk("wal") == before
    machine.power_on()
    with pytest.raises(LabFailed, match="in use"):
        machine.put_on_disk("data", content)
    with pytest.raises(LabFailed, match="in use"):
        machine.digest_disk("data")


def test_swapped_disks_and_seed_count_from_the_next_power_on(bench: Bench) -> None:
    """As with a real machine: somebody has to plug them."""
    machine = bench.machine
    machine.swap_data_disks()
    assert [disk.role for disk in machine.plan.disks] == ["root", "wal", "data"]
    machine.detach_seed()
    assert machine.plan.seed is None
    machine.attach_seed(bench.folder / "other.iso")
    assert machine.plan.seed == bench.folder / "other.iso"


def test_failure_shows_the_end_of_the_console(bench: Bench) -> None:
    """Whoever reads the message has no terminal at the machine."""
    bench.script.write_text("Kernel panic - not syncing: no root\n")
    bench.machine.power_on()
    wait(lambda: bench.machine.watch().has_panicked)
    error = bench.machine.fail("stopped")
    assert "pg1 stopped" in error.message
    assert "Kernel panic - not syncing: no root" in error.message
    assert str(bench.machine.console) in (error.hint or "")
