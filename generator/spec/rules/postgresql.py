"""PostgreSQL: its roles, and limits that follow from the number of members."""

from __future__ import annotations

from typing import TYPE_CHECKING

from generator.diagnostics import Problem, SpecPath
from generator.spec.rules.names import find_repeats
from generator.spec.rules.rule import rule
from generator.spec.topology import list_members

if TYPE_CHECKING:
    from collections.abc import Iterator

    from generator.spec.model import ClusterSpec

ROLE_KEYS = ("superuser", "replication_user", "rewind_user")
RESERVED_ROLES = frozenset({"public", "none", "current_role", "current_user", "session_user"})


@rule("duplicate-role-name", "reserved-name", reads=" ".join(f"postgresql.{key}" for key in ROLE_KEYS))
def check_roles(spec: ClusterSpec) -> Iterator[Problem]:
    """P11: three roles with different rights; pg_ belongs to PostgreSQL."""
    names: list[tuple[SpecPath, str]] = [
        (("postgresql", key), getattr(spec.postgresql, key)) for key in ROLE_KEYS
    ]
    for path, name, other in find_repeats(names):
        message = f"the role {name} is already used as {other[-1]}"
        yield Problem(
            "duplicate-role-name",
            message,
            path=path,
            hint="each needs a role of its own, with its own rights",
        )
    for path, name in names:
        if name.startswith("pg_") or name in RESERVED_ROLES:
            message = f"PostgreSQL keeps the role name {name} for itself"
            yield Problem("reserved-name", message, path=path)


@rule(
    "too-few-senders",
    reads=(
        "postgresql.max_wal_senders postgresql.max_replication_slots postgresql.slots "
        "groups.*.roles groups.*.nodes.*"
    ),
    is_partial=True,
)
def check_senders(spec: ClusterSpec) -> Iterator[Problem]:
    """P6: every member may have to feed all others, a base backup beside."""
    members, settings = len(list_members(spec)), spec.postgresql
    slots = len(settings.slots)
    wanted = {"max_wal_senders": members + 2 + slots, "max_replication_slots": members + slots}
    for key, least in wanted.items():
        value = getattr(settings, key)
        if value is not None and value < least:
            others = f" and {slots} slots" if slots else ""
            message = f"{key} = {value} is too little for {members} members{others}, which need {least}"
            yield Problem(
                "too-few-senders", message, path=("postgresql", key), hint="remove the key: Holster counts"
            )


RULES = (check_roles, check_senders)
