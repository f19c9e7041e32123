"""Encodings of databases, and which of them a locale of glibc fits.

Sources: PostgreSQL's manual, "Character Set Support", and the table of its src/port/chklocale.c.
"""

from __future__ import annotations

import re
from typing import Final

SERVER: Final = (
    "SQL_ASCII", "UTF8", "EUC_JP", "EUC_CN", "EUC_KR", "EUC_TW", "EUC_JIS_2004", "MULE_INTERNAL",
    "LATIN1", "LATIN2", "LATIN3", "LATIN4", "LATIN5", "LATIN6", "LATIN7", "LATIN8", "LATIN9", "LATIN10",
    "WIN1250", "WIN1251", "WIN1252", "WIN1253", "WIN1254", "WIN1255", "WIN1256", "WIN1257", "WIN1258",
    "WIN866", "WIN874", "KOI8R", "KOI8U", "ISO_8859_5", "ISO_8859_6", "ISO_8859_7", "ISO_8859_8",
)  # fmt: skip
CLIENT_ONLY: Final = ("SJIS", "BIG5", "GBK", "UHC", "GB18030", "JOHAB", "SHIFT_JIS_2004")
ANY_LOCALE: Final = "SQL_ASCII"
"""Fits every locale, as it knows no letters."""

CODESETS: Final = {
    "utf8": "UTF8", "koi8r": "KOI8R", "koi8u": "KOI8U", "eucjp": "EUC_JP", "euckr": "EUC_KR",
    "euctw": "EUC_TW", "gb2312": "EUC_CN", "euccn": "EUC_CN", "cp866": "WIN866", "cp874": "WIN874",
    **{f"cp125{digit}": f"WIN125{digit}" for digit in range(9)},
    **{f"iso8859{number}": f"LATIN{number}" for number in range(1, 5)},
    **{f"iso8859{number}": f"ISO_8859_{number}" for number in range(5, 9)},
    "iso88599": "LATIN5", "iso885910": "LATIN6", "iso885913": "LATIN7", "iso885914": "LATIN8",
    "iso885915": "LATIN9", "iso885916": "LATIN10",
    "sjis": "SJIS", "shiftjis": "SJIS", "cp932": "SJIS", "big5": "BIG5", "big5hkscs": "BIG5", "cp950": "BIG5",
    "gbk": "GBK", "cp936": "GBK", "gb18030": "GB18030", "uhc": "UHC", "cp949": "UHC", "johab": "JOHAB",
}  # fmt: skip
"""Codesets as locales spell them, without punctuation."""

PORTABLE: Final = frozenset({"C", "POSIX"})
"""Locales of every system, which take every encoding."""
BUILT_IN: Final = PORTABLE | {"C.UTF-8", "C.utf8"}
"""Locales that glibc brings itself, on every platform here."""


def normalise_locale(name: str) -> str:
    """Return a locale's name as `locale -a` spells it: `ru_RU.UTF-8` is `ru_RU.utf8`."""
    head, dot, rest = name.partition(".")
    codeset, at, modifier = rest.partition("@")
    return head + dot + re.sub(r"[^a-z0-9]", "", codeset.lower()) + at + modifier


def find_language(locale: str) -> str:
    """Return the language of a locale: `eo` of `eo.UTF-8`, `ca` of `ca_ES@valencia`."""
    return re.split(r"[_.@]", locale, maxsplit=1)[0].lower()


def find_encoding(locale: str) -> str | None:
    """Return the encoding that a locale wants; None where it takes any, or its codeset is not known."""
    _, _, rest = normalise_locale(locale).partition(".")
    return CODESETS.get(rest.partition("@")[0])


def names_codeset(locale: str) -> bool:
    """Say whether a locale says its codeset, or needs none."""
    return locale in PORTABLE or "." in locale
