"""What an acknowledged commit survives, and what that demands of the members."""

from __future__ import annotations

from typing import TYPE_CHECKING

from generator.diagnostics import Problem, Severity
from generator.spec.model import Durability
from generator.spec.rules.rule import rule
from generator.spec.topology import list_members

if TYPE_CHECKING:
    from collections.abc import Iterator

    from generator.spec.model import ClusterSpec

PAIR = 2


@rule("durability-members", "strict-blocks-writes", reads="durability groups.*.roles groups.*.nodes.*")
def check_durability(spec: ClusterSpec) -> Iterator[Problem]:
    """P10: a second copy needs a second member; strict with two of them stops writes."""
    count, wanted = len(list_members(spec)), spec.durability
    if wanted is Durability.ASYNCHRONOUS:
        return
    if count < PAIR:
        message = f"{wanted} durability keeps each commit on two members; there is {count}"
        hint = "add a machine with the role postgres, or choose asynchronous"
        yield Problem("durability-members", message, path=("durability",), hint=hint)
    elif count == PAIR and wanted is Durability.SYNCHRONOUS_STRICT:
        message = "with two members, synchronous-strict stops every write while one of them is away"
        hint = "choose synchronous to go on with one copy, or add a third member"
        yield Problem("strict-blocks-writes", message, Severity.WARNING, path=("durability",), hint=hint)


RULES = (check_durability,)
