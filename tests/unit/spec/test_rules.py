"""Rules over several values: what each forbids, and what it must leave alone."""

from __future__ import annotations

import pytest

from generator.spec.rules import RULES
from generator.spec.rules.rule import Rule
from tests.fakes.spec_texts import change_spec, describe_problems, find_problems

SERVERS = ("[consul-server, postgres]", "[consul-server]")
NODE3 = "      - {name: db3, address: 10.20.0.13, memory: 4GiB}\n"
IFACE = "interface: eth0"
CLIENT_AUTHORITY = "parameters: {ssl_ca_file: /etc/pki/clients.pem}}\n"


def members(count: int) -> tuple[str, str]:
    """Return the replacement that adds a group of members."""
    nodes = "".join(
        f"      - {{name: pg{n}, address: 10.20.0.{20 + n}, memory: 4GiB}}\n" for n in range(count)
    )
    return ("access:", f"  members:\n    roles: [postgres]\n    nodes:\n{nodes}access:")


Case = tuple[list[tuple[str, str]], str, set[tuple[str, str, str]]]
FORBIDDEN: dict[str, Case] = {
    "even server count": ([(NODE3, "")], "", {("error", "server-count", "groups")}),
    "one server": (
        [SERVERS, (NODE3, ""), ("      - {name: db2, address: 10.20.0.12, memory: 4GiB}\n", ""), members(2)],
        "",
        {("error", "server-count", "groups")},
    ),
    "no server": ([("[consul-server, postgres]", "[postgres]")], "", {("error", "server-count", "groups")}),
    "seven servers": (
        [
            (
                NODE3,
                NODE3
                + "".join(
                    f"      - {{name: x{n}, address: 10.20.0.{30 + n}, memory: 4GiB}}\n" for n in range(4)
                ),
            )
        ],
        "",
        {("error", "server-count", "groups")},
    ),
    "no member": (
        [SERVERS, ("durability: synchronous", "durability: asynchronous")],
        "",
        {("error", "member-count", "groups")},
    ),
    "synchronous without a second member": (
        [SERVERS, members(1)],
        "",
        {("error", "durability-members", "durability"), ("warning", "member-count", "groups")},
    ),
    "vip on a node's address": ([("10.20.0.100", "10.20.0.12")], "", {("error", "address-clash", "vip")}),
    "vip on the gateway": (
        [(IFACE, f"{IFACE}\n  gateway: 10.20.0.100")],
        "",
        {("error", "address-clash", "vip")},
    ),
    "vip on a name server": (
        [(IFACE, f"{IFACE}\n  dns: [10.20.0.100]")],
        "",
        {("error", "address-clash", "vip")},
    ),
    "gateway outside": (
        [(IFACE, f"{IFACE}\n  gateway: 10.21.0.1")],
        "",
        {("error", "address-outside-network", "network.gateway")},
    ),
    "host-only network": (
        [("10.20.0.0/24", "10.20.0.11/32")],
        "",
        {
            ("error", "network-exhausted", "network.prefix"),
            ("error", "address-outside-network", "vip"),
            ("error", "address-outside-network", "groups.demo.nodes.1.address"),
            ("error", "address-outside-network", "groups.demo.nodes.2.address"),
        },
    ),
    "node in a dhcp range": (
        [(IFACE, f"{IFACE}\n  dhcp_ranges: [10.20.0.1-10.20.0.11]")],
        "",
        {("error", "address-in-dhcp-range", "groups.demo.nodes.0.address")},
    ),
    "multicast network": (
        [("10.20.0.", "224.20.0.")],
        "",
        {("error", "network-unusable", "network.prefix")},
    ),
    "link-local network": (
        [("10.20.0.", "169.254.0.")],
        "",
        {("error", "network-unusable", "network.prefix")},
    ),
    "numeric name": (
        [("name: db1", 'name: "12"')],
        "",
        {("error", "reserved-name", "groups.demo.nodes.0.name")},
    ),
    "cluster called consul": (
        [("cluster: demo", "cluster: consul")],
        "",
        {("error", "reserved-name", "cluster")},
    ),
    "reserve name of the datacenter too long": (
        [("cluster: demo", f"cluster: {'d' * 61}")],
        "system: {domain: x}\n",
        {("error", "long-name", "cluster")},
    ),
    "system disk of a node": (
        [("name: db1,", "name: db1, storage: {os_disk: /dev/nvme0n1, data: {disk: /dev/nvme0n1}},")],
        "",
        {("error", "os-disk", "groups.demo.nodes.0.storage.data.disk")},
    ),
    "size rule upside down": (
        [("{serial: data-1}", "{min_size: 2TiB, max_size: 1TiB}")],
        "",
        {("error", "disk-selector", "storage.data.disk.max_size")},
    ),
    "same disk by default": (
        [("{disk: {serial: data-1}, disk_size: 20GiB}", "{disk: /dev/sdc}"), ("disk: {serial: wal-1}, ", "")],
        "",
        {
            ("error", "same-disk", "storage.wal.disk"),
            ("warning", "unstable-disk-name", "storage.os_disk"),
            ("warning", "unstable-disk-name", "storage.data.disk"),
            ("warning", "unstable-disk-name", "storage.wal.disk"),
        },
    ),
    "both volumes on one mount": (
        [("disk_size: 20GiB", "disk_size: 20GiB, mount: /pgwal")],
        "",
        {("error", "mount-point", "storage.wal.mount")},
    ),
    "volume below another": (
        [("disk_size: 4GiB", "disk_size: 4GiB, mount: /pgdata/wal")],
        "",
        {("error", "mount-point", "storage.wal.mount")},
    ),
    "mount on holster's own folder": (
        [("disk_size: 4GiB", "disk_size: 4GiB, mount: /var/lib/holster")],
        "",
        {("error", "mount-point", "storage.wal.mount")},
    ),
    "equal volume names": (
        [("disk_size: 4GiB", "disk_size: 4GiB, name: pg_data")],
        "",
        {("error", "volume-name", "storage.wal.name")},
    ),
    "device name too long": (
        [
            ("storage:\n", f"storage:\n  volume_group: {'v' * 63}\n"),
            ("disk_size: 4GiB", f"disk_size: 4GiB, name: {'-'.join('w' * 32)}"),
        ],
        "",
        {("error", "volume-name", "storage.wal.name")},
    ),
    "volume group called ..": (
        [("storage:\n", "storage:\n  volume_group: ..\n")],
        "",
        {("error", "volume-name", "storage.volume_group")},
    ),
    "volume group called like a folder of /dev": (
        [("storage:\n", "storage:\n  volume_group: shm\n")],
        "",
        {("error", "volume-name", "storage.volume_group")},
    ),
    "volume group called like a disk": (
        [("storage:\n", "storage:\n  volume_group: sdb\n")],
        "",
        {("error", "volume-name", "storage.volume_group")},
    ),
    "retention below a segment": (
        [],
        "postgresql: {max_wal_size: 16MiB}\n",
        {("error", "wal-retention", "postgresql.max_wal_size")},
    ),
    "one node's small WAL disk decides": (
        [("name: db3,", "name: db3, storage: {wal: {disk_size: 1GiB}},")],
        "postgresql: {max_slot_wal_keep_size: 2GiB}\n",
        {("error", "wal-retention", "postgresql.max_slot_wal_keep_size")},
    ),
    "work_mem of all clients": (
        [],
        "postgresql: {work_mem: 64MiB}\n",
        {("warning", "memory-overcommitted", f"groups.demo.nodes.{n}.memory") for n in range(3)},
    ),
    "half of ttl as watchdog margin": (
        [],
        "patroni: {ttl: 30, loop_wait: 18, retry_timeout: 5, watchdog_safety_margin: -1}\n",
        {("error", "watchdog-timing", "patroni.watchdog_safety_margin")},
    ),
    "exactly ttl": (
        [],
        "patroni: {ttl: 30, loop_wait: 10, retry_timeout: 10}\n",
        {("warning", "patroni-timing", "patroni.ttl")},
    ),
    "a watchdog before the leader gives up": (
        [],
        "patroni: {ttl: 30, watchdog_safety_margin: 16}\n",
        {("warning", "watchdog-timing", "patroni.watchdog_safety_margin")},
    ),
    "a session longer than a day": (
        [],
        "patroni: {ttl: 172802}\n",
        {("error", "out-of-range", "patroni.ttl")},
    ),
    "image from a url without checksum": (
        [],
        "image: {base_image: https://example.org/base.qcow2}\n",
        {("error", "image-checksum", "image.base_image")},
    ),
    "line injected by a platform fact": (
        [],
        'platform_overrides: {paths: {ip_binary: "/x\\n%pre"}, packages: ["a\\nb"]}\n',
        {
            ("error", "wrong-value", "platform_overrides.paths.ip_binary"),
            ("error", "wrong-value", "platform_overrides.packages.0"),
        },
    ),
    "install disk that is two": (
        [("storage:\n", 'storage:\n  os_disk: "/dev/sda,sdb"\n')],
        "",
        {("error", "not-a-disk", "storage.os_disk")},
    ),
    "install disk that is a partition": (
        [("storage:\n", "storage:\n  os_disk: /dev/disk/by-id/ata-x-part1\n")],
        "",
        {("error", "not-a-disk", "storage.os_disk")},
    ),
    "install disk of a machine that is no member": (
        [SERVERS, members(2), ("name: db1,", "name: db1, storage: {os_disk: /srv/disk},")],
        "",
        {("error", "not-a-disk", "groups.demo.nodes.0.storage.os_disk")},
    ),
    "size rule inside the other": (
        [("{serial: data-1}", "{min_size: 10GiB}"), ("{serial: wal-1}", "{min_size: 2GiB}")],
        "",
        {("error", "disk-selector", "storage.wal.disk")},
    ),
    "size rule around the other": (
        [("{serial: data-1}", "{max_size: 50GiB}"), ("{serial: wal-1}", "{min_size: 1GiB, max_size: 5GiB}")],
        "",
        {("error", "disk-selector", "storage.data.disk")},
    ),
    "archive without a command": (
        [],
        'postgresql: {parameters: {archive_mode: "on", archive_command: ""}}\n',
        {("error", "archives-nothing", "postgresql.parameters.archive_mode")},
    ),
    "clients that the firewall keeps out": (
        [],
        "postgresql: {hba: [{address: 10.9.0.0/16}]}\n",
        {("warning", "address-outside-network", "postgresql.hba.0.address")},
    ),
    "synchronous_commit as parameter": (
        [],
        'postgresql: {parameters: {synchronous_commit: "off"}}\n',
        {("error", "parameter-not-here", "postgresql.parameters.synchronous_commit")},
    ),
    "passwords that pg_hba does not take": (
        [],
        "postgresql: {parameters: {password_encryption: md5}}\n",
        {("error", "parameter-not-here", "postgresql.parameters.password_encryption")},
    ),
    "huge pages of a machine of unknown size": (
        [("10.20.0.13, memory: 4GiB", "10.20.0.13")],
        "postgresql: {parameters: {huge_pages: true}}\n",
        {
            ("error", "huge-pages", "postgresql.parameters.huge_pages"),
            ("warning", "memory-unknown", "groups.demo.nodes.2"),
        },
    ),
    "huge pages of another size": (
        [],
        'postgresql: {parameters: {huge_pages: "ON", huge_page_size: 1GB}}\n',
        {("error", "huge-pages", "postgresql.parameters.huge_pages")},
    ),
    "huge pages of another kind of memory": (
        [],
        "postgresql: {parameters: {huge_pages: yes, shared_memory_type: sysv}}\n",
        {("error", "huge-pages", "postgresql.parameters.huge_pages")},
    ),
    "huge pages over half of the memory": (
        [],
        "postgresql: {max_locks_per_transaction: 20000, parameters: {huge_pages: 1}}\n",
        {("error", "huge-pages", "postgresql.parameters.huge_pages")},
    ),
    "a watchdog that nobody demands, and commits that wait for nobody": (
        [("durability: synchronous", "durability: asynchronous")],
        "patroni: {watchdog: automatic}\n",
        {("warning", "no-watchdog", "patroni.watchdog")},
    ),
    "no watchdog, and commits that wait for nobody": (
        [("durability: synchronous", "durability: asynchronous")],
        'patroni: {watchdog: "off"}\n',
        {("warning", "no-watchdog", "patroni.watchdog")},
    ),
    "an address that is moved late": (
        [],
        "vip_manager: {interval_ms: 6000}\n",
        {("warning", "vip-timing", "vip_manager.interval_ms")},
    ),
    "buffers larger than the machine": (
        [
            ("10.20.0.12, memory: 4GiB", "10.20.0.12, memory: 16GiB"),
            ("10.20.0.13, memory: 4GiB", "10.20.0.13, memory: 16GiB"),
        ],
        "postgresql: {shared_buffers: 4GiB}\n",
        {("error", "memory-overcommitted", "groups.demo.nodes.0.memory")},
    ),
    "a machine that PostgreSQL does not fit into": (
        [("10.20.0.11, memory: 4GiB", "10.20.0.11, memory: 32MiB")],
        "",
        {("error", "memory-overcommitted", "groups.demo.nodes.0.memory")},
    ),
    "dnf's own settings": (
        [],
        "repositories: [{id: main, base_urls: [https://m.example.org/], gpg_key: /etc/key}]\n",
        {("error", "reserved-name", "repositories.0.id")},
    ),
    "encodings in other programs' words": (
        [],
        "postgresql: {encoding: utf-8}\n",
        {("error", "encoding", "postgresql.encoding")},
    ),
    "a locale of clients": (
        [],
        "postgresql: {locale: ja_JP.SJIS}\n",
        {("error", "encoding", "postgresql.locale")},
    ),
    "time zones that there are not": (
        [],
        "postgresql: {parameters: {timezone: Europe/Moscwo, log_timezone: 3}}\n",
        {
            ("error", "parameter-value", "postgresql.parameters.timezone"),
            ("error", "parameter-value", "postgresql.parameters.log_timezone"),
        },
    ),
    "the members' own certificates": (
        [],
        "postgresql: {parameters: {ssl_cert_file: /etc/pki/own.pem, ssl_key_file: /etc/pki/own.key}}\n",
        {
            ("error", "parameter-not-here", "postgresql.parameters.ssl_cert_file"),
            ("error", "parameter-not-here", "postgresql.parameters.ssl_key_file"),
        },
    ),
    "the cluster's authority for clients": (
        [],
        "postgresql: {parameters: {ssl_ca_file: /etc/holster/tls/ca.pem}}\n",
        {("error", "parameter-value", "postgresql.parameters.ssl_ca_file")},
    ),
    "consul's authority for clients": (
        [],
        "postgresql: {parameters: {ssl_ca_file: /etc/consul.d/x/../tls/ca.pem}}\n",
        {("error", "parameter-value", "postgresql.parameters.ssl_ca_file")},
    ),
    "an authority in the data directory": (
        [],
        "postgresql: {parameters: {ssl_ca_file: root.crt}}\n",
        {("error", "parameter-value", "postgresql.parameters.ssl_ca_file")},
    ),
    "an authority without tls": (
        [],
        'postgresql: {tls: "off", parameters: {ssl_ca_file: /etc/pki/clients.pem}}\n',
        {("warning", "tls-off", "postgresql.parameters.ssl_ca_file")},
    ),
    "data that a power cut damages": (
        [],
        'postgresql: {parameters: {fsync: 0, full_page_writes: "No"}}\n',
        {
            ("warning", "crash-unsafe", "postgresql.parameters.fsync"),
            ("warning", "crash-unsafe", "postgresql.parameters.full_page_writes"),
        },
    ),
    "certificate without tls": (
        [],
        "postgresql: {hba: [{address: 10.20.0.0/24, type: hostnossl, method: cert}]}\n",
        {("error", "hba-method", "postgresql.hba.0.method")},
    ),
    "certificate of an authority that nobody named": (
        [],
        "postgresql: {hba: [{address: 10.20.0.0/24, type: hostssl, method: cert}]}\n",
        {("error", "hba-method", "postgresql.hba.0.method")},
    ),
    "a socket with an address": (
        [],
        "postgresql: {hba: [{address: 10.20.0.0/24, type: local}]}\n",
        {("error", "hba-address", "postgresql.hba.0.address")},
    ),
    "a network without an address": (
        [],
        "postgresql: {hba: [{type: hostssl}]}\n",
        {("error", "hba-address", "postgresql.hba.0")},
    ),
    "the user of a socket over the network": (
        [],
        "postgresql: {hba: [{address: 10.20.0.0/24, method: peer}]}\n",
        {("error", "hba-method", "postgresql.hba.0.method")},
    ),
    "a ticket over the socket": (
        [],
        "postgresql: {hba: [{type: local, method: gss}]}\n",
        {("error", "hba-method", "postgresql.hba.0.method")},
    ),
    "tls that is off": (
        [],
        'postgresql: {tls: "off", hba: [{address: 10.20.0.0/24, type: hostssl}]}\n',
        {("error", "tls-off", "postgresql.hba.0.type")},
    ),
    "method that needs options": (
        [],
        "postgresql: {hba: [{address: 10.20.0.0/24, method: ldap}]}\n",
        {("error", "wrong-value", "postgresql.hba.0.method")},
    ),
}
ALLOWED: dict[str, tuple[list[tuple[str, str]], str]] = {
    "a single server that is meant": (
        [
            (NODE3, ""),
            ("      - {name: db2, address: 10.20.0.12, memory: 4GiB}\n", ""),
            members(1),
        ],
        "consul: {allow_single_server: true}\n",
    ),
    "five servers apart from members": (
        [
            (
                NODE3,
                NODE3
                + "".join(
                    f"      - {{name: x{n}, address: 10.20.0.{30 + n}, memory: 4GiB}}\n" for n in range(2)
                ),
            )
        ],
        "",
    ),
    "name server and gateway on one address": (
        [(IFACE, f"{IFACE}\n  gateway: 10.20.0.1\n  dns: [10.20.0.1]")],
        "",
    ),
    "a mac instead of an interface": (
        [(IFACE, "dns: []")]
        + [(f"10.20.0.1{n},", f'10.20.0.1{n}, mac: "52:54:00:00:00:0{n}",') for n in (1, 2, 3)],
        "",
    ),
    "two networks of one datacenter": (
        [],
        "datacenters: {east: [10.20.0.0/16, 10.20.0.0/24], west: [10.21.0.0/16]}\n",
    ),
    "disks by size": (
        [("{serial: data-1}", "{min_size: 15GiB}"), ("{serial: wal-1}", "{max_size: 5GiB}")],
        "",
    ),
    "disks by sizes that overlap a little": (
        [("{serial: data-1}", "{min_size: 15GiB}"), ("{serial: wal-1}", "{max_size: 16GiB}")],
        "",
    ),
    "archive by a library": ([], "postgresql: {parameters: {archive_mode: true, archive_library: basic}}\n"),
    "archive that is off": ([], 'postgresql: {parameters: {archive_mode: "off"}}\n'),
    "rules for clients and against others": (
        [],
        "postgresql: {hba: [{address: 0.0.0.0/0}, {address: 10.9.0.0/16, method: reject}]}\n",
    ),
    "an install disk by id": ([("storage:\n", "storage:\n  os_disk: /dev/disk/by-id/ata-OS_1\n")], ""),
    "a mount below opt": ([("disk_size: 20GiB", "disk_size: 20GiB, mount: /opt/pg")], ""),
    "a certificate over tls": (
        [],
        "postgresql: {hba: [{address: 10.20.0.0/24, type: hostssl, method: cert}], " + CLIENT_AUTHORITY,
    ),
    "rules for the socket": (
        [],
        "postgresql: {hba: [{type: local, method: peer}, {type: local, database: replication}]}\n",
    ),
    "a watchdog that is demanded": (
        [("durability: synchronous", "durability: asynchronous")],
        "patroni: {watchdog: required}\n",
    ),
    "no watchdog, and commits that wait": ([], 'patroni: {watchdog: "off"}\n'),
    "an address that is moved in time": ([], "vip_manager: {interval_ms: 5000}\n"),
    "time zones in any letters": (
        [],
        "postgresql: {parameters: {timezone: utc, log_timezone: asia/yekaterinburg}}\n",
    ),
    "an authority of clients": (
        [],
        "postgresql: {parameters: {ssl_ca_file: /etc/pki/clients.pem}}\n",
    ),
    "huge pages where there are some": ([], "postgresql: {parameters: {huge_pages: try}}\n"),
    "huge pages that are reserved": (
        [],
        'postgresql: {parameters: {huge_pages: "on", huge_page_size: 2MB, shared_memory_type: mmap}}\n',
    ),
    "huge pages of another size where there are some": (
        [],
        "postgresql: {parameters: {huge_page_size: 1GB}}\n",
    ),
    "huge pages never": ([], "postgresql: {parameters: {huge_pages: false}}\n"),
    "data that a power cut leaves alone": (
        [],
        'postgresql: {parameters: {fsync: true, full_page_writes: "on"}}\n',
    ),
    "trust on loopback": ([], "postgresql: {hba: [{address: 127.0.0.0/8, method: trust}]}\n"),
    "two seconds below ttl": ([], "patroni: {ttl: 32, loop_wait: 10, retry_timeout: 10}\n"),
    "watchdog off": ([], 'patroni: {watchdog: "off", watchdog_safety_margin: 29}\n'),
    "enough senders": ([], "postgresql: {max_wal_senders: 5, max_replication_slots: 4}\n"),
    "ordinary parameters": ([], "postgresql: {parameters: {random_page_cost: 1.1, jit: false}}\n"),
    "strict with three members": ([("durability: synchronous", "durability: synchronous-strict")], ""),
    "a privileged ssh port": ([], "ports: {ssh: 443}\nsystem: {selinux: permissive}\n"),
    "storage of a machine that is no member": (
        [SERVERS, members(2), ("name: db1,", "name: db1, storage: {data: {disk: /dev/sda}},")],
        "",
    ),
}


