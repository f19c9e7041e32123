"""What the fake machine's disk programs do.

A disk or volume is a file that holds a JSON object of what blkid finds: TYPE, UUID, LABEL.
"""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.fakes.fake_machine import FakeMachine, Result

EXTENT = 4 << 20
# What LVM shows for a disk that its group lists but that is not there.
LOST = "[unknown]"


def _content(device: str | Path) -> dict[str, Any]:
    path = Path(device)
    text = path.read_text() if path.exists() else ""
    return dict(json.loads(text)) if text else {}


def _wipefs(_machine: FakeMachine, arguments: list[str]) -> Result:
    found = _content(arguments[-1])
    kinds = found.get("signatures", [found["TYPE"]] if found.get("TYPE") else [])
    rows = [f"0x0,{found.get('UUID', '')},,{kind}" for kind in kinds]
    return 0, "\n".join(["# offset,uuid,label,type", *rows]) + "\n", ""


def _blkid(_machine: FakeMachine, arguments: list[str]) -> Result:
    found = _content(arguments[-1])
    if not found.get("TYPE"):
        return 2, "", ""
    if found.get("ambivalent"):
        return 8, "", "ambivalent result"
    return 0, "".join(f"{key}={found[key]}\n" for key in ("UUID", "LABEL", "TYPE") if key in found), ""


def _dd(_machine: FakeMachine, arguments: list[str]) -> Result:
    """Read a block: "bytes" of a disk's content says what stands where, as offset -> text."""
    words = dict(word.split("=", 1) for word in arguments)
    skip, size = int(words["skip"]), int(words["bs"])
    block = bytearray(size)
    for offset, text in _content(words["if"]).get("bytes", {}).items():
        begin = int(offset) - skip
        if 0 <= begin < size:
            block[begin : begin + len(text)] = text.encode()
    return 0, block.decode(), ""


def _disk_extents(machine: FakeMachine, device: str | Path) -> int:
    name = Path(device).resolve().name if Path(device).is_symlink() else Path(device).name
    sectors = int((machine.at(f"/sys/class/block/{name}") / "size").read_text())
    return (sectors * 512 - (1 << 20)) // EXTENT


def _find_pvs(machine: FakeMachine) -> dict[str, str]:
    """Return PV UUID -> device of every disk with an LVM label.

    As LVM does it: what holds the label of a map's path is the map, and it has a name below /dev/mapper.
    """
    found = {}
    for device in sorted(machine.at("/dev").iterdir()):
        holders = machine.at(f"/sys/class/block/{device.name}/holders")
        is_path = holders.is_dir() and any((holder / "dm/uuid").exists() for holder in holders.iterdir())
        if device.is_file() and not is_path and _content(device).get("TYPE") == "LVM2_member":
            alias = machine.state.get("maps", {}).get(device.name)
            found[_content(device)["UUID"]] = f"/dev/mapper/{alias}" if alias else f"/dev/{device.name}"
    return found


def _group_of(machine: FakeMachine, pv_uuid: str) -> tuple[str, dict[str, Any]]:
    for name, group in machine.state["groups"].items():
        if pv_uuid in group["pvs"]:
            return name, group
    return "", {"uuid": "", "pvs": {}}


def _pvs(machine: FakeMachine, _arguments: list[str]) -> Result:
    rows = []
    found = _find_pvs(machine)
    lost = {pv_uuid: LOST for group in machine.state["groups"].values() for pv_uuid in group["pvs"]}
    for pv_uuid, device in {**lost, **found}.items():
        name, group = _group_of(machine, pv_uuid)
        extents = group["pvs"].get(pv_uuid, 0)
        rows.append(f"  {device}|{pv_uuid}|{name}|{group['uuid']}|{extents * EXTENT}|{extents}")
    return 0, "\n".join(rows) + "\n", ""


def _vgs(_machine: FakeMachine, _arguments: list[str]) -> Result:
    return 0, f"  {EXTENT}\n", ""


