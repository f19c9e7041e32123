"""PostgreSQL's memory on a machine of a spec: asked by rules and by resolve, as a default is.

In: a spec and one of its machines.  Out: sizes in MiB.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from generator.sizing import MemorySettings, size_memory
from generator.spec.defaults import choose_cpus, choose_memory

if TYPE_CHECKING:
    from generator.spec.model import ClusterSpec, NodeSpec


def size_member(spec: ClusterSpec, node: NodeSpec) -> MemorySettings:
    """Return the memory settings of a member, the spec's own where it has some."""
    settings = spec.postgresql
    return size_memory(
        choose_memory(node),
        choose_cpus(node),
        settings.max_connections,
        shared_buffers=settings.shared_buffers,
        work_mem=settings.work_mem,
    )
