"""What the check accepts, render and verify accept; nothing that a spec says gives a traceback."""

from __future__ import annotations

from hypothesis import HealthCheck, Phase, given, settings

from generator.tools.toolbox import ToolBox
from tests.properties.mutants import explain, mutants


@given(mutants())
@settings(
    max_examples=60,
    print_blob=True,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_what_the_check_accepts_can_be_rendered_and_verified(text: bytes) -> None:
    """Rules of our own only; `python -m tests.properties.mutants` asks the outside programs as well."""
    assert not explain(text, ToolBox([])), text.decode()
