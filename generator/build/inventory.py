"""The bill of materials of an image: CycloneDX 1.5, JSON.

In: the list that the guest wrote down, and the programs that came as files.  Out: a
document, the same for the same image.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Mapping

SPEC_VERSION: Final = "1.5"


@dataclass(frozen=True, slots=True, order=True)
class Package:
    """One installed package; `licence` is empty where the package manager does not know it."""

    name: str
    version: str
    architecture: str
    licence: str


def parse_inventory(text: str) -> tuple[Package, ...]:
    """Return the packages of the guest's list, sorted.

    Raises:
        ValueError: a line has another form.
    """
    packages = []
    for line in text.splitlines():
        name, version, architecture, licence = line.split("\t")
        packages.append(Package(name, version.removeprefix("0:"), architecture, licence))
    return tuple(sorted(packages))


def describe_materials(  # noqa: PLR0913 -- each is one fact of the document
    packages: tuple[Package, ...],
    programs: Mapping[str, str],
    *,
    image: str,
    image_sha256: str,
    family: str,
    os_id: str,
) -> dict[str, Any]:
    """Return the document.

    Args:
        packages: what the package manager knows.
        programs: name -> SHA-256 of the programs that came as files.
        image: the image's file name.
        image_sha256: its digest.
        family: deb or rpm.
        os_id: ID of /etc/os-release: the namespace of package URLs.
    """
    components = [_describe_package(package, family, os_id) for package in packages]
    components += [
        {"type": "application", "name": name, "hashes": [{"alg": "SHA-256", "content": digest}]}
        for name, digest in sorted(programs.items())
    ]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": SPEC_VERSION,
        "version": 1,
        "metadata": {
            "component": {
                "type": "operating-system",
                "name": image,
                "hashes": [{"alg": "SHA-256", "content": image_sha256}],
            }
        },
        "components": components,
    }


def _describe_package(package: Package, family: str, os_id: str) -> dict[str, Any]:
    name, version = quote(package.name, safe=""), quote(package.version, safe="")
    described: dict[str, Any] = {
        "type": "library",
        "name": package.name,
        "version": package.version,
        "purl": f"pkg:{family}/{os_id}/{name}@{version}?arch={quote(package.architecture, safe='')}",
    }
    if package.licence:
        described["licenses"] = [{"license": {"name": package.licence}}]
    return described
