"""Sizes: shares of memory and of the WAL volume, safe for every machine."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generator.sizing import (
    EXTENT_MIB,
    WAL_FILL_LIMIT,
    SharedMemory,
    WalRetention,
    count_huge_pages,
    size_memory,
    size_wal,
    volume_mib,
)

VOLUMES = st.integers(256, 64 * 1024 * 1024)


@given(VOLUMES)
def test_default_retention_fits_the_volume(volume: int) -> None:
    """At most 80 % of the WAL volume, with room for what checkpoints need."""
    wal = size_wal(volume)
    assert wal.needed <= volume * WAL_FILL_LIMIT
    assert wal.smallest_volume <= volume


@given(st.integers(0, 1 << 20), st.integers(0, 1 << 20), st.integers(0, 1 << 20))
def test_the_smallest_volume_is_enough(max_wal: int, keep: int, slots: int) -> None:
    """And one MiB less is not."""
    wal = WalRetention(max_wal, keep, slots)
    assert wal.needed <= wal.smallest_volume * WAL_FILL_LIMIT + 1e-6
    assert wal.needed == 0 or wal.needed > (wal.smallest_volume - 1) * WAL_FILL_LIMIT - 1e-6


def test_numbers_of_the_user_win() -> None:
    """With a known volume and without."""
    for volume in (None, 10240):
        wal = size_wal(volume, max_wal_size=100, wal_keep_size=0, max_slot_wal_keep_size=300)
        assert wal == WalRetention(100, 0, 300)


def test_an_unknown_volume_gets_postgresqls_own_size() -> None:
    """1 GiB of WAL between checkpoints, as PostgreSQL has it."""
    assert size_wal(None).max_wal_size == 1024


def test_the_originals_wal_volume() -> None:
    """1 GiB of disk: the original kept 29 GiB of WAL on it (trap 9)."""
    volume = volume_mib(1024, 95, None)
    assert volume is not None
    wal = size_wal(volume)
    assert wal.needed < 800


@given(st.integers(64, 1 << 24), st.integers(1, 100))
def test_a_volume_is_a_whole_number_of_extents(disk: int, percent: int) -> None:
    """And leaves room for LVM's own data at the head of the disk."""
    size = volume_mib(disk, percent, None)
    assert size is not None
    assert size % EXTENT_MIB == 0
    assert size <= disk - EXTENT_MIB


def test_a_fixed_size_wins_and_an_unknown_disk_stays_unknown() -> None:
    """The percentage counts only where the disk's size is known."""
    assert volume_mib(1000, 50, 300) == 300
    assert volume_mib(None, 50, None) is None


@given(st.integers(256, 1 << 22), st.integers(1, 1024), st.integers(25, 5000))
def test_memory_parameters_fit_the_machine(memory: int, cpus: int, connections: int) -> None:
    """A quarter for shared buffers; parameters are never zero."""
    sizes = size_memory(memory, cpus, connections)
    assert sizes.shared_buffers <= max(32, memory // 4)
    assert sizes.effective_cache_size <= memory
    assert sizes.work_mem >= 1
    assert sizes.maintenance_work_mem <= 2048
    assert 1 <= sizes.max_parallel_workers_per_gather <= 4
    assert sizes.max_parallel_workers == cpus


def test_chosen_memory_parameters_win() -> None:
    """The user's shared buffers and work_mem are taken as they are."""
    sizes = size_memory(8192, 4, 100, shared_buffers=1000, work_mem=7)
    assert (sizes.shared_buffers, sizes.work_mem) == (1000, 7)


BACKGROUND = 21
"""Workers, senders and autovacuum of a server with its own defaults."""


@pytest.mark.parametrize(
    ("buffers", "clients", "locks", "asked_by_15", "asked_by_18"),
    [
        (1024, 100, 64, 537, 543),
        (8192, 100, 64, 4200, 4222),
        (8192, 100, 10_000, 4435, 4487),
        (8192, 10_000, 64, 4437, 4620),
        (8192, 10_000, 10_000, 23251, 23812),
        (65536, 100, 64, 33502, 33552),
        (524288, 100, 64, 267266, 267322),
    ],
)
def test_huge_pages_are_enough_and_not_many_more(
    buffers: int, clients: int, locks: int, asked_by_15: int, asked_by_18: int
) -> None:
    """What `postgres -C shared_memory_size_in_huge_pages` of both versions said."""
    for handles, asked in ((0, asked_by_15), (64, asked_by_18)):
        memory = SharedMemory(
            buffers=buffers, further=0, processes=clients + BACKGROUND, prepared=0, locks=locks,
            predicate_locks=64, handles=handles, combined_blocks=16, query_bytes=1024,
        )  # fmt: skip
        assert asked <= count_huge_pages(memory) <= asked * 1.2
