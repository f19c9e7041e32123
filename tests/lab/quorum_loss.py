"""Two of three Consul servers are gone: what the primary, its clients and the address do meanwhile."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tests.lab.clients import Client
from tests.lab.consul import list_servers
from tests.lab.rest import PrimaryWatch, ask
from tests.lab.settle import settle
from tests.lab.vip_watch import BOOTING_BLIND_S, VipWatch
from tests.lab.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from generator.lab.cluster import Lab

ROWS: Final = 20
SHORT_S: Final = 10.0
"""A pause that a client notices and a failover would exceed."""


@dataclass(frozen=True, slots=True)
class QuorumLoss:
    """What was seen; seconds."""

    mode: str
    outage: float
    failsafe_after: float
    own_silence: float
    vip_silence: float
    healed: float
    blind: float
    start: float


def lose_quorum(
    lab: Lab,
    folder: Path,
    *,
    stop: Callable[[list[str]], None],
    bring_back: Callable[[list[str]], None],
) -> QuorumLoss:
    """Take two Consul servers away that are not the primary, watch for two lives of the lock, give them back.

    Raises:
        AssertionError: the primary changed, stopped writing, or did not enter failsafe mode, or the address
            did not behave as documented for vip-manager's mode.
    """
    settle(lab)
    client, mode = Client(lab), lab.site.cluster.vip_mode
    primary = lab.cluster_view().leader
    assert primary is not None
    timeline = lab.cluster_view().members[primary].timeline
    victims = [name for name in list_servers(lab) if name != primary][-2:]
    outage = 2.0 * lab.site.cluster.spec.patroni.ttl + 10
    own = Writer(client.at(primary), folder / "ledger-own", f"own-{time.time_ns()}")
    through = Writer(client.through_vip(), folder / "ledger-vip", f"vip-{time.time_ns()}")
    with VipWatch(lab) as addresses, PrimaryWatch(lab) as primaries, own, through:
        own.wait_for_rows(ROWS, 120)
        through.wait_for_rows(ROWS, 120)
        began = time.monotonic()
        stop(victims)
        failsafe_after = wait_for_failsafe(lab, primary, active=True, timeout_s=outage) - began
        time.sleep(max(0.0, outage - (time.monotonic() - began)))
        end = time.monotonic()
        own_silence = own.longest_gap(began, end).seconds
        vip_silence = through.longest_gap(began, end).seconds
        owners = lab.vip_owners()
        assert ask(lab, primary, "/primary").status == 200
        bring_back(victims)
        healed = settle(lab)
        wait_for_failsafe(lab, primary, active=False, timeout_s=60)
        own.wait_for_rows(ROWS, 120)
        through.wait_for_rows(ROWS, 120)
        own.stop()
        through.stop()
        blind = addresses.assert_never_two(BOOTING_BLIND_S)
        start = addresses.longest_start()
    assert own_silence <= SHORT_S, "the primary stays writable at its own address"
    assert owners == ([primary] if mode == "patroni" else []), f"documented for the mode {mode}"
    if mode == "patroni":
        assert {held.node for held in addresses.owners()} == {primary}
        assert vip_silence <= SHORT_S
    assert primaries.primaries() == {primary}
    view = lab.cluster_view()
    assert (view.leader, view.members[primary].timeline) == (primary, timeline)
    for writer, target in ((own, client.at(primary)), (through, client.through_vip())):
        comparison = writer.compare_with(target)
        assert comparison.lost == comparison.unasked == ()
    return QuorumLoss(mode, end - began, failsafe_after, own_silence, vip_silence, healed, blind, start)


def wait_for_failsafe(lab: Lab, primary: str, *, active: bool, timeout_s: float) -> float:
    """Wait until the primary says that failsafe mode is (or is no longer) what keeps it; return the moment.

    Raises:
        AssertionError: it did not say so in time.
    """
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if bool(ask(lab, primary, "/patroni").data.get("failsafe_mode_is_active")) == active:
            return time.monotonic()
        time.sleep(0.5)
    raise AssertionError(f"failsafe mode of {primary} did not become {active} within {timeout_s:.0f} s")


def describe(seen: QuorumLoss) -> dict[str, float | int | str]:
    """Return the figures of the table."""
    return {
        "vip-manager mode": seen.mode,
        "time without quorum": seen.outage,
        "failsafe mode after": seen.failsafe_after,
        "longest time without writes at the primary's own address": seen.own_silence,
        "longest time without writes through the virtual address": seen.vip_silence,
        "whole cluster after the servers' return": seen.healed,
        "longest time between two looks at the owner": seen.blind,
        "longest time from a kernel's start to the first look": seen.start,
    }
