"""A real image, built by Packer and QEMU; good ones are examined from outside, bad ones are refused.

Needs a folder of artifacts for debian13 (docs/image.md), named by HOLSTER_ARTIFACTS.  The good
image is kept beside it and built anew only when recipe, artifacts or base change.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from generator.artifacts.folder import digest_file
from generator.build import image
from generator.build.examine import judge_disk
from generator.build.image import CONSOLE, LOG, MATERIALS, BuildRequest, BuiltImage, build_golden_image
from generator.build.plan import Base, BuildPaths
from generator.credentials.store import load_bundle
from generator.errors import OutputRejected, ToolFailed, ToolMissing
from generator.progress import SilentReporter
from generator.tools import programs
from generator.tools.debugfs import extract, list_folder
from generator.tools.qemu import convert_to_raw
from generator.tools.toolbox import ToolBox
from tests.example_image import SPEC, build_once, order_example
from tests.external.machine_fixtures import absent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = [pytest.mark.external, pytest.mark.image]

DEADLINE_S = 180


@pytest.fixture(scope="session")
def example(rendered_example: Callable[..., Path]) -> tuple[Path, Path]:
    """Return the rendered example and its bundle."""
    output = rendered_example("trio")
    return output, output.with_name(f"{output.name}.secrets.yaml")


@pytest.fixture(scope="session")
def order(example: tuple[Path, Path]) -> BuildRequest:
    """Return the order of the example's image."""
    folder = os.environ.get("HOLSTER_ARTIFACTS")
    if not folder:
        absent("artifacts for debian13 (HOLSTER_ARTIFACTS names them, docs/image.md)")
    return order_example(Path(folder), *example)


@pytest.fixture(scope="session")
def built(order: BuildRequest, toolbox: ToolBox) -> BuiltImage:
    """Return the good image."""
    return build_once(order, toolbox, SilentReporter())


@pytest.fixture
def disk(built: BuiltImage, toolbox: ToolBox, tmp_path: Path) -> Iterator[Path]:
    """Return the good image's disk, to read and to spoil."""
    raw = tmp_path / "disk.raw"
    convert_to_raw(toolbox.find(programs.QEMU_IMG), built.path, raw)
    yield raw
    raw.unlink(missing_ok=True)  # pytest would keep it


@pytest.fixture
def second(order: BuildRequest, built: BuiltImage, tmp_path: Path) -> BuildRequest:
    """Return an order that starts from the good image: its packages are installed already."""
    folder = built.path.parent
    base = Base(built.path, built.sha256, folder / "vmlinuz", folder / "initrd.img")
    recipe = tmp_path / "packer"
    shutil.copytree(order.recipe, recipe)
    return replace(order, base=base, recipe=recipe, target=tmp_path / "image")


def test_trap_18_the_built_disk_has_no_identity(
    order: BuildRequest, disk: Path, toolbox: ToolBox, tmp_path: Path
) -> None:
    """Read by debugfs, on the bytes of the disk itself."""
    debugfs, facts = toolbox.find(programs.DEBUGFS), order.profile

    def names(folder: str) -> set[str]:
        return set(list_folder(debugfs, disk, folder) or {})

    assert (list_folder(debugfs, disk, "/etc") or {})["machine-id"] == 0
    assert not [name for name in names("/etc/ssh") if name.startswith("ssh_host_")]
    assert "random-seed" not in names("/var/lib/systemd")
    assert not names("/var/lib/cloud")
    assert not [name for name in names("/var/log") if name.startswith("cloud-init")]
    assert not names(facts.paths.consul_config_dir)
    assert not names(facts.paths.consul_data_dir)
    assert Path(facts.paths.patroni_config).name not in names("/etc/patroni")
    assert "vip-manager.yml" not in names("/etc/default")
    assert not names(facts.users.postgres_home)
    assert not {"pgdata", "pgwal"} & names("/")
    assert not names("/home")
    assert not names("/root/.ssh")
    passwd = tmp_path / "passwd"
    assert extract(debugfs, disk, "/etc/passwd", passwd)
    users = {line.split(":")[0] for line in passwd.read_text().splitlines()}
    assert {"consul", "postgres"} <= users
    assert facts.image.ssh_user not in users
    assert "holster-node" in names("/usr/local/sbin")


def find_words(file: Path, words: set[str]) -> set[str]:
    """Return the words that stand anywhere in the file."""
    sought, rest = {word: word.encode() for word in words}, b""
    found: set[str] = set()
    with file.open("rb") as stream:
        while chunk := stream.read(2**26):
            found |= {word for word, value in sought.items() if value in rest + chunk}
            rest = chunk[-100:]
    return found


