"""Decide what may be done with the data disks.  Pure: facts in, a decision out.

The state table is in docs/first-boot.md; whatever is not in it is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Sequence

from generator.node.causes import Refused
from generator.node.storage.contents import BLANK, FOREIGN, UNLABELLED, Content

if TYPE_CHECKING:
    from generator.node.storage.intent import Intent
    from generator.node.storage.lvm import LogicalVolume, PhysicalVolume

CREATE = "create"
REUSE = "reuse"

BEGUN = "begun"
OURS = "ours"


class Facts(NamedTuple):
    """What was seen, by role: contents of the disks and LVM's view of them."""

    volume_group: str
    contents: dict[str, Content]
    physical: dict[str, PhysicalVolume | None]
    volumes: Sequence[LogicalVolume]
    volume_names: dict[str, str]
    group_disks: int


def decide(facts: Facts, intent: Intent | None) -> str:
    """Return CREATE (begin or go on with a creation) or REUSE (touch nothing).

    Raises:
        Refused: anything else than both blank, both begun by us, or both ours.
    """
    states = {role: _judge(facts, role, intent) for role in facts.contents}
    kinds = set(states.values())
    if kinds <= {BLANK, BEGUN}:
        if facts.group_disks:
            raise Refused(
                "disk-replaced", f"volume group {facts.volume_group} exists already, on other disks"
            )
        return CREATE
    if kinds != {OURS}:
        words = "; ".join(f"{facts.contents[role].words} ({role}: {state})" for role, state in states.items())
        raise Refused(
            "disk-replaced",
            f"only one disk of the pair belongs to volume group {facts.volume_group}: {words}",
        )
    return _judge_group(facts, intent)


def _judge(facts: Facts, role: str, intent: Intent | None) -> str:
    content = facts.contents[role]
    if content.kind == BLANK:
        return BLANK
    if content.kind == UNLABELLED and intent and intent.is_creating:
        return BLANK
    if content.kind in {FOREIGN, UNLABELLED}:
        raise Refused("disk-foreign", f"{content.words} ({role})")
    physical = facts.physical[role]
    if physical is None:
        raise Refused("disk-foreign", f"{content.words} that LVM itself does not see ({role})")
    if physical.vg_name == facts.volume_group:
        return OURS
    if physical.vg_name:
        raise Refused("disk-foreign", f"{content.words} of volume group {physical.vg_name} ({role})")
    if intent and intent.is_creating and intent.pv_uuid(role) == content.pv_uuid:
        return BEGUN
    raise Refused(
        "disk-foreign", f"{content.words} without a volume group, and not begun by this program ({role})"
    )


def _judge_group(facts: Facts, intent: Intent | None) -> str:
    physical = {role: pv for role, pv in facts.physical.items() if pv}
    if len({pv.vg_uuid for pv in physical.values()}) != 1:
        raise Refused(
            "disk-foreign", f"the disks belong to two groups that are both named {facts.volume_group}"
        )
    if facts.group_disks != len(physical):
        raise Refused(
            "volumes-incomplete",
            f"volume group {facts.volume_group} has {facts.group_disks} disks, not {len(physical)}",
        )
    is_ours_begun = bool(
        intent
        and intent.is_creating
        and all(intent.pv_uuid(role) == pv.uuid for role, pv in physical.items())
    )
    missing = _find_missing(facts, physical)
    if missing and not is_ours_begun:
        raise Refused("volumes-incomplete", f"volume group {facts.volume_group} lacks {', '.join(missing)}")
    return CREATE if is_ours_begun else REUSE


def _find_missing(facts: Facts, physical: dict[str, PhysicalVolume]) -> list[str]:
    missing = []
    by_name = {volume.name: volume for volume in facts.volumes}
    for role, name in facts.volume_names.items():
        volume = by_name.get(name)
        if volume is None:
            missing.append(name)
        elif set(volume.disks) != {physical[role].path}:
            place = ", ".join(sorted(set(volume.disks)))
            raise Refused(
                "volumes-misplaced", f"{name} ({role}) lies on {place}, not on {physical[role].path} alone"
            )
    return missing
