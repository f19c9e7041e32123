"""Patroni's times, which must fit into each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from generator.diagnostics import Problem
from generator.spec.rules.rule import rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from generator.spec.model import ClusterSpec


@rule("patroni-timing", reads="patroni.ttl patroni.loop_wait patroni.retry_timeout")
def check_ttl(spec: ClusterSpec) -> Iterator[Problem]:
    """P1: a leader that meets one failing request must still renew its lock in time."""
    patroni = spec.patroni
    needed = patroni.loop_wait + 2 * patroni.retry_timeout
    if needed > patroni.ttl:
        message = (
            f"loop_wait + 2 * retry_timeout = {patroni.loop_wait} + 2 * {patroni.retry_timeout} = {needed} s "
            f"is more than ttl = {patroni.ttl} s"
        )
        hint = f"raise patroni.ttl to {needed}, or lower the other two"
        yield Problem("patroni-timing", message, path=("patroni", "ttl"), hint=hint)


@rule(
    "watchdog-timing", reads="patroni.ttl patroni.loop_wait patroni.watchdog patroni.watchdog_safety_margin"
)
def check_watchdog(spec: ClusterSpec) -> Iterator[Problem]:
    """P1: the watchdog must not fire between two rounds of a healthy leader."""
    patroni = spec.patroni
    margin = patroni.watchdog_safety_margin
    timeout = patroni.ttl // 2 if margin < 0 else patroni.ttl - margin
    if patroni.watchdog != "off" and timeout < patroni.loop_wait:
        message = (
            f"the watchdog would fire after {timeout} s (ttl {patroni.ttl} s, margin {margin} s), "
            f"before the next round of {patroni.loop_wait} s"
        )
        path = ("patroni", "watchdog_safety_margin")
        yield Problem(
            "watchdog-timing", message, path=path, hint="lower the margin or loop_wait, or raise ttl"
        )


RULES = (check_ttl, check_watchdog)
