"""The payload of a node: every file that stands on it after its first boot.

One table says which file comes from which template, whom it belongs to and which
machines get it.  Both ways of delivery (cloud-init, kickstart) take it from here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from generator.credentials.certificates import rewrite_certificate, rewrite_key
from generator.layout import PGPASS, NodePaths, payload_path
from generator.render.consul import describe_acl
from generator.render.json_text import to_json
from generator.render.node_json import describe_node, digest_instance
from generator.render.rendered import RenderedFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from generator.credentials.bundle import CredentialBundle
    from generator.platforms.profile import PlatformProfile
    from generator.render.cluster_view import ClusterView, RepositoryView
    from generator.render.node_view import NodeView
    from generator.resolve.cluster import ResolvedNode

SYSTEMD = "/etc/systemd/system"


@dataclass(frozen=True, slots=True)
class PayloadFile:
    """One file of a node with its final owner, group and mode."""

    path: str
    content: bytes = field(repr=False)
    owner: str = "root"
    group: str = "root"
    mode: int = 0o644
    is_secret: bool = False

    @property
    def permissions(self) -> str:
        """The mode as cloud-init wants it: an octal string."""
        return f"0{self.mode:o}"

    @property
    def text(self) -> str:
        """The content; every payload file is UTF-8 text."""
        return self.content.decode()


def _always(_node: ResolvedNode) -> bool:
    return True


def _member(node: ResolvedNode) -> bool:
    return node.is_member


def _has_watchdog(node: ResolvedNode) -> bool:
    return node.is_member and node.cluster.spec.patroni.watchdog != "off"


def _has_sshd_dropin(node: ResolvedNode) -> bool:
    return node.cluster.platform.paths.sshd_dropin_dir is not None


def _has_firewalld(node: ResolvedNode) -> bool:
    return node.cluster.platform.firewall == "firewalld"


def _has_nftables(node: ResolvedNode) -> bool:
    return node.cluster.platform.firewall == "nftables"


def _has_time_servers(node: ResolvedNode) -> bool:
    # None named: the file of the platform's package stays, as the spec's reference says.
    return bool(node.cluster.spec.network.ntp)


def _has_chrony_wait(node: ResolvedNode) -> bool:
    return node.cluster.platform.family == "rpm"


def _unit(name: str) -> Callable[[PlatformProfile], str]:
    return lambda _facts: f"{SYSTEMD}/{name}"


def _fixed(path: str) -> Callable[[PlatformProfile], str]:
    return lambda _facts: path


@dataclass(frozen=True, slots=True)
class PayloadEntry:
    """A row of the table.

    `owner` and `group` are `root` or the name of a fact in the profile's `users`.
    """

    template: str
    path: Callable[[PlatformProfile], str]
    owner: str = "root"
    group: str = "root"
    mode: int = 0o644
    is_secret: bool = False
    applies: Callable[[ResolvedNode], bool] = _always


TABLE: tuple[PayloadEntry, ...] = (
    PayloadEntry(
        "consul.hcl",
        lambda facts: f"{facts.paths.consul_config_dir}/consul.hcl",
        group="consul",
        mode=0o640,
        is_secret=True,
    ),
    PayloadEntry("consul.service", lambda facts: f"{SYSTEMD}/{facts.units.consul}"),
    PayloadEntry(NodePaths.firstboot_unit, _unit(NodePaths.firstboot_unit)),
    PayloadEntry("hosts", _fixed("/etc/hosts")),
    PayloadEntry("chrony.conf", lambda facts: facts.paths.chrony_config, applies=_has_time_servers),
    PayloadEntry(
        "chrony-wait.conf", _unit("chrony-wait.service.d/10-holster.conf"), applies=_has_chrony_wait
    ),
    PayloadEntry("sysctl.conf", _fixed("/etc/sysctl.d/90-holster.conf")),
    PayloadEntry("journald.conf", _fixed(NodePaths.journald_config)),
    PayloadEntry("firewall-zone.xml", _fixed(NodePaths.firewall_zone), applies=_has_firewalld),
    PayloadEntry("firewall.nft", _fixed(NodePaths.firewall_rules), applies=_has_nftables),
    PayloadEntry("holster-firewall.service", _unit(NodePaths.firewall_unit), applies=_has_nftables),
    PayloadEntry("nftables-flush.conf", _unit("nftables.service.d/10-holster.conf"), applies=_has_nftables),
    PayloadEntry("sudoers", _fixed(NodePaths.sudoers), mode=0o440),
    PayloadEntry(
        "sshd.conf",
        lambda facts: f"{facts.paths.sshd_dropin_dir}/{NodePaths.sshd_dropin}",
        mode=0o600,
        applies=_has_sshd_dropin,
    ),
    PayloadEntry(
        "patroni.yml",
        lambda facts: facts.paths.patroni_config,
        owner="postgres",
        group="postgres",
        mode=0o600,
        is_secret=True,
        applies=_member,
    ),
    PayloadEntry(
        "pgpass",
        lambda facts: f"{facts.users.postgres_home}/{PGPASS}",
        owner="postgres",
        group="postgres",
        mode=0o600,
        is_secret=True,
        applies=_member,
    ),
    PayloadEntry(
        "roles.sql",
        _fixed(NodePaths.roles_sql),
        owner="postgres",
        group="postgres",
        mode=0o600,
        is_secret=True,
        applies=_member,
    ),
    PayloadEntry("patroni.service", lambda facts: f"{SYSTEMD}/{facts.units.patroni}", applies=_member),
    PayloadEntry("holster-storage.service", _unit("holster-storage.service"), applies=_member),
    PayloadEntry(
        "vip-manager.yml",
        lambda facts: facts.paths.vip_manager_config,
        mode=0o600,
        is_secret=True,
        applies=_member,
    ),
    PayloadEntry(
        "vip-manager.service", lambda facts: f"{SYSTEMD}/{facts.units.vip_manager}", applies=_member
    ),
    PayloadEntry("tmpfiles.conf", _fixed("/etc/tmpfiles.d/holster.conf"), applies=_member),
    PayloadEntry(
        "watchdog.rules", _fixed("/etc/udev/rules.d/90-holster-watchdog.rules"), applies=_has_watchdog
    ),
    PayloadEntry("modules-load.conf", _fixed("/etc/modules-load.d/holster.conf"), applies=_has_watchdog),
)


def _account(facts: PlatformProfile, name: str) -> str:
    return {"consul": facts.users.consul, "postgres": facts.users.postgres}.get(name, name)


def _render_table(node: ResolvedNode, view: NodeView) -> Iterator[PayloadFile]:
    facts = node.cluster.platform
    for entry in TABLE:
        if entry.applies(node):
            text = view.cluster.render(f"payload/{entry.template}", node=view)
            yield PayloadFile(
                entry.path(facts),
                text.encode(),
                _account(facts, entry.owner),
                _account(facts, entry.group),
                entry.mode,
                entry.is_secret,
            )


def render_repository(
    repository: RepositoryView, cluster: ClusterView, facts: PlatformProfile
) -> PayloadFile:
    """Return the repository's file in the format of the platform's package manager."""
    kind, suffix = ("yum.repo", "repo") if facts.family == "rpm" else ("apt.sources", "sources")
    text = cluster.render(f"payload/{kind}", repository=repository)
    return PayloadFile(f"{facts.paths.repositories_dir}/{repository.name}.{suffix}", text.encode())


def _render_tls(node: ResolvedNode, bundle: CredentialBundle, view: NodeView) -> Iterator[PayloadFile]:
    group, own = node.cluster.platform.users.consul, bundle.nodes[node.name]
    authority = rewrite_certificate(bundle.authority.certificate)
    yield PayloadFile(view.ca_file, authority.encode(), group=group)
    yield PayloadFile(view.certificate_file, rewrite_certificate(own.certificate).encode(), group=group)
    key = rewrite_key(own.key.get_secret_value())
    yield PayloadFile(view.key_file, key.encode(), group=group, mode=0o640, is_secret=True)


def _render_member_tls(node: ResolvedNode, bundle: CredentialBundle) -> Iterator[PayloadFile]:
    """Yield the authority, and certificate and key of each server of a member that has one."""
    if not node.is_member:
        return
    folder, user = NodePaths.member_tls, node.cluster.platform.users.postgres
    authority = rewrite_certificate(bundle.authority.certificate)
    yield PayloadFile(f"{folder}/ca.pem", authority.encode())
    credentials = bundle.nodes[node.name]
    pairs = {"patroni": credentials.patroni}
    if node.cluster.has_tls:
        pairs["server"] = credentials.postgresql
    for name, own in pairs.items():
        if own is None:
            raise AssertionError("a bundle that is rendered has certificates for every member")
        yield PayloadFile(f"{folder}/{name}.pem", rewrite_certificate(own.certificate).encode())
        # PostgreSQL refuses a key that its group may read, unless root owns it.
        key = rewrite_key(own.key.get_secret_value()).encode()
        yield PayloadFile(f"{folder}/{name}.key", key, user, user, 0o600, is_secret=True)


def render_payload(
    node: ResolvedNode,
    bundle: CredentialBundle,
    view: NodeView,
    *,
    boot_inputs: bytes,
    tool_version: str,
) -> tuple[tuple[PayloadFile, ...], str]:
    """Return the node's payload and its instance-id.

    The files are sorted by path; node.json comes last, because the first boot waits
    for it: a delivery that broke off leaves none.

    Args:
        node: the machine.
        bundle: the secrets of its cluster.
        view: the machine as templates see it.
        boot_inputs: what else decides the first boot (users, network); part of the instance-id.
        tool_version: written into node.json; not part of the instance-id.
    """
    facts, cluster = node.cluster.platform, view.cluster
    files = [
        *_render_table(node, view),
        *_render_tls(node, bundle, view),
        *_render_member_tls(node, bundle),
    ]
    files += [render_repository(repository, cluster, facts) for repository in cluster.repositories]
    if node.is_server:
        files.append(
            PayloadFile(
                NodePaths.acl_json, to_json(describe_acl(node.cluster, bundle)), mode=0o600, is_secret=True
            )
        )
    files.sort(key=lambda file: file.path)
    document = describe_node(node, bundle, files)
    instance_id = f"{node.cluster.name}-{node.name}-{digest_instance(document, boot_inputs)}"
    content = to_json(
        {"holster_node": 1, "tool_version": tool_version, "instance_id": instance_id, **document}
    )
    files.append(PayloadFile(NodePaths.node_json, content, mode=0o600, is_secret=True))
    return tuple(files), instance_id


def to_rendered(node: ResolvedNode, file: PayloadFile) -> RenderedFile:
    """Return the payload file with its place in the output."""
    return RenderedFile(
        payload_path(node.name, file.path), file.content, file.is_secret, file.owner, file.group, file.mode
    )
