"""What this machine is to become: the contents of `/etc/holster/node.json` as values.

Sizes are MiB, times seconds.  `document.py` reads them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Mapping

NODE_JSON = "/etc/holster/node.json"
ACL_JSON = "/etc/holster/acl.json"
SERVER = "consul-server"
MEMBER = "postgres"


@dataclass(frozen=True)
class Platform:
    """The operating system that the payload was rendered for."""

    name: str
    os_id: str
    os_version_major: str
    has_selinux: bool


@dataclass(frozen=True)
class Network:
    """The machine's address; `interface` is None when it is found on the machine."""

    address: str
    prefix_length: int
    interface: str | None


@dataclass(frozen=True)
class Peer:
    """A machine of the cluster; `is_member` where it runs PostgreSQL."""

    name: str
    fqdn: str
    address: str
    is_member: bool


@dataclass(frozen=True)
class PayloadFile:
    """A delivered file: who owns it, and what its bytes must be."""

    path: str
    owner: str
    group: str
    mode: int
    sha256: str


@dataclass(frozen=True)
class Folder:
    """A folder that the program makes."""

    path: str
    owner: str
    group: str
    mode: int


@dataclass(frozen=True)
class Source:
    """A file that holds a program: below `path` of this machine, or at `url`; `sha256` is the file's."""

    path: str | None
    url: str | None
    sha256: str


@dataclass(frozen=True)
class Program:
    """A program that must be there; with a source it is installed when it is absent."""

    path: str
    version: str
    source: Source | None = None


@dataclass(frozen=True)
class Units:
    """Names of systemd units."""

    consul: str
    patroni: str
    vip_manager: str
    chrony: str
    storage: str
    disabled: tuple[str, ...]


@dataclass(frozen=True)
class HugePages:
    """Pages of 2 MiB that the kernel reserves; `is_required` where PostgreSQL does not start without."""

    count: int
    is_required: bool


@dataclass(frozen=True)
class System:
    """Settings of the operating system."""

    timezone: str
    locales: tuple[str, ...]
    selinux: str | None
    firewall_zone: str | None
    watchdog: str
    sysctl_file: str | None
    huge_pages: HugePages | None
    tmpfiles: tuple[str, ...]
    time_servers: tuple[str, ...]
    time_wait: int


@dataclass(frozen=True)
class DiskRule:
    """One way to find a disk; sizes in MiB."""

    path: str | None
    serial: str | None
    wwn: str | None
    min_size: int | None
    max_size: int | None

    def describe(self) -> str:
        """Return the rule in words."""
        if self.path:
            return self.path
        if self.serial:
            return f"the disk with serial {self.serial}"
        if self.wwn:
            return f"the disk with WWN {self.wwn}"
        low = f"of at least {self.min_size} MiB" if self.min_size else ""
        high = f"of at most {self.max_size} MiB" if self.max_size else ""
        return f"a disk {' and '.join(part for part in (low, high) if part)}"


@dataclass(frozen=True)
class Volume:
    """One logical volume; `size` (MiB) wins over `percent`."""

    role: str
    name: str
    disk: DiskRule
    mount: str
    label: str
    percent: int
    size: int | None
    min_size: int
    directory: str


@dataclass(frozen=True)
class Storage:
    """The volume group of a member."""

    volume_group: str
    os_disk: str | None
    volumes: tuple[Volume, ...]


@dataclass(frozen=True)
class Consul:
    """This machine's Consul agent; the token is secret."""

    http: str
    servers: int
    agents: int
    config_dir: str
    data_dir: str
    agent_token: str


@dataclass(frozen=True)
class Patroni:
    """This machine's Patroni; the token is secret."""

    scope: str
    namespace: str
    member: str
    members: int
    rest: str
    rest_authority: str | None
    ttl: int
    first: str | None
    config: str
    token: str
    postgresql_port: int
    bin_dir: str
    superuser: str
    replication_user: str
    rewind_user: str
    roles: str | None

    def key(self, name: str) -> str:
        """Return a Consul key of this cluster; Consul's keys have no leading slash (reference trap 11)."""
        return f"{self.namespace.strip('/')}/{self.scope}/{name}"


@dataclass(frozen=True)
class Vip:
    """The virtual address; the token is secret and None in `patroni` mode."""

    address: str
    prefix_length: int
    mode: str
    port: int
    environment_file: str
    token: str | None


@dataclass(frozen=True)
class Node:
    """One machine, complete; `storage`, `patroni`, `vip` are None where it is no member."""

    tool_version: str
    cluster: str
    name: str
    fqdn: str
    instance_id: str
    roles: tuple[str, ...]
    platform: Platform
    network: Network
    peers: tuple[Peer, ...]
    files: tuple[PayloadFile, ...]
    folders: tuple[Folder, ...]
    programs: Mapping[str, Program]
    users: Mapping[str, str]
    units: Units
    system: System
    storage: Storage | None
    consul: Consul
    patroni: Patroni | None
    vip: Vip | None
    deadlines: Mapping[str, int]

    @property
    def is_server(self) -> bool:
        """Whether the machine is a Consul server."""
        return SERVER in self.roles
