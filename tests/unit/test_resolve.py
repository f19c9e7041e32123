"""Resolving: what the spec leaves open is decided once, by rules that can be read here."""

from __future__ import annotations

import copy
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from generator.platforms.profile import load_profile
from generator.resolve.cluster import resolve_cluster
from generator.resolve.peers import list_identities
from generator.spec.model import ClusterSpec

if TYPE_CHECKING:
    from generator.resolve.cluster import ResolvedCluster, ResolvedNode

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@cache
def read_example(name: str) -> dict[str, Any]:
    """Return the data of an example."""
    data: dict[str, Any] = yaml.safe_load((EXAMPLES / f"{name}.yaml").read_text("utf-8"))
    return data


def resolve(example: str = "sirius", **changes: object) -> ResolvedCluster:
    """Return an example, top-level sections replaced, as a resolved cluster."""
    spec = ClusterSpec.model_validate({**copy.deepcopy(read_example(example)), **changes})
    return resolve_cluster(spec, load_profile(spec.platform, spec.platform_overrides))


def node(cluster: ResolvedCluster, name: str) -> ResolvedNode:
    """Return one machine."""
    return next(node for node in cluster.nodes if node.name == name)


def test_roles_come_from_the_groups() -> None:
    """Three servers, two members, in the order of the spec."""
    cluster = resolve()
    assert [peer.name for peer in cluster.servers] == ["consul1", "consul2", "consul3"]
    assert [peer.name for peer in cluster.members] == ["pg1", "pg2"]
    assert [node.group for node in cluster.nodes] == ["sirius_consul"] * 3 + ["sirius_postgres"] * 2
    assert [peer.is_server and peer.is_member for peer in resolve("trio").peers] == [True, True, True]


def test_only_members_have_storage_and_memory() -> None:
    """A Consul server has no data volumes."""
    for each in resolve().nodes:
        assert (each.storage is None) is (each.memory is None) is not each.is_member


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({}, "sirius"),
        ({"datacenter": "moscow"}, "moscow"),
        ({"datacenters": {}}, "sirius-dc"),
        ({"datacenters": {"a": ["192.168.11.191/32"], "b": ["192.168.11.0/24"]}}, "sirius-dc"),
        ({"datacenters": {"a": ["192.168.0.0/16"], "b": ["192.168.11.0/24"]}}, "b"),
        ({"datacenters": {"other": ["10.0.0.0/8"]}}, "sirius-dc"),
    ],
)
def test_the_datacenter_of_the_original(changes: dict[str, Any], name: str) -> None:
    """Declared, else unanimous among the servers by longest prefix, else the reserve name."""
    cluster = resolve(**changes)
    assert cluster.datacenter == name
    assert cluster.datacenter_reason


def test_the_reserve_name_says_why() -> None:
    """Servers that cannot disagree are not said to."""
    cluster = resolve(datacenters={})
    assert cluster.datacenter == "sirius-dc"
    assert "declares neither" in cluster.datacenter_reason


def test_the_storage_of_a_node_is_laid_over_the_clusters() -> None:
    """Only what the node says changes."""
    groups = copy.deepcopy(read_example("sirius")["groups"])
    groups["sirius_postgres"]["nodes"][0]["storage"] = {
        "wal": {"disk": {"serial": "abc"}},
        "os_disk": "/dev/vda",
    }
    cluster = resolve(groups=groups)
    first, second = node(cluster, "pg1"), node(cluster, "pg2")
    assert first.storage is not None
    assert second.storage is not None
    assert first.storage.wal.disk.serial == "abc"
    assert first.storage.data == second.storage.data
    assert first.storage.wal.name == second.storage.wal.name == "pg_val"
    assert (first.os_disk, second.os_disk) == ("/dev/vda", "/dev/sda")


def test_directories_are_below_their_mounts_and_carry_the_version() -> None:
    """A mount root is not empty, and an upgrade needs both versions side by side."""
    storage = node(resolve(components={"postgresql": {"version": 15}}), "pg1").storage
    assert storage is not None
    assert (storage.data.directory, storage.wal.directory) == ("/pgdata/15/data", "/pgwal/15/pg_wal")


