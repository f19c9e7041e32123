"""The machines of a spec change: what a render asks of the bundle, and what it leaves as it is.

Every change is tried with each command that touches the bundle; the machines that run
already must keep their secrets, byte for byte.
"""

from __future__ import annotations

import hashlib
import itertools
import re
import shutil
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
import yaml
from pydantic import SecretStr

from generator.check import check_spec
from generator.credentials.bundle import ServerCertificate
from generator.credentials.certificates import parse_certificate, read_names
from generator.credentials.store import load_bundle, save_bundle
from generator.diagnostics import Severity
from generator.errors import BundleInvalid, UsageInvalid
from generator.pipeline import prepare_bundle, reissue_certificate, run_pipeline

if TYPE_CHECKING:
    from collections.abc import Callable

    from generator.check import CheckedSpec
    from generator.credentials.bundle import CredentialBundle
    from generator.pipeline import RenderedCluster

    Change = Callable[[dict[str, Any]], None]

NOW: Final = datetime(2026, 1, 1, tzinfo=UTC)
SEED_CLUSTER: Final = Path(__file__).resolve().parents[2] / "examples" / "sirius.yaml"
KEPT: Final = ("payload/etc/consul.d/tls/agent.pem", "payload/etc/consul.d/tls/agent.key")


def list_nodes(data: dict[str, Any], group: str) -> list[dict[str, Any]]:
    """Return the machines of a group, to be changed."""
    nodes: list[dict[str, Any]] = data["groups"][f"sirius_{group}"]["nodes"]
    return nodes


def add_member(data: dict[str, Any]) -> None:
    """Add a member."""
    list_nodes(data, "postgres").append({"name": "pg3", "address": "192.168.11.183", "memory": "2GiB"})


def add_servers(data: dict[str, Any]) -> None:
    """Add servers."""
    list_nodes(data, "consul").extend(
        {"name": f"consul{number}", "address": f"192.168.11.19{number}", "memory": "512MiB"}
        for number in (4, 5)
    )


def add_some_that_are_both(data: dict[str, Any]) -> None:
    """Add machines that are both."""
    nodes = [
        {"name": f"both{number}", "address": f"192.168.11.15{number}", "memory": "2GiB"} for number in (1, 2)
    ]
    data["groups"]["both"] = {"roles": ["consul-server", "postgres"], "nodes": nodes}


def replace_members(data: dict[str, Any]) -> None:
    """Replace a member."""
    list_nodes(data, "postgres").pop()
    add_member(data)


def remove_member(data: dict[str, Any]) -> None:
    """Remove a member."""
    list_nodes(data, "postgres").pop()


def remove_servers(data: dict[str, Any]) -> None:
    """Remove servers."""
    del list_nodes(data, "consul")[1:]


def rename_member(data: dict[str, Any]) -> None:
    """Rename a member."""
    list_nodes(data, "postgres")[1]["name"] = "pg9"


def rename_server(data: dict[str, Any]) -> None:
    """Rename a server."""
    list_nodes(data, "consul")[2]["name"] = "consul9"


def hand_server_role_over(data: dict[str, Any]) -> None:
    """Let a member take a server's place."""
    list_nodes(data, "consul").pop()
    node = list_nodes(data, "postgres").pop()
    data["groups"]["both"] = {"roles": ["consul-server", "postgres"], "nodes": [node]}


def make_server_a_member(data: dict[str, Any]) -> None:
    """Make a server a member, too."""
    node = {**list_nodes(data, "consul").pop(), "memory": "2GiB"}
    data["groups"]["both"] = {"roles": ["consul-server", "postgres"], "nodes": [node]}


def take_server_role_away(data: dict[str, Any]) -> None:
    """Make members of servers."""
    servers = list_nodes(data, "consul")
    list_nodes(data, "postgres").extend({**servers.pop(), "memory": "2GiB"} for _ in range(2))


def move_server(data: dict[str, Any]) -> None:
    """Give a server another address."""
    list_nodes(data, "consul")[0]["address"] = "192.168.11.99"


def move_server_and_add_member(data: dict[str, Any]) -> None:
    """Move a server and add a member."""
    move_server(data)
    add_member(data)


