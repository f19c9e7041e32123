"""Translate pydantic's errors about the shape of a spec into problems.

In: pydantic's error list and the data it was given.  Out: Findings: a problem in
words of our own, with its path in the data.  Nothing that pydantic says reaches a user.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel

from generator.diagnostics import Problem, SpecPath
from generator.spec.model import PATH_TAG
from generator.spec.wording import explain_letters, is_sensitive, join_words, name_key, show_value, suggest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pydantic_core import ErrorDetails

FEW_KEYS = 8

TYPE_RULES = {
    "string_type": "text",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "model_type": "a mapping of keys to values",
    "model_attributes_type": "a mapping of keys to values",
    "dict_type": "a mapping of keys to values",
    "tuple_type": "a list",
    "list_type": "a list",
}
BOUNDS = {
    "greater_than_equal": ("ge", "at least"),
    "less_than_equal": ("le", "at most"),
    "greater_than": ("gt", "more than"),
    "less_than": ("lt", "less than"),
}
SWITCH_WORDS = {
    **dict.fromkeys(("true", "yes", "on", "y", "t", "1"), "true"),
    **dict.fromkeys(("false", "no", "off", "n", "f", "0"), "false"),
}
"""How YAML 1.1, Python and shells spell them; a spec knows true and false alone."""
NOTHING_WORDS = frozenset({"", "~", "null", "none", "nil"})
WITHOUT_VALUE = {
    "bool_type": "write true or false, or leave the key out",
    "tuple_type": "write [] for an empty list, or leave the key out",
    "list_type": "write [] for an empty list, or leave the key out",
}
NUMBER = re.compile(r"([+-]?)(0[xob])?([0-9a-f_]+)(\.0*)?", re.IGNORECASE)
MAX_DIGITS = 18
BASES = {"": 10, "0x": 16, "0o": 8, "0b": 2}


@dataclass(frozen=True, slots=True)
class Finding:
    """One problem of shape.

    Attributes:
        path: what has to go for the rest to be checked.
        is_missing: the value at `path` is absent.
        meant: the path that a misspelled key was probably meant to be.
    """

    problem: Problem
    path: SpecPath
    is_missing: bool = False
    meant: SpecPath | None = None


def find_path(loc: Iterable[int | str], data: Any) -> SpecPath:
    """Return the part of `loc` that exists in `data`; names of union branches are left out."""
    path: list[str | int] = []
    value = data
    for part in loc:
        is_index = isinstance(value, list) and isinstance(part, int) and part < len(value)
        if is_index or (isinstance(value, dict) and part in value):
            value = value[part]
            path.append(part)
    return tuple(path)


def translate_errors(errors: Iterable[ErrorDetails], data: Any, model: type[BaseModel]) -> list[Finding]:
    """Return one finding for each place; several errors about one value become the first."""
    findings: dict[tuple[SpecPath, bool], Finding] = {}
    found = list(errors)
    for error in found:
        # pydantic does not count entries that are wrong themselves: they have been reported.
        if error["type"] == "too_short" and error["ctx"]["actual_length"] < len(error["input"]):
            continue
        finding = _translate(error, data, model)
        findings.setdefault((finding.path, finding.problem.at_key), finding)
    meant = {finding.meant for finding in findings.values()}
    return [finding for finding in findings.values() if not (finding.is_missing and finding.path in meant)]


def _translate(error: ErrorDetails, data: Any, model: type[BaseModel]) -> Finding:
    kind, loc = error["type"], error["loc"]
    if kind == "missing":
        path = (*find_path(loc[:-1], data), loc[-1])
        return Finding(_describe_missing(path), path, is_missing=True)
    path = find_path(loc, data)
    if kind == "extra_forbidden":
        return _describe_unknown(path, model)
    if loc and loc[-1] == "[key]":
        return Finding(_describe_value(error, path, show_value(path[-1]), at_key=True), path)
    return Finding(_describe_value(error, path, show_value(error["input"], path)), path)


def _describe_missing(path: SpecPath) -> Problem:
    where = f" in {name_key(path[:-1])}" if path[:-1] else ""
    return Problem("missing-key", f"the key '{path[-1]}' is missing{where}", path=path)


def _describe_unknown(path: SpecPath, model: type[BaseModel]) -> Finding:
    owner = find_model(path[:-1], model)
    known = sorted(owner.model_fields) if owner else []
    match = suggest(path[-1], known)
    letters = explain_letters(path[-1])
    if match:
        hint: str | None = f"did you mean '{match}'?" + (f" {letters}" if letters else "")
    elif places := _find_homes(model).get(str(path[-1])):
        hint = f"'{path[-1]}' belongs in {join_words(places, 'or')}"
    else:
        hint = f"known keys here: {', '.join(known)}" if 0 < len(known) <= FEW_KEYS else None
    message = f"unknown key {show_value(str(path[-1]))} in {name_key(path[:-1])}"
    problem = Problem("unknown-key", message, path=path, at_key=True, hint=hint)
    return Finding(problem, path, meant=(*path[:-1], match) if match else None)


def _describe_value(error: ErrorDetails, path: SpecPath, shown: str, *, at_key: bool = False) -> Problem:
    kind, value, context = error["type"], error["input"], error.get("ctx", {})
    key = "key" if at_key else name_key(path)
    identifier, hint = "wrong-value", None
    if kind in TYPE_RULES:
        identifier = "wrong-type"
        wanted = "a device path or a mapping" if PATH_TAG in error["loc"] else TYPE_RULES[kind]
        message = f"{key} must be {wanted}, not {shown}"
        hint = _hint_type(kind, value, shown)
    elif kind in BOUNDS:
        bound, words = BOUNDS[kind]
        identifier, message = "out-of-range", f"{key} must be {words} {context[bound]}, not {shown}"
    elif kind in {"enum", "literal_error"}:
        message, hint = _describe_choice(key, value, shown, str(context["expected"]))
    elif kind == "too_short":
        message = f"{key} must not be empty"
    elif kind == "too_long":
        message = f"{key} must have at most {context['max_length']} entries"
    else:
        place = "as a key" if at_key else f"for {key}"
        message = f"{shown} is not valid {place}: it {context.get('error', 'cannot be used here')}"
        hint = None if is_sensitive(path) else explain_letters(value) or _hint_nothing(value)
    return Problem(identifier, message, path=path, at_key=at_key, hint=hint)


def _hint_type(kind: str, value: Any, shown: str) -> str | None:
    word = _fold(value)
    if word in NOTHING_WORDS:
        return WITHOUT_VALUE.get(kind, "write a value; leave the key out to have its default")
    if kind == "string_type" and isinstance(value, int):
        return f'put it in quotes: "{word}"'
    if kind == "bool_type" and word in SWITCH_WORDS:
        return f"write {SWITCH_WORDS[word]}"
    if kind == "int_type" and isinstance(value, str):
        number = _read_number(word)
        return None if number is None else f"write it in plain digits, without quotes: {number}"
    if kind in {"tuple_type", "list_type"} and isinstance(value, str | int):
        bare = shown.strip("'")
        return f"put it in brackets: [{bare}]"
    return None


def _fold(value: Any) -> str | None:
    """Return a word in lower case, nothing for what is no word; null is an empty one."""
    if value is None:
        return ""
    return str(value).strip().lower() if isinstance(value, str | int) else None


def _read_number(word: str | None) -> int | None:
    """Return the whole number that some language writes so: 007, +5, 1_000, 0x1f, 5.0."""
    found = NUMBER.fullmatch(word or "")
    if found is None or len(found[3]) > MAX_DIGITS:
        return None
    sign, base, digits, _ = found.groups()
    try:
        return int(sign + digits, BASES[(base or "").lower()])
    except ValueError:
        return None


def _hint_nothing(value: Any) -> str | None:
    """Say how to write that there is none, where a word of another language stands."""
    if isinstance(value, str) and value and _fold(value) in NOTHING_WORDS:
        return "to have none, leave the key out"
    return None


def _describe_choice(key: str, value: Any, shown: str, expected: str) -> tuple[str, str | None]:
    choices = [word.strip("'") for word in expected.replace(" or ", ", ").split(", ")]
    switch = SWITCH_WORDS.get(_fold(value) or "") if isinstance(value, str | bool) else None
    match = "off" if switch == "false" and "off" in choices else suggest(value, choices)
    allowed = f"be {choices[0]}" if len(choices) == 1 else f"be one of {join_words(choices, 'or')}"
    return f"{key} must {allowed}, not {shown}", f"did you mean '{match}'?" if match else None


def find_model(path: SpecPath, model: type[BaseModel]) -> type[BaseModel] | None:
    """Return the model that describes the mapping at `path`."""
    found: type[BaseModel] | None = model
    container = False
    for part in path:
        if container:
            # An index of a list or a free key of a mapping: the model stays.
            container = False
            continue
        field = found.model_fields.get(str(part)) if found else None
        if field is None:
            return None
        found = next(_list_models(field.annotation), None)
        container = _is_container(field.annotation)
    return found


def _list_models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _list_models(argument)


def _is_container(annotation: Any) -> bool:
    text = str(annotation)
    return "tuple[" in text or "dict[" in text


@cache
def _find_homes(model: type[BaseModel]) -> dict[str, tuple[str, ...]]:
    """Return where each key of the spec belongs, to help with a key in the wrong section."""
    homes: dict[str, tuple[str, ...]] = {}
    for section, field in model.model_fields.items():
        for inner in _list_models(field.annotation):
            for key in inner.model_fields:
                homes[key] = (*homes.get(key, ()), section)
    return homes
