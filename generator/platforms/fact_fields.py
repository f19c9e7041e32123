"""Field types of a platform's facts: what each kind of fact may look like.

A fact may come from a spec (`platform_overrides`), and is then as strange as anything in a spec.
Messages are shown to users as they stand, so they name the rule, not the failure.
"""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal

from pydantic import Field, StrictStr

from generator.spec.fields import MAX_PATH, PackageName, UnixName
from generator.spec.matching import Matching

MAX_WORDS: Final = 500
"""Entries of a list; no platform comes near it."""

Title = Annotated[
    StrictStr,
    Matching(re.compile(r"[^\W_][\w .,()+-]*"), "must be a name of letters, digits and spaces", longest=80),
]
OsId = Annotated[
    StrictStr,
    Matching(
        re.compile(r"[a-z0-9][a-z0-9._-]*"),
        "must be the ID of /etc/os-release, such as almalinux",
        longest=64,
    ),
]
Major = Annotated[
    StrictStr,
    Matching(re.compile(r"[0-9]{1,6}"), 'must be the first number of VERSION_ID in quotes, such as "9"'),
]
PythonVersion = Annotated[
    StrictStr, Matching(re.compile(r"3\.[0-9]{1,2}"), 'must be a quoted version of Python such as "3.9"')
]
MajorPath = Annotated[
    StrictStr,
    Matching(
        re.compile(r"(/(?!\.{1,2}(/|$))([A-Za-z0-9_@%+=:,.~-]|\{major\})+)+"),
        "must be an absolute path without spaces and without a trailing /; {major} stands for the version",
        longest=MAX_PATH,
    ),
]
UnitName = Annotated[
    StrictStr,
    Matching(
        re.compile(r"[A-Za-z0-9][A-Za-z0-9:_.-]*(@[A-Za-z0-9:_.-]+)?\.service"),
        "must be the name of a systemd service, such as consul.service",
        longest=128,
    ),
]
PostgresqlUnit = Annotated[
    StrictStr,
    Matching(
        re.compile(r"[A-Za-z0-9]([A-Za-z0-9:_.-]|\{major\})*(@([A-Za-z0-9:_.-]|\{major\})*)?\.service"),
        "must be the name of a systemd service; {major} stands for the version",
        longest=128,
    ),
]
PostgresqlUnits = Annotated[tuple[PostgresqlUnit, ...], Field(min_length=1, max_length=MAX_WORDS)]
Packages = Annotated[tuple[PackageName, ...], Field(max_length=MAX_WORDS)]
Accounts = Annotated[tuple[UnixName, ...], Field(max_length=MAX_WORDS)]
LocalePackage = Annotated[
    StrictStr,
    Matching(
        re.compile(r"[A-Za-z0-9]([A-Za-z0-9+._:=-]|\{language\})*"),
        "must be a package name, with {language} where the language stands",
        longest=200,
    ),
]
Groups = Annotated[tuple[UnixName, ...], Field(min_length=1, max_length=32)]
KernelArgument = Annotated[
    StrictStr,
    Matching(
        re.compile(r"[A-Za-z0-9_.-]+(=[A-Za-z0-9_.,:;/@%+=~!-]*)?"),
        "must be one argument of the kernel without spaces or quotes, such as console=ttyS0",
    ),
]
KernelArguments = Annotated[tuple[KernelArgument, ...], Field(max_length=64)]
Handler = Literal[
    "RHEL7", "RHEL8", "RHEL9", "RHEL10",
    "F29", "F30", "F31", "F32", "F33", "F34", "F35", "F36", "F37", "F38", "F39", "F40", "F41", "F42",
]  # fmt: skip
"""Installers that know all commands of our kickstarts, as pykickstart calls them."""
BootWait = Annotated[
    StrictStr, Matching(re.compile(r"[0-9]{1,4}(ms|s|m)"), "must be a time such as 5s, with ms, s or m")
]
BootKeys = Annotated[
    StrictStr,
    Matching(
        re.compile(r"([\x20-\x7a\x7c-\x7e]|\{\{ks\}\})+"),
        "must be keys as Packer types them, such as <up><tab>; {{ks}} stands for the kickstart argument",
    ),
]
Distro = Literal[
    "almalinux", "amazon", "centos", "cloudlinux", "debian", "eurolinux", "fedora", "miraclelinux",
    "openEuler", "photon", "rhel", "rocky", "ubuntu", "virtuozzo",
]  # fmt: skip
"""Systems that cloud-init knows and that have one of the two package managers."""
Renderer = Literal["eni", "netplan", "network-manager", "networkd", "sysconfig"]
Renderers = Annotated[tuple[Renderer, ...], Field(min_length=1, max_length=5)]