def move_member(data: dict[str, Any]) -> None:
    """Give a member another address."""
    list_nodes(data, "postgres")[0]["address"] = "192.168.11.98"


def swap_addresses(data: dict[str, Any]) -> None:
    """Swap the addresses of two servers."""
    first, second, *_ = list_nodes(data, "consul")
    first["address"], second["address"] = second["address"], first["address"]


def swap_names(data: dict[str, Any]) -> None:
    """Swap the names of two members."""
    first, second, *_ = list_nodes(data, "postgres")
    first["name"], second["name"] = second["name"], first["name"]


def rename_and_move(data: dict[str, Any]) -> None:
    """Give a member another name and address at once."""
    list_nodes(data, "postgres")[1] |= {"name": "pg9", "address": "192.168.11.98"}


def reverse_order(data: dict[str, Any]) -> None:
    """Name the same machines in another order."""
    for group in ("consul", "postgres"):
        list_nodes(data, group).reverse()
    data["groups"] = dict(reversed(data["groups"].items()))


@dataclass(frozen=True, slots=True)
class Case:
    """A change of the set of machines.

    Attributes:
        change: applied to the seed's spec.
        added: machines that the bundle has nothing for.
        completed: machines that lack the certificate of a PostgreSQL.
        stale: machines whose certificate no longer says what they are.
        gone: machines that the spec no longer names.
    """

    change: Change
    added: tuple[str, ...] = ()
    completed: tuple[str, ...] = ()
    stale: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()

    @property
    def made(self) -> tuple[str, ...]:
        """Machines for which a render makes secrets."""
        return (*self.completed, *self.added)

    def __str__(self) -> str:
        return str(self.change.__doc__).rstrip(".")


CASES: Final = (
    Case(add_member, added=("pg3",)),
    Case(add_servers, added=("consul4", "consul5")),
    Case(add_some_that_are_both, added=("both1", "both2")),
    Case(replace_members, added=("pg3",), gone=("pg2",)),
    Case(remove_member, gone=("pg2",)),
    Case(remove_servers, gone=("consul2", "consul3")),
    Case(rename_member, added=("pg9",), gone=("pg2",)),
    Case(rename_server, added=("consul9",), gone=("consul3",)),
    Case(hand_server_role_over, stale=("pg2",), gone=("consul3",)),
    Case(make_server_a_member, completed=("consul3",)),
    Case(take_server_role_away, stale=("consul2", "consul3")),
    Case(move_server, stale=("consul1",)),
    Case(move_server_and_add_member, added=("pg3",), stale=("consul1",)),
    Case(move_member, stale=("pg1",)),
    Case(swap_addresses, stale=("consul1", "consul2")),
    Case(swap_names, stale=("pg1", "pg2")),
    Case(rename_and_move, added=("pg9",), gone=("pg2",)),
    Case(reverse_order),
)


class Workshop:
    """The seed's cluster, rendered once, and its spec as it is changed."""

    def __init__(self, folder: Path) -> None:
        self.output = folder / "output"
        self.bundle = folder / "secrets" / "sirius.yaml"
        self._data: dict[str, Any] = yaml.safe_load(SEED_CLUSTER.read_text("utf-8"))
        # One server and one member are enough for what is asked here.
        self._data["durability"] = "asynchronous"
        self._data["consul"] = {"allow_single_server": True}
        self._draws = itertools.count()
        self.render()
        self.first = self.load()

    def change(self, change: Change) -> None:
        """Change the spec."""
        data = deepcopy(self._data)
        change(data)
        self._data = data

    @property
    def checked(self) -> CheckedSpec:
        """The spec as it is now; valid, warnings aside."""
        return check_spec(yaml.safe_dump(self._data).encode(), "sirius.yaml")

    def entropy(self, size: int) -> bytes:
        """Return bytes that no earlier call returned."""
        return hashlib.shake_256(str(next(self._draws)).encode()).digest(size)

    def render(self, *names: str) -> RenderedCluster:
        """Render all, or these."""
        return run_pipeline(
            self.checked,
            output=self.output,
            bundle_path=self.bundle,
            names=names,
            now=NOW,
            entropy=self.entropy,
        )

    def create(self) -> tuple[str, ...]:
        """Do what `secrets create` does; return for whom secrets were made."""
        _, made, _ = prepare_bundle(self.checked, self.bundle, now=NOW, entropy=self.entropy)
        return made

    def reissue(self, *names: str) -> None:
        """Do what `secrets reissue` does, for each."""
        for name in names:
            reissue_certificate(self.checked, self.bundle, name, now=NOW, entropy=self.entropy)

    def load(self) -> CredentialBundle:
        """Return the bundle."""
        return load_bundle(self.bundle)

    def see(self, *nodes: str) -> dict[str, tuple[int, int, bytes]]:
        """Return inode, time and bytes of every file of these machines."""
        return {
            str(path.relative_to(self.output)): (
                path.stat().st_ino,
                path.stat().st_mtime_ns,
                path.read_bytes(),
            )
            for node in nodes
            for path in sorted((self.output / "nodes" / node).rglob("*"))
            if path.is_file()
        }

    @property
    def folders(self) -> set[str]:
        """The machines that the output holds."""
        return {path.name for path in (self.output / "nodes").iterdir()}


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    """Return the seed's cluster, rendered."""
    return Workshop(tmp_path)


