"""The golden image's recipe: the ways that a platform allows, and nothing secret in any of them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hcl2
import pytest
from hcl2 import SerializationOptions

from generator.platforms.profile import list_platforms
from generator.render.tree import render_cluster

if TYPE_CHECKING:
    from tests.unit.render.conftest import Render, Rendered

ROOT = Path(__file__).resolve().parents[3]


def read_packer(rendered: Rendered, name: str) -> dict[str, Any]:
    """Return an HCL file as a parser sees it."""
    parsed: dict[str, Any] = hcl2.loads(
        rendered.text(f"packer/{name}"), serialization_options=SerializationOptions(strip_string_quotes=True)
    )
    return parsed


def defaults(rendered: Rendered) -> dict[str, Any]:
    """Return the variables' defaults."""
    blocks = read_packer(rendered, "variables.pkr.hcl")["variable"]
    return {
        name.strip('"'): body["default"]
        for block in blocks
        for name, body in block.items()
        if "default" in body
    }


def sources(rendered: Rendered) -> list[str]:
    """Return the sources that the build uses."""
    found: list[str] = read_packer(rendered, "build.pkr.hcl")["build"][0]["sources"]
    return found


@pytest.mark.parametrize(
    ("example", "changes", "expected"),
    [
        ("sirius", {}, ["source.qemu.iso"]),
        ("sirius", {"image.base_image": "/srv/base.qcow2"}, ["source.qemu.iso", "source.qemu.base"]),
        ("sirius", {"platform": "el9"}, ["source.qemu.base"]),
        ("sirius", {"platform": "el9", "image.iso_url": "/srv/el9.iso"}, ["source.qemu.iso"]),
        ("trio", {}, ["source.qemu.base"]),
    ],
)
def test_sources_are_those_that_can_work(
    render: Render, example: str, changes: dict[str, Any], expected: list[str]
) -> None:
    """An ISO needs an address and Anaconda; a base image is the other way."""
    rendered = render(example, changes)
    assert sources(rendered) == expected
    for name in ("iso", "base"):
        assert (f"packer/source-{name}.pkr.hcl" in rendered.files) is (f"source.qemu.{name}" in expected)
    assert ("packer/image.ks" in rendered.files) is ("source.qemu.iso" in expected)
    assert ("packer/base-seed/user-data" in rendered.files) is ("source.qemu.base" in expected)


def test_required_plugins_stand_alone(render: Render) -> None:
    """Packer 1.6 refuses the block: the file is left out there."""
    rendered = render()
    holders = [
        path
        for path in rendered.files
        if path.endswith(".hcl") and "required_plugins {" in rendered.text(path)
    ]
    assert holders == ["packer/plugins.pkr.hcl"]


def test_every_variable_that_is_used_is_declared(render: Render) -> None:
    """In every combination of sources."""
    for changes in ({}, {"image.base_image": "/srv/b.qcow2"}, {"platform": "el9"}):
        rendered = render(changes=changes)
        hcl = "".join(rendered.text(path) for path in rendered.files if path.endswith(".pkr.hcl"))
        assert set(re.findall(r"\bvar\.(\w+)", hcl)) <= set(
            re.findall(r'^variable "(\w+)"', hcl, re.MULTILINE)
        )


def test_trap_20_the_kickstart_comes_on_a_second_disc(render: Render) -> None:
    """No HTTP server that a firewall or a network could keep away."""
    iso = read_packer(render(), "source-iso.pkr.hcl")["source"][0]
    text = render().text("packer/source-iso.pkr.hcl")
    assert iso
    assert 'cd_label = "OEMDRV"' in text
    assert "http_" not in text
    assert "inst.ks=hd:LABEL=OEMDRV:/image.ks" in "".join(defaults(render())["boot_command"])


@pytest.mark.parametrize(
    ("release", "firmware", "first"),
    [
        ("8.0.0", "bios", "<up><wait><tab>"),
        ("8.0.2", "bios", "<up><wait>e<wait><down><down><end>"),
        ("8.0.2", "uefi", "c<wait>"),
    ],
)
def test_boot_keys_follow_release_and_firmware(
    render: Render, release: str, firmware: str, first: str
) -> None:
    """The installer's menu changed between releases."""
    rendered = render(changes={"image.release": release, "image.firmware": firmware})
    keys = defaults(rendered)["boot_command"]
    assert keys[0] == first
    assert any("inst.ks=hd:LABEL=OEMDRV:/image.ks" in key for key in keys)
    assert not any("{{ks}}" in key for key in keys)
    assert bool(defaults(rendered)["qemu_arguments"]) is (firmware == "uefi")


def test_the_users_iso_keeps_the_users_checksum(render: Render) -> None:
    """The profile's checksum belongs to the profile's ISO only."""
    assert defaults(render())["iso_checksum"].startswith("md5:")
    rendered = render(changes={"image.iso_url": "/srv/redos.iso"})
    assert defaults(rendered)["iso_checksum"] == "none"