def test_no_value_of_the_bundle_is_in_the_bytes(
    order: BuildRequest, example: tuple[Path, Path], built: BuiltImage
) -> None:
    """Sought in the very file that people copy; what is there for certain is found."""
    bundle = load_bundle(example[1])
    values = set(order.secrets.values())
    assert {bundle.gossip_key.get_secret_value(), bundle.passwords.superuser.get_secret_value()} <= values
    assert len(values) == len(order.secrets) > 10
    known = "create_main_cluster = false"
    assert find_words(built.path, {*values, known}) == {known}


def test_the_materials_name_what_is_installed(built: BuiltImage) -> None:
    """Packages by their package manager, Consul by its digest."""
    document = json.loads((built.path.parent / MATERIALS).read_text())
    names = {component["name"] for component in document["components"]}
    assert {"patroni", "postgresql-17", "cloud-init", "consul"} <= names
    assert document["metadata"]["component"]["hashes"][0]["content"] == digest_file(built.path)


def test_the_same_inputs_build_nothing(order: BuildRequest, built: BuiltImage, second: BuildRequest) -> None:
    """No program is started: there is none. The files are the same; another input is another image."""

    def state() -> dict[str, tuple[int, int]]:
        found = {path.name: path.stat() for path in built.path.parent.iterdir()}
        return {name: (stat.st_ino, stat.st_mtime_ns) for name, stat in found.items()}

    nothing, before = ToolBox([]), state()
    again = build_golden_image(order, nothing, SilentReporter())
    assert (again.is_new, again.path, again.sha256) == (False, built.path, digest_file(built.path))
    assert state() == before
    (second.recipe / "scripts/one-more.sh").write_text("true\n")
    with pytest.raises(ToolMissing):
        build_golden_image(replace(order, recipe=second.recipe), nothing, SilentReporter())
    assert state() == before


def test_a_broken_image_fails_with_the_complete_list(
    second: BuildRequest, example: tuple[Path, Path], toolbox: ToolBox
) -> None:
    """One program missing and one secret left: both are named, and no image is left behind."""
    with (second.recipe / "scripts/30-units.sh").open("a") as script:
        script.write("rm /usr/bin/consul\n")
    key = load_bundle(example[1]).authority.key.get_secret_value()
    (second.recipe / "files/etc/leaked.pem").write_text(key)
    with pytest.raises(ToolFailed) as caught:
        build_golden_image(second, toolbox, SilentReporter())
    assert "the image is not fit (2 findings)" in caught.value.message
    assert "missing in the image: /usr/bin/consul" in caught.value.message
    assert "a private key is in the image: /etc/leaked.pem" in caught.value.message
    assert key.splitlines()[1] not in caught.value.message
    assert {path.name for path in second.target.iterdir()} == {CONSOLE, LOG}


def spoil(disk: Path, toolbox: ToolBox, scratch: Path, files: dict[str, str]) -> None:
    """Write files into the disk's file system."""
    commands = []
    for number, (path, content) in enumerate(files.items()):
        source = scratch / f"file-{number}"
        source.write_text(content)
        folder, _, name = path.rpartition("/")
        parts = folder.split("/")
        commands += [f"mkdir {'/'.join(parts[:end])}" for end in range(2, len(parts) + 1)]
        commands += [f"cd {folder}", f"rm {name}", f"write {source} {name}"]
    ask_debugfs(disk, toolbox, scratch, commands)


def ask_debugfs(disk: Path, toolbox: ToolBox, scratch: Path, commands: list[str]) -> None:
    """Change the disk's file system."""
    script = scratch / "commands"
    script.write_text("".join(f"{command}\n" for command in commands))
    argv = [str(toolbox.find(programs.DEBUGFS).path), "-w", "-f", str(script), str(disk)]
    subprocess.run(argv, check=True, capture_output=True, timeout=DEADLINE_S)


