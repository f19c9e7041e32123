"""Nothing of a vendor is nailed down: every fact of a platform can be replaced in the spec."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from generator.layout import PLATFORM
from generator.platforms.profile import FOLDER, list_platforms

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.unit.render.conftest import Render

SPARED = {
    "title": "for people",
    "family": "decides formats; another one is another platform",
    "has_selinux": "likewise",
    "firewall": "likewise",
    "restarts_oneshot": "a fact about systemd; tested with the unit",
    "accounts": "names that the administrator cannot have; tested with the rule",
    "python": "what the wheelhouse of a user must fit; nothing is rendered from it",
    "cloud_init.oldest": "for the verification",
    "cloud_init.host_keys": "a choice among three words, tested with the seed",
    "kickstart.handlers": "likewise",
    "vip_manager_modes": "a choice among two words, tested with the rules",
    "image.default_release": "a choice among the ISOs below",
    "paths.sshd_config": "written where sshd reads no drop-ins",
}
"""Facts that leave no trace of their own in what this test renders, and why."""
REPOSITORY = {
    "id": "marked",
    "base_urls": ["http://mirror.example/x"],
    "gpg_key": "/etc/key",
    "suite": "stable",
    "components": ["main"],
}
KINDS = {
    "distro": ("fedora", "ubuntu"),
    "renderers": ("netplan", "networkd"),
    "version_major": ("77",),
    "kernel_arguments": ("marked",),
    "packages": ("marked",),
}
"""Values of facts that are a choice or a number."""
LONE = {"consul", "patroni", "vip_manager", "postgresql"}
"""Programs: the spec has `components` for them."""


def list_leaves(facts: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the path of every text and every list of texts."""
    if isinstance(facts, dict):
        for key, value in facts.items():
            yield from list_leaves(value, (*path, key))
    elif facts is not None:
        yield path


def read_facts(platform: str) -> dict[str, Any]:
    """Return the platform's file."""
    facts: dict[str, Any] = yaml.safe_load((FOLDER / f"{platform}.yaml").read_text("utf-8"))
    return facts


def list_cases() -> Iterator[tuple[str, str]]:
    """Yield platform and dotted fact."""
    for platform in list_platforms():
        facts = read_facts(platform)
        for path in list_leaves({key: value for key, value in facts.items() if key not in LONE}):
            name = ".".join(path)
            if name not in SPARED and not name.startswith(("image.isos", "image.boot_commands")):
                yield platform, name


def mark(name: str, value: Any) -> tuple[Any, str]:
    """Return another value of the same kind, and the text by which it is found again."""
    if name in KINDS:
        other = next(word for word in KINDS[name] if word not in value)
        return ([other] if isinstance(value, list) else other), other
    if name == "repositories":
        return [REPOSITORY], "holster-marked"
    if isinstance(value, list):
        return (["marked.service"] if "." in value[0] else ["marked"]), "marked"
    if value.startswith("/"):
        return "/marked/place", "/marked/place"
    return ("marked.service", "marked") if value.endswith(".service") else ("marked", "marked")


def render_text(render: Render, changes: dict[str, Any]) -> dict[str, str]:
    """Return the text of every rendered file by its path."""
    files = render(changes=changes).files
    return {path: file.content.decode() for path, file in files.items()}


@pytest.mark.parametrize(("platform", "fact"), tuple(list_cases()))
def test_every_fact_can_be_replaced(render: Render, platform: str, fact: str) -> None:
    """The new value reaches a file, or the name of one."""
    *above, last = fact.split(".")
    place: Any = read_facts(platform)
    for key in above:
        place = place[key]
    value, wanted = mark(last, place[last])
    override: dict[str, Any] = {last: value}
    for key in reversed(above):
        override = {key: override}
    # A platform without repositories of its own has no file in their folder.
    override = {"repositories": [REPOSITORY], **override}
    tree = render_text(render, {"platform": platform, "platform_overrides": override})
    assert [path for path, text in tree.items() if wanted in path or wanted in text]


COMPONENT = {"version": "9.9.9", "source": "package", "packages": ["marked-package"]}


@pytest.mark.parametrize("platform", list_platforms())
@pytest.mark.parametrize("name", ["consul", "patroni", "vip_manager"])
def test_every_program_can_come_from_elsewhere(render: Render, platform: str, name: str) -> None:
    """Version and package of the spec win over the platform's."""
    tree = render_text(render, {"platform": platform, f"components.{name}": COMPONENT})
    assert "marked-package" in tree["packer/variables.pkr.hcl"]
    assert '"9.9.9"' in tree["nodes/pg1/payload/etc/holster/node.json"]


@pytest.mark.parametrize("platform", list_platforms())
def test_no_vendor_is_asked_in_a_closed_network(render: Render, platform: str) -> None:
    """With an empty list, own programs and an own base no host outside is named, in any file."""
    artifact = {"source": "artifact", "version": "9.9.9"}
    changes = {
        "platform": platform,
        "repositories": [],
        "image.base_image": "/srv/base.qcow2",
        "image.iso_url": "/srv/install.iso",
        "components": {"consul": artifact, "patroni": artifact, "vip_manager": artifact},
    }
    for path, text in render_text(render, changes).items():
        # For `holster verify` alone: nobody asks an address of this file.
        if path != PLATFORM:
            assert not [host for host in FOREIGN if host in text], path


FOREIGN = (
    "red-soft.ru", "yandex.ru", "almalinux.org", "download.postgresql.org",
    "releases.hashicorp.com", "releases/download",
)  # fmt: skip
"""Hosts that the platforms' own files name; the sources of plugins and links to manuals are none."""


def test_the_list_of_vendors_is_complete() -> None:
    """A new vendor in a platform's file would slip through the test above."""
    for platform in list_platforms():
        for line in (FOLDER / f"{platform}.yaml").read_text("utf-8").splitlines():
            if "://" in line:
                assert [host for host in FOREIGN if host in line], line
