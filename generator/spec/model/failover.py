"""Consul, Patroni and vip-manager."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StrictInt

from generator.spec.fields import (
    Flag,
    Namespace,
    SizeMib,
    UnixName,
)
from generator.spec.model.base import SpecModel
from generator.spec.network_fields import DnsName


class ConsulSpec(SpecModel):
    """Consul settings; the rest follows from the nodes."""

    domain: DnsName = "consul"
    """Consul's own domain, part of the servers' certificates."""
    raft_multiplier: Annotated[StrictInt, Field(ge=1, le=10)] = 1
    """1 finds a dead leader soonest, 10 bears the slowest machines."""
    reconnect_timeout_hours: Annotated[StrictInt, Field(ge=8, le=87600)] = 72
    """After how many hours a machine that is away is forgotten."""
    allow_single_server: Flag = False
    """Accept one Consul server, whose loss stops the cluster."""
    log_level: Literal["TRACE", "DEBUG", "INFO", "WARN", "ERROR"] = "INFO"
    """How much Consul logs."""


class PatroniSpec(SpecModel):
    """Patroni settings; times in seconds, as in Patroni's own configuration."""

    namespace: Namespace = "/service/"
    """Where Patroni keeps its keys in Consul."""
    ttl: Annotated[StrictInt, Field(ge=20, le=172800)] = 30
    """How long the leader's lock lives without renewal; half of it is the TTL of the session in Consul."""
    loop_wait: Annotated[StrictInt, Field(ge=1, le=86400)] = 5
    """How often Patroni looks at the cluster."""
    retry_timeout: Annotated[StrictInt, Field(ge=3, le=86400)] = 10
    """How long Patroni repeats a failing request; loop_wait + 2 * retry_timeout must not exceed ttl, and
    should stay some seconds below it."""
    primary_start_timeout: Annotated[StrictInt, Field(ge=0, le=86400)] | None = None
    """How long a primary whose PostgreSQL crashed may recover before another member takes over; 0: not at
    all. Default: ttl in the synchronous modes, 300 in asynchronous, where taking over loses commits."""
    primary_stop_timeout: Annotated[StrictInt, Field(ge=1, le=86400)] | None = None
    """How long an orderly stop of PostgreSQL may take before it is killed; in the synchronous modes only.
    Default: as long as it takes."""
    synchronous_node_count: Annotated[StrictInt, Field(ge=1)] | None = None
    """How many standbys have an acknowledged commit, in the synchronous modes. Default: 1."""
    maximum_lag_on_failover: SizeMib = 1
    """How far behind a member may be to become the leader."""
    failsafe_mode: Flag | None = None
    """Keep the leader while Consul is away and all members are reached. Default: true from Patroni 3.0 on."""
    register_service: Flag = True
    """Register the cluster as a Consul service."""
    watchdog: Literal["off", "automatic", "required"] = "automatic"
    """Use of the watchdog device; `required` makes no leader without one."""
    watchdog_safety_margin: Annotated[StrictInt, Field(ge=-1, le=172800)] = 5
    """How long before ttl the watchdog fires; -1 means half of ttl."""
    rest_username: UnixName = "patroni"
    """The user of the REST API."""
    rest_tls: Flag = False
    """Speak TLS on the REST API, and ask for a certificate of the cluster's authority wherever something is
    changed. On a cluster that runs: docs/secrets.md."""


class VipManagerSpec(SpecModel):
    """vip-manager settings; times in milliseconds, as in its own configuration."""

    mode: Literal["consul", "patroni"] | None = None
    """Where vip-manager learns who leads. Default: consul; patroni from vip-manager 5.0 on, and on
    debian13."""
    interval_ms: Annotated[StrictInt, Field(ge=100, le=60000)] = 1000
    """How often it asks."""
    retry_num: Annotated[StrictInt, Field(ge=1, le=100)] = 5
    """How often it repeats a failing request."""
    retry_after_ms: Annotated[StrictInt, Field(ge=50, le=60000)] = 500
    """The pause before a repetition."""
