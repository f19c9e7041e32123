"""The shape of a cluster spec: frozen models that refuse unknown keys.

What one value must look like stands in fields.py and network_fields.py, what several values must
fulfil together in rules/.  Defaults that depend on the platform or on other
values are None here and decided in resolve.py.

The text below an attribute is its documentation: schema.py and reference.py
read it from this file, so that it costs nothing when a spec is loaded.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, StrictInt, Tag

from generator.spec.disk_ids import DiskSerial, DiskWwn
from generator.spec.fields import (
    AbsolutePath,
    Count,
    Encoding,
    Flag,
    GroupName,
    HbaNames,
    KeyboardLayout,
    Locale,
    LvmName,
    Namespace,
    PackageName,
    ParameterName,
    ParameterValue,
    PasswordHash,
    Release,
    RepositoryId,
    Scope,
    Sha256,
    SizeMib,
    SlotName,
    SqlName,
    SuiteName,
    TimeZone,
    UnixName,
    Version,
    Wheel,
)
from generator.spec.network_fields import (
    Address,
    DhcpRange,
    DnsLabel,
    DnsName,
    InterfaceName,
    MacAddress,
    Network,
    Port,
    TimeServer,
)
from generator.spec.ssh_fields import SshPublicKey
from generator.spec.url_fields import Checksum, RepositoryUrl, Url, UrlOrPath


class SpecModel(BaseModel):
    """Base of every section: immutable, no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Role(StrEnum):
    """What a machine does in the cluster; a group may carry several."""

    CONSUL_SERVER = "consul-server"
    POSTGRES = "postgres"


class Durability(StrEnum):
    """What an acknowledged commit survives; there is no default, people must choose."""

    ASYNCHRONOUS = "asynchronous"
    SYNCHRONOUS = "synchronous"
    SYNCHRONOUS_STRICT = "synchronous-strict"
    QUORUM = "quorum"


class DiskSelector(SpecModel):
    """How a data disk is recognised: one of path, serial, wwn or a size rule."""

    path: AbsolutePath | None = None
    """A device path; one below /dev/disk/by-id or by-path stays the same at every boot."""
    serial: DiskSerial | None = None
    """The serial number, as `lsblk -o SERIAL` prints it. Of a longer one than the disk has room for
    (20 characters on virtio-blk, SATA and NVMe), the beginning counts."""
    wwn: DiskWwn | None = None
    """The world-wide name, as `lsblk -o WWN` or `multipath -ll` prints it: with or without 0x, naa., eui.,
    uuid., nvme.; upper or lower case."""
    min_size: SizeMib | None = None
    """The only disk of at least this size (and of at most `max_size`)."""
    max_size: SizeMib | None = None
    """The only disk of at most this size (and of at least `min_size`)."""


SELECTOR_TAG = "disk-as-mapping"
PATH_TAG = "disk-as-path"


def _tell_disk(value: Any) -> str:
    """Say which form a disk is written in, so that only that form's problems are reported."""
    return SELECTOR_TAG if isinstance(value, dict | DiskSelector) else PATH_TAG


Disk = Annotated[
    Annotated[DiskSelector, Tag(SELECTOR_TAG)] | Annotated[AbsolutePath, Tag(PATH_TAG)],
    Discriminator(_tell_disk),
]


class VolumeSpec(SpecModel):
    """One logical volume on a disk of its own."""

    disk: Disk | None = None
    """A device path, or a mapping with one of path, serial, wwn, min_size and max_size.
    Default: /dev/sdb for data, /dev/sdc for WAL."""
    name: LvmName | None = None
    """The logical volume's name. Default: pg_data, pg_wal."""
    mount: AbsolutePath | None = None
    """Where it is mounted. Default: /pgdata, /pgwal."""
    percent: Annotated[StrictInt, Field(ge=1, le=100)] | None = None
    """The volume's share of its disk; the rest stays free for snapshots. Default: 95."""
    size: SizeMib | None = None
    """The volume's size, instead of `percent`. Default: by `percent`."""
    disk_size: SizeMib | None = None
    """The disk's size: lets Holster compare the WAL volume with the WAL that may pile up.
    Default: unknown, with a warning for the WAL disk."""


