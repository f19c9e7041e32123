#!/usr/bin/python3
"""Check a golden image from inside, at the end of its build; name everything that is wrong at once.

In: the path of expected.json, which Holster renders from the spec.  Out: exit code 0, or 1
with one line per finding.  Standard library only, Python 3.8 and newer: it runs on every
platform, and on one that the project could not try it is what tells.
"""

import json
import os
import pwd
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

Expected = Dict[str, Any]

PRIVATE_KEY = re.compile(rb"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----\n")
READ_BYTES = 65536
"""A key stands at the head of its file; libraries that merely name the words are far longer."""
SECRET_FOLDERS = ("/etc", "/root", "/home", "/srv", "/opt", "/var/lib", "/usr/local")
SELINUX_TOOLS = ("selinuxenabled", "semanage", "restorecon", "setenforce")
FIREWALL_TOOLS = {"firewalld": ["firewall-offline-cmd"], "nftables": ["nft"], "none": []}
FOUNDATION = ("lvcreate", "pvs", "mkfs.ext4", "resize2fs", "ip", "systemctl", "sshd")
LEFT_OVERS = (
    "/var/lib/systemd/random-seed",
    "/etc/holster",
    "/var/lib/holster",
    "/root/.ssh/authorized_keys",
)
RENDERER_UNITS = {"networkd": "systemd-networkd.service", "network-manager": "NetworkManager.service"}
FOLDERS_OF_PROGRAMS = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
CLOUD_INIT = """
import json
from cloudinit import stages
from cloudinit.net import renderers
init = stages.Init()
init.read_cfg()
system = init.cfg.get("system_info", {})
wanted = system.get("network", {}).get("renderers")
try:
    renderer = renderers.select(priority=wanted)[0]
except Exception as error:
    renderer = f"none ({error})"
print(json.dumps([init.cfg.get("datasource_list"), init.distro.name, renderer]))
"""


