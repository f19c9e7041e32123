"""Every folder and file name of Holster, in one place.

In: nothing.  Out: names.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

PACKAGE = Path(__file__).resolve().parent


def find_resources() -> Path:
    """Return the folder that holds `templates/`, `packer/`, `kickstart/`, `examples/`.

    A checkout has them beside the package, a wheel inside it.
    """
    packed = PACKAGE / "_resources"
    return packed if packed.is_dir() else PACKAGE.parent


@dataclass(frozen=True)
class ClusterOutput:
    """The output folder of one cluster; other programs rely on these names."""

    root: Path

    @property
    def manifest(self) -> Path:
        """The list of every file with digest, mode and secret flag."""
        return self.root / MANIFEST

    @property
    def packer(self) -> Path:
        """What builds the golden image."""
        return self.root / PACKER

    @property
    def clients(self) -> Path:
        """What clients of the cluster need."""
        return self.root / CLIENTS

    def node(self, name: str) -> Path:
        """Return the folder of one node."""
        return self.root / NODES / name


MANIFEST = "manifest.json"
PLATFORM = "platform.json"
"""The facts of the platform that the files were rendered for, the spec's overrides included."""
NODES = "nodes"
PACKER = "packer"
CLIENTS = "clients"
PAYLOAD = "payload"
KICKSTART = "ks.cfg"
USER_DATA = "user-data"
META_DATA = "meta-data"
NETWORK_CONFIG = "network-config"
SEED_ISO = "seed.iso"
OEMDRV_ISO = "oemdrv.iso"
PAYLOAD_ARCHIVE = "payload.tar"
NODE_PROGRAM = "holster-node"

SEED_LABEL = "cidata"
OEMDRV_LABEL = "OEMDRV"


def node_path(node: str, name: str) -> PurePosixPath:
    """Return the path of a node's file relative to the cluster's output folder."""
    return PurePosixPath(NODES, node, name)


def payload_path(node: str, absolute: str) -> PurePosixPath:
    """Return where the payload file `absolute` (`/etc/…`) of a node is kept."""
    return PurePosixPath(NODES, node, PAYLOAD, absolute.removeprefix("/"))


PGPASS = ".pgpass_patroni"
"""The password file, in the home of PostgreSQL's user: Patroni wants its folder to be writable."""


class NodePaths:
    """Names on the node itself, the same on every platform."""

    config_dir = "/etc/holster"
    node_json = "/etc/holster/node.json"
    acl_json = "/etc/holster/acl.json"
    vip_environment = "/etc/holster/vip-manager.env"
    roles_sql = "/etc/holster/roles.sql"
    member_tls = "/etc/holster/tls"
    state_dir = "/var/lib/holster"
    sealed = "/var/lib/holster/sealed"
    delivered = "/var/lib/holster/delivered"
    journald_config = "/etc/systemd/journald.conf.d/10-holster.conf"
    sudoers = "/etc/sudoers.d/10-holster"
    sshd_dropin = "10-holster.conf"
    """In a folder that is the platform's."""
    firewalld = "/etc/firewalld"
    firewall_zone = "/etc/firewalld/zones/holster.xml"
    firewall_rules = "/etc/holster/firewall.nft"
    firewall_unit = "holster-firewall.service"
    node_program = "/usr/local/sbin/holster-node"
    firstboot_unit = "holster-firstboot.service"
    wheels_home = "/opt/patroni"
