"""Huge pages that the spec demands, where a member cannot reserve them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from generator.diagnostics import Problem
from generator.platforms.defaults import find_major
from generator.platforms.huge_pages import plan_huge_pages
from generator.spec.model import Role
from generator.spec.rules.rule import Rule, rule
from generator.spec.topology import iterate_nodes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from generator.platforms.profile import PlatformProfile
    from generator.spec.model import ClusterSpec


@rule(
    "huge-pages",
    reads="platform platform_overrides components.postgresql.version groups.*.roles groups.*.nodes.*.memory "
    "groups.*.nodes.*.cpus postgresql.parameters postgresql.slots postgresql.shared_buffers "
    "postgresql.work_mem postgresql.max_connections postgresql.max_worker_processes "
    "postgresql.max_wal_senders postgresql.max_prepared_transactions postgresql.max_locks_per_transaction",
    is_partial=True,
)
def check_huge_pages(spec: ClusterSpec, profile: PlatformProfile) -> Iterator[Problem]:
    """With `on` PostgreSQL starts only when all its pages are reserved: on every member, or on none."""
    major = find_major(spec, profile)
    for _, node, roles in iterate_nodes(spec):
        plan = plan_huge_pages(spec, node, major) if Role.POSTGRES in roles else None
        if plan and plan.is_required and plan.hindrance:
            reason, remedy = plan.hindrance
            message = f"huge_pages cannot be on, PostgreSQL would not start: {reason}"
            hint = f"{remedy}; or remove huge_pages: Holster sets try, which goes on without"
            yield Problem("huge-pages", message, path=("postgresql", "parameters", "huge_pages"), hint=hint)
            return


RULES: tuple[Rule, ...] = (check_huge_pages,)
