"""Huge pages on the machine: reserved where it is as large as declared, else said and given back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.fakes.node_documents import make_document, write_document
from tests.fakes.node_runs import run

if TYPE_CHECKING:
    from tests.fakes.fake_machine import FakeMachine

SETTINGS = "/etc/sysctl.d/91-holster-huge-pages.conf"
COUNT = "/proc/sys/vm/nr_hugepages"
WANTED = 4200


@pytest.fixture
def large(fake: FakeMachine) -> FakeMachine:
    """Return a machine of 32 GiB that is to reserve huge pages, whose kernel does as it is told."""
    want(fake)
    put(fake, "/proc/meminfo", "MemTotal:       32749000 kB\nMemFree: 1 kB\nHugepagesize:       2048 kB\n")
    put(fake, COUNT, f"{WANTED}\n")
    return fake


def want(fake: FakeMachine, count: int | None = WANTED, *, is_required: bool = False) -> None:
    """Deliver a payload that wants so many; None: one that says nothing of them."""
    document = make_document()
    if count is not None:
        document["system"]["huge_pages"] = {"count": count, "is_required": is_required}
    write_document(fake, document)


def put(fake: FakeMachine, path: str, text: str) -> None:
    """Write a file of the machine."""
    fake.at(path).parent.mkdir(parents=True, exist_ok=True)
    fake.at(path).write_text(text)


def list_orders(fake: FakeMachine) -> list[str]:
    """Return what the kernel was told about huge pages."""
    return [call[-1] for call in fake.calls if call[0] == "sysctl" and "nr_hugepages" in call[-1]]


def test_they_are_reserved_now_and_at_every_boot(large: FakeMachine) -> None:
    """And once more by every run: the same number is no change."""
    for _ in range(2):
        result = run(large, "system")
        assert (result.code, result.status["warnings"]) == (0, [])
        assert f"vm.nr_hugepages = {WANTED}\n" in large.at(SETTINGS).read_text()
    assert list_orders(large) == [f"vm.nr_hugepages={WANTED}"] * 2


def test_fewer_than_asked_are_said_and_given_back(large: FakeMachine) -> None:
    """The kernel gives fewer without a word; PostgreSQL would use none, and nobody else could."""
    put(large, COUNT, f"{WANTED - 1}\n")
    result = run(large, "system")
    assert result.code == 0
    assert f"the kernel gave {WANTED - 1} of {WANTED} huge pages" in result.status["warnings"][0]
    assert list_orders(large) == [f"vm.nr_hugepages={WANTED}", "vm.nr_hugepages=0"]
    # The next start finds the memory in one piece.
    assert large.at(SETTINGS).exists()


@pytest.mark.parametrize(
    ("meminfo", "words"),
    [
        ("MemTotal: 16000000 kB\nHugepagesize: 2048 kB\n", "more than half of the 15625 MiB"),
        ("MemTotal: 99000000 kB\nHugepagesize: 1048576 kB\n", "not of 2048 KiB"),
        ("MemTotal: 99000000 kB\n", "not of 2048 KiB"),
        ("", "not of 2048 KiB"),
    ],
)
def test_a_machine_that_cannot_spare_them_reserves_none(large: FakeMachine, meminfo: str, words: str) -> None:
    """Pages of 1 GiB, or less memory than declared: the kernel would give away nearly all memory."""
    put(large, SETTINGS, "vm.nr_hugepages = 4200\n")
    put(large, "/proc/meminfo", meminfo)
    result = run(large, "system")
    assert result.code == 0
    assert words in result.status["warnings"][0]
    assert list_orders(large) == ["vm.nr_hugepages=0"]
    assert not large.at(SETTINGS).exists()


@pytest.mark.parametrize("memory", [32_000_000, 8_000_000])
def test_demanded_and_not_there(large: FakeMachine, memory: int) -> None:
    """PostgreSQL would not start, and Patroni try it for ever."""
    want(large, is_required=True)
    put(large, COUNT, "17\n")
    put(large, "/proc/meminfo", f"MemTotal: {memory} kB\nHugepagesize: 2048 kB\n")
    result = run(large, "system")
    assert (result.code, result.failure["cause"]) == (1, "huge-pages-missing")
    put(large, COUNT, f"{WANTED}\n")
    assert run(large, "system").code == (0 if memory > 17_000_000 else 1)


def test_what_a_newer_payload_no_longer_wants_goes(large: FakeMachine) -> None:
    """Only where this program reserved them: other pages of the machine are not ours."""
    want(large, None)
    assert run(large, "system").code == 0
    assert list_orders(large) == []
    want(large)
    assert run(large, "system").code == 0
    want(large, None)
    assert run(large, "system").code == 0
    assert list_orders(large)[-1] == "vm.nr_hugepages=0"
    assert not large.at(SETTINGS).exists()
