"""What may be shown of a bundle: that a secret is there, and what certificates say.

In: a bundle.  Out: plain data without any secret, not even a digest of one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from cryptography.hazmat.primitives import hashes

from generator.credentials.bundle import SERVERS
from generator.credentials.certificates import parse_certificate, read_names
from generator.credentials.check import measure_gossip_key

if TYPE_CHECKING:
    from generator.credentials.bundle import AclToken, CredentialBundle, NodeCredentials

PRESENT: Final = "present"


def redact_bundle(bundle: CredentialBundle) -> dict[str, Any]:
    """Return what `holster secrets show --redacted` prints.

    Accessor ids are no secrets: Consul shows them in its logs.
    """
    length = measure_gossip_key(bundle.gossip_key.get_secret_value())
    return {
        "cluster": bundle.cluster,
        "gossip_key": f"{PRESENT}, {length} bytes" if length else f"{PRESENT}, not base64",
        "authority": {"certificate": redact_certificate(bundle.authority.certificate), "key": PRESENT},
        "tokens": {
            name: _redact_token(getattr(bundle, f"{name}_token"))
            for name in ("management", "patroni", "vip", "dns")
        },
        "passwords": dict.fromkeys(type(bundle.passwords).model_fields, PRESENT),
        "nodes": {
            name: {
                "certificate": redact_certificate(node.certificate),
                "key": PRESENT,
                "agent_token": _redact_token(node.agent_token),
                **_redact_servers(node),
            }
            for name, node in sorted(bundle.nodes.items())
        },
    }


def _redact_servers(node: NodeCredentials) -> dict[str, Any]:
    return {
        kind: {"certificate": redact_certificate(own.certificate), "key": PRESENT}
        for kind in SERVERS
        if (own := getattr(node, kind)) is not None
    }


def _redact_token(token: AclToken) -> dict[str, str]:
    return {"accessor_id": token.accessor_id, "secret_id": PRESENT}


def redact_certificate(pem: str) -> dict[str, Any]:
    """Return what a certificate says; one that cannot be read is named so, not shown."""
    try:
        certificate = parse_certificate(pem)
        names = read_names(certificate)
    except ValueError:
        return {"error": "not readable"}
    return {
        "subject": certificate.subject.rfc4514_string(),
        "names": sorted(names.dns) + sorted(names.addresses),
        "not_before": certificate.not_valid_before_utc.isoformat(),
        "not_after": certificate.not_valid_after_utc.isoformat(),
        "sha256": certificate.fingerprint(hashes.SHA256()).hex(),
    }
