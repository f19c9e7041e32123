"""What installs packages and names absent ones, run for real: dnf, rpm and a repository of stub packages."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from subprocess import CompletedProcess

pytestmark = pytest.mark.external

ROOT = Path(__file__).resolve().parents[2]
SYSTEM = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
SPEC = """\
Name: {name}
Version: 1.0
Release: 1
Summary: Stub
License: none
BuildArch: noarch
{more}
%description
Stub.
%files
"""


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a repository that has lvm2, patroni, cloud-init and what gives the name of a virtual package."""
    missing = [name for name in ("dnf", "rpm", "rpmbuild", "createrepo_c") if shutil.which(name) is None]
    if missing or os.geteuid() != 0:
        reason = f"{', '.join(missing)} not installed" if missing else "only root installs packages"
        (pytest.fail if os.environ.get("HOLSTER_REQUIRE_TOOLS") == "1" else pytest.skip)(reason)
    folder = tmp_path_factory.mktemp("repository")
    stubs = {
        "lvm2": "",
        "patroni": "",
        "cloud-init": "",
        "libselinux-python3": "Provides: python3-libselinux",
        "contrib": "Requires: a-package-that-nobody-has",
    }
    for name, more in stubs.items():
        spec = folder / f"{name}.spec"
        spec.write_text(SPEC.format(name=name, more=more), "utf-8")
        subprocess.run(
            [
                "rpmbuild",
                "-bb",
                "--quiet",
                f"--define=_topdir {folder}/build",
                f"--define=_rpmdir {folder}",
                spec,
            ],
            check=True,
            capture_output=True,
        )
    subprocess.run(["createrepo_c", "--quiet", folder], check=True)
    return folder


class Installation:
    """A folder in which dnf and rpm install, found on PATH by the scripts."""

    def __init__(self, folder: Path, repository: Path) -> None:
        self.root, self._bin = folder / "root", folder / "bin"
        self.root.mkdir()
        self._bin.mkdir()
        (folder / "repos").mkdir()
        (folder / "repos/stub.repo").write_text(
            f"[stub]\nname=stub\nbaseurl=file://{repository}\ngpgcheck=0\n", "utf-8"
        )
        self._wrap("dnf", f"--installroot={self.root}", f"--setopt=reposdir={folder}/repos", "--releasever=8")
        self._wrap("rpm", f"--root={self.root}")

    def _wrap(self, name: str, *options: str) -> None:
        program = self._bin / name
        program.write_text(f'#!/bin/sh\nexec {shutil.which(name)} {" ".join(options)} "$@"\n', "utf-8")
        program.chmod(0o755)

    def run(self, *argv: str | Path, **settings: str) -> CompletedProcess[str]:
        """Run a script on this installation."""
        environment = {"PATH": f"{self._bin}:{SYSTEM}", **settings}
        return subprocess.run(argv, env=environment, capture_output=True, text=True, check=False, timeout=300)

    def install(self, needed: str, optional: str = "") -> CompletedProcess[str]:
        """Run the build's script."""
        return self.run(
            "bash",
            ROOT / "packer/scripts/20-packages.sh",
            HOLSTER_PACKAGES=needed,
            HOLSTER_OPTIONAL_PACKAGES=optional,
            HOLSTER_FAMILY="rpm",
            HOLSTER_ARTIFACTS=str(self.root / "no-disc"),
        )

    def judge(self, needed: str, optional: str = "") -> CompletedProcess[str]:
        """Run what stands in %post of a kickstart."""
        script = (ROOT / "kickstart/post-packages.sh").read_text("utf-8")
        words = f"needed='{needed}'\noptional='{optional}'\nconsole=/dev/null\n{script}"
        return self.run("sh", "-c", words)

    def list_installed(self) -> set[str]:
        """Return the names of the installed packages."""
        return set(self.run("rpm", "-qa", "--qf", "%{NAME}\n").stdout.split())


@pytest.fixture
def installation(tmp_path: Path, repository: Path) -> Installation:
    """Return an empty one."""
    return Installation(tmp_path, repository)


def test_an_optional_package_that_is_not_there_stops_nothing(installation: Installation) -> None:
    """Neither an unknown name nor one that cannot be installed; what there is, is installed."""
    done = installation.install("lvm2 patroni", "patroni-consul contrib python3-libselinux")
    assert done.returncode == 0, done.stdout + done.stderr
    assert installation.list_installed() == {"lvm2", "patroni", "cloud-init", "libselinux-python3"}


def test_optional_packages_alone_may_all_be_absent(installation: Installation) -> None:
    """There is nothing to do for dnf then, and that is no failure."""
    done = installation.install("lvm2", "patroni-consul")
    assert done.returncode == 0, done.stdout + done.stderr
    assert installation.list_installed() == {"lvm2", "cloud-init"}


def test_a_needed_package_that_is_not_there_ends_the_build(installation: Installation) -> None:
    """With its name, before anything is installed."""
    done = installation.install("lvm2 patroni-consul")
    assert done.returncode != 0
    assert "patroni-consul" in done.stdout + done.stderr
    assert installation.list_installed() == set()


def test_the_end_of_an_installation_names_what_is_absent(installation: Installation) -> None:
    """All at once; what another package provides is there."""
    assert installation.install("lvm2", "python3-libselinux").returncode == 0
    fine = installation.judge("lvm2", "python3-libselinux patroni-consul")
    assert fine.returncode == 0
    assert fine.stderr == "holster: no repository has these optional packages: patroni-consul\n"
    failed = installation.judge("lvm2 postgresql16 patroni", "python3-libselinux")
    assert failed.returncode == 1
    assert failed.stderr.startswith(
        "holster: installation failed: no repository has postgresql16 patroni. Add"
    )


def test_the_image_check_names_what_was_left_out(installation: Installation) -> None:
    """Of optional packages; it fails by what a machine needs, not by a name."""
    assert installation.install("lvm2", "python3-libselinux").returncode == 0
    code = (
        "import importlib.util, json, sys\n"
        "spec = importlib.util.spec_from_file_location('check', sys.argv[1])\n"
        "check = importlib.util.module_from_spec(spec)\n"
        "spec.loader.exec_module(check)\n"
        "print(*check.list_left_out(json.loads(sys.argv[2])))\n"
    )
    expected = json.dumps(
        {"family": "rpm", "optional_packages": ["patroni-consul", "lvm2", "python3-libselinux"]}
    )
    done = installation.run(sys.executable, "-c", code, ROOT / "packer/image-check.py", expected)
    assert done.stdout == "patroni-consul\n", done.stderr
