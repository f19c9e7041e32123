"""Field types of the spec about addresses of files: URLs, and paths beside them.

Packer, curl, dnf, apt and Anaconda read what is written here, each its own way: what is left is what
all of them read alike.  Messages are shown to users as they stand.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, StrictStr

from generator.spec.fields import ABSOLUTE_PATH
from generator.spec.matching import Matching
from generator.spec.wording import has_user

MAX_URL: Final = 1000
"""Characters of a URL; every program that we give one to takes more."""
MAX_HOST: Final = 253
_DIGITS: Final = re.compile(r"[0-9.]+")
_BARE_PERCENT: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_LABEL: Final = r"[A-Za-z0-9]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?"
_HOST: Final = rf"({_LABEL}(\.{_LABEL})*|\[[0-9A-Fa-f:.]{{2,45}}\])"
_PORT: Final = r"(:(6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5]?[0-9]{1,4}))?"
_SIGNS: Final = r"[A-Za-z0-9$._~!*+,;:=@/?#%-]"
URL: Final = re.compile(rf"((https?|ftp)://{_HOST}{_PORT}([/?#]{_SIGNS}*)?|file:///{_SIGNS}+)")
MAJOR_URL: Final = re.compile(
    rf"((https?|ftp)://{_HOST}{_PORT}([/?#]({_SIGNS}|\{{major\}})*)?|file:///({_SIGNS}|\{{major\}})+)"
)
_RULE: Final = "must be an http(s), ftp or file URL without spaces or quotes"


def _check_url(value: str) -> str:
    """Refuse what deserves words of its own.

    Raises:
        ValueError: a user or a password, a name that is not ASCII.
    """
    if has_user(value):
        # It would stand in files that every user of a machine reads, in the image and in logs.
        raise ValueError("must not hold a user or a password: everybody on the machines could read it")
    if "://" not in value or value.isascii():
        return value
    try:
        host = urlsplit(value).hostname or ""
        encoded = host.encode("idna").decode("ascii")
    except ValueError:
        return value
    if host.isascii():
        raise ValueError("must be ASCII: write other characters as % and two hex digits")
    raise ValueError(f"must name the host in ASCII, such as {encoded}")


def _check_parts(value: str) -> str:
    """Refuse what looks right and leads nowhere; the form is right already.

    Raises:
        ValueError: port 0, no address of a host, a % that begins no code.
    """
    inner = value.removeprefix("file:")
    address = inner if "://" in inner else value
    if "://" not in address:
        return value
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
        if ":" in host:
            IPv6Address(host)
        elif _DIGITS.fullmatch(host):
            IPv4Address(host)
    except ValueError:
        raise ValueError("must name the host by a name or a whole address") from None
    if parts.port == 0:
        raise ValueError("must name a port from 1 to 65535")
    if len(host) > MAX_HOST:
        raise ValueError(f"must name a host of at most {MAX_HOST} characters")
    if _BARE_PERCENT.search(address):
        raise ValueError("must have two hex digits after each %; the sign itself is %25")
    return value


Url = Annotated[
    StrictStr,
    AfterValidator(_check_url),
    Matching(URL, _RULE, longest=MAX_URL),
    AfterValidator(_check_parts),
]
RepositoryUrl = Annotated[
    StrictStr,
    AfterValidator(_check_url),
    Matching(MAJOR_URL, f"{_RULE}; {{major}} stands for the PostgreSQL version", longest=MAX_URL),
    AfterValidator(_check_parts),
]
UrlOrPath = Annotated[
    StrictStr,
    AfterValidator(_check_url),
    Matching(
        re.compile(f"{URL.pattern}|{ABSOLUTE_PATH.pattern}"),
        "must be an http(s), ftp or file URL or an absolute path, without spaces or quotes",
        longest=MAX_URL,
    ),
    AfterValidator(_check_parts),
]
Checksum = Annotated[
    StrictStr,
    AfterValidator(_check_url),
    Matching(
        re.compile(
            r"md5:[0-9a-f]{32}|sha1:[0-9a-f]{40}|sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}"
            rf"|file:({URL.pattern}|{ABSOLUTE_PATH.pattern})"
        ),
        "must be a checksum such as sha256:<hex digits> or file:<URL of a checksum file>",
        longest=MAX_URL,
    ),
    AfterValidator(_check_parts),
]
