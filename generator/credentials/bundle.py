"""The credential bundle: every secret of one cluster.

In: cluster identity, clock and entropy as parameters.  Out: a frozen
CredentialBundle.  Never touches the disk (store.py) and never prints.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from string import ascii_letters, digits
from typing import TYPE_CHECKING, Annotated, Final, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, SecretStr, StringConstraints

from generator.credentials.certificates import (
    CertifiedNames,
    Issuer,
    create_authority,
    load_issuer,
    name_agent,
)
from generator.errors import BundleInvalid
from generator.spec.fields import DNS_LABEL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

    Entropy = Callable[[int], bytes]

BUNDLE_VERSION: Final = 1
GOSSIP_KEY_BYTES: Final = 32
PASSWORD_LENGTH: Final = 24
SERVERS: Final = {"postgresql": False, "patroni": True}
"""What has a certificate of its own on a member, and whether it may be used as client, too: a Patroni
shows it to the others where it asks for a change."""

Name = Annotated[str, StringConstraints(pattern=f"^{DNS_LABEL.pattern}$")]
"""Names are shown in errors: nothing that an editor's mistake could put there but a name."""


class BundleModel(BaseModel):
    """Base of the bundle's parts; a validation error never shows the input."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class AclToken(BundleModel):
    """A Consul ACL token made before the cluster exists; both ids are UUIDs."""

    accessor_id: str
    secret_id: SecretStr


class Authority(BundleModel):
    """The cluster's own certificate authority; its key reaches no node."""

    certificate: str
    key: SecretStr


class ServerCertificate(BundleModel):
    """A certificate of a member's server, and its key."""

    certificate: str
    key: SecretStr


class NodeCredentials(BundleModel):
    """What belongs to one machine only.

    `certificate` and `key` are those of its Consul agent.  `postgresql` and `patroni` are None on a
    machine that is no member, and in bundles of before there was one: the next render makes them.
    """

    certificate: str
    key: SecretStr
    agent_token: AclToken
    postgresql: ServerCertificate | None = None
    patroni: ServerCertificate | None = None


class Passwords(BundleModel):
    """Passwords of the PostgreSQL roles and of Patroni's REST API."""

    superuser: SecretStr
    replication: SecretStr
    rewind: SecretStr
    rest: SecretStr


class CredentialBundle(BundleModel):
    """All secrets of one cluster.

    Attributes:
        holster_bundle: version of the format.
        cluster: the cluster this bundle belongs to.
        gossip_key: 32 random bytes in standard base64, as `consul keygen` makes them.
        management_token: Consul's initial management token; only servers get it.
        patroni_token, vip_token, dns_token: shared tokens with narrow policies.
        nodes: by node name.
    """

    holster_bundle: Literal[1] = BUNDLE_VERSION
    cluster: Name
    gossip_key: SecretStr
    authority: Authority
    management_token: AclToken
    patroni_token: AclToken
    vip_token: AclToken
    dns_token: AclToken
    passwords: Passwords
    nodes: dict[Name, NodeCredentials]


@dataclass(frozen=True, slots=True)
class NodeIdentity:
    """What a node's certificates say: compared with the bundle at every render.

    `postgresql` and `patroni` are the names of these servers, None where it is no member.
    """

    name: str
    address: str
    is_server: bool
    datacenter: str
    domain: str
    postgresql: CertifiedNames | None = None
    patroni: CertifiedNames | None = None

    @property
    def certified_names(self) -> CertifiedNames:
        """The names its agent's certificate must hold, no more and no fewer."""
        return name_agent(
            name=self.name,
            address=self.address,
            is_server=self.is_server,
            datacenter=self.datacenter,
            domain=self.domain,
        )


def draw_token(entropy: Entropy) -> AclToken:
    """Return a token whose two ids are random UUIDs (version 4)."""
    return AclToken(
        accessor_id=str(UUID(bytes=entropy(16), version=4)),
        secret_id=SecretStr(str(UUID(bytes=entropy(16), version=4))),
    )


def _draw_character(entropy: Entropy, alphabet: str) -> str:
    # A byte past the last whole multiple is drawn again: its remainder would favour some characters.
    limit = 256 - 256 % len(alphabet)
    while True:
        (number,) = entropy(1)
        if number < limit:
            return alphabet[number % len(alphabet)]


def draw_password(entropy: Entropy) -> SecretStr:
    """Return 24 letters and digits, 142 bits, beginning with a letter.

    No quoting rule of YAML, SQL, a shell or a connection URL applies to it, and no
    reader takes it for a number.
    """
    rest = (_draw_character(entropy, ascii_letters + digits) for _ in range(PASSWORD_LENGTH - 1))
    return SecretStr(_draw_character(entropy, ascii_letters) + "".join(rest))


def draw_gossip_key(entropy: Entropy) -> SecretStr:
    """Return 32 random bytes in standard base64, as `consul keygen` makes them."""
    return SecretStr(b64encode(entropy(GOSSIP_KEY_BYTES)).decode("ascii"))


def _load_issuer(authority: Authority, now: datetime) -> Issuer:
    try:
        issuer = load_issuer(authority.certificate, authority.key.get_secret_value())
    except ValueError as error:
        raise BundleInvalid(
            f"the certificate authority of the bundle {error}", hint="restore the bundle from a backup"
        ) from None
    if not issuer.can_issue(now):
        until = issuer.certificate.not_valid_after_utc
        raise BundleInvalid(
            f"the certificate authority of the bundle ends on {until:%Y-%m-%d} and can sign nothing any more",
            hint="a cluster that goes on needs a new bundle and new machines",
        )
    return issuer


