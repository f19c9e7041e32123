"""A locale that the spec names reaches every way onto a machine: packages, image, its check, first boot."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.unit.render.conftest import Render

MEMBER, SERVER = "pg1", "consul1"
PACKAGES = {"redos8": "glibc-langpack-de", "el9": "glibc-langpack-de", "debian13": "locales"}


@pytest.mark.parametrize("platform", PACKAGES)
def test_a_locale_of_the_databases_is_brought(render: Render, platform: str) -> None:
    """By a package everywhere, on Debian made of its sources; a member looks before it begins."""
    changes: dict[str, Any] = {
        "platform": platform,
        "postgresql": {"locale": "de_DE.UTF-8", "parameters": {"lc_messages": "fr_FR.UTF-8"}},
    }
    rendered = render(changes=changes)
    assert PACKAGES[platform] in rendered.cluster.packages
    assert PACKAGES[platform] in rendered.text("packer/variables.pkr.hcl")
    if platform != "debian13":
        assert f"{PACKAGES[platform]}\n" in rendered.text(f"nodes/{MEMBER}/ks.cfg")
    if platform == "redos8":
        assert f"{PACKAGES[platform]}\n" in rendered.text("packer/image.ks")
    assert "HOLSTER_LOCALES=de_DE.UTF-8 fr_FR.UTF-8" in rendered.text("packer/build.pkr.hcl")
    expected = json.loads(rendered.text("packer/check/expected.json"))
    assert expected["locales"][:2] == ["de_DE.utf8", "fr_FR.utf8"]
    assert rendered.document(MEMBER, "/etc/holster/node.json")["system"]["locales"] == expected["locales"][:2]
    assert rendered.document(SERVER, "/etc/holster/node.json")["system"]["locales"] == []


def test_the_systems_locale_is_brought_where_it_is_set(render: Render) -> None:
    """Debian keeps the image's own: nothing is installed for it."""
    assert "glibc-langpack-ru" in render(changes={"platform": "redos8"}).cluster.packages
    debian = render(changes={"platform": "debian13"}).cluster
    assert "locales" not in debian.packages
    assert debian.locales == ()


@pytest.mark.parametrize(
    ("locale", "package"),
    [
        ("eo.UTF-8", "glibc-langpack-eo"),
        ("sr_RS@latin", "glibc-langpack-sr"),
        ("ca_ES.UTF-8@valencia", "glibc-langpack-ca"),
        ("nan_TW.UTF-8@latin", "glibc-langpack-nan"),
        ("ru@x", "glibc-langpack-ru"),
    ],
)
def test_the_package_is_that_of_the_language(render: Render, locale: str, package: str) -> None:
    """Not every locale has a territory; a mutant's gave kickstart a package with an @ in it."""
    rendered = render(changes={"platform": "el9", "system.locale": locale})
    assert package in rendered.cluster.packages
    assert f"{package}\n" in rendered.text(f"nodes/{MEMBER}/ks.cfg")
