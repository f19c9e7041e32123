"""Permanent replication slots: what Patroni and PostgreSQL demand of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from generator.diagnostics import Problem
from generator.spec.rules.rule import rule
from generator.spec.topology import list_members

if TYPE_CHECKING:
    from collections.abc import Iterator

    from generator.spec.model import ClusterSpec

LOGICAL_KEYS = ("database", "plugin")


def name_member_slot(member: str) -> str:
    """Return the slot that Patroni makes for a member (its `slot_name_from_member_name`)."""
    return member.replace("-", "_").replace(".", "_")[:63]


@rule("slot", reads="postgresql.slots postgresql.parameters groups.*.roles groups.*.nodes.*", is_partial=True)
def check_slots(spec: ClusterSpec) -> Iterator[Problem]:
    """A logical slot has a database and a plugin, and no slot is called like a member's own."""
    own = {name_member_slot(node.name): node.name for node in list_members(spec)}
    decodes = str(spec.postgresql.parameters.get("wal_level")).lower() == "logical"
    for name, slot in spec.postgresql.slots.items():
        path = ("postgresql", "slots", name)
        if name in own:
            message = f"the slot {name} is the one that Patroni makes for the member {own[name]}"
            yield Problem("slot", message, path=path, at_key=True, hint="choose another name")
        for key in LOGICAL_KEYS:
            is_given = getattr(slot, key) is not None
            if slot.type == "logical" and not is_given:
                yield Problem("slot", f"a logical slot needs a {key}", path=path, hint=f"add {key}")
            elif slot.type == "physical" and is_given:
                message = f"a physical slot has no {key}"
                yield Problem("slot", message, path=(*path, key), at_key=True, hint=f"remove {key}")
        if slot.type == "logical" and not decodes:
            message = f"the logical slot {name} needs wal_level logical"
            hint = "set wal_level: logical in postgresql.parameters"
            yield Problem("slot", message, path=path, hint=hint)


RULES = (check_slots,)
