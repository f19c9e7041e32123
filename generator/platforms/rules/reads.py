"""What every rule of this folder reads of the spec."""

from __future__ import annotations

FACTS = "platform platform_overrides"
