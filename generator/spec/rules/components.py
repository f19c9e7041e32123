"""Where programs, packages and images come from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from generator.diagnostics import Problem, Severity, SpecPath
from generator.spec.fields import PRINTABLE
from generator.spec.rules.rule import rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from generator.spec.model import ClusterSpec

PROGRAMS = ("consul", "patroni", "vip_manager")
REMOTE = ("http://", "https://", "ftp://")
WEAK = frozenset({"md5", "sha1"})


@rule("url-without-digest", "component-source", reads="components", is_partial=True)
def check_origins(spec: ClusterSpec) -> Iterator[Problem]:
    """A file from elsewhere is compared with a digest that came another way."""
    for name in PROGRAMS:
        component, path = getattr(spec.components, name), ("components", name)
        if component.url and not component.sha256:
            message = f"the file of {name} has a url and no sha256"
            hint = "add sha256: the digest that the vendor publishes beside the file"
            yield Problem("url-without-digest", message, path=(*path, "url"), hint=hint)
        if component.url and component.source == "package":
            message = f"{name} comes from a package and from a url"
            yield Problem(
                "component-source",
                message,
                path=(*path, "source"),
                hint="use source: artifact, or remove url",
            )


@rule("image-checksum", reads="image", is_partial=True)
def check_images(spec: ClusterSpec) -> Iterator[Problem]:
    """What is downloaded for the image is compared with a checksum."""
    image = spec.image
    for key, url, checksum in (
        ("iso_url", image.iso_url, image.iso_checksum),
        ("base_image", image.base_image, image.base_checksum),
    ):
        if url and url.startswith(REMOTE) and not checksum:
            wanted = key.replace("url", "checksum").replace("image", "checksum")
            yield Problem(
                "image-checksum",
                f"{key} is given without {wanted}",
                path=("image", key),
                hint=f"add {wanted}",
            )


@rule("weak-checksum", reads="image", is_partial=True)
def check_digests(spec: ClusterSpec) -> Iterator[Problem]:
    """MD5 and SHA-1 find a broken download and no forged one."""
    for key in ("iso_checksum", "base_checksum"):
        kind, _, _ = (getattr(spec.image, key) or "").partition(":")
        if kind in WEAK:
            yield Problem(
                "weak-checksum",
                f"{kind} finds a broken download, not a forged one",
                Severity.WARNING,
                path=("image", key),
                hint="write sha256: and what sha256sum says of a copy that you got by a way you trust",
            )


@rule("wrong-value", reads="platform_overrides.*", is_partial=True)
def check_override_text(spec: ClusterSpec) -> Iterator[Problem]:
    """No line can be injected into a rendered file through a platform fact."""
    for path, text in _list_texts(("platform_overrides",), spec.platform_overrides):
        if not PRINTABLE.fullmatch(text):
            yield Problem("wrong-value", "a fact must be one line without control characters", path=path)


def _list_texts(path: SpecPath, value: Any) -> Iterator[tuple[SpecPath, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _list_texts((*path, key), inner)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _list_texts((*path, index), inner)


RULES = (check_origins, check_images, check_digests, check_override_text)
