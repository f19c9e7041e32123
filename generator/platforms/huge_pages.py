"""Huge pages: how many the kernel of a member reserves for PostgreSQL's shared memory, and where it cannot.

PostgreSQL maps them (`MAP_HUGETLB`), for which neither a limit on locked memory nor a group counts
(the kernel's hugetlbpage.rst; seen: the system user of PostgreSQL with 64 kB of locked memory).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from generator.postgresql.catalog import find_parameter
from generator.postgresql.settings import read_whole, read_word
from generator.postgresql.values import OFF, ON
from generator.sizing import (
    HUGE_PAGE_MIB,
    HUGE_PAGES_FROM_MIB,
    HUGE_PAGES_SHARE,
    SharedMemory,
    count_huge_pages,
)
from generator.spec.memory import size_member
from generator.spec.processes import count_senders, count_workers

if TYPE_CHECKING:
    from generator.spec.model import ClusterSpec, NodeSpec

BLOCKS: Final = (
    "wal_buffers", "commit_timestamp_buffers", "multixact_member_buffers", "multixact_offset_buffers",
    "notify_buffers", "serializable_buffers", "subtransaction_buffers", "transaction_buffers",
)  # fmt: skip
"""Caches in shared memory, in blocks."""
BLOCK_KIB: Final = 8
HUGE_PAGE_KIB: Final = HUGE_PAGE_MIB * 1024
DEFAULT_HANDLES: Final = 64
"""What io_max_concurrency = -1 gives at most."""


@dataclass(frozen=True, slots=True)
class HugePages:
    """What a member reserves.

    Attributes:
        count: pages of 2 MiB; 0 where none are reserved.
        is_required: PostgreSQL does not start without them.
        hindrance: why none can be reserved, and what to do about it; None where they can.
    """

    count: int
    is_required: bool
    hindrance: tuple[str, str] | None


def plan_huge_pages(spec: ClusterSpec, node: NodeSpec, major: int) -> HugePages:
    """Return the huge pages of a member: where the spec wants them, else where memory is large."""
    word = read_word(spec.postgresql.parameters, "huge_pages")
    is_required = word in ON
    count = _count(spec, node, major)
    hindrance = _find_hindrance(spec, node, major, count)
    is_large = node.memory is not None and node.memory >= HUGE_PAGES_FROM_MIB
    is_wanted = is_required or (is_large and word not in OFF)
    return HugePages(count if is_wanted and hindrance is None else 0, is_required, hindrance)


def _count(spec: ClusterSpec, node: NodeSpec, major: int) -> int:
    settings = spec.postgresql

    def read(name: str, default: int) -> int:
        return read_whole(settings.parameters, name, major, default)

    blocks = sum(max(0, read(name, 0)) for name in BLOCKS)
    vacuums = max(read("autovacuum_max_workers", 3), read("autovacuum_worker_slots", 0))
    handles = read("io_max_concurrency", -1) if find_parameter("io_max_concurrency", major) else 0
    return count_huge_pages(
        SharedMemory(
            buffers=size_member(spec, node).shared_buffers,
            further=blocks * BLOCK_KIB // 1024 + read("min_dynamic_shared_memory", 0),
            processes=settings.max_connections + vacuums + count_workers(spec) + count_senders(spec),
            prepared=settings.max_prepared_transactions,
            locks=settings.max_locks_per_transaction,
            predicate_locks=read("max_pred_locks_per_transaction", 64),
            handles=DEFAULT_HANDLES if handles < 0 else handles,
            combined_blocks=read("io_max_combine_limit", 16),
            query_bytes=read("track_activity_query_size", 1024),
        )
    )


def _find_hindrance(spec: ClusterSpec, node: NodeSpec, major: int, count: int) -> tuple[str, str] | None:
    parameters = spec.postgresql.parameters
    if read_whole(parameters, "huge_page_size", major, 0) not in {0, HUGE_PAGE_KIB}:
        return (
            f"pages of {HUGE_PAGE_MIB} MiB are reserved, and huge_page_size is another",
            "remove huge_page_size",
        )
    if read_word(parameters, "shared_memory_type") not in {"", "mmap"}:
        return "PostgreSQL takes huge pages for shared_memory_type mmap only", "remove shared_memory_type"
    if node.memory is None:
        return (
            f"the memory of {node.name} is unknown, so none are reserved there",
            "add memory: 64GiB (or whatever it has) to the node",
        )
    if count * HUGE_PAGE_MIB > node.memory * HUGE_PAGES_SHARE:
        return (
            f"{node.name} needs {count * HUGE_PAGE_MIB} MiB of them, more than half of its {node.memory} MiB",
            "lower postgresql.shared_buffers or max_connections, or give the machine more memory",
        )
    return None
