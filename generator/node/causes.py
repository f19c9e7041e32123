"""Causes: why a stage cannot go on, in words.

Every cause has a stable id; `docs/first-boot.md` lists them all. What an operator does about it, the
stage says that owns the cause.
"""

from __future__ import annotations

import re
from typing import NamedTuple, Sequence

from generator.node.patroni_log import FAILED, find_failure

SHARED_HINTS = {
    "system-failed": "the last words of the program are in the reason; run again when the cause is gone",
    "disk-full": "make room on the file system that the reason names (`df -h`), then run again",
    "disk-read-only": "the file system that the reason names is read-only: look at `dmesg` for why, remount or repair it, then run again",
    "internal": "this is a bug of Holster: report the reason and the journal of the unit",
}
"""Of causes that any stage may have; what belongs to one stage stands in its file."""


# Without it, a line that is logged again and again is no news.
MOMENT = re.compile(r"^\d{4}-\d\d-\d\d[T ][\d:.,]+(?:Z|[+-]\d\d:?\d\d)?\s+")


class Cause(NamedTuple):
    """Why a stage stopped; `reason` is for this machine, the hint of the id for everyone."""

    id: str
    reason: str


class StageFailed(Exception):
    """A stage cannot go on now; a later run may succeed."""

    def __init__(self, cause: str, reason: str) -> None:
        super().__init__(reason)
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
# RenderRequest: the first match wins, so the specific ones come first.
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
