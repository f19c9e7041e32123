"""The reference of the spec for people: docs/spec.md, made from the models."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from generator.spec import model
from generator.spec.attribute_docs import AttributeDoc, read_attribute_docs
from generator.spec.model import SpecModel

if TYPE_CHECKING:
    from collections.abc import Callable

HEAD = """# The cluster spec

<!-- Made from generator/spec/model/: `pytest tests/unit/spec/test_schema.py --update-golden` -->

A spec is one YAML file.
`holster check FILE` names everything that is wrong with it at once; [errors.md](errors.md) explains it.
`holster schema` prints the same as JSON Schema; the first line of the examples makes editors use it.

Only `true`, `false`, `null` and decimal integers are special values; everything else is text.
So `1.22` stays a version, `0644` stays four digits and an unquoted MAC address stays what it is.
Anchors, aliases and tags are refused: every value stands where it is read.
Sizes have a unit: `512MiB`, `10GiB`, `2TiB`.
"""

WORDS = {
    "AbsolutePath": "absolute path",
    "Address": "IPv4 address",
    "Any": "any value",
    "Checksum": "checksum",
    "Count": "whole number from 0",
    "DhcpRange": "address range",
    "Disk": "path or [disk](#disk)",
    "DiskSerial": "text",
    "DiskWwn": "text",
    "DnsLabel": "DNS label",
    "DnsName": "domain name",
    "Encoding": "encoding",
    "Flag": "true or false",
    "GroupName": "name",
    "HbaNames": "names",
    "InterfaceName": "interface name",
    "KeyboardLayout": "keyboard layout",
    "Locale": "locale",
    "LvmName": "LVM name",
    "MacAddress": "MAC address",
    "Namespace": "path",
    "Network": "IPv4 network",
    "PackageName": "package name",
    "ParameterName": "parameter",
    "ParameterValue": "value",
    "PasswordHash": "password hash",
    "Port": "port",
    "Release": "release in quotes",
    "RepositoryId": "name",
    "RepositoryUrl": "URL",
    "Scope": "name",
    "Sha256": "SHA-256",
    "SizeMib": "size",
    "SlotName": "slot name",
    "SqlName": "SQL name",
    "SshPublicKey": "public key",
    "StrictInt": "whole number",
    "SuiteName": "name",
    "TimeServer": "address or name",
    "TimeZone": "time zone",
    "UnixName": "user name",
    "Url": "URL",
    "UrlOrPath": "URL or path",
    "Version": "version in quotes",
    "Wheel": "wheel",
    "str": "text",
}
SECTIONS = {
    "ClusterSpec": "Top level",
    "NetworkSpec": "network",
    "GroupSpec": "groups",
    "NodeSpec": "nodes",
    "TagsSpec": "tags",
    "StorageSpec": "storage",
    "VolumeSpec": "volume",
    "DiskSelector": "disk",
    "AccessSpec": "access",
    "PostgresqlSpec": "postgresql",
    "SlotSpec": "slots",
    "HbaRule": "hba",
    "PatroniSpec": "patroni",
    "ConsulSpec": "consul",
    "VipManagerSpec": "vip_manager",
    "SystemSpec": "system",
    "PortsSpec": "ports",
    "RepositorySpec": "repositories",
    "ComponentsSpec": "components",
    "ComponentSpec": "component",
    "PatroniComponentSpec": "patroni-component",
    "PostgresqlComponentSpec": "postgresql-component",
    "ImageSpec": "image",
    "CertificatesSpec": "certificates",
}
BOUNDS: dict[str, Callable[[Any], str]] = {
    "ge": lambda value: f"at least {value}",
    "le": lambda value: f"at most {value}",
    "min_length": lambda _: "not empty",
    "max_length": lambda value: f"at most {value}",
}


def format_reference() -> str:
    """Return the text of docs/spec.md."""
    return HEAD + "".join(_format_section(name, title) for name, title in SECTIONS.items())


def _format_section(name: str, title: str) -> str:
    owner: type[SpecModel] = getattr(model, name)
    docs = read_attribute_docs()[name]
    about = " ".join((owner.__doc__ or "").split())
    rows = "".join(_format_row(key, docs[key], owner) for key in owner.model_fields)
    return (
        f"\n## {title}\n\n{about}\n\n| key | value | default | meaning |\n| --- | --- | --- | --- |\n{rows}"
    )


def _format_row(key: str, doc: AttributeDoc, owner: type[SpecModel]) -> str:
    field = owner.model_fields[key]
    text, _, default = doc.text.partition(" Default: ")
    if doc.text.startswith("Default: "):
        text, default = "", doc.text.removeprefix("Default: ")
    if field.is_required():
        shown = "**required**"
    elif default:
        shown = default.rstrip(".")
    else:
        shown = _format_default(field.default, is_size=ast.unparse(doc.annotation) == "SizeMib")
    cells = (f"`{key}`", _describe(doc.annotation), shown, text)
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |\n"


def _format_default(value: Any, *, is_size: bool) -> str:
    if value is None or value in ((), {}) or isinstance(value, SpecModel):
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if is_size:
        return f"`{value // 1024}GiB`" if value % 1024 == 0 else f"`{value}MiB`"
    return f"`{value}`"


def _describe(annotation: ast.expr) -> str:
    """Return the words for a type as it is written in the source."""
    if isinstance(annotation, ast.Name):
        return _describe_name(annotation.id)
    if isinstance(annotation, ast.BinOp):
        sides = [_describe(side) for side in (annotation.left, annotation.right) if not _is_none(side)]
        return " or ".join(sides)
    if isinstance(annotation, ast.Subscript) and isinstance(annotation.value, ast.Name):
        return _describe_generic(annotation.value.id, annotation.slice)
    raise TypeError(ast.unparse(annotation))


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _describe_name(name: str) -> str:
    if name in WORDS:
        return WORDS[name]
    if name in SECTIONS:
        return f"[{SECTIONS[name]}](#{SECTIONS[name]})"
    return " or ".join(f"`{member.value}`" for member in getattr(model, name))


def _describe_generic(name: str, inside: ast.expr) -> str:
    parts = inside.elts if isinstance(inside, ast.Tuple) else [inside]
    if name == "Literal":
        return " or ".join(f"`{ast.literal_eval(part)}`" for part in parts)
    if name == "Annotated":
        bounds = [
            BOUNDS[keyword.arg or ""](ast.literal_eval(keyword.value))
            for part in parts[1:]
            if isinstance(part, ast.Call)
            for keyword in part.keywords
        ]
        return ", ".join([_describe(parts[0]), *bounds])
    if name == "tuple":
        return f"list of {_describe(parts[0])}"
    return f"mapping of {_describe(parts[0])} to {_describe(parts[1])}"
