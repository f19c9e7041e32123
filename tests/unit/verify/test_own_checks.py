"""Every rule of our own accepts what is rendered and rejects what is broken on purpose."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING, Final

import pytest

from generator.credentials.store import load_bundle
from generator.pack.seed import pack_seed
from generator.tools.toolbox import ToolBox
from generator.verify import Verdict
from tests.fakes.broken_output import Breakage, appended, break_output, judge, list_checks, replaced

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PG1: Final = "nodes/pg1"
ETC: Final = f"{PG1}/payload/etc"
CONSUL: Final = f"{ETC}/consul.d/consul.hcl"
PATRONI: Final = f"{ETC}/patroni/patroni.yml"
SERVER: Final = "nodes/consul1/payload/etc/consul.d/consul.hcl"
KICKSTART: Final = f"{PG1}/ks.cfg"
NO_TOOLS: Final = ToolBox([])


def _unlink(path: Path) -> None:
    path.unlink()


def _open_to_all(path: Path) -> None:
    path.chmod(0o755 if path.is_dir() else 0o644)


def _written(text: str) -> Callable[[Path], None]:
    """Return an edit that puts text in place of the whole file."""

    def edit(path: Path) -> None:
        path.write_text(text, "utf-8")

    return edit


def _copied_from(source: str) -> Callable[[Path], None]:
    """Return an edit that puts another file of the output in place."""

    def edit(path: Path) -> None:
        root = next(parent for parent in path.parents if (parent / "manifest.json").exists())
        shutil.copyfile(root / source, path)

    return edit


def _holding(source: str, line: Callable[[str], bool]) -> Callable[[Path], None]:
    """Return an edit that adds one line of another file of the output."""

    def edit(path: Path) -> None:
        root = next(parent for parent in path.parents if (parent / "manifest.json").exists())
        text = next(text for text in (root / source).read_text("utf-8").splitlines() if line(text))
        with path.open("a", encoding="utf-8") as stream:
            stream.write(f"# {text}\n")

    return edit


def _repacked(label: str, **files: str) -> Callable[[Path], None]:
    """Return an edit that packs a seed anew, with other files or another label."""

    def edit(path: Path) -> None:
        names = ("user-data", "meta-data", "network-config")
        content = {name: (path.parent / name).read_bytes() for name in names}
        content |= {name.replace("_", "-"): text.encode() for name, text in files.items()}
        path.write_bytes(pack_seed({name: data for name, data in content.items() if data}, label))

    return edit


def _is_key_line(line: str) -> bool:
    return len(line) > 60


def _is_gossip(line: str) -> bool:
    return line.startswith("encrypt")


def _is_management(line: str) -> bool:
    return "initial_management" in line


SHORT_KEY: Final = 'encrypt = "c2hvcnQ="\n#'

BREAKAGES: Final = (
    Breakage("manifest", f"{PG1}/user-data", appended("\n"), "digest differs"),
    Breakage("manifest", f"{PG1}/user-data", _open_to_all, "has mode 0644 instead of 0600"),
    Breakage("manifest", PG1, _open_to_all, "open to others"),
    Breakage("manifest", f"{PG1}/note", appended("x"), "is not in manifest.json"),
    Breakage("manifest", f"{ETC}/hosts", _unlink, "is missing"),
    Breakage("yaml", f"{PG1}/user-data", replaced("#cloud-config\n", "#cloud-init\n"), "does not begin with"),
    Breakage("yaml", f"{PG1}/meta-data", appended("\tx: [\n"), "is not YAML (line"),
    Breakage("yaml", f"{PG1}/network-config", _written("- a\n"), "not a mapping"),
    Breakage("json", "nodes/consul1/payload/etc/holster/extra.json", appended("{"), "is not JSON (line 1)"),
    Breakage("hcl", CONSUL, appended("x = {\n"), "is not HCL"),
    Breakage("json", "nodes/consul1/payload/etc/holster/acl.json", _written("{"), "is not JSON", "acl.json"),
    Breakage(
        "consul-rules", SERVER, replaced("raft_multiplier = 1", 'raft_multiplier = "x"'), "another shape"
    ),
    Breakage("xml", f"{ETC}/firewalld/zones/holster.xml", appended("<zone>"), "is not XML"),
    Breakage(
        "delivery", f"{ETC}/hosts", appended("10.0.0.1 x\n"), "other bytes than the payload for /etc/hosts"
    ),
    Breakage("delivery", f"{ETC}/new.conf", appended("x\n"), "does not deliver /etc/new.conf"),
    Breakage("delivery", f"{ETC}/hosts", _unlink, "delivers /etc/hosts, which the payload has not"),
    Breakage(
        "delivery", f"{PG1}/user-data", replaced('permissions: "0644"', 'permissions: "0664"'), "mode 0664"
    ),
    Breakage("seed-iso", f"{PG1}/seed.iso", _repacked("config-2"), "is labelled 'config-2'"),
    Breakage("seed-iso", f"{PG1}/seed.iso", _repacked("cidata", meta_data=""), "expected meta-data"),
    Breakage("seed-iso", f"{PG1}/seed.iso", _repacked("cidata", meta_data="x: 1"), "another meta-data"),
    Breakage("seed-iso", f"{PG1}/seed.iso", _written("x" * 65536), "cannot be read"),
    Breakage(
        "oemdrv-iso",
        f"{PG1}/oemdrv.iso",
        _repacked("OEMDRV"),
        "expected holster-node, ks.cfg, payload.tar",
    ),
    Breakage("oemdrv-iso", f"{ETC}/hosts", appended("x\n"), "payload.tar holds other bytes for etc/hosts"),
    Breakage("oemdrv-iso", f"{ETC}/new.conf", appended("x\n"), "payload.tar lacks /etc/new.conf"),
    Breakage("oemdrv-iso", f"{ETC}/hosts", _unlink, "payload.tar holds /etc/hosts"),
    Breakage(
        "secrets",
        f"{ETC}/hosts",
        _holding("nodes/pg2/payload/etc/consul.d/tls/agent.key", _is_key_line),
        "holds the TLS key of pg2",
    ),
    Breakage("secrets", f"{ETC}/hosts", _holding(SERVER, _is_management), "holds the management token"),
    Breakage("secrets", "packer/build.pkr.hcl", _holding(CONSUL, _is_gossip), "holds the gossip key"),
    Breakage("secrets", KICKSTART, _holding(CONSUL, _is_gossip), "holds the gossip key", "kickstart"),
    Breakage("secret-flags", f"{ETC}/hosts", _holding(CONSUL, _is_gossip), "is not marked secret"),
    Breakage(
        "disks", KICKSTART, replaced("clearpart --all --drives=sda", "clearpart --all"), "without --drives"
    ),
    Breakage(
        "disks",
        KICKSTART,
        replaced("ignoredisk --only-use=sda", "ignoredisk --drives=sr0"),
        "sees every disk",
    ),
    Breakage(
        "disks", KICKSTART, replaced("--drives=sda", "--drives=sda,sdb"), "clearpart names the data disk sdb"
    ),
    Breakage(
        "disks", KICKSTART, replaced("--only-use=sda", "--only-use sda,/dev/sdc"), "names the data disk sdc"
    ),
    Breakage(
        "disks", KICKSTART, replaced("ignoredisk --only-use=sda", "autopart"), "autopart before ignoredisk"
    ),
    Breakage("disks", "packer/image.ks", replaced(" --drives=sda", ""), "without --drives", "image"),
    Breakage("consul-rules", CONSUL, replaced("encrypt =", SHORT_KEY), "encrypt holds 5 bytes"),
    Breakage("consul-rules", CONSUL, replaced("encrypt =", 'encrypt = "!"\n#'), "encrypt is not base64"),
    Breakage(
        "consul-rules",
        CONSUL,
        replaced('"192.168.11.181"', '"192.168.11.200"'),
        "bind_addr is 192.168.11.200",
    ),
    Breakage("consul-rules", CONSUL, replaced("bind_addr ", "#"), "bind_addr is missing"),
    Breakage("consul-rules", CONSUL, replaced('"127.0.0.1"', '"0.0.0.0"'), "client_addr is 0.0.0.0"),
    Breakage("consul-rules", CONSUL, replaced('  "192.168.11.192",\n', ""), "retry_join names"),
    Breakage(
        "consul-rules",
        SERVER,
        replaced('  "192.168.11.192",', '  "192.168.11.191",'),
        "retry_join holds the node itself",
    ),
    Breakage("consul-rules", SERVER, replaced("= 3", "= 2"), "bootstrap_expect is 2 with 3 servers"),
    Breakage("consul-rules", CONSUL, appended("bootstrap_expect = 3\n"), "bootstrap_expect on a client"),
    Breakage("consul-rules", CONSUL, replaced("server = false", "server = true"), "is not one"),
    Breakage(
        "consul-rules",
        SERVER,
        replaced("raft_multiplier = 1", "raft_multiplier = 11"),
        "raft_multiplier is 11",
    ),
    Breakage(
        "consul-rules",
        CONSUL,
        replaced('reconnect_timeout = "', 'reconnect_timeout = "7h59m"\n#'),
        "at least 8h",
    ),
    Breakage(
        "consul-rules",
        CONSUL,
        replaced("leave_on_terminate      = false", "leave_on_terminate = true"),
        "leave_on_terminate",
    ),
    Breakage("consul-rules", CONSUL, replaced('"pg1"', '"pg2"'), "node_name is pg2"),
    Breakage("consul-rules", CONSUL, appended("x = {\n"), "is not HCL"),
    Breakage("gossip", CONSUL, replaced("encrypt =", SHORT_KEY), "2 different gossip keys"),
    Breakage(
        "tls",
        f"{ETC}/consul.d/tls/agent.key",
        _copied_from("nodes/pg2/payload/etc/consul.d/tls/agent.key"),
        "key does not belong",
    ),
    Breakage(
        "tls",
        f"{ETC}/consul.d/tls/agent.pem",
        _copied_from("nodes/consul1/payload/etc/consul.d/tls/agent.pem"),
        "certificate of a client has the name server.",
    ),
    Breakage(
        "tls",
        "nodes/consul1/payload/etc/consul.d/tls/agent.pem",
        _copied_from("nodes/consul2/payload/etc/consul.d/tls/agent.pem"),
        "lacks the address 192.168.11.191",
    ),
    Breakage(
        "tls",
        "nodes/consul1/payload/etc/consul.d/tls/agent.pem",
        _copied_from("nodes/pg1/payload/etc/consul.d/tls/agent.pem"),
        "certificate of a server lacks the name",
    ),
    Breakage(
        "tls",
        f"{ETC}/consul.d/tls/ca.pem",
        _copied_from("nodes/pg2/payload/etc/consul.d/tls/agent.pem"),
        "not issued by the CA",
    ),
    Breakage("tls", f"{ETC}/consul.d/tls/agent.pem", _written("x"), "cert_file is not a certificate in PEM"),
    Breakage(
        "tls",
        f"{ETC}/consul.d/tls/agent.pem",
        _holding(f"{ETC}/consul.d/tls/agent.key", lambda _: True),
        "cert_file must be one PEM block",
    ),
    Breakage("tls", f"{ETC}/consul.d/tls/agent.key", _unlink, "key_file: not named"),
    Breakage(
        "postgresql-tls",
        f"{ETC}/holster/tls/server.key",
        _copied_from("nodes/pg2/payload/etc/holster/tls/server.key"),
        "key does not belong",
    ),
    Breakage(
        "postgresql-tls",
        f"{ETC}/holster/tls/server.pem",
        _copied_from("nodes/pg2/payload/etc/holster/tls/server.pem"),
        "lacks the address 192.168.11.181",
    ),
    Breakage(
        "postgresql-tls",
        f"{ETC}/holster/tls/server.pem",
        _copied_from(f"{ETC}/consul.d/tls/agent.pem"),
        "may be used as client",
    ),
    Breakage("postgresql-tls", f"{ETC}/holster/tls/ca.pem", _unlink, "ca.pem: not in the payload"),
    Breakage("postgresql-tls", f"{ETC}/holster/tls/server.pem", _written("x"), "is not a certificate in PEM"),
    Breakage("postgresql-tls", PATRONI, replaced("sslmode: verify-full", "sslmode: prefer"), "replication"),
    Breakage("postgresql-tls", PATRONI, replaced("ssl_key_file", "ssl_key"), "KeyError"),
    Breakage("patroni-tls", f"{ETC}/holster/tls/patroni.pem", _written("x"), "is not a certificate in PEM"),
    Breakage("patroni-tls", f"{ETC}/holster/tls/patroni.key", _unlink, "patroni.key: not in the payload"),
    Breakage(
        "patroni-tls",
        f"{ETC}/holster/tls/patroni.pem",
        _copied_from("nodes/pg2/payload/etc/holster/tls/patroni.pem"),
        "lacks the address 192.168.11.181",
    ),
    Breakage(
        "patroni-tls",
        f"{ETC}/holster/tls/patroni.pem",
        _copied_from(f"{ETC}/holster/tls/server.pem"),
        "may not be used as client",
    ),
    Breakage(
        "patroni-tls", PATRONI, replaced("restapi:\n", "restapi:\n  certfile: x\n"), "asks nobody for a cert"
    ),
    Breakage(
        "patroni-tls",
        f"{ETC}/holster/node.json",
        replaced('"http://192.168.11.181:8008"', '"https://192.168.11.181:8008"'),
        "do not agree on TLS",
    ),
    Breakage("patroni-rules", PATRONI, replaced("ttl: 30", "ttl: 24"), "more than ttl"),
    Breakage("patroni-rules", PATRONI, replaced("name: pg1", "name: pg2"), "name is pg2"),
    Breakage(
        "patroni-rules",
        PATRONI,
        replaced('connect_address: "192.168.11.181', 'connect_address: "192.168.11.200'),
        "restapi.connect_address is 192.168.11.200",
    ),
    Breakage("patroni-rules", PATRONI, replaced("/pgwal/16", "/pgwal/15"), "initdb puts WAL into"),
    Breakage("patroni-rules", PATRONI, replaced("/pgdata/", "/pgdata2/"), "is not below the mount /pgdata"),
    Breakage("patroni-rules", PATRONI, replaced("bootstrap:", "boot:"), "cannot be read: KeyError"),
    Breakage("packages", KICKSTART, replaced("\nlvm2\n", "\n"), "does not install lvm2"),
    Breakage("packages", "packer/image.ks", replaced("\nchrony\n", "\n"), "does not install chrony"),
    Breakage(
        "packages", "packer/variables.pkr.hcl", replaced('    "openssh-server",\n', ""), "openssh-server"
    ),
    Breakage(
        "packer-split", "packer/plugins.pkr.hcl", appended('locals {\n  a = "b"\n}\n'), "Packer 1.6 refuses"
    ),
)


def test_trap_02_the_image_is_built_on_a_disk_of_its_own(
    rendered_example: Callable[..., Path], tmp_path: Path
) -> None:
    """A machine's data disk may have the name that the disk of the build has, /dev/sda."""

    def swap(path: Path) -> None:
        names = str.maketrans({"a": "b", "b": "a"})
        text = path.read_text("utf-8")
        path.write_text(
            re.sub(r"\bsd[ab]\b", lambda found: f"sd{found[0][2].translate(names)}", text), "utf-8"
        )

    root = tmp_path / "swapped"
    shutil.copytree(rendered_example("sirius"), root)
    for node in (root / "nodes").iterdir():
        for path in (node / "ks.cfg", node / "payload/etc/holster/node.json"):
            swap(path)
    assert '"path": "/dev/sda"' in (root / ETC / "holster/node.json").read_text("utf-8")
    results = judge(root, "disks", NO_TOOLS)
    assert "packer/image.ks" in {result.file for result in results}
    assert [result for result in results if result.verdict is not Verdict.OK] == []