class StorageSpec(SpecModel):
    """The volume group over the data and the WAL disk."""

    volume_group: LvmName | None = None
    """The volume group's name. Default: pg."""
    data: VolumeSpec = VolumeSpec()
    """The volume of the data directory."""
    wal: VolumeSpec = VolumeSpec()
    """The volume of the write-ahead log."""
    os_disk: AbsolutePath | None = None
    """The one disk that the installer clears and uses. Default: /dev/sda."""


class TagsSpec(SpecModel):
    """What a member may not do, or does before others: Patroni's tags of that name."""

    nofailover: Flag = False
    """Never become the leader; such a member does not make the database either."""
    failover_priority: Annotated[StrictInt, Field(ge=0, le=1000)] | None = None
    """Among equals the highest becomes the leader, 0 never does; from Patroni 3.2 on. Default: 1."""
    nosync: Flag = False
    """Never be a synchronous standby."""
    sync_priority: Annotated[StrictInt, Field(ge=0, le=1000)] | None = None
    """The highest becomes synchronous first, 0 never does; from Patroni 4.1 on. Default: 1."""
    noloadbalance: Flag = False
    """Answer 503 to load balancers that look for replicas (`GET /replica`)."""
    clonefrom: Flag = False
    """New replicas are copied from here rather than from the leader."""
    replicatefrom: DnsLabel | None = None
    """Replicate from this member instead of the leader. Default: the leader."""


class NodeSpec(SpecModel):
    """One machine."""

    name: DnsLabel
    """The short host name; also the name in Consul and Patroni."""
    address: Address
    """The IPv4 address, without a prefix length."""
    mac: MacAddress | None = None
    """The MAC address of the network card, in quotes; finds the card whatever its name is.
    Default: the card is found by `interface`."""
    interface: InterfaceName | None = None
    """The name of the network card. Default: network.interface."""
    memory: SizeMib | None = None
    """The machine's memory: PostgreSQL is sized by it. Default: 2GiB, with a warning."""
    cpus: Annotated[StrictInt, Field(ge=1, le=1024)] | None = None
    """The machine's processors. Default: 2."""
    storage: StorageSpec | None = None
    """What differs from the `storage` of the cluster."""
    tags: TagsSpec = TagsSpec()
    """What this member may not do, or does before others."""


class GroupSpec(SpecModel):
    """Machines with the same roles."""

    roles: Annotated[tuple[Role, ...], Field(min_length=1)]
    """What these machines do: consul-server, postgres or both."""
    nodes: Annotated[tuple[NodeSpec, ...], Field(min_length=1)]
    """The machines."""


class NetworkSpec(SpecModel):
    """The layer-2 network of the cluster and who may reach it."""

    prefix: Network
    """The network that holds all machines and the virtual address."""
    gateway: Address | None = None
    """The default gateway. Default: none."""
    dns: Annotated[tuple[Address, ...], Field(max_length=16)] = ()
    """Name servers. Default: none; /etc/hosts names the machines."""
    ntp: Annotated[tuple[TimeServer, ...], Field(max_length=16)] = ()
    """Time servers. Default: the platform's own chrony configuration stays."""
    search: Annotated[tuple[DnsName, ...], Field(max_length=16)] = ()
    """Search domains. Default: none."""
    interface: InterfaceName | None = None
    """The name of the network card on every machine that names none itself. Default: none."""
    dhcp_ranges: Annotated[tuple[DhcpRange, ...], Field(max_length=100)] = ()
    """Ranges that a DHCP server gives out, such as 10.0.0.100-10.0.0.150; no machine may lie in them."""
    clients: tuple[Network, ...] | None = None
    """Networks that may reach PostgreSQL, through the firewall and pg_hba.conf. Default: prefix."""
    admins: tuple[Network, ...] | None = None
    """Networks that may reach SSH. Default: prefix."""
    monitors: tuple[Network, ...] = ()
    """Networks that may reach Patroni's REST API, besides the members. Default: none."""