def list_old(case: Case) -> tuple[str, ...]:
    """Return the machines that are there before and after, as they were."""
    return tuple(
        name
        for name in ("consul1", "consul2", "consul3", "pg1", "pg2")
        if name not in {*case.stale, *case.gone}
    )


def demand_secrets_kept(workshop: Workshop, case: Case) -> None:
    """The bundle has grown by the new machines; of the rest only what was reissued is another one."""
    bundle, first = workshop.load(), workshop.first
    assert bundle.model_copy(update={"nodes": first.nodes}) == first
    assert list(bundle.nodes) == [*first.nodes, *case.added]
    for name, node in first.nodes.items():
        assert bundle.nodes[name].agent_token == node.agent_token
        if name in case.completed:
            made = bundle.nodes[name]
            assert made.postgresql is not None
            assert made.patroni is not None
            assert made.model_copy(update={"postgresql": None, "patroni": None}) == node
        elif name not in case.stale:
            assert bundle.nodes[name] == node


def demand_fitting_certificates(workshop: Workshop, case: Case) -> None:
    """What was made or made anew says what the machine is now."""
    bundle = workshop.load()
    for name in (*case.added, *case.stale):
        (node,) = (
            node
            for group in workshop.checked.spec.groups.values()
            for node in group.nodes
            if node.name == name
        )
        is_server = any(
            node in group.nodes and "consul-server" in group.roles
            for group in workshop.checked.spec.groups.values()
        )
        names = read_names(parse_certificate(bundle.nodes[name].certificate))
        assert ("server.sirius.consul" in names.dns) is is_server
        assert (str(node.address) in names.addresses) is is_server
        for served in filter(None, (bundle.nodes[name].postgresql, bundle.nodes[name].patroni)):
            names = read_names(parse_certificate(served.certificate))
            assert name in names.dns
            assert str(node.address) in names.addresses


def mend(workshop: Workshop, case: Case, attempt: Callable[[], object]) -> None:
    """Do what the refusal of `attempt` asks for; nothing was changed by it."""
    if not case.stale:
        return
    before, files = workshop.bundle.read_bytes(), workshop.see(*workshop.folders)
    with pytest.raises(BundleInvalid) as refused:
        attempt()
    assert str(refused.value.hint).startswith("holster secrets reissue SPEC ")
    assert {*re.findall(r"\w+\d", str(refused.value.hint))} == {*case.stale}
    assert workshop.bundle.read_bytes() == before
    assert workshop.see(*workshop.folders) == files
    workshop.reissue(*case.stale)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_render(workshop: Workshop, case: Case) -> None:
    """All machines get what they need; a second render has nothing to do."""
    old = workshop.see(*list_old(case))
    workshop.change(case.change)
    mend(workshop, case, workshop.render)

    made = workshop.render()

    assert made.made_secrets_for == case.made
    assert workshop.folders == {"consul1", "consul2", "consul3", "pg1", "pg2", *case.added} - {*case.gone}
    demand_secrets_kept(workshop, case)
    demand_fitting_certificates(workshop, case)
    new = workshop.see(*list_old(case))
    for node, name in itertools.product(list_old(case), KEPT):
        assert new[f"nodes/{node}/{name}"] == old[f"nodes/{node}/{name}"]

    bundle, files = workshop.bundle.read_bytes(), workshop.see(*workshop.folders)
    again = workshop.render()
    assert not again.report.has_changed
    assert again.made_secrets_for == ()
    assert workshop.bundle.read_bytes() == bundle
    assert workshop.see(*workshop.folders) == files


