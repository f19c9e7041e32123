"""Volumes that hold a database of which Consul knows nothing: who may begin with it.

The data disks were kept and the root disks, with Consul's data, were not; or the data
comes from an installation before Holster.  Patroni would let any member lead that comes
first, also one whose copy is older: what the others have beyond it would be rewound.
Which copy is the newest, only an operator can say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from generator.firstboot.bootstrap import get_data_directory, is_own_bootstrap, list_filled
from generator.firstboot.causes import StageFailed
from generator.firstboot.machine import STATE_DIR, Machine
from generator.firstboot.patroni_keys import read_keys

if TYPE_CHECKING:
    from generator.firstboot.node import Patroni

LEAD = f"{STATE_DIR}/lead"
"""Made by the operator on the one member that shall begin."""
LED = ("leader", "status", "optime/leader")
"""Keys that only a leader writes; the last one before Patroni 2.1."""
CONTROL_FIELDS = {
    "Database cluster state": "state",
    "Latest checkpoint's TimeLineID": "timeline",
    "Latest checkpoint location": "checkpoint",
    "Minimum recovery ending location": "recovered to",
}


def wait_for_leader_of_kept_data(machine: Machine, patroni: Patroni) -> None:
    """Wait, with data that this first boot did not make, until the cluster is known or this member may lead.

    Raises:
        StageFailed: the deadline came before.
    """
    if patroni.members == 1 or is_own_bootstrap(machine) or not list_filled(machine):
        return
    described: list[str] = []

    def probe() -> str | None:
        if machine.fs.at(LEAD).exists():
            return None
        # Not `initialize`: who begins writes it before it leads, and another copy could win the lock then.
        if any(name in LED for name in read_keys(machine, patroni)):
            return None
        if not described:
            described.append(_describe_control(machine, patroni))
        return (
            f"the volumes hold a database, but Consul knows no cluster {patroni.scope},"
            f" and not which member led last; here: {described[0]}"
        )

    machine.wait(probe, lambda missing: StageFailed("cluster-unknown", missing))


def _describe_control(machine: Machine, patroni: Patroni) -> str:
    program = str(machine.fs.at(f"{patroni.bin_dir}/pg_controldata"))
    done = machine.commands.ask(program, "-D", str(machine.fs.at(get_data_directory(machine))))
    if not done.is_fine:
        return done.describe()
    fields = dict(line.split(":", 1) for line in done.output.splitlines() if ":" in line)
    return ", ".join(
        f"{words} {fields[name].strip()}" for name, words in CONTROL_FIELDS.items() if name in fields
    )
