"""Mutants of valid specs, biased by the schema; what the check accepts, render and verify must accept.

    python -m tests.properties.mutants --count 2000 [--seed N] [--tools-every 10]

prints its seed, and each mutant that was accepted and then failed, with the spec that shows it.
"""

from __future__ import annotations

import argparse
import copy
import os
import random
import sys
import tempfile
import traceback
from collections import Counter
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from generator.check import check_spec
from generator.diagnostics import format_problems
from generator.errors import HolsterError, SpecInvalid
from generator.layout import find_resources
from generator.platforms.profile import PlatformProfile, list_platforms
from generator.progress import SilentReporter
from generator.spec.model import ClusterSpec
from generator.tools.toolbox import ToolBox, create_toolbox
from generator.verify import Verdict, verify_output
from tests.fakes.rendering import render_text
from tests.properties.strategies import as_yaml

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT: Final = find_resources()
BASES: Final = (
    *(ROOT / "examples" / f"{name}.yaml" for name in ("single", "trio", "sirius")),
    *(ROOT / "tests" / "cases" / f"{name}.yaml" for name in ("other-places", "every-member-key")),
)
ODD: Final[tuple[Any, ...]] = (
    None, True, 0, -1, 1, 2**31, 2**63, "", " ", "-", "--", "a", "A", "a--b", "x" * 63, "x" * 64, "x" * 256,
    "1.1", "007", "yes", "null", "%", "%end", "%pre", "$(id)", "${x}", "{{ y }}", "{major}", "#", "a#b", "'",
    '"', "\\", ";", "a,b", "a|b", "a b", " a", "a ", "a\nb", "\t", "\x7f", "\x85", "\u2028", "\u202e", "ф",
    "é", "root", "ALL", "wheel", "/", "//", "/etc", "/etc/../x", "/tmp/x", "/dev/sda", "lo", "1MiB", "1TiB",
    "9999999999TiB", "0.0.0.0", "0.0.0.0/0", "10.0.0.0/8", "127.0.0.1", "255.255.255.255", "224.0.0.1/32",
    "http://a", "http://u:p@h/x", "file:///x", "https://h/a,b?c=d#e", [], {}, [None], [[]],
)  # fmt: skip
"""Values that some language, program or rule takes for something else."""
MAX_DEPTH: Final = 4
MEMORY: Final = Path("/dev/shm")
"""Every file is synced when it is written, which a disk does not do a hundred thousand times for nothing."""


