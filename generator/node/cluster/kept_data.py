"""Volumes that hold a database of which Consul knows nothing: who may begin with it.

The data disks were kept and the root disks, with Consul's data, were not; or the data
comes from an installation before Holster.  Patroni would let any member lead that comes
first, also one whose copy is older: what the others have beyond it would be rewound.
Which copy is the newest, only an operator can say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Mapping

from generator.node.causes import StageFailed
from generator.node.cluster.bootstrap import get_data_directory, is_own_bootstrap, list_filled
from generator.node.cluster.patroni_keys import Key, delete_key, read_keys, write_key
from generator.node.machine.machine import STATE_DIR, Machine

if TYPE_CHECKING:
    from generator.node.facts.node import Patroni

LEAD = f"{STATE_DIR}/lead"
"""Made by the operator on the one member that shall begin."""
LED = ("leader", "status", "optime/leader")
"""Keys that only a leader writes; the last one before Patroni 2.1."""
KEPT = "kept/"
"""Folder of a key for each member that has data; Patroni does not read it, `patronictl remove` clears it."""
CONTROL_FIELDS = {
    "Database cluster state": "state",
    "Latest checkpoint's TimeLineID": "timeline",
    "Latest checkpoint location": "checkpoint",
    "Minimum recovery ending location": "recovered to",
}


def announce_kept_data(machine: Machine, patroni: Patroni) -> None:
    """Tell the members without data that this one has some: they would make an empty database.

    A member whose volumes were cleared in the meantime takes back what it said.

    Raises:
        StageFailed: Consul does not answer in time.
    """
    keys = read_keys(machine, patroni)
    name = f"{KEPT}{patroni.member}"
    has_data = bool(list_filled(machine)) and not is_own_bootstrap(machine)
    if has_data and name not in keys and not is_led(keys):
        write_key(machine, patroni, name, machine.node.instance_id)
    elif not has_data and name in keys:
        delete_key(machine, patroni, name, keys[name].changed_at)


def wait_for_kept_data(machine: Machine, patroni: Patroni) -> None:
    """Wait, without data, while another member has some and the cluster is not begun there.

    An operator who wants an empty cluster says so as one who names the member that begins.

    Raises:
        StageFailed: the deadline came before.
    """

    def probe() -> str | None:
        keys = read_keys(machine, patroni)
        names = [name[len(KEPT) :] for name in keys if name.startswith(KEPT)]
        is_begun = is_led(keys) or bool(keys.get("initialize", Key("", 0)).value)
        if not names or is_begun or machine.fs.at(LEAD).exists():
            return None
        return (
            f"the volumes of {', '.join(names)} hold a database, and the cluster is to begin there; a member"
            f" that is gone for good: `consul kv delete {patroni.key(KEPT)}NAME`"
        )

    machine.wait(probe, lambda missing: StageFailed("cluster-unknown", missing))


def wait_for_leader_of_kept_data(machine: Machine, patroni: Patroni) -> bool:
    """Wait, with data that this first boot did not make, until the cluster is known or this member may lead.

    Returns:
        Whether this member begins the cluster with its data.

    Raises:
        StageFailed: the deadline came before.
    """
    if is_own_bootstrap(machine) or not list_filled(machine):
        return False
    described: list[str] = []

    def probe() -> str | None:
        if patroni.members == 1 or machine.fs.at(LEAD).exists() or is_led(read_keys(machine, patroni)):
            return None
        if not described:
            described.append(_describe_control(machine, patroni))
        return (
            f"the volumes hold a database, but Consul knows no cluster {patroni.scope},"
            f" and not which member led last; here: {described[0]}"
        )

    machine.wait(probe, lambda missing: StageFailed("cluster-unknown", missing))
    return not is_led(read_keys(machine, patroni))


def is_led(keys: Mapping[str, Key]) -> bool:
    """Say whether the cluster has, or had, a leader.

    Not `initialize`: who begins writes it before it leads, and another copy could win the lock then.
    """
    return any(name in LED for name in keys)


def _describe_control(machine: Machine, patroni: Patroni) -> str:
    program = str(machine.fs.at(f"{patroni.bin_dir}/pg_controldata"))
    done = machine.commands.ask(program, "-D", str(machine.fs.at(get_data_directory(machine))))
    if not done.is_fine:
        return done.describe()
    fields = dict(line.split(":", 1) for line in done.output.splitlines() if ":" in line)
    return ", ".join(
        f"{words} {fields[name].strip()}" for name, words in CONTROL_FIELDS.items() if name in fields
    )