@pytest.mark.parametrize("breakage", BREAKAGES, ids=str)
def test_breakage_is_rejected(
    rendered_example: Callable[..., Path], tmp_path: Path, breakage: Breakage
) -> None:
    """The one check that is about it rejects it, in the words that name it."""
    source = rendered_example("sirius")
    bundle = load_bundle(source.with_name(f"{source.name}.secrets.yaml"))
    root = break_output(source, tmp_path / "broken", breakage)
    results = judge(root, breakage.check, NO_TOOLS, bundle)
    rejections = [result.detail for result in results if result.verdict is Verdict.REJECTED]
    assert any(breakage.says in detail for detail in rejections), results


@pytest.mark.parametrize("example", ["sirius", "trio", "single"])
def test_rendered_output_is_accepted(rendered_example: Callable[..., Path], example: str) -> None:
    """Nothing that Holster renders is rejected by its own rules."""
    source = rendered_example(example)
    bundle = load_bundle(source.with_name(f"{source.name}.secrets.yaml"))
    own = [check for check, tools in list_checks(source).items() if tools == {"holster"}]
    assert "manifest" in own
    results = [result for check in own for result in judge(source, check, NO_TOOLS, bundle)]
    assert [result for result in results if result.verdict is not Verdict.OK] == []


def test_ca_key_is_found_with_the_bundle_only(rendered_example: Callable[..., Path], tmp_path: Path) -> None:
    """No payload holds the CA key, so that only the bundle tells what it is."""
    source = rendered_example("sirius")
    bundle = load_bundle(source.with_name(f"{source.name}.secrets.yaml"))
    key = bundle.authority.key.get_secret_value()
    root = break_output(source, tmp_path / "broken", Breakage("secrets", f"{ETC}/hosts", appended(key), ""))
    details = [result.detail for result in judge(root, "secrets", NO_TOOLS, bundle)]
    assert f"{ETC}/hosts holds the CA key" in details
    assert not any(key.splitlines()[1] in detail for detail in details)


def test_every_own_check_has_a_breakage(rendered_example: Callable[..., Path]) -> None:
    """A check that cannot fail is a defect."""
    own = {check for check, tools in list_checks(rendered_example("sirius")).items() if tools == {"holster"}}
    assert own == {breakage.check for breakage in BREAKAGES}
