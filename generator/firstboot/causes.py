"""Causes: why a stage cannot go on, in words, and what an operator does about it.

Every cause has a stable id; `docs/first-boot.md` lists them all.
"""

from __future__ import annotations

import re
from typing import NamedTuple, Sequence

from generator.firstboot.patroni_log import FAILED, find_failure

HINTS = {
    "payload-incomplete": "deliver the payload again: boot with the node's seed disc attached, or unpack the payload archive",
    "machine-unfit": "install what is missing, or render for the platform that this machine runs",
    "locale-missing": "install the package of the locale (glibc-langpack-LANGUAGE; on Debian locales, then locale-gen), or build the image anew",
    "program-source": "put the declared file where its source says, or correct url and sha256 in the spec and render again",
    "node-invalid": "render the payload again with the same release of Holster as the program on this machine",
    "disk-missing": "attach the disk, or correct the selector in the spec and render again",
    "disk-ambiguous": "select the disk by serial number, WWN or by-id path in the spec, and render again",
    "disk-unfit": "select another disk in the spec, or enlarge this one",
    "disk-unreadable": "the disk does not answer or has read errors: look at `journalctl -k`, at its cables and paths, and replace it when it is dying",
    "disk-foreign": "save what is on the disk; when it is not needed, clear it by hand, then run again: `wipefs -a DISK && dd if=/dev/zero of=DISK bs=1M count=4 && dd if=/dev/zero of=DISK bs=512 count=8192 seek=$(($(blockdev --getsz DISK)-8192))`",
    "disk-replaced": "attach the disk that belongs to the pair, or clear both by hand, to start blank: `wipefs -a DISK && dd if=/dev/zero of=DISK bs=1M count=4 && dd if=/dev/zero of=DISK bs=512 count=8192 seek=$(($(blockdev --getsz DISK)-8192))`",
    "volumes-incomplete": "look at it with `lvs -o +devices`: complete the group by hand, or remove it when nothing in it is needed; one that was extended onto other disks is not reused",
    "volumes-misplaced": "move the volumes with pvmove so that each lies on its own disk, or select the disks the other way round",
    "volume-unexpected": "look at the volume with blkid and mount; it is never formatted when anything is on it",
    "mount-blocked": "move the files away or correct /etc/fstab, then run again",
    "volumes-unequal": "mount both volumes by hand for a look: data and WAL belong together; clear both directories, or restore the one that is missing",
    "volume-damaged": "the file system needs a decision: make a copy of the volume if you can, then `e2fsck` it by hand and run again, or have the replica copied anew",
    "volume-of-another": "these disks belong to another cluster or role; attach the right ones",
    "storage-failed": "the last words of the program are in the reason; run again when the cause is gone",
    "system-failed": "the last words of the program are in the reason; run again when the cause is gone",
    "watchdog-missing": "give the machine a watchdog that resets it (QEMU: i6300esb), or set the watchdog to automatic in the spec",
    "huge-pages-missing": "when the memory is in pieces, restart the machine: the pages are reserved before anything else runs; else correct the machine's memory in the spec, or remove huge_pages: on, and render again",
    "consul-config": "the agent refuses its configuration: compare the declared Consul version with `consul version`",
    "consul-down": "look at `journalctl -u consul`; the unit is started again every five seconds",
    "consul-no-leader": "boot the other Consul servers; check that ports 8300 and 8301 are open between the machines",
    "gossip-key": "one machine has another gossip key: deliver the payloads of one and the same render to all machines",
    "consul-address": "the machine does not have the address of its node.json; check the network configuration",
    "consul-name-taken": "another machine uses the name: `consul force-leave NAME` with the management token (see the documentation of secrets), then run again",
    "consul-too-old": "the server was away for longer than server_rejoin_age_max: clear its data directory and let it join anew",
    "consul-tls": "the certificates do not fit: check the clock, and deliver payloads of one render to all machines",
    "acl-token": "the servers have not made the tokens yet, or payloads of different renders were mixed",
    "acl-policy": "a policy does not allow what is needed: deliver payloads of one render to all machines",
    "acl-failed": "look at `journalctl -u consul` on the leader",
    "consul-settings": "look at `journalctl -u consul` on the leader; the settings are read with `consul operator autopilot get-config`",
    "patroni-down": "look at `journalctl -u patroni`",
    "patroni-waits-for-consul": "Patroni cannot use Consul: check `consul members` and the token",
    "patroni-waits-for-leader": "no member makes the database: `holster-firstboot status` of the others says why; when one of them is lost for good, see the reset procedure in the documentation",
    "leader-missing": "look at `patronictl list` and at `journalctl -u patroni` of all members; start the one that led last",
    "data-missing": "attach the data disks of the member that led last; when nothing of the cluster is to be kept, see the reset procedure in the documentation",
    "cluster-unknown": "on the member that led last, and on no other, create the file `/var/lib/holster/lead`; the others wait for it and follow (see the documentation: data without a cluster)",
    "patroni-other-cluster": "the data directory belongs to another cluster: attach the right disks or clear them by hand",
    "patroni-name-taken": "another machine already runs as this member; give the machines different names",
    "patroni-hba": "pg_hba has no rule for this connection: `patronictl edit-config`",
    "patroni-not-empty": "a directory that must be empty is not: clear data and WAL directory of this member together",
    "patroni-bootstrap-failed": "Patroni tries again by itself; mend what its words name (in full: `journalctl -u patroni`)",
    "patroni-roles-missing": "the leader makes them with /etc/holster/roles.sql; its words say why it cannot: mend that, or run the file there by hand as postgres with `psql -f`",
    "replicas-missing": "boot the other members; look at `patronictl list` and at their journals",
    "vip-interface": "the address of node.json is on no interface, or the interface is down: check the network configuration",
    "vip-wrong": "look at `journalctl -u vip-manager` and at `ip address` on all members",
    "vip-unsupported": "this vip-manager was built without support for the mode: install another build or set vip_manager.mode",
    "not-ready": "the reason lists what is still missing; look there first",
    "seal-failed": "the last words of the program are in the reason; run again when the cause is gone",
    "disk-full": "make room on the file system that the reason names (`df -h`), then run again",
    "disk-read-only": "the file system that the reason names is read-only: look at `dmesg` for why, remount or repair it, then run again",
    "internal": "this is a bug of Holster: report the reason and the journal of the unit",
}


