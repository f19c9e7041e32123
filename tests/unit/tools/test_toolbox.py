"""Finding programs: order of folders, versions side by side, questions asked once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from generator.errors import ToolFailed, ToolMissing
from generator.tools import toolbox as module
from generator.tools.process import Completed
from generator.tools.programs import CONSUL, KSVALIDATOR, PROGRAMS
from generator.tools.toolbox import ToolBox, create_toolbox

if TYPE_CHECKING:
    from pathlib import Path

    from generator.tools.process import Command
    from generator.versions import VersionNumber


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let each program answer with what its file says; return whom was asked."""
    calls: list[str] = []

    def answer(command: Command) -> Completed:
        path = command.argv[0]
        calls.append(path.name)  # type: ignore[union-attr]
        text = path.read_text()  # type: ignore[union-attr]
        if text == "broken":
            raise ToolFailed("no")
        return Completed("", 0, text, "", 0.0)

    monkeypatch.setattr(module, "run", answer)
    return calls


def _put(folder: Path, name: str, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(text)
    path.chmod(0o755)
    return path


def _old(version: VersionNumber) -> bool:
    return not version.at_least("1.12")


def test_versions_lie_side_by_side(tmp_path: Path, asked: list[str]) -> None:
    """One folder, two versions, each found by what it says of itself."""
    _put(tmp_path, "consul-1.8.7", "Consul v1.8.7\n")
    _put(tmp_path, "consul-1.13.9", "Consul v1.13.9\n")
    box = ToolBox([tmp_path])
    assert str(box.find(CONSUL).version) == "1.13.9", "any version means the newest"
    old = box.find(CONSUL, _old, "before 1.12")
    assert (old.path.name, old.label) == ("consul-1.8.7", "consul 1.8.7")
    box.find(CONSUL, _old, "before 1.12")
    assert sorted(asked) == ["consul-1.13.9", "consul-1.8.7"], "each is asked once"


def test_file_name_says_nothing_about_the_version(tmp_path: Path, asked: list[str]) -> None:
    """People rename files; the refusal names what was found."""
    _put(tmp_path, "consul-1.8.7", "Consul v1.20.0\n")
    with pytest.raises(ToolMissing, match=r"consul before 1.12 is not installed \(found: 1.20.0\)"):
        ToolBox([tmp_path]).find(CONSUL, _old, "before 1.12")
    assert asked == ["consul-1.8.7"]


def test_earlier_folder_wins(tmp_path: Path, asked: list[str]) -> None:
    """HOLSTER_TOOLS before PATH, missing folders passed over."""
    first = _put(tmp_path / "a", "consul", "Consul v1.9.0")
    _put(tmp_path / "b", "consul", "Consul v1.10.0")
    box = ToolBox([tmp_path / "none", tmp_path / "a", tmp_path / "b"])
    assert box.find(CONSUL).path == first
    assert asked == ["consul"]


def test_what_cannot_be_executed_is_not_found(tmp_path: Path, asked: list[str]) -> None:
    """Neither plain files nor folders are programs."""
    _put(tmp_path, "consul", "Consul v1.9.0").chmod(0o644)
    (tmp_path / "consul-1").mkdir()
    with pytest.raises(ToolMissing) as caught:
        ToolBox([tmp_path]).find(CONSUL)
    assert caught.value.hint == CONSUL.hint
    assert asked == []


@pytest.mark.parametrize("text", ["broken", "says nothing of a version"])
def test_program_without_a_version_is_no_answer_to_a_wish(
    tmp_path: Path, asked: list[str], text: str
) -> None:
    """It will do when any version does."""
    _put(tmp_path, "consul", text)
    box = ToolBox([tmp_path])
    assert box.find(CONSUL).version is None
    with pytest.raises(ToolMissing, match="found: unknown"):
        box.find(CONSUL, _old)
    assert asked == ["consul"]


def test_program_that_has_no_version_is_not_asked(tmp_path: Path, asked: list[str]) -> None:
    """There is no option for it."""
    _put(tmp_path, "ksvalidator", "")
    assert ToolBox([tmp_path]).find(KSVALIDATOR).label == "ksvalidator"
    assert asked == []


def test_box_searches_tools_then_python_then_path(tmp_path: Path) -> None:
    """The Python tools come from the environment we run in."""
    (tmp_path / "packer-plugins").mkdir()
    box = create_toolbox(tmp_path, "/opt/x:/usr/bin")
    assert box.folders[0] == tmp_path
    assert [str(folder) for folder in box.folders[2:4]] == ["/opt/x", "/usr/bin"]
    assert box.plugins == tmp_path / "packer-plugins"
    assert create_toolbox(None, "/usr/bin").plugins is None


def test_every_program_has_a_hint_and_its_own_name() -> None:
    """A missing tool is always named with where to get it."""
    assert all(program.hint and name == program.name for name, program in PROGRAMS.items())
