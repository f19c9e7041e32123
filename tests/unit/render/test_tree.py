"""The tree as a whole: complete, sorted, the same every time."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from generator.render.tree import render_cluster
from tests.unit.render.conftest import VERSION

if TYPE_CHECKING:
    from tests.unit.render.conftest import Render


@pytest.mark.parametrize("example", ["sirius", "single", "trio"])
def test_two_renders_are_equal(render: Render, example: str) -> None:
    """Same spec, same bundle: same bytes, in the same order."""
    first, second = (render(example).tree for _ in range(2))
    assert first == second
    paths = [file.path for file in first.files]
    assert paths == sorted(paths)
    assert len(set(paths)) == len(paths)


def test_every_machine_has_its_files(render: Render) -> None:
    """The names are fixed: other programs rely on them."""
    rendered = render()
    for peer in rendered.cluster.peers:
        for name in ("ks.cfg", "user-data", "meta-data", "network-config", "payload/etc/holster/node.json"):
            assert f"nodes/{peer.name}/{name}" in rendered.files


MADE_FOR_ONE = re.compile(
    r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|\b[0-9a-f]{64}\b|(?<=-)[0-9a-f]{12}\b"
    r"|(?<=\"first\": )\"\w+\""
)
"""Tokens, digests of files, the end of an instance-id, and who makes the database: the same one for all."""
NOT_IN_WORDS = (".pem", ".key", "/user-data", "/firewall.nft")
"""Certificates, the payload again, and rules that join neighbours to networks (test_payload.py has these)."""
WORD = re.compile(r"[\w.:/%-]+")


@pytest.mark.parametrize(
    ("example", "one", "other"),
    [("trio", "trio1", "trio3"), ("sirius", "consul1", "consul3"), ("sirius", "pg1", "pg2")],
)
def test_machines_of_a_role_differ_by_their_own_names_and_secrets(
    render: Render, example: str, one: str, other: str
) -> None:
    """The golden trees show one of each role: with names, addresses and cards exchanged, others are equal."""
    rendered = render(example)
    nodes = {node.name: node for node in rendered.cluster.nodes}
    own = [(node.name, str(node.address), node.mac or "") for node in (nodes[one], nodes[other])]
    exchanged = dict(zip(own[0] + own[1], own[1] + own[0], strict=True))
    exchanged.pop("", None)
    names = re.compile("|".join(rf"(?<![\w.]){re.escape(name)}(?!\w)" for name in exchanged))

    def describe(node: str, *, exchange: bool) -> dict[str, tuple[object, ...]]:
        found: dict[str, tuple[object, ...]] = {}
        for path, file in rendered.files.items():
            if not path.startswith(f"nodes/{node}/") or path.endswith(NOT_IN_WORDS):
                continue
            text = MADE_FOR_ONE.sub("", file.content.decode())
            if exchange:
                text = names.sub(lambda match: exchanged[match[0]], text)
            # Sorted: a list of the others has its own order.
            words = sorted(WORD.findall(text))
            found[path.removeprefix(f"nodes/{node}/")] = (file.owner, file.group, file.mode, words)
        return found

    assert describe(one, exchange=False) == describe(other, exchange=True)


def test_some_machines_only(render: Render) -> None:
    """The others' files are left out, the cluster's own are not; what is rendered is unchanged."""
    rendered = render()
    whole = {file.path: file for file in rendered.tree.files}
    part = render_cluster(rendered.cluster, rendered.bundle, ["pg1"], tool_version=VERSION).files
    assert {file.path.parts[1] for file in part if file.path.parts[0] == "nodes"} == {"pg1"}
    assert any(file.path.parts[0] == "packer" for file in part)
    assert all(whole[file.path] == file for file in part)


def test_paths_stay_in_the_output_folder(render: Render) -> None:
    """Relative, without a step up."""
    for file in render().tree.files:
        assert not file.path.is_absolute()
        assert ".." not in file.path.parts


def test_payload_files_have_owner_and_mode_and_others_none(render: Render) -> None:
    """What stands on the node is complete; what stays in the output has no rights of its own."""
    for file in render().tree.files:
        on_node = file.path.parts[0] == "nodes" and file.path.parts[2] == "payload"
        assert (file.owner is not None) is (file.group is not None) is (file.mode is not None) is on_node


@pytest.mark.parametrize("example", ["sirius", "single", "trio"])
def test_text_ends_with_one_line_break_and_has_no_trailing_spaces(render: Render, example: str) -> None:
    """The marks of a template that was not looked at."""
    rendered = render(example)
    for path, file in rendered.files.items():
        text = file.content.decode()
        assert text.endswith("\n"), path
        assert not text.endswith("\n\n"), path
        # Python has two empty lines between its functions, and that file is no template.
        assert path.endswith(".py") or "\n\n\n" not in text, path
        assert [line for line in text.split("\n") if line != line.rstrip()] == [], path
