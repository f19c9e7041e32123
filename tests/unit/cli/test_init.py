"""`holster init`: wrong answers are told at once, and no file is lost."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

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
