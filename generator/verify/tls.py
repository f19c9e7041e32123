"""TLS material of every machine: does it load, belong together, and say the right names?

`consul validate` does not open these files (tried with 1.8.7 and 1.13.9).
"""

from __future__ import annotations

from functools import partial
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final, TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID

from generator.credentials.certificates import parse_certificate, parse_key
from generator.verify.check import OwnCheck
from generator.verify.consul import load_config
from generator.verify.hcl import HclInvalid, get_block

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from generator.verify.context import Context
    from generator.verify.output import NodeOutput

T = TypeVar("T")
NAMES: Final = ("ca_file", "cert_file", "key_file")


def find_files(config: dict[str, Any], node: NodeOutput) -> dict[str, Path]:
    """Return where the payload keeps the three TLS files that the configuration names."""
    defaults = get_block(config, "tls", "defaults")
    named = {name: defaults.get(name) or config.get(name) for name in NAMES}
    return {name: node.payload(path) for name, path in named.items() if path}


def _public_bytes(key: Any) -> bytes:
    raw: bytes = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return raw


def _load(files: dict[str, Path], name: str, parse: Callable[[str], T]) -> T:
    try:
        return parse(files[name].read_text("ascii"))
    except ValueError as error:
        raise ValueError(f"the file of {name} {error}") from None


def _judge_chain(files: dict[str, Path]) -> Iterator[str]:
    authority = _load(files, "ca_file", parse_certificate)
    certificate = _load(files, "cert_file", parse_certificate)
    key = _load(files, "key_file", parse_key)
    try:
        certificate.verify_directly_issued_by(authority)
    except (InvalidSignature, ValueError, TypeError):
        yield "the certificate is not issued by the CA beside it"
    if _public_bytes(key.public_key()) != _public_bytes(certificate.public_key()):
        yield "the key does not belong to the certificate"
    if _public_bytes(key.public_key()) == _public_bytes(authority.public_key()):
        yield "the key is that of the CA"


def _judge_names(certificate: x509.Certificate, node: NodeOutput, domain: str) -> Iterator[str]:
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    dns = set(names.get_values_for_type(x509.DNSName))
    datacenter = node.facts["consul"]["datacenter"]
    server = f"server.{datacenter}.{domain}"
    if node.is_server:
        if server not in dns:
            yield f"the certificate of a server lacks the name {server}"
        if ip_address(node.address) not in names.get_values_for_type(x509.IPAddress):
            yield f"the certificate lacks the address {node.address}"
    elif server in dns:
        # With it any client could answer as a server: verify_server_hostname would be void.
        yield f"the certificate of a client has the name {server}"
    usages = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    for usage, title in (
        (ExtendedKeyUsageOID.SERVER_AUTH, "server"),
        (ExtendedKeyUsageOID.CLIENT_AUTH, "client"),
    ):
        if usage not in usages:
            yield f"the certificate may not be used as {title}"


def judge_tls(node: NodeOutput) -> list[str]:
    """Say what is wrong with the machine's TLS files."""
    try:
        config = load_config(node)
        files = find_files(config, node)
        absent = [name for name in NAMES if name not in files or not files[name].is_file()]
        if absent:
            return [f"{', '.join(absent)}: not named in the configuration or not in the payload"]
        certificate = _load(files, "cert_file", parse_certificate)
        domain = str(config.get("domain", "consul")).rstrip(".")
        return [*_judge_chain(files), *_judge_names(certificate, node, domain)]
    except (HclInvalid, ValueError, x509.ExtensionNotFound) as error:
        return [str(error)]


def plan_tls(context: Context) -> Iterator[OwnCheck]:
    """Plan one check for each machine."""
    for node in context.output.nodes:
        yield OwnCheck("tls", context.output.label(node.folder), partial(judge_tls, node))
