"""What docs/architecture.md says under "How to add" takes the files that it names, and no other one."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.starts_python

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("generator", "templates", "kickstart", "packer", "examples", "docs", "requirements")
PAGE = (ROOT / "docs/architecture.md").read_text("utf-8")


def list_files(addition: str) -> set[str]:
    """Return the files that the page names for an addition."""
    row = next(line for line in PAGE.splitlines() if line.startswith(f"| {addition} |"))
    return set(re.findall(r"`([\w/.<>-]+)`", row.split("|")[2]))


class Copy:
    """A copy of the program that a test may change."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.touched: set[str] = set()
        for part in PARTS:
            if (ROOT / part).is_dir():
                shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "pyproject.toml", folder)

    def change(self, name: str, old: str, new: str) -> None:
        """Replace a text that stands once in a file."""
        text = (self.folder / name).read_text("utf-8")
        assert text.count(old) == 1, (name, old)
        (self.folder / name).write_text(text.replace(old, new), "utf-8")
        self.touched.add(name)

    def write(self, name: str, text: str) -> None:
        """Make a file."""
        (self.folder / name).write_text(text, "utf-8")
        self.touched.add(name)

    def run(self, *arguments: str) -> str:
        """Run this copy's Python."""
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(self.folder)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def render(self, spec: str) -> Path:
        """Render a spec; return the payload of its first member."""
        self.run("-m", "generator", "render", spec, "-o", "made", "--secrets", "bundle.yaml")
        return self.folder / "made/nodes/trio1/payload"


@pytest.fixture
def copied(tmp_path: Path) -> Copy:
    """Return a fresh copy."""
    return Copy(tmp_path)


def test_a_key_that_becomes_a_line_of_patroni(copied: Copy) -> None:
    """Two files by hand; schema, reference and golden files are made from them."""
    section, template = "generator/spec/model/failover.py", "templates/payload/patroni.yml.j2"
    copied.change(
        section,
        "class PatroniSpec(SpecModel):\n",
        'class PatroniSpec(SpecModel):\n    max_timelines: StrictInt = 0\n    """History that is kept."""\n',
    )
    line = "    ttl: {{ cluster.spec.patroni.ttl | yaml_scalar }}\n"
    copied.change(
        template,
        line,
        f"{line}    max_timelines_history: {{{{ cluster.spec.patroni.max_timelines | yaml_scalar }}}}\n",
    )
    spec = (ROOT / "examples/trio.yaml").read_text("utf-8")
    copied.write("spec.yaml", f"{spec}\npatroni: {{max_timelines: 7}}\n")
    assert "max_timelines_history: 7\n" in (copied.render("spec.yaml") / "etc/patroni/config.yml").read_text()
    assert "max_timelines" in copied.run("-m", "generator", "schema")
    assert {section.replace("failover", "<section>"), template} == list_files(
        "a key of the spec that becomes a line of patroni.yml"
    )


def test_a_platform(copied: Copy) -> None:
    """One file of facts."""
    facts = (ROOT / "generator/platforms/debian13.yaml").read_text("utf-8")
    copied.write("generator/platforms/debian14.yaml", facts.replace("Debian 13", "Debian 14"))
    spec = (ROOT / "examples/trio.yaml").read_text("utf-8")
    copied.write("spec.yaml", re.sub(r"(?m)^platform: .*$", "platform: debian14", spec))
    assert (copied.render("spec.yaml") / "etc/holster/node.json").is_file()
    assert list_files("a platform") == {"generator/platforms/<name>.yaml"}


def test_a_file_of_every_machine(copied: Copy) -> None:
    """A template, and a row of the table that both ways of delivery read."""
    copied.write("templates/payload/motd.j2", "{{ node.name | conf_word }}\n")
    table = "generator/render/payload.py"
    row = '    PayloadEntry("hosts", _fixed("/etc/hosts")),\n'
    copied.change(table, row, f'{row}    PayloadEntry("motd", _fixed("/etc/motd")),\n')
    payload = copied.render("examples/trio.yaml")
    assert (payload / "etc/motd").read_text() == "trio1\n"
    assert "path: /etc/motd\n" in (payload.parent / "user-data").read_text()
    assert list_files("a file of every machine") == {"templates/payload/<name>.j2", table}


STAGE = '''"""Stage lamp: tell the room."""

from generator.node.stage import Stage


class LampStage(Stage):
    """Switch a lamp on."""

    name = "lamp"
    deadline = 10

    def apply(self, machine):
        """Press the switch."""
        machine.commands.run("lamp", "on")

    def confirm(self, machine):
        """Nobody waits for light."""
'''


def test_a_stage(copied: Copy) -> None:
    """Its own file says all that it is; the list says when it runs."""
    copied.write("generator/node/stages/lamp.py", STAGE)
    stages = "generator/node/stages/__init__.py"
    copied.change(stages, "    SealStage(),\n", "    LampStage(),\n    SealStage(),\n")
    line = "from generator.node.stages.patroni import PatroniStage\n"
    copied.change(stages, line, f"from generator.node.stages.lamp import LampStage\n{line}")
    names = "from generator.node.stages import STAGES; print([stage.name for stage in STAGES])"
    assert "'lamp', 'seal'" in copied.run("-c", names)
    assert list_files("a stage") == {"generator/node/stages/<name>.py", stages, "docs/first-boot.md"}