@pytest.mark.parametrize(
    ("changes", "optional"),
    [
        ({}, {"patroni-consul", "python3-libselinux", "glibc-langpack-ru"}),
        # A wheel brings the Consul client: its package would bring a second Patroni.
        ({"components": {"patroni": {"source": "artifact"}}}, {"python3-libselinux", "glibc-langpack-ru"}),
        # What the spec names itself is needed, and replaces what the platform names.
        (
            {"components": {"patroni": {"packages": ["patroni", "patroni-consul"]}}},
            {"python3-libselinux", "glibc-langpack-ru"},
        ),
        ({"components": {"patroni": {"packages": ["mine"]}}}, {"python3-libselinux", "glibc-langpack-ru"}),
        (
            {"platform_overrides": {"optional_packages": ["htop"], "packages": ["python3-libselinux"]}},
            {"htop", "patroni-consul", "glibc-langpack-ru"},
        ),
        ({"platform": "el9", "components": {}}, {"glibc-langpack-ru"}),
    ],
)
def test_optional_packages_are_those_that_nobody_has_seen(
    changes: dict[str, Any], optional: set[str]
) -> None:
    """An installation goes on without them; all others stop it."""
    cluster = resolve(**changes)
    assert set(cluster.optional_packages) == optional
    assert optional <= set(cluster.packages)
    assert {"lvm2", "chrony", "openssh-server", "postgresql16-server"} <= set(cluster.packages) - optional


def test_postgresql_version_fills_the_names() -> None:
    """Packages, paths, units and repositories of the profile."""
    cluster = resolve(platform="el9", components={"postgresql": {"version": 17}})
    assert {"postgresql17", "postgresql17-server", "postgresql17-contrib"} <= set(cluster.packages)
    assert cluster.postgresql_bin_dir == "/usr/pgsql-17/bin"
    assert cluster.postgresql_units == ("postgresql-17.service",)
    assert any("/yum/17/" in url for repository in cluster.repositories for url in repository.base_urls)


def test_a_url_of_the_profile_is_void_for_another_version() -> None:
    """It names the version that the profile has."""
    assert "1.22.0" in (resolve().consul.url or "")
    assert resolve(components={"consul": {"version": "1.13.9"}}).consul.url is None


def test_a_url_of_the_user_makes_an_artifact() -> None:
    """Its digest comes with it."""
    own = {"url": "https://mirror.example/consul.zip", "sha256": "0" * 64, "version": "1.20.0"}
    component = resolve("sirius", platform="el9", components={"consul": own}).consul
    assert (component.source, component.url, component.sha256) == ("artifact", own["url"], own["sha256"])


def test_clients_and_admins_default_to_the_clusters_network() -> None:
    """An empty list means nobody."""
    cluster = resolve()
    assert cluster.clients == cluster.admins == (cluster.spec.network.prefix,)
    network = {**read_example("sirius")["network"], "clients": []}
    assert resolve(network=network).clients == ()


def test_retry_join_is_every_server_but_oneself() -> None:
    """A self-join ends the retries."""
    cluster = resolve()
    assert [peer.name for peer in node(cluster, "consul2").retry_join] == ["consul1", "consul3"]
    assert len(node(cluster, "pg1").retry_join) == 3


@pytest.mark.parametrize(("version", "failsafe"), [("2.1.3", False), ("4.0.5", True)])
def test_failsafe_mode_is_on_where_patroni_has_it(version: str, failsafe: bool) -> None:  # noqa: FBT001 -- a column
    """A primary that reaches all members survives the loss of Consul."""
    assert resolve(components={"patroni": {"version": version}}).failsafe_mode is failsafe


def test_the_address_does_not_follow_elections_of_consul() -> None:
    """In mode consul a healthy primary lost it for seconds at every election, and while failsafe kept it."""
    assert (resolve().vip_mode, resolve("trio").vip_mode) == ("patroni", "patroni")
    assert resolve(vip_manager={"mode": "consul"}).vip_mode == "consul"


@pytest.mark.parametrize(
    ("platform", "version", "mode"),
    [("redos8", "4.0.0", "consul"), ("redos8", "5.0.0", "patroni"), ("debian13", "3.0.0", "patroni")],
)
def test_trap_31_the_mode_of_vip_manager_is_the_safest_of_its_version(
    platform: str, version: str, mode: str
) -> None:
    """Before 5.0 the mode patroni keeps the address of a dead REST API; from then on it is the better one."""
    components = {"vip_manager": {"version": version}}
    assert resolve(platform=platform, components=components).vip_mode == mode


def test_certificates_know_datacenter_and_domain() -> None:
    """What a node's certificate must say follows from the spec alone."""
    spec = ClusterSpec.model_validate({**read_example("sirius"), "consul": {"domain": "db.example"}})
    identities = {identity.name: identity for identity in list_identities(spec)}
    assert identities["consul1"].is_server
    assert not identities["pg1"].is_server
    assert {(each.datacenter, each.domain) for each in identities.values()} == {("sirius", "db.example")}
