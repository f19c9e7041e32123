"""Every check with an outside tool rejects what is broken on purpose: the real tool, the real file."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Final

import pytest

from generator.verify import Verdict
from tests.fakes.broken_output import Breakage, appended, break_output, judge, list_checks, replaced

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from generator.tools.toolbox import ToolBox

pytestmark = pytest.mark.external

PG1: Final = "nodes/pg1"
ETC: Final = f"{PG1}/payload/etc"
CONSUL: Final = f"{ETC}/consul.d/consul.hcl"
PATRONI: Final = f"{ETC}/patroni/patroni.yml"
UNITS: Final = f"{ETC}/systemd/system"
KICKSTART: Final = f"{PG1}/ks.cfg"


def _declares_old_consul(path: Path) -> None:
    """Declare Consul 1.8: what was rendered for a newer one must then be refused."""
    text = path.read_text("utf-8")
    begin = (
        text.index('"consul": {"path"')
        if '"consul": {"path"' in text
        else text.index('"path": "/usr/bin/consul"')
    )
    head, tail = text[:begin], text[begin:]
    at = tail.index('"version": "') + len('"version": "')
    path.write_text(head + tail[:at] + "1.8.7" + tail[tail.index('"', at) :], "utf-8")


CASES: Final = (
    (
        "ksvalidator",
        None,
        Breakage("kickstart", KICKSTART, replaced("text --non", "texd --non"), "Unknown command: texd"),
    ),
    (
        "ksvalidator",
        None,
        Breakage(
            "kickstart", KICKSTART, replaced("text --non-interactive\n", "install\n"), "install", "deprecated"
        ),
    ),
    (
        "ksvalidator",
        None,
        Breakage("kickstart", "packer/image.ks", replaced("--initlabel", "--initlabl"), "initlabl"),
    ),
    (
        "cloud-init",
        "22.4",
        Breakage(
            "cloud-config",
            f"{PG1}/user-data",
            replaced("write_files:\n- path:", "write_files:\n- pat:"),
            "path",
        ),
    ),
    (
        "cloud-init",
        "25.1",
        Breakage(
            "cloud-config",
            f"{PG1}/user-data",
            replaced('permissions: "0644"', "permissions: 644"),
            "not of type 'string'",
        ),
    ),
    (
        "cloud-init",
        "22.4",
        Breakage(
            "network-config",
            f"{PG1}/network-config",
            replaced('"0.0.0.0/0"', "default"),
            "ValueError",
            "default",
        ),
    ),
    (
        "cloud-init",
        "25.1",
        Breakage(
            "network-config",
            f"{PG1}/network-config",
            replaced("addresses:", "adresses:"),
            "no network-manager file",
        ),
    ),
    (
        "cloud-init",
        "25.1",
        Breakage(
            "network-schema",
            f"{PG1}/network-config",
            replaced("nameservers:\n      addresses:", "nameservers:\n      adresses:"),
            "adresses",
        ),
    ),
    (
        "packer",
        "1.11",
        Breakage("packer", "packer/build.pkr.hcl", appended("no_such_block {\n}\n"), "no_such_block"),
    ),
    (
        "packer",
        "1.6",
        Breakage("packer", "packer/build.pkr.hcl", appended("no_such_block {\n}\n"), "no_such_block", "1.6"),
    ),
    (
        "packer",
        "1.11",
        Breakage(
            "packer", "packer/image.ks", lambda path: path.unlink(), "image.ks", "a file that the build needs"
        ),
    ),
    (
        "packer",
        "1.11",
        Breakage(
            "packer-format", "packer/variables.pkr.hcl", appended('locals {\n    a =    "b"\n}\n'), "locals"
        ),
    ),
    ("consul", "1.13", Breakage("consul", CONSUL, appended("no_such_key = 1\n"), "no_such_key")),
    (
        "consul",
        "1.13",
        Breakage("consul", CONSUL, replaced("server = false", "bootstrap_expect = 3"), "bootstrap_expect"),
    ),
    (
        "consul",
        "1.8",
        Breakage(
            "consul", f"{ETC}/holster/node.json", _declares_old_consul, "tls", "trap 5: tls {} for Consul 1.8"
        ),
    ),
    ("patroni", None, Breakage("patroni", PATRONI, replaced("ttl: 30", "ttl: soon"), "bootstrap.dcs.ttl")),
    (
        "patroni",
        None,
        Breakage("patroni", PATRONI, replaced("name: pg1", "nam: pg1"), "name  is not defined"),
    ),
    (
        "systemd-analyze",
        None,
        Breakage(
            "units", f"{UNITS}/patroni.service", replaced("KillMode=", "KilMode="), "Unknown key 'KilMode'"
        ),
    ),
    (
        "systemd-analyze",
        None,
        Breakage(
            "units",
            f"{UNITS}/patroni.service",
            replaced("After=network-online.target", "After=cloud-final.service network-online.target"),
            "ordering cycle",
            "trap 3: after cloud-final",
        ),
    ),
    (
        "systemd-analyze",
        None,
        Breakage(
            "units",
            f"{UNITS}/holster-storage.service",
            replaced("Before=", "After=patroni.service\nBefore=consul.service "),
            "ordering cycle",
            "a plain cycle",
        ),
    ),
    (
        "systemd-analyze",
        None,
        Breakage(
            "units",
            f"{UNITS}/patroni.service",
            replaced("ExecStart=/", "ExecStart="),
            "patroni.service",
            "program",
        ),
    ),
    (
        "sshd",
        None,
        Breakage(
            "sshd",
            f"{ETC}/ssh/sshd_config.d/10-holster.conf",
            replaced("PermitRootLogin no", "PermitRootLogin never"),
            "never",
        ),
    ),
    (
        "visudo",
        None,
        Breakage("sudoers", f"{ETC}/sudoers.d/10-holster", replaced("(ALL)", "(ALL"), "syntax error"),
    ),
    (
        "visudo",
        None,
        Breakage("sudoers", f"{ETC}/sudoers.d/10.holster", appended("x\n"), "ignores a file of the name"),
    ),
    (
        "chronyd",
        None,
        Breakage("chrony", f"{ETC}/chrony.conf", replaced("makestep", "makstep"), "Invalid directive"),
    ),
    (
        "firewall-offline-cmd",
        None,
        Breakage(
            "firewall",
            f"{ETC}/firewalld/zones/holster.xml",
            replaced('protocol="tcp"', 'protocol="tpc"'),
            "tpc",
        ),
    ),
    (
        "shellcheck",
        None,
        Breakage("shell", KICKSTART, replaced("%post", "%post\nrm -rf $x\n%end\n%post"), "SC2086"),
    ),
    ("shellcheck", None, Breakage("shell", "packer/scripts/90-hygiene.sh", appended("if true\n"), "SC1")),
    (
        "shellcheck",
        None,
        Breakage(
            "shell", KICKSTART, replaced("%pre ", "%pre --interpreter=/usr/bin/perl "), "which nobody checks"
        ),
    ),
)


@pytest.mark.parametrize(("tool_name", "version", "breakage"), CASES, ids=[f"{c[0]}-{c[2]}" for c in CASES])
def test_breakage_is_rejected(  # noqa: PLR0913, PLR0917 - fixtures and one case
    rendered_example: Callable[..., Path],
    tool: Callable[..., Path],
    toolbox: ToolBox,
    tmp_path: Path,
    tool_name: str,
    version: str | None,
    breakage: Breakage,
) -> None:
    """The tool that consumes the file refuses it, in words that name the defect."""
    tool(tool_name, version)
    root = break_output(rendered_example("sirius", "redos8"), tmp_path / "broken", breakage)
    results = judge(root, breakage.check, toolbox, near=breakage.file)
    rejections = [
        result.detail
        for result in results
        if result.verdict is Verdict.REJECTED and f" {version or ''}" in f"{result.tool} "
    ]
    assert any(breakage.says in detail for detail in rejections), results


def test_a_broken_table_of_nftables_is_rejected(
    rendered_example: Callable[..., Path], tool: Callable[..., Path], toolbox: ToolBox, tmp_path: Path
) -> None:
    """On the platform that has one; the kernel itself is asked."""
    tool("nft")
    rendered = rendered_example("sirius", "debian13")
    assert {result.verdict for result in judge(rendered, "firewall", toolbox)} == {Verdict.OK}
    rules = f"{PG1}/payload/etc/holster/firewall.nft"
    breakage = Breakage("firewall", rules, replaced("tcp dport", "tpc dport"), "tpc")
    results = judge(break_output(rendered, tmp_path / "broken", breakage), "firewall", toolbox, near=rules)
    assert [result.verdict for result in results] == [Verdict.REJECTED]
    assert "tpc" in results[0].detail


def test_every_check_with_a_tool_has_a_breakage(rendered_example: Callable[..., Path]) -> None:
    """A check that cannot fail is a defect."""
    checks = list_checks(rendered_example("sirius", "redos8"))
    asked = {check for check, tools in checks.items() if tools != {"holster"}}
    assert asked == {case[2].check for case in CASES}


def test_live_host_answers_of_patroni_are_no_rejection(
    rendered_example: Callable[..., Path], tool: Callable[..., Path], toolbox: ToolBox
) -> None:
    """Neither Consul nor PostgreSQL is here; Patroni says so, and that says nothing about the file."""
    tool("patroni")
    results = judge(rendered_example("sirius", "redos8"), "patroni", toolbox)
    assert {result.verdict for result in results} == {Verdict.OK}


def test_keys_that_the_judge_does_not_know_are_named(
    rendered_example: Callable[..., Path], tool: Callable[..., Path], toolbox: ToolBox
) -> None:
    """Consul 1.13 reads a configuration for 1.22 without grpc_tls, and the report says so."""
    tool("consul", "1.13")
    results = judge(rendered_example("sirius", "redos8"), "consul", toolbox)
    assert {result.verdict for result in results} == {Verdict.OK}
    assert all("left out for consul 1.13.9: grpc_tls" in result.detail for result in results)


def test_packer_1_6_is_spared_required_plugins(
    rendered_example: Callable[..., Path], tool: Callable[..., Path], toolbox: ToolBox, tmp_path: Path
) -> None:
    """The block in a file that Packer 1.6 does get is refused: leaving the file out is what helps."""
    tool("packer", "1.6")
    root = tmp_path / "moved"
    shutil.copytree(rendered_example("sirius", "redos8"), root)
    build = root / "packer/build.pkr.hcl"
    plugins = (root / "packer/plugins.pkr.hcl").read_text("utf-8")
    moved = plugins.replace("required_plugins {", "required_plugins\n{") + build.read_text("utf-8")
    build.write_text(moved, "utf-8")
    results = judge(root, "packer-split", toolbox)
    assert [result.verdict for result in results] != [Verdict.OK]
