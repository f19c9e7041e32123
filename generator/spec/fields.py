"""Field types of the spec, except networks: one meaning, one type, one message.

Messages are shown to users as they stand, so they name the rule, not the failure.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, StrictBool, StrictInt, StrictStr, WithJsonSchema

from generator.spec.matching import Matching
from generator.spec.wording import suggest

DNS_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
SCOPE = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?")

LVM_NAME = re.compile(r"[A-Za-z0-9+_.][-A-Za-z0-9+_.]{0,63}")
SQL_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")


LOCALE = re.compile(r"[A-Za-z]{1,16}(_[A-Za-z0-9]{2,3})?(\.[A-Za-z0-9]+([_-][A-Za-z0-9]+)*)?(@[A-Za-z0-9]+)?")
"""language_TERRITORY.codeset@modifier, as setlocale(3) has it; all but the first may be missing."""
VERSION = re.compile(r"[0-9]{1,6}(\.[0-9]{1,6}){1,3}")
SHA256 = re.compile(r"[0-9a-f]{64}")
SIZE = re.compile(r"([1-9][0-9]{0,9})(MiB|GiB|TiB)")
NEAR_SIZE = re.compile(r"([1-9][0-9]{0,9})\s*([MGT])(i?B)?", re.IGNORECASE)
"""The same in the spelling of another program."""
ABSOLUTE_PATH = re.compile(r"(/(?!\.{1,2}(/|$))[A-Za-z0-9_@%+=:,.~-]+)+")
PRINTABLE = re.compile(r"[^\x00-\x1f\x7f\x85\u2028\u2029]*")

MAX_PATH = 200
"""Characters of a path: with what we put before and after it, it stays below PATH_MAX everywhere."""

MAX_SIZE_MIB = 1024**3
"""1 PiB: more than a file system of ext4 holds, and than any machine has."""
MIB_PER = {"MiB": 1, "GiB": 1024, "TiB": 1024 * 1024}


def _parse_size(value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool):
        raise ValueError("needs a unit: MiB, GiB or TiB, such as 10GiB")
    found = SIZE.fullmatch(value) if isinstance(value, str) else None
    if not found:
        near = NEAR_SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
        meant = f"; did you mean {near[1]}{near[2].upper()}iB?" if near else ""
        raise ValueError(f"must be a size such as 512MiB, 10GiB or 2TiB{meant}")
    size = int(found[1]) * MIB_PER[found[2]]
    if size > MAX_SIZE_MIB:
        raise ValueError("must be at most 1024TiB")
    return size


def _check_parameter(value: Any) -> Any:
    if not isinstance(value, bool | int | str):
        raise ValueError("must be text, a whole number, true or false")
    if isinstance(value, str) and not PRINTABLE.fullmatch(value):
        raise ValueError("must be one line without control characters")
    return value


@cache
def list_time_zones() -> frozenset[str]:
    """Return the names of the zone list that comes with Holster, the same on every machine."""
    return frozenset((files("tzdata") / "zones").read_text("utf-8").split())


def _check_time_zone(value: str) -> str:
    if value in list_time_zones():
        return value
    near = suggest(value, sorted(list_time_zones()))
    meant = f"; did you mean '{near}'?" if near else ""
    raise ValueError(f"must be in the list of time zones, such as Europe/Moscow{meant}")


Scope = Annotated[
    StrictStr,
    Matching(
        SCOPE,
        "must start with a lower-case letter and hold only lower-case letters, digits and "
        "inner hyphens, at most 63",
    ),
]
GroupName = Annotated[
    StrictStr,
    Matching(
        re.compile(r"[a-z][a-z0-9_-]{0,62}"),
        "must start with a lower-case letter and hold only lower-case letters, digits, - and _",
    ),
]
SqlName = Annotated[StrictStr, Matching(SQL_NAME, "must be a lower-case SQL name: letters, digits and _")]
SlotName = Annotated[
    StrictStr,
    Matching(
        re.compile(r"[a-z0-9_]{1,63}"),
        "must be the name of a replication slot: lower-case letters, digits and _, at most 63",
    ),
]
UnixName = Annotated[
    StrictStr,
    Matching(
        re.compile(r"[a-z_][a-z0-9_-]{0,30}"),
        "must be a Unix user name: lower-case letters, digits, - and _, at most 31",
    ),
]
LvmName = Annotated[
    StrictStr,
    Matching(LVM_NAME, "must be an LVM name: letters, digits and + _ . -, not starting with -"),
]
AbsolutePath = Annotated[
    StrictStr,
    Matching(
        ABSOLUTE_PATH, "must be an absolute path without spaces and without a trailing /", longest=MAX_PATH
    ),
]
Version = Annotated[StrictStr, Matching(VERSION, 'must be a quoted version such as "1.22.0"')]
Sha256 = Annotated[StrictStr, Matching(SHA256, "must be 64 lower-case hex digits")]
Wheel = Annotated[
    StrictStr,
    Matching(
        re.compile(
            r"[A-Za-z0-9]([A-Za-z0-9._-]{0,62}[A-Za-z0-9])?==[0-9][A-Za-z0-9.!+]{0,62} sha256:[0-9a-f]{64}"
        ),
        'must be a wheel such as "patroni==3.3.2 sha256:<64 hex digits>"',
    ),
]
PackageName = Annotated[
    StrictStr,
    Matching(re.compile(r"(@\^?)?[A-Za-z0-9]([A-Za-z0-9+._:=~-]|\{major\})*"), "must be a package name"),
]
PasswordHash = Annotated[
    StrictStr,
    Matching(
        re.compile(r"\$(6|5|y|2b)\$[A-Za-z0-9./$=,]+"),
        "must be a crypt(5) hash, as `openssl passwd -6` prints it",
    ),
]
Locale = Annotated[
    StrictStr,
    Matching(LOCALE, "must be a locale such as C.UTF-8", longest=64),
]
TimeZone = Annotated[
    StrictStr,
    AfterValidator(_check_time_zone),
    Matching(
        re.compile(r"[A-Za-z][A-Za-z0-9]*([/_+-][A-Za-z0-9]+)*"), "must be a time zone such as Europe/Moscow"
    ),
]
KeyboardLayout = Annotated[
    StrictStr, Matching(re.compile(r"[a-z]{2,8}"), "must be a keyboard layout such as us or ru")
]
SizeMib = Annotated[
    int,
    BeforeValidator(_parse_size),
    WithJsonSchema({"type": "string", "pattern": f"^{SIZE.pattern}$", "examples": ["10GiB"]}),
]
"""A size, written 10GiB; held in MiB."""

Namespace = Annotated[
    StrictStr,
    Matching(
        re.compile(r"/[a-z0-9-]+(/[a-z0-9-]+)*/"),
        "must be a path that begins and ends with /, such as /service/",
        longest=200,
    ),
]
HbaNames = Annotated[
    StrictStr,
    Matching(
        re.compile(r"\+?[a-z_][a-z0-9_]*(,\+?[a-z_][a-z0-9_]*)*"),
        "must be lower-case SQL names joined by commas, or all",
    ),
]
ParameterName = Annotated[
    StrictStr,
    Matching(re.compile(r"[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)?"), "must be a lower-case parameter name"),
]
ParameterValue = Annotated[
    bool | int | str,
    BeforeValidator(_check_parameter),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": f"^{PRINTABLE.pattern}$"},
                {"type": ["integer", "number", "boolean"]},
            ]
        }
    ),
]
"""A value of postgresql.conf; JSON Schema also allows numbers because editors read 1.1 as one."""

Encoding = Annotated[
    StrictStr,
    Matching(re.compile(r"[A-Za-z][A-Za-z0-9_-]+"), "must be an encoding of PostgreSQL such as UTF8"),
]
RepositoryId = Annotated[
    StrictStr,
    Matching(
        re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*"),
        "must be letters, digits and _ . -, as it names a file",
        longest=64,
    ),
]
SuiteName = Annotated[
    StrictStr,
    Matching(
        re.compile(r"[a-z0-9][a-z0-9.-]*(/[a-z0-9][a-z0-9.-]*)*"),
        "must be a suite or component such as trixie or main",
        longest=64,
    ),
]
Release = Annotated[
    StrictStr,
    Matching(re.compile(r"[0-9]{1,6}(\.[0-9]{1,6}){0,2}"), 'must be a quoted release such as "8.0.2"'),
]

Flag = StrictBool
Count = Annotated[StrictInt, Field(ge=0)]
