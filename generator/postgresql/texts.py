"""Parameters that are text to PostgreSQL's catalogue, and that it nevertheless reads word by word.

With a wrong word in one of them PostgreSQL does not start.  In: name, text and major.  Out: the rule
that the text breaks, or None.  What each one takes: the check function of that name in PostgreSQL's source.
"""

from __future__ import annotations

import re
from typing import Final

from generator.postgresql.encodings import CLIENT_ONLY, SERVER

IDENTIFIERS: Final = re.compile(r'\s*(("([^"]|"")+"|[^\s",]+)(\s*,\s*("([^"]|"")+"|[^\s",]+))*)?\s*')
"""Names joined by commas; those with spaces or commas stand in double quotes."""

DESTINATIONS: Final = {"stderr": 9, "csvlog": 9, "syslog": 9, "eventlog": 9, "jsonlog": 15}
"""Where log_destination may point, and since which major."""
DATE_STYLES: Final = re.compile(
    r"\s*(iso|sql|postgres|german|ymd|dmy|mdy|euro|european|us|noneuropean|default)"
    r"(\s*,\s*(iso|sql|postgres|german|ymd|dmy|mdy|euro|european|us|noneuropean|default))?\s*",
    re.IGNORECASE,
)
KINDS: Final = frozenset({"view", "foreign-table"})
CURVE: Final = "ssl_ecdh_curve"
WORDS: Final = {
    # Files of the server's package, spelt as they are.
    "timezone_abbreviations": ("Default", "Australia", "India"),
    CURVE: (
        "prime256v1", "secp224r1", "secp256k1", "secp384r1", "secp521r1",
        "brainpoolP256r1", "brainpoolP384r1", "brainpoolP512r1",
    ),
}  # fmt: skip
GROUPS_SINCE: Final = 18
"""ssl_ecdh_curve became ssl_groups, a list that OpenSSL alone knows (release notes of 18)."""
PATTERNS: Final = {
    "datestyle": (DATE_STYLES, "a style and an order such as iso, dmy"),
    "search_path": (IDENTIFIERS, "names joined by commas"),
    "temp_tablespaces": (IDENTIFIERS, "names joined by commas"),
}


def check_text(name: str, text: str, major: int) -> str | None:
    """Return what the text must be, completing "NAME must be …"; None where it is fine."""
    if name == "log_destination":
        return _check_words(text, tuple(word for word, since in DESTINATIONS.items() if since <= major))
    if name == "restrict_nonsystem_relation_kind":
        return _check_words(text, tuple(sorted(KINDS)))
    if name in PATTERNS:
        pattern, words = PATTERNS[name]
        return None if pattern.fullmatch(text) else words
    if name in WORDS and not (name == CURVE and major >= GROUPS_SINCE):
        return None if text in WORDS[name] else f"one of {', '.join(WORDS[name])}"
    if name == "client_encoding":
        return None if _spell(text) in ENCODINGS else "an encoding such as UTF8"
    return "a name" if name == "default_table_access_method" and not text else None


def _spell(encoding: str) -> str:
    """Return an encoding's name as PostgreSQL compares it: small letters and digits."""
    return re.sub(r"[^a-z0-9]", "", encoding.lower())


ENCODINGS: Final = frozenset(map(_spell, (*SERVER, *CLIENT_ONLY, "unicode")))


def _check_words(text: str, known: tuple[str, ...]) -> str | None:
    words = [word.strip() for word in text.lower().split(",")] if text.strip() else []
    return None if set(words) <= set(known) else f"a list of {', '.join(known)}"