@pytest.mark.parametrize("case", CASES, ids=str)
def test_render_of_the_new_machines_alone(workshop: Workshop, case: Case) -> None:
    """`--node NEW`: no file of another machine is touched."""
    before = workshop.folders
    old = workshop.see(*before)
    workshop.change(case.change)
    names = case.added or case.stale or ("pg1",)
    mend(workshop, case, lambda: workshop.render(*names))

    made = workshop.render(*names)

    assert set(made.nodes) == set(names)
    assert made.made_secrets_for == case.made
    assert workshop.folders == before | set(names)
    demand_secrets_kept(workshop, case)
    demand_fitting_certificates(workshop, case)
    others = before - set(names)
    assert workshop.see(*others) == {path: file for path, file in old.items() if path.split("/")[1] in others}
    assert not workshop.render(*names).report.has_changed
    whole = workshop.render()
    assert whole.made_secrets_for == ()
    assert not workshop.render().report.has_changed


@pytest.mark.parametrize("case", CASES, ids=str)
def test_render_of_an_old_machine_alone(workshop: Workshop, case: Case) -> None:
    """`--node OLD` while the spec has a new machine: the new one waits for its turn, its secrets do not."""
    before = workshop.folders
    workshop.change(case.change)
    mend(workshop, case, lambda: workshop.render("pg1"))

    made = workshop.render("pg1")

    assert made.nodes == ("pg1",)
    assert made.made_secrets_for == case.made
    assert workshop.folders == before
    demand_secrets_kept(workshop, case)
    assert not workshop.render("pg1").report.has_changed


@pytest.mark.parametrize("case", CASES, ids=str)
def test_create_before_any_render(workshop: Workshop, case: Case) -> None:
    """`secrets create` adds the new machines; the render after it makes no secret."""
    workshop.change(case.change)
    mend(workshop, case, workshop.create)

    assert workshop.create() == case.made

    demand_secrets_kept(workshop, case)
    written = workshop.bundle.read_bytes()
    assert workshop.create() == ()
    assert workshop.render().made_secrets_for == ()
    assert workshop.bundle.read_bytes() == written


@pytest.mark.parametrize("case", CASES, ids=str)
def test_reissue_after_the_change(workshop: Workshop, case: Case) -> None:
    """A certificate of any machine of the spec can be made anew; one that has none yet gets the way to it."""
    workshop.change(case.change)
    for name in case.added:
        with pytest.raises(BundleInvalid, match=f"has no node {name}") as refused:
            workshop.reissue(name)
        assert "secrets create" in str(refused.value.hint)
    for name in case.gone:
        with pytest.raises(UsageInvalid, match="no such machine"):
            workshop.reissue(name)
    workshop.reissue(*case.stale, "pg1")

    workshop.create()

    bundle = workshop.load()
    assert bundle.nodes["pg1"].key != workshop.first.nodes["pg1"].key
    assert bundle.nodes["pg1"].agent_token == workshop.first.nodes["pg1"].agent_token
    workshop.render()
    assert not workshop.render().report.has_changed


def test_machine_that_comes_back_has_its_old_secrets(workshop: Workshop) -> None:
    """It left the spec, not the bundle: Consul still knows its token."""
    workshop.change(remove_member)
    workshop.render()
    workshop.change(
        lambda data: list_nodes(data, "postgres").append(
            {"name": "pg2", "address": "192.168.11.182", "memory": "2GiB"}
        )
    )

    assert workshop.render().made_secrets_for == ()
    assert workshop.load() == workshop.first


