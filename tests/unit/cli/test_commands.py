"""The commands as users call them: exit codes, streams, files."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest
import yaml

from generator.cli import COMMANDS, cli

if TYPE_CHECKING:
    from collections.abc import Callable

    Holster = Callable[..., "Called"]
    from tests.unit.cli.conftest import Called


def commands() -> list[tuple[str, click.Command]]:
    """Return every command and subcommand by its full name."""
    context = click.Context(cli)
    found = []
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        assert command
        found.append((name, command))
        if isinstance(command, click.Group):
            found += [(f"{name} {sub}", child) for sub, child in command.commands.items()]
    return found


@pytest.mark.parametrize(("name", "command"), commands(), ids=str)
def test_every_command_and_option_is_documented(name: str, command: click.Command) -> None:
    """A command without help, or an option without help, is half a command."""
    assert command.help, name
    missing = [
        option.name
        for option in command.params
        if isinstance(option, click.Option) and not (option.help or isinstance(option.type, click.Choice))
    ]
    assert missing == []


def test_help_imports_no_command() -> None:
    """`holster --help` must answer at once: the table speaks for the modules."""
    context = click.Context(cli)
    formatter = click.HelpFormatter()
    cli.format_commands(context, formatter)
    assert all(name in formatter.getvalue() for name in COMMANDS)
    for name in COMMANDS:
        assert importlib.util.find_spec(f"generator.cli.{name}") or name in {"build", "boot"}


def test_valid_spec_is_reported_with_its_warnings(holster: Holster, sirius: Path) -> None:
    """Warnings go to standard error, the verdict to standard output."""
    called = holster("check", str(sirius))
    assert called.code == 0
    assert "is valid with" in called.out
    assert "warning[unstable-disk-name]" in called.err


def test_strict_check_fails_on_warnings(holster: Holster, sirius: Path) -> None:
    """`--strict` is for pipelines that want none, and calls no spec valid that it refuses."""
    called = holster("check", "--strict", str(sirius))
    assert called.code == 1
    assert "--strict takes them for errors" in called.err
    assert "is valid" not in called.out


def test_short_report_has_one_line_for_each_problem(holster: Holster, sirius: Path) -> None:
    """Editors take every line for a problem, an empty one too."""
    called = holster("check", "--format", "short", str(sirius))
    assert [line.count("warning[") for line in called.err.splitlines()] == [1, 1, 1, 1]
    assert called.out == ""


def test_invalid_spec_ends_with_1_and_writes_nothing(holster: Holster, sirius: Path, tmp_path: Path) -> None:
    """Promise 1: nothing is written when the spec is invalid."""
    sirius.write_text(sirius.read_text().replace("192.168.11.200", "192.168.11.181"))
    called = holster("render", str(sirius))
    assert called.code == 1
    assert "192.168.11.181" in called.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["sirius.yaml"]


def test_json_report_is_json_on_standard_output(holster: Holster, sirius: Path) -> None:
    """Programs read standard output only."""
    sirius.write_text(sirius.read_text().replace("cluster: sirius", "cluster: sirius\nclustre: x"))
    called = holster("check", "--format", "json", str(sirius))
    assert called.code == 1
    assert "unknown-key" in {problem["id"] for problem in json.loads(called.out)["problems"]}


@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "absent.yaml"),
        ("check",),
        ("nonsense",),
        ("render", "--jobs", "0", "x"),
        ("secrets", "show", "x"),
    ],
)
def test_usage_errors_end_with_2(holster: Holster, arguments: tuple[str, ...]) -> None:
    """What cannot be meant is a usage error, said in words."""
    called = holster(*arguments)
    assert called.code == 2
    assert called.err.strip()


def test_render_makes_everything_then_nothing(holster: Holster, sirius: Path, tmp_path: Path) -> None:
    """The second render of an unchanged spec touches no file."""
    first = holster("render", str(sirius))
    assert first.code == 0, first.err
    assert "next:" in first.err
    stamps = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    assert tmp_path / "output/sirius/nodes/pg1/seed.iso" in stamps
    second = holster("render", str(sirius))
    assert "nothing written" in second.err
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()} == stamps


def test_render_is_the_same_in_every_folder(holster: Holster, sirius: Path, tmp_path: Path) -> None:
    """Promise 2: same spec and bundle, same bytes, ISO images included."""
    for folder in ("one", "two/deeper"):
        called = holster("render", str(sirius), "-o", folder, "--secrets", "bundle.yaml")
        assert called.code == 0, called.err
    one, two = (
        {
            path.relative_to(tmp_path / root): path.read_bytes()
            for path in (tmp_path / root).rglob("*")
            if path.is_file()
        }
        for root in ("one", "two/deeper")
    )
    assert len(one) > 50
    assert one == two


def test_render_of_one_machine_keeps_the_others(holster: Holster, sirius: Path, tmp_path: Path) -> None:
    """`--node` renders one machine and leaves the rest in place."""
    assert holster("render", str(sirius)).code == 0
    other = (tmp_path / "output/sirius/nodes/pg2/user-data").stat().st_mtime_ns
    sirius.write_text(sirius.read_text().replace("memory: 2GiB}", "memory: 3GiB}"))
    called = holster("render", str(sirius), "--node", "pg1")
    assert called.code == 0, called.err
    assert (tmp_path / "output/sirius/nodes/pg2/user-data").stat().st_mtime_ns == other
    assert holster("render", str(sirius), "--node", "pg9").code == 2


def test_several_specs_render_at_once(holster: Holster, sirius: Path, tmp_path: Path) -> None:
    """Each cluster gets its own folder and bundle."""
    other = tmp_path / "other.yaml"
    other.write_text(sirius.read_text().replace("cluster: sirius", "cluster: other"))
    called = holster("render", "--jobs", "2", "-o", "made", str(sirius), str(other))
    assert called.code == 0, called.err
    assert (tmp_path / "made/sirius/manifest.json").is_file()
    assert (tmp_path / "made/other/manifest.json").is_file()
    assert (tmp_path / "secrets/other.yaml").stat().st_mode & 0o777 == 0o600


def test_bundle_of_another_cluster_is_refused(holster: Holster, sirius: Path, tmp_path: Path) -> None:
    """The wrong bundle must not give a cluster another one's keys."""
    assert holster("secrets", "create", str(sirius)).code == 0
    sirius.write_text(sirius.read_text().replace("cluster: sirius", "cluster: vega"))
    called = holster("render", str(sirius), "--secrets", "secrets/sirius.yaml")
    assert called.code == 1
    assert "sirius" in called.err
    assert not (tmp_path / "output").exists()


