"""Encodings and locales: what initdb would refuse is refused by the check."""

from __future__ import annotations

import pytest

from generator.postgresql.encodings import normalise_locale
from tests.fakes.spec_texts import change_spec, describe_problems, find_problems

WRONG = [
    ("encoding: NOPE", "encoding"),
    ("encoding: BIG5", "encoding"),
    ("encoding: UTF_8", "encoding"),
    ("locale: ru_RU.UTF-8, encoding: WIN1251", "locale"),
    ("locale: ru_RU.KOI8-R", "locale"),
    ("locale: ru_RU.CP1251, encoding: KOI8R", "locale"),
    ("locale: en_US.ISO-8859-1", "locale"),
    ("locale: ru_RU", "locale"),
    ("locale: C.UTF-8, encoding: LATIN1", "locale"),
]
RIGHT = [
    "locale: ru_RU.UTF-8",
    "locale: ru_RU.utf8",
    "locale: sr_RS.UTF-8@latin",
    "locale: C, encoding: WIN1251",
    "locale: POSIX, encoding: LATIN1",
    "locale: ru_RU.KOI8-R, encoding: KOI8R",
    "locale: ru_RU.CP1251, encoding: WIN1251",
    "locale: ru_RU.ISO-8859-5, encoding: ISO_8859_5",
    "locale: ru_RU.UTF-8, encoding: SQL_ASCII",
    "parameters: {lc_messages: en_US.UTF-8}",
]


@pytest.mark.parametrize(("section", "key"), WRONG)
def test_what_initdb_refuses_is_an_error(section: str, key: str) -> None:
    """Unknown, for clients only, or not the letters of the locale."""
    text = change_spec(more=f"postgresql: {{{section}}}\n")
    assert ("error", "encoding", f"postgresql.{key}") in describe_problems(text)


@pytest.mark.parametrize("section", RIGHT)
def test_what_initdb_takes_is_left_alone(section: str) -> None:
    """Every pair that fits, and C with everything."""
    assert not find_problems(change_spec(more=f"postgresql: {{{section}}}\n"))


def test_a_locale_parameter_that_is_none() -> None:
    """PostgreSQL would not start."""
    text = change_spec(more="postgresql: {parameters: {lc_time: Klingon language}}\n")
    assert ("error", "parameter-value", "postgresql.parameters.lc_time") in describe_problems(text)


def test_names_are_those_of_the_system() -> None:
    """`locale -a` spells codesets in its own way."""
    assert normalise_locale("ru_RU.UTF-8") == "ru_RU.utf8"
    assert normalise_locale("ru_RU.KOI8-R") == "ru_RU.koi8r"
    assert normalise_locale("sr_RS.UTF-8@latin") == "sr_RS.utf8@latin"
    assert normalise_locale("C") == "C"
