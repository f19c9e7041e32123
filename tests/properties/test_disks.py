"""Whatever disks a machine has and however they are selected, one that holds something is never written."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.fakes.fake_machine import FakeMachine
from tests.fakes.node_documents import make_document, prepare, write_document
from tests.fakes.node_runs import run

CHANGING = {"pvcreate", "vgcreate", "lvcreate", "vgchange", "mkfs.ext4", "mount", "pvresize", "lvextend"}
WWN = "5000c50015ea71a"
EDGE = 4 << 20
SIZES = (300, 512, 1024)

SIGNATURES = st.sampled_from(
    ["ext4", "xfs", "gpt", "dos", "crypto_LUKS", "swap", "zfs_member", "mpath_member"]
)
FOREIGN = st.one_of(
    SIGNATURES.map(lambda kind: {"TYPE": kind, "UUID": "foreign"}),
    SIGNATURES.map(lambda kind: {"signatures": [kind], "TYPE": ""}),
    st.just({"TYPE": "LVM2_member", "UUID": "orphan"}),
    st.integers(0, EDGE - 1).map(lambda offset: {"bytes": {offset: "x"}}),
    st.integers(1, EDGE).map(lambda back: {"bytes": {"end": back}}),
)
USES = ("partition", "holder", "mount", "swap", "read-only")
DISK = st.fixed_dictionaries(
    {
        "size": st.sampled_from(SIZES),
        "content": st.none() | FOREIGN,
        "use": st.sampled_from([None] * 15 + list(USES)),
        # Seldom a disk has the number of another one.
        "serial": st.sampled_from([None] * 7 + ["A"]),
        "wwn": st.sampled_from([None] * 7 + ["A"]),
        "is_map": st.booleans(),
    }
)
RULE = st.one_of(
    st.sampled_from("bcde").map(lambda letter: {"path": f"/dev/sd{letter}"}),
    st.integers(0, 3).map(lambda number: {"path": f"/dev/mapper/mpath{number}"}),
    st.sampled_from("ABCD").map(lambda serial: {"serial": serial}),
    st.sampled_from("ABCD").map(lambda last: {"wwn": f"{WWN}{last}"}),
    st.sampled_from(SIZES).map(lambda size: {"min_size": size}),
    st.sampled_from(SIZES).map(lambda size: {"max_size": size}),
)


def attach(fake: FakeMachine, number: int, disk: dict[str, Any]) -> str:
    """Attach a disk, with two paths or one; return the kernel's name of what may be written."""
    serial, wwn = disk["serial"] or "ABCD"[number], disk["wwn"] or "ABCD"[number]
    letters = "bcde"[number], "wxyz"[number]
    names = [f"sd{letter}" for letter in letters[: 1 + disk["is_map"]]]
    for name in names:
        fake.add_disk(name, disk["size"])
    device = names[0]
    if disk["is_map"]:
        device = f"dm-{number}"
        paths = dict.fromkeys(names, disk["size"])
        fake.add_map(device, f"mpath{number}", paths, f"3{WWN}{number + 5}")
    for name in names:
        (fake.at(f"/sys/class/block/{name}") / "serial").write_text(serial)
        (fake.at(f"/sys/class/block/{name}") / "wwid").write_text(f"naa.{WWN}{wwn}")
    content = disk["content"]
    if content is not None:
        back = content.get("bytes", {}).get("end")
        found = {"bytes": {(disk["size"] << 20) - back: "x"}} if back else content
        fake.at(f"/dev/{device}").write_text(json.dumps(found))
    occupy(fake, device, disk["use"])
    return device


def occupy(fake: FakeMachine, device: str, use: str | None) -> None:
    """Let a disk be used by something else."""
    sysfs = fake.at(f"/sys/class/block/{device}")
    if use == "partition":
        (sysfs / f"{device}1").mkdir()
        (sysfs / f"{device}1/partition").write_text("1")
    elif use == "holder":
        (sysfs / "holders/md7").mkdir()
    elif use == "mount":
        with fake.at("/proc/self/mountinfo").open("a") as stream:
            stream.write(f"9 1 0:77 / /mnt rw - btrfs /dev/{device} rw\n")
    elif use == "swap":
        with fake.at("/proc/swaps").open("a") as stream:
            stream.write(f"/dev/{device} partition 1024 0 -2\n")
    elif use == "read-only":
        (sysfs / "ro").write_text("1")


@pytest.fixture(autouse=True)
def no_waiting_for_disks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Skip what only a power cut of the test's own machine would show."""
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)
    monkeypatch.setattr(os, "sync", lambda: None)


@settings(max_examples=50, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(st.lists(DISK, min_size=2, max_size=4), RULE, RULE)
def test_a_disk_that_holds_something_is_never_written(
    disks: list[dict[str, Any]], data: dict[str, Any], wal: dict[str, Any]
) -> None:
    """And a refusal changes nothing at all."""
    with tempfile.TemporaryDirectory() as folder:
        fake = FakeMachine(Path(folder))
        prepare(fake)
        for name in ("sdb", "sdc"):
            fake.at(f"/dev/{name}").unlink()
        fake.at("/proc/swaps").write_text("Filename Type Size Used Priority\n")
        devices = [attach(fake, number, disk) for number, disk in enumerate(disks)]
        kept = [
            fake.at(f"/dev/{device}")
            for device, disk in zip(devices, disks, strict=True)
            if disk["content"] is not None or disk["use"] is not None
        ]
        before = {path: path.read_bytes() for path in (*kept, fake.at("/dev/sda"))}
        document = make_document()
        for volume, rule in zip(document["storage"]["volumes"], (data, wal), strict=True):
            volume["disk"] = rule
        write_document(fake, document)
        result = run(fake, "storage")
        assert {path: path.read_bytes() for path in before} == before
        changed = [call for call in fake.calls if call[0] in CHANGING]
        if result.code != 0:
            assert result.failure["cause"].startswith("disk-"), result.log.getvalue()
            assert changed == []
        else:
            written = {call[-1] for call in changed if call[0] == "pvcreate"}
            assert len(written) == 2
            assert len({fake.at(path).resolve().name for path in written} & set(devices)) == 2
