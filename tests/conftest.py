"""What every test may rely on.

Options: `--update-golden` rewrites golden files, `--require-tools` (or the variable
HOLSTER_REQUIRE_TOOLS=1, which CI sets) turns an absent outside tool into a failure.
Only tests marked `external` or `lab` may start programs; `starts_python` allows this Python.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import re
import signal
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import HealthCheck, settings

from generator.check import check_spec
from generator.errors import ToolMissing
from generator.pipeline import run_pipeline
from generator.tools.programs import PROGRAMS
from generator.tools.toolbox import ToolBox, create_toolbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from generator.check import CheckedSpec
    from generator.versions import VersionNumber

# The first draw of a fresh machine builds Unicode tables for seconds, and two cores are
# shared: time says nothing here.  CI repeats the same examples, people draw new ones.
settings.register_profile(
    "holster",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=bool(os.environ.get("CI")),
)
settings.load_profile("holster")

ROOT: Final = Path(__file__).resolve().parent.parent
ABSENT: Final = "outside tool absent: "
_ABSENT_PATTERN: Final = re.compile(rf"{ABSENT}(?P<tool>[^\n(]+?)(?: \(|\n|'|$)")
_STARTS: Final = frozenset({"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn"})


class _ProcessGuard:
    """Forbids starting programs; an audit hook cannot be gone around by an import."""

    def __init__(self) -> None:
        self.is_active = False
        self.allows_python = False

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.is_active or event not in _STARTS:
            return
        if self.allows_python and event == "subprocess.Popen" and _is_this_python(arguments):
            return
        pytest.fail(
            f"this test started a program ({event}: {arguments[0]!s}); mark it `external`, "
            "or `starts_python` if it only starts sys.executable"
        )


def _is_this_python(arguments: tuple[Any, ...]) -> bool:
    argv = arguments[1]
    first = argv if isinstance(argv, str | bytes | os.PathLike) else argv[0]
    return os.fsdecode(first) == sys.executable


_GUARD: Final = _ProcessGuard()
sys.addaudithook(_GUARD)


_UMASK: Final = os.umask(0o022)
os.umask(_UMASK)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of this project."""
    group = parser.getgroup("holster")
    group.addoption("--update-golden", action="store_true", help="rewrite golden files")
    group.addoption("--lab-seed", type=int, help="repeat the lab's random moments; each run prints its seed")
    group.addoption("--matrix-seed", type=int, help="repeat a random walk of the matrix; 0: no walk")
    group.addoption("--require-tools", action="store_true", help="an absent outside tool is a failure")


@pytest.fixture(autouse=True)
def no_programs(request: pytest.FixtureRequest) -> Iterator[None]:
    """Forbid starting programs in tests that do not say that they do."""
    node = request.node
    _GUARD.is_active = not any(node.get_closest_marker(name) for name in ("external", "lab"))
    _GUARD.allows_python = node.get_closest_marker("starts_python") is not None
    yield
    _GUARD.is_active = False


@pytest.fixture(autouse=True)
def same_process() -> Iterator[None]:
    """Give every test the umask, and the handlers of Ctrl-C and of a stop, that the run began with.

    Importing Patroni sets a umask, and the program of the first boot handlers of its own.
    """
    os.umask(_UMASK)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture
def update_golden(request: pytest.FixtureRequest) -> bool:
    """Say whether golden files are to be rewritten."""
    return bool(request.config.getoption("--update-golden"))


@pytest.fixture(scope="session")
def tools_folder() -> Path | None:
    """Return the folder of outside tools: HOLSTER_TOOLS, else `.tools` of the checkout."""
    named = os.environ.get("HOLSTER_TOOLS")
    folder = Path(named) if named else ROOT / ".tools"
    return folder if folder.is_dir() else None


@pytest.fixture(scope="session")
def toolbox(tools_folder: Path | None) -> ToolBox:
    """Return the outside tools of this machine."""
    return create_toolbox(tools_folder, os.environ.get("PATH", os.defpath))


def _requires_tools(config: pytest.Config) -> bool:
    return bool(config.getoption("--require-tools")) or os.environ.get("HOLSTER_REQUIRE_TOOLS") == "1"


def _is_version(wanted: str) -> Callable[[VersionNumber], bool]:
    return lambda version: version.text == wanted or version.text.startswith(f"{wanted}.")


@pytest.fixture
def tool(toolbox: ToolBox, request: pytest.FixtureRequest) -> Callable[..., Path]:
    """Return a function `tool(name, version=None)` that gives a program's path.

    `version` is a prefix: "1.13" takes 1.13.9.  An absent tool skips the test and is
    named at the end of the run; where tools are required it fails the test.
    """

    def find(name: str, version: str | None = None) -> Path:
        try:
            found = toolbox.find(
                PROGRAMS[name], None if version is None else _is_version(version), version or ""
            )
        except ToolMissing as missing:
            reason = f"{ABSENT}{f'{name} {version}' if version else name} ({missing.hint})"
            if _requires_tools(request.config):
                pytest.fail(reason)
            pytest.skip(reason)
        return found.path

    return find


def _read_example(name: str, platform: str | None) -> CheckedSpec:
    path = ROOT / "examples" / f"{name}.yaml"
    text = path.read_text("utf-8")
    if platform:
        text = re.sub(r"^platform: .*$", f"platform: {platform}", text, flags=re.MULTILINE)
    return check_spec(text.encode(), path.name)


@pytest.fixture(scope="session")
def rendered_example(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Return a function `rendered_example(name, platform=None)` that gives an output folder.

    It is rendered once in a run and must not be changed; the bundle lies beside it as
    `<folder>.secrets.yaml`.  Secrets are made from a counter: every run has the same.
    """
    folder = tmp_path_factory.mktemp("rendered")
    made: dict[tuple[str, str | None], Path] = {}

    def render(name: str, platform: str | None = None) -> Path:
        if (name, platform) not in made:
            output = folder / f"{name}-{platform or 'as-is'}"
            counter = itertools.count()

            def entropy(size: int) -> bytes:
                return hashlib.shake_256(f"{name} {next(counter)}".encode()).digest(size)

            run_pipeline(
                _read_example(name, platform),
                output=output,
                bundle_path=folder / f"{output.name}.secrets.yaml",
                now=datetime(2026, 1, 1, tzinfo=UTC),
                entropy=entropy,
            )
            made[name, platform] = output
        return made[name, platform]

    return render


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name each outside tool that was absent and how many tests were skipped for it."""
    absent: Counter[str] = Counter()
    for report in terminalreporter.stats.get("skipped", []):
        found = _ABSENT_PATTERN.search(str(report.longrepr))
        if found:
            absent[found["tool"]] += 1
    if absent:
        terminalreporter.section("outside tools that are absent", sep="-")
        for name, count in sorted(absent.items()):
            terminalreporter.line(f"{name}: {count} {'test' if count == 1 else 'tests'} skipped")
        terminalreporter.line("`make tools` installs them; HOLSTER_REQUIRE_TOOLS=1 makes absence a failure")
