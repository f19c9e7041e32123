"""Whether PostgreSQL takes connections over TLS: the one place that decides."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from generator.spec.model import ClusterSpec


def has_server_tls(spec: ClusterSpec) -> bool:
    """Say whether members have a certificate, so that `ssl` is on."""
    return spec.postgresql.tls != "off"
