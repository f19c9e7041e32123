"""`/etc/holster/node.json` (docs/node-json.md), read with all its problems at once.

In: the document's text.  Out: a frozen Node, or NodeInvalid.
"""

from __future__ import annotations

import json
import re
from typing import Sequence

from generator.node.facts.node import (
    MEMBER,
    Consul,
    DiskRule,
    Folder,
    HugePages,
    Network,
    Node,
    Patroni,
    PayloadFile,
    Peer,
    Platform,
    Program,
    Source,
    Storage,
    System,
    Units,
    Vip,
    Volume,
)
from generator.node.facts.reader import Reader

FORMAT = 1
# Python's client would look a user up as part of the host, and name the password in its message.
ADDRESS = re.compile(r"https?://[^/@]+(/|$)")
# Seconds; what Patroni and our spec take where nothing is said.
DEFAULT_TTL = 30


class NodeInvalid(Exception):
    """The document cannot be used; `problems` lists everything that is wrong."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


def parse_node(text: str) -> Node:
    """Return the node that a document describes.

    Raises:
        NodeInvalid: with every problem of the document.
    """
    try:
        data = json.loads(text)
    except ValueError as error:
        raise NodeInvalid([f"not valid JSON: {error}"]) from None
    except RecursionError:
        raise NodeInvalid(["not valid JSON: it is nested too deeply"]) from None
    problems: list[str] = []
    reader = Reader(data, "", problems)
    version = reader.number("holster_node")
    if problems:
        raise NodeInvalid(problems)
    if version != FORMAT:
        raise NodeInvalid(
            [f"holster_node: version {version} is unknown, this program reads version {FORMAT}"]
        )
    node = _read_node(reader)
    if MEMBER in node.roles:
        problems += [
            f"{key}: needed for the role {MEMBER}"
            for key in ("storage", "patroni", "vip")
            if not reader.has(key)
        ]
    if problems:
        raise NodeInvalid(problems)
    return node


def _read_node(reader: Reader) -> Node:
    storage, patroni, vip = (reader.optional_section(key) for key in ("storage", "patroni", "vip"))
    return Node(
        tool_version=reader.text("tool_version"),
        cluster=reader.text("cluster"),
        name=reader.text("name"),
        fqdn=reader.text("fqdn"),
        instance_id=reader.text("instance_id"),
        roles=tuple(reader.texts("roles")),
        platform=_read_platform(reader.section("platform")),
        network=_read_network(reader.section("network")),
        peers=tuple(
            Peer(peer.text("name"), peer.text("fqdn"), peer.text("address"), peer.boolean("is_member"))
            for peer in reader.sections("peers")
        ),
        files=tuple(
            PayloadFile(
                item.text("path"),
                item.text("owner"),
                item.text("group"),
                _read_mode(item),
                item.text("sha256"),
            )
            for item in reader.sections("files")
        ),
        folders=tuple(
            Folder(item.text("path"), item.text("owner"), item.text("group"), _read_mode(item))
            for item in reader.sections("directories")
        ),
        programs=_read_programs(reader.section("programs")),
        users=_read_users(reader.section("users")),
        units=_read_units(reader.section("units")),
        system=_read_system(reader.section("system"), reader.section("time")),
        storage=_read_storage(storage) if storage else None,
        consul=_read_consul(reader.section("consul")),
        patroni=_read_patroni(patroni) if patroni else None,
        vip=_read_vip(vip) if vip else None,
        deadlines=reader.numbers("deadlines") if reader.has("deadlines") else {},
    )


def _read_mode(reader: Reader) -> int:
    text = reader.text("mode")
    try:
        return int(text, 8)
    except ValueError:
        reader.problems.append(f"{reader.where}.mode: an octal number as text is expected")
        return 0


def _read_platform(reader: Reader) -> Platform:
    return Platform(
        reader.text("name"),
        reader.text("os_id"),
        reader.text("os_version_major"),
        reader.boolean("has_selinux"),
    )


def _read_network(reader: Reader) -> Network:
    return Network(reader.text("address"), reader.number("prefix_length"), reader.optional_text("interface"))


def _read_programs(reader: Reader) -> dict[str, Program]:
    result = {}
    for name in reader.names():
        item = reader.optional_section(name)
        if item:
            source = item.optional_section("source")
            result[name] = Program(
                path=item.text("path"),
                version=item.text("version"),
                source=_read_source(source) if source else None,
            )
    return result


def _read_source(reader: Reader) -> Source:
    source = Source(
        path=reader.optional_text("path"),
        url=reader.optional_text("url"),
        sha256=reader.text("sha256"),
    )
    if (source.path is None) == (source.url is None):
        reader.problems.append(f"{reader.where}: either path or url is expected")
    if source.url and not ADDRESS.match(source.url):
        reader.problems.append(f"{reader.where}.url: an http or https address without a user is expected")
    return source


def _read_users(reader: Reader) -> dict[str, str]:
    return {name: reader.text(name) for name in reader.names() if reader.has(name)}


def _read_units(reader: Reader) -> Units:
    return Units(
        consul=reader.text("consul"),
        patroni=reader.text("patroni"),
        vip_manager=reader.text("vip_manager"),
        chrony=reader.text("chrony"),
        storage=reader.optional_text("storage") or "holster-storage.service",
        disabled=tuple(reader.texts("disabled")),
    )


def _read_system(reader: Reader, time: Reader) -> System:
    pages = reader.optional_section("huge_pages")
    return System(
        timezone=reader.text("timezone"),
        locales=tuple(reader.texts("locales")) if reader.has("locales") else (),
        selinux=reader.optional_text("selinux"),
        firewall_zone=reader.optional_text("firewall_zone"),
        watchdog=reader.text("watchdog"),
        sysctl_file=reader.optional_text("sysctl_file"),
        huge_pages=HugePages(pages.number("count"), pages.boolean("is_required")) if pages else None,
        tmpfiles=tuple(reader.texts("tmpfiles")),
        time_servers=tuple(time.texts("servers")),
        time_wait=time.number("wait"),
    )


def _read_storage(reader: Reader) -> Storage:
    return Storage(
        volume_group=reader.text("volume_group"),
        os_disk=reader.optional_text("os_disk"),
        volumes=tuple(_read_volume(item) for item in reader.sections("volumes")),
    )


def _read_volume(reader: Reader) -> Volume:
    disk = reader.section("disk")
    rule = DiskRule(
        disk.optional_text("path"),
        disk.optional_text("serial"),
        disk.optional_text("wwn"),
        disk.optional_number("min_size"),
        disk.optional_number("max_size"),
    )
    if rule == DiskRule(None, None, None, None, None):
        reader.problems.append(f"{disk.where}: path, serial, wwn, min_size or max_size is expected")
    return Volume(
        role=reader.text("role"),
        name=reader.text("name"),
        disk=rule,
        mount=reader.text("mount"),
        label=reader.text("label"),
        percent=reader.number("percent"),
        size=reader.optional_number("size"),
        min_size=reader.number("min_size"),
        directory=reader.text("directory"),
    )


def _read_consul(reader: Reader) -> Consul:
    return Consul(
        http=reader.text("http").rstrip("/"),
        servers=reader.number("servers"),
        agents=reader.number("agents"),
        config_dir=reader.text("config_dir"),
        data_dir=reader.text("data_dir"),
        agent_token=reader.text("agent_token"),
    )


def _read_patroni(reader: Reader) -> Patroni:
    return Patroni(
        scope=reader.text("scope"),
        namespace=reader.text("namespace"),
        member=reader.text("member"),
        members=reader.number("members"),
        rest=reader.text("rest").rstrip("/"),
        rest_authority=reader.optional_text("rest_authority"),
        ttl=reader.optional_number("ttl") or DEFAULT_TTL,
        first=reader.optional_text("first"),
        config=reader.text("config"),
        token=reader.text("token"),
        postgresql_port=reader.number("postgresql_port"),
        bin_dir=reader.text("bin_dir"),
        superuser=reader.text("superuser"),
        replication_user=reader.text("replication_user"),
        rewind_user=reader.text("rewind_user"),
        roles=reader.optional_text("roles"),
    )


def _read_vip(reader: Reader) -> Vip:
    return Vip(
        address=reader.text("address"),
        prefix_length=reader.number("prefix_length"),
        mode=reader.text("mode"),
        port=reader.number("port"),
        environment_file=reader.text("environment_file"),
        token=reader.optional_text("token"),
    )
