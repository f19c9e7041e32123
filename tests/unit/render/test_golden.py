"""What machines get, compared with the texts that were read and approved; each thing stands there once."""

from __future__ import annotations

import re
import shutil
from difflib import unified_diff
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from generator.layout import NodePaths
from generator.platforms.profile import list_platforms
from generator.render.environment import list_static, read_static
from tests.unit.render.conftest import read_example

if TYPE_CHECKING:
    from tests.unit.render.conftest import Render

GOLDEN = Path(__file__).resolve().parents[2] / "golden"


class Golden(NamedTuple):
    """One golden tree: of what it is, and which files of the output are in it."""

    example: str
    kept: tuple[str, ...]
    left_out: tuple[str, ...] = ()
    platform: str | None = None


KEYS = ("*.pem", "*.key")
"""No platform changes them: those of trio stand for all."""
EXAMPLES = {
    "trio": Golden("trio", ("*",), ("nodes/trio2/*", "nodes/trio3/*")),
    "sirius": Golden("sirius", ("nodes/consul1/*", "nodes/pg1/*", "packer/*"), KEYS),
}
MEMBERS = {
    platform: Golden("sirius", ("nodes/pg1/*",), KEYS, platform)
    for platform in list_platforms()
    if platform not in {read_example(golden.example)["platform"] for golden in EXAMPLES.values()}
}
"""A member on every other platform."""
TREES = EXAMPLES | MEMBERS
COPIED = ("packer/scripts/*", "packer/*.pkr.hcl", "packer/check/image-check.py")
"""Hand-written files of this repository; that they are in the recipe is in test_packer.py."""
BAKED = "packer/files/"
"""Files of the image, some of which every machine gets as well."""
FRAGMENTS = {path: read_static(path).decode() for path in list_static("kickstart")}
WRITE_FILES = re.compile(r"^write_files:\n(?:[- ].*\n|\n(?=[- \n]))+", re.MULTILINE)
FILE_DIGEST = re.compile(r'(?<="mode": "0\d{3}", "sha256": ")[0-9a-f]{64}(?=", "secret")')


def fits(path: str, patterns: tuple[str, ...]) -> bool:
    """Say whether one of the patterns is about this path; `*` reaches over folders."""
    return any(fnmatchcase(path, pattern) for pattern in patterns)


def is_copied(path: str, files: dict[str, str]) -> bool:
    """Say whether a file of the recipe is, byte for byte, one of this repository or of every machine."""
    if path.startswith(BAKED):
        on_machines = [
            text for name, text in files.items() if name.endswith(path.replace(BAKED, "/payload/"))
        ]
        return bool(on_machines) and set(on_machines) == {files[path]}
    source = path.replace("/check/", "/")
    return (
        fits(path, COPIED) and source in list_static("packer") and read_static(source).decode() == files[path]
    )


def abridge(path: str, text: str) -> str:
    """Return the text of a file with a name in place of what is said elsewhere.

    That are scripts of the repository, the payload within user-data, and digests of other files:
    with them, one word of a template would change many golden files.
    """
    if path.endswith("/user-data"):
        text = WRITE_FILES.sub("write_files: <the payload>\n", text)
    if path.endswith(("/meta-data", NodePaths.node_json)):
        node = path.split("/")[1]
        text = FILE_DIGEST.sub("<digest>", re.sub(rf"-{node}-[0-9a-f]{{12}}\b", f"-{node}-<digest>", text))
    if path.endswith((".ks", "/ks.cfg")):
        for name, fragment in FRAGMENTS.items():
            text = text.replace(fragment, f"<{name}>\n")
    return text


def choose(files: dict[str, str], golden: Golden) -> dict[str, str]:
    """Return what is approved of a rendered tree."""
    return {
        path: abridge(path, text)
        for path, text in files.items()
        if fits(path, golden.kept) and not fits(path, golden.left_out) and not is_copied(path, files)
    }


def read_tree(folder: Path) -> dict[str, str]:
    """Return the files below `folder` by relative path."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes().decode()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def compare(expected: dict[str, str], actual: dict[str, str]) -> str:
    """Return the differences of two trees as a unified diff; empty when they are equal."""
    lines: list[str] = []
    for name in sorted(expected.keys() | actual.keys()):
        before, after = expected.get(name, ""), actual.get(name, "")
        lines += unified_diff(
            before.splitlines(keepends=True),
            after.splitlines(keepends=True),
            f"golden/{name}",
            f"rendered/{name}",
        )
    return "".join(lines)


@pytest.mark.parametrize("name", TREES)
def test_output_is_as_approved(name: str, render: Render, update_golden: bool) -> None:  # noqa: FBT001 -- a fixture
    """Any change of the output shows up as a diff; `--update-golden` approves it."""
    golden = TREES[name]
    rendered = render(golden.example, {"platform": golden.platform} if golden.platform else {})
    actual = choose({path: file.content.decode() for path, file in rendered.files.items()}, golden)
    folder = GOLDEN / name
    if update_golden:
        shutil.rmtree(folder, ignore_errors=True)
        for path, text in actual.items():
            place = folder / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(text.encode())
    difference = compare(read_tree(folder), actual)
    if difference:
        pytest.fail(
            f"{difference}\napprove with: pytest --update-golden {Path(__file__).name}", pytrace=False
        )


def test_no_tree_is_left_of_what_is_no_longer_rendered(*, update_golden: bool) -> None:
    """It would be read, and nothing compares it."""
    for folder in sorted(path for path in GOLDEN.iterdir() if path.is_dir() and path.name not in TREES):
        if not update_golden:
            pytest.fail(f"nothing is compared with {folder}: --update-golden removes it", pytrace=False)
        shutil.rmtree(folder)