def _issue_nodes(
    authority: Authority, nodes: Iterable[NodeIdentity], *, years: int, now: datetime, entropy: Entropy
) -> dict[str, NodeCredentials]:
    issuer = _load_issuer(authority, now)
    issued = {}
    for node in nodes:
        certificate, key = issuer.issue(
            node.name, node.certified_names, years=years, now=now, entropy=entropy
        )
        issued[node.name] = NodeCredentials(
            certificate=certificate, key=SecretStr(key), agent_token=draw_token(entropy)
        )
    return issued


def _issue_servers(
    bundle: CredentialBundle, nodes: Iterable[NodeIdentity], *, years: int, now: datetime, entropy: Entropy
) -> CredentialBundle:
    """Return the bundle with certificates for the servers of members that have none; the rest stays."""
    for kind, is_client in SERVERS.items():
        lacking = {
            node.name: getattr(node, kind)
            for node in nodes
            if getattr(node, kind) is not None and getattr(bundle.nodes[node.name], kind) is None
        }
        if not lacking:
            continue
        issuer, changed = _load_issuer(bundle.authority, now), {}
        for name, names in lacking.items():
            certificate, key = issuer.issue(
                name, names, years=years, now=now, entropy=entropy, is_client=is_client
            )
            own = ServerCertificate(certificate=certificate, key=SecretStr(key))
            changed[name] = bundle.nodes[name].model_copy(update={kind: own})
        bundle = bundle.model_copy(update={"nodes": bundle.nodes | changed})
    return bundle


def create_bundle(  # noqa: PLR0913 -- clock and entropy are parameters, so that the result is a function of them
    cluster: str,
    nodes: Sequence[NodeIdentity],
    *,
    years: int,
    now: datetime,
    entropy: Entropy,
    gossip_key: str | None = None,
) -> CredentialBundle:
    """Return a new bundle; the same entropy and clock give the same one.

    Args:
        cluster: the cluster's name.
        nodes: its machines.
        years: lifetime of the nodes' certificates.
        now: the time, with its zone; certificates are valid from 24 hours before.
        entropy: gives so many random bytes, as `os.urandom`.
        gossip_key: the key of a running cluster, to be kept; None draws one.
    """
    certificate, key = create_authority(cluster, years=years, now=now, entropy=entropy)
    authority = Authority(certificate=certificate, key=SecretStr(key))
    bundle = CredentialBundle(
        cluster=cluster,
        gossip_key=draw_gossip_key(entropy) if gossip_key is None else SecretStr(gossip_key),
        authority=authority,
        management_token=draw_token(entropy),
        patroni_token=draw_token(entropy),
        vip_token=draw_token(entropy),
        dns_token=draw_token(entropy),
        passwords=Passwords(
            superuser=draw_password(entropy),
            replication=draw_password(entropy),
            rewind=draw_password(entropy),
            rest=draw_password(entropy),
        ),
        nodes=_issue_nodes(authority, nodes, years=years, now=now, entropy=entropy),
    )
    return _issue_servers(bundle, nodes, years=years, now=now, entropy=entropy)


def extend_bundle(
    bundle: CredentialBundle,
    nodes: Sequence[NodeIdentity],
    *,
    years: int,
    now: datetime,
    entropy: Entropy,
) -> CredentialBundle:
    """Return the bundle with what it lacks for these nodes; the same object if it lacks nothing.

    What exists is never touched, and a machine that left the spec stays in: it may come back.

    Raises:
        BundleInvalid: the authority cannot be read.
    """
    missing = [node for node in nodes if node.name not in bundle.nodes]
    if missing:
        issued = _issue_nodes(bundle.authority, missing, years=years, now=now, entropy=entropy)
        bundle = bundle.model_copy(update={"nodes": bundle.nodes | issued})
    return _issue_servers(bundle, nodes, years=years, now=now, entropy=entropy)


def reissue_node(
    bundle: CredentialBundle, node: NodeIdentity, *, years: int, now: datetime, entropy: Entropy
) -> CredentialBundle:
    """Return the bundle with new keys and certificates for one node, its token kept.

    Needed when address, role or datacenter of the node or the virtual address changed, or a key leaked.

    Raises:
        BundleInvalid: the bundle has no such node, or the authority cannot be read.
    """
    if node.name not in bundle.nodes:
        raise BundleInvalid(
            f"the bundle of {bundle.cluster} has no node {node.name}",
            hint="`holster secrets create SPEC` adds the nodes that the spec names, and so does a render",
        )
    issued = _issue_nodes(bundle.authority, [node], years=years, now=now, entropy=entropy)[node.name]
    # The token lives on in Consul; a new one would need the old one's removal there.
    kept = issued.model_copy(update={"agent_token": bundle.nodes[node.name].agent_token})
    changed = bundle.model_copy(update={"nodes": bundle.nodes | {node.name: kept}})
    return _issue_servers(changed, [node], years=years, now=now, entropy=entropy)


def replace_gossip_key(bundle: CredentialBundle, key: str) -> CredentialBundle:
    """Return the bundle with another gossip key in base64, after it was rotated on the running cluster."""
    return bundle.model_copy(update={"gossip_key": SecretStr(key)})
