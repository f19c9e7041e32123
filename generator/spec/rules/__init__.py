"""Rules about several values of a spec together, one function each, by topic.

In: a ClusterSpec.  Out: problems.

Sources of the numbers: the project's reference notes §8; each rule names its row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from generator.spec.rules import (
    addresses,
    cluster,
    components,
    datacenters,
    disks,
    durability,
    hba,
    locales,
    memory,
    names,
    parameters,
    postgresql,
    slots,
    tags,
    timing,
    volumes,
    wal,
)

if TYPE_CHECKING:
    from generator.spec.rules.rule import Rule

RULES: tuple[Rule, ...] = (
    *names.RULES,
    *cluster.RULES,
    *durability.RULES,
    *tags.RULES,
    *datacenters.RULES,
    *addresses.RULES,
    *hba.RULES,
    *disks.RULES,
    *volumes.RULES,
    *timing.RULES,
    *postgresql.RULES,
    *locales.RULES,
    *slots.RULES,
    *parameters.RULES,
    *wal.RULES,
    *memory.RULES,
    *components.RULES,
)
