"""Names: unique, not taken by someone else, short enough where they are joined."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, TypeVar

from generator.diagnostics import Problem, SpecPath
from generator.spec.defaults import choose_domain
from generator.spec.rules.rule import rule
from generator.spec.topology import choose_datacenter, iterate_nodes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from generator.spec.model import ClusterSpec

ValueT = TypeVar("ValueT", bound=Hashable)

RESERVED_HOSTS = frozenset({"localhost", "localdomain", "consul", "server", "client"})
"""Names that hosts files and Consul's certificates use otherwise."""
RESERVED_SCOPES = frozenset({"consul", "patroni", "postgres"})
MAX_HOST_NAME = 64
"""HOST_NAME_MAX of Linux; cloud-init and kickstart set the full name on RED OS and RHEL."""


def find_repeats(entries: Iterable[tuple[SpecPath, ValueT]]) -> Iterator[tuple[SpecPath, ValueT, SpecPath]]:
    """Yield path, value and the path of its first use for every value used again."""
    first: dict[ValueT, SpecPath] = {}
    for path, value in entries:
        if value in first:
            yield path, value, first[value]
        else:
            first[value] = path


@rule("duplicate-name", reads="groups.*.nodes.*.name", is_partial=True)
def check_node_names(spec: ClusterSpec) -> Iterator[Problem]:
    """C4, N1, P2: one machine, one name.

    Replication slots are named after members with `-` and `.` turned into `_`; names
    here are DNS labels without `_`, so different names have different slots.
    """
    names = (((*path, "name"), node.name) for path, node, _ in iterate_nodes(spec))
    for path, name, other in find_repeats(names):
        message = f"the name {name} is already used"
        hint = "every machine has its own name; one with several roles stands in one group with those roles"
        yield Problem("duplicate-name", message, path=path, hint=hint, related=other)


@rule("duplicate-mac", reads="groups.*.nodes.*.mac", is_partial=True)
def check_macs(spec: ClusterSpec) -> Iterator[Problem]:
    """N1: one network card, one machine."""
    macs = (((*path, "mac"), node.mac) for path, node, _ in iterate_nodes(spec) if node.mac)
    for path, mac, other in find_repeats(macs):
        yield Problem("duplicate-mac", f"the MAC address {mac} is already used", path=path, related=other)


@rule("reserved-name", reads="groups.*.nodes.*.name cluster", is_partial=True)
def check_reserved_names(spec: ClusterSpec) -> Iterator[Problem]:
    """A machine or cluster must not be called like something that exists already."""
    if spec.cluster in RESERVED_SCOPES:
        message = f"the name {spec.cluster} is taken by a Consul service or a system user"
        yield Problem("reserved-name", message, path=("cluster",))
    for path, node, _ in iterate_nodes(spec):
        if node.name in RESERVED_HOSTS or node.name.isdecimal():
            message = f"a machine cannot be called {node.name}: that name means something else"
            yield Problem("reserved-name", message, path=(*path, "name"))


@rule("long-name", reads="groups.*.nodes.*.name cluster system.domain", is_partial=True)
def check_host_name_length(spec: ClusterSpec) -> Iterator[Problem]:
    """The full host name must fit into the kernel's limit."""
    domain = choose_domain(spec)
    for path, node, _ in iterate_nodes(spec):
        full = f"{node.name}.{domain}"
        if len(full) > MAX_HOST_NAME:
            message = f"the host name {full} has {len(full)} characters; Linux allows {MAX_HOST_NAME}"
            hint = "shorten the name, the cluster's name or system.domain"
            yield Problem("long-name", message, path=(*path, "name"), hint=hint)


@rule("long-name", reads="cluster datacenter datacenters groups.*.roles groups.*.nodes.*.address")
def check_datacenter_length(spec: ClusterSpec) -> Iterator[Problem]:
    """C4: the datacenter is a DNS label, the reserve name too."""
    name = choose_datacenter(spec).name
    if len(name) > 63:  # noqa: PLR2004 -- the length of a DNS label, RFC 1035
        message = (
            f"the datacenter would be called {name}: {len(name)} characters, and a DNS label has at most 63"
        )
        yield Problem(
            "long-name", message, path=("cluster",), hint="declare `datacenter`, or shorten the name"
        )


RULES = (check_node_names, check_macs, check_reserved_names, check_host_name_length, check_datacenter_length)
