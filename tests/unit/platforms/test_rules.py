"""Rules that need the platform: versions, modes, packages, installers."""

from __future__ import annotations

import pytest

from generator.platforms.profile import list_platforms
from tests.fakes.spec_texts import change_spec, describe_problems, find_problems

RELEASE_BINARY = "vip_manager: {mode: consul}\ncomponents: {vip_manager: {source: artifact}}\n"
OLD_PG = "postgresql: {allow_end_of_life: true}\n"
FORBIDDEN: dict[str, tuple[str, str, set[tuple[str, str, str]]]] = {
    "patroni too old for its postgresql": (
        "el9",
        "components: {patroni: {version: 3.0.0}}\n",
        {("error", "postgresql-unsupported", "components.postgresql.version")},
    ),
    "postgresql from the future": (
        "el9",
        "components: {postgresql: {version: 99}}\n",
        {("error", "postgresql-unsupported", "components.postgresql.version")},
    ),
    "patroni mode without it": (
        "redos8",
        "vip_manager: {mode: patroni}\ncomponents: {vip_manager: {version: 2.7.0}}\n",
        {("error", "vip-mode", "vip_manager.mode")},
    ),
    "repository without suite on debian": (
        "debian13",
        f"repositories: [{{id: a, base_urls: [https://example.org/a], gpg_key: /k}}]\n{RELEASE_BINARY}",
        {("error", "repository-suite", "repositories.0")},
    ),
    "uefi keys unknown": (
        "redos7",
        "image: {firmware: uefi}\n",
        {("error", "image-release", "image.firmware")},
    ),
    "iso checksum unknown": (
        "redos8",
        "image: {release: 8.0.3}\n",
        {("error", "image-checksum", "image.release")},
    ),
    "iso of unknown release": (
        "el9",
        "image: {iso_url: /srv/alma.iso}\n",
        {("error", "image-release", "image.iso_url")},
    ),
    "release without iso": ("el9", 'image: {release: "9"}\n', {("error", "image-release", "image.release")}),
    "ssh port that selinux forbids": (
        "redos8",
        "ports: {ssh: 2222}\n",
        {("warning", "ssh-port", "ports.ssh")},
    ),
    "ssh port that only the installer sets": (
        "redos7",
        "ports: {ssh: 2222}\nsystem: {selinux: permissive}\n",
        {("warning", "ssh-port", "ports.ssh")},
    ),
    "packages that dnf refuses": (
        "redos8",
        "repositories: [{id: own, base_urls: [https://mirror.example/own]}]\n",
        {("warning", "unsigned-repository", "repositories.0")},
    ),
    "unknown fact": (
        "redos8",
        "platform_overrides: {paths: {consul_binry: /x}}\n",
        {("error", "unknown-key", "platform_overrides.paths.consul_binry")},
    ),
    "fact of a wrong type": (
        "redos8",
        "platform_overrides: {os_release: {version_major: 8}}\n",
        {("error", "wrong-type", "platform_overrides.os_release.version_major")},
    ),
    "renamed platform": (
        "redos8",
        "platform_overrides: {name: mine}\n",
        {("error", "unknown-key", "platform_overrides.name")},
    ),
}
ALLOWED: dict[str, tuple[str, str]] = {
    "end of life that is accepted": ("redos8", f"components: {{postgresql: {{version: 13}}}}\n{OLD_PG}"),
    "release binary that can do both": (
        "debian13",
        RELEASE_BINARY,
    ),
    "new vip-manager in patroni mode": (
        "redos8",
        "vip_manager: {mode: patroni}\ncomponents: {vip_manager: {version: 5.0.0}}\n",
    ),
    "base image instead of a release": (
        "redos7",
        "image: {base_image: /srv/x.qcow2, release: 9.9, firmware: uefi}\n",
    ),
    "own iso of a known release": ("el9", 'image: {release: "9", iso_url: /srv/alma.iso}\n'),
    "keys of the system for apt": (
        "debian13",
        "repositories: [{id: a, base_urls: [https://example.org/a], suite: x, components: [main]}]\n"
        + RELEASE_BINARY,
    ),
    "another ssh port without selinux": ("debian13", f"ports: {{ssh: 2222}}\n{RELEASE_BINARY}"),
    "no repository at all": ("redos8", "repositories: []\n"),
    "own checksum": ("redos8", f"image: {{release: 8.0.3, iso_checksum: 'md5:{'0' * 32}'}}\n"),
    "adapted platform": ("redos8", "platform_overrides: {paths: {consul_binary: /opt/consul-bin/consul}}\n"),
}


@pytest.mark.parametrize("case", FORBIDDEN, ids=lambda case: case.replace(" ", "-"))
def test_forbidden(case: str) -> None:
    """Exactly these problems, at exactly these places."""
    platform, more, expected = FORBIDDEN[case]
    assert describe_problems(change_spec(more=f"platform: {platform}\n{more}")) == expected


@pytest.mark.parametrize("case", ALLOWED, ids=lambda case: case.replace(" ", "-"))
def test_allowed(case: str) -> None:
    """No problem, no warning."""
    platform, more = ALLOWED[case]
    assert describe_problems(change_spec(more=f"platform: {platform}\n{more}")) == set()


@pytest.mark.parametrize(
    ("user", "overrides"),
    [
        ("root", ""),
        ("postgres", ""),
        ("consul", ""),
        ("holster-build", ""),
        ("hashi", "platform_overrides: {users: {consul: hashi}}\n"),
    ],
)
def test_the_administrator_is_no_service(user: str, overrides: str) -> None:
    """Made before the packages, `postgres` would be a person's user, and its shared memory go at logout."""
    text = change_spec(("access:\n", f"access:\n  user: {user}\n"), more=overrides)
    assert describe_problems(text) == {("error", "reserved-name", "access.user")}


@pytest.mark.parametrize("platform", list_platforms())
def test_every_platform_is_usable_as_it_is(platform: str) -> None:
    """A profile whose own defaults break a rule would be useless."""
    problems = find_problems(change_spec(more=f"platform: {platform}\n"))
    assert {problem.id for problem in problems} <= {"vip-stays"}