def test_world_readable_bundle_is_refused(holster: Holster, sirius: Path, tmp_path: Path) -> None:
    """A bundle that others can read is no secret any more; the fix is named."""
    assert holster("secrets", "create", str(sirius)).code == 0
    (tmp_path / "secrets/sirius.yaml").chmod(0o644)
    called = holster("render", str(sirius))
    assert called.code == 1
    assert "chmod" in called.err


def test_secrets_show_holds_no_secret(holster: Holster, sirius: Path, tmp_path: Path) -> None:
    """What is shown names certificates, never values."""
    assert holster("secrets", "create", str(sirius)).code == 0
    called = holster("secrets", "show", "--redacted", str(sirius))
    assert called.code == 0
    bundle = yaml.safe_load((tmp_path / "secrets/sirius.yaml").read_text())
    values = [bundle["gossip_key"], bundle["management_token"]["secret_id"], *bundle["passwords"].values()]
    assert not [value for value in values if value in called.out]
    assert json.loads(called.out)["cluster"] == "sirius"


def test_imported_gossip_key_reaches_the_machines(holster: Holster, sirius: Path, tmp_path: Path) -> None:
    """A machine that joins a running cluster needs the key that the others have."""
    key = "pUqJrVyVRj5jsiYEkM/tFQYfWyJIv4s3XkvDwy7Cu5s="
    (tmp_path / "consul.hcl").write_text(f'datacenter = "sirius"\nencrypt = "{key}"\n')
    called = holster("secrets", "import", str(sirius), "consul.hcl")
    assert called.code == 0, called.err
    assert key not in called.err + called.out
    assert holster("render", str(sirius)).code == 0
    rendered = tmp_path / "output/sirius/nodes/consul1/payload/etc/consul.d/consul.hcl"
    assert f'"{key}"' in rendered.read_text()


