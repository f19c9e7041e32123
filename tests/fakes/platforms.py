"""The platforms that a test is about, by their facts: a new one is tested without a word."""

from __future__ import annotations

from typing import TYPE_CHECKING

from generator.platforms.profile import list_platforms, load_profile

if TYPE_CHECKING:
    from collections.abc import Callable

    from generator.platforms.profile import PlatformProfile


def select_platforms(fits: Callable[[PlatformProfile], bool]) -> tuple[str, ...]:
    """Return the names of the platforms whose facts fit; there is at least one."""
    found = tuple(name for name in list_platforms() if fits(load_profile(name)))
    assert found
    return found


def list_installed() -> tuple[str, ...]:
    """Return the platforms that a kickstart installs."""
    return select_platforms(lambda facts: facts.kickstart is not None)
