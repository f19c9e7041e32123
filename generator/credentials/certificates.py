"""Keys and certificates of a cluster's own certificate authority.

In: names, lifetime, clock and entropy as parameters.  Out: PEM text.  Same
entropy and clock give the same bytes: keys are drawn from the entropy and
signatures are deterministic (RFC 6979).  Never touches the disk.
"""

from __future__ import annotations

import re
from base64 import b64decode
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

if TYPE_CHECKING:
    from collections.abc import Callable

    Entropy = Callable[[int], bytes]

P256_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""RenderRequest of the curve's group (SEC 2, secp256r1); a private key is 1 … order - 1."""

BACKDATED: Final = timedelta(hours=24)
"""A node's clock may be hours behind on its first boot (reference notes, trap 19)."""

AUTHORITY_EXTRA_YEARS: Final = 10
"""The authority outlives its first leaves by this, so that later nodes get full leaves."""

YEAR: Final = timedelta(days=365)

BEGINNING: Final = re.compile(r"-----BEGIN ([^-\n]*)-----")
BLOCK: Final = re.compile(
    r"-----BEGIN (?P<label>[A-Z ]+)-----\r?\n(?P<base64>[A-Za-z0-9+/=\r\n]+)-----END (?P=label)-----"
)
CERTIFICATE_LABEL: Final = re.compile(r"CERTIFICATE")
KEY_LABEL: Final = re.compile(r"(EC )?PRIVATE KEY")

UNREADABLE: Final = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)
"""What the library says of damaged certificates."""


@dataclass(frozen=True, slots=True)
class CertifiedNames:
    """What a certificate vouches for: DNS names and addresses."""

    dns: frozenset[str]
    addresses: frozenset[str]


def name_server(datacenter: str, domain: str) -> str:
    """Return the name that Consul demands of a server (`verify_server_hostname`)."""
    return f"server.{datacenter}.{domain}"


def name_agent(*, name: str, address: str, is_server: bool, datacenter: str, domain: str) -> CertifiedNames:
    """Return the names that the certificate of a Consul agent must hold.

    A client never holds `server.…`: whoever has that name may speak for the servers.
    """
    if is_server:
        dns = frozenset({name_server(datacenter, domain), name, "localhost"})
        return CertifiedNames(dns, frozenset({"127.0.0.1", address}))
    return CertifiedNames(frozenset({f"client.{datacenter}.{domain}", "localhost"}), frozenset({"127.0.0.1"}))


def name_postgresql(*, name: str, fqdn: str, address: str, vip: str) -> CertifiedNames:
    """Return the names that a member's PostgreSQL certificate must hold.

    Patroni names members by address, and libpq before 15 compares an address with DNS names
    only, as text (release notes of PostgreSQL 15): each address stands there as well.
    """
    addresses = frozenset({address, vip, "127.0.0.1"})
    return CertifiedNames(frozenset({name, fqdn, "localhost"}) | addresses, addresses)


def name_patroni(*, name: str, fqdn: str, address: str) -> CertifiedNames:
    """Return the names that a member's Patroni certificate must hold: members ask it, and vip-manager."""
    return CertifiedNames(frozenset({name, fqdn, "localhost"}), frozenset({address, "127.0.0.1"}))


def draw_key(entropy: Entropy) -> ec.EllipticCurvePrivateKey:
    """Return a P-256 key, uniform over all keys, from 32 bytes of `entropy` (or more).

    Draws again where a draw lies outside the group: reducing it would favour small keys.
    """
    while True:
        number = int.from_bytes(entropy(32))
        if 0 < number < P256_ORDER:
            return ec.derive_private_key(number, ec.SECP256R1())


def draw_serial(entropy: Entropy) -> int:
    """Return a serial number of at most 159 bits, positive as RFC 5280 demands."""
    return (int.from_bytes(entropy(20)) >> 1) | 1


