"""Data disks and the volumes on them."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Discriminator, Field, StrictInt, Tag

from generator.spec.disk_ids import DiskSerial, DiskWwn
from generator.spec.fields import (
    AbsolutePath,
    LvmName,
    SizeMib,
)
from generator.spec.model.base import SpecModel


class DiskSelector(SpecModel):
    """How a data disk is recognised: one of path, serial, wwn or a size rule."""

    path: AbsolutePath | None = None
    """A device path; one below /dev/disk/by-id or by-path stays the same at every boot."""
    serial: DiskSerial | None = None
    """The serial number, as `lsblk -o SERIAL` prints it. Of a longer one than the disk has room for
    (20 characters on virtio-blk, SATA and NVMe), the beginning counts."""
    wwn: DiskWwn | None = None
    """The world-wide name, as `lsblk -o WWN` or `multipath -ll` prints it: with or without 0x, naa., eui.,
    uuid., nvme.; upper or lower case."""
    min_size: SizeMib | None = None
    """The only disk of at least this size (and of at most `max_size`)."""
    max_size: SizeMib | None = None
    """The only disk of at most this size (and of at least `min_size`)."""


SELECTOR_TAG = "disk-as-mapping"


PATH_TAG = "disk-as-path"


def _tell_disk(value: Any) -> str:
    """Say which form a disk is written in, so that only that form's problems are reported."""
    return SELECTOR_TAG if isinstance(value, dict | DiskSelector) else PATH_TAG


Disk = Annotated[
    Annotated[DiskSelector, Tag(SELECTOR_TAG)] | Annotated[AbsolutePath, Tag(PATH_TAG)],
    Discriminator(_tell_disk),
]


class VolumeSpec(SpecModel):
    """One logical volume on a disk of its own."""

    disk: Disk | None = None
    """A device path, or a mapping with one of path, serial, wwn, min_size and max_size.
    Default: /dev/sdb for data, /dev/sdc for WAL."""
    name: LvmName | None = None
    """The logical volume's name. Default: pg_data, pg_wal."""
    mount: AbsolutePath | None = None
    """Where it is mounted. Default: /pgdata, /pgwal."""
    percent: Annotated[StrictInt, Field(ge=1, le=100)] | None = None
    """The volume's share of its disk; the rest stays free for snapshots. Default: 95."""
    size: SizeMib | None = None
    """The volume's size, instead of `percent`. Default: by `percent`."""
    disk_size: SizeMib | None = None
    """The disk's size: lets Holster compare the WAL volume with the WAL that may pile up.
    Default: unknown, with a warning for the WAL disk."""


class StorageSpec(SpecModel):
    """The volume group over the data and the WAL disk."""

    volume_group: LvmName | None = None
    """The volume group's name. Default: pg."""
    data: VolumeSpec = VolumeSpec()
    """The volume of the data directory."""
    wal: VolumeSpec = VolumeSpec()
    """The volume of the write-ahead log."""
    os_disk: AbsolutePath | None = None
    """The one disk that the installer clears and uses. Default: /dev/sda."""
