"""The payload's other files: hosts, clock, kernel, firewall, SSH, sudo, repositories, node.json."""

from __future__ import annotations

import configparser
import re
import xml.etree.ElementTree as ET
from hashlib import sha256
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any

import pytest

from generator.node.facts.document import parse_node
from tests.fakes.platforms import select_platforms

if TYPE_CHECKING:
    from tests.unit.render.conftest import Render, Rendered

EXAMPLES = ("sirius", "single", "trio")
FILTERED = select_platforms(lambda facts: facts.firewall != "none")


def read_node(rendered: Rendered, node: str) -> dict[str, Any]:
    """Return node.json."""
    document: dict[str, Any] = rendered.document(node, "/etc/holster/node.json")
    return document


@pytest.mark.parametrize("example", EXAMPLES)
def test_node_json_lists_every_other_file(render: Render, example: str) -> None:
    """With the digest, so that an interrupted delivery is found, and the final owner."""
    rendered = render(example)
    for peer in rendered.cluster.peers:
        prefix = f"nodes/{peer.name}/payload"
        listed = {entry["path"]: entry for entry in read_node(rendered, peer.name)["files"]}
        delivered = {
            path.removeprefix(prefix): file
            for path, file in rendered.files.items()
            if path.startswith(f"{prefix}/") and not path.endswith("/node.json")
        }
        assert listed.keys() == delivered.keys()
        for path, file in delivered.items():
            assert listed[path] == {
                "path": path,
                "owner": file.owner,
                "group": file.group,
                "mode": f"0{file.mode:o}",
                "sha256": sha256(file.content).hexdigest(),
                "secret": file.is_secret,
            }


CONTRACT = {
    "holster_node",
    "tool_version",
    "cluster",
    "name",
    "fqdn",
    "instance_id",
    "roles",
    "platform",
    "network",
    "peers",
    "files",
    "directories",
    "programs",
    "users",
    "units",
    "time",
    "system",
    "storage",
    "consul",
    "patroni",
    "vip",
}


@pytest.mark.parametrize("example", EXAMPLES)
def test_node_json_holds_the_contract(render: Render, example: str) -> None:
    """Every key of docs/node-json.md, null where a role is missing."""
    rendered = render(example)
    for peer in rendered.cluster.peers:
        document = read_node(rendered, peer.name)
        assert set(document) == CONTRACT
        assert document["holster_node"] == 1
        for part in ("storage", "patroni", "vip"):
            assert (document[part] is None) is not peer.is_member
        assert ("postgres" in document["roles"]) is peer.is_member
        assert ("consul-server" in document["roles"]) is peer.is_server


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_first_boot_program_reads_every_node_json(render: Render, example: str) -> None:
    """The consumer itself, on every machine of every example."""
    rendered = render(example)
    for peer in rendered.cluster.peers:
        node = parse_node(rendered.payload(peer.name, "/etc/holster/node.json"))
        assert node.name == peer.name
        assert node.is_server is peer.is_server


def test_node_json_of_the_originals_cluster(render: Render) -> None:
    """Names and disks of the playbook that this project replaces."""
    storage = read_node(render(), "pg1")["storage"]
    assert storage["volume_group"] == "pg"
    assert [(volume["name"], volume["disk"]) for volume in storage["volumes"]] == [
        ("pg_data", {"path": "/dev/sdb"}),
        ("pg_val", {"path": "/dev/sdc"}),
    ]
    assert storage["volumes"][1]["min_size"] > 0


def test_a_disk_is_found_one_way(render: Render) -> None:
    """The selector of the spec, nothing added."""
    volumes = read_node(render("trio"), "trio1")["storage"]["volumes"]
    assert [volume["disk"] for volume in volumes] == [{"serial": "holster-data"}, {"serial": "holster-wal"}]


