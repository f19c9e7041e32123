"""Secrets lie only where they belong.

In: the output and its secret values.  Out: the places where one is that must not be.  Values never
appear in a finding.
"""

from __future__ import annotations

import base64
import re
from functools import partial
from typing import TYPE_CHECKING

from generator.layout import KICKSTART, MANIFEST, PACKER, USER_DATA
from generator.verify.check import OwnCheck

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from generator.verify.context import Context
    from generator.verify.output import NodeOutput
    from generator.verify.secrets import SecretValues


def _decoded(path: Path) -> Iterator[bytes]:
    """Yield the file, and what it carries in base64."""
    content = path.read_bytes()
    yield content
    if path.name == USER_DATA:
        for word in re.findall(rb"[A-Za-z0-9+/=]{64,}", content):
            try:
                yield base64.b64decode(word, validate=True)
            except ValueError:
                continue


def _find_secrets(path: Path, secrets: SecretValues, allowed: str | None) -> Iterator[str]:
    """Yield the title of every secret in the file that machine `allowed` must not have."""
    surfaces = list(_decoded(path))
    for secret in secrets.entries:
        if allowed is not None and allowed in secret.nodes:
            continue
        if any(secret.value.encode() in surface for surface in surfaces):
            yield secret.title


def _judge_node(context: Context, node: NodeOutput) -> list[str]:
    found = []
    for path in sorted(node.folder.rglob("*")):
        if not path.is_file():
            continue
        # A kickstart is readable by whoever can read the installer's log.
        allowed = None if path.name == KICKSTART else node.name
        found += [
            f"{context.output.label(path)} holds {title}"
            for title in _find_secrets(path, context.secrets, allowed)
        ]
    return found


def _judge_packer(context: Context) -> list[str]:
    folder = context.output.layout.packer
    return [
        f"{context.output.label(path)} holds {title}"
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        for title in _find_secrets(path, context.secrets, None)
    ]


def _judge_flags(context: Context) -> list[str]:
    """Say which files hold a secret although the manifest calls them public."""
    return [
        f"{entry.path} holds {title} but is not marked secret"
        for entry in context.output.manifest.entries
        if not entry.is_secret and (path := context.output.root / entry.path).is_file()
        for title in _find_secrets(path, context.secrets, None)
    ]


def plan_secrets(context: Context) -> Iterator[OwnCheck]:
    """Plan the rules on secrets (design §4.3)."""
    for node in context.output.nodes:
        yield OwnCheck("secrets", context.output.label(node.folder), partial(_judge_node, context, node))
    yield OwnCheck("secrets", PACKER, partial(_judge_packer, context))
    yield OwnCheck("secret-flags", MANIFEST, partial(_judge_flags, context))
