"""Versions: what the declared ones can do, and which are too old."""

from __future__ import annotations

from typing import TYPE_CHECKING

from generator.diagnostics import Problem
from generator.platforms.defaults import find_major, find_version
from generator.platforms.rules.reads import FACTS
from generator.spec.model import Durability
from generator.spec.rules.rule import Rule, rule
from generator.spec.topology import iterate_nodes
from generator.versions import POSTGRESQL_END_OF_LIFE, PatroniDialect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from generator.platforms.profile import PlatformProfile
    from generator.spec.model import ClusterSpec


OLDEST = {"consul": "1.8", "patroni": "2.1.2", "vip_manager": "1.0"}
"""The oldest versions whose configuration Holster renders."""


@rule("version-unsupported", reads=f"{FACTS} components")
def check_versions(spec: ClusterSpec, profile: PlatformProfile) -> Iterator[Problem]:
    """C7: the keys are known from these versions on."""
    for name, oldest in OLDEST.items():
        version = find_version(spec, profile, name)
        if not version.at_least(oldest):
            message = f"{name} {version} is not supported; {oldest} is the oldest that Holster configures"
            yield Problem("version-unsupported", message, path=("components", name, "version"))


@rule(
    "postgresql-unsupported",
    "postgresql-end-of-life",
    reads=f"{FACTS} components postgresql.allow_end_of_life",
)
def check_postgresql(spec: ClusterSpec, profile: PlatformProfile) -> Iterator[Problem]:
    """P3: PostgreSQL is one that Patroni runs and somebody still mends."""
    major = find_major(spec, profile)
    patroni = find_version(spec, profile, "patroni")
    oldest, newest = PatroniDialect(patroni).postgresql_range
    path = ("components", "postgresql", "version")
    if not oldest <= major <= newest:
        message = f"Patroni {patroni} runs PostgreSQL {oldest} to {newest}, not {major}"
        hint = "choose another PostgreSQL or Patroni version in components"
        yield Problem("postgresql-unsupported", message, path=path, hint=hint)
    elif major <= POSTGRESQL_END_OF_LIFE and not spec.postgresql.allow_end_of_life:
        message = f"PostgreSQL {major} gets no fixes any more"
        hint = f"use {POSTGRESQL_END_OF_LIFE + 1} or newer, or set postgresql.allow_end_of_life: true"
        yield Problem("postgresql-end-of-life", message, path=path, hint=hint)


@rule("durability-version", reads=f"{FACTS} components durability")
def check_quorum(spec: ClusterSpec, profile: PlatformProfile) -> Iterator[Problem]:
    """P10: quorum commit came with Patroni 4.0."""
    version = find_version(spec, profile, "patroni")
    if spec.durability is Durability.QUORUM and not PatroniDialect(version).has_quorum:
        message = f"quorum durability needs Patroni 4.0 or newer; this cluster gets {version}"
        hint = "choose synchronous, or a newer Patroni in components.patroni"
        yield Problem("durability-version", message, path=("durability",), hint=hint)


@rule("tags", reads=f"{FACTS} components groups.*.nodes.*", is_partial=True)
def check_priorities(spec: ClusterSpec, profile: PlatformProfile) -> Iterator[Problem]:
    """An older Patroni takes a tag that it does not know for one of the user's own, and does nothing."""
    version = find_version(spec, profile, "patroni")
    dialect = PatroniDialect(version)
    known = {
        "failover_priority": ("3.2", dialect.has_failover_priority),
        "sync_priority": ("4.1", dialect.has_sync_priority),
    }
    for path, node, _ in iterate_nodes(spec):
        for key, (since, is_known) in known.items():
            if getattr(node.tags, key) is not None and not is_known:
                message = f"{key} needs Patroni {since} or newer; this cluster gets {version}"
                yield Problem("tags", message, path=(*path, "tags", key), hint=f"remove {key}")


@rule("failsafe-version", reads=f"{FACTS} components patroni.failsafe_mode")
def check_failsafe(spec: ClusterSpec, profile: PlatformProfile) -> Iterator[Problem]:
    """P10: failsafe mode came with Patroni 3.0."""
    version = find_version(spec, profile, "patroni")
    if spec.patroni.failsafe_mode and not PatroniDialect(version).has_failsafe_mode:
        message = f"failsafe_mode needs Patroni 3.0 or newer; this cluster gets {version}"
        yield Problem(
            "failsafe-version", message, path=("patroni", "failsafe_mode"), hint="remove failsafe_mode"
        )


RULES: tuple[Rule, ...] = (check_versions, check_postgresql, check_quorum, check_priorities, check_failsafe)
