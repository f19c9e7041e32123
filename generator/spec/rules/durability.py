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


@rule("no-watchdog", reads="durability patroni.watchdog groups.*.roles groups.*.nodes.*", is_partial=True)
def check_watchdog(spec: ClusterSpec) -> Iterator[Problem]:
    """A leader whose Patroni hangs stays a primary beside the next; only a watchdog ends it.

    In the other modes its commits wait for the standby that it lost (docs/lab.md, scenario 15).
    """
    watchdog = spec.patroni.watchdog
    is_alone = len(list_members(spec)) < PAIR
    if spec.durability is not Durability.ASYNCHRONOUS or is_alone or watchdog == "required":
        return
    when = "without a watchdog" if watchdog == "off" else "where a machine has no watchdog that resets it"
    message = (
        f"{when}, a leader whose Patroni hangs goes on beside the next one, "
        "and with asynchronous durability it acknowledges commits that are lost"
    )
    hint = "set patroni.watchdog: required, or choose another durability"
    is_given = "watchdog" in spec.patroni.model_fields_set
    path = ("patroni", "watchdog") if is_given else ("durability",)
    yield Problem("no-watchdog", message, Severity.WARNING, path=path, hint=hint)


RULES = (check_durability, check_watchdog)