def test_what_the_check_inside_cannot_see_is_found_from_outside(
    order: BuildRequest, disk: Path, toolbox: ToolBox, tmp_path: Path
) -> None:
    """The good disk passes; each thing left on it is named, also in a file that was deleted again."""
    assert judge_disk(toolbox, disk, tmp_path, order.profile, order.secrets) == []
    title, value = next((title, value) for title, value in order.secrets.items() if "gossip" in title)
    spoil(
        disk,
        toolbox,
        tmp_path,
        {
            "/etc/leaked.txt": f"key = {value}\n",
            "/etc/machine-id": "0123456789abcdef0123456789abcdef\n",
            "/etc/ssh/ssh_host_ed25519_key": "key",
            "/var/lib/cloud/instances/i-1/user-data.txt": "data",
            f"{order.profile.paths.consul_data_dir}/node-id": "id",
            "/var/lib/postgresql/17/main/PG_VERSION": "17",
        },
    )
    remains = {
        "/etc/machine-id is not empty",
        "a host key: /etc/ssh/ssh_host_ed25519_key",
        "/var/lib/cloud is not empty",
        f"{order.profile.paths.consul_data_dir} is not empty",
        "/var/lib/postgresql/17/main is not empty",
    }
    leaked = f"{title} stands in the image"
    assert set(judge_disk(toolbox, disk, tmp_path, order.profile, order.secrets)) == {leaked, *remains}
    places = BuildPaths(tmp_path)
    places.image_folder.mkdir()
    disk.rename(places.image_folder / order.name)
    with pytest.raises(OutputRejected, match="the built disk is not fit") as caught:
        image._examine(order, places, toolbox)
    (places.image_folder / order.name).rename(disk)
    assert leaked in caught.value.message
    assert value not in caught.value.message
    ask_debugfs(disk, toolbox, tmp_path, ["rm /etc/leaked.txt"])
    assert "leaked.txt" not in (list_folder(toolbox.find(programs.DEBUGFS), disk, "/etc") or {})
    assert leaked in judge_disk(toolbox, disk, tmp_path, order.profile, order.secrets)


def test_qemus_own_words_reach_the_user(second: BuildRequest, toolbox: ToolBox, tmp_path: Path) -> None:
    """A kernel that is no kernel: Packer alone would say that QEMU failed to start."""
    kernel = tmp_path / "no-kernel"
    kernel.write_bytes(b"no kernel")
    assert second.base is not None
    broken = replace(second, base=replace(second.base, kernel=kernel), accelerator="tcg")
    with pytest.raises(ToolFailed, match=r"QEMU did not start:\n.*kernel"):
        build_golden_image(broken, toolbox, SilentReporter())


def read_processes() -> dict[int, tuple[int, str, str]]:
    """Return every process of this machine: parent, name and command line by its number."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            name, _, rest = (folder / "stat").read_text().partition("(")[2].rpartition(")")
            state, parent = rest.split()[:2]
            if state != "Z":
                found[int(folder.name)] = (int(parent), name, (folder / "cmdline").read_text())
    return found


def list_family(first: int) -> dict[int, str]:
    """Return the names of a process's descendants."""
    processes, family = read_processes(), {first}
    while more := {pid for pid, (parent, *_) in processes.items() if parent in family} - family:
        family |= more
    return {pid: processes[pid][1] for pid in family - {first}}


def wait_for(condition: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    """Return once the condition holds."""
    end = time.monotonic() + DEADLINE_S
    while not condition():
        assert process.poll() is None, process.communicate()[1].decode()
        assert time.monotonic() < end
        time.sleep(0.2)


def end_family(family: dict[int, str], target: Path) -> dict[int, str]:
    """Return what still lives of the build a few seconds later, and end it."""
    end = time.monotonic() + 5
    while True:
        left = {
            pid: name
            for pid, (_, name, line) in read_processes().items()
            if family.get(pid) == name or str(target) in line
        }
        if not left or time.monotonic() > end:
            break
        time.sleep(0.1)
    for pid in left:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return left


def test_ctrl_c_during_a_build_leaves_nothing_behind(
    order: BuildRequest, built: BuiltImage, tmp_path: Path
) -> None:
    """Packer, its plugin and QEMU end with us; of the scratch folder nothing stays; 130 says why."""
    assert order.artifacts is not None
    target = tmp_path / "image"
    argv = [sys.executable, "-m", "generator", "build", SPEC, "--artifacts", order.artifacts.root]
    argv += ["--image", target, "--output", tmp_path / "out", "--secrets", tmp_path / "secrets.yaml"]
    process = subprocess.Popen(
        [str(word) for word in argv],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(SPEC.parents[1])},
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        wait_for(
            lambda: any(
                "Linux version" in path.read_text("utf-8", "replace")
                for path in target.glob(".work.*/console.log")
            ),
            process,
        )
        family = list_family(process.pid)
        assert {"qemu-system-x86", "packer-plugin-q"} <= set(family.values())
        assert any(name.startswith("packer-1") or name == "packer" for name in family.values())
        # The terminal sends it to the foreground group, where only we are: tools have sessions of their own.
        os.killpg(process.pid, signal.SIGINT)
        words = process.communicate(timeout=30)[1].decode()
    finally:
        if process.poll() is None:
            process.kill()
    assert process.returncode == 130, words
    assert "Traceback" not in words
    assert end_family(family, target) == {}
    assert {path.name for path in target.iterdir()} <= {CONSOLE, LOG}
    assert digest_file(built.path) == built.sha256
