"""The NoCloud seed: what cloud-init reads is what was meant, and nothing that breaks a first boot."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from generator.node.stages.preflight import DELIVERED
from generator.platforms.profile import list_platforms
from generator.render.tree import render_cluster

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.render.conftest import Render, Rendered


def read_user_data(rendered: Rendered, node: str) -> dict[str, Any]:
    """Return user-data as cloud-init reads it."""
    document: dict[str, Any] = yaml.safe_load(rendered.text(f"nodes/{node}/user-data"))
    return document


def nodes_of(rendered: Rendered) -> list[str]:
    """Return the names of all machines."""
    return [peer.name for peer in rendered.cluster.peers]


@pytest.mark.parametrize(("platform", "kinds"), [("redos8", ["ed25519", "ecdsa"]), ("debian13", ["ed25519"])])
def test_a_machine_in_fips_mode_gets_a_host_key(render: Render, platform: str, kinds: list[str]) -> None:
    """It knows no ed25519; with that kind alone sshd had no key, and nobody got in."""
    rendered = render(changes={"platform": platform})
    assert yaml.safe_load(rendered.text("nodes/pg1/user-data"))["ssh_genkeytypes"] == kinds
    seeds = [path for path in rendered.files if path.endswith("base-seed/user-data")]
    assert all(yaml.safe_load(rendered.text(path))["ssh_genkeytypes"] == kinds for path in seeds)


@pytest.mark.parametrize(
    ("example", "changes"),
    [("sirius", {}), ("single", {}), *(("trio", {"platform": name}) for name in list_platforms())],
)
def test_write_files_is_the_payload_byte_for_byte(
    render: Render, example: str, changes: dict[str, Any]
) -> None:
    """Each payload file once and nothing else: path, mode and content, delivered as root."""
    rendered = render(example, changes)
    for node in nodes_of(rendered):
        prefix = f"nodes/{node}/payload"
        expected = {
            path.removeprefix(prefix): {
                "path": path.removeprefix(prefix),
                "owner": "root:root",
                "permissions": f"0{file.mode:o}",
                "content": file.content.decode(),
            }
            for path, file in rendered.files.items()
            if path.startswith(prefix + "/") and file.mode is not None
        }
        written = read_user_data(rendered, node)["write_files"]
        assert {entry["path"]: entry for entry in written} == expected
        assert len(written) == len(expected)


def test_trap_12_user_data_is_a_cloud_config_mapping(render: Render) -> None:
    """The first line decides how cloud-init reads the file."""
    rendered = render()
    for node in nodes_of(rendered):
        assert rendered.text(f"nodes/{node}/user-data").startswith("#cloud-config\n")
        assert isinstance(read_user_data(rendered, node), dict)


def test_trap_15_files_belong_to_root_when_they_are_written(render: Render) -> None:
    """An owner that does not exist yet raises and costs all remaining files."""
    written = read_user_data(render(), "pg1")["write_files"]
    assert {entry["owner"] for entry in written} == {"root:root"}
    assert all(isinstance(entry["permissions"], str) for entry in written)


def test_node_json_is_written_last(render: Render) -> None:
    """The first boot waits for it: a delivery that broke off never starts one."""
    assert read_user_data(render(), "consul1")["write_files"][-1]["path"] == "/etc/holster/node.json"


def test_trap_08_nothing_is_written_below_a_mount(render: Render) -> None:
    """It would be hidden as soon as the volume is mounted."""
    for entry in read_user_data(render(), "pg1")["write_files"]:
        assert not entry["path"].startswith(("/pgdata", "/pgwal"))


def test_trap_17_no_package_and_no_disk_module(render: Render) -> None:
    """Packages are in the image, disks belong to the guarded storage stage."""
    document = read_user_data(render(), "pg1")
    forbidden = {
        "packages",
        "package_update",
        "package_upgrade",
        "disk_setup",
        "fs_setup",
        "mounts",
        "yum_repos",
    }
    assert not forbidden & set(document)


def test_trap_16_one_command_that_does_not_wait(render: Render) -> None:
    """A service started from within cloud-init would wait for cloud-init to end."""
    (command,) = read_user_data(render(), "pg1")["runcmd"]
    assert command[:2] == ["sh", "-c"]
    assert "systemctl start --no-block holster-firstboot.service" in command[2]
    # Reading all units again costs seconds of the first boot: only where the unit is not found without.
    first, _, second = command[2].partition(" || ")
    assert "daemon-reload" not in first
    assert "daemon-reload && systemctl start --no-block holster-firstboot.service" in second


@pytest.mark.external
@pytest.mark.parametrize("is_synced", [False, True])
def test_a_delivery_that_a_power_cut_ended_is_repeated(
    render: Render, tmp_path: Path, *, is_synced: bool
) -> None:
    """Lab, scenario 6: modules were noted as run, and unit and SSH host keys were empty files for ever."""
    (command,) = read_user_data(render(), "pg1")["bootcmd"]
    marks = [tmp_path / f"config_{name}" for name in ("write_files", "ssh", "runcmd", "scripts_user")]
    assert command[:2] == ["sh", "-c"]
    assert command[4:] == [DELIVERED]
    script = command[2].replace("/var/lib/cloud/instance/sem/", f"{tmp_path}/")
    assert str(tmp_path) in script
    for mark in marks:
        mark.touch()
    delivered = tmp_path / "delivered"
    if is_synced:
        delivered.touch()
    subprocess.run(["sh", "-c", script, "x", str(delivered)], check=True)
    assert {mark.exists() for mark in marks} == {is_synced}


def test_the_admin_logs_in_by_key_only(render: Render) -> None:
    """No password over the network, none at the console unless the spec has a hash."""
    key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEd6bHRoaXNpc25vdGFyZWFsa2V5Zm9ydGVzdHME admin@example"
    document = read_user_data(render(changes={"access.ssh_keys": [key]}), "pg1")
    (user,) = document["users"]
    assert user["ssh_authorized_keys"] == [key]
    assert user["lock_passwd"] is True
    assert "passwd" not in user
    assert document["ssh_pwauth"] is False
    assert document["disable_root"] is True


def test_a_console_password_is_a_hash(render: Render) -> None:
    """It opens the console, not SSH."""
    hashed = "$6$saltsalt$abcdefghijklmnop"
    (user,) = read_user_data(render(changes={"access.console_password_hash": hashed}), "pg1")["users"]
    assert user["passwd"] == hashed
    assert user["lock_passwd"] is False


def test_trap_10_instance_ids_differ_and_follow_the_inputs(render: Render) -> None:
    """Two machines never share one; a changed input gives a new one, the same input the same."""

    def identify(rendered: Rendered) -> dict[str, str]:
        return {
            node: yaml.safe_load(rendered.text(f"nodes/{node}/meta-data"))["instance-id"]
            for node in nodes_of(rendered)
        }

    first, again = identify(render()), identify(render())
    assert first == again
    assert len(set(first.values())) == len(first)
    assert first["pg1"].startswith("sirius-pg1-")
    assert len(first["pg1"].rpartition("-")[2]) == 12
    for changes in (
        {"network.gateway": "192.168.11.254"},
        {"access.user": "operator"},
        {"postgresql.max_connections": 150},
    ):
        assert identify(render(changes=changes))["pg1"] != first["pg1"]


def test_trap_10_a_new_version_of_holster_alone_runs_nothing_again(render: Render) -> None:
    """The version stands in node.json but not in the digest."""
    rendered = render()
    other = {
        str(file.path): file
        for file in render_cluster(rendered.cluster, rendered.bundle, tool_version="9.9.9").files
    }
    assert other["nodes/pg1/meta-data"].content == rendered.files["nodes/pg1/meta-data"].content
    assert (
        other["nodes/pg1/payload/etc/holster/node.json"]
        != rendered.files["nodes/pg1/payload/etc/holster/node.json"]
    )


def read_network(rendered: Rendered, node: str) -> dict[str, Any]:
    """Return the only card of network-config."""
    document = yaml.safe_load(rendered.text(f"nodes/{node}/network-config"))
    assert document["version"] == 2
    (card,) = document["ethernets"].values()
    assert isinstance(card, dict)
    return card


def test_trap_13_and_14_a_card_is_matched_by_mac_when_given(render: Render) -> None:
    """Names differ between hypervisors; without set-name cloud-init looks the name up."""
    card = read_network(render("trio"), "trio2")
    assert card["match"] == {"macaddress": "52:54:00:77:00:12"}
    assert "set-name" not in card
    assert card["addresses"] == ["10.77.0.12/24"]
    assert "routes" not in card
    assert "nameservers" not in card


def test_a_card_is_found_by_name_otherwise(render: Render) -> None:
    """Then the key of the entry is the name."""
    rendered = render()
    assert list(yaml.safe_load(rendered.text("nodes/pg1/network-config"))["ethernets"]) == ["enp0s8"]
    card = read_network(rendered, "pg1")
    assert card["routes"] == [{"to": "0.0.0.0/0", "via": "192.168.11.1"}]
    assert card["nameservers"] == {"addresses": ["192.168.11.1"]}


def test_user_data_stays_small(render: Render) -> None:
    """Clouds cut user-data at 64 KiB; a seed has no such limit, but a person reads it."""
    rendered = render("trio")
    for node in nodes_of(rendered):
        assert len(rendered.files[f"nodes/{node}/user-data"].content) < 64 * 1024
