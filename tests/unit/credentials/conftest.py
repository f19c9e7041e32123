"""A clock that stands, entropy that repeats, and a cluster to make secrets for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import shake_256
from itertools import count

import pytest

from generator.credentials.bundle import CredentialBundle, NodeIdentity, create_bundle
from generator.credentials.certificates import name_patroni, name_postgresql

Entropy = Callable[[int], bytes]
MakeEntropy = Callable[[str], Entropy]


def repeat_entropy(seed: str) -> Entropy:
    """Return a source of bytes that repeats itself for the same seed."""
    calls = count()
    return lambda size: shake_256(f"{seed}:{next(calls)}".encode()).digest(size)


@pytest.fixture(scope="session")
def make_entropy() -> MakeEntropy:
    """Return the maker of repeating entropy."""
    return repeat_entropy


@pytest.fixture(scope="session")
def now() -> datetime:
    """Return the time at which all secrets of these tests are made."""
    return datetime(2026, 11, 23, 12, 0, 0, 123456, tzinfo=UTC)


@pytest.fixture(scope="session")
def nodes() -> tuple[NodeIdentity, ...]:
    """Return the machines of the seed's cluster: three servers, two members."""
    hosts = {"consul1": 191, "consul2": 192, "consul3": 193, "pg1": 181, "pg2": 182}
    return tuple(identify(name, f"192.168.11.{last}") for name, last in hosts.items())


def identify(name: str, address: str) -> NodeIdentity:
    """Return a Consul server, or a member that is none."""
    is_server = name.startswith("consul")
    names = name_postgresql(name=name, fqdn=f"{name}.test", address=address, vip="192.168.11.200")
    if is_server:
        return NodeIdentity(name, address, is_server, "sirius", "consul")
    patroni = name_patroni(name=name, fqdn=f"{name}.test", address=address)
    return NodeIdentity(name, address, is_server, "sirius", "consul", names, patroni)


@pytest.fixture(scope="session")
def bundle(nodes: tuple[NodeIdentity, ...], now: datetime) -> CredentialBundle:
    """Return the bundle of the cluster; it is frozen, so that all tests may share it."""
    return create_bundle("sirius", nodes, years=10, now=now, entropy=repeat_entropy("test"))
