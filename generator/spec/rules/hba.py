"""Lines of pg_hba.conf: one that PostgreSQL cannot read, and it does not start."""

from __future__ import annotations

from typing import TYPE_CHECKING

from generator.diagnostics import Problem
from generator.spec.rules.rule import rule
from generator.spec.server_tls import has_server_tls

if TYPE_CHECKING:
    from collections.abc import Iterator

    from generator.spec.model import ClusterSpec

LOCAL_METHODS = frozenset({"peer", "scram-sha-256", "md5", "reject", "trust"})


@rule("trust-off-host", reads="postgresql.hba.*", is_partial=True)
def check_trust(spec: ClusterSpec) -> Iterator[Problem]:
    """P5: `trust` lets anybody in who can reach the port."""
    for index, line in enumerate(spec.postgresql.hba):
        if line.method == "trust" and line.address and not line.address.is_loopback:
            message = f"the method trust asks nobody in {line.address} for a password"
            path = ("postgresql", "hba", index, "method")
            yield Problem("trust-off-host", message, path=path, hint="use scram-sha-256")


@rule("hba-method", reads="postgresql.hba.* postgresql.parameters", is_partial=True)
def check_method(spec: ClusterSpec) -> Iterator[Problem]:
    """The method fits the kind of connection."""
    for index, line in enumerate(spec.postgresql.hba):
        path = ("postgresql", "hba", index, "method")
        if line.method == "cert" and line.type != "hostssl":
            message = (
                f"the method cert needs a connection with TLS; PostgreSQL refuses it on a {line.type} line"
            )
            yield Problem("hba-method", message, path=path, hint="set type: hostssl")
        elif line.method == "cert" and not spec.postgresql.parameters.get("ssl_ca_file"):
            message = "the method cert asks for a client's certificate, and no authority of clients is named"
            hint = "name it: ssl_ca_file in postgresql.parameters, a file that every member has"
            yield Problem("hba-method", message, path=path, hint=hint)
        elif line.type == "local" and line.method not in LOCAL_METHODS:
            message = f"the method {line.method} needs a network; PostgreSQL refuses it on a local line"
            hint = "use peer, which asks for the system user, or scram-sha-256"
            yield Problem("hba-method", message, path=path, hint=hint)
        elif line.type != "local" and line.method == "peer":
            message = f"the method peer asks for the user of the socket; a {line.type} line has none"
            yield Problem("hba-method", message, path=path, hint="set type: local, or use scram-sha-256")


@rule("hba-address", reads="postgresql.hba.*", is_partial=True)
def check_address(spec: ClusterSpec) -> Iterator[Problem]:
    """A connection over the socket has no address, every other one has."""
    for index, line in enumerate(spec.postgresql.hba):
        path = ("postgresql", "hba", index)
        if line.type == "local" and line.address is not None:
            message = "a local line has no address: it is for connections over the socket"
            yield Problem("hba-address", message, path=(*path, "address"), hint="remove the address")
        elif line.type != "local" and line.address is None:
            message = f"a {line.type} line needs the address where the connection comes from"
            yield Problem("hba-address", message, path=path, hint="add address, such as 10.0.0.0/24")


@rule("tls-off", reads="postgresql.hba.* postgresql.tls", is_partial=True)
def check_tls(spec: ClusterSpec) -> Iterator[Problem]:
    """PostgreSQL skips a hostssl line without a word while ssl is off: nobody gets in by it."""
    if has_server_tls(spec):
        return
    for index, line in enumerate(spec.postgresql.hba):
        if line.type == "hostssl":
            message = "no connection fits a hostssl line while PostgreSQL has no TLS"
            path = ("postgresql", "hba", index, "type")
            hint = "remove postgresql.tls: off, or use host with scram-sha-256"
            yield Problem("tls-off", message, path=path, hint=hint)


RULES = (check_trust, check_method, check_address, check_tls)
