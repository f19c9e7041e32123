"""The proof: boot the whole cluster, write a row through the virtual address, boot bare beside it."""

from __future__ import annotations

import os
import secrets
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from generator.lab.failure import LabFailed
from generator.lab.report import LabReport, NodeReport, list_stages
from generator.lab.seeds import make_empty_seed
from generator.layout import SEED_ISO

if TYPE_CHECKING:
    from generator.lab.cluster import Lab
    from generator.resolve.cluster import ResolvedNode

WRITE: Final = """
CREATE TABLE IF NOT EXISTS holster_lab_first_row (word text);
INSERT INTO holster_lab_first_row VALUES ('{word}') RETURNING word;
"""
READ: Final = """
SELECT word FROM holster_lab_first_row WHERE word = '{word}';
DROP TABLE holster_lab_first_row;
"""


def list_roles(node: ResolvedNode) -> tuple[str, ...]:
    """Return the roles of a machine by the names of the spec."""
    roles = (("consul-server", node.is_server), ("postgres", node.is_member))
    return tuple(role for role, has in roles if has)


def prove_boot(lab: Lab, timeout_s: float) -> LabReport:
    """Power all machines on, wait until all are ready, write and read a row; return what it took.

    Raises:
        LabFailed: a machine did not become ready, with its cause; the row did not come back.
    """
    lab.start()
    lab.wait_ready(timeout_s=timeout_s)
    owner, first_row = (None, None) if lab.vip is None else write_first_row(lab)
    return describe_boot(lab, owner, first_row)


def write_first_row(lab: Lab) -> tuple[str, float]:
    """Write a row through the virtual address from a machine that does not hold it, and read it back.

    Returns:
        The machine with the address, and the seconds from the first power on to the answer.

    Raises:
        LabFailed: not exactly one machine has the address, or another row came back.
        ToolFailed: the statement failed.
    """
    owners = lab.vip_owners()
    if len(owners) != 1:
        raise LabFailed(f"{lab.vip} is on {', '.join(owners) or 'no machine'}; it must be on one")
    members = [name for name, node in lab.site.nodes.items() if node.is_member and lab.nodes[name].is_on]
    # A cluster of one machine has no other.
    writer = next((name for name in members if name not in owners), owners[0])
    word = secrets.token_hex(8)
    answer = lab.sql(WRITE.format(word=word), on=writer, host=lab.vip)
    moment = time.monotonic()
    read = lab.sql(READ.format(word=word), on=writer, host=lab.vip)
    if word not in answer.splitlines() or read != word:
        raise LabFailed(f"{writer} wrote the row {word} through {lab.vip} and read {read or 'nothing'}")
    return owners[0], moment - min(machine.on_at or moment for machine in lab.nodes.values())


def describe_boot(lab: Lab, owner: str | None, first_row: float | None) -> LabReport:
    """Return the report of a boot that was watched."""
    cluster = lab.site.cluster
    return LabReport(
        cluster=cluster.name,
        platform=cluster.platform.name,
        vip=lab.vip,
        vip_mode=cluster.vip_mode,
        vip_owner=owner,
        first_row=None if first_row is None else round(first_row, 1),
        accelerator=lab.accelerator.name,
        qemu=lab.qemu_label,
        processors=os.cpu_count() or 1,
        made=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        nodes=tuple(
            NodeReport(
                name=name,
                roles=list_roles(node),
                address=str(node.address),
                sealed=_round(lab.nodes[name].log.ended_at),
                stages=list_stages(lab.nodes[name].log),
            )
            for name, node in lab.site.nodes.items()
        ),
    )


def _round(moment: float | None) -> float | None:
    return None if moment is None else round(moment, 1)


def measure_bare_boot(lab: Lab, timeout_s: float) -> dict[str, float]:
    """Boot the same machines, all at once, from the same image with an empty seed; return the seconds.

    A machine has booted when cloud-init is done and somebody can log in.  Its seed holds
    its network configuration and nothing else: without one, cloud-init would wait for a
    DHCP server, and the bare boot would look slower than it is.  The disks of before are
    replaced; all machines are off afterwards.

    Raises:
        LabFailed: one has not booted in time.
    """
    for machine in lab.nodes.values():
        machine.cut_power()
    lab.make_disks()
    for name, machine in lab.nodes.items():
        seed = lab.site.machine_folder(name) / "empty-seed.iso"
        make_empty_seed(lab.site.rendered.node(name) / SEED_ISO, seed, name)
        machine.attach_seed(seed)
    try:
        lab.start()
        lab.wait_up(timeout_s=timeout_s)
        return {name: machine.log.up_at or 0.0 for name, machine in lab.nodes.items()}
    finally:
        for name, machine in lab.nodes.items():
            machine.cut_power()
            machine.attach_seed(lab.site.rendered.node(name) / SEED_ISO)
