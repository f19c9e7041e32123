"""Whose turn it is to start Patroni where no member has data yet: the first one's.

A member that starts before there is a leader looks again every `loop_wait` only, and its start
takes the processors that the first one needs.  Whoever starts afterwards finds its leader at once.
On a slow machine Patroni itself takes its time to start; there it starts while the first one ends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from generator.node.cluster.bootstrap import list_filled
from generator.node.cluster.initialisation import PATIENCE
from generator.node.cluster.kept_data import wait_for_kept_data
from generator.node.cluster.patroni_keys import read_keys, read_members

if TYPE_CHECKING:
    from generator.node.facts.node import Patroni, Peer
    from generator.node.machine.machine import Machine

HEAD_START = 30.0
"""Seconds for the first member to begin; it may be the one that is missing."""
BOOTSTRAP = 300.0
"""Seconds for a bootstrap that has begun; Patroni itself tells then why it waits."""
SLOW = 10.0
"""Seconds of a bootstrap from which on Patroni's own start takes longer than what follows PostgreSQL's.

That is also how long a member waits that comes too early (Patroni's `loop_wait`).
Measured under emulation: 21 s until PostgreSQL listens, 6 s more until it leads, 7 to 13 s for a start.
"""


def wait_for_turn(machine: Machine, patroni: Patroni) -> None:
    """Let the first member of the cluster make the database, but wait for nobody who does not come.

    Raises:
        StageFailed: Consul does not tell the key in time, or another member has data and does not begin.
    """
    if list_filled(machine):
        return
    members = [peer for peer in machine.node.peers if peer.is_member]
    # A payload of an older render names nobody.
    first = next((peer for peer in members if peer.name == patroni.first), members[0])
    wait_for_kept_data(machine, patroni)
    if first.name != machine.node.name:
        _wait_for(machine, patroni, first)
        wait_for_kept_data(machine, patroni)


def _wait_for(machine: Machine, patroni: Patroni, first: Peer) -> None:
    begin = machine.clock.steady()
    begun: float | None = None
    worked_at = begin
    while True:
        now = machine.clock.steady()
        keys = read_keys(machine, patroni)
        key = keys.get("initialize")
        if key is None or any(not member.is_idle for member in read_members(keys)):
            worked_at = now
        if now - worked_at >= PATIENCE * patroni.ttl:
            # Whose bootstrap it was can be seen only when all members are there.
            return
        if key is None:
            words, latest = f"{first.name} is to make the database", begin + HEAD_START
        else:
            begun = now if begun is None else begun
            is_slow = now - begun >= SLOW
            if key.value or (is_slow and machine.web.accepts(first.address, patroni.postgresql_port)):
                return
            words, latest = "a member makes the database", begin + BOOTSTRAP
        if now >= min(latest, machine.deadline):
            return
        machine.note(words)
        machine.clock.sleep(1.0)