def test_the_build_runs_every_script_in_order(render: Render) -> None:
    """By name: a script that is only copied does nothing."""
    build = read_packer(render(), "build.pkr.hcl")["build"][0]
    shells = [
        block["shell"] for block in (_unquote(each) for each in build["provisioner"]) if "shell" in block
    ]
    names = [script.rpartition("/")[2] for shell in shells for script in shell["scripts"]]
    assert names == sorted(path.name for path in (ROOT / "packer/scripts").glob("*.sh"))


@pytest.mark.parametrize("platform", list_platforms())
def test_hand_written_files_are_copied_byte_for_byte(render: Render, platform: str) -> None:
    """The golden trees leave them out."""
    rendered = render(changes={"platform": platform})
    ways = {f"source-{source.rpartition('.')[2]}.pkr.hcl" for source in sources(rendered)}
    scripts = {f"scripts/{path.name}" for path in (ROOT / "packer/scripts").iterdir()}
    for name in {"plugins.pkr.hcl", *ways, *scripts}:
        assert rendered.files[f"packer/{name}"].content == (ROOT / "packer" / name).read_bytes()
    assert {path.removeprefix("packer/") for path in rendered.files if "/scripts/" in path} == scripts
    check = rendered.files["packer/check/image-check.py"].content
    assert check == (ROOT / "packer/image-check.py").read_bytes()


@pytest.mark.parametrize("platform", list_platforms())
def test_the_image_has_files_of_the_machines_as_they_get_them(render: Render, platform: str) -> None:
    """The journal's settings and the repositories; a first boot that changed them would have to act on it."""
    rendered = render(changes={"platform": platform})
    baked = {
        path.removeprefix("packer/files/") for path in rendered.files if path.startswith("packer/files/")
    }
    baked.remove("etc/cloud/cloud.cfg.d/99-holster.cfg")
    assert "etc/systemd/journald.conf.d/10-holster.conf" in baked
    for peer in rendered.cluster.peers:
        for name in baked:
            own = rendered.text(f"nodes/{peer.name}/payload/{name}")
            assert own == rendered.text(f"packer/files/{name}")


def _unquote(block: dict[str, Any]) -> dict[str, Any]:
    return {name.strip('"'): body for name, body in block.items()}


def test_no_secret_is_in_the_recipe(render: Render) -> None:
    """The image is the same for all machines and may be shown to anybody."""
    rendered = render(changes={"access.console_password_hash": "$6$saltsalt$abcdefgh"})
    dumped = rendered.bundle.model_dump_json()
    assert "**" in dumped  # pydantic masks secrets; their values are collected below
    secrets = set(collect_secrets(rendered.bundle.model_dump()))
    assert len(secrets) > 15
    for path, file in rendered.files.items():
        if path.startswith("packer/"):
            assert not file.is_secret
            assert not [secret for secret in secrets if secret in file.content.decode()]


def collect_secrets(value: object) -> list[str]:
    """Return every secret value below."""
    if hasattr(value, "get_secret_value"):
        return [value.get_secret_value()]
    if isinstance(value, dict):
        return [secret for part in value.values() for secret in collect_secrets(part)]
    return []


def test_trap_11_the_image_reads_a_seed_and_nothing_else(render: Render) -> None:
    """Trap 13 as well: the renderer is pinned, because cloud-init does not know every system."""
    text = render().text("packer/files/etc/cloud/cloud.cfg.d/99-holster.cfg")
    assert "datasource_list: [NoCloud, None]" in text
    assert "distro: rhel" in text
    assert "- network-manager" in text


def test_trap_18_the_image_has_no_identity() -> None:
    """Machine id, host keys, random seed and Consul's node id would be the same on all clones."""
    text = (ROOT / "packer/scripts/90-hygiene.sh").read_text("utf-8")
    for part in (
        "truncate -s 0 /etc/machine-id",
        "ssh_host_",
        "random-seed",
        "HOLSTER_CONSUL_DATA",
        "systemctl stop systemd-random-seed",
        "cloud-init clean",
    ):
        assert part in text


def test_repositories_of_the_spec_are_in_the_image(render: Render) -> None:
    """Packages are installed from them while the image is built."""
    repository = {"id": "mirror", "base_urls": ["http://mirror.example/el"], "gpg_check": False}
    rendered = render(changes={"repositories": [repository]})
    path = "etc/yum.repos.d/holster-mirror.repo"
    assert rendered.text(f"packer/files/{path}") == rendered.text(f"nodes/pg1/payload/{path}")
    assert "gpgcheck=0" in rendered.text(f"packer/files/{path}")
    assert "gpgkey" not in rendered.text(f"packer/files/{path}")


def test_the_image_carries_the_first_boot_program(render: Render) -> None:
    """Where it is given; the build ends when it is not in the image."""
    rendered = render()
    path = "packer/files/usr/local/sbin/holster-node"
    assert path not in rendered.files
    files = {
        str(file.path): file
        for file in render_cluster(
            rendered.cluster, rendered.bundle, tool_version="1", node_program=b"#!x"
        ).files
    }
    assert files[path].content == b"#!x"
    assert "/usr/local/sbin/holster-node" in rendered.text("packer/check/expected.json")


