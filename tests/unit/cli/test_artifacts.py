"""`holster artifacts` as users call it."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest

from tests.fakes.file_server import Behaviour, FileServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.unit.cli.conftest import Called

    Holster = Callable[..., Called]

PROGRAM = b"\x7fELF program"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    """Return a server with two programs, asked without a proxy."""
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    with FileServer() as running:
        running.files = {"/consul": Behaviour(PROGRAM), "/vip-manager": Behaviour(PROGRAM)}
        yield running


@pytest.fixture
def spec(sirius: Path, server: FileServer) -> Path:
    """Return a spec whose programs are on the server."""
    digest = sha256(PROGRAM).hexdigest()
    lines = [f"  {key}: {{url: {server.url}/{key.replace('_', '-')}, sha256: {digest}}}" for key in KEYS]
    with sirius.open("a") as stream:
        stream.write("components:\n" + "\n".join(lines) + "\n")
    return sirius


KEYS = ("consul", "vip_manager")


def test_list_names_everything(holster: Holster, sirius: Path) -> None:
    """Programs with their addresses, the packages, the disc."""
    called = holster("artifacts", "list", str(sirius))
    assert called.code == 0
    first, second, packages, disc = called.out.splitlines()
    assert first.startswith("programs/consul  version 1.22.0  https://")
    assert second.endswith("(no SHA-256 is known)")
    assert packages.startswith("packages/")
    assert disc.startswith("the installer's disc  https://")


def test_list_for_another_platform(holster: Holster, sirius: Path) -> None:
    """Patroni's wheels, each with its digest."""
    called = holster("artifacts", "list", str(sirius), "--platform", "redos7")
    assert "wheels/  patroni==3.3.2  sha256:19db7881" in called.out


def test_fetch_brings_programs_and_prints_the_rest(holster: Holster, spec: Path, tmp_path: Path) -> None:
    """Then the second run finds everything in place, and the folder is what its manifest says."""
    called = holster("artifacts", "fetch", str(spec))
    assert called.code == 0, called.err
    folder = tmp_path / "artifacts/redos8"
    assert (folder / "programs/consul").read_bytes() == PROGRAM
    assert (folder / "programs/vip-manager").stat().st_mode & 0o111
    assert "programs/consul 1.22.0: new" in called.err
    assert "still to come: packages/, on a machine with RED OS 8" in called.out
    assert "  dnf download --resolve --alldeps --destdir artifacts/redos8/packages " in called.out
    again = holster("artifacts", "fetch", str(spec))
    assert "programs/consul 1.22.0: there already" in again.err
    assert holster("artifacts", "check", str(folder)).code == 0


def test_fetch_as_json(holster: Holster, spec: Path) -> None:
    """One document on standard output, also when something is missing."""
    called = holster("artifacts", "fetch", str(spec), "--artifacts", "a", "--json", "--quiet")
    document = json.loads(called.out)
    assert document["folder"] == "a"
    assert document["files"][0] == {
        "name": "programs/consul",
        "version": "1.22.0",
        "sha256": sha256(PROGRAM).hexdigest(),
        "new": True,
    }
    assert document["left"][0]["commands"][0] == "mkdir -p a/packages"


def test_fetch_fails_in_words_and_prints_the_rest_all_the_same(
    holster: Holster, spec: Path, server: FileServer
) -> None:
    """Exit code 3 for the network, and what did come stays."""
    del server.files["/vip-manager"]
    called = holster("artifacts", "fetch", str(spec))
    assert called.code == 3
    assert "/vip-manager: the server says 404 Not Found" in called.err
    assert "may lie as artifacts/redos8/downloads/vip-manager" in called.err
    assert "programs/consul 1.22.0: new" in called.err
    assert "dnf download" in called.out


def test_wheels_are_named_for_pip(holster: Holster, spec: Path, tmp_path: Path) -> None:
    """The file of requirements lies where the command looks for it."""
    spec.write_text(spec.read_text().replace("platform: redos8", "platform: redos7"))
    called = holster("artifacts", "fetch", str(spec))
    assert called.code == 0, called.err
    assert "still to come: wheels/, 21 wheels of Patroni" in called.out
    assert "--require-hashes -r artifacts/redos7/wheels.txt" in called.out
    assert "patroni==3.3.2 --hash=sha256:" in (tmp_path / "artifacts/redos7/wheels.txt").read_text()


def test_a_folder_that_cannot_be_made_is_said(holster: Holster, spec: Path, tmp_path: Path) -> None:
    """A file stands in the way."""
    (tmp_path / "file").write_text("")
    called = holster("artifacts", "fetch", str(spec), "--artifacts", "file/below")
    assert called.code == 3
    assert "cannot write file/below: Not a directory" in called.err


@pytest.mark.parametrize(
    ("line", "key"),
    [
        (
            "image: {iso_url: /srv/a.iso, iso_checksum: 'md5:357e35171e656f7742855394192c4eba'}",
            "image.iso_url",
        ),
        ("platform_overrides: {python: '3.9'}", "platform_overrides"),
        ("components: {consul: {packages: [consul-ce]}}", "components.consul.packages"),
        (
            "repositories: [{id: own, base_urls: ['http://mirror.example/el'], gpg_check: false}]",
            "repositories",
        ),
    ],
)
def test_facts_of_one_platform_do_not_fit_another(
    holster: Holster, sirius: Path, line: str, key: str
) -> None:
    """They are named; the same platform as the spec's is no other."""
    with sirius.open("a") as stream:
        stream.write(f"{line}\n")
    called = holster("artifacts", "list", str(sirius), "--platform", "redos7")
    assert called.code == 2
    assert "says things of redos8 that do not fit redos7" in called.err
    assert key in called.err
    assert holster("artifacts", "list", str(sirius), "--platform", "redos8").code == 0
