"""Who is in the cluster, who may log in, and how machines are reached."""

from __future__ import annotations

from typing import TYPE_CHECKING

from generator.diagnostics import Problem, Severity
from generator.spec.rules.names import find_repeats
from generator.spec.rules.rule import rule
from generator.spec.topology import iterate_nodes, list_members, list_servers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from generator.spec.model import ClusterSpec

USUAL_SERVERS = (3, 5)


@rule("server-count", reads="groups.*.roles groups.*.nodes.* consul.allow_single_server")
def check_server_count(spec: ClusterSpec) -> Iterator[Problem]:
    """C1, C2: a quorum needs an odd number; bootstrap_expect is this number."""
    count = len(list_servers(spec))
    if count in USUAL_SERVERS or (count == 1 and spec.consul.allow_single_server):
        return
    hint = "give the role consul-server to 3 or 5 machines"
    if count == 0:
        message = "no machine has the role consul-server"
    elif count == 1:
        message = "there is 1 Consul server; its loss stops the cluster"
        hint += ", or set consul.allow_single_server: true for a trial"
    elif count % 2 == 0:
        message = f"there are {count} Consul servers, which bear no more losses than {count - 1}"
    else:
        message = f"there are {count} Consul servers; more than 5 only slow every write down"
    yield Problem("server-count", message, path=("groups",), hint=hint)


@rule("member-count", reads="groups.*.roles groups.*.nodes.*")
def check_member_count(spec: ClusterSpec) -> Iterator[Problem]:
    """P12: fewer than two members are no high availability."""
    count = len(list_members(spec))
    if count == 0:
        hint = "give the role postgres to at least two machines"
        yield Problem("member-count", "no machine has the role postgres", path=("groups",), hint=hint)
    elif count == 1:
        message = "there is 1 PostgreSQL machine: nothing takes over when it fails"
        yield Problem(
            "member-count", message, Severity.WARNING, path=("groups",), hint="a second one makes it so"
        )


@rule("duplicate-role", reads="groups.*.roles", is_partial=True)
def check_roles(spec: ClusterSpec) -> Iterator[Problem]:
    """A role is given once."""
    for name, group in spec.groups.items():
        roles = ((("groups", name, "roles", index), role) for index, role in enumerate(group.roles))
        for path, role, _ in find_repeats(roles):
            yield Problem(
                "duplicate-role", f"the role {role} is given twice", path=path, hint="remove one of the two"
            )


@rule(
    "nic-unknown", reads="groups.*.nodes.*.mac groups.*.nodes.*.interface network.interface", is_partial=True
)
def check_network_cards(spec: ClusterSpec) -> Iterator[Problem]:
    """The network card must be found before there is a network."""
    if spec.network.interface:
        return
    for path, node, _ in iterate_nodes(spec):
        if not node.mac and not node.interface:
            message = f"nothing tells which network card of {node.name} gets the address {node.address}"
            hint = "give the node a mac (it survives renamed cards) or an interface, or set network.interface"
            yield Problem("nic-unknown", message, path=path, hint=hint)


@rule("no-way-in", reads="access.ssh_keys access.console_password_hash")
def check_access(spec: ClusterSpec) -> Iterator[Problem]:
    """Without key and password nobody can look into a machine that does not come up."""
    if not spec.access.ssh_keys and spec.access.console_password_hash is None:
        message = "nobody can log in: there is neither an SSH key nor a console password"
        hint = "put your public key into access.ssh_keys"
        yield Problem("no-way-in", message, Severity.WARNING, path=("access", "ssh_keys"), hint=hint)


@rule("port-clash", "privileged-port", reads="ports", is_partial=True)
def check_ports(spec: ClusterSpec) -> Iterator[Problem]:
    """N2: every service has a port of its own; only sshd may bind one below 1024."""
    ports = [(name, getattr(spec.ports, name)) for name in type(spec.ports).model_fields]
    for path, port, other in find_repeats(((("ports", name), port) for name, port in ports)):
        yield Problem("port-clash", f"port {port} is already used by ports.{other[-1]}", path=path)
    for name, port in ports:
        if name != "ssh" and port < 1024:  # noqa: PLR2004 -- first port that needs no privilege
            message = f"port {port} needs root; this service runs as a user of its own"
            yield Problem("privileged-port", message, path=("ports", name), hint="use a port above 1023")


RULES = (check_server_count, check_member_count, check_roles, check_network_cards, check_access, check_ports)