@pytest.mark.parametrize("case", FORBIDDEN, ids=lambda case: case.replace(" ", "-"))
def test_forbidden(case: str) -> None:
    """Exactly these problems, at exactly these places."""
    pairs, more, expected = FORBIDDEN[case]
    assert describe_problems(change_spec(*pairs, more=more)) == expected


@pytest.mark.parametrize("case", ALLOWED, ids=lambda case: case.replace(" ", "-"))
def test_allowed(case: str) -> None:
    """No problem, no warning."""
    pairs, more = ALLOWED[case]
    assert describe_problems(change_spec(*pairs, more=more)) == set()


def test_original_playbook_wal_disk_is_refused_with_the_numbers() -> None:
    """1 GB for WAL against wal_keep_segments 1875 (29.3 GiB): the seed's trap."""
    (problem,) = find_problems(
        change_spec(("disk_size: 4GiB", "disk_size: 1GiB"), more="postgresql: {wal_keep_size: 30000MiB}\n")
    )
    assert problem.id == "wal-retention"
    for number in ("30290", "30000", "968", "774"):
        assert number in f"{problem.message} {problem.hint}"


def test_trap_02_a_disk_name_that_moves_is_pointed_out() -> None:
    """The seed's own names: allowed, because the first boot touches blank disks and its own ones only."""
    text = change_spec(("{serial: data-1}", "/dev/nvme0n1"), ("{serial: wal-1}", "/dev/sdc"))
    assert describe_problems(text) == {
        ("warning", "unstable-disk-name", "storage.os_disk"),
        ("warning", "unstable-disk-name", "storage.data.disk"),
        ("warning", "unstable-disk-name", "storage.wal.disk"),
    }


