"""What disks are known by everywhere: world-wide names and serial numbers, in one form each.

Sources: `lsblk -o WWN,SERIAL` (util-linux), the kernel's `wwid`, udev's 60-persistent-storage.rules.
"""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, StrictStr

from generator.spec.matching import Matching

SHOWN_SERIAL = 20
"""Characters of a serial number that virtio-blk, SATA and NVMe have room for; virtio-scsi has 36."""

_HEX = "[0-9A-Fa-f]"
WWN = re.compile(
    rf"(0[xX]|[Nn][Aa][Aa]\.|[Ee][Uu][Ii]\.)?{_HEX}{{16,33}}"
    rf"|([Uu][Uu][Ii][Dd]\.)?{_HEX}{{8}}(-{_HEX}{{4}}){{3}}-{_HEX}{{12}}"
    rf"|[Nn][Vv][Mm][Ee]\.{_HEX}{{1,4}}-{_HEX}{{2,40}}-{_HEX}{{2,80}}-{_HEX}{{1,8}}"
)
_PREFIX = re.compile(r"(0x|naa\.|eui\.|uuid\.|nvme\.)")
# What `multipath -ll` and scsi_id print: the type of the name (2: EUI, 3: NAA) stands before it.
_TYPED = re.compile(r"[23]([0-9a-f]{16}|[0-9a-f]{32})")
_UNSHOWN = re.compile(r"[^A-Za-z0-9#+.:=@/-]+")
_NAMED_BY_WWN = re.compile(r"/dev/disk/by-id/(?:wwn-|scsi-|nvme-|dm-uuid-mpath-)(.+)")
_BY_ID = "/dev/disk/by-id/"


def normalise_wwn(text: str) -> str:
    """Return the digits of a world-wide name alone: programs differ in prefix, case and dashes."""
    bare = _PREFIX.sub("", text.lower(), count=1).replace("-", "")
    typed = _TYPED.fullmatch(bare)
    return typed[1] if typed else bare


def normalise_serial(text: str) -> str:
    """Return a serial number as udev shows it: spaces and what else it does not show become one `_`."""
    return _UNSHOWN.sub("_", text.strip())


def find_wwn(path: str) -> str | None:
    """Return the world-wide name that a path below /dev/disk/by-id is made of, in its one form, or None."""
    found = _NAMED_BY_WWN.fullmatch(path)
    return normalise_wwn(found[1]) if found and WWN.fullmatch(found[1]) else None


def is_named_by_serial(path: str, serial: str) -> bool:
    """Say whether a path below /dev/disk/by-id ends in a serial number."""
    name = normalise_serial(path.removeprefix(_BY_ID))
    shown = normalise_serial(serial)
    is_virtio = name == f"virtio-{normalise_serial(serial[:SHOWN_SERIAL])}"
    return path.startswith(_BY_ID) and (is_virtio or name.endswith(f"_{shown}"))


DiskWwn = Annotated[
    StrictStr,
    Matching(
        WWN,
        "must be a WWN as `lsblk -o WWN` prints it: hex digits, plain or after 0x, naa., eui., uuid., nvme.",
    ),
    AfterValidator(normalise_wwn),
]
"""A world-wide name in any of its forms; held as its digits."""

DiskSerial = Annotated[
    StrictStr,
    Matching(
        re.compile(r" *[A-Za-z0-9_.:+/#=@]([A-Za-z0-9_.:+/#=@ -]{0,62}[A-Za-z0-9_.:+/#=@-])? *"),
        "must be a serial number as `lsblk -o SERIAL` prints it, at most 64 characters",
    ),
    AfterValidator(str.strip),
]
