"""Scenario 6: the power fails in the stages of the first boot, at random moments, again and again."""

from __future__ import annotations

import secrets
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

import pytest

from tests.lab.clients import Client
from tests.lab.figures import record
from tests.lab.random_cuts import EARLY, describe_moment, draw_cuts, list_missed
from tests.lab.settle import settle
from tests.lab.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from generator.lab.cluster import Lab
    from generator.lab.console import ConsoleLog
    from tests.lab.random_cuts import Cut

pytestmark = pytest.mark.lab

STAGE_S: Final = 900.0
"""A boot takes up to three minutes under emulation, and the stage verify waits for all."""
POLL_S: Final = 0.2
SEALED_S: Final = 2400.0


def read_consoles(lab: Lab) -> dict[str, ConsoleLog]:
    """Return what every machine's console told since its power-on.

    Raises:
        LabFailed: a machine refused, or its kernel panicked: no power cut may bring that about.
    """
    logs = {name: machine.watch() for name, machine in lab.nodes.items()}
    for name, log in logs.items():
        if log.has_panicked or log.outcome == "refused":
            raise lab.nodes[name].fail("did not survive a power cut")
    return logs


def wait_for_victims(lab: Lab, cut: Cut, offset_s: float) -> list[str]:
    """Return the machines to cut, at the moment at which they are to be cut.

    Raises:
        AssertionError: no machine came to the stage.
        LabFailed: a machine refused, or its kernel panicked.
    """
    if cut.stage == EARLY:
        victim = cut.order[0]
        time.sleep(offset_s)
        return cut.choose(victim, read_consoles(lab))
    deadline = time.monotonic() + STAGE_S
    while (found := cut.find_victim(logs := read_consoles(lab))) is None:
        moments = {name: describe_moment(log) for name, log in logs.items()}
        assert time.monotonic() < deadline, f"no machine came to the stage {cut.stage}: {moments}"
        if set(moments.values()) == {"sealed"}:
            # The last stage is over in a second: then the power goes right after it.
            assert cut.stage == "seal", f"all are sealed before the stage {cut.stage}"
            found = cut.order[0]
            break
        time.sleep(POLL_S)
    time.sleep(offset_s)
    return cut.choose(found, read_consoles(lab))


def cut_power(lab: Lab, names: list[str]) -> dict[str, str]:
    """Cut the power of machines side by side; return where the first boot of each was by its console."""
    with ThreadPoolExecutor(len(names)) as pool:
        for done in [pool.submit(lab.nodes[name].cut_power) for name in names]:
            done.result()
    # Afterwards: what was told up to the cut is in the file.
    return {name: describe_moment(lab.nodes[name].watch()) for name in names}


def test_first_boot_survives_power_cuts_at_random_moments(
    fresh: Callable[[str], Lab], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """However often it is interrupted: with power again, every machine ends sealed."""
    given = request.config.getoption("--lab-seed")
    seed = secrets.randbelow(1_000_000) if given is None else int(given)
    sys.stdout.write(f"\nseed {seed}: repeat with --lab-seed {seed}\n")
    lab = fresh("trio")
    began = time.monotonic()
    lab.start()
    seen: list[str] = []
    stages: list[str] = []
    for cut in draw_cuts(seed, list(lab.nodes)):
        for offset_s in cut.offsets:
            victims = wait_for_victims(lab, cut, offset_s)
            moment = time.monotonic() - began
            moments = cut_power(lab, victims)
            stages += moments.values()
            seen.append(", ".join(f"{name} in {stage}" for name, stage in moments.items()))
            sys.stdout.write(f"cut {len(seen)} at {moment:.0f} s, for {cut.stage}: {seen[-1]}\n")
            sys.stdout.flush()
            time.sleep(cut.off_s)
            lab.start(*victims)
            if cut.stage in moments.values():
                break
    assert list_missed(stages) == [], f"no cut was there: {seen}; seed {seed}"
    last = time.monotonic()
    lab.wait_sealed(timeout_s=SEALED_S)
    sealed = time.monotonic() - last
    settle(lab)
    client = Client(lab)
    with Writer(client.through_vip(), tmp_path / "ledger", f"cuts-{time.time_ns()}") as writer:
        writer.wait_for_rows(20, 120)
    comparison = writer.compare_with(client.through_vip())
    assert comparison.lost == comparison.unasked == ()
    aside = [
        f"{name}: {warning}" for name, machine in lab.nodes.items() for warning in machine.status().warnings
    ]
    record(
        6,
        "power cuts in the stages of the first boot: with power again, every machine ended sealed",
        {
            "seed": seed,
            **{f"cut {number}": text for number, text in enumerate(seen, 1)},
            "last power-on to all sealed": sealed,
            "warnings": "; ".join(aside) or "none",
        },
    )
