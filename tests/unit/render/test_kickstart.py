"""ks.cfg and image.ks: one disk, no secret, no network in %post, valid for every handler."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pykickstart.constants import DISPLAY_MODE_TEXT
from pykickstart.parser import KickstartParser
from pykickstart.version import makeVersion

from generator.errors import InputInvalid
from generator.platforms.profile import load_profile
from generator.sizing import ROOT_MIB, SMALLEST_SYSTEM_MIB, SWAP_MIB
from tests.fakes.platforms import list_installed

if TYPE_CHECKING:
    from tests.unit.render.conftest import Render, Rendered

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEd6bHRoaXNpc25vdGFyZWFsa2V5Zm9ydGVzdHME admin@example"
SECTION = re.compile(r"^%(\w+)", re.MULTILINE)


def read_commands(text: str) -> list[list[str]]:
    """Return the commands before the first section, split as Anaconda splits them."""
    head = text[: text.index("\n%")]
    return [
        shlex.split(line, comments=True) for line in head.splitlines() if shlex.split(line, comments=True)
    ]


def find(commands: list[list[str]], name: str) -> list[str]:
    """Return the arguments of the only command of this name."""
    (found,) = [command[1:] for command in commands if command[0] == name]
    return found


def kickstarts(rendered: Rendered) -> dict[str, str]:
    """Return every kickstart of the output."""
    return {path: rendered.text(path) for path in rendered.files if path.endswith(("ks.cfg", "image.ks"))}


@pytest.mark.parametrize("platform", list_installed())
def test_trap_03_only_the_install_disk_is_named(render: Render, platform: str) -> None:
    """`clearpart --all` without --drives would wipe the data; the data disks appear nowhere."""
    changes = {"platform": platform, "storage.os_disk": "/dev/disk/by-id/ata-os"}
    for text in kickstarts(render(changes=changes)).values():
        commands = read_commands(text)
        (only,) = find(commands, "ignoredisk")
        (drives,) = [word for word in find(commands, "clearpart") if word.startswith("--drives=")]
        disk = only.removeprefix("--only-use=")
        assert drives == f"--drives={disk}"
        assert disk in {"disk/by-id/ata-os", "sda"}
        for command in commands:
            if command[0] in {"part", "bootloader"}:
                assert {f"--ondisk={disk}", f"--boot-drive={disk}"} & set(command)
        assert not {"sdb", "sdc", "/dev/sdb", "/dev/sdc", "volgroup", "logvol", "autopart"} & set(
            re.split(r"[\s=,]+", " ".join(" ".join(command) for command in commands))
        )


def test_trap_04_zerombr_only_beside_the_list_of_disks(render: Render) -> None:
    """Alone it labels every disk that it does not recognise."""
    for text in kickstarts(render()).values():
        names = [command[0] for command in read_commands(text)]
        assert names.index("ignoredisk") < names.index("zerombr") < names.index("clearpart")


def test_trap_03_a_list_as_install_disk_is_refused(render: Render) -> None:
    """A comma would hand a second disk to the installer."""
    with pytest.raises(InputInvalid):
        render(changes={"storage.os_disk": "/dev/sda,sdb"})


def guard_inputs(rendered: Rendered, node: str) -> dict[str, str]:
    """Return what the guard of a machine is told, as its shell would read it."""
    text = rendered.text(f"nodes/{node}/ks.cfg")
    guard = text[text.index("%pre --erroronfail") : text.index("# Refuse to install")]
    return dict(word.split("=", 1) for line in guard.splitlines()[1:] for word in shlex.split(line))


def test_trap_05_the_guard_knows_every_disk_that_the_spec_names(render: Render) -> None:
    """It stops the installation before anything is written; no data volume, no data disk."""
    rendered = render()
    assert "%pre --erroronfail" in rendered.text("nodes/pg1/ks.cfg")
    assert guard_inputs(rendered, "pg1") == {
        "install_disk": "/dev/sda",
        "data_disk": "path=/dev/sdb",
        "wal_disk": "path=/dev/sdc",
        "smallest_mib": str(SMALLEST_SYSTEM_MIB),
    }
    told = guard_inputs(rendered, "consul1")
    assert (told["install_disk"], told["data_disk"], told["wal_disk"]) == ("/dev/sda", "", "")


def test_the_partitions_are_those_that_the_smallest_disk_is_computed_from(render: Render) -> None:
    """Another figure in the kickstart alone would let the check pass what the installer refuses."""
    commands = read_commands(render().text("nodes/pg1/ks.cfg"))
    sizes = [word for command in commands if command[0] == "part" for word in command if "--size" in word]
    assert sizes == [f"--size={SWAP_MIB}", f"--size={ROOT_MIB}"]
    assert 10 * 1024 < SMALLEST_SYSTEM_MIB <= 11 * 1024


@pytest.mark.parametrize(
    ("disk", "told"),
    [
        ("/dev/disk/by-id/ata-a", "path=/dev/disk/by-id/ata-a"),
        ({"serial": "WD-1"}, "serial=WD-1"),
        ({"wwn": "0x5000C500a1b2c3d4"}, "wwn=5000c500a1b2c3d4"),
        ({"min_size": "10GiB"}, ""),
    ],
)
def test_trap_05_the_guard_is_told_how_a_disk_is_recognised(render: Render, disk: Any, told: str) -> None:
    """A size rule names no disk: on the first boot it takes one that is not the system's."""
    assert guard_inputs(render(changes={"storage.data.disk": disk}), "pg1")["data_disk"] == told


