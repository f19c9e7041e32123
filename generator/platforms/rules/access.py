"""Who reaches which port."""

from __future__ import annotations

from typing import TYPE_CHECKING

from generator.diagnostics import Problem, Severity
from generator.platforms.rules.reads import FACTS
from generator.spec.defaults import choose_clients
from generator.spec.rules.rule import Rule, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from generator.platforms.profile import PlatformProfile
    from generator.spec.model import ClusterSpec


SSH_PORT = 22


@rule(
    "address-outside-network",
    reads=f"{FACTS} postgresql.hba.* network.prefix network.clients",
    is_partial=True,
)
def check_client_rules(spec: ClusterSpec, profile: PlatformProfile) -> Iterator[Problem]:
    """A line of pg_hba.conf lets nobody in whom the firewall keeps out."""
    clients = choose_clients(spec)
    for index, line in enumerate(spec.postgresql.hba):
        if line.method == "reject" or line.address is None or line.address.is_loopback:
            continue
        if not any(line.address.overlaps(network) for network in clients):
            message = f"nobody in {line.address} reaches PostgreSQL: network.clients does not have it"
            hint = f"add {line.address} to network.clients, from which the firewall is made"
            if profile.firewall == "none":
                message = f"this line lets {line.address} in, and network.clients does not have it"
                hint = f"add {line.address} to network.clients, or remove the line"
            path = ("postgresql", "hba", index, "address")
            yield Problem("address-outside-network", message, Severity.WARNING, path=path, hint=hint)


@rule("no-firewall", reads=f"{FACTS} network.admins network.monitors ports", is_partial=True)
def check_firewall(spec: ClusterSpec, profile: PlatformProfile) -> Iterator[Problem]:
    """Without a firewall nobody is kept out: not by the keys that become its rules, nor from what listens."""
    network, ports = spec.network, spec.ports
    if profile.firewall != "none":
        return
    message = "nothing filters: PostgreSQL and Patroni's REST interface listen on every address of a member"
    hint = f"limit who reaches the ports {ports.postgresql} and {ports.patroni} in the network, or remove it"
    yield Problem(
        "no-firewall", message, Severity.WARNING, path=("platform_overrides", "firewall"), hint=hint
    )
    given = {"admins": network.admins is not None, "monitors": bool(network.monitors)}
    for key, port in {"admins": ports.ssh, "monitors": ports.patroni}.items():
        if given[key]:
            message = f"network.{key} does nothing: these machines get no firewall (platform_overrides)"
            hint = f"remove `firewall: none`, or {key}, and limit who reaches port {port} in the network"
            yield Problem(
                "no-firewall", message, Severity.WARNING, path=("network", key), at_key=True, hint=hint
            )


@rule("ssh-port", reads=f"{FACTS} ports.ssh system.selinux")
def check_ssh_port(spec: ClusterSpec, profile: PlatformProfile) -> Iterator[Problem]:
    """Trap 34 and promise 6: a machine that nobody can enter tells nobody why."""
    port = spec.ports.ssh
    if port == SSH_PORT:
        return
    if profile.paths.sshd_dropin_dir is None:
        message = (
            f"on {profile.title} only the installer sets the SSH port; a machine from the image keeps 22"
        )
        hint = f"with an image, give sshd the port {port} in it: the firewall opens no other"
    elif profile.has_selinux and spec.system.selinux == "enforcing":
        message = f"SELinux lets sshd use port {SSH_PORT} only; it will not start on {port}"
        hint = (
            f"label it in the image (`semanage port -a -t ssh_port_t -p tcp {port}`), or stay with {SSH_PORT}"
        )
    else:
        return
    yield Problem("ssh-port", message, Severity.WARNING, path=("ports", "ssh"), hint=hint)


RULES: tuple[Rule, ...] = (check_client_rules, check_firewall, check_ssh_port)
