"""Text that matches a pattern, for pydantic and for JSON Schema."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic_core.core_schema import CoreSchema, no_info_after_validator_function

if TYPE_CHECKING:
    import re

    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue


LONGEST = 255
"""Characters of a text that sets no bound of its own: what a file name may have."""


@dataclass(frozen=True, slots=True)
class Matching:
    """Text that matches a pattern from end to end; `rule` completes "it …".

    No text is endless: longer than `longest` it is refused before the pattern is tried.
    """

    pattern: re.Pattern[str]
    rule: str
    longest: int = LONGEST

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        found = {**handler(schema), "pattern": f"^(?:{self.pattern.pattern})$"}
        return found if self.longest == LONGEST else {**found, "maxLength": self.longest}

    def _check(self, value: str) -> str:
        if len(value) > self.longest:
            raise ValueError(f"has {len(value)} characters; at most {self.longest} are allowed")
        if not self.pattern.fullmatch(value):
            raise ValueError(self.rule)
        return value
