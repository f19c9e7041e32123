"""The cluster as templates see it: every value ready to be quoted.

A template decides nothing: conditions that need more than one fact are
attributes here.
"""

from __future__ import annotations

import shlex
from functools import cached_property
from typing import TYPE_CHECKING

from generator.credentials.scram import make_verifier
from generator.layout import PGPASS, NodePaths
from generator.render.access import list_hba
from generator.render.environment import read_static
from generator.render.node_json import TIME_WAIT_SECONDS
from generator.render.parameters import recovery_parameters, shared_parameters
from generator.sizing import ROOT_MIB, SMALLEST_SYSTEM_MIB, SWAP_MIB
from generator.spec.model import Durability

if TYPE_CHECKING:
    from pydantic import SecretStr

    from generator.credentials.bundle import CredentialBundle
    from generator.platforms.profile import PlatformProfile
    from generator.postgresql.values import ParameterValue
    from generator.resolve.cluster import ResolvedCluster
    from generator.resolve.peers import Peer
    from generator.spec.model import ClusterSpec, RepositorySpec


class RepositoryView:
    """One package repository; its id carries our prefix, so that no vendor file is shadowed."""

    def __init__(self, repository: RepositorySpec) -> None:
        self.id = repository.id
        self.name = f"holster-{repository.id}"
        self.base_urls = repository.base_urls
        self.url = repository.base_urls[0]
        self.suite = repository.suite or "/"
        self.components = repository.components
        self._repository = repository

    @property
    def enabled(self) -> str:
        """`1` or `0` for yum."""
        return "1" if self._repository.enabled else "0"

    @property
    def apt_enabled(self) -> str:
        """`yes` or `no` for apt."""
        return "yes" if self._repository.enabled else "no"

    @property
    def gpg_check(self) -> str:
        """`1` or `0` for yum."""
        return "1" if self._repository.gpg_check else "0"

    @property
    def is_trusted(self) -> bool:
        """Whether signatures are not checked."""
        return not self._repository.gpg_check

    @property
    def gpg_key(self) -> str | None:
        """The key as a URL; a path becomes `file://`."""
        key = self._repository.gpg_key
        return f"file://{key}" if key is not None and key.startswith("/") else key

    @property
    def gpg_key_file(self) -> str | None:
        """The key as a file; one given by URL is fetched there while the image is built."""
        key = self._repository.gpg_key
        return key if key is None or key.startswith("/") else f"/etc/apt/keyrings/{self.name}.asc"


def _list_timeouts(cluster: ResolvedCluster) -> tuple[tuple[str, int], ...]:
    """Return what the declared Patroni calls the times of a primary, and the number of standbys."""
    patroni = cluster.spec.patroni
    role = "primary" if cluster.patroni_dialect.has_primary_names else "master"
    settings = {
        f"{role}_start_timeout": cluster.primary_start_timeout,
        f"{role}_stop_timeout": patroni.primary_stop_timeout,
        "synchronous_node_count": patroni.synchronous_node_count,
    }
    return tuple((name, value) for name, value in settings.items() if value is not None)