def test_a_bundle_of_before_postgresql_had_certificates(workshop: Workshop) -> None:
    """The next render makes them and says so; a second one makes nothing."""
    nodes = {
        name: node.model_copy(update={"postgresql": None}) for name, node in workshop.first.nodes.items()
    }
    old = workshop.first.model_copy(update={"nodes": nodes})
    save_bundle(workshop.bundle, old, replace=True)

    assert workshop.render().made_secrets_for == ("pg1", "pg2")

    made = workshop.load()
    assert (
        made.model_copy(
            update={"nodes": {k: v.model_copy(update={"postgresql": None}) for k, v in made.nodes.items()}}
        )
        == old
    )
    assert made.nodes["pg1"].postgresql is not None
    written = workshop.bundle.read_bytes()
    assert workshop.render().made_secrets_for == ()
    assert workshop.bundle.read_bytes() == written


def test_another_clusters_bundle_is_not_grown(workshop: Workshop) -> None:
    """Neither by a render nor by a reissue: two clusters never share secrets."""
    before = workshop.bundle.read_bytes()
    workshop.change(lambda data: data.update(cluster="vega"))
    workshop.change(add_member)
    for attempt in (workshop.render, workshop.create, lambda: workshop.reissue("pg1")):
        with pytest.raises(BundleInvalid, match="belongs to the cluster sirius, not to vega"):
            attempt()
    assert workshop.bundle.read_bytes() == before


def test_authority_that_has_ended_signs_nothing(workshop: Workshop) -> None:
    """In words: the library refuses a certificate that ends before it begins."""
    workshop.change(add_member)
    late = NOW + timedelta(days=365 * 21)
    bundle = workshop.bundle
    for attempt in (prepare_bundle, partial(reissue_certificate, name="pg1")):
        with pytest.raises(BundleInvalid, match="ends on 2045-12-27 and can sign nothing any more"):
            attempt(workshop.checked, bundle, now=late, entropy=workshop.entropy)
    assert workshop.load() == workshop.first


def test_pem_is_written_anew(workshop: Workshop) -> None:
    """What goes to a machine is the certificate, not the text that it came in."""
    before = workshop.see(*workshop.folders)
    first = workshop.first

    def wrap(pem: str) -> str:
        return "\n\n" + pem.replace("\n", "\r\n") + " \n"

    def wrap_pair(pair: ServerCertificate) -> ServerCertificate:
        key = SecretStr(wrap(pair.key.get_secret_value()))
        return ServerCertificate(certificate=wrap(pair.certificate), key=key)

    nodes = {
        name: node.model_copy(
            update={
                "certificate": wrap(node.certificate),
                "key": SecretStr(wrap(node.key.get_secret_value())),
                "postgresql": node.postgresql and wrap_pair(node.postgresql),
            }
        )
        for name, node in first.nodes.items()
    }
    authority = first.authority.model_copy(update={"certificate": wrap(first.authority.certificate)})
    wrapped = first.model_copy(update={"nodes": nodes, "authority": authority})
    save_bundle(workshop.bundle, wrapped, replace=True)
    assert workshop.load() == wrapped

    assert not workshop.render().report.has_changed

    assert workshop.see(*workshop.folders) == before


@pytest.mark.parametrize("names", [(), ("pg1",)])
def test_leftovers_are_cleared_when_nothing_changed(workshop: Workshop, names: tuple[str, ...]) -> None:
    """Killed after the exchange of trees: the old tree has secrets, and files of the user."""
    retired = workshop.output.with_name(f".{workshop.output.name}.partial")
    shutil.copytree(workshop.output, retired)
    (retired / "nodes/pg1/notes.txt").write_text("mine")

    workshop.render(*names)

    assert not retired.exists()
    assert (workshop.output / "nodes/pg1/notes.txt").read_text() == "mine"
    assert not workshop.render(*names).report.has_changed


def test_copies_of_the_bundle_are_removed_and_told(workshop: Workshop) -> None:
    """By a render and by `secrets create`, also when nothing changed."""
    stray = workshop.bundle.with_name(f".{workshop.bundle.name}.0123456789abcdef")
    stray.write_text("secrets")
    made = workshop.render()
    assert not stray.exists()
    assert not made.report.has_changed
    assert [(each.id, each.severity) for each in made.warnings] == [("bundle-leftover", Severity.WARNING)]
    assert stray.name in made.warnings[0].message
    assert workshop.render().warnings == ()
