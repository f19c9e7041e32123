"""SCRAM verifiers: what PostgreSQL keeps of a password, made here.

A statement that carries a verifier instead of the password lets nobody in who reads it in a log
(RFC 5802; the text format is that of `pg_authid.rolpassword`).
"""

from __future__ import annotations

import hashlib
import hmac
import stringprep
import unicodedata
from base64 import b64encode
from typing import Final

from pydantic import SecretStr

ITERATIONS: Final = 4096
"""What PostgreSQL itself takes; the passwords are random, more would only slow every login down."""
SALT_BYTES: Final = 16
PROHIBITED: Final = (
    stringprep.in_table_a1,
    stringprep.in_table_c12,
    stringprep.in_table_c21_c22,
    stringprep.in_table_c3,
    stringprep.in_table_c4,
    stringprep.in_table_c5,
    stringprep.in_table_c6,
    stringprep.in_table_c7,
    stringprep.in_table_c8,
    stringprep.in_table_c9,
)


def prepare_password(password: str) -> bytes:
    """Return the bytes that client and server compute with (RFC 4013).

    As PostgreSQL does it: a password that the rules do not allow is taken as it is.
    """
    mapped = "".join(
        " " if stringprep.in_table_c12(character) else character
        for character in password
        if not stringprep.in_table_b1(character)
    )
    prepared = unicodedata.ucd_3_2_0.normalize("NFKC", mapped)
    is_allowed = prepared and not any(test(character) for test in PROHIBITED for character in prepared)
    return (prepared if is_allowed and _is_direction_clear(prepared) else password).encode()


def _is_direction_clear(text: str) -> bool:
    if not any(stringprep.in_table_d1(character) for character in text):
        return True
    is_mixed = any(stringprep.in_table_d2(character) for character in text)
    return not is_mixed and stringprep.in_table_d1(text[0]) and stringprep.in_table_d1(text[-1])


def make_verifier(password: SecretStr, salt_source: str) -> SecretStr:
    """Return the verifier of a password.

    Args:
        password: in clear.
        salt_source: what the salt is made from, such as cluster and role; a salt is no secret, and
            the same for the same source, so that a render gives the same bytes on any day.
    """
    salt = hashlib.sha256(salt_source.encode()).digest()[:SALT_BYTES]
    salted = hashlib.pbkdf2_hmac("sha256", prepare_password(password.get_secret_value()), salt, ITERATIONS)
    client = hmac.digest(salted, b"Client Key", "sha256")
    stored, server = hashlib.sha256(client).digest(), hmac.digest(salted, b"Server Key", "sha256")
    words = [b64encode(part).decode() for part in (salt, stored, server)]
    return SecretStr(f"SCRAM-SHA-256${ITERATIONS}:{words[0]}${words[1]}:{words[2]}")