def _resolve(schema: dict[str, Any], root: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        found: dict[str, Any] = root["$defs"][schema["$ref"].rpartition("/")[2]]
        schema = {**found, **{key: value for key, value in schema.items() if key != "$ref"}}
    return schema


@cache
def _text(pattern: str, most: int) -> st.SearchStrategy[str]:
    alphabet = st.characters(codec="ascii")
    return st.from_regex(pattern, fullmatch=True, alphabet=alphabet).map(lambda text: text[:most])


@cache
def _schemas() -> tuple[dict[str, Any], dict[str, Any]]:
    return ClusterSpec.model_json_schema(), PlatformProfile.model_json_schema()


Schema = dict[str, Any]


def _integers(schema: Schema, _root: Schema, _depth: int) -> st.SearchStrategy[Any]:
    low, high = schema.get("minimum", 0), schema.get("maximum", 2**31)
    return st.sampled_from([low, low + 1, high, high - 1]) | st.integers(low, high)


def _texts(schema: Schema, _root: Schema, _depth: int) -> st.SearchStrategy[Any]:
    if "pattern" in schema:
        return _text(schema["pattern"], schema.get("maxLength", 255))
    return st.sampled_from([*schema.get("examples", []), "x"])


def _lists(schema: Schema, root: Schema, depth: int) -> st.SearchStrategy[Any]:
    least = schema.get("minItems", 0)
    return st.lists(values(schema.get("items", {}), root, depth + 1), min_size=least, max_size=least + 2)


def _mappings(schema: Schema, root: Schema, depth: int) -> st.SearchStrategy[Any]:
    return objects(schema, root, depth + 1)


MAKERS: Final = {
    "integer": _integers,
    "boolean": lambda _schema, _root, _depth: st.booleans(),
    "string": _texts,
    "array": _lists,
    "object": _mappings,
}


@st.composite
def values(draw: st.DrawFn, schema: Schema, root: Schema, depth: int = 0) -> Any:
    """Return a value that the schema mostly allows, its bounds included."""
    schema = _resolve(schema, root)
    for key in ("anyOf", "oneOf"):
        if key in schema:
            return draw(values(draw(st.sampled_from(schema[key])), root, depth))
    if "const" in schema or "enum" in schema:
        return draw(st.sampled_from(schema.get("enum") or [schema["const"]]))
    make = MAKERS.get(schema.get("type", ""))
    return draw(make(schema, root, depth) if make else st.sampled_from(ODD))


@st.composite
def objects(draw: st.DrawFn, schema: dict[str, Any], root: dict[str, Any], depth: int) -> dict[str, Any]:
    """Return a mapping with what it needs and some of what it may have."""
    known = schema.get("properties", {})
    if not known:
        entry = schema.get("additionalProperties")
        if not isinstance(entry, dict) or depth > MAX_DEPTH:
            return {}
        names = schema.get("propertyNames", {"type": "string", "pattern": "^[a-z]{1,9}$"})
        return {draw(values(names, root, depth)): draw(values(entry, root, depth))}
    optional = sorted(set(known) - set(schema.get("required", [])))
    chosen = draw(st.lists(st.sampled_from(optional), max_size=2, unique=True)) if optional else []
    return {name: draw(values(known[name], root, depth)) for name in (*schema.get("required", []), *chosen)}


@st.composite
def overrides(draw: st.DrawFn) -> dict[str, Any]:
    """Return some facts of a platform: sections hold a part of their facts only."""
    root = _schemas()[1]

    def some(schema: dict[str, Any], depth: int) -> dict[str, Any]:
        found = {}
        for name in draw(
            st.lists(st.sampled_from(sorted(schema["properties"])), min_size=1, max_size=2, unique=True)
        ):
            inner = _resolve(schema["properties"][name], root)
            is_section = "properties" in inner and depth == 0
            found[name] = some(inner, 1) if is_section else draw(values(inner, root, 1))
        found.pop("name", None)
        return found

    return some(root, 0)


def _list_places(data: Any) -> list[tuple[Any, Any]]:
    items = list(
        data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    )
    return [place for key, value in items for place in ((data, key), *_list_places(value))]


def _lay_over(data: dict[str, Any], name: str, made: Any) -> None:
    old = data.get(name)
    data[name] = {**old, **made} if isinstance(old, dict) and isinstance(made, dict) else made


def _change_section(draw: st.DrawFn, data: dict[str, Any]) -> None:
    root = _schemas()[0]
    names = sorted(set(root["properties"]) - {"holster", "platform_overrides", "groups"})
    name = draw(st.sampled_from(names))
    _lay_over(data, name, draw(values(root["properties"][name], root)))


def _change_facts(draw: st.DrawFn, data: dict[str, Any]) -> None:
    facts = data.setdefault("platform_overrides", {})
    for name, made in draw(overrides()).items() if isinstance(facts, dict) else ():
        _lay_over(facts, name, made)


def _change_node(draw: st.DrawFn, data: dict[str, Any]) -> None:
    root = _schemas()[0]
    places = [(box, key) for box, key in _list_places(data) if isinstance(box, dict) and key == "address"]
    if places:
        known = _resolve({"$ref": "#/$defs/NodeSpec"}, root)["properties"]
        name = draw(st.sampled_from(sorted(set(known) - {"address"})))
        draw(st.sampled_from(places))[0][name] = draw(values(known[name], root))


def _put_odd(draw: st.DrawFn, data: dict[str, Any]) -> None:
    container, key = draw(st.sampled_from(_list_places(data)))
    container[key] = copy.deepcopy(draw(st.sampled_from(ODD)))


def _drop(draw: st.DrawFn, data: dict[str, Any]) -> None:
    container, key = draw(st.sampled_from(_list_places(data)))
    del container[key]


def _double(draw: st.DrawFn, data: dict[str, Any]) -> None:
    container, key = draw(st.sampled_from(_list_places(data)))
    if isinstance(container, list):
        container.append(copy.deepcopy(container[key]))


WAYS: Final = (
    *[_change_section] * 3, *[_change_facts] * 2, _change_node, _put_odd, _drop, _double,
)  # fmt: skip


@cache
def _read_base(path: Path) -> dict[str, Any]:
    data: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))
    return data


