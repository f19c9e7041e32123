"""Sizes of PostgreSQL and of the system disk: memory by RAM, huge pages, WAL retention by the WAL volume.

All sizes in MiB.  In: numbers.  Out: numbers.  Rules of thumb: reference notes §2.4.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

EXTENT_MIB = 4
DEFAULT_PERCENT = 95
DEFAULT_MEMORY_MIB = 2048
DEFAULT_CPUS = 2
WAL_FILL_LIMIT = 0.8

SWAP_MIB = 1024
ROOT_MIB = 8192
"""The root file system at least; it takes the rest of the disk."""
BOOT_MIB = 1024
FIRMWARE_MIB = 600
"""What Anaconda adds by itself (`reqpart --add-boot`): /boot, and an EFI partition of at most so much."""
TABLE_MIB = 2
SMALLEST_SYSTEM_MIB = SWAP_MIB + ROOT_MIB + BOOT_MIB + FIRMWARE_MIB + TABLE_MIB
"""The smallest disk that the installer's partitions fit on, with either firmware."""


def volume_mib(disk_mib: int | None, percent: int | None, size_mib: int | None) -> int | None:
    """Return the size of a logical volume, or None where the disk's size is unknown."""
    if size_mib is not None:
        return size_mib
    if disk_mib is None:
        return None
    extents = (disk_mib - EXTENT_MIB) // EXTENT_MIB
    return extents * (percent or DEFAULT_PERCENT) // 100 * EXTENT_MIB


@dataclass(frozen=True, slots=True)
class WalRetention:
    """How much WAL may pile up."""

    max_wal_size: int
    wal_keep_size: int
    max_slot_wal_keep_size: int

    @property
    def needed(self) -> int:
        """What the WAL volume must hold at worst."""
        return self.max_wal_size + max(self.wal_keep_size, self.max_slot_wal_keep_size)

    @property
    def smallest_volume(self) -> int:
        """The smallest WAL volume on which this retention is safe."""
        return ceil(self.needed / WAL_FILL_LIMIT)


def size_wal(
    volume: int | None,
    *,
    max_wal_size: int | None = None,
    wal_keep_size: int | None = None,
    max_slot_wal_keep_size: int | None = None,
) -> WalRetention:
    """Return the retention: the user's numbers where given, else shares of the volume."""
    if volume is None:
        return WalRetention(
            1024 if max_wal_size is None else max_wal_size,
            512 if wal_keep_size is None else wal_keep_size,
            2048 if max_slot_wal_keep_size is None else max_slot_wal_keep_size,
        )
    return WalRetention(
        max(32, min(16384, volume * 3 // 10)) if max_wal_size is None else max_wal_size,
        max(16, min(1024, volume // 10)) if wal_keep_size is None else wal_keep_size,
        max(32, volume * 4 // 10) if max_slot_wal_keep_size is None else max_slot_wal_keep_size,
    )


@dataclass(frozen=True, slots=True)
class MemorySettings:
    """Memory and worker parameters of one member."""

    shared_buffers: int
    effective_cache_size: int
    maintenance_work_mem: int
    work_mem: int
    max_parallel_workers: int
    max_parallel_workers_per_gather: int


def size_memory(
    memory: int,
    cpus: int,
    max_connections: int,
    *,
    shared_buffers: int | None = None,
    work_mem: int | None = None,
) -> MemorySettings:
    """Return the memory parameters for a machine of `memory` MiB."""
    buffers = max(32, memory // 4) if shared_buffers is None else shared_buffers
    return MemorySettings(
        shared_buffers=buffers,
        effective_cache_size=max(64, memory * 3 // 4),
        maintenance_work_mem=max(16, min(2048, memory // 16)),
        work_mem=max(1, min(256, (memory - buffers) // (3 * max_connections)))
        if work_mem is None
        else work_mem,
        max_parallel_workers=max(1, cpus),
        max_parallel_workers_per_gather=min(4, ceil(cpus / 2)),
    )


HUGE_PAGE_MIB = 2
HUGE_PAGES_FROM_MIB = 32 * 1024
"""Memory of a machine from which on huge pages are reserved without being asked for."""
HUGE_PAGES_SHARE = 0.5
"""Of the machine's memory at most: what is reserved is lost to everything that is not shared memory."""
BUFFERS_OVERHEAD = 1.025
EXTENSIONS_MIB = 64
OTHER_PROCESSES = 128
PROCESS_KIB, LOCK_KIB, PREDICATE_LOCK_KIB = 10, 0.45, 0.3
HANDLE_KIB, COMBINED_BLOCK_KIB = 0.17, 0.026


@dataclass(frozen=True, slots=True)
class SharedMemory:
    """What decides the size of PostgreSQL's shared memory.

    Attributes:
        buffers: shared_buffers, MiB.
        further: wal_buffers and what else is named in bytes, MiB.
        processes: clients, workers and senders that there may be at once.
        prepared: max_prepared_transactions.
        locks, predicate_locks: of each of them (max_locks_per_transaction, max_pred_locks_per_transaction).
        handles, combined_blocks: io_max_concurrency and io_max_combine_limit; no handles before 18.
        query_bytes: track_activity_query_size.
    """

    buffers: int
    further: int
    processes: int
    prepared: int
    locks: int
    predicate_locks: int
    handles: int
    combined_blocks: int
    query_bytes: int


def count_huge_pages(memory: SharedMemory) -> int:
    """Return how many huge pages hold the shared memory, with some to spare for extensions.

    An estimate from above, since only the server on the machine knows (`postgres -C
    shared_memory_size_in_huge_pages`, from 15 on).  Measured with 15 and 18: 8 GiB and 100 clients are 4200
    and 4222 pages, 4238 and 4243 here; 8 GiB and 10,000 clients 4437 and 4620, 4523 and 4709 here.
    """
    processes = memory.processes + OTHER_PROCESSES
    entry = PROCESS_KIB + LOCK_KIB * memory.locks + PREDICATE_LOCK_KIB * memory.predicate_locks
    handles = memory.handles * (HANDLE_KIB + COMBINED_BLOCK_KIB * memory.combined_blocks)
    kib = (processes + memory.prepared) * entry + processes * (handles + memory.query_bytes / 1024)
    mib = BUFFERS_OVERHEAD * (memory.buffers + memory.further) + EXTENSIONS_MIB + kib / 1024
    return ceil(mib / HUGE_PAGE_MIB)