def ask(*argv: str) -> Tuple[int, str]:
    """Return exit code and output of a program; a missing one is (127, its name)."""
    try:
        answer = subprocess.run(
            argv,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=120,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return 127, str(error)
    return answer.returncode, answer.stdout.decode("utf-8", "replace").strip()


def is_enabled(unit: str) -> bool:
    """Say whether systemd would start the unit by itself."""
    said = ask("systemctl", "is-enabled", unit)[1].splitlines()
    return bool(said) and said[-1] in {"enabled", "enabled-runtime"}


def find_interpreter(program: Path) -> List[str]:
    """Return the Python that runs a program: its first line says; a system may have several."""
    first = program.read_bytes().split(b"\n", 1)[0].decode("utf-8", "replace")
    return first[2:].split() if first.startswith("#!") else ["/usr/bin/python3"]


def check_programs(expected: Expected) -> Iterator[str]:
    """Yield programs that are missing or say another version."""
    for program in expected["programs"]:
        path, version = program["path"], program.get("version")
        if not os.access(path, os.X_OK):
            yield f"missing in the image: {path}"
            continue
        if version is None:
            continue
        said = ask(path, *program["arguments"])[1]
        found = re.search(r"(\d+(?:\.\d+)*)", said)
        if not found or not f"{found[1]}.".startswith(f"{version}."):
            yield f"{path}: version {version} is declared, it says: {said.splitlines()[:1]}"
    tools = [*FOUNDATION, *(SELINUX_TOOLS if expected["selinux"] else ())]
    tools += FIREWALL_TOOLS[expected["firewall"]]
    for name in tools:
        if shutil.which(name, path=FOLDERS_OF_PROGRAMS) is None:
            yield f"missing in the image: the program {name}"


def check_python(expected: Expected) -> Iterator[str]:
    """Yield what Patroni cannot import."""
    program = Path(expected["patroni"])
    if not program.is_file():
        return  # already reported as a missing program
    for module in expected["modules"]:
        code, said = ask(*find_interpreter(program), "-c", f"import {module}")
        if code:
            yield f"Patroni's Python cannot import {module}: {said.splitlines()[-1:]}"


def check_users(expected: Expected) -> Iterator[str]:
    """Yield users that are missing, and the build's when it is still there."""
    names = {entry.pw_name for entry in pwd.getpwall()}
    for name in expected["users"]:
        if name not in names:
            yield f"the user {name} is missing"
    if expected["build_user"] in names:
        yield f"the build's user {expected['build_user']} is still there"


def check_locales(expected: Expected) -> Iterator[str]:
    """Yield locales that the system does not have; their names are those of `locale -a`."""
    if not expected["locales"]:
        return
    known = ask("locale", "-a")[1].splitlines()
    for name in expected["locales"]:
        if name not in known:
            yield f"the locale {name} is missing"


def check_units(expected: Expected) -> Iterator[str]:
    """Yield services that would start by themselves, and those that would not and must."""
    for unit in expected["units"]:
        if is_enabled(unit):
            yield f"{unit} is enabled: it would start before its turn"
    for unit in expected["enabled_units"]:
        if not is_enabled(unit):
            yield f"{unit} is not enabled"


def check_cloud_init(expected: Expected) -> Iterator[str]:
    """Yield where cloud-init would not read a seed or not write the network as planned."""
    path = shutil.which("cloud-init", path=FOLDERS_OF_PROGRAMS)
    if path is None:
        yield "missing in the image: the program cloud-init"
        return
    code, said = ask(*find_interpreter(Path(path)), "-c", CLOUD_INIT)
    try:
        sources, distro, renderer = json.loads(said.splitlines()[-1])
    except (ValueError, IndexError):
        yield f"cloud-init does not say how it is configured (exit code {code}): {said[-300:]}"
        return
    if not sources or sources[0] != "NoCloud":
        yield f"cloud-init looks for {sources}, NoCloud must come first"
    if distro != expected["distro"]:
        yield f"cloud-init takes this system for {distro}, not {expected['distro']}"
    if renderer not in expected["renderers"]:
        yield f"cloud-init would write the network by {renderer}, not {' or '.join(expected['renderers'])}"
    unit = RENDERER_UNITS.get(renderer)
    if unit and not is_enabled(unit):
        yield f"cloud-init would write the network for {unit}, which is not enabled"
    if Path("/var/lib/cloud/instances").is_dir():
        yield "cloud-init's state of the machine that built the image is left in /var/lib/cloud"


def check_identity(expected: Expected) -> Iterator[str]:
    """Yield what every clone of the image would share."""
    machine_id = Path("/etc/machine-id")
    if not machine_id.is_file() or machine_id.stat().st_size:
        yield "/etc/machine-id must be there and empty"
    for path in sorted(Path("/etc/ssh").glob("ssh_host_*")):
        yield f"a host key is left: {path}"
    for name in (*LEFT_OVERS, *expected["absent_files"]):
        if os.path.lexists(name):
            yield f"left in the image: {name}"
    for folder in expected["empty_folders"]:
        if Path(folder).is_dir() and any(Path(folder).iterdir()):
            yield f"not empty: {folder}"


def check_secrets(expected: Expected) -> Iterator[str]:
    """Yield files that hold a private key: no image may."""
    del expected
    for folder in SECRET_FOLDERS:
        for path in sorted(Path(folder).rglob("*")):
            try:
                if path.is_symlink() or not path.is_file():
                    continue
                with path.open("rb") as stream:
                    if PRIVATE_KEY.search(stream.read(READ_BYTES)):
                        yield f"a private key is in the image: {path}"
            except OSError as error:
                yield f"cannot be read: {path} ({error})"


def list_left_out(expected: Expected) -> List[str]:
    """Return the optional packages that are not installed; what another one provides is."""
    query = {"rpm": ("rpm", "--query", "--whatprovides"), "deb": ("dpkg", "--status")}[expected["family"]]
    return [name for name in expected["optional_packages"] if ask(*query, name)[0]]


CHECKS = (
    check_programs,
    check_python,
    check_users,
    check_locales,
    check_units,
    check_cloud_init,
    check_identity,
    check_secrets,
)


def main() -> int:
    """Print the findings and return the exit code."""
    expected: Expected = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    problems = [problem for check in CHECKS for problem in check(expected)]
    left_out = list_left_out(expected)
    if left_out:
        print(f"image check: left out, as no repository has them: {', '.join(left_out)}")
    for problem in problems:
        print(f"image check: {problem}")
    if problems:
        print(f"image check: failed, {len(problems)} findings")
        return 1
    print(f"image check: passed ({expected['platform']})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
