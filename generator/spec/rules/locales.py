"""Encoding and locales of the databases: initdb refuses what does not fit, and nobody sees it before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from generator.diagnostics import Problem
from generator.postgresql.encodings import (
    ANY_LOCALE,
    CLIENT_ONLY,
    SERVER,
    find_encoding,
    names_codeset,
)
from generator.spec.fields import LOCALE
from generator.spec.locales import LOCALE_PARAMETERS
from generator.spec.rules.rule import rule
from generator.spec.wording import suggest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from generator.spec.model import ClusterSpec


@rule("encoding", reads="postgresql.encoding")
def check_encoding(spec: ClusterSpec) -> Iterator[Problem]:
    """A database takes fewer encodings than a client."""
    encoding, path = spec.postgresql.encoding, ("postgresql", "encoding")
    if encoding in CLIENT_ONLY:
        message = f"{encoding} is for clients only: no database can have it"
        yield Problem("encoding", message, path=path, hint="use UTF8; clients choose their own")
    elif encoding not in SERVER:
        match = suggest(encoding, SERVER)
        hint = f"did you mean '{match}'?" if match else "use UTF8"
        yield Problem("encoding", f"PostgreSQL has no encoding {encoding}", path=path, hint=hint)


@rule("encoding", reads="postgresql.encoding postgresql.locale")
def check_codeset(spec: ClusterSpec) -> Iterator[Problem]:
    """The letters of the locale are those of the encoding; C takes all of them."""
    encoding, locale = spec.postgresql.encoding, spec.postgresql.locale
    path = ("postgresql", "locale")
    if encoding not in SERVER or encoding == ANY_LOCALE:
        return
    wanted = find_encoding(locale)
    if not names_codeset(locale):
        message = f"the locale {locale} does not say its codeset: it is one of 8 bits on most systems"
        head, at, modifier = locale.partition("@")
        yield Problem("encoding", message, path=path, hint=f"such as {head}.UTF-8{at}{modifier}")
    elif wanted is not None and wanted != encoding:
        message = f"the locale {locale} needs the encoding {wanted}, not {encoding}"
        hint = f"set postgresql.encoding: {wanted}, or choose another locale"
        if wanted in CLIENT_ONLY:
            hint = f"choose another locale: no database can have the encoding {wanted}"
        yield Problem("encoding", message, path=path, hint=hint)


@rule("parameter-value", reads="postgresql.parameters", is_partial=True)
def check_parameters(spec: ClusterSpec) -> Iterator[Problem]:
    """PostgreSQL does not start with a locale that there cannot be."""
    for name in LOCALE_PARAMETERS:
        value = spec.postgresql.parameters.get(name)
        if value is not None and not LOCALE.fullmatch(str(value)):
            path = ("postgresql", "parameters", name)
            yield Problem("parameter-value", f"{name} must be a locale such as C.UTF-8", path=path)


RULES = (check_encoding, check_codeset, check_parameters)
