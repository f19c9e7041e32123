"""The scripts that install programs and wheels in an image, run for real with small stand-ins."""

from __future__ import annotations

import ensurepip
import os
import shutil
import subprocess
import sys
import zipfile
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from generator.build.inventory import Item, parse_inventory
from generator.pack.node_program import SHEBANG, build_node_program
from tests.fakes.file_server import Behaviour, FileServer
from tests.unit.artifacts.test_unpack import PROGRAM, write_tar, write_zip

if TYPE_CHECKING:
    from subprocess import CompletedProcess

pytestmark = pytest.mark.external

SCRIPTS = Path(__file__).resolve().parents[2] / "packer/scripts"
SYSTEM = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
INTERPRETER = f"#!{sys.executable}\n".encode()
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"


def make_wheel(folder: Path, name: str, needs: str = "", programs: tuple[str, ...] = ()) -> str:
    """Write a wheel of version 1.0; return it as the recipe names it."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-1.0-py3-none-any.whl"
    info = f"{name}-1.0.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
    entries = "".join(f"{program} = {name}:main\n" for program in programs)
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(f"{name}.py", f"def main():\n    print('{name} 1.0')\n")
        wheel.writestr(f"{info}/METADATA", metadata + (f"Requires-Dist: {needs}\n" if needs else ""))
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/entry_points.txt", f"[console_scripts]\n{entries}")
        wheel.writestr(f"{info}/RECORD", "")
    return f"{name}==1.0|{sha256(path.read_bytes()).hexdigest()}"


class Machine:
    """A folder that stands in for the machine that is built."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.disc = root / "disc"
        self.home = root / "opt/patroni"
        self.program = root / "bin/patroni"
        self.inventory = root / "inventory.tsv"

    def make_node_program(self) -> Path:
        """Write the first-boot program; return its path."""
        program = self.root / "holster-node"
        self.root.mkdir(exist_ok=True)
        if not program.exists():
            program.write_bytes(build_node_program().replace(SHEBANG, INTERPRETER, 1))
            program.chmod(0o755)
        return program

    def run(self, script: str, **settings: str) -> CompletedProcess[str]:
        """Run a script with the settings of the recipe and these."""
        environment = {
            # The Python of the tests has what an image's has: venv.
            "PATH": f"{Path(sys.executable).parent}:{SYSTEM}",
            "HOLSTER_ARTIFACTS": str(self.disc),
            "HOLSTER_PATRONI": str(self.program),
            "HOLSTER_PYTHON": PYTHON,
            "HOLSTER_WHEELS": "",
            "HOLSTER_WHEELS_HOME": str(self.home),
            "HOLSTER_PROGRAM_FILES": "",
            "HOLSTER_INVENTORY": str(self.inventory),
            "HOLSTER_NODE_PROGRAM": str(self.make_node_program()),
            "HOLSTER_CONSUL_USER": "root",
            "HOLSTER_CONSUL_DATA": "/nonexistent",
            **settings,
        }
        argv: list[str | Path] = ["bash", SCRIPTS / script]
        return subprocess.run(argv, env=environment, check=False, capture_output=True, text=True, timeout=120)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """Return a machine with an empty disc."""
    return Machine(tmp_path)


@pytest.fixture
def wheels(machine: Machine) -> list[str]:
    """Put Patroni, what it needs and pip on the disc; return the first two as the recipe names them."""
    folder = machine.disc / "wheels"
    named = [
        make_wheel(folder, "patroni", "ydiff>=1.0", ("patroni", "patronictl")),
        make_wheel(folder, "ydiff"),
    ]
    (pip,) = (Path(ensurepip.__file__).parent / "_bundled").glob("pip-*.whl")
    shutil.copy(pip, folder)
    return named


def test_patroni_is_installed_from_named_wheels(machine: Machine, wheels: list[str]) -> None:
    """In an environment of its own, by the interpreter that the first line of the program names."""
    answer = machine.run("27-wheels.sh", HOLSTER_WHEELS=" ".join([*wheels, f"pip==25.0.1|{'0' * 64}"]))
    assert answer.returncode == 0, answer.stderr
    for name in ("patroni", "patronictl"):
        program = machine.program.with_name(name)
        said = subprocess.run([program], check=True, capture_output=True, text=True, timeout=60)
        assert said.stdout == "patroni 1.0\n"
        assert program.read_text().startswith(f"#!{machine.home}/bin/python")
    assert not (machine.home / "bin/pip").exists()


def test_patroni_is_installed_from_whatever_wheels_lie_on_the_disc(
    machine: Machine, wheels: list[str]
) -> None:
    """Nobody named them; the manifest of the folder was compared before the disc was made."""
    del wheels
    answer = machine.run("27-wheels.sh")
    assert answer.returncode == 0, answer.stderr
    assert machine.program.exists()


def test_another_wheel_than_named_is_refused(machine: Machine, wheels: list[str]) -> None:
    """By pip itself, inside the machine."""
    make_wheel(machine.disc / "wheels", "ydiff", programs=("changed",))
    answer = machine.run("27-wheels.sh", HOLSTER_WHEELS=" ".join(wheels))
    assert answer.returncode
    assert "DO NOT MATCH THE HASHES" in answer.stderr
    assert not machine.program.exists()


def test_a_wheel_that_is_missing_is_named(machine: Machine, wheels: list[str]) -> None:
    """And nothing is asked of a network: pip is told not to."""
    del wheels
    (machine.disc / "wheels/ydiff-1.0-py3-none-any.whl").unlink()
    answer = machine.run("27-wheels.sh")
    assert answer.returncode
    assert "No matching distribution found for ydiff>=1.0" in answer.stderr


