"""Started by test_write.py: write version after version, and die at a chosen moment.

Arguments: `steps FOLDER` lets one child after another die at its first, second, …
effect on the disk and checks the folder after each death; `fallback FOLDER` does so
as on a file system that cannot exchange names; `loop FOLDER` writes until it is
killed; `limit FOLDER BYTES` writes under a limit on the size of files;
`unprivileged FOLDER` writes as a user who is not root.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
from pathlib import Path, PurePosixPath
from unittest.mock import patch

from generator.errors import HolsterError
from generator.render.rendered import RenderedFile
from generator.write import linux
from generator.write.manifest import ManifestInputs, is_current
from generator.write.tree import write_tree

EFFECTS = {"open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link", "os.chmod"}
DIED = 9
NOBODY = 65534
STRAY = "nodes/n1/notes.txt"


def make_version(number: int) -> tuple[list[RenderedFile], ManifestInputs]:
    """Return a tree in which some files change, some stay, and some come and go."""
    files = [
        RenderedFile(PurePosixPath("nodes/n0/user-data"), b"v%d" % number * 500, is_secret=True),
        RenderedFile(PurePosixPath("nodes/n0/payload/etc/same"), b"same", mode=0o644),
        RenderedFile(PurePosixPath(f"nodes/n{number % 2 + 1}/user-data"), b"v%d" % number, is_secret=True),
        RenderedFile(PurePosixPath("packer/main.pkr.hcl"), b"v%d" % number),
    ]
    return files, ManifestInputs("c", "0", f"{number:064}", "b" * 64, "c" * 64)


def find_version(target: Path, highest: int) -> int | None:
    """Return which version is there, whole; None for a mix."""
    if not target.exists():
        target = target.with_name(f".{target.name}.previous")
    for number in range(highest, -1, -1):
        if is_current(target, make_version(number)[1]):
            return number
    return None


def die_at(effect: int) -> None:
    """End this process before its `effect`-th effect on the disk, as a power cut would."""
    seen = 0

    def count(event: str, _arguments: tuple[object, ...]) -> None:
        nonlocal seen
        if event in EFFECTS:
            seen += 1
            if seen == effect:
                os._exit(DIED)

    sys.addaudithook(count)


def write_version(target: Path, number: int) -> None:
    """Write one version."""
    files, inputs = make_version(number)
    write_tree(files, target, inputs)


def let_die(target: Path, effect: int, number: int) -> bool:
    """Let a child write a version and die on the way; say whether it came to its end."""
    child = os.fork()
    if child == 0:
        die_at(effect)
        write_version(target, number)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def check_state(target: Path, effect: int, version: int) -> int:
    """Return the version that is there; end with a message where none is whole."""
    if job == "steps" and not target.exists():
        sys.exit(f"death at effect {effect}: there is no output at all")
    found = find_version(target, version + 1)
    if found is None or found < version:
        sys.exit(f"death at effect {effect} left no whole version (was {version})")
    kept = [path for path in target.parent.rglob("notes.txt") if path.read_text() == "mine"]
    if len(kept) != 1:
        sys.exit(f"death at effect {effect}: the user's file is there {len(kept)} times")
    return found


def run_steps(target: Path) -> None:
    """Let children die at every effect there is; print how many moments were tried."""
    write_version(target, 0)
    (target / STRAY).parent.mkdir(parents=True, exist_ok=True)
    (target / STRAY).write_text("mine")
    version, effect, is_done = 0, 0, False
    while not is_done:
        effect += 1
        is_done = let_die(target, effect, version + 1)
        version = check_state(target, effect, version)
        if effect % 3 == 0:
            # Every third time the next call clears up first, without a new version.
            write_version(target, version)
    write_version(target, version)
    beside = sorted(path.name for path in target.parent.iterdir() if path != target)
    if beside or not (target / STRAY).exists():
        sys.exit(f"left behind: {beside}")
    sys.stdout.write(f"{effect}\n")


def run_loop(target: Path) -> None:
    """Write new versions until killed; say when the first stands."""
    for number in range(1_000_000):
        write_version(target, number)
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()


def run_limited(target: Path, limit: int) -> None:
    """Write under a limit on file size, which acts as a full disk does; print the error."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    try_writing(target)


def try_writing(target: Path) -> None:
    """Write a version; print the error."""
    try:
        write_version(target, 1)
    except HolsterError as error:
        sys.stdout.write(f"{type(error).__name__} {error.message} {error.hint}\n")


if __name__ == "__main__":
    job, folder = sys.argv[1], Path(sys.argv[2])
    if job == "steps":
        run_steps(folder)
    elif job == "fallback":
        with patch.object(linux, "exchange", return_value=False):
            run_steps(folder)
    elif job == "unprivileged":
        if os.geteuid() == 0:
            os.seteuid(NOBODY)
        try_writing(folder)
    elif job == "loop":
        run_loop(folder)
    else:
        run_limited(folder, int(sys.argv[3]))
