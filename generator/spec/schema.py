"""JSON Schema of the spec, for editors: completion, descriptions, early errors.

In: the models.  Out: a dict (draft 2020-12), and the text of examples/holster.schema.json.
The schema knows shapes only; rules over several values are `holster check`'s.
"""

from __future__ import annotations

import json
from typing import Any

from generator.spec.attribute_docs import read_attribute_docs
from generator.spec.model import ClusterSpec

TITLE = "Holster cluster spec"
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def build_schema() -> dict[str, Any]:
    """Return the JSON Schema of a cluster spec."""
    schema = ClusterSpec.model_json_schema()
    definitions: dict[str, Any] = schema["$defs"]
    for name, definition in definitions.items():
        _document(name, definition)
    _document(ClusterSpec.__name__, schema)
    schema.pop("description")
    head = {
        "$schema": DIALECT,
        "title": TITLE,
        "description": "One cluster: what becomes of it is said in docs/spec.md.",
    }
    return {**head, **{key: value for key, value in schema.items() if key not in head}}


def format_schema() -> str:
    """Return the schema as the file beside the examples holds it."""
    return json.dumps(build_schema(), indent=2, ensure_ascii=False) + "\n"


def _document(name: str, definition: dict[str, Any]) -> None:
    docs = read_attribute_docs().get(name, {})
    for key, schema in definition.get("properties", {}).items():
        schema.pop("title", None)
        # Sections without content and absent values are no defaults that an editor should offer.
        if schema.get("default") is None or isinstance(schema.get("default"), dict):
            schema.pop("default", None)
        if key in docs:
            schema["description"] = docs[key].text
