"""Patroni's tags of the members: somebody must be left who leads, and who is synchronous."""

from __future__ import annotations

from typing import TYPE_CHECKING

from generator.diagnostics import Problem, Severity
from generator.spec.model import Durability, Role, TagsSpec
from generator.spec.rules.rule import rule
from generator.spec.topology import iterate_nodes, list_members

if TYPE_CHECKING:
    from collections.abc import Iterator

    from generator.spec.model import ClusterSpec

NODES = "groups.*.roles groups.*.nodes.*"
PAIRS = (("nofailover", "failover_priority"), ("nosync", "sync_priority"))
"""A switch and the number that says the same: Patroni takes one of them."""


def may_lead(tags: TagsSpec) -> bool:
    """Say whether a member may become the leader."""
    return not tags.nofailover and tags.failover_priority != 0


def may_be_synchronous(tags: TagsSpec) -> bool:
    """Say whether a member may be a synchronous standby."""
    return not tags.nosync and tags.sync_priority != 0


@rule("tags", reads=NODES, is_partial=True)
def check_tags(spec: ClusterSpec) -> Iterator[Problem]:
    """Tags belong to members, one word for one meaning."""
    for path, node, roles in iterate_nodes(spec):
        if node.tags != TagsSpec() and Role.POSTGRES not in roles:
            message = f"{node.name} has tags and no PostgreSQL"
            yield Problem("tags", message, path=(*path, "tags"), at_key=True, hint="remove them")
        for switch, number in PAIRS:
            if getattr(node.tags, switch) and getattr(node.tags, number) is not None:
                message = f"{switch} and {number} say the same: Patroni takes one of them"
                yield Problem("tags", message, path=(*path, "tags", number), hint="remove one")


@rule("tags", reads=NODES)
def check_sources(spec: ClusterSpec) -> Iterator[Problem]:
    """A chain of replication begins at a member that follows the leader."""
    sources = {node.name: node.tags.replicatefrom for node in list_members(spec)}
    for path, node, _ in iterate_nodes(spec):
        source, seen = sources.get(node.name), {node.name}
        where = (*path, "tags", "replicatefrom")
        if source is not None and source not in sources:
            message = f"{node.name} cannot replicate from {source}: no member is called so"
            yield Problem("tags", message, path=where, hint=f"members: {', '.join(sources)}")
            continue
        while source is not None and source not in seen:
            seen.add(source)
            source = sources.get(source)
        if source == node.name:
            message = f"{node.name} would replicate from itself, by way of {sources[node.name]}"
            yield Problem("tags", message, path=where, hint="one of the chain must follow the leader")


@rule("no-candidate", reads=NODES)
def check_candidates(spec: ClusterSpec) -> Iterator[Problem]:
    """Without a member that may lead no database is made; with one, nothing takes over."""
    members = list_members(spec)
    leaders = [node.name for node in members if may_lead(node.tags)]
    if members and not leaders:
        message = "no member may become the leader: all have nofailover, or failover_priority 0"
        yield Problem("no-candidate", message, path=("groups",), at_key=True, hint="leave it out of two")
    elif len(members) > len(leaders) == 1:
        message = f"only {leaders[0]} may become the leader: nothing takes over when it fails"
        hint = "leave nofailover out of another member"
        yield Problem("no-candidate", message, Severity.WARNING, path=("groups",), at_key=True, hint=hint)


@rule("synchronous-standbys", reads=f"durability patroni.synchronous_node_count {NODES}")
def check_standbys(spec: ClusterSpec) -> Iterator[Problem]:
    """Whoever leads, enough standbys must be left that may be synchronous."""
    members, wanted = list_members(spec), spec.patroni.synchronous_node_count
    path = ("patroni", "synchronous_node_count")
    if spec.durability is Durability.ASYNCHRONOUS:
        if wanted is not None:
            message = "synchronous_node_count does nothing with asynchronous durability"
            hint = "remove it, or choose another durability"
            yield Problem("synchronous-standbys", message, path=path, at_key=True, hint=hint)
        return
    leaders = [node for node in members if may_lead(node.tags)]
    if len(members) == 1 or not leaders:
        return
    standbys = min(
        sum(may_be_synchronous(node.tags) for node in members if node is not leader) for leader in leaders
    )
    if standbys < (wanted or 1):
        message = f"synchronous standbys wanted: {wanted or 1}; with some leaders there are {standbys}"
        hint = "lower patroni.synchronous_node_count, or leave nosync out of more members"
        yield Problem("synchronous-standbys", message, path=path if wanted else ("durability",), hint=hint)


RULES = (check_tags, check_sources, check_candidates, check_standbys)