class PortsSpec(SpecModel):
    """TCP ports (Serf and DNS: also UDP)."""

    ssh: Port = 22
    """SSH."""
    postgresql: Port = 5432
    """PostgreSQL, on the virtual address too."""
    patroni: Port = 8008
    """Patroni's REST API."""
    consul_server: Port = 8300
    """Consul: servers among each other and for clients."""
    consul_serf: Port = 8301
    """Consul: gossip of all machines."""
    consul_http: Port = 8500
    """Consul's API, on loopback."""
    consul_dns: Port = 8600
    """Consul's DNS, on loopback."""


class ConsulSpec(SpecModel):
    """Consul settings; the rest follows from the nodes."""

    domain: DnsName = "consul"
    """Consul's own domain, part of the servers' certificates."""
    raft_multiplier: Annotated[StrictInt, Field(ge=1, le=10)] = 1
    """1 finds a dead leader soonest, 10 bears the slowest machines."""
    reconnect_timeout_hours: Annotated[StrictInt, Field(ge=8, le=87600)] = 72
    """After how many hours a machine that is away is forgotten."""
    allow_single_server: Flag = False
    """Accept one Consul server, whose loss stops the cluster."""
    log_level: Literal["TRACE", "DEBUG", "INFO", "WARN", "ERROR"] = "INFO"
    """How much Consul logs."""


class PatroniSpec(SpecModel):
    """Patroni settings; times in seconds, as in Patroni's own configuration."""

    namespace: Namespace = "/service/"
    """Where Patroni keeps its keys in Consul."""
    ttl: Annotated[StrictInt, Field(ge=20, le=172800)] = 30
    """How long the leader's lock lives without renewal; half of it is the TTL of the session in Consul."""
    loop_wait: Annotated[StrictInt, Field(ge=1, le=86400)] = 5
    """How often Patroni looks at the cluster."""
    retry_timeout: Annotated[StrictInt, Field(ge=3, le=86400)] = 10
    """How long Patroni repeats a failing request; loop_wait + 2 * retry_timeout must not exceed ttl, and
    should stay some seconds below it."""
    primary_start_timeout: Annotated[StrictInt, Field(ge=0, le=86400)] | None = None
    """How long a primary whose PostgreSQL crashed may recover before another member takes over; 0: not at
    all. Default: ttl in the synchronous modes, 300 in asynchronous, where taking over loses commits."""
    primary_stop_timeout: Annotated[StrictInt, Field(ge=1, le=86400)] | None = None
    """How long an orderly stop of PostgreSQL may take before it is killed; in the synchronous modes only.
    Default: as long as it takes."""
    synchronous_node_count: Annotated[StrictInt, Field(ge=1)] | None = None
    """How many standbys have an acknowledged commit, in the synchronous modes. Default: 1."""
    maximum_lag_on_failover: SizeMib = 1
    """How far behind a member may be to become the leader."""
    failsafe_mode: Flag | None = None
    """Keep the leader while Consul is away and all members are reached. Default: true from Patroni 3.0 on."""
    register_service: Flag = True
    """Register the cluster as a Consul service."""
    watchdog: Literal["off", "automatic", "required"] = "automatic"
    """Use of the watchdog device; `required` makes no leader without one."""
    watchdog_safety_margin: Annotated[StrictInt, Field(ge=-1, le=172800)] = 5
    """How long before ttl the watchdog fires; -1 means half of ttl."""
    rest_username: UnixName = "patroni"
    """The user of the REST API."""
    rest_tls: Flag = False
    """Speak TLS on the REST API, and ask for a certificate of the cluster's authority wherever something is
    changed. On a cluster that runs: docs/secrets.md."""


class SlotSpec(SpecModel):
    """A replication slot that Patroni keeps on whichever member leads."""

    type: Literal["physical", "logical"]
    """physical keeps WAL for a client that is no member; logical decodes it and needs wal_level logical."""
    database: SqlName | None = None
    """The database of a logical slot; demanded there. The slot is made when the database exists."""
    plugin: SqlName | None = None
    """The output plugin of a logical slot, such as pgoutput; demanded there."""


