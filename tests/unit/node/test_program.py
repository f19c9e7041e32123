"""The program as it is shipped: one archive, its command line, its imports, its documentation."""

from __future__ import annotations

import ast
import io
import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import generator
from generator.node import VERSION, causes, runner
from generator.node.cli import main
from generator.node.facts.document import parse_node
from generator.node.machine.command import CommandFailed
from generator.node.runner import Runner
from generator.node.stage import Stage
from generator.node.stages import STAGES
from generator.node.stages.preflight import PreflightStage
from generator.pack.node_program import build_node_program
from tests.fakes.node_documents import make_document, write_document
from tests.fakes.node_runs import Run, run

if TYPE_CHECKING:
    from generator.node.machine.machine import Machine
    from tests.fakes.fake_machine import FakeMachine

PACKAGE = Path(generator.__file__).parent / "node"
DOCS = PACKAGE.parents[1] / "docs" / "first-boot.md"


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the shipped program."""
    path = tmp_path_factory.mktemp("archive") / "holster-node"
    path.write_bytes(build_node_program())
    return path


def call(archive: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the archive in a Python that sees nothing else of the project."""
    return subprocess.run(
        [sys.executable, "-I", str(archive), *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=archive.parent,
    )


def test_the_archive_has_the_same_bytes_every_time() -> None:
    """It is part of a payload, whose bytes depend on the spec alone."""
    data = build_node_program()
    assert data == build_node_program()
    assert data.startswith(b"#!/usr/bin/python3\n")
    entries = zipfile.ZipFile(io.BytesIO(data)).infolist()
    assert [entry.filename for entry in entries] == sorted(entry.filename for entry in entries)
    assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}


@pytest.mark.starts_python
def test_the_archive_runs_alone(archive: Path, tmp_path: Path) -> None:
    """Help, version, and a machine without payload."""
    assert call(archive, "--version").stdout == f"holster-node {VERSION}\n"
    assert "exit codes:" in call(archive, "--help").stdout
    assert call(archive).returncode == 2
    assert call(archive, "--root", str(tmp_path), "status").returncode == 1
    missing = call(archive, "--root", str(tmp_path), "run")
    assert (missing.returncode, "payload was not delivered" in missing.stdout) == (4, True)


def test_nothing_else_of_the_project_is_imported() -> None:
    """The node has this package and the standard library, of Python 3.8."""
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(), feature_version=(3, 8))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                top = name.partition(".")[0]
                assert name.startswith("generator.node") or top in sys.stdlib_module_names, f"{path}: {name}"
                assert top != "subprocess" or path.name == "command.py"


def _list_hints() -> dict[str, tuple[str, str]]:
    """Return owner and hint of each cause."""
    owned = [(cause, stage.name, hint) for stage in STAGES for cause, hint in stage.hints.items()]
    shared = [(cause, "any", hint) for cause, hint in causes.SHARED_HINTS.items()]
    found = {cause: (owner, hint) for cause, owner, hint in [*owned, *shared]}
    assert len(found) == len(owned) + len(shared), "a cause has two owners"
    return found


def _list_raised() -> set[str]:
    """Return every cause that stands as a text where one is expected."""
    places = {"StageFailed": 0, "Refused": 0, "NotYet": 0, "Cause": 0, "Gap": 0, "explain": 2, "LogText": 2}
    found = {stage.failure for stage in STAGES} | set(runner.DISK_TEXTS.values())
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            place = places.get(name, len(node.args))
            if place < len(node.args):
                argument = node.args[place]
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                    found.add(argument.value)
    return found


def test_every_cause_is_documented_and_used() -> None:
    """docs/first-boot.md lists each cause with its stage and hint; none is raised that has none."""
    rows = re.findall(
        r"^\| `([a-z-]+)` \| ([a-z, ]+) \| (.*) \|$", DOCS.read_text().partition("## Causes")[2], re.MULTILINE
    )
    hints = _list_hints()
    assert {cause: hint for cause, _, hint in rows} == {cause: hint for cause, (_, hint) in hints.items()}
    for cause, stages, _ in rows:
        assert hints[cause][0] in stages.split(", "), cause
    assert _list_raised() <= set(hints)
    sources = "".join(path.read_text() for path in PACKAGE.rglob("*.py"))
    assert [cause for cause in hints if sources.count(f'"{cause}"') < 2] == []


def test_the_stages_are_documented_in_their_order() -> None:
    """With the seconds that each has."""
    rows = re.findall(r"^\| `([a-z]+)` \| [^|]+ \| (\d+) \|", DOCS.read_text(), re.MULTILINE)
    assert rows == [(stage.name, str(stage.deadline)) for stage in STAGES]


