"""`holster init`: wrong answers are told at once, and no file is lost."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from generator.spec.schema import format_schema

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.cli.conftest import Called

    Holster = Callable[..., Called]

ANSWERS = ("--address", "10.1.0.11,10.1.0.12,10.1.0.13", "--vip", "10.1.0.100")


def test_file_names_the_cluster(holster: Holster) -> None:
    """`holster init my.yaml` is the README's first command; its output is output/my."""
    assert holster("init", "my.yaml", *ANSWERS).code == 0
    assert yaml.safe_load(Path("my.yaml").read_text())["cluster"] == "my"


def test_file_that_cannot_name_a_cluster_does_not(holster: Holster, monkeypatch: pytest.MonkeyPatch) -> None:
    """`My cluster.yaml` is a fine file and no name of anything."""
    monkeypatch.setattr("sys.stdin.isatty", lambda: False)
    called = holster("init", "My cluster.yaml", *ANSWERS)
    assert called.code == 2
    assert "--cluster" in called.err


@pytest.mark.parametrize(
    ("option", "value", "expected"),
    [
        ("--address", "", "at least one address"),
        ("--address", " , ", "at least one address"),
        ("--address", "10.1.0.11/24", "'10.1.0.11/24' must be an IPv4 address"),
        ("--vip", "fe80::1", "IPv6 is not supported"),
        ("--prefix", "10.1.0.5/24", "the network is 10.1.0.0/24"),
        ("--cluster", "мой", "'м' is a Cyrillic letter"),
        ("--interface", "eth0 --x", "network interface name"),
        ("--ssh-key", "AAAA", "OpenSSH public key"),
    ],
)
def test_wrong_option_is_explained_in_the_words_of_the_spec(
    holster: Holster, option: str, value: str, expected: str
) -> None:
    """A usage error that names the option, never a traceback or a place in a file that is not there."""
    called = holster("init", "my.yaml", "--cluster", "my", *ANSWERS, option, value)
    assert called.code == 2
    assert option in called.err
    assert expected in called.err
    assert not Path("my.yaml").exists()


def test_answers_that_contradict_each_other_are_named_without_excerpts(holster: Holster) -> None:
    """There is no file yet whose lines could be shown, and warnings can wait."""
    called = holster("init", "my.yaml", "--address", "10.1.0.11", "--vip", "10.1.0.11")
    assert called.code == 1
    assert "the virtual address 10.1.0.11 is the address of the node my1" in called.err
    assert "-->" not in called.err
    assert "warning" not in called.err
    assert not Path("my.yaml").exists()


def test_full_disk_keeps_the_old_file(holster: Holster, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--force` replaces a spec by a whole new one or not at all."""
    Path("my.yaml").write_text("mine")

    def fail(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    called = holster("init", "my.yaml", "--force", *ANSWERS)
    assert called.code == 3
    assert "No space left" in called.err
    assert Path("my.yaml").read_text() == "mine"
    assert [path.name for path in Path().iterdir()] == ["my.yaml"]


@pytest.mark.parametrize("durability", ["synchronous", "asynchronous"])
def test_servers_may_be_apart_from_members(holster: Holster, durability: str) -> None:
    """The shape of the seed: three Consul servers, two members; it passes check and render."""
    servers = ("--consul-server", "10.1.0.21,10.1.0.22", "--consul-server", "10.1.0.23")
    called = holster(
        *("init", "my.yaml", "--address", "10.1.0.11,10.1.0.12", "--vip", "10.1.0.100", *servers),
        *("--durability", durability),
    )
    assert called.code == 0, called.err
    groups = yaml.safe_load(Path("my.yaml").read_text())["groups"]
    assert {name: group["roles"] for name, group in groups.items()} == {
        "my_consul": ["consul-server"],
        "my_postgres": ["postgres"],
    }
    assert holster("check", "my.yaml").code == 0
    assert holster("secrets", "create", "my.yaml").code == 0
    assert holster("render", "my.yaml").code == 0


def test_two_servers_are_none(holster: Holster) -> None:
    """The way out is named, for members and for servers."""
    two = holster("init", "my.yaml", "--address", "10.1.0.11,10.1.0.12", "--vip", "10.1.0.100")
    assert "two members need --consul-server" in two.err
    apart = holster("init", "my.yaml", *ANSWERS, "--consul-server", "10.1.0.21,10.1.0.22")
    assert apart.code == 1
    assert "two machines cannot agree" in apart.err
    assert not list(Path().iterdir())


def test_the_schema_is_where_the_editor_looks(holster: Holster) -> None:
    """Also outside a checkout; one of another version is made anew."""
    Path("deep").mkdir()
    schema = Path("deep/holster.schema.json")
    assert holster("init", "deep/my.yaml", *ANSWERS).code == 0
    first, _, _ = Path("deep/my.yaml").read_text().partition("\n")
    assert first == "# yaml-language-server: $schema=holster.schema.json"
    assert schema.read_text() == format_schema()
    schema.write_text(format_schema().replace("synchronous", "other"))
    assert holster("init", "deep/my.yaml", "--force", *ANSWERS).code == 0
    assert schema.read_text() == format_schema()


@pytest.mark.parametrize("kind", ["other", "link", "folder"])
def test_a_file_of_somebody_else_is_no_schema(holster: Holster, kind: str) -> None:
    """It stays, and the spec does not name it."""
    schema, victim = Path("holster.schema.json"), Path("victim")
    victim.write_text(format_schema() + "mine")
    if kind == "other":
        schema.write_text("mine")
    elif kind == "link":
        schema.symlink_to(victim)
    else:
        schema.mkdir()
    assert holster("init", "my.yaml", *ANSWERS).code == 0
    assert "$schema" not in Path("my.yaml").read_text()
    assert victim.read_text().endswith("mine")
    assert kind != "other" or schema.read_text() == "mine"


def test_what_is_printed_names_no_file(holster: Holster) -> None:
    """Nobody knows where it will lie."""
    called = holster("init", "-", "--cluster", "my", *ANSWERS)
    assert called.code == 0
    assert "$schema" not in called.out
    assert list(Path().iterdir()) == []
