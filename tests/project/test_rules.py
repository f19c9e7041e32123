"""The repository's own rules: what prose alone would not keep."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / "generator").rglob("*.py"))


def imported_names(path: Path) -> set[str]:
    """Return the top-level packages that a source file imports."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.add(node.module.split(".")[0])
    return names


ALLOWED = {
    # The node's program ships without the rest and has a gateway of its own.
    "subprocess": {"tools/process.py", "node/machine/command.py"},
    "click": {"cli/"},
    "jinja2": {"render/"},
    "rich": {"cli/", "progress.py"},
    "cryptography": {"credentials/", "verify/"},
    "pycdlib": {"pack/seed.py", "verify/", "iso.py"},
    "random": set(),
}


@pytest.mark.parametrize("package", sorted(ALLOWED))
def test_package_is_imported_only_where_it_belongs(package: str) -> None:
    """One concern, one place: processes, terminal, templates, cryptography."""
    allowed = ALLOWED[package]
    strays = [
        str(path.relative_to(ROOT))
        for path in SOURCES
        if package in imported_names(path)
        and not any(str(path.relative_to(ROOT / "generator")).startswith(place) for place in allowed)
    ]
    assert strays == []


PURE = ("spec", "platforms", "render", "resolve.py", "check.py", "sizing.py", "versions.py", "diagnostics.py")


@pytest.mark.parametrize("package", ["os", "time", "secrets", "socket", "tempfile", "shutil"])
def test_pure_middle_touches_nothing(package: str) -> None:
    """Parse, resolve and render have no clock, entropy, environment or disk of their own."""
    strays = [
        str(path.relative_to(ROOT))
        for path in SOURCES
        if str(path.relative_to(ROOT / "generator")).startswith(PURE) and package in imported_names(path)
    ]
    assert strays == []


def test_static_folders_hold_no_jinja() -> None:
    """packer/ and kickstart/ are the same for everyone; templates/ holds nothing but templates."""
    static = [
        path for folder in ("packer", "kickstart") for path in (ROOT / folder).rglob("*") if path.is_file()
    ]
    assert static
    assert [path.name for path in static if path.suffix == ".j2"] == []
    strays = [
        path.name
        for path in (ROOT / "templates").rglob("*")
        if path.is_file() and path.suffix != ".j2" and path.name != "README.md"
    ]
    assert strays == []


def documents() -> list[Path]:
    """Return every Markdown page that people read."""
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])


@pytest.mark.parametrize("page", documents(), ids=lambda path: path.name)
def test_links_between_documents_lead_somewhere(page: Path) -> None:
    """A relative link names a file that is there."""
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text("utf-8"))
    missing = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert missing == []


def test_russian_readme_follows_the_readme() -> None:
    """Both have the same sections, commands and files in the same order."""

    def skeleton(name: str) -> list[str]:
        lines = (ROOT / name).read_text("utf-8").splitlines()
        heads = [line.split(" ")[0] for line in lines if line.startswith("#")]
        commands = [line.split("#")[0].strip() for line in lines if re.match(r"(make|\.venv)[ /]", line)]
        paths = [line.split()[0] for line in lines if re.match(r"(output|secrets)/", line)]
        return heads + commands + paths

    assert skeleton("README.ru.md") == skeleton("README.md")


def test_makefile_help_lists_every_promised_target() -> None:
    """The targets that design and README name have a line in `make help`."""
    makefile = (ROOT / "Makefile").read_text("utf-8")
    documented = set(re.findall(r"^([a-z-]+):.*## ", makefile, flags=re.MULTILINE))
    assert {"help", "render", "build", "boot", "test", "bench", "lint"} <= documented


PINNED = re.compile(r"(?P<name>[A-Za-z0-9_.-]+)(\[[a-z0-9,-]+\])?==(?P<version>[^ ;]+)")


def read_lock(path: Path) -> dict[str, str]:
    """Return name -> version of a lock file.

    Raises:
        AssertionError: a requirement without an exact version or without a SHA-256.
    """
    found = {}
    for block in re.split(r"\n(?! )", path.read_text("utf-8").strip()):
        pinned = PINNED.match(block)
        assert pinned, f"{path.name}: {block.splitlines()[0]}"
        digests = re.findall(r"--hash=sha256:[0-9a-f]{64}( \\)?$", block, flags=re.MULTILINE)
        assert len(digests) == len(block.splitlines()) - 1 > 0, f"{path.name}: {pinned['name']}"
        found[pinned["name"]] = pinned["version"]
    return found


def test_dependencies_are_pinned_with_their_digests() -> None:
    """Every requirement names one exact version and its files; the same one in every lock file."""
    locks = {path.name: read_lock(path) for path in (ROOT / "requirements").glob("*.txt")}
    assert locks.keys() == {"runtime.txt", "dev.txt", "bench.txt", "build.txt"}
    for first in locks.values():
        for second in locks.values():
            assert {name: first[name] for name in first.keys() & second.keys()} == {
                name: second[name] for name in first.keys() & second.keys()
            }


def test_pip_compares_digests_wherever_it_installs() -> None:
    """The backend that builds the project as well: an isolated build would fetch one unseen."""
    lines = [line for line in (ROOT / "Makefile").read_text("utf-8").splitlines() if "$(PIP_INSTALL)" in line]
    assert len(lines) == 4
    assert all(
        "--require-hashes -r requirements/" in line or "--no-build-isolation" in line for line in lines
    )
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    assert set(project["build-system"]["requires"]) <= set(project["dependency-groups"]["build"])
    assert (
        f"hatchling=={read_lock(ROOT / 'requirements/build.txt')['hatchling']}"
        in project["build-system"]["requires"]
    )
