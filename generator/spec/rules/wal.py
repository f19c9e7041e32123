"""WAL retention against the WAL volume: the arithmetic that fills disks when nobody does it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from generator.diagnostics import Problem, Severity
from generator.sizing import WAL_FILL_LIMIT, size_wal
from generator.spec.rules.disks import STORAGE, list_storage
from generator.spec.rules.rule import rule
from generator.spec.storage import smallest_wal_volume

if TYPE_CHECKING:
    from collections.abc import Iterator

    from generator.spec.model import ClusterSpec

RETENTION_KEYS = ("max_wal_size", "wal_keep_size", "max_slot_wal_keep_size")
RETENTION = " ".join(f"postgresql.{key}" for key in RETENTION_KEYS)
SMALLEST = {"max_wal_size": 32, "wal_keep_size": 16}
"""In MiB: two WAL segments, and what Patroni demands."""


@rule("wal-retention", reads=f"{STORAGE} {RETENTION} groups.*.nodes.*", is_partial=True)
def check_retention(spec: ClusterSpec) -> Iterator[Problem]:
    """P9: at worst, WAL may take 80 % of its volume; a full one stops PostgreSQL.

    The original playbook kept about 29 GiB of WAL on a disk of 1 GB.
    """
    settings = spec.postgresql
    for key, least in SMALLEST.items():
        value = getattr(settings, key)
        if value is not None and value < least:
            yield Problem(
                "wal-retention", f"{key} = {value} MiB is less than {least} MiB", path=("postgresql", key)
            )
    volume = smallest_wal_volume(spec)
    if volume is None:
        return
    retention = size_wal(volume, **{key: getattr(settings, key) for key in RETENTION_KEYS})
    limit = int(volume * WAL_FILL_LIMIT)
    if retention.needed > limit:
        larger = (
            "wal_keep_size"
            if retention.wal_keep_size > retention.max_slot_wal_keep_size
            else RETENTION_KEYS[2]
        )
        message = (
            f"up to {retention.needed} MiB of WAL (max_wal_size {retention.max_wal_size} + "
            f"{larger} {getattr(retention, larger)}) may pile up; "
            f"80 % of the smallest WAL volume ({volume} MiB) is {limit} MiB"
        )
        given = [key for key in RETENTION_KEYS if getattr(settings, key) is not None]
        path = ("postgresql", given[0]) if given else ("storage", "wal", "disk_size")
        hint = f"take a WAL volume of at least {retention.smallest_volume} MiB, or lower the retention"
        yield Problem("wal-retention", message, path=path, hint=hint)


@rule("wal-size-unknown", reads=STORAGE, is_partial=True)
def check_known(spec: ClusterSpec) -> Iterator[Problem]:
    """P9: without the volume's size nothing can be compared."""
    for view in list_storage(spec):
        wal = view.merged.wal
        if wal.disk_size is None and wal.size is None:
            message = "the size of the WAL volume is unknown: WAL retention cannot be checked against it"
            hint = "set storage.wal.disk_size"
            yield Problem(
                "wal-size-unknown", message, Severity.WARNING, path=view.find("wal", "disk_size"), hint=hint
            )


RULES = (check_retention, check_known)
