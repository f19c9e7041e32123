"""Bad apples: values that try to leave their place, through the spec's types and around them."""

from __future__ import annotations

import re
import shlex
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from pydantic import BaseModel

from generator.platforms.profile import load_profile
from generator.render.quoting import QuotingError
from generator.render.tree import render_cluster
from generator.resolve.cluster import resolve_cluster

if TYPE_CHECKING:
    from collections.abc import Iterator

    from generator.spec.model import ClusterSpec
    from tests.unit.render.conftest import Render

NASTY = (
    "${path.root}",
    "%{ if true }x%{ endif }",
    "{{ node.superuser_password }}",
    "{% raw %}",
    "'; DROP TABLE x; --",
    '"quoted" and \\backslash',
    "$(touch /tmp/p0wned)",
    "`id`",
    "%post --erroronfail",
    "- item: [1, 2",
    "yes",
    "0123",
    "кириллица",
    " leading and trailing ",
    "#comment",
    "a: b",
)


@pytest.mark.parametrize("value", NASTY)
def test_a_parameter_reaches_postgresql_unchanged(render: Render, value: str) -> None:
    """The freest text of the spec: it ends up in YAML, and the same in user-data."""
    rendered = render(changes={"postgresql.parameters": {"log_line_prefix": value}})
    config = rendered.document("pg1", "/etc/patroni/patroni.yml")
    assert config["postgresql"]["parameters"]["log_line_prefix"] == value
    written = yaml.safe_load(rendered.text("nodes/pg1/user-data"))["write_files"]
    (content,) = [entry["content"] for entry in written if entry["path"] == "/etc/patroni/patroni.yml"]
    assert content == rendered.payload("pg1", "/etc/patroni/patroni.yml")


RSA = (
    "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAMwB0aGlzaXNub3RhcmVhbGtleWZvcnRl"
    "c3RzdGhpc2lzbm90YXJlYWxrZXlmb3J0ZXN0cw=="
)
ED25519 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
OPTIONS = 'from="10.30.0.0/16,!10.30.1.0/24",restrict,command="echo \\"%s\\" \'$x\'"'
KEYS = (f'{RSA} it\'s "not" plain # $HOME {{{{ x }}}}', f"{OPTIONS} {ED25519} ops")


@pytest.mark.parametrize("key", KEYS)
def test_a_key_with_options_and_a_comment_stays_one_key(render: Render, key: str) -> None:
    """Kickstart splits its lines as a shell does and gets it as one argument, cloud-init as one text."""
    rendered = render(changes={"access.ssh_keys": [key]})
    (line,) = [line for line in rendered.text("nodes/pg1/ks.cfg").splitlines() if line.startswith("sshkey ")]
    assert shlex.split(line, comments=True) == ["sshkey", "--username=holster", key]
    (user,) = yaml.safe_load(rendered.text("nodes/pg1/user-data"))["users"]
    assert user["ssh_authorized_keys"] == [key]


EVIL = "x\n%post\nevil = true\n[evil]\nevil: true\n"
INJECTED = re.compile(rb"^\s*(%post\s*$|\[?evil\b)", re.MULTILINE)


