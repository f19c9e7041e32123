"""What the path of a disk says of it: no disk at all, a name that moves, or a device made of several.

Names: the kernel's, and those of udev's 60-persistent-storage.rules, of multipathd and mdadm.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_KERNEL = (
    r"(sd|vd|xvd|hd)[a-z]+|nvme[0-9]+n[0-9]+|mmcblk[0-9]+|md[0-9]+|nbd[0-9]+|loop[0-9]+"
    r"|dasd[a-z]+|rbd[0-9]+|drbd[0-9]+|bcache[0-9]+|pmem[0-9]+|block/[0-9]+:[0-9]+|cciss/c[0-9]+d[0-9]+"
)
_BY_ID = r"/dev/disk/by-id/"


class Kind(NamedTuple):
    """Paths of one kind, and what is said of them after the path."""

    pattern: re.Pattern[str]
    words: str


def _kind(pattern: str, words: str) -> Kind:
    return Kind(re.compile(pattern), words)


PARTITION = re.compile(
    r"/dev/((sd|vd|xvd|hd)[a-z]+[0-9]+|(nvme[0-9]+n|mmcblk|md|nbd|loop)[0-9]+p[0-9]+"
    r"|(disk|mapper)/.+-part[0-9]+|mapper/mpath[a-z]+p?[0-9]+|disk/by-id/dm-uuid-part[0-9]+-.+"
    r"|disk/by-part(label|uuid)/.+)"
)
_NO_DISKS = (
    _kind(
        r"/dev/disk/by-(label|uuid)/.+",
        "names a file system: a blank disk has none, and later it would be the volume's own",
    ),
    _kind(rf"{_BY_ID}(lvm-pv-uuid-.+|dm-uuid-LVM-.+)", "names what LVM made: a blank disk has nothing of it"),
    _kind(rf"{_BY_ID}dm-uuid-CRYPT-.+", "names an encrypted volume, which is made on a disk"),
    _kind(r"/dev/(sr|scd)[0-9]+|/dev/(cdrom|dvd)[a-z0-9]*", "is a drive for discs"),
    _kind(
        r"/dev/(loop.*|disk/by-loop-(ref|inode)/.*|fd[0-9]+|ram[0-9]+|zram[0-9]+|nbd[0-9]+|mtd.*)",
        "is no disk of the machine",
    ),
    _kind(r"/dev/mmcblk[0-9]+(boot[0-9]+|rpmb)", "is no disk but a part of one"),
    _kind(r"/dev/nvme[0-9]+", "is a controller; its disks are named like /dev/nvme0n1"),
    _kind(
        r"/dev/(null|zero|full|u?random|tty.*|console|watchdog[0-9]*|shm/.*|sg[0-9]+|bsg/.*|n?st[0-9]+)",
        "is no disk",
    ),
    _kind(
        r"/dev/(disk(/by-[a-z]+)?|mapper(/control)?|md|block|bsg)",
        "is no disk but the folder or control file of several",
    ),
)
_MOVING = (
    _kind(rf"/dev/({_KERNEL}|dm-[0-9]+)", "may be another disk after the next boot"),
    _kind(r"/dev/disk/by-diskseq/.+", "is numbered anew at every boot"),
    _kind(
        r"(/dev/mapper/|/dev/disk/by-id/dm-name-)mpath[a-z]+",
        "is counted by each machine as it meets its disks, anew when it is installed again",
    ),
    _kind(
        rf"{_BY_ID}nvme-(?!(eui|uuid|nvme)\.)(?!.*_[1-9][0-9]{{0,3}}$).+",
        "is shared by all namespaces of an NVMe drive, and leads to the one that came last",
    ),
)
_MADE_OF_DISKS = (
    _kind(
        rf"/dev/mapper/.+|/dev/dm-[0-9]+|{_BY_ID}dm-.+",
        "is a map of device-mapper (multipath, LVM, encryption)",
    ),
    _kind(rf"/dev/md.+|{_BY_ID}md-.+", "is an md array"),
)


def _find(kinds: tuple[Kind, ...], path: str) -> str | None:
    return next((kind.words for kind in kinds if kind.pattern.fullmatch(path)), None)


def is_partition(path: str) -> bool:
    """Say whether a path names a partition."""
    return PARTITION.fullmatch(path) is not None


def explain_no_disk(path: str) -> str | None:
    """Return what a path names that is no disk to put data on, or None."""
    return "is a partition" if is_partition(path) else _find(_NO_DISKS, path)


def explain_moving(path: str) -> str | None:
    """Return why a name may mean another disk some day, or None for one that lasts."""
    return _find(_MOVING, path)


def explain_made_of_disks(path: str) -> str | None:
    """Return what a device is that lies on several disks or on a part of one, or None."""
    return _find(_MADE_OF_DISKS, path)


_BELOW_DEV = re.compile(
    rf"{_KERNEL}|(loop|ram|zram|fd|dm-|sr|sg|bsg|tty|ttyS|pts|vcs|hidraw|input|dri|snd|net|vfio|watchdog)[0-9]*"
    r"|block|bus|char|console|core|cpu|cpu_dma_latency|cdrom|disk|fb0|fd|full|fuse|hpet|hugepages|hwrng"
    r"|initctl|kmsg|kvm|log|loop-control|mapper|md|mem|mqueue|null|nvram|port|ppp|psaux|ptmx|random|rfkill|rtc"
    r"|rtc0|shm|snapshot|stderr|stdin|stdout|uhid|uinput|urandom|userfaultfd|vga_arbiter|vhost-net|zero"
)


def is_below_dev(name: str) -> bool:
    """Say whether a Linux machine has something of this name in /dev itself."""
    return _BELOW_DEV.fullmatch(name) is not None
