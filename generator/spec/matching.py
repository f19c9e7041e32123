"""Text that matches a pattern, for pydantic and for JSON Schema."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic_core.core_schema import CoreSchema, no_info_after_validator_function

if TYPE_CHECKING:
    import re

    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue


@dataclass(frozen=True, slots=True)
class Matching:
    """Text that matches a pattern from end to end; `rule` completes "it …"."""

    pattern: re.Pattern[str]
    rule: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {**handler(schema), "pattern": f"^(?:{self.pattern.pattern})$"}

    def _check(self, value: str) -> str:
        if not self.pattern.fullmatch(value):
            raise ValueError(self.rule)
        return value
