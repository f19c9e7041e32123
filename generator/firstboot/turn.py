"""Whose turn it is to start Patroni where no member has data yet: the first one's.

A member that starts before there is a leader looks again every `loop_wait` only, and its start
takes the processors that the first one needs.  Whoever starts afterwards finds its leader at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from generator.firstboot.bootstrap import list_filled
from generator.firstboot.patroni_keys import read_key

if TYPE_CHECKING:
    from generator.firstboot.machine import Machine
    from generator.firstboot.node import Patroni

HEAD_START = 30.0
"""Seconds for the first member to begin; it may be the one that is missing."""
BOOTSTRAP = 300.0
"""Seconds for a bootstrap that has begun; Patroni itself tells then why it waits."""


def wait_for_turn(machine: Machine, patroni: Patroni) -> None:
    """Let the first member of the cluster make the database, but wait for nobody who does not come.

    Raises:
        StageFailed: Consul does not tell the key in time.
    """
    first = next(peer.name for peer in machine.node.peers if peer.is_member)
    if first == machine.node.name or list_filled(machine):
        return
    begin = machine.clock.steady()
    while True:
        key = read_key(machine, patroni, "initialize")
        if key is not None and key.value:
            return
        now = machine.clock.steady()
        if now >= min(begin + (HEAD_START if key is None else BOOTSTRAP), machine.deadline):
            return
        machine.note(f"{first} is to make the database" if key is None else "a member makes the database")
        machine.clock.sleep(1.0)
