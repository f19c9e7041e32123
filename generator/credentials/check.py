"""Does a bundle fit the cluster as its spec describes it now?

In: bundle, cluster, identities, and the time where its passing matters.  Out:
warnings; an error where a render would make machines that cannot talk to each
other.  Words never hold a secret.
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from uuid import UUID

from generator.credentials.bundle import GOSSIP_KEY_BYTES
from generator.credentials.certificates import (
    BACKDATED,
    YEAR,
    is_authority,
    is_pair,
    is_signed_by,
    parse_certificate,
    parse_key,
    read_names,
)
from generator.diagnostics import Problem, Severity
from generator.errors import BundleInvalid

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.x509 import Certificate

    from generator.credentials.bundle import (
        AclToken,
        Authority,
        CredentialBundle,
        NodeCredentials,
        NodeIdentity,
        ServerCertificate,
    )
    from generator.credentials.certificates import CertifiedNames

AES_KEY_BYTES: Final = frozenset({16, 24, 32})
"""What Consul accepts; the length chooses AES-128, -192 or -256."""

EXPIRES: Final = "certificate-expires"
SHORT_KEY: Final = "gossip-key-short"
LEFTOVER: Final = "bundle-leftover"


@dataclass(slots=True)
class _Findings:
    """What was found so far; `stale` are nodes that a reissue would mend."""

    faults: list[str] = field(default_factory=list)
    stale: set[str] = field(default_factory=set)
    warnings: list[Problem] = field(default_factory=list)

    def warn(self, identifier: str, message: str, hint: str) -> None:
        self.warnings.append(Problem(identifier, message, Severity.WARNING, hint=hint))


def check_bundle(
    bundle: CredentialBundle, cluster: str, identities: Sequence[NodeIdentity], now: datetime | None
) -> tuple[Problem, ...]:
    """Return warnings about a bundle that fits; all faults of one that does not, in one error.

    Args:
        bundle: the bundle.
        cluster: the cluster that is to be rendered.
        identities: its machines as they are now.
        now: the time, for warnings about expiry; None where none are wanted.  It never
            decides between warning and error: a render does the same on any day.

    Raises:
        BundleInvalid: another cluster's bundle, keys of a wrong length, tokens that are
            no UUIDs or not distinct, a certificate that does not fit key, authority or node.
    """
    if bundle.cluster != cluster:
        raise BundleInvalid(
            f"the bundle belongs to the cluster {bundle.cluster}, not to {cluster}",
            hint="name the right file with --secrets",
        )
    findings = _Findings()
    _check_gossip_key(bundle, findings)
    _check_tokens(bundle, findings)
    _check_passwords(bundle, findings)
    _check_certificates(bundle, identities, now, findings)
    if findings.faults:
        faults = findings.faults
        message = (
            faults[0]
            if len(faults) == 1
            else f"{len(faults)} faults:" + "".join(f"\n  {fault}" for fault in faults)
        )
        raise BundleInvalid(f"the bundle of {cluster} does not fit: {message}", hint=_hint(findings))
    return tuple(findings.warnings)


def _hint(findings: _Findings) -> str:
    if len(findings.stale) == 1:
        return f"holster secrets reissue SPEC {next(iter(findings.stale))}"
    if findings.stale:
        return f"holster secrets reissue SPEC NODE, for each of {', '.join(sorted(findings.stale))}"
    return "mend it where you changed it, or restore the bundle from a backup"


def measure_gossip_key(key: str) -> int | None:
    """Return how many bytes the key stands for; None where it is no standard base64."""
    try:
        return len(b64decode(key.encode("ascii"), validate=True))
    except (binascii.Error, UnicodeEncodeError):
        return None


def _check_gossip_key(bundle: CredentialBundle, findings: _Findings) -> None:
    length = measure_gossip_key(bundle.gossip_key.get_secret_value())
    if length not in AES_KEY_BYTES:
        findings.faults.append(
            f"the gossip key must be {GOSSIP_KEY_BYTES} bytes in base64 "
            "(16 or 24 when taken from a running cluster)"
        )
    elif length != GOSSIP_KEY_BYTES:
        findings.warn(
            SHORT_KEY,
            f"the gossip key has {length} bytes; new clusters use {GOSSIP_KEY_BYTES}",
            "rotate it on the running cluster (consul keyring -install, -use, -remove), "
            "then import it with --replace",
        )


def _list_tokens(bundle: CredentialBundle) -> Iterator[tuple[str, AclToken]]:
    yield "management token", bundle.management_token
    yield "Patroni token", bundle.patroni_token
    yield "vip-manager token", bundle.vip_token
    yield "DNS token", bundle.dns_token
    for name, node in bundle.nodes.items():
        yield f"agent token of {name}", node.agent_token


def _is_uuid(text: str) -> bool:
    try:
        # Consul compares tokens as text, so another spelling of the same UUID is another token.
        return str(UUID(text)) == text
    except ValueError:
        return False


def _check_tokens(bundle: CredentialBundle, findings: _Findings) -> None:
    seen: Counter[str] = Counter()
    for title, token in _list_tokens(bundle):
        for part, value in (("accessor", token.accessor_id), ("secret", token.secret_id.get_secret_value())):
            if not _is_uuid(value):
                findings.faults.append(f"the {part} id of the {title} is not a lower-case UUID")
            seen[value] += 1
            if seen[value] == 2:  # noqa: PLR2004 -- named once, at its second place
                findings.faults.append(f"the {part} id of the {title} is used twice")


def _check_passwords(bundle: CredentialBundle, findings: _Findings) -> None:
    passwords = [
        getattr(bundle.passwords, name).get_secret_value() for name in type(bundle.passwords).model_fields
    ]
    if any(not password or not password.isprintable() for password in passwords):
        findings.faults.append("a password is empty or holds control characters")
    if len(set(passwords)) != len(passwords):
        findings.faults.append("two passwords are equal")


def _check_certificates(
    bundle: CredentialBundle,
    identities: Sequence[NodeIdentity],
    now: datetime | None,
    findings: _Findings,
) -> None:
    authority, key = _parse_pair("the authority", bundle.authority, findings)
    if authority is None or key is None:
        return
    if not is_pair(authority, key):
        findings.faults.append("the certificate of the authority does not belong to its key")
    if not is_authority(authority):
        findings.faults.append("the certificate of the authority may not sign others")
    _warn_of_expiry("the certificate authority", authority, now, findings, "create a new bundle in good time")
    for node in identities:
        credentials = bundle.nodes.get(node.name)
        if credentials is None:
            findings.faults.append(f"it has nothing for the node {node.name}")
            continue
        role = "a Consul server" if node.is_server else "no Consul server"
        certified = _Certified(node.name, node.name, f" ({role}, {node.address})", node.certified_names)
        _check_pair(certified, credentials, authority, now, findings)
        for kind, title in (("postgresql", "PostgreSQL"), ("patroni", "Patroni")):
            names, own = getattr(node, kind), getattr(credentials, kind)
            if names is not None and own is not None:
                certified = _Certified(node.name, f"{node.name}'s {title}", "", names)
                _check_pair(certified, own, authority, now, findings)


def _parse_pair(
    owner: str, pair: Authority | NodeCredentials | ServerCertificate, findings: _Findings
) -> tuple[Certificate | None, EllipticCurvePrivateKey | None]:
    certificate, key = None, None
    try:
        certificate = parse_certificate(pair.certificate)
    except ValueError as error:
        findings.faults.append(f"the certificate of {owner} {error}")
    try:
        key = parse_key(pair.key.get_secret_value())
    except ValueError as error:
        findings.faults.append(f"the key of {owner} {error}")
    return certificate, key


@dataclass(frozen=True, slots=True)
class _Certified:
    """One certificate: its machine, how messages call its owner, what it must vouch for."""

    node: str
    owner: str
    role: str
    names: CertifiedNames


def _check_pair(
    certified: _Certified,
    pair: NodeCredentials | ServerCertificate,
    authority: Certificate,
    now: datetime | None,
    findings: _Findings,
) -> None:
    certificate, key = _parse_pair(certified.owner, pair, findings)
    if certificate is None or key is None:
        findings.stale.add(certified.node)
        return
    faults = []
    if not is_pair(certificate, key):
        faults.append(f"the certificate of {certified.owner} does not belong to its key")
    if not is_signed_by(certificate, authority):
        faults.append(f"the certificate of {certified.owner} is not signed by the bundle's authority")
    faults += _compare_names(certified, certificate)
    if faults:
        findings.faults += faults
        findings.stale.add(certified.node)
    hint = f"holster secrets reissue SPEC {certified.node}"
    _warn_of_expiry(f"the certificate of {certified.owner}", certificate, now, findings, hint)


def _compare_names(certified: _Certified, certificate: Certificate) -> Iterator[str]:
    wanted, found = certified.names, read_names(certificate)
    lacking = sorted((wanted.dns - found.dns) | (wanted.addresses - found.addresses))
    beyond = sorted((found.dns - wanted.dns) | (found.addresses - wanted.addresses))
    if lacking:
        yield f"the certificate of {certified.owner}{certified.role} lacks {', '.join(lacking)}"
    if beyond:
        # A client that may call itself server.… makes verify_server_hostname void.
        yield f"the certificate of {certified.owner}{certified.role} must not hold {', '.join(beyond)}"


def _warn_of_expiry(
    title: str, certificate: Certificate, now: datetime | None, findings: _Findings, hint: str
) -> None:
    if now is None:
        return
    until, since = certificate.not_valid_after_utc, certificate.not_valid_before_utc
    if until <= now:
        findings.warn(EXPIRES, f"{title} expired on {until:%Y-%m-%d}", hint)
    elif until - now < YEAR:
        findings.warn(EXPIRES, f"{title} expires in less than a year, on {until:%Y-%m-%d}", hint)
    if since > now - BACKDATED:
        findings.warn(
            EXPIRES,
            f"{title} is valid only from {since:%Y-%m-%d %H:%M} UTC; "
            "a machine whose clock is behind refuses it",
            "check this machine's clock",
        )
