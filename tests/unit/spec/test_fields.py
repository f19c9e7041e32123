"""What one value may look like: the good, and the bad apples of each type."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from generator.spec import disk_ids, fields, network_fields, ssh_fields, url_fields
from generator.spec.fields import DNS_LABEL

GOOD: dict[str, list[Any]] = {
    "AbsolutePath": [
        "/dev/sdb",
        "/dev/disk/by-path/pci-0000:00:07.0",
        "/a/.b",
        "/a/..b",
        "/a/...",
        "/…"[:1] + "x",
    ],
    "Address": ["192.168.11.181", "255.255.255.255"],
    "Checksum": ["md5:" + "0" * 32, "sha256:" + "a" * 64, "file:https://example.org/sums"],
    "Count": [0, 5],
    "DhcpRange": ["10.0.0.1-10.0.0.9", "10.0.0.1-10.0.0.1"],
    "DiskSerial": ["S3Z9NB0K", "holster-data", "VMware NVME_0000", " WD-WX11  ", "a" * 64],
    "DiskWwn": [
        "0x5000c500a1b2c3d4",
        "5000C500A1B2C3D4",
        "naa.600508b1001c0000000000000000aa01",
        "3600508b1001c0000000000000000aa01",
        "eui.0025388b71b1a2c3",
        "EUI.00000000000000008CE38EE20B5D9A01",
        "uuid.7c1e2f4a-0b7d-4e64-9b0c-1a2b3c4d5e6f",
        "nvme.15ad-564d576172652056-564d77617265204e564d65-00000001",
    ],
    "DnsLabel": ["db1", "a", "1", "a" * 63],
    "DnsName": ["example.org", "a", "1.example"],
    "Encoding": ["UTF8", "WIN1251", "utf-8"],
    "Flag": [True, False],
    "GroupName": ["sirius_consul", "a-b"],
    "HbaNames": ["all", "app,+readers"],
    "InterfaceName": ["enp0s8", "ens192", "eth0", "eno1np0", "enx001122334455", "lan1", "bridge1", "local"],
    "KeyboardLayout": ["us", "ru"],
    "Locale": [
        "C.UTF-8",
        "ru_RU.UTF-8",
        "eo",
        "sr_RS@latin",
        "ca_ES.UTF-8@valencia",
        "zh_TW.EUC-TW",
        "en_US.ISO-8859-15",
        "es_419.utf8",
    ],
    "LvmName": ["pg_data", "pg-data", "."],
    "MacAddress": ["52:54:00:12:34:56", "52-54-00-AB-CD-EF"],
    "Namespace": ["/service/", "/a/b/"],
    "Network": ["192.168.11.0/24", "0.0.0.0/0", "10.0.0.1/32"],
    "PackageName": ["postgresql{major}-server", "@core", "@^minimal", "gcc-c++"],
    "ParameterName": ["work_mem", "pg_stat_statements.max"],
    "ParameterValue": ["1.1", 5, True, "", "'quoted'"],
    "PasswordHash": ["$6$salt$hash/.", "$y$j9T$abc$def"],
    "Port": [1, 65535],
    "Release": ["8.0.2", "9"],
    "RepositoryId": ["pgdg-extras", "base"],
    "Scope": ["sirius", "a-1"],
    "Sha256": ["0" * 64],
    "SizeMib": ["512MiB", "10GiB", "2TiB"],
    "SqlName": ["postgres", "_x1"],
    "SshPublicKey": [
        "ssh-ed25519 " + "A" * 44 + " admin@host",
        "ssh-rsa " + "B" * 58 + "==",
        "ssh-ed25519 " + "A" * 44 + ' it\'s my "key", #1 $HOME',
        'from="10.30.0.0/16" ssh-ed25519 ' + "A" * 44,
        'restrict,pty,command="echo \\"hi, you\\" $SSH_ORIGINAL_COMMAND" ssh-rsa ' + "A" * 44 + " ops",
        'no-X11-forwarding,from="*.example.org,!bad.example.org" ecdsa-sha2-nistp256 ' + "A" * 44,
        'environment="A=b c",expiry-time="20300101" sk-ssh-ed25519@openssh.com ' + "A" * 44,
        "cert-authority ssh-ed25519 " + "A" * 44,
    ],
    "SuiteName": ["trixie", "main", "trixie/updates"],
    "TimeServer": ["192.168.11.1", "ntp.example.org"],
    "TimeZone": sorted(fields.list_time_zones()),
    "UnixName": ["holster", "_chrony"],
    "RepositoryUrl": ["https://e.org/$basearch/{major}/", "http://x/y", "file:///srv/{major}/x"],
    "Url": [
        "https://example.org/x?y=1",
        "file:///srv/x",
        "https://xn--e1afmkfd.xn--p1ai/x",
        "http://[2001:db8::1]:8080/x",
        "http://10.0.0.1:65535/a,b",
        "https://nexus_1.example/x",
        "http://h:1/%20x%C3%A9",
        "http://" + ".".join(["a" * 49] * 5) + "/",
    ],
    "UrlOrPath": ["https://example.org/x", "/srv/x.iso"],
    "Version": ["1.22.0", "1.13"],
}
INJECTIONS = [
    "x\n%pre\necho owned",
    "x\r\n",
    "x\x00",
    "x y\n",
    "${x}",
    "%{if}",
    "{{ x }}",
    "{% x %}",
    "$(x)",
    "`x`",
    "x;y",
    'x"',
    "x'",
    "x\u2028y",
    "x\x85y",
    "-x y",
    "x|y",
    "x\\",
    "",
]
FREE = {"ParameterValue"}
"""Types whose values are free text: every renderer quotes them; line breaks are refused here all the same."""
BAD: dict[str, list[Any]] = {
    "AbsolutePath": ["dev/sdb", "/", "/a/", "//a", "/a/../b", "/a/..", "/./a", "/a b", 5],
    "Address": ["256.1.1.1", "127.1", "192.168.11.181/24", "::1", "010.0.0.1", 5, None, True],
    "DhcpRange": ["10.0.0.9-10.0.0.1", "10.0.0.1", "10.0.0.1-10.0.0.2-10.0.0.3", 5],
    "DiskSerial": ["", " ", "a" * 65, "-a", "a,b", "\ta", 5],
    "DiskWwn": [
        "0x5000",
        "t10.ATA     QEMU HARDDISK",
        "eui.",
        "0x5000c500a1b2c3dg",
        "wwn-0x5000c500a1b2c3d4",
        5,
    ],
    "DnsLabel": ["A", "a_b", "-a", "a-", "a.b", "a" * 64, "имя", 5],
    "DnsName": ["a..b", ".a", "a.", "A.org", ".".join(["a" * 60] * 5)],
    "Flag": ["true", 1, 0, "yes"],
    "HbaNames": ["all users", "a,,b", "A"],
    "InterfaceName": [
        "a" * 16,
        "-x",
        "a/b",
        "lo",
        "bond0",
        "team1",
        "br0",
        "br-1a2b",
        "virbr0",
        "vlan120",
        "ens192.120",
        "wg0",
        "tun0",
        "veth1",
        "dummy0",
    ],
    "Locale": ["ru_RU.", ".UTF-8", "A@b.c", "ru-RU", "ru_RU_x", "ru_RU@a@b", "русский", "ru_RU.UTF-8.x"],
    "LvmName": ["-pg", "a/b", "a" * 65],
    "MacAddress": ["52:54:00:12:34", "53:54:00:12:34:56", 41135085296, "52:54:00:12:34:5g"],
    "Namespace": ["service", "/service", "service/", "//"],
    "Network": ["192.168.11.1/24", "192.168.11.0", "::/0", "1.1.1.1/33", 5],
    "ParameterValue": ["a\nb", None, [], 1.5],
    "PasswordHash": ["hunter2", "$1$old$md5", "$6$"],
    "Port": [0, 65536, "22", True],
    "Release": ["8.x", "9" * 5000, 9],
    "Scope": ["12", "1a", "a_b", "a-", "Sirius", "a" * 64],
    "SizeMib": ["1025TiB", "9999999999TiB", 10, "10", "10GB", "0GiB", "-1GiB", "1.5GiB", "9" * 5000 + "GiB"],
    "SshPublicKey": [
        "ssh-rsa",
        "-----BEGIN OPENSSH PRIVATE KEY-----",
        "ssh-dss " + "A" * 60,
        "ssh-ed25519 " + "A" * 45,
        "ssh-ed25519 " + "A" * 43 + "=A",
        "ssh-ed25519 " + "A" * 8000,
        'fron="10.0.0.0/8" ssh-ed25519 ' + "A" * 44,
        "from=10.0.0.0/8 ssh-ed25519 " + "A" * 44,
        'from="10.0.0.0/8 ssh-ed25519 ' + "A" * 44,
        "whatever ssh-ed25519 " + "A" * 44,
        'command="a\nb" ssh-ed25519 ' + "A" * 44,
        "sk-anything ssh-ed25519 " + "A" * 44,
        "ssh-ed25519 " + "A" * 44 + "\tx",
    ],
    "TimeServer": ["10.0.0.256", "x y", 5],
    "Url": [
        "example.org",
        "javascript:x",
        "https://",
        "https://e.org/${x}",
        "https://e.org/{major}",
        "https://пример.рф/x",
        "https://e.org/путь",
        "https://me:word@e.org/x",
        "https://token@e.org/x",
        "https://e.org:65536/x",
        "https://e.org:x/",
        "https://-e.org/x",
        "https://" + "a" * 64 + "/x",
        "https://e.org/" + "x" * 1000,
        "file://host/x",
        "http://x/\x01y",
        "http://x/a b",
        "http://x/a\tb",
        "http://x/a\u202eb",
        "http://x:0/",
        "http://x:00/",
        "http://1.2.3.256/",
        "http://127.1/",
        "http://2130706433/",
        "http://[:::::]/",
        "http://[1.2.3.4]/",
        "http://" + ".".join(["a" * 60] * 5) + "/",
        "http://x/%",
        "http://x/%zz",
        "http://x/100%",
    ],
    "RepositoryUrl": ["https://{major}/x", "https://e.org/{minor}", "https://me:word@e.org/x"],
    "UrlOrPath": ["https://me:word@e.org/x", "relative/x", "//x"],
    "Checksum": [
        "md5:" + "0" * 64,
        "sha256:" + "0" * 32,
        "file:https://me:word@e.org/x",
        "file:x",
        "file:http://x:0/sums",
    ],
    "PackageName": ["%end", "-x", "a b", "^x", "x" * 256, "a/b"],
    "RepositoryId": ["a" * 65, "a/b", ".a", "a b", "a:b", "ф"],
    "SuiteName": ["trixie/", "a//b", "../x", "a" * 65],
    "TimeZone": ["Europe/Moskow", "Moscow", "Etc/../UTC", "europe/moscow", "posixrules"],
    "Version": ["1", "1.22-rc1", "v1.2", "latest", "1." + "9" * 5000],
}
MODULES = {**vars(disk_ids), **vars(ssh_fields), **vars(url_fields), **vars(network_fields), **vars(fields)}
TYPES = {name: MODULES[name] for name in GOOD}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in GOOD.items() for value in values]
)
def test_good_value(name: str, value: object) -> None:
    """Accepted."""
    TypeAdapter(TYPES[name]).validate_python(value)


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in BAD.items() for value in values]
)
def test_bad_value(name: str, value: object) -> None:
    """Refused."""
    with pytest.raises(ValidationError):
        TypeAdapter(TYPES[name]).validate_python(value)


@pytest.mark.parametrize("name", sorted(set(GOOD) - FREE - {"Count", "Flag", "Port"}))
@pytest.mark.parametrize("value", INJECTIONS)
def test_nothing_can_be_injected(name: str, value: str) -> None:
    """No line break, quote or expression gets into a name, path or URL."""
    adapter = TypeAdapter(TYPES[name])
    with pytest.raises(ValidationError):
        adapter.validate_python(value)
    if name not in {"Locale", "SizeMib", "MacAddress"}:
        for good in GOOD[name]:
            with pytest.raises(ValidationError):
                adapter.validate_python(f"{good}\n{value}")


@pytest.mark.parametrize(("name", "value"), [(name, value) for name in GOOD for value in GOOD[name]])
def test_json_schema_accepts_what_the_type_accepts(name: str, value: Any) -> None:
    """The pattern that an editor applies is not stricter than the type."""
    schema = TypeAdapter(TYPES[name]).json_schema()
    if isinstance(value, str) and "pattern" in schema:
        assert re.search(schema["pattern"], value)


def name_slot(member: str) -> str:
    """Return the replication slot of a member as Patroni names it (slot_name_from_member_name)."""
    return re.sub(r"[-.]", "_", member.lower())[:63]


@given(st.lists(st.from_regex(DNS_LABEL, fullmatch=True), min_size=2, max_size=6, unique=True))
def test_different_names_have_different_replication_slots(names: list[str]) -> None:
    """Why no rule compares slot names: DNS labels have no `_` and no `.`."""
    assert len({name_slot(name) for name in names}) == len(names)