@st.composite
def mutants(draw: st.DrawFn) -> bytes:
    """Return the text of a spec that was valid before one to three changes."""
    data = copy.deepcopy(_read_base(draw(st.sampled_from(BASES))))
    if "platform_overrides" not in data:
        data["platform"] = draw(st.sampled_from(list_platforms()))
    for _ in range(draw(st.integers(1, 3))):
        draw(st.sampled_from(WAYS))(draw, data)
    return as_yaml(data)


def judge(text: bytes, tools: ToolBox) -> list[str] | None:
    """Return what is wrong with a mutant that the check accepts; None for one that it refuses.

    A traceback of the check is wrong as well, and one of its own explanations.
    """
    try:
        checked = check_spec(text, "mutant.yaml")
    except SpecInvalid as invalid:
        format_problems(invalid.problems, source="mutant.yaml", lines=invalid.lines)
        return None
    format_problems(checked.problems, source="mutant.yaml", lines=checked.document.lines)
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        output = render_text(text, Path(folder) / "out")
        report = verify_output(output, tools=tools, require_tools=False, reporter=SilentReporter(), jobs=2)
    bad = {Verdict.REJECTED, Verdict.FAILED}
    return [
        f"{each.file} ({each.check}, {each.tool}): {each.detail}"
        for each in report.results
        if each.verdict in bad
    ]


def explain(text: bytes, tools: ToolBox) -> list[str] | None:
    """Judge; whatever is raised is a finding, too."""
    try:
        return judge(text, tools)
    except HolsterError as error:
        return [f"{type(error).__name__}: {error.message}"]
    except Exception:  # noqa: BLE001 -- a traceback is what is looked for
        return [traceback.format_exc(limit=-4)]


def run(count: int, number: int, tools: ToolBox, every: int) -> Counter[str]:
    """Try `count` mutants; print each that was accepted and then failed."""
    tally: Counter[str] = Counter()
    shown: set[str] = set()

    @seed(number)
    @settings(
        max_examples=count, database=None, deadline=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(mutants())
    def try_one(text: bytes) -> None:
        box = tools if tally["accepted"] % every == 0 else ToolBox([])
        found = explain(text, box)
        tally["tried"] += 1
        if found is not None:
            tally["accepted"] += 1
            tally["with tools"] += box is tools
        if found:
            tally["failed"] += 1
            key = found[0][-200:]
            if key not in shown:
                shown.add(key)
                print(f"--- mutant {tally['tried']}\n{text.decode()}=> " + "\n".join(found[:3]), flush=True)

    try_one()
    return tally


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line; 1 when a mutant failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))  # noqa: S311 -- no secret
    parser.add_argument(
        "--tools-every", type=int, default=1, help="outside tools for every nth accepted mutant"
    )
    options = parser.parse_args(arguments)
    print(f"seed {options.seed}", flush=True)
    named = os.environ.get("HOLSTER_TOOLS")
    tools = create_toolbox(Path(named) if named else None, os.environ.get("PATH", os.defpath))
    tally = run(options.count, options.seed, tools, options.tools_every)
    print(f"seed {options.seed}: {dict(tally)}")
    return 1 if tally["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
