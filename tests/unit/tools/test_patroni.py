"""What Patroni says against a file, in words that a reader of a report can use."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from generator.tools import patroni
from generator.tools.process import Completed
from generator.tools.programs import PATRONI
from generator.tools.toolbox import Tool
from generator.versions import VersionNumber

if TYPE_CHECKING:
    import pytest

    from generator.tools.process import Command

CRASH = """\
Traceback (most recent call last):
  File "/usr/bin/patroni", line 8, in <module>
    sys.exit(main())
             ^^^^^^
  File "/usr/lib/python3/dist-packages/yaml/scanner.py", line 577, in fetch_value
    raise ScannerError(None, None,
yaml.scanner.ScannerError: mapping values are not allowed here
  in "patroni.yml", line 3, column 9
"""


def test_patronis_own_traceback_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its last lines name the fault and the place; the others are Patroni's business."""

    def crash(command: Command) -> Completed:
        return Completed(command.text, 1, "", CRASH, 0.1)

    monkeypatch.setattr(patroni, "run", crash)
    tool = Tool(PATRONI, Path("patroni"), VersionNumber("4.0.5"))
    assert patroni.check_patroni_config(tool, Path("patroni.yml")) == (
        "yaml.scanner.ScannerError: mapping values are not allowed here",
        '  in "patroni.yml", line 3, column 9',
    )