# Without it, a line that is logged again and again is no news.
MOMENT = re.compile(r"^\d{4}-\d\d-\d\d[T ][\d:.,]+(?:Z|[+-]\d\d:?\d\d)?\s+")


class Cause(NamedTuple):
    """Why a stage stopped; `reason` is for this machine, the hint for everyone."""

    id: str
    reason: str

    @property
    def hint(self) -> str:
        """What an operator does about it."""
        return HINTS[self.id]


class StageFailed(Exception):
    """A stage cannot go on now; a later run may succeed."""

    def __init__(self, cause: str, reason: str) -> None:
        super().__init__(reason)
        if cause not in HINTS:
            raise KeyError(cause)
        self.cause = Cause(cause, reason)


class Refused(StageFailed):
    """Going on could destroy something: no disk was changed, an operator decides."""


BOOTSTRAP_FAILED = FAILED.pattern
"""In its place among the texts; the line that tells why stands before it."""


class LogText(NamedTuple):
    """A text of a unit's log that tells the cause."""

    unit: str
    pattern: str
    cause: str
    words: str


# The texts: reference notes §5 and §2.3, seen with Consul 1.8.7 and 1.13.9, Patroni 4.
# Order: the first match wins, so the specific ones come first.
LOG_TEXTS = (
    LogText(
        "consul", r"No installed keys could decrypt", "gossip-key", "a machine sends with another gossip key"
    ),
    LogText(
        "consul",
        r"Multiple private IPv4|cannot assign requested address",
        "consul-address",
        "the address cannot be used",
    ),
    LogText(
        "consul",
        r"[Nn]ode name .* is reserved by node|conflicting node ID",
        "consul-name-taken",
        "another agent has this name",
    ),
    LogText("consul", r"refusing to rejoin cluster", "consul-too-old", "the server was away for too long"),
    LogText(
        "consul",
        r"certificate (?:has expired|is not yet valid|signed by unknown|is valid for)|x509:",
        "consul-tls",
        "TLS between the agents fails",
    ),
    LogText(
        "consul",
        r"is not a valid config|invalid config key|[Ee]rror parsing|failed to load .*config",
        "consul-config",
        "the configuration is refused",
    ),
    LogText("consul", r"Permission denied", "acl-policy", "a token lacks a permission"),
    LogText("consul", r"ACL not found", "acl-token", "a token does not exist yet"),
    LogText("consul", r"No cluster leader", "consul-no-leader", "the servers have no leader"),
    LogText("patroni", r"system ID mismatch", "patroni-other-cluster", "the data belongs to another cluster"),
    LogText(
        "patroni",
        r"there is already a node named",
        "patroni-name-taken",
        "another machine runs under this name",
    ),
    LogText("patroni", r"no pg_hba\.conf entry", "patroni-hba", "PostgreSQL refuses a connection"),
    LogText(
        "patroni",
        r"exists but is not empty|data dir for the cluster is not empty",
        "patroni-not-empty",
        "a directory is not empty",
    ),
    LogText(
        "patroni",
        BOOTSTRAP_FAILED,
        "patroni-bootstrap-failed",
        "the first bootstrap failed",
    ),
    LogText("patroni", r"Permission denied", "acl-policy", "Patroni's token lacks a permission"),
    LogText("patroni", r"ACL not found", "acl-token", "Patroni's token does not exist yet"),
    LogText(
        "patroni",
        r"waiting on consul|No cluster leader",
        "patroni-waits-for-consul",
        "Patroni cannot use Consul",
    ),
    LogText(
        "patroni",
        r"waiting for leader to bootstrap",
        "patroni-waits-for-leader",
        "no member has bootstrapped the cluster",
    ),
    LogText("vip_manager", r"not supported", "vip-unsupported", "vip-manager does not support the mode"),
    LogText(
        "vip_manager",
        r"interface is not up|no such network interface",
        "vip-interface",
        "the interface cannot be used",
    ),
)


def _find_line(text: LogText, lines: Sequence[str]) -> str | None:
    if text.pattern == BOOTSTRAP_FAILED:
        return find_failure(lines)
    return next((line for line in reversed(lines) if re.search(text.pattern, line)), None)


def read_cause(unit: str, log: str) -> tuple[str, str] | None:
    """Return (cause id, words with the log line) that a unit's latest log tells, or None."""
    lines = log.splitlines()
    for text in LOG_TEXTS:
        if text.unit != unit:
            continue
        line = _find_line(text, lines)
        if line is not None:
            return text.cause, f"{text.words}: {MOMENT.sub('', line.strip())[-300:]}"
    return None