def format_key(key: ec.EllipticCurvePrivateKey) -> str:
    """Return the key as unencrypted PKCS #8 PEM."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode("ascii")


def format_certificate(certificate: x509.Certificate) -> str:
    """Return the certificate as PEM."""
    return certificate.public_bytes(serialization.Encoding.PEM).decode("ascii")


def _read_block(pem: str, label: re.Pattern[str], what: str) -> bytes:
    """Return the bytes of the one PEM block (RFC 7468) that a text must consist of.

    Loaders take the first block that suits them and ignore all else, so that a key or a
    note beside a certificate would go wherever the certificate goes.

    Raises:
        ValueError: no such block, or anything beside it; the text is not repeated.
    """
    labels = [found[1] for found in BEGINNING.finditer(pem)]
    if len(labels) > 1:
        beside = "a private key beside it" if any("PRIVATE" in each for each in labels) else "several"
        raise ValueError(f"must be one PEM block; the text holds {beside}")
    block = BLOCK.search(pem)
    if block is None or not label.fullmatch(block["label"]):
        raise ValueError(f"is not {what} in PEM")
    if pem.strip() != block[0]:
        raise ValueError("must be one PEM block and nothing else; the text holds more")
    try:
        return b64decode("".join(block["base64"].split()), validate=True)
    except ValueError:
        raise ValueError(f"is not {what} in PEM") from None


def parse_key(pem: str) -> ec.EllipticCurvePrivateKey:
    """Return the key of a PEM text that holds nothing else.

    Raises:
        ValueError: it is no unencrypted elliptic-curve key; the text is not repeated.
    """
    what = "an unencrypted elliptic-curve key"
    content = _read_block(pem, KEY_LABEL, what)
    try:
        key = serialization.load_der_private_key(content, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        # The caller has one answer to text that is no key and to a key of another kind.
        raise ValueError(f"is not {what}")  # noqa: TRY004
    return key


def parse_certificate(pem: str) -> x509.Certificate:
    """Return the certificate of a PEM text that holds nothing else.

    Raises:
        ValueError: it is none, or says something that cannot be read.
    """
    content = _read_block(pem, CERTIFICATE_LABEL, "a certificate")
    try:
        certificate = x509.load_der_x509_certificate(content)
        # Read when asked for: damage in them would come up later.
        certificate.public_key()
        read_names(certificate)
        _ = certificate.not_valid_before_utc, certificate.not_valid_after_utc, certificate.subject
    except UNREADABLE:
        raise ValueError("is not a readable certificate") from None
    return certificate


def rewrite_certificate(pem: str) -> str:
    """Return the certificate written anew: what goes to machines holds nothing else.

    Raises:
        ValueError: it is none.
    """
    return format_certificate(parse_certificate(pem))


def rewrite_key(pem: str) -> str:
    """Return the key written anew.

    Raises:
        ValueError: it is none.
    """
    return format_key(parse_key(pem))


def _key_usage(*, is_authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not is_authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=is_authority,
        crl_sign=is_authority,
        encipher_only=False,
        decipher_only=False,
    )


def _start(
    subject: x509.Name, key: ec.EllipticCurvePrivateKey, *, serial: int, since: datetime, until: datetime
) -> x509.CertificateBuilder:
    public = key.public_key()
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .public_key(public)
        .serial_number(serial)
        .not_valid_before(since)
        .not_valid_after(until)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def create_authority(cluster: str, *, years: int, now: datetime, entropy: Entropy) -> tuple[str, str]:
    """Return certificate and key (PEM) of a new authority, valid ten years longer than `years`."""
    key = draw_key(entropy)
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Holster"),
            x509.NameAttribute(NameOID.COMMON_NAME, f"{cluster} CA"),
        ]
    )
    now = now.replace(microsecond=0)
    certificate = (
        _start(
            name,
            key,
            serial=draw_serial(entropy),
            since=now - BACKDATED,
            until=now + YEAR * (years + AUTHORITY_EXTRA_YEARS),
        )
        .issuer_name(name)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(is_authority=True), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256(), ecdsa_deterministic=True)
    )
    return format_certificate(certificate), format_key(key)


@dataclass(frozen=True, slots=True)
class Issuer:
    """An authority that can sign: its certificate and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    def can_issue(self, now: datetime) -> bool:
        """Say whether a certificate made at this time would be valid for a while."""
        return self._since(now) < self.certificate.not_valid_after_utc - BACKDATED

    def _since(self, now: datetime) -> datetime:
        return max(now - BACKDATED, self.certificate.not_valid_before_utc)

    def issue(  # noqa: PLR0913 -- clock and entropy are parameters, so that the result is a function of them
        self,
        name: str,
        names: CertifiedNames,
        *,
        years: int,
        now: datetime,
        entropy: Entropy,
        is_client: bool = True,
    ) -> tuple[str, str]:
        """Return certificate and key (PEM) of a node; it never outlives the authority.

        Without `is_client` the certificate serves only: Consul lets nobody in with it.
        """
        key = draw_key(entropy)
        now = now.replace(microsecond=0)
        alternatives: list[x509.GeneralName] = [x509.DNSName(entry) for entry in sorted(names.dns)]
        alternatives += [x509.IPAddress(ip_address(entry)) for entry in sorted(names.addresses)]
        usages = [ExtendedKeyUsageOID.SERVER_AUTH, *([ExtendedKeyUsageOID.CLIENT_AUTH] if is_client else [])]
        certificate = (
            _start(
                x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]),
                key,
                serial=draw_serial(entropy),
                since=self._since(now),
                until=min(now + YEAR * years, self.certificate.not_valid_after_utc - BACKDATED),
            )
            .issuer_name(self.certificate.subject)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(is_authority=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
            .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False
            )
            .sign(self.key, hashes.SHA256(), ecdsa_deterministic=True)
        )
        return format_certificate(certificate), format_key(key)


def load_issuer(certificate: str, key: str) -> Issuer:
    """Return the authority of two PEM texts.

    Raises:
        ValueError: one of them cannot be read.
    """
    return Issuer(parse_certificate(certificate), parse_key(key))


def read_names(certificate: x509.Certificate) -> CertifiedNames:
    """Return the names a certificate vouches for; none where it has no such extension."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return CertifiedNames(frozenset(), frozenset())
    return CertifiedNames(
        frozenset(found.get_values_for_type(x509.DNSName)),
        frozenset(str(entry) for entry in found.get_values_for_type(x509.IPAddress)),
    )


def is_signed_by(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    """Say whether `authority` signed `certificate`, by name and by signature."""
    try:
        certificate.verify_directly_issued_by(authority)
    except (*UNREADABLE, InvalidSignature):
        return False
    return True


def is_pair(certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> bool:
    """Say whether the certificate certifies this key."""
    return certificate.public_key() == key.public_key()


def is_authority(certificate: x509.Certificate) -> bool:
    """Say whether the certificate may sign others."""
    try:
        return bool(certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca)
    except x509.ExtensionNotFound:
        return False