@pytest.mark.parametrize("platform", list_installed())
def test_the_installer_never_waits_for_an_answer(render: Render, platform: str) -> None:
    """`text` alone asks on a missing package, and nobody is there; read by the installers' own parser."""
    facts = load_profile(platform).kickstart
    assert facts is not None
    for path, text in kickstarts(render(changes={"platform": platform})).items():
        for version in facts.handlers:
            parser = KickstartParser(makeVersion(version))
            parser.readKickstartFromString(text)
            mode = parser.handler.displaymode
            assert (mode.displayMode, mode.nonInteractive) == (DISPLAY_MODE_TEXT, True), (path, version)


def test_trap_19_no_secret_in_a_kickstart(render: Render) -> None:
    """Anaconda keeps copies of it in /root; secrets travel in payload.tar."""
    rendered = render(changes={"access.ssh_keys": [KEY]})
    bundle = rendered.bundle
    secrets = [
        bundle.gossip_key,
        bundle.management_token.secret_id,
        bundle.patroni_token.secret_id,
        bundle.vip_token.secret_id,
        bundle.dns_token.secret_id,
        bundle.passwords.superuser,
        bundle.passwords.replication,
        bundle.passwords.rewind,
        bundle.passwords.rest,
        *(node.key for node in bundle.nodes.values()),
        *(node.agent_token.secret_id for node in bundle.nodes.values()),
    ]
    for path, text in kickstarts(rendered).items():
        assert not [secret for secret in secrets if secret.get_secret_value() in text]
        assert not rendered.files[path].is_secret


def test_a_console_hash_makes_the_kickstart_a_secret(render: Render) -> None:
    """A hash can be attacked offline."""
    rendered = render(changes={"access.console_password_hash": "$6$saltsalt$abcdefgh"})
    assert rendered.files["nodes/pg1/ks.cfg"].is_secret
    assert "--iscrypted" in find(read_commands(rendered.text("nodes/pg1/ks.cfg")), "user")
    assert "$6$" not in rendered.text("packer/image.ks")


def test_nobody_has_a_password(render: Render) -> None:
    """Root is locked, the admin has keys."""
    commands = read_commands(render(changes={"access.ssh_keys": [KEY]}).text("nodes/pg1/ks.cfg"))
    assert find(commands, "rootpw") == ["--lock"]
    assert "--lock" in find(commands, "user")
    assert find(commands, "sshkey") == ["--username=holster", KEY]


def test_trap_21_post_needs_no_network(render: Render) -> None:
    """The payload comes from the volume that brought the kickstart."""
    text = render().text("nodes/pg1/ks.cfg")
    after = text[text.index("%post") :]
    assert not re.search(r"\b(curl|wget|dnf|yum|http)\b", after)
    assert "mount -o ro -L OEMDRV" in after
    assert "%post --erroronfail --log=/root/holster-post.log" in after
    assert "systemctl enable holster-firstboot.service" in after