class HbaRule(SpecModel):
    """One more line of pg_hba.conf for clients."""

    type: Literal["local", "host", "hostssl", "hostnossl", "hostgssenc"] = "host"
    """The kind of connection; local is the socket, which has no address."""
    database: HbaNames = "all"
    """Databases, joined by commas."""
    user: HbaNames = "all"
    """Roles, joined by commas; + before a name means its members. `all` leaves out superuser,
    replication_user and rewind_user: a rule for them names them."""
    address: Network | None = None
    """Where the connection comes from; demanded of every type but local."""
    method: Literal["scram-sha-256", "md5", "cert", "gss", "peer", "reject", "trust"] = "scram-sha-256"
    """How the client proves who it is; cert needs hostssl, peer needs local."""


class PostgresqlSpec(SpecModel):
    """PostgreSQL settings the same on every member."""

    max_connections: Annotated[StrictInt, Field(ge=25, le=262143)] = 200
    """How many clients may be connected."""
    max_wal_senders: Annotated[StrictInt, Field(ge=3)] | None = None
    """At least members + 2. Default: 10, or members + 4 where that is more."""
    max_replication_slots: Annotated[StrictInt, Field(ge=4)] | None = None
    """At least one for each member. Default: 10, or members + 4 where that is more."""
    max_worker_processes: Annotated[StrictInt, Field(ge=2)] | None = None
    """Background processes. Default: 8, or the most processors that a machine has."""
    max_prepared_transactions: Count = 0
    """Prepared transactions (two-phase commit)."""
    max_locks_per_transaction: Annotated[StrictInt, Field(ge=32)] = 64
    """Size of the lock table."""
    max_wal_size: SizeMib | None = None
    """WAL between checkpoints. Default: 30 % of the smallest WAL volume, 32MiB to 16GiB; 1GiB where its
    size is unknown."""
    wal_keep_size: SizeMib | None = None
    """WAL kept for members without a slot. Default: 10 % of the smallest WAL volume, 16MiB to 1GiB; 512MiB
    where its size is unknown."""
    max_slot_wal_keep_size: SizeMib | None = None
    """WAL kept for a member that is away. Default: 40 % of the smallest WAL volume; 2GiB where its size is
    unknown."""
    shared_buffers: SizeMib | None = None
    """PostgreSQL's own cache. Default: a quarter of each member's memory, at least 32MiB."""
    work_mem: SizeMib | None = None
    """Memory of one sort or hash. Default: what shared_buffers leaves, divided by three times
    max_connections; 1MiB to 256MiB."""
    tls: Literal["off", "allowed", "required"] = "allowed"
    """TLS of PostgreSQL. `allowed` and `required`: members replicate over TLS and verify each other, and
    clients may use it; `required` turns away clients of `network.clients` that do not. `off`: nothing is
    encrypted."""
    parameters: dict[ParameterName, ParameterValue] = {}
    """Further parameters of postgresql.conf, checked for the declared major version; those with a key of
    their own are refused here. restore_command, archive_cleanup_command and recovery_end_command go to the
    standbys."""
    slots: dict[SlotName, SlotSpec] = {}
    """Permanent replication slots by name. Default: none."""
    hba: tuple[HbaRule, ...] = ()
    """Further lines of pg_hba.conf, after those that the cluster needs and before those of `network.clients`;
    the first line that fits decides. Default: none."""
    locale: Locale = "C.UTF-8"
    """Locale of the databases; must exist on every member."""
    encoding: Encoding = "UTF8"
    """Encoding of the databases."""
    superuser: SqlName = "postgres"
    """The role with which Patroni administers PostgreSQL; called like the system user that runs it."""
    replication_user: SqlName = "replicator"
    """The role of replicas."""
    rewind_user: SqlName = "rewind_user"
    """The role of pg_rewind."""
    allow_end_of_life: Flag = False
    """Accept a PostgreSQL version that gets no fixes any more."""


