"""A client's account in the database, and where it connects to."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final

from tests.lab.writer import TABLE, Target

if TYPE_CHECKING:
    from generator.lab.cluster import Lab

ROLE: Final = "ledger"
POSTGRESQL_PORT: Final = 5432


class Client:
    """An ordinary login role, made once per cluster; it may do nothing but use its table.

    It believes a server only with a certificate of the cluster's authority, as rendered for clients.
    """

    def __init__(self, lab: Lab) -> None:
        """Make the role and its table on the leader, or give the role a new password.

        Raises:
            AssertionError: there is no leader.
        """
        leader = lab.cluster_view().leader
        assert leader is not None, "a client needs a primary"
        self._lab = lab
        self._password = secrets.token_hex(16)
        lab.sql(
            f"do $$ begin if not exists (select from pg_roles where rolname = '{ROLE}')"
            f" then create role {ROLE} login; end if; end $$;"
            f" alter role {ROLE} password '{self._password}'; {TABLE}; alter table ledger owner to {ROLE};",
            on=leader,
        )

    def through_vip(self) -> Target:
        """Return the cluster's address."""
        if self._lab.vip is None:
            raise ValueError("this cluster has no virtual address")
        return self._target(self._lab.vip, self._lab.vip)

    def at(self, name: str) -> Target:
        """Return the own address of a member."""
        addresses = {peer.name: str(peer.address) for peer in self._lab.site.cluster.peers}
        return self._target(name, addresses[name])

    def _target(self, where: str, address: str) -> Target:
        host, port = self._lab.endpoint(where, POSTGRESQL_PORT)
        authority = self._lab.site.rendered.clients / "ca.pem"
        return Target(host, port, ROLE, self._password, certified=address, authority=authority)