def test_consul_cannot_write_its_own_configuration(render: Render) -> None:
    """Whoever takes the agent over could give it a script check that runs at the next start."""
    for peer in render().cluster.peers:
        document = read_node(render(), peer.name)
        folder, tls = (
            next(entry for entry in document["directories"] if entry["path"] == path)
            for path in ("/etc/consul.d", "/etc/consul.d/tls")
        )
        assert (folder["owner"], folder["group"], folder["mode"]) == ("root", "consul", "0750")
        assert (tls["owner"], tls["group"], tls["mode"]) == ("root", "consul", "0750")
        below = [entry for entry in document["files"] if entry["path"].startswith("/etc/consul.d/")]
        assert {(entry["owner"], entry["group"]) for entry in below} == {("root", "consul")}
        assert all(int(entry["mode"], 8) & 0o022 == 0 for entry in below)


def test_trap_08_mount_roots_belong_to_postgres(render: Render) -> None:
    """Patroni renames and removes directories below them."""
    directories = {entry["path"]: entry for entry in read_node(render(), "pg1")["directories"]}
    for path in ("/pgdata", "/pgdata/16", "/pgwal", "/pgwal/16"):
        assert (directories[path]["owner"], directories[path]["mode"]) == ("postgres", "0700")
    assert "/pgdata" not in {entry["path"] for entry in read_node(render(), "consul1")["directories"]}


@pytest.mark.parametrize(("config", "is_owned"), [("/etc/patroni/p.yml", True), ("/etc/patroni.yml", False)])
def test_a_folder_of_all_programs_keeps_its_owner(render: Render, config: str, is_owned: bool) -> None:  # noqa: FBT001 -- a column
    """A profile may put Patroni's file into /etc itself."""
    changes = {"platform_overrides": {"paths": {"patroni_config": config}}}
    owners = {
        entry["path"]: entry["owner"] for entry in read_node(render(changes=changes), "pg1")["directories"]
    }
    assert "/etc" not in owners
    assert ("/etc/patroni" in owners) is is_owned


@pytest.mark.parametrize(
    ("path", "owner", "group", "mode"),
    [
        ("/etc/consul.d/consul.hcl", "root", "consul", 0o640),
        ("/etc/consul.d/tls/agent.key", "root", "consul", 0o640),
        ("/etc/consul.d/tls/agent.pem", "root", "consul", 0o644),
        ("/etc/patroni/patroni.yml", "postgres", "postgres", 0o600),
        ("/etc/default/vip-manager.yml", "root", "root", 0o600),
        ("/etc/sudoers.d/10-holster", "root", "root", 0o440),
        ("/etc/holster/node.json", "root", "root", 0o600),
        ("/etc/hosts", "root", "root", 0o644),
    ],
)
def test_owners_and_modes(render: Render, path: str, owner: str, group: str, mode: int) -> None:
    """As the services and sudo demand them."""
    file = render().files[f"nodes/pg1/payload{path}"]
    assert (file.owner, file.group, file.mode) == (owner, group, mode)


def test_owners_follow_the_profile(render: Render) -> None:
    """A system with other account names."""
    users = {"consul": "hashi", "postgres": "pg", "postgres_home": "/home/pg"}
    rendered = render(changes={"platform_overrides": {"users": users}})
    assert rendered.files["nodes/pg1/payload/etc/patroni/patroni.yml"].owner == "pg"
    assert rendered.files["nodes/pg1/payload/etc/consul.d/consul.hcl"].group == "hashi"
    assert "User=hashi" in rendered.payload("pg1", "/etc/systemd/system/consul.service")


def test_hosts_name_every_machine_once(render: Render) -> None:
    """Names work without a DNS server."""
    rendered = render()
    lines = [
        line.split() for line in rendered.payload("pg1", "/etc/hosts").splitlines() if line[:1].isdigit()
    ]
    for peer in rendered.cluster.peers:
        assert [str(peer.address), peer.fqdn, peer.name] in lines
    assert ["127.0.0.1", "localhost", "localhost.localdomain"] in lines


def test_the_clock_follows_the_named_servers(render: Render) -> None:
    """None named: the platform's own file stays, which is better than a clock that nobody sets."""
    text = render().payload("pg1", "/etc/chrony.conf")
    assert "server 192.168.11.1 iburst" in text
    assert "makestep 1.0 3" in text
    assert not [path for path in render("trio").files if "chrony.conf" in path]


