"""Accounts that the platform or PostgreSQL already has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from generator.diagnostics import Problem
from generator.platforms.rules.reads import FACTS
from generator.spec.rules.rule import Rule, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from generator.platforms.profile import PlatformProfile
    from generator.spec.model import ClusterSpec


@rule("reserved-name", reads=f"{FACTS} access.user")
def check_admin(spec: ClusterSpec, profile: PlatformProfile) -> Iterator[Problem]:
    """The administrator is made before any package: a service's user of that name would be a person's.

    systemd removes the shared memory of people when they log out (RemoveIPC, reference notes §7).
    """
    taken = {
        "root": "nobody can log in as root",
        profile.users.consul: "the Consul agent runs as it",
        profile.users.postgres: "PostgreSQL runs as it",
        profile.image.ssh_user: "the build of the image makes and removes it",
    }
    user = spec.access.user
    is_known = user in profile.accounts or user.startswith("systemd-")
    reason = taken.get(user) or ("the system has a user or a group of that name" if is_known else None)
    if reason:
        message = f"the administrator cannot be called {spec.access.user}: {reason}"
        yield Problem("reserved-name", message, path=("access", "user"), hint="use a name of your own")


@rule("superuser-name", reads=f"{FACTS} postgresql.superuser")
def check_superuser(spec: ClusterSpec, profile: PlatformProfile) -> Iterator[Problem]:
    """pg_hba.conf says `peer` for the superuser: over the socket only a system user of that name gets in.

    The first boot asks PostgreSQL that way before it seals.
    """
    user, name = profile.users.postgres, spec.postgresql.superuser
    if name != user:
        message = (
            f"the superuser must be called {user}, like the system user that runs PostgreSQL, not {name}"
        )
        hint = f"set postgresql.superuser: {user}, and make {name} by SQL if applications need it"
        yield Problem("superuser-name", message, path=("postgresql", "superuser"), hint=hint)


RULES: tuple[Rule, ...] = (check_admin, check_superuser)