class VipManagerSpec(SpecModel):
    """vip-manager settings; times in milliseconds, as in its own configuration."""

    mode: Literal["consul", "patroni"] | None = None
    """Where vip-manager learns who leads. Default: consul; patroni from vip-manager 5.0 on, and on
    debian13."""
    interval_ms: Annotated[StrictInt, Field(ge=100, le=60000)] = 1000
    """How often it asks."""
    retry_num: Annotated[StrictInt, Field(ge=1, le=100)] = 5
    """How often it repeats a failing request."""
    retry_after_ms: Annotated[StrictInt, Field(ge=50, le=60000)] = 500
    """The pause before a repetition."""


class AccessSpec(SpecModel):
    """Who may log in; keys only, no passwords over the network."""

    user: UnixName = "holster"
    """The administrator's user, who may use sudo."""
    ssh_keys: Annotated[tuple[SshPublicKey, ...], Field(max_length=200)] = ()
    """The administrator's public keys. Default: none, with a warning."""
    console_password_hash: PasswordHash | None = None
    """The hash of a password for the console only, as `openssl passwd -6` prints it. Default: none."""


class SystemSpec(SpecModel):
    """Operating system settings."""

    timezone: TimeZone = "Europe/Moscow"
    """Time zone."""
    locale: Locale = "ru_RU.UTF-8"
    """Locale of the system."""
    keyboard: KeyboardLayout = "us"
    """Keyboard layout of the console."""
    selinux: Literal["enforcing", "permissive"] = "enforcing"
    """SELinux mode, where the platform has SELinux."""
    swappiness: Annotated[StrictInt, Field(ge=0, le=100)] = 1
    """vm.swappiness."""
    domain: DnsName | None = None
    """Domain of the host names. Default: `<cluster>.internal`."""


class RepositorySpec(SpecModel):
    """A package repository; replaces the platform's own list when given.

    `id` names the file on the node.  `suite` and `components` are for Debian only.
    """

    id: RepositoryId
    """The repository's name; also the name of its file."""
    base_urls: Annotated[tuple[RepositoryUrl, ...], Field(min_length=1, max_length=32)]
    """Where the packages are; {major} stands for the PostgreSQL version."""
    gpg_key: UrlOrPath | None = None
    """The key that signs the packages. Default: none; dnf then refuses the packages, apt takes the
    system's keys."""
    gpg_check: Flag = True
    """Refuse packages that the key does not sign."""
    enabled: Flag = True
    """Use the repository."""
    suite: SuiteName | None = None
    """Debian's suite; needed there."""
    components: tuple[SuiteName, ...] = ()
    """Debian's components; needed there."""


class ComponentSpec(SpecModel):
    """Version and origin of one program.

    `source: package` installs `packages` from the repositories, `artifact`
    takes the file from `artifacts/`, or from `url` when the machine that builds
    the image may reach it; `sha256` is demanded with `url`.
    """

    version: Version | None = None
    """The version, in quotes: it decides which keys are rendered. Default: the platform's."""
    source: Literal["package", "artifact"] | None = None
    """From the repositories, or as a file. Default: artifact with a `url`, else the platform's."""
    packages: Annotated[tuple[PackageName, ...], Field(max_length=100)] | None = None
    """Package names; {major} stands for the PostgreSQL version. Default: the platform's."""
    url: Url | None = None
    """Where the file is; the first boot installs an absent Consul from here as well.
    Default: the platform's, for the platform's own version."""
    sha256: Sha256 | None = None
    """The digest of the file at `url`; demanded with it."""


class PatroniComponentSpec(ComponentSpec):
    """Patroni: like the others; `source: artifact` installs it from Python wheels.

    It then gets a virtual environment of its own, `/opt/patroni`. The wheels come from `artifacts/`,
    or from the package index that pip is configured for.
    """

    wheels: tuple[Wheel, ...] | None = None
    """Patroni, its Consul client, a PostgreSQL driver and all that they need, each as
    `name==version sha256:<digest of the wheel>`. Default: the platform's, for the platform's own version."""


class PostgresqlComponentSpec(SpecModel):
    """PostgreSQL: the major version decides packages and paths."""

    version: Annotated[StrictInt, Field(ge=9)] | None = None
    """The major version. Default: the platform's."""
    packages: Annotated[tuple[PackageName, ...], Field(min_length=1, max_length=100)] | None = None
    """Package names; {major} stands for the version. Default: the platform's."""


