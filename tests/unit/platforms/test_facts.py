"""Facts that a spec replaces: each has a type, errors a place, and no fact can do harm."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from generator.check import check_spec
from generator.errors import SpecInvalid
from generator.layout import find_resources
from generator.platforms.profile import Paths
from generator.platforms.rules.facts import FILES, FOLDERS, OWN_FILES
from generator.render.payload import TABLE
from generator.spec.matching import LONGEST
from tests.fakes.spec_texts import change_spec, describe_problems, find_problems

if TYPE_CHECKING:
    from pathlib import Path


def override(facts: dict[str, Any], platform: str = "redos8") -> str:
    """Return a valid spec whose platform has these facts."""
    return change_spec(more=yaml.safe_dump({"platform": platform, "platform_overrides": facts}))


HOSTILE: dict[str, tuple[dict[str, Any], str]] = {
    "section of a kickstart": ({"packages": ["lvm2", "%end"]}, "packages.1"),
    "file among packages": ({"packages": ["/var/evil"]}, "packages.0"),
    "package with a line break": ({"packages": ["lvm2\n%end\n%pre"]}, "packages.0"),
    "package left out": ({"packages": ["-sudo"]}, "packages.0"),
    "package with an option": ({"packages": ["lvm2 --nobest"]}, "packages.0"),
    "package as a comment": ({"packages": ["#lvm2"]}, "packages.0"),
    "file that is included": ({"kickstart": {"packages": ["@core", "%include /x"]}}, "kickstart.packages.1"),
    "package without an end": ({"packages": ["a" * (LONGEST + 1)]}, "packages.0"),
    "kernel argument with two": ({"kickstart": {"kernel_arguments": ["quiet init=/bin/sh"]}},
                                 "kickstart.kernel_arguments.0"),
    "kernel argument in quotes": ({"kickstart": {"kernel_arguments": ['a="b']}},
                                  "kickstart.kernel_arguments.0"),
    "installer that nobody knows": ({"kickstart": {"handlers": ["F99"]}}, "kickstart.handlers.0"),
    "installer that is too old": ({"kickstart": {"handlers": ["FC3"]}}, "kickstart.handlers.0"),
    "unit that is a path": ({"units": {"consul": "../../x.service"}}, "units.consul"),
    "unit of another kind": ({"units": {"consul": "consul.socket"}}, "units.consul"),
    "unit with an option": ({"units": {"ssh": "-x.service"}}, "units.ssh"),
    "path that is relative": ({"paths": {"patroni_config": "etc/x.yml"}}, "paths.patroni_config"),
    "path upwards": ({"paths": {"patroni_config": "/etc/../x.yml"}}, "paths.patroni_config"),
    "path that is too long": ({"paths": {"ip_binary": "/xxxxxxxxx" * 21}}, "paths.ip_binary"),
    "version in a path that has none": ({"paths": {"ip_binary": "/{major}/x"}}, "paths.ip_binary"),
    "user with a space": ({"users": {"consul": "a b"}}, "users.consul"),
    "group of sudo": ({"cloud_init": {"admin_groups": ["%wheel"]}}, "cloud_init.admin_groups.0"),
    "system that cloud-init does not know": ({"cloud_init": {"distro": "redos"}}, "cloud_init.distro"),
    "renderer": ({"cloud_init": {"renderers": ["wicked"]}}, "cloud_init.renderers.0"),
    "user of the build": ({"image": {"ssh_user": "$(id)"}}, "image.ssh_user"),
    "template in keys": (
        {"image": {"boot_commands": [{"releases": ["8"], "firmware": "bios", "wait": "5s", "keys": ["{{"]}]}},
        "image.boot_commands.0.keys.0",
    ),
    "wait without a unit": (
        {"image": {"boot_commands": [{"releases": ["8"], "firmware": "bios", "wait": "5", "keys": ["a"]}]}},
        "image.boot_commands.0.wait",
    ),
    "disc that is no URL": ({"image": {"isos": {"9": {"url": "/x", "checksum": None}}}}, "image.isos.9.url"),
    "account with a space": ({"accounts": ["a b"]}, "accounts.0"),
    "word for true": ({"has_selinux": "yes"}, "has_selinux"),
    "title with a control character": ({"title": "RED\x1b[31m"}, "title"),
    "version of Python": ({"python": "2.7"}, "python"),
    "repository": ({"repositories": [{"id": "a/b", "base_urls": ["http://x/y"]}]}, "repositories.0.id"),
    "list that is text": ({"packages": "lvm2"}, "packages"),
    "mapping that is text": ({"paths": "/etc"}, "paths"),
    "mapping that is nothing": ({"units": None}, "units"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_fact_of_a_wrong_kind_is_an_error_at_its_place(name: str) -> None:
    """Types and positions, whatever the fact is used for."""
    facts, place = HOSTILE[name]
    assert {(severity, path) for severity, _, path in describe_problems(override(facts))} == {
        ("error", f"platform_overrides.{place}")
    }
    assert all(problem.position and problem.position.line > 20 for problem in find_problems(override(facts)))


def test_a_misspelled_fact_is_known() -> None:
    """At each depth."""
    problems = find_problems(
        override({"pakages": [], "paths": {"consul_binry": "/x"}, "kickstart": {"handler": []}})
    )
    assert {problem.hint for problem in problems} == {
        "did you mean 'packages'?", "did you mean 'consul_binary'?", "did you mean 'handlers'?"
    }  # fmt: skip


PLACES: dict[str, tuple[dict[str, Any], str]] = {
    "two files in one place": (
        {"paths": {"vip_manager_config": "/etc/patroni/patroni.yml"}},
        "vip_manager_config",
    ),
    "a file of ours": ({"paths": {"chrony_config": "/etc/hosts"}}, "chrony_config"),
    "a program of ours": ({"paths": {"consul_binary": "/usr/local/sbin/holster-node"}}, "consul_binary"),
    "a file where another needs a folder": ({"paths": {"chrony_config": "/etc/patroni"}}, "chrony_config"),
    "a folder of the system": ({"paths": {"consul_config_dir": "/etc"}}, "consul_config_dir"),
    "a folder with programs": ({"paths": {"consul_data_dir": "/usr/bin"}}, "consul_data_dir"),
    "a folder of sshd": ({"paths": {"patroni_config": "/etc/ssh/patroni.yml"}}, "patroni_config"),
    "one folder in another": ({"paths": {"consul_data_dir": "/etc/consul.d/data"}}, "consul_config_dir"),
    "gone after a restart": ({"paths": {"consul_data_dir": "/run/consul"}}, "consul_data_dir"),
}


@pytest.mark.parametrize("name", PLACES)
def test_a_fact_cannot_take_the_place_of_another(name: str) -> None:
    """What would be overwritten, owned by a stranger or gone is refused."""
    facts, fact = PLACES[name]
    assert describe_problems(override(facts)) == {("error", "fact-path", f"platform_overrides.paths.{fact}")}


@pytest.mark.parametrize(
    ("facts", "place"),
    [
        ({"units": {"consul": "sshd.service"}}, "units.consul"),
        ({"units": {"patroni": "systemd-logind.service"}}, "units.patroni"),
        ({"units": {"vip_manager": "holster-storage.service"}}, "units.vip_manager"),
        ({"users": {"consul": "root"}}, "users.consul"),
        ({"image": {"ssh_user": "root"}}, "image.ssh_user"),
    ],
)
def test_a_fact_cannot_take_the_name_of_another(facts: dict[str, Any], place: str) -> None:
    """A unit of another service would be replaced, a program would run as root."""
    assert describe_problems(override(facts)) == {("error", "fact-name", f"platform_overrides.{place}")}


def test_the_list_of_our_files_is_complete() -> None:
    """What the payload puts at a fixed place, no fact may name."""
    facts = check_spec(override({}).encode(), "spec.yaml").profile
    of_facts = {
        *vars(facts.paths).values(),
        facts.users.postgres_home,
        *(f"/etc/systemd/system/{unit}" for unit in vars(facts.units).values()),
    }
    for entry in TABLE:
        path = entry.path(facts)
        is_fact = any(str(fact) in path for fact in of_facts if isinstance(fact, str))
        assert is_fact or path in OWN_FILES or "chrony-wait.service.d" in path, path


def test_every_path_is_judged() -> None:
    """A new path of the profile is a file, a folder, or known here."""
    assert set(Paths.model_fields) - {*FILES, *FOLDERS} == {
        "postgresql_bin_dir", "sshd_dropin_dir", "repositories_dir"
    }  # fmt: skip


@pytest.mark.parametrize("path", sorted((find_resources() / "generator" / "platforms").glob("*.yaml")))
def test_no_platform_breaks_its_own_rules(path: Path) -> None:
    """The facts that come with Holster."""
    try:
        found = check_spec(override({}, path.stem).encode(), "spec.yaml").problems
    except SpecInvalid as invalid:
        found = invalid.problems
    assert not [problem for problem in found if problem.id in {"fact-path", "fact-name"}]


def test_packages_are_added() -> None:
    """One of the spec's own took lvm2, chrony and sshd away, and the first boot had nothing to work with."""
    usual = check_spec(override({}).encode(), "spec.yaml").profile
    facts = {
        "packages": ["qemu-guest-agent", "sudo"],
        "kickstart": {"packages": ["@^minimal"]},
        "consul": {"packages": ["mine"]},
    }
    profile = check_spec(override(facts).encode(), "spec.yaml").profile
    assert set(profile.packages) == {*usual.packages, "qemu-guest-agent"}
    assert len(profile.packages) == len(set(profile.packages))
    assert usual.kickstart
    assert profile.kickstart
    assert set(profile.kickstart.packages) == {*usual.kickstart.packages, "@^minimal"}
    assert profile.consul.packages == ("mine",)


ACCOUNTS = [
    ("redos8", "wheel"), ("redos7", "redos"), ("redos8", "systemd-oom"), ("el9", "sshd"), ("el9", "chrony"),
    ("debian13", "sudo"), ("debian13", "www-data"), ("debian13", "systemd-homed"), ("debian13", "debian"),
]  # fmt: skip


@pytest.mark.parametrize(("platform", "user"), ACCOUNTS)
def test_the_administrator_takes_no_account_of_the_system(platform: str, user: str) -> None:
    """Useradd fails at a group of that name, or a service's user becomes a person's."""
    text = override({}, platform).replace("access:\n", f"access:\n  user: {user}\n")
    assert ("error", "reserved-name", "access.user") in describe_problems(text)


@pytest.mark.parametrize("user", ["dba", "holster", "ops", "ivanov"])
def test_usual_names_of_administrators_are_free(user: str) -> None:
    """On every platform."""
    for path in (find_resources() / "generator" / "platforms").glob("*.yaml"):
        text = override({}, path.stem).replace("access:\n", f"access:\n  user: {user}\n")
        assert "reserved-name" not in {problem.id for problem in find_problems(text)}
