"""What is installed in an image: a list for people, a bill of materials (CycloneDX 1.5) for programs.

In: the list that the guest wrote down.  Out: documents, the same for the same image.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

SPEC_VERSION: Final = "1.5"
PACKAGE, WHEEL, PROGRAM = "package", "wheel", "program"
TITLES: Final = ("kind", "name", "version", "architecture", "licence", "sha256")


@dataclass(frozen=True, slots=True, order=True)
class Item:
    """One thing that is installed.

    Attributes:
        kind: "package" of the system's package manager, Python "wheel", or "program" that came as a file.
        name, version: as its manager says; a program's version is the declared one, which the
            image check compared.
        architecture: empty where there is none.
        licence: empty where the manager does not know it.
        sha256: of a program's file; empty else.
    """

    kind: str
    name: str
    version: str
    architecture: str = ""
    licence: str = ""
    sha256: str = ""


def parse_inventory(text: str) -> tuple[Item, ...]:
    """Return the items of the guest's list, sorted.

    Raises:
        ValueError: a line has another form.
    """
    items = []
    for line in text.splitlines():
        kind, name, version, architecture, licence, sha256 = line.split("\t")
        if kind not in {PACKAGE, WHEEL, PROGRAM}:
            raise ValueError(line)
        # rpm prints an epoch of zero where a package has none.
        items.append(Item(kind, name, version.removeprefix("0:"), architecture, licence, sha256))
    return tuple(sorted(items))


def format_manifest(items: tuple[Item, ...]) -> str:
    """Return the list for people and `diff`: one line each, columns separated by tabs."""
    rows = [TITLES, *((i.kind, i.name, i.version, i.architecture, i.licence, i.sha256) for i in items)]
    return "".join("\t".join(row) + "\n" for row in rows)


def describe_materials(
    items: tuple[Item, ...], *, image: str, image_sha256: str, family: str, os_id: str
) -> dict[str, Any]:
    """Return the bill of materials.

    Args:
        items: what is installed.
        image: the image's file name.
        image_sha256: its digest.
        family: deb or rpm.
        os_id: ID of /etc/os-release: the namespace of package URLs.
    """
    described = [_describe_item(item, family, os_id) for item in items]
    return {
        "$schema": f"http://cyclonedx.org/schema/bom-{SPEC_VERSION}.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": SPEC_VERSION,
        "version": 1,
        "metadata": {
            "component": {
                "bom-ref": "image",
                "type": "operating-system",
                "name": image,
                "hashes": [{"alg": "SHA-256", "content": image_sha256}],
            }
        },
        "components": described,
        "dependencies": [{"ref": "image", "dependsOn": [each["bom-ref"] for each in described]}],
    }


def _describe_item(item: Item, family: str, os_id: str) -> dict[str, Any]:
    url = _name_package(item, family, os_id)
    described: dict[str, Any] = {
        "bom-ref": url,
        "type": "application" if item.kind == PROGRAM else "library",
        "name": item.name,
        "version": item.version,
        "purl": url,
    }
    if item.licence:
        described["licenses"] = [{"license": {"name": item.licence}}]
    if item.sha256:
        described["hashes"] = [{"alg": "SHA-256", "content": item.sha256}]
    return described


def _name_package(item: Item, family: str, os_id: str) -> str:
    """Return the package URL (https://github.com/package-url/purl-spec)."""
    if item.kind == PROGRAM:
        return f"pkg:generic/{_quote(item.name)}@{_quote(item.version)}"
    if item.kind == WHEEL:
        return f"pkg:pypi/{_quote(item.name).lower().replace('_', '-')}@{_quote(item.version)}"
    version, epoch = item.version, ""
    if family == "rpm" and ":" in version:
        # Of rpm the epoch is a qualifier, of deb a part of the version.
        epoch, _, version = version.partition(":")
    qualifiers = f"arch={_quote(item.architecture)}" + (f"&epoch={epoch}" if epoch else "")
    return f"pkg:{family}/{os_id}/{_quote(item.name)}@{_quote(version)}?{qualifiers}"


def _quote(text: str) -> str:
    return quote(text, safe=":")
