"""Rules that need the platform: versions, modes, packages, installers."""

from __future__ import annotations

import pytest

from generator.platforms.profile import list_platforms
from tests.fakes.spec_texts import change_spec, describe_problems, find_problems

RELEASE_BINARY = (
    "vip_manager: {mode: patroni}\ncomponents: {vip_manager: {source: artifact, version: 5.0.0}}\n"
)
OWN_WARNINGS = {"el9": {("warning", "vip-drops", "vip_manager.mode")}}
"""What a platform's own vip-manager gives."""
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
    "two repositories of one name among the facts": (
        "el9",
        (
            "platform_overrides: {repositories: [{id: a, base_urls: [https://m.example/1], gpg_key: /k}, "
            "{id: a, base_urls: [https://m.example/2], gpg_key: /k}]}\n"
        ),
        {("error", "duplicate-repository", "platform_overrides.repositories.1.id")},
    ),
    "a repository among the facts that nobody signs": (
        "el9",
        "platform_overrides: {repositories: [{id: Main, base_urls: [http://m/x], gpg_check: false}]}\n",
        {
            ("error", "reserved-name", "platform_overrides.repositories.0.id"),
            ("warning", "unsigned-repository", "platform_overrides.repositories.0.gpg_check"),
        },
    ),
    "a repository among the facts without suite": (
        "debian13",
        (
            "platform_overrides: {repositories: [{id: a, base_urls: [https://m.example/1], gpg_key: /k}]}\n"
            f"{RELEASE_BINARY}"
        ),
        {("error", "repository-suite", "platform_overrides.repositories.0")},
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
    "superuser whom the socket refuses": (
        "redos8",
        "postgresql: {superuser: admin}\n",
        {("error", "superuser-name", "postgresql.superuser")},
    ),
    "superuser of a system with another user": (
        "redos8",
        "platform_overrides: {users: {postgres: pgsql}}\n",
        {("error", "superuser-name", "postgresql.superuser")},
    ),
    "clients whom no firewall keeps out": (
        "debian13",
        "platform_overrides: {firewall: none}\npostgresql: {hba: [{address: 10.9.0.0/16}]}\n"
        + RELEASE_BINARY,
        {
            ("warning", "address-outside-network", "postgresql.hba.0.address"),
            ("warning", "no-firewall", "platform_overrides.firewall"),
        },
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
    "own checksum": ("redos8", f"image: {{release: 8.0.3, iso_checksum: 'sha256:{'0' * 64}'}}\n"),
    "superuser of the system's own name": (
        "redos8",
        "platform_overrides: {users: {postgres: pgsql}}\npostgresql: {superuser: pgsql}\n",
    ),
    "adapted platform": ("redos8", "platform_overrides: {paths: {consul_binary: /opt/consul-bin/consul}}\n"),
}


@pytest.mark.parametrize("case", FORBIDDEN, ids=lambda case: case.replace(" ", "-"))
def test_forbidden(case: str) -> None:
    """Exactly these problems, at exactly these places."""
    platform, more, expected = FORBIDDEN[case]
    found = describe_problems(change_spec(more=f"platform: {platform}\n{more}"))
    assert found == expected | OWN_WARNINGS.get(platform, set())


@pytest.mark.parametrize("case", ALLOWED, ids=lambda case: case.replace(" ", "-"))
def test_allowed(case: str) -> None:
    """No problem, no warning but the platform's own."""
    platform, more = ALLOWED[case]
    found = describe_problems(change_spec(more=f"platform: {platform}\n{more}"))
    assert found == OWN_WARNINGS.get(platform, set())


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


@pytest.mark.parametrize(
    ("platform", "mount", "more"),
    [
        ("redos8", "/var/lib/pgsql", ""),
        ("debian13", "/var/lib/postgresql", RELEASE_BINARY),
        ("redos8", "/data", "platform_overrides: {users: {postgres_home: /data/pg}}\n"),
        # The packages of the RPM family make data and backups in it.
        ("el9", "/var/lib/pgsql/15", "components: {postgresql: {version: 15}}\n"),
        ("redos7", "/opt/patroni", ""),
        ("redos7", "/opt/patroni/data", ""),
        ("redos8", "/opt/patroni", "components: {patroni: {source: artifact}}\n"),
        ("redos8", "/opt/consul/pg", ""),
    ],
)
def test_a_volume_covers_no_files_of_a_program(platform: str, mount: str, more: str) -> None:
    """The first boot finds files below such a mount point and stops every member with mount-blocked."""
    text = change_spec(("disk_size: 20GiB", f"disk_size: 20GiB, mount: {mount}"), more=more)
    expected = {("error", "mount-hides", "storage.data.mount")} | OWN_WARNINGS.get(platform, set())
    assert describe_problems(f"{text}platform: {platform}\n") == expected


@pytest.mark.parametrize("mount", ["/var/lib", "/opt"])
def test_a_mount_point_refused_everywhere_is_refused_once(mount: str) -> None:
    """On RED OS /opt holds Consul's data too, and /var/lib PostgreSQL's home: one problem is enough."""
    text = change_spec(("disk_size: 20GiB", f"disk_size: 20GiB, mount: {mount}"))
    assert describe_problems(text) == {("error", "mount-point", "storage.data.mount")}


@pytest.mark.parametrize(
    ("platform", "mount", "more"),
    [
        ("el9", "/var/lib/pgsql/data-disk", ""),
        ("el9", "/var/lib/pgsql/15", ""),
        ("debian13", "/var/lib/postgresql/17", RELEASE_BINARY),
        ("debian13", "/var/lib/pgsql", RELEASE_BINARY),
        ("redos8", "/opt/patroni-data", ""),
    ],
)
def test_a_volume_beside_the_files_of_programs_is_fine(platform: str, mount: str, more: str) -> None:
    """Below PostgreSQL's home is room, and what is not installed is not covered."""
    text = change_spec(("disk_size: 20GiB", f"disk_size: 20GiB, mount: {mount}"), more=more)
    assert describe_problems(f"{text}platform: {platform}\n") == OWN_WARNINGS.get(platform, set())


ADMINS = ("interface: eth0", "interface: eth0\n  admins: [10.9.0.0/16]")
MONITORS = ("interface: eth0", "interface: eth0\n  monitors: [10.9.0.0/16]")


@pytest.mark.parametrize(("change", "key"), [(ADMINS, "admins"), (MONITORS, "monitors")])
def test_keys_of_the_firewall_are_pointed_out_where_there_is_none(change: tuple[str, str], key: str) -> None:
    """They would keep nobody out, and nobody would learn it; with a firewall they do what they say."""
    debian = f"platform: debian13\n{RELEASE_BINARY}"
    none = "platform_overrides: {firewall: none}\n"
    problems = describe_problems(change_spec(change, more=f"{debian}{none}"))
    open_to_all = ("warning", "no-firewall", "platform_overrides.firewall")
    assert problems == {open_to_all, ("warning", "no-firewall", f"network.{key}")}
    assert describe_problems(change_spec(more=f"{debian}{none}")) == {open_to_all}
    assert describe_problems(change_spec(change, more=debian)) == set()
    assert describe_problems(change_spec(change, more="platform: redos8\n")) == set()


@pytest.mark.parametrize(("firewall", "is_kept_out"), [("none", False), ("nftables", True)])
def test_a_firewall_is_claimed_only_where_there_is_one(firewall: str, *, is_kept_out: bool) -> None:
    """Clients that network.clients does not have: with a firewall they reach nothing, without it they do."""
    more = f"platform: debian13\npostgresql: {{hba: [{{address: 10.9.0.0/16}}]}}\n{RELEASE_BINARY}"
    more += f"platform_overrides: {{firewall: {firewall}}}\n"
    found = find_problems(change_spec(more=more))
    (problem,) = (problem for problem in found if problem.id == "address-outside-network")
    assert ("nobody" in problem.message) is is_kept_out
    assert ("firewall" in f"{problem.message} {problem.hint}") is is_kept_out


@pytest.mark.parametrize(
    ("failsafe", "ids"), [("true", ["vip-drops"]), ("false", ["vip-drops", "vip-stays"])]
)
def test_each_hole_of_mode_consul_is_named(failsafe: str, ids: list[str]) -> None:
    """Measured: 2 to 6 s without address at an election; two owners for 39 s beside an agent that hung."""
    more = f"platform: redos8\nvip_manager: {{mode: consul}}\npatroni: {{failsafe_mode: {failsafe}}}\n"
    assert [problem.id for problem in find_problems(change_spec(more=more))] == ids


@pytest.mark.parametrize("platform", list_platforms())
def test_every_platform_is_usable_as_it_is(platform: str) -> None:
    """A profile whose own defaults break a rule would be useless."""
    problems = find_problems(change_spec(more=f"platform: {platform}\n"))
    assert {problem.id for problem in problems} <= {"vip-stays", "vip-drops"}


@pytest.mark.parametrize("name", ["listen_addresses", "port", "cluster_name", "hot_standby"])
def test_parameters_of_patroni_itself_are_refused(name: str) -> None:
    """A value would be ignored without a word."""
    problems = describe_problems(change_spec(more=f"postgresql: {{parameters: {{{name}: 1}}}}\n"))
    assert problems == {("error", "parameter-not-here", f"postgresql.parameters.{name}")}
