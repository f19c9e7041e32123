"""The cluster's first moments: is it made, and if nobody makes it any more, begin again.

Patroni marks a bootstrap with the empty key `initialize`, which no session holds.  When the member
that wrote it fails and its deletion is lost, or the answer to its writing, all members wait for each
other for ever.  The key says not whose it is, so it is freed only when that cannot disturb anybody:
for two ttl no member that Consul knows was at work, which is longer than the life of a dead member's
key and two rounds of Patroni together, and either all members say so, or the key is this machine's own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Mapping, NamedTuple

from generator.node.cluster.bootstrap import (
    find_damage,
    find_open_key,
    free_held_key,
    get_held_key,
    is_own_bootstrap,
    list_directories,
    list_filled,
    move_aside,
    record_held_key,
)
from generator.node.cluster.patroni_keys import Key, delete_key, read_keys, read_mapping, read_members

if TYPE_CHECKING:
    from generator.node.facts.node import Patroni
    from generator.node.machine.machine import Machine

PATIENCE = 2
"""How many times ttl nobody may have been at work."""
FAILED = ".failed"
"""What Patroni appends to the directories of a bootstrap that failed; the next failure replaces them."""


class Gap(NamedTuple):
    """What is missing until the cluster is made: a cause, and words."""

    cause: str
    words: str


class Initialisation:
    """Watches the cluster while it is made."""

    def __init__(self, machine: Machine, patroni: Patroni) -> None:
        self._machine = machine
        self._patroni = patroni
        self._was_filled = False
        self._since: dict[str, tuple[int, float]] = {}
        self.is_paused = False

    def watch(self) -> None:
        """Write down whose bootstrap it is as soon as this machine's directories are filled; costs little."""
        is_filled = bool(list_filled(self._machine))
        if is_filled and not self._was_filled:
            record_held_key(self._machine, read_keys(self._machine, self._patroni))
        self._was_filled = is_filled
        self._report_failed()

    def _report_failed(self) -> None:
        machine = self._machine
        left = [f"{path}{FAILED}" for path in list_directories(machine)]
        found = [path for path in left if machine.fs.at(path).exists()]
        if found:
            machine.warn(
                f"a bootstrap failed; Patroni kept what it had made as {' and '.join(found)}:"
                " remove it when the cluster is ready"
            )

    def advance(self) -> Gap | None:
        """Return what is missing until the cluster is made, None when nothing is; end what nobody works at.

        Raises:
            StageFailed: Consul does not answer in time.
            CommandFailed: Patroni cannot be stopped or started.
        """
        machine, patroni = self._machine, self._patroni
        keys = read_keys(machine, patroni)
        self.is_paused = read_mapping(keys, "config").get("pause") is True
        if is_own_bootstrap(machine):
            damage = find_damage(machine)
            key = find_open_key(keys)
            index = key.changed_at if key else 0
            if self._lasts("damage", 0, is_true=damage is not None and self._is_own_idle(keys)):
                move_aside(machine, keys, str(damage))
                free_held_key(machine, patroni, keys)
                machine.commands.run("systemctl", "start", "--no-block", machine.node.units.patroni)
                self._since.clear()
            elif self._lasts("key", index, is_true=key is not None and self._is_abandoned(keys, key)):
                delete_key(machine, patroni, "initialize", index)
                machine.warn("the empty key initialize was deleted: nobody worked at the bootstrap any more")
        return _find_gap(keys, patroni)

    def _lasts(self, name: str, index: int, *, is_true: bool) -> bool:
        """Say whether something has been true of the same thing at every look for long enough."""
        now = self._machine.clock.steady()
        if not is_true:
            self._since.pop(name, None)
            return False
        if self._since.get(name, (None, now))[0] != index:
            self._since[name] = (index, now)
        return now - self._since[name][1] >= PATIENCE * self._patroni.ttl

    def _is_own_idle(self, keys: Mapping[str, Key]) -> bool:
        own = [member for member in read_members(keys) if member.name == self._patroni.member]
        return bool(own) and own[0].is_idle

    def _is_abandoned(self, keys: Mapping[str, Key], key: Key) -> bool:
        members = read_members(keys)
        if list_filled(self._machine) or not all(member.is_idle for member in members):
            return False
        are_all_empty = len(members) >= self._patroni.members and all(member.is_empty for member in members)
        return are_all_empty or get_held_key(self._machine) == key.changed_at


def _find_gap(keys: Mapping[str, Key], patroni: Patroni) -> Gap | None:
    key, leader, count = keys.get("initialize"), keys.get("leader"), patroni.members
    if leader is not None and not leader.is_held:
        # Patroni's own goes with its session; this one was put there by hand, or by a restored snapshot.
        words = f"the key leader names {leader.value}, but no session holds it, so that nobody can take it"
        return Gap("leader-stale", f"{words}: `consul kv delete {patroni.key('leader')}`")
    if leader is not None:
        return None if key is not None and key.value else Gap("patroni-down", "the cluster has no id yet")
    if key is None:
        return Gap("patroni-down", "no member has begun to make the cluster")
    if not key.value:
        return Gap("patroni-waits-for-leader", "the cluster is not made yet")
    members = read_members(keys)
    if len(members) >= count and all(member.is_empty for member in members):
        return Gap("data-missing", f"the cluster {key.value} was made, but no member has its data")
    known = ", ".join(f"{member.name} ({member.state})" for member in members)
    words = f"the cluster has no leader; of {count} members there are: {known or 'none'}{_name_heirs(keys)}"
    return Gap("leader-missing", words)


def _name_heirs(keys: Mapping[str, Key]) -> str:
    """Say who alone may lead, where the key `sync` says it: others lack rows that were acknowledged."""
    sync = read_mapping(keys, "sync")
    names = f"{sync.get('leader') or ''},{sync.get('sync_standby') or ''}".split(",")
    heirs = ", ".join(dict.fromkeys(name for name in names if name))
    return f"; without a loss only these may lead: {heirs}" if heirs else ""
