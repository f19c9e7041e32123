"""Datacenters: their networks, and whether the servers agree on one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from generator.diagnostics import Problem, Severity, SpecPath
from generator.spec.rules.rule import rule
from generator.spec.topology import choose_datacenter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from ipaddress import IPv4Network

    from generator.spec.model import ClusterSpec


def _list_networks(spec: ClusterSpec) -> list[tuple[SpecPath, str, IPv4Network]]:
    return [
        (("datacenters", name, index), name, network)
        for name, networks in spec.datacenters.items()
        for index, network in enumerate(networks)
    ]


@rule("datacenter-overlap", reads="datacenters.*.*", is_partial=True)
def check_overlap(spec: ClusterSpec) -> Iterator[Problem]:
    """An address must not be in two datacenters at once.

    A network inside another datacenter's larger one is no contradiction, as the
    longest prefix decides; it is pointed out because it is rarely meant.
    """
    enclosing: list[tuple[SpecPath, str, IPv4Network]] = []
    for path, name, network in sorted(_list_networks(spec), key=lambda entry: entry[2]):
        while enclosing and not network.subnet_of(enclosing[-1][2]):
            enclosing.pop()
        if enclosing:
            other, other_name, wide = enclosing[-1]
            if network == wide:
                message = f"{network} is already a network of the datacenter {other_name}"
                hint = "remove one of the two"
                yield Problem("datacenter-overlap", message, path=path, hint=hint, related=other)
            elif name != other_name:
                message = (
                    f"the longer prefix decides where {network} of {name} overlaps {wide} of {other_name}"
                )
                yield Problem("datacenter-overlap", message, Severity.WARNING, path=path, related=other)
        enclosing.append((path, name, network))


@rule("datacenter-disagreement", reads="datacenter datacenters groups.*.roles groups.*.nodes.*.address")
def check_agreement(spec: ClusterSpec) -> Iterator[Problem]:
    """Servers in different datacenters get the reserve name, as the original playbook meant."""
    choice = choose_datacenter(spec)
    if choice.is_reserve and spec.datacenters:
        message = f"the datacenter gets the name {choice.name}, a {choice.reason}"
        hint = "declare `datacenter`, or complete the networks in `datacenters`"
        yield Problem(
            "datacenter-disagreement",
            message,
            Severity.WARNING,
            path=("datacenters",),
            at_key=True,
            hint=hint,
        )


RULES = (check_overlap, check_agreement)
