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
from generator.render.environment import StaticFiles, load_template
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
    """What templates see beside the resolved cluster: what is computed of it, and its secrets."""

    def __init__(self, cluster: ResolvedCluster, bundle: CredentialBundle) -> None:
        self.cluster = cluster
        self._bundle = bundle
        self._spec: ClusterSpec = cluster.spec
        self._platform: PlatformProfile = cluster.platform
        self._set_consul()
        self._set_patroni()
        self._set_system()

    def render(self, template: str, **values: object) -> str:
        """Return a template of `templates/`, filled with the cluster and `values`."""
        return load_template(f"{template}.j2").render(
            cluster=self.cluster, view=self, paths=NodePaths, scripts=StaticFiles(), **values
        )

    def _set_consul(self) -> None:
        cluster, spec = self.cluster, self._spec
        self.server_count = len(cluster.servers)
        self.reconnect_timeout = f"{spec.consul.reconnect_timeout_hours}h"
        self.consul_http = f"127.0.0.1:{spec.ports.consul_http}"

    def _set_patroni(self) -> None:
        cluster, spec = self.cluster, self._spec
        patroni, postgresql = spec.patroni, spec.postgresql
        self.rest_listen = f"0.0.0.0:{spec.ports.patroni}"
        self.rest_url = f"{'https' if patroni.rest_tls else 'http'}://127.0.0.1:{spec.ports.patroni}"
        self.rest_certificate = f"{NodePaths.member_tls}/patroni.pem"
        self.rest_key = f"{NodePaths.member_tls}/patroni.key"
        self.maximum_lag_bytes = patroni.maximum_lag_on_failover * 1024 * 1024
        self.timeouts = _list_timeouts(cluster)
        self.slots = tuple(
            (name, tuple(slot.model_dump(exclude_none=True).items()))
            for name, slot in sorted(postgresql.slots.items())
        )
        self.has_watchdog = patroni.watchdog != "off"
        self.postgresql_listen = f"*:{spec.ports.postgresql}"
        self.member_ca = f"{NodePaths.member_tls}/ca.pem"
        self.pgpass = f"{self._platform.users.postgres_home}/{PGPASS}"
        # Patroni appends how to connect.
        psql = (f"{cluster.postgresql_bin_dir}/psql", "-Xq", "-v", "ON_ERROR_STOP=1", "-1")
        self.make_roles = shlex.join([*psql, "-f", NodePaths.roles_sql, "-d"])
        self.vip_asks_consul = cluster.vip_mode == "consul"

    def _set_system(self) -> None:
        cluster, spec, facts = self.cluster, self._spec, self._platform
        self.search_list = " ".join(spec.network.search)
        self.dns_list = ",".join(str(server) for server in spec.network.dns)
        self.time_wait = TIME_WAIT_SECONDS
        self.admin_group_list = ",".join(facts.cloud_init.admin_groups)
        self.repositories = tuple(RepositoryView(repository) for repository in cluster.repositories)
        self.has_sshd_dropin = facts.paths.sshd_dropin_dir is not None
        # Groups came with the installer; a flat repository has none, and dnf would refuse them.
        self.packages = tuple(name for name in cluster.packages if not name.startswith("@"))
        self.needed_packages = tuple(name for name in self.packages if name not in cluster.optional_packages)
        self.needed_package_list = " ".join(self.needed_packages)
        self.optional_package_list = " ".join(cluster.optional_packages)

    @cached_property
    def synchronous_mode(self) -> bool | str:
        """Patroni's setting for the declared durability."""
        if self._spec.durability is Durability.QUORUM:
            return "quorum"
        return self.cluster.is_synchronous

    @cached_property
    def synchronous_mode_strict(self) -> bool:
        """Whether writes stop rather than be on one member only."""
        return self._spec.durability is Durability.SYNCHRONOUS_STRICT

    @cached_property
    def shared_parameters(self) -> tuple[tuple[str, ParameterValue], ...]:
        """PostgreSQL parameters of the DCS, sorted."""
        return tuple(sorted(shared_parameters(self.cluster).items()))

    @cached_property
    def recovery_parameters(self) -> tuple[tuple[str, ParameterValue], ...]:
        """PostgreSQL parameters that only a standby reads, sorted."""
        return tuple(sorted(recovery_parameters(self.cluster).items()))

    def _verifier(self, password: SecretStr, role: str) -> SecretStr:
        return make_verifier(password, f"holster {self.cluster.name} {role}")

    @cached_property
    def superuser_verifier(self) -> SecretStr:
        """What PostgreSQL keeps of the superuser's password."""
        return self._verifier(self._bundle.passwords.superuser, self._spec.postgresql.superuser)

    @cached_property
    def replication_verifier(self) -> SecretStr:
        """What PostgreSQL keeps of the replication role's password."""
        return self._verifier(self._bundle.passwords.replication, self._spec.postgresql.replication_user)

    @cached_property
    def rewind_verifier(self) -> SecretStr:
        """What PostgreSQL keeps of the pg_rewind role's password."""
        return self._verifier(self._bundle.passwords.rewind, self._spec.postgresql.rewind_user)

    @cached_property
    def hba(self) -> tuple[str, ...]:
        """The lines of pg_hba.conf."""
        return list_hba(self.cluster)

    @cached_property
    def vip_trigger_key(self) -> str:
        """What vip-manager watches: the leader key, or Patroni's REST path."""
        return (
            f"{self._spec.patroni.namespace}{self.cluster.name}/leader" if self.vip_asks_consul else "/leader"
        )

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
