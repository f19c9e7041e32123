"""Program versions and what changes with them.

In: a version as text.  Out: comparable numbers and named facts, so that no
template and no rule compares numbers by itself.  Sources: reference notes §1.1
(Consul), §2 (Patroni), §3 (vip-manager).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import total_ordering


@total_ordering
@dataclass(frozen=True, slots=True)
class VersionNumber:
    """A dotted version; `1.13` equals `1.13.0`."""

    text: str

    @property
    def numbers(self) -> tuple[int, ...]:
        """The numbers, without trailing zeros."""
        numbers = [int(part) for part in self.text.split(".")]
        while numbers and numbers[-1] == 0:
            numbers.pop()
        return tuple(numbers)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, VersionNumber) and self.numbers == other.numbers

    def __hash__(self) -> int:
        return hash(self.numbers)

    def __lt__(self, other: VersionNumber) -> bool:
        return self.numbers < other.numbers

    def __str__(self) -> str:
        return self.text

    def at_least(self, text: str) -> bool:
        """Say whether this version is `text` or newer."""
        return self >= VersionNumber(text)


@dataclass(frozen=True, slots=True)
class ConsulDialect:
    """Which configuration keys a Consul version knows."""

    version: VersionNumber

    @property
    def has_tls_block(self) -> bool:
        """`tls {}` instead of top-level keys."""
        return self.version.at_least("1.12")

    @property
    def has_initial_management(self) -> bool:
        """`acl.tokens.initial_management` instead of `master`."""
        return self.version.at_least("1.11")

    @property
    def has_ui_config(self) -> bool:
        """`ui_config {}` instead of `ui`."""
        return self.version.at_least("1.9")

    @property
    def has_grpc_tls(self) -> bool:
        """`ports.grpc_tls`, which a server opens by default and which we close."""
        return self.version.at_least("1.14")


@dataclass(frozen=True, slots=True)
class PatroniDialect:
    """What a Patroni version knows."""

    version: VersionNumber

    @property
    def has_failsafe_mode(self) -> bool:
        """`failsafe_mode` in the dynamic configuration."""
        return self.version.at_least("3.0")

    @property
    def has_primary_names(self) -> bool:
        """`primary_start_timeout` and its like instead of `master_...`."""
        return self.version.at_least("3.0")

    @property
    def has_failover_priority(self) -> bool:
        """The tag `failover_priority`."""
        return self.version.at_least("3.2")

    @property
    def has_sync_priority(self) -> bool:
        """The tag `sync_priority`."""
        return self.version.at_least("4.1")

    @property
    def has_quorum(self) -> bool:
        """`synchronous_mode: quorum`."""
        return self.version.at_least("4.0")

    @property
    def postgresql_range(self) -> tuple[int, int]:
        """Oldest and newest PostgreSQL major that this version runs (its release notes)."""
        for since, newest in (("4.0.7", 18), ("4.0", 17), ("3.0.3", 16), ("2.1.5", 15), ("2.1", 14)):
            if self.version.at_least(since):
                return 9, newest
        return 9, 13


@dataclass(frozen=True, slots=True)
class VipManagerDialect:
    """What a vip-manager version knows."""

    version: VersionNumber

    @property
    def has_patroni_mode(self) -> bool:
        """`dcs-type: patroni`."""
        return self.version.at_least("2.8")

    @property
    def drops_vip_without_rest(self) -> bool:
        """In patroni mode the VIP goes when the REST API does not answer."""
        return self.version.at_least("5.0")


POSTGRESQL_END_OF_LIFE = 14
"""Newest PostgreSQL major without upstream support when this release of Holster was made."""


@dataclass(frozen=True, slots=True)
class PostgresqlDialect:
    """What a PostgreSQL major version knows."""

    major: int

    @property
    def has_wal_keep_size(self) -> bool:
        """`wal_keep_size` instead of `wal_keep_segments`."""
        return self.major >= 13  # noqa: PLR2004 -- the version is the fact

    @property
    def has_ssl_min_protocol_version(self) -> bool:
        """`ssl_min_protocol_version`; older versions offer what OpenSSL allows."""
        return self.major >= 12  # noqa: PLR2004 -- the version is the fact

    @property
    def has_max_slot_wal_keep_size(self) -> bool:
        """A limit on what a replication slot may hold back."""
        return self.major >= 13  # noqa: PLR2004
