"""Hints for values that another language, or an older YAML, spells so."""

from __future__ import annotations

import pytest

from tests.fakes.spec_texts import change_spec, find_problems

SWITCH, TEXT, NUMBER = "patroni: {register_service: %s}\n", "system: {keyboard: %s}\n", "patroni: {ttl: %s}\n"
LIST, CHOICE, MAPPING = "postgresql: {hba: %s}\n", "patroni: {watchdog: %s}\n", "ports: %s\n"
SIZE = "postgresql: {shared_buffers: %s}\n"
DEFAULT = "write a value; leave the key out to have its default"
HINTS = [
    *((SWITCH, word, "write true") for word in ("True", "TRUE", "yes", "Yes", "ON", "y", "t", "1", '"true"')),
    *((SWITCH, word, "write false") for word in ("False", "FALSE", "no", "NO", "Off", "n", "N", "f", "0")),
    *(
        (SWITCH, word, "write true or false, or leave the key out")
        for word in ("", "~", "null", "Null", "NULL", "None", '"~"', "nil")
    ),
    (SWITCH, "maybe", None),
    (TEXT, "true", 'put it in quotes: "true"'),
    (TEXT, "12", 'put it in quotes: "12"'),
    (TEXT, "~", DEFAULT),
    (TEXT, "null", DEFAULT),
    *((NUMBER, word, DEFAULT) for word in ("~", "None", "NULL", "Null", "nil")),
    *(
        (NUMBER, word, f"write it in plain digits, without quotes: {number}")
        for word, number in (
            ('"45"', 45), ("045", 45), ("+45", 45), ("4_5", 45), ("0x2d", 45), ("0o55", 45), ("45.0", 45),
        )
    ),
    (NUMBER, "99999999999999999999", None),
    (NUMBER, "45s", None),
    (NUMBER, "abc", None),
    (NUMBER, "true", None),
    (SIZE, "None", "to have none, leave the key out"),
    (LIST, "None", "write [] for an empty list, or leave the key out"),
    (LIST, "~", "write [] for an empty list, or leave the key out"),
    (LIST, "key", "put it in brackets: [key]"),
    (MAPPING, "~", DEFAULT),
    (MAPPING, "None", DEFAULT),
    *((CHOICE, word, "did you mean 'off'?") for word in ("false", "False", "no", "n", "OFF", "Off")),
    (CHOICE, "true", None),
    (CHOICE, "requird", "did you mean 'required'?"),
]  # fmt: skip


@pytest.mark.parametrize(("section", "word", "hint"), HINTS)
def test_the_hint_says_what_to_write(section: str, word: str, hint: str | None) -> None:
    """Every spelling of true, false, nothing and a number that somebody brings along."""
    problems = find_problems(change_spec(more=section % word))
    assert [problem.hint for problem in problems if problem.severity.value == "error"] == [hint]


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("4GB", "4GiB"),
        ("4gib", "4GiB"),
        ("4 GiB", "4GiB"),
        ("4g", "4GiB"),
        ("512mb", "512MiB"),
        ("2T", "2TiB"),
    ],
)
def test_a_size_in_another_program_s_words(word: str, meant: str) -> None:
    """PostgreSQL's, a shell's, somebody's."""
    (problem,) = find_problems(change_spec(("10.20.0.11, memory: 4GiB", f"10.20.0.11, memory: {word}")))
    assert problem.message.endswith(f"; did you mean {meant}?")


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("utf8", "did you mean 'UTF8'?"),
        ("UTF-8", "did you mean 'UTF8'?"),
        ("latin-1", "did you mean 'LATIN1'?"),
        ("KOI8-R", "did you mean 'KOI8R'?"),
        ("windows-1251", "did you mean 'WIN1251'?"),
        ("Unicode", "use UTF8"),
    ],
)
def test_an_encoding_in_another_program_s_words(word: str, hint: str) -> None:
    """PostgreSQL itself takes some of them; one spelling stands in every file."""
    (problem,) = find_problems(change_spec(more=f"postgresql: {{encoding: {word}}}\n"))
    assert problem.hint == hint


@pytest.mark.parametrize("word", ["None", "NULL", "nil"])
def test_nothing_for_an_address(word: str) -> None:
    """`gateway: ~` and leaving it out say that there is none."""
    (problem,) = find_problems(change_spec(("interface: eth0", f"interface: eth0\n  gateway: {word}")))
    assert problem.hint == "to have none, leave the key out"
    assert not find_problems(change_spec(("interface: eth0", "interface: eth0\n  gateway: ~")))
