"""JSON that a person reads is still the same document."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from generator.render.json_text import to_json

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=8), VALUES, max_size=5))
def test_it_reads_back(document: dict[str, object]) -> None:
    """Whatever is in it, in the same order."""
    read = json.loads(to_json(document))
    assert read == document
    assert list(read) == list(document)


def test_entries_of_a_list_stand_on_lines_of_their_own() -> None:
    """A diff shows the entry that changed and no other."""
    text = to_json({"files": [{"path": "/a"}, {"path": "/b"}], "roles": ["x", "y"], "empty": {}}).decode()
    assert (
        text
        == """{
  "files": [
    {"path": "/a"},
    {"path": "/b"}
  ],
  "roles": ["x", "y"],
  "empty": {}
}
"""
    )
