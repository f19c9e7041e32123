"""Patroni's times, which must fit into each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from generator.diagnostics import Problem, Severity
from generator.spec.rules.rule import rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from generator.spec.model import ClusterSpec


MARGIN = 2
"""Seconds of ttl that requests themselves may take."""


@rule("patroni-timing", reads="patroni.ttl patroni.loop_wait patroni.retry_timeout")
def check_ttl(spec: ClusterSpec) -> Iterator[Problem]:
    """P1: a leader that meets one failing request must still renew its lock in time.

    At exactly ttl two clocks race: that of the lock, and that of the leader which gives up or turns to
    failsafe mode (Patroni's pull request 3678 describes it).
    """
    patroni = spec.patroni
    needed = patroni.loop_wait + 2 * patroni.retry_timeout
    if needed > patroni.ttl:
        message = (
            f"loop_wait + 2 * retry_timeout = {patroni.loop_wait} + 2 * {patroni.retry_timeout} = {needed} s "
            f"is more than ttl = {patroni.ttl} s"
        )
        hint = f"raise patroni.ttl to {needed + MARGIN}, or lower the other two"
        yield Problem("patroni-timing", message, path=("patroni", "ttl"), hint=hint)
    elif needed + MARGIN > patroni.ttl:
        message = (
            f"loop_wait + 2 * retry_timeout = {needed} s leaves {patroni.ttl - needed} s of ttl = "
            f"{patroni.ttl} s: a slow Consul may end the lock before Patroni gives up"
        )
        hint = f"raise patroni.ttl to {needed + MARGIN}, or lower the other two"
        yield Problem("patroni-timing", message, Severity.WARNING, path=("patroni", "ttl"), hint=hint)


@rule(
    "watchdog-timing",
    reads=(
        "patroni.ttl patroni.loop_wait patroni.retry_timeout patroni.watchdog patroni.watchdog_safety_margin"
    ),
)
def check_watchdog(spec: ClusterSpec) -> Iterator[Problem]:
    """P1: the watchdog must not fire between two rounds of a healthy leader.

    A leader that cannot reach Consul gives up after loop_wait + retry_timeout and needs some time to end
    its connections; before that a reset would only lose the machine (Patroni's documentation of watchdogs).
    """
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
    elif patroni.watchdog != "off" and timeout < patroni.loop_wait + patroni.retry_timeout:
        message = (
            f"the watchdog would fire after {timeout} s, before a leader without Consul gives up by itself "
            f"(loop_wait + retry_timeout = {patroni.loop_wait + patroni.retry_timeout} s)"
        )
        hint = "lower the margin, loop_wait or retry_timeout, or raise ttl"
        yield Problem(
            "watchdog-timing",
            message,
            Severity.WARNING,
            path=("patroni", "watchdog_safety_margin"),
            hint=hint,
        )


@rule("vip-timing", reads="vip_manager.interval_ms patroni.loop_wait")
def check_interval(spec: ClusterSpec) -> Iterator[Problem]:
    """The address leaves a member that no longer leads when vip-manager asks the next time."""
    interval, loop_wait = spec.vip_manager.interval_ms, spec.patroni.loop_wait
    if interval > loop_wait * 1000:
        message = (
            f"vip-manager asks every {interval / 1000:g} s, and Patroni looks every {loop_wait} s: so long "
            "the address may stay on a member that no longer leads, beside the next one"
        )
        path = ("vip_manager", "interval_ms")
        hint = "lower vip_manager.interval_ms; 1000 is the default"
        yield Problem("vip-timing", message, Severity.WARNING, path=path, hint=hint)


RULES = (check_ttl, check_watchdog, check_interval)
