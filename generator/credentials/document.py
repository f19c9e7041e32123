"""The text of a credential bundle: YAML that a person can read and edit.

In: a bundle, or the bytes of a file.  Out: bytes, or the bundle.  Errors name places,
never content.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import yaml
from pydantic import SecretStr, ValidationError

from generator.credentials.bundle import BUNDLE_VERSION, CredentialBundle
from generator.errors import BundleInvalid
from generator.spec.fields import DNS_LABEL

if TYPE_CHECKING:
    from yaml.nodes import ScalarNode

MAX_DEPTH: Final = 8
"""A bundle has four levels."""

SHOWN: Final = 20

HINT: Final = "restore the file from a backup; docs/secrets.md describes it"

HEADER: Final = """\
# Holster: all secrets of the cluster {cluster}. Whoever reads this file owns the cluster.
# Keep it out of version control, keep a backup in a safe place: it cannot be made again.
# docs/secrets.md says what each part is for, and how to import, extend and replace them.
"""


class _Dumper(yaml.CSafeDumper):
    """Writes secrets in the clear, and PEM as blocks of lines."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 -- PyYAML's signature
        """Write every value where it stands."""
        return True


def _represent_text(dumper: yaml.CSafeDumper, text: str) -> ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _represent_secret(dumper: yaml.CSafeDumper, secret: SecretStr) -> ScalarNode:
    return _represent_text(dumper, secret.get_secret_value())


_Dumper.add_representer(str, _represent_text)
_Dumper.add_representer(SecretStr, _represent_secret)


def format_bundle(bundle: CredentialBundle) -> bytes:
    """Return the file's bytes: a header, then all secrets in the clear."""
    # A part that a bundle does not have yet leaves no line: an older file stays as it is.
    data = bundle.model_dump(exclude_none=True)
    text = yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1 << 16)
    return (HEADER.format(cluster=bundle.cluster) + text).encode()


class _Misfit(Exception):
    """Something that no bundle holds; the message says what, the mark where."""

    def __init__(self, what: str, event: Any) -> None:
        super().__init__(what)
        self.mark = event.start_mark


Tree = dict[str, Any]


def _read_tree(text: bytes) -> Tree:
    """Return mappings of text to text or mappings; empty where the text is anything else.

    Built from the parser's events with a stack of its own, as specs are: the C library's
    composer recurses, and dies of deep nesting.  Every scalar is text, however it is written.

    Raises:
        _Misfit: it is YAML, but has what no bundle has.
        yaml.YAMLError, ValueError: it is not YAML.
    """
    # The outermost mapping holds the documents.
    stack: list[tuple[Tree, list[str]]] = [({}, ["root"])]
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        if isinstance(event, yaml.MappingEndEvent):
            stack.pop()
        elif isinstance(event, yaml.NodeEvent):
            _demand_plain(event, len(stack))
            mapping, key = stack[-1]
            value: Any = getattr(event, "value", {})
            if key:
                mapping[key.pop()] = value
            elif len(stack) == 1 or value == {} or value in mapping:
                raise _Misfit("has a second document, a mapping as key, or a key twice", event)
            else:
                key.append(value)
                continue
            if value == {}:
                stack.append((value, []))
    root = stack[0][0].get("root")
    return root if isinstance(root, dict) else {}


def _demand_plain(event: Any, depth: int) -> None:
    if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
        raise _Misfit("has an anchor or an alias", event)
    if event.tag is not None:
        raise _Misfit("has a tag", event)
    if isinstance(event, yaml.SequenceStartEvent):
        raise _Misfit("has a list", event)
    if depth > MAX_DEPTH + 1:
        raise _Misfit(f"has more than {MAX_DEPTH} levels", event)


def parse_bundle(text: bytes, source: str) -> CredentialBundle:
    """Return the bundle of a file's bytes.

    Raises:
        BundleInvalid: no YAML, another version, another shape; names the place only.
    """
    try:
        data = _read_tree(text)
    except _Misfit as error:
        raise BundleInvalid(f"{source} {error}{_locate(error.mark)}", hint=HINT) from None
    except yaml.YAMLError as error:
        place = _locate(getattr(error, "problem_mark", None))
        raise BundleInvalid(f"{source} is not YAML{place}", hint=HINT) from None
    except ValueError:
        raise BundleInvalid(f"{source} is not YAML", hint=HINT) from None
    if "holster_bundle" not in data:
        raise BundleInvalid(f"{source} is not a credential bundle of Holster", hint=HINT)
    if data["holster_bundle"] != str(BUNDLE_VERSION):
        raise BundleInvalid(
            f"{source} has another format than version {BUNDLE_VERSION}",
            hint="use the release of Holster that wrote it",
        )
    try:
        return CredentialBundle.model_validate(data | {"holster_bundle": BUNDLE_VERSION})
    except ValidationError as error:
        places = sorted(
            {_describe(fault["loc"], fault["type"]) for fault in error.errors(include_input=False)}
        )
        shown = "; ".join(places[:SHOWN]) + (f"; and {len(places) - SHOWN} more" if places[SHOWN:] else "")
        raise BundleInvalid(f"{source} has not the shape of a bundle: {shown}", hint=HINT) from None


def _locate(mark: Any) -> str:
    return f": line {mark.line + 1}, column {mark.column + 1}" if mark else ""


def _describe(place: tuple[int | str, ...], kind: str) -> str:
    # An unknown key may be a secret that lost its place: only its parent is named.
    known = place[:-1] if kind == "extra_forbidden" else place
    parts = [
        part if isinstance(part, str) and DNS_LABEL.fullmatch(part.replace("_", "-")) else "?"
        for part in known
    ]
    where = ".".join(parts) or "the top"
    if kind == "extra_forbidden":
        return f"an unknown key in {where}"
    return f"{where} is missing" if kind == "missing" else f"{where} is not what belongs there"