@pytest.mark.parametrize("example", ["sirius", "trio", "single"])
def test_the_first_boot_need_not_wait_for_the_end_of_cloud_init(render: Render, example: str) -> None:
    """The unit is known from the start of a boot; every node's own says the same."""
    rendered = render(example)
    files = {
        str(file.path): file.content.decode()
        for file in render_cluster(
            rendered.cluster, rendered.bundle, tool_version="1", node_program=b""
        ).files
        if str(file.path).endswith("/holster-firstboot.service")
    }
    baked = files.pop("packer/files/usr/lib/systemd/system/holster-firstboot.service")
    assert files
    assert set(files.values()) == {baked}
    assert "After=sysinit.target basic.target network-online.target cloud-config.target" in baked
    # cloud-init's last stage waits for multi-user.target, and the seal for that stage.
    assert "DefaultDependencies=no" in baked
    expected = json.loads(rendered.text("packer/check/expected.json"))
    assert "holster-firstboot.service" in expected["enabled_units"]
    assert "HOLSTER_ENABLED_UNITS=holster-firstboot.service" in rendered.text("packer/build.pkr.hcl")


def test_the_image_check_knows_the_declared_versions(render: Render) -> None:
    """What the spec declares is what must be in the image."""
    expected = json.loads(render("trio").text("packer/check/expected.json"))
    versions = {program["path"]: program.get("version") for program in expected["programs"]}
    assert versions["/usr/bin/consul"] == "1.13.9"
    assert versions["/usr/bin/vip-manager"] == "3.0.0"
    assert versions["/usr/lib/postgresql/17/bin/postgres"] == "17"
    assert expected["build_user"] == "holster-build"
    assert "postgresql@.service" in expected["units"]


def test_nothing_of_the_build_touches_the_disk(render: Render) -> None:
    """Uploads and scripts lie in memory; the list of packages is fetched before the way in is closed."""
    build = read_packer(render(), "build.pkr.hcl")["build"][0]
    blocks = [_unquote(each) for each in build["provisioner"]]
    kinds = [next(iter(block)) for block in blocks]
    assert kinds == ["file", "file", "shell", "file", "shell"]
    for block in blocks:
        body = next(iter(block.values()))
        places = [body.get("remote_folder"), body.get("destination"), body.get("source")]
        assert any(str(place).startswith("/dev/shm") for place in places)  # noqa: S108 -- on the machine


def test_trap_firewalld_and_cloud_init_on_debian(render: Render) -> None:
    """Their units form an ordering cycle there, and the packages conflict: no zone, no package."""
    rendered = render("trio")
    assert "firewalld" not in rendered.text("packer/variables.pkr.hcl")
    assert not [path for path in rendered.files if "firewalld" in path]
    assert "firewalld" in render("sirius").text("packer/variables.pkr.hcl")


def settings(rendered: Rendered) -> dict[str, str]:
    """Return what the scripts are told by the recipe."""
    build = read_packer(rendered, "build.pkr.hcl")["build"][0]
    shells = [block["shell"] for block in map(_unquote, build["provisioner"]) if "shell" in block]
    return dict(line.split("=", 1) for line in shells[0]["environment_vars"])


def test_patroni_comes_from_named_wheels_where_no_package_brings_it(render: Render) -> None:
    """Each with its digest, for the Python of the system; where a package brings it nothing is said."""
    told = settings(render(changes={"platform": "redos7"}))
    assert told["HOLSTER_PATRONI"] == "/usr/local/bin/patroni"
    assert told["HOLSTER_PYTHON"] == "3.8"
    words = told["HOLSTER_WHEELS"].split(" ")
    assert all(re.fullmatch(r"[a-z0-9-]+==[0-9.]+\|[0-9a-f]{64}", word) for word in words)
    assert any(word.startswith("patroni==3.3.2|") for word in words)
    told = settings(render())
    assert (told["HOLSTER_PATRONI"], told["HOLSTER_WHEELS"]) == ("", "")


def test_wheels_of_the_spec_win(render: Render) -> None:
    """For a version that the profile does not know."""
    wheel = f"patroni==4.0.7 sha256:{'a' * 64}"
    patroni = {"version": "4.0.7", "source": "artifact", "wheels": [wheel]}
    told = settings(render(changes={"components": {"patroni": patroni}}))
    assert told["HOLSTER_PATRONI"] == "/usr/bin/patroni"
    assert told["HOLSTER_WHEELS"] == f"patroni==4.0.7|{'a' * 64}"


def test_no_group_is_installed_in_the_image(render: Render) -> None:
    """The installer brought them; the flat repository on the disc has none, and dnf would end there."""
    assert not [name for name in defaults(render())["packages"] if name.startswith("@")]
    assert "@core" in render().text("packer/image.ks")


def test_the_installer_tells_the_serial_console_what_it_does(render: Render) -> None:
    """It is the only witness of an installation that stops: nobody sees the screen."""
    assert "console=ttyS0 inst.ks=" in "".join(defaults(render())["boot_command"])