class ClusterView:
    """The cluster as templates see it."""

    def __init__(self, cluster: ResolvedCluster, bundle: CredentialBundle) -> None:
        self._cluster = cluster
        self._bundle = bundle
        self._spec: ClusterSpec = cluster.spec
        self._platform: PlatformProfile = cluster.platform
        self._set_consul()
        self._set_patroni()
        self._set_system()
        self._set_paths()

    def _set_consul(self) -> None:
        cluster, spec, dialect = self._cluster, self._spec, self._cluster.consul_dialect
        self.name = cluster.name
        self.datacenter = cluster.datacenter
        self.consul_domain = spec.consul.domain
        self.consul_log_level = spec.consul.log_level
        self.server_count = len(cluster.servers)
        self.raft_multiplier = spec.consul.raft_multiplier
        self.reconnect_timeout = f"{spec.consul.reconnect_timeout_hours}h"
        self.consul_http = f"127.0.0.1:{spec.ports.consul_http}"
        self.has_grpc_tls = dialect.has_grpc_tls
        self.has_tls_block = dialect.has_tls_block
        self.has_initial_management = dialect.has_initial_management
        self.has_ui_config = dialect.has_ui_config
        self.port_consul_server = spec.ports.consul_server
        self.port_consul_serf = spec.ports.consul_serf
        self.port_consul_http = spec.ports.consul_http
        self.port_consul_dns = spec.ports.consul_dns

    def _set_patroni(self) -> None:
        cluster, spec = self._cluster, self._spec
        patroni, postgresql, vip = spec.patroni, spec.postgresql, spec.vip_manager
        self.namespace = patroni.namespace
        self.rest_username = patroni.rest_username
        self.rest_listen = f"0.0.0.0:{spec.ports.patroni}"
        self.has_rest_tls = patroni.rest_tls
        self.rest_url = f"{'https' if patroni.rest_tls else 'http'}://127.0.0.1:{spec.ports.patroni}"
        self.rest_certificate = f"{NodePaths.member_tls}/patroni.pem"
        self.rest_key = f"{NodePaths.member_tls}/patroni.key"
        self.register_service = patroni.register_service
        self.ttl, self.loop_wait, self.retry_timeout = patroni.ttl, patroni.loop_wait, patroni.retry_timeout
        self.maximum_lag_bytes = patroni.maximum_lag_on_failover * 1024 * 1024
        self.timeouts = _list_timeouts(cluster)
        self.slots = tuple(
            (name, tuple(slot.model_dump(exclude_none=True).items()))
            for name, slot in sorted(postgresql.slots.items())
        )
        self.has_failsafe_mode = cluster.patroni_dialect.has_failsafe_mode
        self.failsafe_mode = cluster.failsafe_mode
        self.watchdog = patroni.watchdog
        self.has_watchdog = patroni.watchdog != "off"
        self.watchdog_safety_margin = patroni.watchdog_safety_margin
        self.encoding = postgresql.encoding
        self.pg_locale = postgresql.locale
        self.superuser = postgresql.superuser
        self.replication_user = postgresql.replication_user
        self.rewind_user = postgresql.rewind_user
        self.postgresql_listen = f"*:{spec.ports.postgresql}"
        self.postgresql_bin_dir = cluster.postgresql_bin_dir
        self.has_tls = cluster.has_tls
        self.member_ca = f"{NodePaths.member_tls}/ca.pem"
        self.pgpass = f"{self._platform.users.postgres_home}/{PGPASS}"
        # Patroni appends how to connect.
        psql = (f"{cluster.postgresql_bin_dir}/psql", "-Xq", "-v", "ON_ERROR_STOP=1", "-1")
        self.make_roles = shlex.join([*psql, "-f", NodePaths.roles_sql, "-d"])
        self.vip = spec.vip
        self.vip_mode = cluster.vip_mode
        self.vip_asks_consul = cluster.vip_mode == "consul"
        self.vip_interval, self.vip_retry_num = vip.interval_ms, vip.retry_num
        self.vip_retry_after = vip.retry_after_ms

    def _set_system(self) -> None:
        cluster, spec, facts = self._cluster, self._spec, self._platform
        self.peers: tuple[Peer, ...] = cluster.peers
        self.prefix_length = spec.network.prefix.prefixlen
        self.netmask = spec.network.prefix.netmask
        self.gateway = spec.network.gateway
        self.dns, self.search, self.ntp = spec.network.dns, spec.network.search, spec.network.ntp
        self.search_list = " ".join(spec.network.search)
        self.dns_list = ",".join(str(server) for server in spec.network.dns)
        self.port_ssh = spec.ports.ssh
        self.timezone, self.locale = spec.system.timezone, spec.system.locale
        self.keyboard, self.selinux = spec.system.keyboard, spec.system.selinux
        self.swappiness = spec.system.swappiness
        self.time_wait = TIME_WAIT_SECONDS
        self.admin = spec.access.user
        self.admin_groups = facts.cloud_init.admin_groups
        self.admin_group_list = ",".join(facts.cloud_init.admin_groups)
        self.ssh_keys = spec.access.ssh_keys
        self.console_password_hash = spec.access.console_password_hash
        self.cloud_init_sets_locale = facts.sets_locale
        self.repositories = tuple(RepositoryView(repository) for repository in cluster.repositories)
        self.has_sshd_dropin = facts.paths.sshd_dropin_dir is not None
        # Groups came with the installer; a flat repository has none, and dnf would refuse them.
        self.packages = tuple(name for name in cluster.packages if not name.startswith("@"))
        self.image_packages = cluster.base_packages
        self.build_user = facts.image.ssh_user
        self.cloud_init_distro = facts.cloud_init.distro
        self.cloud_init_renderers = facts.cloud_init.renderers
        self.host_keys = facts.cloud_init.host_keys

    def _set_paths(self) -> None:
        paths, users, units = self._platform.paths, self._platform.users, self._platform.units
        self.consul_user, self.postgres_user = users.consul, users.postgres
        self.postgres_home = users.postgres_home
        self.consul_binary, self.patroni_binary = paths.consul_binary, paths.patroni_binary
        self.consul_config_dir, self.consul_data_dir = paths.consul_config_dir, paths.consul_data_dir
        self.patroni_config = paths.patroni_config
        self.vip_manager_binary, self.vip_manager_config = paths.vip_manager_binary, paths.vip_manager_config
        self.ip_binary = paths.ip_binary
        self.sshd_config = paths.sshd_config
        self.consul_unit, self.patroni_unit = units.consul, units.patroni
        self.restarts_oneshot = self._platform.restarts_oneshot
        self.node_json, self.sealed = NodePaths.node_json, NodePaths.sealed
        self.delivered = NodePaths.delivered
        self.firewall_rules = NodePaths.firewall_rules
        self.node_program, self.vip_environment = NodePaths.node_program, NodePaths.vip_environment

    @cached_property
    def synchronous_mode(self) -> bool | str:
        """Patroni's setting for the declared durability."""
        if self._spec.durability is Durability.QUORUM:
            return "quorum"
        return self._cluster.is_synchronous

    @cached_property
    def synchronous_mode_strict(self) -> bool:
        """Whether writes stop rather than be on one member only."""
        return self._spec.durability is Durability.SYNCHRONOUS_STRICT

    @cached_property
    def shared_parameters(self) -> tuple[tuple[str, ParameterValue], ...]:
        """PostgreSQL parameters of the DCS, sorted."""
        return tuple(sorted(shared_parameters(self._cluster).items()))

    @cached_property
    def recovery_parameters(self) -> tuple[tuple[str, ParameterValue], ...]:
        """PostgreSQL parameters that only a standby reads, sorted."""
        return tuple(sorted(recovery_parameters(self._cluster).items()))

    def _verifier(self, password: SecretStr, role: str) -> SecretStr:
        return make_verifier(password, f"holster {self.name} {role}")

    @cached_property
    def superuser_verifier(self) -> SecretStr:
        """What PostgreSQL keeps of the superuser's password."""
        return self._verifier(self._bundle.passwords.superuser, self.superuser)

    @cached_property
    def replication_verifier(self) -> SecretStr:
        """What PostgreSQL keeps of the replication role's password."""
        return self._verifier(self._bundle.passwords.replication, self.replication_user)

    @cached_property
    def rewind_verifier(self) -> SecretStr:
        """What PostgreSQL keeps of the pg_rewind role's password."""
        return self._verifier(self._bundle.passwords.rewind, self.rewind_user)

    @cached_property
    def hba(self) -> tuple[str, ...]:
        """The lines of pg_hba.conf."""
        return list_hba(self._cluster)

    @cached_property
    def vip_trigger_key(self) -> str:
        """What vip-manager watches: the leader key, or Patroni's REST path."""
        return f"{self.namespace}{self.name}/leader" if self.vip_asks_consul else "/leader"

    @cached_property
    def kernel_arguments(self) -> str:
        """Arguments of the installed kernel."""
        facts = self._platform.kickstart
        return " ".join(facts.kernel_arguments) if facts else ""

    @cached_property
    def kickstart_repositories(self) -> tuple[RepositoryView, ...]:
        """Repositories that the installer uses beside its own disc."""
        return tuple(view for view in self.repositories if view.enabled == "1")

    @cached_property
    def install_services(self) -> str:
        """Services that the installer enables."""
        units = self._platform.units
        return ",".join(unit.removesuffix(".service") for unit in (units.chrony, units.ssh))

    swap_mib, root_mib, smallest_system_mib = str(SWAP_MIB), str(ROOT_MIB), str(SMALLEST_SYSTEM_MIB)

    @property
    def kickstart_pre(self) -> bytes:
        """The guard against a wrong install disk."""
        return read_static("kickstart/pre-guard.sh")

    @property
    def kickstart_copy(self) -> bytes:
        """Copies the payload from the OEMDRV volume."""
        return read_static("kickstart/post-copy.sh")

    @property
    def kickstart_unpack(self) -> bytes:
        """Unpacks the payload and enables the first boot."""
        return read_static("kickstart/post-unpack.sh")

    @property
    def kickstart_pre_programs(self) -> bytes:
        """The guard against missing programs."""
        return read_static("kickstart/pre-programs.sh")

    @property
    def kickstart_programs(self) -> bytes:
        """Copies the programs that no package brings."""
        return read_static("kickstart/post-programs.sh")

    @property
    def kickstart_consul_user(self) -> bytes:
        """Makes the user that a package of Consul would have made."""
        return read_static("kickstart/post-consul-user.sh")

    @property
    def kickstart_build_key(self) -> bytes:
        """Lets the image build in."""
        return read_static("kickstart/post-build-key.sh")

    @property
    def kickstart_build_user(self) -> bytes:
        """Gives the build user its rights."""
        return read_static("kickstart/post-build-user.sh")

    @property
    def kickstart_search(self) -> bytes:
        """Gives the installed machine its search domains."""
        return read_static("kickstart/post-search.sh")

    @property
    def kickstart_sshd(self) -> bytes:
        """Sets the sshd policy where no drop-in is read."""
        return read_static("kickstart/post-sshd.sh")