def doors(rendered: Rendered, node: str) -> set[tuple[str, int, str]]:
    """Return (source, port, protocol) of every rule of the table of nftables."""
    text = rendered.payload(node, "/etc/holster/firewall.nft")
    rules = re.findall(r"^ *(tcp|udp) dport (\d+) ip saddr \{ (.*) \} accept$", text, re.MULTILINE)
    assert text.count(" dport ") == len(rules)
    assert "policy drop;" in text
    return {
        (source, int(port), protocol) for protocol, port, sources in rules for source in sources.split(", ")
    }


def openings(rendered: Rendered, node: str) -> set[tuple[str, int, str]]:
    """Return (source, port, protocol) of every rule of the firewall."""
    if rendered.cluster.platform.firewall == "nftables":
        return doors(rendered, node)
    zone = ET.fromstring(rendered.payload(node, "/etc/firewalld/zones/holster.xml").encode())  # noqa: S314 -- our own text
    assert zone.tag == "zone"
    assert not zone.findall("service")
    assert not zone.findall("port")
    found = set()
    for rule in zone.findall("rule"):
        source, port = rule.find("source"), rule.find("port")
        assert source is not None
        assert port is not None
        assert rule.find("accept") is not None
        found.add((source.attrib["address"], int(port.attrib["port"]), port.attrib["protocol"]))
    return found


def may_reach(rendered: Rendered, node: str, source: str, port: int, protocol: str = "tcp") -> bool:
    """Say whether `source` gets through to a port of `node`."""
    return any(
        ip_address(source) in ip_network(network) and (number, kind) == (port, protocol)
        for network, number, kind in openings(rendered, node)
    )


@pytest.mark.parametrize("platform", FILTERED)
def test_the_firewall_lets_the_cluster_work(render: Render, platform: str) -> None:
    """Gossip among all, RPC to servers, PostgreSQL and Patroni among members."""
    rendered = render(changes={"platform": platform})
    for one in rendered.cluster.peers:
        for other in rendered.cluster.peers:
            if one.name == other.name:
                continue
            source = str(other.address)
            assert may_reach(rendered, one.name, source, 8301)
            assert may_reach(rendered, one.name, source, 8301, "udp")
            assert may_reach(rendered, one.name, source, 8300) is one.is_server
            if one.is_member and other.is_member:
                assert may_reach(rendered, one.name, source, 5432)
                assert may_reach(rendered, one.name, source, 8008)


@pytest.mark.parametrize("platform", FILTERED)
def test_the_firewall_keeps_everybody_else_out(render: Render, platform: str) -> None:
    """Clients reach PostgreSQL, monitors the REST API, admins SSH; Consul's HTTP nobody."""
    networks = {
        "network.clients": ["10.1.0.0/16"],
        "network.admins": ["10.2.0.0/16"],
        "network.monitors": ["10.3.0.0/16"],
    }
    rendered = render(changes={**networks, "platform": platform})
    for source, allowed in (
        ("10.1.0.9", {5432}),
        ("10.2.0.9", {22}),
        ("10.3.0.9", {8008}),
        ("10.4.0.9", set()),
    ):
        for port in (22, 5432, 8008, 8300, 8301, 8500, 8600):
            assert may_reach(rendered, "pg1", source, port) is (port in allowed)
        assert not may_reach(rendered, "consul1", source, 5432)


def test_the_table_has_one_rule_for_a_port(render: Render) -> None:
    """However many machines there are: a rule for each pair is a list that the kernel walks."""
    changes: dict[str, Any] = {"platform": "debian13"}
    few = render(changes=changes).payload("pg1", "/etc/holster/firewall.nft")
    more = [{"name": f"pg{number}", "address": f"192.168.11.{number}"} for number in range(30, 60)]
    changes["groups.more"] = {"roles": ["postgres"], "nodes": more}
    rendered = render(changes=changes)
    many = rendered.payload("pg1", "/etc/holster/firewall.nft")
    assert many.count(" dport ") == few.count(" dport ")
    assert all(may_reach(rendered, "pg1", f"192.168.11.{number}", 8008) for number in range(30, 60))
    assert not may_reach(rendered, "pg1", "192.168.11.60", 8008)


