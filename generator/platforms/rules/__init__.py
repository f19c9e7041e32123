"""Rules that need the platform, one function each, by topic.

In: a valid spec and the platform's profile.  Out: problems.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from generator.platforms.rules import (
    access,
    accounts,
    facts,
    huge_pages,
    install,
    mounts,
    packages,
    parameters,
    repositories,
    versions,
    vip,
)

if TYPE_CHECKING:
    from generator.spec.rules.rule import Rule

RULES: tuple[Rule, ...] = (
    *facts.RULES,
    *versions.RULES,
    *packages.RULES,
    *repositories.RULES,
    *mounts.RULES,
    *accounts.RULES,
    *access.RULES,
    *vip.RULES,
    *parameters.RULES,
    *huge_pages.RULES,
    *install.RULES,
)
"""The order decides nothing: problems are sorted."""