class ComponentsSpec(SpecModel):
    """The programs whose version decides what is rendered."""

    consul: ComponentSpec = ComponentSpec()
    """Consul."""
    patroni: PatroniComponentSpec = PatroniComponentSpec()
    """Patroni."""
    vip_manager: ComponentSpec = ComponentSpec()
    """vip-manager."""
    postgresql: PostgresqlComponentSpec = PostgresqlComponentSpec()
    """PostgreSQL."""


class ImageSpec(SpecModel):
    """The golden image that Packer builds."""

    iso_url: UrlOrPath | None = None
    """The installer's ISO. Default: the platform's own for `release`."""
    iso_checksum: Checksum | None = None
    """The ISO's checksum; SHA-256 where you can, for MD5 finds no forged disc.
    Default: the platform's own for `release`."""
    base_image: UrlOrPath | None = None
    """A ready disk image to start from, instead of an ISO. Default: none; platforms without a known ISO
    need one."""
    base_checksum: Checksum | None = None
    """The disk image's checksum; demanded where it is downloaded."""
    release: Release | None = None
    """The platform's release; decides the ISO and the keys that start its installer.
    Default: 8.0.2 on redos8, 7.3.6 on redos7, none elsewhere."""
    firmware: Literal["bios", "uefi"] = "bios"
    """Firmware of the machine that builds the image."""
    disk_size: SizeMib = 30 * 1024
    """Size of the image's disk."""
    memory: SizeMib = 5 * 1024
    """Memory of the machine that builds the image."""
    cpus: Annotated[StrictInt, Field(ge=1, le=64)] = 2
    """Processors of the machine that builds the image."""


class CertificatesSpec(SpecModel):
    """Lifetime of the TLS certificates that Holster issues."""

    years: Annotated[StrictInt, Field(ge=2, le=30)] = 10
    """How long they are valid."""


class ClusterSpec(SpecModel):
    """The whole spec."""

    holster: Literal[1]
    """The format of this file; always 1."""
    cluster: Scope
    """The cluster's name: Patroni's scope, the Consul service and the output folder."""
    platform: DnsLabel = "redos8"
    """The operating system: redos8, redos7, el9 or debian13."""
    durability: Durability
    """What an acknowledged commit survives: asynchronous, synchronous, synchronous-strict or quorum."""
    datacenter: DnsLabel | None = None
    """Consul's datacenter. Default: found by the servers' addresses in `datacenters`, else `<cluster>-dc`."""
    datacenters: dict[DnsLabel, Annotated[tuple[Network, ...], Field(min_length=1)]] = {}
    """Networks by datacenter; the longest network that holds a server's address names its datacenter.
    Default: none."""
    network: NetworkSpec
    """The network of the machines."""
    vip: Address
    """The virtual address, which is always on the leader."""
    storage: StorageSpec = StorageSpec()
    """Disks and volumes; a node may differ."""
    groups: Annotated[dict[GroupName, GroupSpec], Field(min_length=1)]
    """The machines, by group."""
    access: AccessSpec = AccessSpec()
    """Who may log in."""
    consul: ConsulSpec = ConsulSpec()
    """Consul."""
    patroni: PatroniSpec = PatroniSpec()
    """Patroni."""
    postgresql: PostgresqlSpec = PostgresqlSpec()
    """PostgreSQL."""
    vip_manager: VipManagerSpec = VipManagerSpec()
    """vip-manager."""
    system: SystemSpec = SystemSpec()
    """The operating system."""
    ports: PortsSpec = PortsSpec()
    """Ports."""
    repositories: tuple[RepositorySpec, ...] | None = None
    """Package repositories, instead of the platform's own; an empty list means that the discs hold
    everything. Default: the platform's."""
    components: ComponentsSpec = ComponentsSpec()
    """Versions and origins of the programs."""
    image: ImageSpec = ImageSpec()
    """The golden image."""
    certificates: CertificatesSpec = CertificatesSpec()
    """TLS certificates."""
    platform_overrides: dict[str, Any] = {}
    """Facts of the platform that differ here; the keys are those of the platform's file. Packages are
    added to the platform's. Default: none."""
