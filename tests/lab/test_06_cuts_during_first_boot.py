"""Scenario 6: the power fails at random moments of the first boot, again and again."""

from __future__ import annotations

import secrets
import sys
import time
from typing import TYPE_CHECKING, Final

import pytest

from tests.lab.clients import Client
from tests.lab.figures import record
from tests.lab.random_cuts import draw_cuts, read_stage
from tests.lab.settle import settle
from tests.lab.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from generator.lab.cluster import Lab

pytestmark = pytest.mark.lab

CUTS: Final = 5
SEALED_S: Final = 2400.0


def list_unsealed(lab: Lab) -> set[str]:
    """Return the machines whose first boot is under way, as their consoles tell; logging in takes long."""
    return {name for name, machine in lab.nodes.items() if machine.watch().outcome != "sealed"}


def test_first_boot_survives_power_cuts_at_random_moments(
    fresh: Callable[[str], Lab], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """However often it is interrupted: with power again, every machine ends sealed."""
    given = request.config.getoption("--lab-seed")
    seed = secrets.randbelow(1_000_000) if given is None else int(given)
    sys.stdout.write(f"\nseed {seed}: repeat with --lab-seed {seed}\n")
    lab = fresh("trio")
    cuts = draw_cuts(seed, list(lab.nodes), CUTS)
    began = time.monotonic()
    lab.start()
    seen: list[str] = []
    for cut in cuts:
        time.sleep(cut.after_s)
        victims = cut.choose(list_unsealed(lab))
        assert victims, f"the first boot was over after {len(seen)} cuts; seed {seed}"
        stages = {name: read_stage(lab.nodes[name].console) for name in victims}
        for name in victims:
            lab.nodes[name].cut_power()
        seen.append(", ".join(f"{name} in {stage}" for name, stage in stages.items()))
        sys.stdout.write(f"cut {len(seen)} at {time.monotonic() - began:.0f} s: {seen[-1]}\n")
        time.sleep(cut.off_s)
        lab.start(*victims)
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
        "power cuts at random moments of the first boot: with power again, every machine ended sealed",
        {
            "seed": seed,
            **{f"cut {number}": text for number, text in enumerate(seen, 1)},
            "last power-on to all sealed": sealed,
            "warnings": "; ".join(aside) or "none",
        },
    )
