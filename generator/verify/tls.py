"""TLS material of every machine: does it load, belong together, and say the right names?

`consul validate` does not open these files (tried with 1.8.7 and 1.13.9), and Patroni's
validation does not open those of PostgreSQL and its own.
"""

from __future__ import annotations

from functools import partial
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final, TypeVar

import yaml
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
    yield from _judge_usages(certificate)


def _judge_usages(certificate: x509.Certificate) -> Iterator[str]:
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


def _judge_server(certificate: x509.Certificate, node: NodeOutput) -> Iterator[str]:
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    dns, addresses = names.get_values_for_type(x509.DNSName), names.get_values_for_type(x509.IPAddress)
    for address in (node.address, str(node.facts["vip"]["address"])):
        # As text for libpq before 15, as an address for what is newer and for other drivers.
        if ip_address(address) not in addresses or address not in dns:
            yield f"the certificate lacks the address {address}, as such or as a DNS name"
    lacking = [name for name in (node.name, str(node.facts["fqdn"]), "localhost") if name not in dns]
    if lacking:
        yield f"the certificate lacks {', '.join(lacking)}"
    usages = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    if ExtendedKeyUsageOID.SERVER_AUTH not in usages:
        yield "the certificate may not be used as server"
    if ExtendedKeyUsageOID.CLIENT_AUTH in usages:
        yield "the certificate may be used as client: Consul would let its holder in"


def judge_postgresql_tls(path: Path, node: NodeOutput) -> list[str]:
    """Say what is wrong with the TLS files that a member's patroni.yml names, if it uses TLS."""
    try:
        section = yaml.safe_load(path.read_bytes())["postgresql"]
        parameters, roles = section["parameters"], section["authentication"]
        if parameters.get("ssl") != "on":
            return []
        unsure = [role for role in ("replication", "rewind") if roles[role].get("sslmode") != "verify-full"]
        if unsure:
            return [f"{', '.join(unsure)}: sslmode is not verify-full"]
        named = {
            "ca_file": roles["replication"]["sslrootcert"],
            "cert_file": parameters["ssl_cert_file"],
            "key_file": parameters["ssl_key_file"],
        }
        files = {name: node.payload(place) for name, place in named.items()}
        absent = [named[name] for name in NAMES if not files[name].is_file()]
        if absent:
            return [f"{', '.join(absent)}: not in the payload"]
        certificate = _load(files, "cert_file", parse_certificate)
        return [*_judge_chain(files), *_judge_server(certificate, node)]
    except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        return [f"cannot be read: {type(error).__name__}"]
    except (ValueError, x509.ExtensionNotFound) as error:
        return [str(error)]


def _judge_patroni(certificate: x509.Certificate, node: NodeOutput) -> Iterator[str]:
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    for address in (node.address, "127.0.0.1"):
        if ip_address(address) not in names.get_values_for_type(x509.IPAddress):
            yield f"the certificate lacks the address {address}"
    if any(name.startswith("server.") for name in names.get_values_for_type(x509.DNSName)):
        yield "the certificate has a name of Consul's servers"
    yield from _judge_usages(certificate)


def judge_patroni_tls(path: Path, node: NodeOutput) -> list[str]:
    """Say what is wrong with the TLS files by which a member's Patroni serves and asks."""
    try:
        config = yaml.safe_load(path.read_bytes())
        ctl, rest = config["ctl"], config["restapi"]
        named = {"ca_file": ctl["cacert"], "cert_file": ctl["certfile"], "key_file": ctl["keyfile"]}
        files = {name: node.payload(place) for name, place in named.items()}
        absent = [named[name] for name in NAMES if not files[name].is_file()]
        if absent:
            return [f"{', '.join(absent)}: not in the payload"]
        certificate = _load(files, "cert_file", parse_certificate)
        complaints = [*_judge_chain(files), *_judge_patroni(certificate, node)]
        served = [rest.get(name) for name in ("cafile", "certfile", "keyfile")]
        if any(served) and (served != list(named.values()) or rest.get("verify_client") != "optional"):
            complaints.append("restapi asks nobody for a certificate, or uses other files than ctl")
        if str(node.facts["patroni"]["rest"]).startswith("https:") != any(served):
            complaints.append("node.json and restapi do not agree on TLS")
    except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        return [f"cannot be read: {type(error).__name__}"]
    except (ValueError, x509.ExtensionNotFound) as error:
        return [str(error)]
    return complaints


def plan_tls(context: Context) -> Iterator[OwnCheck]:
    """Plan one check for each machine, and two more for each member."""
    for node in context.output.nodes:
        yield OwnCheck("tls", context.output.label(node.folder), partial(judge_tls, node))
        if node.is_member:
            path = node.payload(node.facts["patroni"]["config"])
            for name, judge in (("postgresql-tls", judge_postgresql_tls), ("patroni-tls", judge_patroni_tls)):
                yield OwnCheck(name, context.output.label(path), partial(judge, path, node))