def _lvs(machine: FakeMachine, arguments: list[str]) -> Result:
    group = machine.state["groups"].get(arguments[-1])
    if group is None:
        return 5, "", f'Volume group "{arguments[-1]}" not found'
    devices = _find_pvs(machine)
    rows = []
    for name, volume in group["lvs"].items():
        places = ",".join(f"{devices.get(pv, LOST)}(0)" for pv in volume["pvs"])
        rows.append(f"  {name}|{volume['extents'] * EXTENT}|{places}")
    return 0, "\n".join(rows) + "\n", ""


def _pvcreate(_machine: FakeMachine, arguments: list[str]) -> Result:
    device = Path(arguments[-1])
    found = _content(device)
    if found.get("TYPE") or found.get("signatures"):
        return 5, "", f"WARNING: signature detected on {device}. Wipe it? [y/n]: [n]\n  Aborted wiping."
    device.write_text(json.dumps({"TYPE": "LVM2_member", "UUID": arguments[arguments.index("--uuid") + 1]}))
    return 0, "", ""


def _vgcreate(machine: FakeMachine, arguments: list[str]) -> Result:
    name, *devices = arguments
    if name in machine.state["groups"]:
        return 5, "", f"A volume group called {name} already exists."
    pvs = {_content(device)["UUID"]: _disk_extents(machine, device) for device in devices}
    machine.state["groups"][name] = {"uuid": uuid.uuid4().hex, "pvs": pvs, "lvs": {}}
    return 0, "", ""


def _lvcreate(machine: FakeMachine, arguments: list[str]) -> Result:
    option, size = arguments[2:4]
    group, device = machine.state["groups"][arguments[-2]], arguments[-1]
    pv_uuid = _content(device)["UUID"]
    if option == "-L":
        extents = int(size[:-1]) * (1 << 20) // EXTENT
    else:
        extents = group["pvs"][pv_uuid] * int(size.split("%")[0]) // 100
    name = arguments[1]
    group["lvs"][name] = {"extents": extents, "pvs": [pv_uuid]}
    # "stale": what an earlier use left where the new volume begins.
    stale = machine.state.get("stale")
    (machine.folder / f"volume-{arguments[-2]}-{name}").write_text(json.dumps(stale) if stale else "")
    assert arguments[arguments.index("--activate") + 1] == "n", "vgchange activates, once for all volumes"
    return 0, "", ""


def _activate(machine: FakeMachine, name: str) -> None:
    folder = machine.at("/dev/mapper")
    folder.mkdir(parents=True, exist_ok=True)
    for volume in machine.state["groups"][name]["lvs"]:
        link = folder / f"{name.replace('-', '--')}-{volume.replace('-', '--')}"
        if not link.is_symlink():
            link.symlink_to(machine.folder / f"volume-{name}-{volume}")


def _vgchange(machine: FakeMachine, arguments: list[str]) -> Result:
    if arguments[-1] not in machine.state["groups"]:
        return 5, "", f'Volume group "{arguments[-1]}" not found'
    _activate(machine, arguments[-1])
    return 0, "", ""


def _pvresize(machine: FakeMachine, arguments: list[str]) -> Result:
    device = machine.at(machine.inside(arguments[-1]))
    pv_uuid = _content(device)["UUID"]
    _, group = _group_of(machine, pv_uuid)
    group["pvs"][pv_uuid] = _disk_extents(machine, device)
    return 0, "", ""


def _lvextend(machine: FakeMachine, arguments: list[str]) -> Result:
    group, name = arguments[2].split("/")
    machine.state["groups"][group]["lvs"][name]["extents"] = int(arguments[1])
    return 0, "", ""


def _lvmdevices(machine: FakeMachine, arguments: list[str]) -> Result:
    if arguments[:1] == ["--adddev"]:
        pvid = _content(arguments[-1])["UUID"].replace("-", "")
        path = machine.at("/etc/lvm/devices/system.devices")
        path.write_text(f"{path.read_text()}IDTYPE=sys_serial PVID={pvid}\n")
    return 0, "", ""