def test_moved_machine_needs_a_reissue(holster: Holster, sirius: Path) -> None:
    """A certificate that names another address is found before the machine is."""
    assert holster("secrets", "create", str(sirius)).code == 0
    sirius.write_text(sirius.read_text().replace("192.168.11.191", "192.168.11.195"))
    called = holster("render", str(sirius))
    assert called.code == 1
    assert "reissue" in called.err
    assert holster("secrets", "reissue", str(sirius), "consul1").code == 0
    assert holster("render", str(sirius)).code == 0


def test_init_writes_a_spec_that_check_accepts(holster: Holster, tmp_path: Path) -> None:
    """From options alone: name, addresses, VIP."""
    arguments = ("--cluster", "vega", "--address", "10.1.0.11,10.1.0.12,10.1.0.13", "--vip", "10.1.0.100")
    called = holster("init", "vega.yaml", *arguments)
    assert called.code == 0, called.err
    assert holster("check", "vega.yaml").code == 0
    assert holster("init", "vega.yaml", *arguments).code == 2
    assert holster("init", "vega.yaml", "--force", *arguments).code == 0
    assert (
        len(yaml.safe_load((tmp_path / "vega.yaml").read_text())["groups"]["vega_consul_postgres"]["nodes"])
        == 3
    )


def test_init_names_what_is_missing(holster: Holster, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a terminal nobody can be asked."""
    monkeypatch.setattr("sys.stdin.isatty", lambda: False)
    called = holster("init", "vega.yaml", "--cluster", "vega")
    assert called.code == 2
    assert "--address" in called.err
    assert not Path("vega.yaml").exists()


def test_init_refuses_answers_that_make_no_cluster(holster: Holster) -> None:
    """Two machines cannot hold a Consul quorum; nothing is written."""
    called = holster(
        "init", "vega.yaml", "--cluster", "vega", "--address", "10.1.0.11,10.1.0.12", "--vip", "10.1.0.100"
    )
    assert called.code == 1
    assert not Path("vega.yaml").exists()


def test_show_tells_datacenter_and_reason_as_json(holster: Holster, sirius: Path) -> None:
    """Programs learn why the datacenter got its name."""
    called = holster("show", "--json", str(sirius))
    facts = json.loads(called.out)
    assert facts["datacenter"] == "sirius"
    assert "3 servers" in facts["datacenter_reason"]
    assert [node["name"] for node in facts["nodes"]] == ["consul1", "consul2", "consul3", "pg1", "pg2"]
    assert facts["nodes"][3]["wal"]["name"] == "pg_val"


def test_show_prints_a_table(holster: Holster, sirius: Path) -> None:
    """People see machines, disks and the VIP."""
    called = holster("show", str(sirius))
    assert called.code == 0
    assert "192.168.11.200" in called.out
    assert "/dev/sdb" in called.out


@pytest.mark.parametrize("columns", ["80", "30"])
def test_narrow_terminal_cuts_nothing_off(
    holster: Holster, sirius: Path, monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    """Half an address or half a serial number is worse than a second line."""
    serial = "nvme-SAMSUNG_MZVL21T0HCLR-00B00_S676NF0R123456"
    text = sirius.read_text().replace("disk: /dev/sdb", f"disk: /dev/disk/by-id/{serial}")
    sirius.write_text(text.replace("memory: 2GiB", 'memory: 2GiB, mac: "52:54:00:12:34:56"', 1))
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    called = holster("show", str(sirius))
    assert "\u2026" not in called.out
    if columns == "80":
        assert "192.168.11.181" in called.out
        assert "52:54:00:12:34:56" in called.out


def test_schema_is_json(holster: Holster) -> None:
    """Editors read it from standard output."""
    assert json.loads(holster("schema").out)["title"]