def walk(value: object, place: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield the place of every text in a model."""
    if isinstance(value, str) and type(value) is str:
        yield place
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from walk(getattr(value, name), (*place, name))
    elif isinstance(value, dict):
        for name, part in value.items():
            yield from walk(part, (*place, name))
    elif isinstance(value, tuple):
        for index, part in enumerate(value):
            yield from walk(part, (*place, index))


def poison(value: Any, place: tuple[str | int, ...]) -> Any:
    """Return `value` with the text at `place` replaced, around all validation."""
    if not place:
        return EVIL
    head, *rest = place
    if isinstance(value, BaseModel):
        return value.model_copy(update={str(head): poison(getattr(value, str(head)), tuple(rest))})
    if isinstance(value, dict):
        return {**value, head: poison(value[head], tuple(rest))}
    return tuple(poison(part, tuple(rest)) if index == head else part for index, part in enumerate(value))


FULL: dict[str, Any] = {
    "access": {
        "user": "admin",
        "ssh_keys": ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEd6bHRoaXNpc25vdGFyZWFsa2V5Zm9ydGVzdHME a"],
        "console_password_hash": "$6$saltsalt$abcdefgh",
    },
    "network.search": ["example.org"],
    "network.ntp": ["time.example.org"],
    "postgresql.parameters": {"work_mem": "4MB"},
    "postgresql.hba": [{"database": "app", "user": "app", "address": "10.0.0.0/8"}],
    "repositories": [{"id": "own", "base_urls": ["http://mirror.example/x"], "gpg_key": "/etc/key"}],
    "image": {"iso_url": "/srv/x.iso", "iso_checksum": "file:/srv/x.md5", "base_image": "/srv/b.qcow2"},
    "groups.sirius_postgres.nodes.0.mac": "52:54:00:aa:bb:cc",
    "groups.sirius_postgres.nodes.0.interface": "eth0",
    "storage.os_disk": "/dev/vda",
    "system.domain": "db.example.org",
}

FACTS: dict[str, Any] = {
    "image": {"isos": {"8.0.2": {"url": "http://mirror.example/x.iso", "checksum": "file:/srv/x"}}},
    "kickstart": {"kernel_arguments": ["quiet"]},
    "repositories": [{"id": "own", "base_urls": ["http://mirror.example/x"], "gpg_key": "/etc/key"}],
}

# Used for looking something up or not rendered at all: they never reach a file.
SILENT = {"platform", "sha256", "url", "dhcp_ranges"}


def places(spec: ClusterSpec) -> list[tuple[str | int, ...]]:
    """Return the places whose text can reach a file."""
    return [place for place in walk(spec) if not SILENT & set(place)]


def test_around_all_validation_no_line_is_injected(render: Render) -> None:
    """If a type of the spec had a hole, the filters would still hold: refused, or text in quotes."""
    good = render(changes=FULL)
    spec = good.cluster.spec
    profile = load_profile(spec.platform)
    tried, refused = places(spec), 0
    for place in tried:
        try:
            bad = resolve_cluster(poison(spec, place), profile)
            tree = render_cluster(bad, good.bundle, tool_version="1")
        except (QuotingError, ValueError, KeyError):
            refused += 1  # by a filter, by a number that is none, by a name without credentials
            continue
        for file in tree.files:
            assert not INJECTED.search(file.content), (place, str(file.path))
    assert len(tried) > 40
    assert refused > len(tried) // 2


def test_around_all_validation_no_fact_of_a_platform_is_injected(render: Render) -> None:
    """Facts come from the spec, too (`platform_overrides`): a line of them stays in its place."""
    good = render(changes={"image.base_image": "/srv/b.qcow2"})
    spec = good.cluster.spec
    profile = load_profile(spec.platform, FACTS)
    tried = [place for place in walk(profile) if not (SILENT - {"platform"} | {"accounts"}) & set(place)]
    refused = 0
    for place in tried:
        try:
            bad = resolve_cluster(spec, poison(profile, place))
            tree = render_cluster(bad, good.bundle, tool_version="1")
        except (QuotingError, ValueError, KeyError):
            refused += 1
            continue
        for file in tree.files:
            assert not INJECTED.search(file.content), (place, str(file.path))
    assert len(tried) > 60
    assert refused > len(tried) // 2


def test_a_name_with_two_hyphens_ends_no_comment(render: Render) -> None:
    """XML forbids them within a comment: firewalld refused the zone, and the machine was closed or open."""
    rendered = render(changes={"cluster": "my--cluster"})
    zone = ET.fromstring(rendered.payload("pg1", "/etc/firewalld/zones/holster.xml"))  # noqa: S314 -- ours
    assert "my--cluster" in (zone.findtext("description") or "")
    assert zone.findall("rule")