class _NewStage(Stage):
    """One that this program does not have."""

    name = "backup"
    deadline = 7
    failure = "backup-failed"
    programs = ("sysctl", "rsync")
    hints = {"backup-failed": "look at the backup server"}  # noqa: RUF012

    def apply(self, machine: Machine) -> None:
        """Fail as a program does."""
        assert machine.deadline == machine.clock.steady() + self.deadline
        raise CommandFailed("rsync: no answer")

    def confirm(self, machine: Machine) -> None:
        """Never reached."""


def test_a_stage_brings_all_that_it_is(fake: FakeMachine) -> None:
    """A new one is a file and a line of `stages`: nothing else knows it by name."""
    stage = _NewStage()
    fake.state["missing"] = ["rsync"]
    fake.save()
    result = Run(fake)
    assert Runner(result.open(), [PreflightStage([stage]), stage]).run() == 1
    assert "the program rsync is missing" in result.failure["reason"]
    fake.state["missing"] = []
    fake.save()
    fake.script("rsync", 0, "")
    assert Runner(result.open(), [PreflightStage([stage]), stage]).run() == 1
    assert result.failure == {
        "stage": "backup",
        "cause": "backup-failed",
        "reason": "rsync: no answer",
        "hint": "look at the backup server",
    }


@pytest.mark.parametrize(("given", "expected"), [({}, 900), ({"preflight": 20}, 20)])
def test_a_declared_source_has_time_to_answer(given: dict[str, int], expected: int) -> None:
    """The other stages have their own time, and node.json may set another one."""
    document = make_document()
    document["deadlines"] = given
    preflight = STAGES[0]
    assert preflight.find_deadline(parse_node(json.dumps(document))) == given.get("preflight", 120)
    document["programs"]["consul"]["source"] = {
        "sha256": "ab" * 32,
        "url": "https://files.example.org/consul",
    }
    assert preflight.find_deadline(parse_node(json.dumps(document))) == expected
    del document["deadlines"]
    assert [stage.find_deadline(parse_node(json.dumps(document))) for stage in STAGES[1:]] == [
        stage.deadline for stage in STAGES[1:]
    ]


def test_status_shows_the_stages_to_a_person_and_to_a_program(
    fake: FakeMachine, capsys: pytest.CaptureFixture[str]
) -> None:
    """With cause, reason and hint after a failure."""
    root = ["--root", str(fake.root), "status"]
    assert main(root) == 1
    assert "has not begun" in capsys.readouterr().out
    fake.add_disk("sdb", 1024, {"TYPE": "ext4"})
    assert run(fake).code == 3
    assert main(root) == 0
    text = capsys.readouterr().out
    assert text.startswith("demo/pg1: refused\n")
    assert re.search(r"^  preflight +done +0\.0 s$", text, re.MULTILINE)
    assert "  cause:  disk-foreign (storage)\n" in text
    assert "  hint:   save what is on the disk" in text
    assert main([*root, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["failure"]["cause"] == "disk-foreign"
    issue = fake.at("/etc/issue.d/holster.issue").read_text()
    assert "refused, no disk was changed: disk-foreign" in issue


def test_the_console_gets_the_cause(fake: FakeMachine) -> None:
    """A person at the screen sees the same words."""
    console = fake.at("/dev/console")
    console.write_text("")
    fake.add_disk("sdb", 1024, {"TYPE": "ext4"})
    run(fake)
    assert "holster: [storage] what to do:" in console.read_text()


def test_a_second_run_beside_the_first_is_turned_away(fake: FakeMachine) -> None:
    """The lock is the kernel's: a dead run holds none."""
    from generator.node.machine.locks import RUN_LOCK, try_lock  # noqa: PLC0415 - beside its use
    from generator.node.machine.rootfs import RootFs  # noqa: PLC0415 - beside its use

    with try_lock(RootFs(str(fake.root)), RUN_LOCK) as is_free:
        assert is_free
        assert run(fake).code == 5
    assert run(fake, "preflight").code == 0


def test_a_sealed_machine_is_left_alone_until_its_payload_changes(fake: FakeMachine) -> None:
    """The marker names the instance."""
    assert run(fake).code == 0
    fake.forget_calls()
    assert run(fake).code == 0
    assert fake.calls == []
    write_document(fake, {**make_document(), "instance_id": "demo-pg1-changed"})
    assert run(fake).code == 0
    assert fake.calls


def test_a_bug_reaches_the_status_file(fake: FakeMachine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Never just a traceback in a journal that nobody reads."""

    def explode(_machine: object) -> None:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr(STAGES[3], "apply", explode)
    result = run(fake)
    assert result.code == 1
    assert result.failure["cause"] == "internal"
    assert "ZeroDivisionError" in result.failure["reason"]