def test_no_wheels_at_all_is_said(machine: Machine) -> None:
    """With the key of the spec."""
    answer = machine.run("27-wheels.sh")
    assert answer.returncode
    assert "components.patroni.wheels" in answer.stderr


def test_a_package_of_patroni_needs_no_wheels(machine: Machine) -> None:
    """The script does nothing."""
    answer = machine.run("27-wheels.sh", HOLSTER_PATRONI="")
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, "", "")
    assert not machine.home.exists()


RPM = b"\xed\xab\xee\xdb\x03" + bytes(100)
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="programs are installed as root's")


@needs_root
@pytest.mark.parametrize("kind", ["zip", "tar.gz", "tar.bz2", "bare"])
def test_a_program_is_downloaded_and_unpacked(machine: Machine, kind: str) -> None:
    """What the build without artifacts does in the machine: the digest is the archive's, its name lies."""
    archive = machine.root / f"download.{kind}"
    if kind == "bare":
        archive.write_bytes(PROGRAM)
    else:
        (write_zip if kind == "zip" else write_tar)(archive, {"folder/consul": PROGRAM, "LICENSE": b"x"})
    digest, target = sha256(archive.read_bytes()).hexdigest(), machine.root / "usr/bin/consul"
    with FileServer() as server:
        server.files["/consul.rpm?token=x"] = Behaviour(archive.read_bytes())
        word = f"consul|{target}|{server.url}/consul.rpm?token=x|{digest}|1.22.0"
        answer = machine.run("25-programs.sh", HOLSTER_PROGRAM_FILES=word)
    assert answer.returncode == 0, answer.stderr
    assert target.read_bytes() == PROGRAM
    assert target.stat().st_mode & 0o777 == 0o755


@needs_root
@pytest.mark.parametrize(
    ("content", "digest", "words"),
    [
        (PROGRAM, "0" * 64, "FAILED"),
        (PROGRAM, "", "nothing says which SHA-256 consul from http"),
        (RPM, sha256(RPM).hexdigest(), "it is a rpm package, not the program consul"),
        (b"<html>", sha256(b"<html>").hexdigest(), "it is neither a program, a zip nor a tar"),
    ],
)
def test_a_program_that_is_not_the_declared_one_is_refused(
    machine: Machine, content: bytes, digest: str, words: str
) -> None:
    """The build ends there."""
    target = machine.root / "usr/bin/consul"
    with FileServer() as server:
        server.files["/consul?token=to-ken"] = Behaviour(content)
        word = f"consul|{target}|{server.url}/consul?token=to-ken|{digest}|1.22.0"
        answer = machine.run("25-programs.sh", HOLSTER_PROGRAM_FILES=word)
    assert answer.returncode
    assert words in answer.stdout + answer.stderr
    assert "to-ken" not in answer.stdout + answer.stderr
    assert not target.exists()


@pytest.mark.skipif(shutil.which("dpkg-query") is None, reason="the package manager is not Debian's")
def test_everything_that_is_installed_is_listed(machine: Machine, wheels: list[str]) -> None:
    """Packages by their manager, wheels by their environment, programs by their digest."""
    assert machine.run("27-wheels.sh", HOLSTER_WHEELS=" ".join(wheels)).returncode == 0
    consul = machine.root / "consul"
    consul.write_bytes(PROGRAM)
    files = f"consul|{consul}|||1.22.0 vip-manager|{machine.root}/missing|||4.0.0"
    answer = machine.run("40-list-packages.sh", HOLSTER_FAMILY="deb", HOLSTER_PROGRAM_FILES=files)
    assert answer.returncode == 0, answer.stderr
    items = parse_inventory(machine.inventory.read_text())
    assert Item("program", "consul", "1.22.0", sha256=sha256(PROGRAM).hexdigest()) in items
    assert {item.name for item in items if item.kind == "wheel"} == {"patroni", "ydiff"}
    dpkg = next(item for item in items if (item.kind, item.name) == ("package", "dpkg"))
    assert dpkg.version
    assert dpkg.architecture


def list_compiled(program: Path) -> list[str]:
    """Return the files of a program that Python compiles when it starts."""
    watch = (
        "import runpy, sys\n"
        "seen = []\n"
        "sys.addaudithook(lambda event, args: event == 'compile' and seen.append(str(args[1])))\n"
        "sys.argv = [sys.argv[1], '--version']\n"
        "try:\n"
        "    runpy.run_path(sys.argv[0], run_name='__main__')\n"
        "finally:\n"
        "    print(*[name for name in seen if sys.argv[0] in name], sep='\\n')\n"
    )
    done = subprocess.run([sys.executable, "-c", watch, program], check=True, capture_output=True, text=True)
    version, *compiled = done.stdout.split("\n")
    assert version.startswith("holster-node ")
    return [name for name in compiled if name]


def test_the_first_boot_program_is_compiled_for_the_image_s_python(machine: Machine) -> None:
    """It starts without compiling anything, and the sources stay for another Python."""
    program = machine.make_node_program()
    assert len(list_compiled(program)) > 40
    done = machine.run("15-compile.sh", HOLSTER_NODE_PROGRAM=str(program))
    assert done.returncode == 0, done.stderr
    assert program.read_bytes().startswith(INTERPRETER)
    assert program.stat().st_mode & 0o777 == 0o755
    with zipfile.ZipFile(program) as archive:
        names = set(archive.namelist())
    sources = {name for name in names if name.endswith(".py")}
    assert {f"{name}c" for name in sources} <= names
    assert "generator/node/stages/storage.py" in sources
    assert list_compiled(program) == []
