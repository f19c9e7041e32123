"""Render a spec as `holster render` does, with secrets that are the same in every run."""

from __future__ import annotations

import hashlib
import itertools
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from generator.check import check_spec
from generator.pipeline import run_pipeline

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def counted_entropy(seed: str = "") -> Callable[[int], bytes]:
    """Return a source of the same bytes in every run: worthless as a secret."""
    counter = itertools.count()
    return lambda size: hashlib.shake_256(f"{seed} {next(counter)}".encode()).digest(size)


def render_text(text: bytes, output: Path) -> Path:
    """Render a valid spec into `output`; the bundle lies beside it."""
    run_pipeline(
        check_spec(text, "spec.yaml"),
        output=output,
        bundle_path=output.with_name(f"{output.name}.secrets.yaml"),
        now=datetime(2026, 1, 1, tzinfo=UTC),
        entropy=counted_entropy(output.name),
    )
    return output
