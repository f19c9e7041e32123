"""Which locales a spec needs on its machines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from generator.postgresql.encodings import BUILT_IN
from generator.spec.fields import LOCALE

if TYPE_CHECKING:
    from generator.spec.model import ClusterSpec

LOCALE_PARAMETERS: Final = ("lc_messages", "lc_monetary", "lc_numeric", "lc_time")
"""PostgreSQL does not start when one of them names a locale that the system does not have."""


def list_database_locales(spec: ClusterSpec) -> tuple[str, ...]:
    """Return the locales without which initdb or PostgreSQL fails, those of every system left out."""
    given = [str(spec.postgresql.parameters.get(name, "C")) for name in LOCALE_PARAMETERS]
    names = (spec.postgresql.locale, *(name for name in given if LOCALE.fullmatch(name)))
    return tuple(name for name in dict.fromkeys(names) if name not in BUILT_IN)


def list_locales(spec: ClusterSpec, *, is_system_set: bool) -> tuple[str, ...]:
    """Return the locales that an installation or an image must bring; the system's where we set it."""
    system = (spec.system.locale,) if is_system_set and spec.system.locale not in BUILT_IN else ()
    return tuple(dict.fromkeys((*list_database_locales(spec), *system)))