def test_every_section_ends(render: Render) -> None:
    """An open section would swallow the next one."""
    for text in kickstarts(render()).values():
        names = SECTION.findall(text)
        assert names[1::2] == ["end"] * (len(names) // 2)
        assert "end" not in names[::2]


@pytest.mark.parametrize(("mac", "device"), [(None, "enp0s8"), ("52:54:00:aa:bb:cc", "52:54:00:aa:bb:cc")])
def test_the_card_is_found_by_mac_when_given(render: Render, mac: str | None, device: str) -> None:
    """The installer may give it another name than the installed system."""
    rendered = render(changes={"groups.sirius_postgres.nodes.0.mac": mac})
    arguments = find(read_commands(rendered.text("nodes/pg1/ks.cfg")), "network")
    assert f"--device={device}" in arguments
    assert "--ip=192.168.11.181" in arguments
    assert "--netmask=255.255.255.0" in arguments
    assert "--hostname=pg1" in arguments


def test_no_gateway_and_no_dns_are_left_out(render: Render) -> None:
    """Empty values would be an error of the installer."""
    rendered = render(changes={"network.gateway": None, "network.dns": []})
    arguments = find(read_commands(rendered.text("nodes/pg1/ks.cfg")), "network")
    assert not [word for word in arguments if word.startswith(("--gateway", "--nameserver"))]


def test_debian_has_no_kickstart(render: Render) -> None:
    """Its installer is another one: the image is the only way."""
    assert kickstarts(render("trio")) == {}


def test_packages_come_from_profile_and_components(render: Render) -> None:
    """The vendor's theme, without which RED OS does not install, is among them."""
    text = render().text("nodes/pg1/ks.cfg")
    packages = text[text.index("%packages") : text.index("%end")].splitlines()[1:]
    assert {"grub2-redos-theme", "lvm2", "postgresql16-server", "patroni", "patroni-consul"} <= set(packages)
    assert "consul" not in packages  # an artifact on this platform


def test_optional_packages_do_not_stop_the_installer(render: Render) -> None:
    """It leaves out needed ones as well then, so %post names those; without any it judges itself."""
    rendered = render()
    text = rendered.text("nodes/pg1/ks.cfg")
    assert "\n%packages --ignoremissing\n@core\n" in text
    (section,) = [
        part for part in text.split("%end") if "%post --erroronfail --log=/root/holster-packages" in part
    ]
    told = dict(word.split("=", 1) for line in section.splitlines()[3:5] for word in shlex.split(line))
    needed, optional = set(told["needed"].split()), set(told["optional"].split())
    packages = text[text.index("%packages") : text.index("%end")].splitlines()[1:]
    assert {name for name in packages if not name.startswith("@")} == needed | optional
    assert "patroni-consul" in optional
    assert "patroni" in needed
    assert not needed & optional
    assert "\n%packages --ignoremissing\n" in rendered.text("packer/image.ks")
    facts = {"locale_package": None}
    strict = render(changes={"platform": "el9", "platform_overrides": facts}).text("nodes/pg1/ks.cfg")
    assert "\n%packages\n@" in strict
    assert "holster-packages" not in strict


def test_repositories_are_used_by_the_installer(render: Render) -> None:
    """An empty list in the spec means: the disc has everything."""
    text = render().text("nodes/pg1/ks.cfg")
    assert "repo --name=holster-base --baseurl='https://repo1.red-soft.ru/redos/8.0/$basearch/os'" in text
    assert "\nrepo " not in render(changes={"repositories": []}).text("nodes/pg1/ks.cfg")


def test_closed_network_the_disc_is_the_only_source(render: Render) -> None:
    """`repositories: []`: no source but the disc that booted, no repository file, a program from no host."""
    rendered = render(changes={"repositories": []})
    for path, text in kickstarts(rendered).items():
        names = {command[0] for command in read_commands(text)}
        assert not names & {"repo", "url", "nfs", "harddrive", "liveimg", "ostreesetup"}, path
        assert "://" not in text, path
    assert not [path for path in rendered.files if path.endswith(".repo")]


@pytest.mark.parametrize(
    ("platform", "node", "programs"),
    [
        ("redos8", "pg1", {"consul_program=/usr/bin/consul", "vip_manager_program=/usr/bin/vip-manager"}),
        ("redos8", "consul1", {"consul_program=/usr/bin/consul", "vip_manager_program=''"}),
        ("el9", "pg1", set()),
    ],
)
def test_trap_17_programs_without_a_package_come_from_the_disc(
    render: Render, platform: str, node: str, programs: set[str]
) -> None:
    """RED OS has no package of Consul: without this the machine would come up with nothing to start."""
    text = render(changes={"platform": platform}).text(f"nodes/{node}/ks.cfg")
    found = {line for line in text.splitlines() if re.match(r"\w+_program=", line)}
    assert found == programs
    if programs:
        # Refused before anything is written, copied after the packages, owned by a user that exists.
        order = [
            text.index(mark) for mark in ("the disc HOLSTER lacks", "install -D -m 0755", "useradd --system")
        ]
        assert order == sorted(order)
        assert order[0] < text.index("%post")


def test_without_dropins_sshd_is_configured_in_its_own_file(render: Render) -> None:
    """RED OS 7.3 reads no drop-ins: the installer writes the policy, the payload has no file."""
    old, new = render(changes={"platform": "redos7"}), render()
    assert "sshd_config=/etc/ssh/sshd_config\n" in old.text("nodes/pg1/ks.cfg")
    assert "sshd_config=" not in new.text("nodes/pg1/ks.cfg")
    assert "nodes/pg1/payload/etc/ssh/sshd_config.d/10-holster.conf" in new.files
    assert not [path for path in old.files if "sshd" in path]


FRAGMENTS = sorted((Path(__file__).resolve().parents[3] / "kickstart").glob("*.sh"))


@pytest.mark.parametrize("fragment", FRAGMENTS, ids=lambda path: path.name)
def test_fragments_name_their_inputs_and_stop_on_errors(fragment: Path) -> None:
    """A variable that the template forgot ends the script instead of being empty."""
    text = fragment.read_text("utf-8")
    assert "set -eu" in text
    if "# In: " in text:
        assert re.search(r'^: "\$\{\w+:?\?\}"', text, re.MULTILINE)


def test_search_domains_are_set_by_both_ways(render: Render) -> None:
    """They were in network-config only."""
    changes = {"network.search": ["db.example.org", "example.org"]}
    rendered = render(changes=changes)
    assert "search_domains='db.example.org example.org'" in rendered.text("nodes/pg1/ks.cfg")
    assert "- db.example.org" in rendered.text("nodes/pg1/network-config")
    assert "search_domains" not in render().text("nodes/pg1/ks.cfg")
