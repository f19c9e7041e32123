"""What clients of the cluster need: its authority, and how libpq finds the leader.  No secrets."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from generator.credentials.certificates import rewrite_certificate
from generator.layout import CLIENTS
from generator.render.rendered import RenderedFile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from generator.credentials.bundle import CredentialBundle
    from generator.render.cluster_view import ClusterView
    from generator.resolve.cluster import ResolvedCluster

CONNECT_SECONDS: Final = 5
"""For each address: without it a machine without power holds a client up for two minutes."""


class ClientView:
    """The settings of a libpq client."""

    def __init__(self, cluster: ResolvedCluster) -> None:
        self.port = cluster.spec.ports.postgresql
        self.hosts = ",".join(str(peer.address) for peer in cluster.members)
        self.ca_file = f"/etc/ssl/{cluster.name}-ca.pem"
        tls = {"sslmode": "verify-full", "sslrootcert": self.ca_file} if cluster.has_tls else {}
        settings = {**tls, "target_session_attrs": "read-write", "connect_timeout": str(CONNECT_SECONDS)}
        self.settings = tuple(settings.items())
        self.addresses = ",".join(f"{peer.address}:{self.port}" for peer in cluster.members)


def render_clients(
    cluster: ResolvedCluster, bundle: CredentialBundle, view: ClusterView
) -> Iterator[RenderedFile]:
    """Yield the files of the folder for clients."""
    if cluster.has_tls:
        authority = rewrite_certificate(bundle.authority.certificate)
        yield RenderedFile(PurePosixPath(CLIENTS, "ca.pem"), authority.encode())
    clients = ClientView(cluster)
    for name in ("pg_service.conf", "uri.txt"):
        text = view.render(f"clients/{name}", clients=clients)
        yield RenderedFile(PurePosixPath(CLIENTS, name), text.encode())
