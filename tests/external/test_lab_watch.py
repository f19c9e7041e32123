"""The lab's watcher with this machine in the place of the guests; program, kernel and pipes are real."""

from __future__ import annotations

import os
import sys
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from tests.lab import guest_stream
from tests.lab.sightings import LONGEST_BLIND_S, list_held, longest_blind
from tests.lab.vip_watch import HAS, HAS_NOT, VipWatch

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from generator.lab.cluster import Lab

pytestmark = pytest.mark.external


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Start the program here instead of over SSH, and without this machine's systemd."""
    for name in ("systemctl", "systemd-run"):
        program = tmp_path / name
        program.write_text("#!/bin/sh\nexit 1\n")
        program.chmod(0o755)
    (tmp_path / "python3").symlink_to(sys.executable)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(guest_stream, "FOLDER", str(tmp_path))

    def start_here(_: object, command: Sequence[str]) -> list[str]:
        assert command[0] == "sh"
        return list(command)

    monkeypatch.setattr(guest_stream, "list_ssh_words", start_here)


def make_machines() -> dict[str, SimpleNamespace]:
    """Return two machines that are on; both are this one, and share what samples it."""
    return {name: SimpleNamespace(name=name, is_on=True, on_at=1.0) for name in ("one", "two")}


def make_lab(vip: str, machines: dict[str, SimpleNamespace]) -> Lab:
    """Return what a watch asks of a lab."""
    return cast("Lab", SimpleNamespace(vip=vip, nodes=machines))


@pytest.mark.parametrize(("address", "value"), [("127.0.0.1", HAS), ("192.0.2.77", HAS_NOT)])
def test_the_kernel_says_whether_an_address_is_here(address: str, value: str) -> None:
    """Several times a second, without a blind spot."""
    with VipWatch(make_lab(address, make_machines())) as watch:
        time.sleep(3)
    sightings = watch.stream.sightings()
    assert {sighting.value for sighting in sightings} == {value}
    assert {sighting.node for sighting in sightings} == {"one", "two"}
    assert len(sightings) >= 12
    assert longest_blind(sightings) <= LONGEST_BLIND_S


def test_two_machines_with_the_address_fail_the_watch() -> None:
    """Both machines are this one, so that both have it: the watch must say so."""
    with VipWatch(make_lab("127.0.0.1", make_machines())) as watch:
        time.sleep(3)
        with pytest.raises(AssertionError, match="two owners"):
            watch.assert_never_two()


def test_a_machine_that_nobody_listens_to_is_still_watched() -> None:
    """The connection goes and comes, and the machine runs on: one stretch, without a blind spot."""
    machines = make_machines()
    with VipWatch(make_lab("127.0.0.1", machines), ["one"]) as watch:
        time.sleep(2)
        machines["one"].is_on = False
        time.sleep(2)
        machines["one"].is_on = True
        assert watch.assert_never_two() <= LONGEST_BLIND_S
    held = list_held(watch.stream.sightings(), HAS)
    assert len(held) == 1
    assert held[0].end - held[0].start > 3
