"""Versions: comparing them, and what each program version knows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generator.versions import (
    ConsulDialect,
    PatroniDialect,
    PostgresqlDialect,
    VersionNumber,
    VipManagerDialect,
)

NUMBERS = st.lists(st.integers(0, 999), min_size=1, max_size=4)


def write(numbers: list[int]) -> VersionNumber:
    """Return the version with these numbers."""
    return VersionNumber(".".join(map(str, numbers)))


@given(NUMBERS, NUMBERS)
def test_versions_compare_as_their_numbers(one: list[int], other: list[int]) -> None:
    """1.9 is older than 1.10; a missing part is zero."""
    width = max(len(one), len(other))
    padded = [numbers + [0] * (width - len(numbers)) for numbers in (one, other)]
    assert (write(one) < write(other)) is (padded[0] < padded[1])
    assert (write(one) == write(other)) is (padded[0] == padded[1])


@given(NUMBERS)
def test_trailing_zeros_do_not_count(numbers: list[int]) -> None:
    """1.13 and 1.13.0 are one version, in sets as well."""
    assert write(numbers) == write([*numbers, 0])
    assert len({write(numbers), write([*numbers, 0])}) == 1


def test_a_version_is_shown_as_it_was_written() -> None:
    """People see what they typed."""
    assert str(VersionNumber("1.13.0")) == "1.13.0"


def test_a_version_is_not_a_text() -> None:
    """Comparing with one is a mistake of the program."""
    assert VersionNumber("1.13") != "1.13"


@pytest.mark.parametrize(
    ("version", "facts"),
    [
        ("1.8.7", (False, False, False, False)),
        ("1.9.0", (False, False, True, False)),
        ("1.10.12", (False, False, True, False)),
        ("1.11.0", (False, True, True, False)),
        ("1.12.0", (True, True, True, False)),
        ("1.13.9", (True, True, True, False)),
        ("1.14.0", (True, True, True, True)),
        ("1.22.0", (True, True, True, True)),
    ],
)
def test_consul(version: str, facts: tuple[bool, bool, bool, bool]) -> None:
    """The table of the reference notes §1.1."""
    dialect = ConsulDialect(VersionNumber(version))
    assert (
        dialect.has_tls_block,
        dialect.has_initial_management,
        dialect.has_ui_config,
        dialect.has_grpc_tls,
    ) == facts


@pytest.mark.parametrize(
    ("version", "has_failsafe", "has_quorum", "newest"),
    [
        ("2.0.2", False, False, 13),
        ("2.1.3", False, False, 14),
        ("2.1.5", False, False, 15),
        ("3.0.0", True, False, 15),
        ("3.0.3", True, False, 16),
        ("3.3.2", True, False, 16),
        ("4.0.5", True, True, 17),
        ("4.0.7", True, True, 18),
        ("4.1.5", True, True, 18),
    ],
)
def test_patroni(version: str, has_failsafe: bool, has_quorum: bool, newest: int) -> None:  # noqa: FBT001 -- columns
    """Failsafe mode came with 3.0, quorum commit with 4.0; PostgreSQL versions as the release notes say."""
    dialect = PatroniDialect(VersionNumber(version))
    assert dialect.has_failsafe_mode is has_failsafe
    assert dialect.has_quorum is has_quorum
    assert dialect.postgresql_range[1] == newest


@pytest.mark.parametrize(
    ("version", "has_patroni_mode", "drops"),
    [("1.0.2", False, False), ("2.8.0", True, False), ("4.0.0", True, False), ("5.0.0", True, True)],
)
def test_vip_manager(version: str, has_patroni_mode: bool, drops: bool) -> None:  # noqa: FBT001 -- columns
    """The patroni mode came with 2.8; from 5.0 on it lets go of the VIP when the REST API dies."""
    dialect = VipManagerDialect(VersionNumber(version))
    assert dialect.has_patroni_mode is has_patroni_mode
    assert dialect.drops_vip_without_rest is drops


@pytest.mark.parametrize(("major", "renamed"), [(12, False), (13, True), (18, True)])
def test_postgresql(major: int, renamed: bool) -> None:  # noqa: FBT001 -- a column
    """PostgreSQL 13 counts retained WAL in MB and limits slots."""
    dialect = PostgresqlDialect(major)
    assert dialect.has_wal_keep_size is renamed
    assert dialect.has_max_slot_wal_keep_size is renamed
