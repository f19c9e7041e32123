"""SCRAM verifiers as PostgreSQL keeps them; tests/external has PostgreSQL itself let such a role in."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from generator.credentials.scram import make_verifier, prepare_password


def test_the_example_of_the_rfc() -> None:
    """RFC 7677 gives salt, iterations and the server's signature; here the stored parts follow the format."""
    verifier = make_verifier(SecretStr("pencil"), "a").get_secret_value()
    head, keys = verifier.split("$", 1)[0], verifier.split("$")[-1]
    assert head == "SCRAM-SHA-256"
    assert [len(part) for part in keys.split(":")] == [44, 44]


def test_same_source_same_bytes_other_source_other_salt() -> None:
    """A render gives the same file on any day; two roles with one password show nothing of it."""
    password = SecretStr("pencil")
    assert make_verifier(password, "a") == make_verifier(password, "a")
    assert make_verifier(password, "a") != make_verifier(password, "b")


@pytest.mark.parametrize(
    ("password", "prepared"),
    [
        ("I\u00adX", "IX"),
        ("user", "user"),
        ("\u00aa", "a"),
        ("\u2168", "IX"),
        ("a\u00a0b", "a b"),
        ("\u0627\u0031", "\u0627\u0031"),
        ("tab\u0007", "tab\u0007"),
    ],
)
def test_passwords_are_prepared_as_both_sides_do(password: str, prepared: str) -> None:
    """The examples of RFC 4013; what it forbids PostgreSQL takes as it is."""
    assert prepare_password(password) == prepared.encode()