def _mkfs(_machine: FakeMachine, arguments: list[str]) -> Result:
    device = Path(arguments[-1])
    # The real one overwrites a file system silently without a terminal; here that is the test's failure.
    if device.read_text() and not _content(device).get("torn"):
        return 99, "", "a formatted volume was about to be formatted"
    label, fs_uuid = arguments[arguments.index("-L") + 1], arguments[arguments.index("-U") + 1]
    device.write_text(json.dumps({"TYPE": "ext4", "UUID": fs_uuid, "LABEL": label}))
    return 0, "", ""


def _e2fsck(_machine: FakeMachine, arguments: list[str]) -> Result:
    return (4, "", "UNEXPECTED INCONSISTENCY") if _content(arguments[-1]).get("torn") else (0, "", "")


def _dumpe2fs(_machine: FakeMachine, arguments: list[str]) -> Result:
    used = _content(arguments[-1]).get("used")
    return 0, f"Last mount time:          {'Mon Nov 23 00:00:00 2026' if used else 'n/a'}\n", ""


def _mount(machine: FakeMachine, arguments: list[str]) -> Result:
    device, point = arguments[-2:]
    found = _content(device)
    if found.get("TYPE") != "ext4":
        return 32, "", "mount: wrong fs type"
    inside = machine.folder / f"fs-{found['LABEL']}"
    if not inside.exists():
        (inside / "lost+found").mkdir(parents=True)
    target = Path(point)
    target.rmdir()
    target.symlink_to(inside)
    with machine.at("/proc/self/mountinfo").open("a") as stream:
        stream.write(f"2 1 254:0 / {machine.inside(point)} rw - ext4 {machine.inside(device)} rw\n")
    return 0, "", ""


def _umount(machine: FakeMachine, arguments: list[str]) -> Result:
    point = machine.inside(arguments[-1])
    target = machine.at(point)
    target.unlink()
    target.mkdir()
    mountinfo = machine.at("/proc/self/mountinfo")
    lines = mountinfo.read_text().splitlines(keepends=True)
    mountinfo.write_text("".join(line for line in lines if line.split()[4] != point))
    return 0, "", ""


def _debugfs(machine: FakeMachine, arguments: list[str]) -> Result:
    # The real one returns 0 for a missing file too.
    path = machine.folder / f"fs-{_content(arguments[-1]).get('LABEL')}" / arguments[1].split("/")[-1]
    if not path.exists():
        return 0, "", "debugfs 1.47.0 (5-Feb-2023)\n/.holster: File not found by ext2_lookup"
    return 0, path.read_text(), "debugfs 1.47.0 (5-Feb-2023)"


def _udevadm(machine: FakeMachine, arguments: list[str]) -> Result:
    if arguments[0] != "info":
        return 0, "", ""
    name = Path(arguments[-1]).name
    serial = machine.state.get("serials", {}).get(name)
    lines = [f"ID_SERIAL_SHORT={serial}"] if serial else []
    lines += machine.state.get("properties", {}).get(name, [])
    return 0, "".join(f"{line}\n" for line in lines), ""


DISK_COMMANDS = {
    "wipefs": _wipefs,
    "blkid": _blkid,
    "dd": _dd,
    "pvs": _pvs,
    "vgs": _vgs,
    "lvs": _lvs,
    "pvcreate": _pvcreate,
    "vgcreate": _vgcreate,
    "lvcreate": _lvcreate,
    "vgchange": _vgchange,
    "pvresize": _pvresize,
    "lvextend": _lvextend,
    "lvmdevices": _lvmdevices,
    "mkfs.ext4": _mkfs,
    "e2fsck": _e2fsck,
    "dumpe2fs": _dumpe2fs,
    "mount": _mount,
    "umount": _umount,
    "debugfs": _debugfs,
    "udevadm": _udevadm,
}