def test_a_platform_can_do_without_a_filter(render: Render) -> None:
    """Where another one is in front of the machines."""
    rendered = render(changes={"platform": "debian13", "platform_overrides": {"firewall": "none"}})
    assert not [path for path in rendered.files if "firewall" in path and path.startswith("nodes/")]


def test_ssh_takes_keys_only(render: Render) -> None:
    """And listens where the spec says."""
    text = render(changes={"ports.ssh": 2222}).payload("pg1", "/etc/ssh/sshd_config.d/10-holster.conf")
    settings = dict(line.split() for line in text.splitlines() if line and not line.startswith("#"))
    assert settings["PasswordAuthentication"] == settings["KbdInteractiveAuthentication"] == "no"
    assert settings["PermitRootLogin"] == "no"
    assert settings["Port"] == "2222"


def test_yum_repositories(render: Render) -> None:
    """A yum reader sees the URLs, the key and the check; the vendor's own files are not shadowed."""
    parser = configparser.RawConfigParser()
    parser.read_string(render().payload("pg1", "/etc/yum.repos.d/holster-base.repo"))
    section = parser["holster-base"]
    assert section["baseurl"].split(",")[0] == "https://repo1.red-soft.ru/redos/8.0/$basearch/os"
    assert len(section["baseurl"].split(",")) == 2
    assert section["gpgcheck"] == section["enabled"] == "1"
    assert section["gpgkey"] == "file:///etc/pki/rpm-gpg/RPM-GPG-KEY-RED-SOFT"


def test_postgresql_version_in_a_repository_url(render: Render) -> None:
    """PGDG has one repository per major version."""
    rendered = render(changes={"platform": "el9", "components.postgresql": {"version": 17}})
    text = rendered.payload("pg1", "/etc/yum.repos.d/holster-pgdg.repo")
    assert "/yum/17/redhat/rhel-9-$basearch" in text


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"gpg_key": "/usr/share/keyrings/own.gpg"}, "Signed-By: /usr/share/keyrings/own.gpg"),
        ({"gpg_key": "https://mirror.example/key.asc"}, "Signed-By: /etc/apt/keyrings/holster-own.asc"),
        ({"gpg_check": False}, "Trusted: yes"),
        ({"enabled": False, "gpg_check": False}, "Enabled: no"),
        ({}, "Enabled: yes"),
    ],
)
def test_apt_repositories(render: Render, change: dict[str, Any], expected: str) -> None:
    """In the deb822 format, key by path."""
    repository = {
        "id": "own",
        "base_urls": ["http://mirror.example/debian"],
        "suite": "trixie",
        "components": ["main"],
    }
    rendered = render("trio", {"repositories": [{**repository, **change}]})
    lines = rendered.payload("trio1", "/etc/apt/sources.list.d/holster-own.sources").splitlines()
    assert expected in lines
    assert "URIs: http://mirror.example/debian" in lines
    assert "Components: main" in lines
    assert not [line for line in lines if "None" in line]


def test_kernel_settings_of_a_member(render: Render) -> None:
    """A server without PostgreSQL keeps the kernel's memory settings."""
    rendered = render(changes={"system.swappiness": 5})
    assert "vm.swappiness = 5" in rendered.payload("pg1", "/etc/sysctl.d/90-holster.conf")
    assert "vm." not in rendered.payload("consul1", "/etc/sysctl.d/90-holster.conf")
    assert "never" in rendered.payload("pg1", "/etc/tmpfiles.d/holster.conf")


def test_debian_has_its_own_paths(render: Render) -> None:
    """They come from the profile, as on every platform."""
    rendered = render("trio", {"network.ntp": ["10.77.0.1"]})
    for path in ("/etc/patroni/config.yml", "/etc/chrony/chrony.conf", "/etc/consul.d/consul.hcl"):
        assert f"nodes/trio1/payload{path}" in rendered.files
    assert not [path for path in rendered.files if "chrony-wait" in path or "yum.repos.d" in path]
