"""PostgreSQL's memory against the machine's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from generator.diagnostics import Problem, Severity
from generator.sizing import DEFAULT_MEMORY_MIB
from generator.spec.memory import size_member
from generator.spec.model import Role
from generator.spec.rules.rule import rule
from generator.spec.topology import iterate_nodes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from generator.spec.model import ClusterSpec

BUFFERS_SHARE = 0.4
TOTAL_SHARE = 0.9


@rule("memory-unknown", reads="groups.*.roles groups.*.nodes.*.memory", is_partial=True)
def check_known(spec: ClusterSpec) -> Iterator[Problem]:
    """Sizes by default are safe for a small machine and waste a large one."""
    for path, node, roles in iterate_nodes(spec):
        if Role.POSTGRES in roles and node.memory is None:
            message = (
                f"the memory of {node.name} is unknown: PostgreSQL is sized for {DEFAULT_MEMORY_MIB} MiB"
            )
            hint = "add memory: 8GiB (or whatever it has)"
            yield Problem("memory-unknown", message, Severity.WARNING, path=path, hint=hint)


@rule(
    "memory-overcommitted",
    reads=(
        "groups.*.roles groups.*.nodes.*.memory groups.*.nodes.*.cpus "
        "postgresql.shared_buffers postgresql.work_mem postgresql.max_connections"
    ),
    is_partial=True,
)
def check_memory(spec: ClusterSpec) -> Iterator[Problem]:
    """P8: shared_buffers up to 40 % of memory, with one work_mem for each client up to 90 %."""
    settings = spec.postgresql
    for path, node, roles in iterate_nodes(spec):
        if Role.POSTGRES not in roles or node.memory is None:
            continue
        sizes = size_member(spec, node)
        total = sizes.shared_buffers + settings.max_connections * sizes.work_mem
        severity = Severity.WARNING
        if sizes.shared_buffers >= node.memory:
            severity = Severity.ERROR
            message = (
                f"shared_buffers = {sizes.shared_buffers} MiB do not fit into the {node.memory} MiB of "
                f"{node.name}: PostgreSQL would not start"
            )
        elif sizes.shared_buffers > node.memory * BUFFERS_SHARE:
            message = (
                f"shared_buffers = {sizes.shared_buffers} MiB is more than 40 % of "
                f"the {node.memory} MiB of {node.name}"
            )
        elif total > node.memory * TOTAL_SHARE:
            message = (
                f"shared_buffers {sizes.shared_buffers} + max_connections {settings.max_connections} * "
                f"work_mem {sizes.work_mem} = {total} MiB is more than 90 % of "
                f"the {node.memory} MiB of {node.name}"
            )
        else:
            continue
        hint = "lower postgresql.max_connections, shared_buffers or work_mem, or give the machine more memory"
        yield Problem("memory-overcommitted", message, severity, path=(*path, "memory"), hint=hint)


RULES = (check_known, check_memory)
