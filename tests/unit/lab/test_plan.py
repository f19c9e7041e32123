"""Machines as the spec declares them: sizes, disks, selectors, the card."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from generator.check import check_spec
from generator.errors import UsageInvalid
from generator.lab.network import Cable
from generator.lab.plan import GoldenImage, MachinePaths, make_mac, plan_machine
from generator.resolve.cluster import resolve_cluster
from generator.spec.storage import merge_storage
from generator.spec.topology import iterate_nodes

if TYPE_CHECKING:
    from generator.lab.qemu_arguments import MachinePlan

EXAMPLES = Path(__file__).parents[3] / "examples"
PLACES = MachinePaths(Path("folder"), Path("m.qmp"), Path("seed.iso"))


def plan_all(text: str) -> dict[str, MachinePlan]:
    """Return the plans of a spec's machines."""
    checked = check_spec(text.encode(), "spec.yaml")
    nodes = resolve_cluster(checked.spec, checked.profile).nodes
    storages = {node.name: merge_storage(checked.spec, node) for _, node, _ in iterate_nodes(checked.spec)}
    golden = GoldenImage(Path("image.qcow2"), None)
    return {node.name: plan_machine(node, storages[node.name], PLACES, Cable(1, 2), golden) for node in nodes}


def read_example(name: str) -> str:
    """Return the text of an example."""
    return (EXAMPLES / f"{name}.yaml").read_text("utf-8")


def test_trio_is_as_declared() -> None:
    """Serial numbers, sizes, MAC addresses and memory of the spec."""
    plan = plan_all(read_example("trio"))["trio2"]
    assert [(disk.role, disk.serial, disk.size_mib) for disk in plan.disks] == [
        ("root", "holster-root", 0),
        ("data", "holster-data", 4096),
        ("wal", "holster-wal", 2048),
    ]
    assert (plan.mac, plan.interface, plan.memory_mib, plan.cpus) == ("52:54:00:77:00:12", None, 1024, 1)


def test_consul_servers_without_postgresql_have_one_disk() -> None:
    """And a card by the name of the spec, with an address of the lab's."""
    plans = plan_all(read_example("sirius"))
    assert [disk.role for disk in plans["consul1"].disks] == ["root"]
    assert [disk.role for disk in plans["pg1"].disks] == ["root", "data", "wal"]
    assert {plan.interface for plan in plans.values()} == {"enp0s8"}
    assert len({plan.mac for plan in plans.values()}) == 5
    assert plans["pg1"].mac == make_mac("pg1")


def test_letters_decide_the_order() -> None:
    """The disk that the spec calls /dev/sdb comes before the one that it calls /dev/sdc."""
    text = read_example("sirius").replace("/dev/sdb", "/dev/sdX")
    swapped = text.replace("/dev/sdc", "/dev/sdb").replace("/dev/sdX", "/dev/sdc")
    assert [disk.role for disk in plan_all(swapped)["pg1"].disks] == ["root", "wal", "data"]


def test_other_selectors() -> None:
    """QEMU's own by-id name holds the serial number; a WWN goes to QEMU as a number."""
    text = read_example("trio").replace("{serial: holster-wal}", '{wwn: "5000c500a1b2c3d4"}')
    named = "/dev/disk/by-id/scsi-0QEMU_QEMU_HARDDISK_MYDATA"
    plan = plan_all(text.replace("{serial: holster-data}", named))["trio1"]
    assert plan.disks[1].serial == "MYDATA"
    assert plan.disks[2].wwn == "0x5000c500a1b2c3d4"


def test_name_that_qemu_cannot_imitate_is_refused() -> None:
    """Better than a first boot that waits for a disk in vain."""
    text = read_example("trio").replace("{serial: holster-data}", "/dev/disk/by-id/nvme-SAMSUNG_X")
    with pytest.raises(UsageInvalid, match="trio1 a disk /dev/disk/by-id/nvme-SAMSUNG_X"):
        plan_all(text)