def test_trap_27_the_times_of_patroni_are_refused_with_their_sum() -> None:
    """Whoever shortens ttl alone makes a leader that loses its lock on the first failing request."""
    (problem,) = find_problems(change_spec(more="patroni: {ttl: 24}\n"))
    assert problem.id == "patroni-timing"
    assert "5 + 2 * 10 = 25 s is more than ttl = 24 s" in problem.message


def test_datacenter_warning_names_the_servers() -> None:
    """Whoever reads it sees which server is where."""
    (problem,) = find_problems(
        change_spec(more="datacenters: {east: [10.20.0.11/32], west: [10.20.0.12/32]}\n")
    )
    assert problem.id == "datacenter-disagreement"
    assert "db1 in east, db2 in west, db3 in none" in problem.message
    assert "demo-dc" in problem.message


def test_declared_datacenter_ends_the_question() -> None:
    """The declared name wins over addresses that disagree."""
    text = change_spec(
        more="datacenter: north\ndatacenters: {east: [10.20.0.11/32], west: [10.20.0.12/32]}\n"
    )
    assert find_problems(text) == ()


@pytest.mark.parametrize(
    ("reads", "removed", "is_partial", "expected"),
    [
        ("a.b", ("a", "b"), False, False),
        ("a.b", ("a",), False, False),
        ("a.b", ("a", "b", "c"), False, False),
        ("a.b", ("a", "c"), False, True),
        ("a.*.b", ("a", 0), False, False),
        ("a.*.b", ("a", 0), True, True),
        ("a.*.b", ("a", 0, "b"), True, False),
        ("a.*.b", ("a", 0, "c"), False, True),
        ("a.*.b", ("a",), True, False),
    ],
)
def test_rule_runs_only_on_what_it_can_rely_on(
    reads: str, removed: tuple[str | int, ...], *, is_partial: bool, expected: bool
) -> None:
    """A removed value stops its rules; a removed entry stops only those that count."""
    rule = Rule(("x",), (tuple(reads.split(".")),), is_partial, lambda: iter(()))
    assert rule.may_run([removed]) is expected


def test_every_rule_declares_what_it_reads() -> None:
    """A rule without paths would run on values that were set aside."""
    assert all(rule.reads and rule.ids and rule.check.__doc__ for rule in RULES)
