"""One cluster from a checked spec to disk: secrets, resolve, render, pack, write.

In: a CheckedSpec and where output and bundle live.  Out: files, and a
RenderedCluster that says what was done.  Prints nothing; clock and entropy are
parameters and serve only the making of secrets.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from typing import TYPE_CHECKING

from generator import __version__
from generator.credentials.bundle import create_bundle, extend_bundle, reissue_node
from generator.credentials.check import LEFTOVER, check_bundle
from generator.credentials.document import format_bundle
from generator.credentials.store import load_bundle, remove_strays, update_bundle
from generator.diagnostics import Problem, Severity
from generator.errors import UsageInvalid
from generator.layout import PACKAGE, find_resources
from generator.pack.node_program import build_node_program
from generator.pack.seed import pack_node
from generator.render.tree import render_cluster
from generator.resolve.cluster import resolve_cluster
from generator.resolve.peers import list_identities
from generator.spec.topology import iterate_nodes
from generator.write.manifest import ManifestInputs, is_current
from generator.write.tree import WriteReport, has_leftovers, write_tree

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from pathlib import Path

    from generator.check import CheckedSpec
    from generator.credentials.bundle import CredentialBundle, NodeCredentials
    from generator.render.rendered import RenderedFile
    from generator.spec.model import ClusterSpec

    Entropy = Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class RenderedCluster:
    """What a render did; holds no secret.

    Attributes:
        cluster, output, bundle: name, output folder, path of the credential bundle.
        nodes: the machines rendered.
        report: what was written, removed, left alone.
        made_secrets_for: machines whose secrets were made in this run.
        warnings: what the user should know, such as a certificate that ends soon.
    """

    cluster: str
    output: Path
    bundle: Path
    nodes: tuple[str, ...]
    report: WriteReport
    made_secrets_for: tuple[str, ...]
    warnings: tuple[Problem, ...]


@cache
def pack_node_program() -> bytes:
    """Return the first-boot program, packed once per process."""
    return build_node_program()


@cache
def digest_program() -> str:
    """Return one digest over templates, fragments, profiles and code.

    A render is current only if the program is the one that made it; the version
    alone does not tell while someone works on the templates.
    """
    resources = find_resources()
    folders = [PACKAGE, *(resources / name for name in ("templates", "packer", "kickstart"))]
    total = sha256()
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                total.update(f"{path.relative_to(folder)}\0".encode())
                total.update(sha256(path.read_bytes()).digest())
    return total.hexdigest()


def prepare_bundle(
    checked: CheckedSpec, path: Path, *, now: datetime, entropy: Entropy
) -> tuple[CredentialBundle, tuple[str, ...], tuple[Problem, ...]]:
    """Return the bundle, the machines whose secrets were made now, and warnings.

    Made when absent, extended for new machines, never made anew.

    Raises:
        BundleInvalid: it cannot be used for this spec.
        EnvironmentFailed: it cannot be written.
    """
    spec = checked.spec
    identities = list_identities(spec)
    years = spec.certificates.years
    known: dict[str, NodeCredentials] = {}
    warnings: tuple[Problem, ...] = ()

    def make_or_extend(old: CredentialBundle | None) -> CredentialBundle:
        nonlocal known, warnings
        if old is None:
            return create_bundle(spec.cluster, identities, years=years, now=now, entropy=entropy)
        known = old.nodes
        # Before it is extended: another cluster's bundle must not grow machines of this one.
        held = [node for node in identities if node.name in known]
        warnings = check_bundle(old, spec.cluster, held, now)
        return extend_bundle(old, identities, years=years, now=now, entropy=entropy)

    strays = remove_strays(path)
    bundle = update_bundle(path, make_or_extend)
    warnings += tuple(
        Problem(
            LEFTOVER,
            f"{stray}: a copy of secrets that an interrupted command left behind was removed",
            Severity.WARNING,
        )
        for stray in strays
    )
    # A machine that was known may have got a part that it lacked.
    made = (node.name for node in identities if bundle.nodes[node.name] != known.get(node.name))
    return bundle, tuple(made), warnings


def reissue_certificate(
    checked: CheckedSpec, path: Path, name: str, *, now: datetime, entropy: Entropy
) -> None:
    """Write the bundle with a new key and certificate for one machine of the spec; all else stays.

    Raises:
        UsageInvalid: the spec has no such machine.
        BundleInvalid: there is no bundle, it is another cluster's, or has nothing for this machine yet.
        EnvironmentFailed: it cannot be written.
    """
    spec = checked.spec
    (selected,) = select_nodes(spec, [name])
    identity = next(node for node in list_identities(spec) if node.name == selected)

    def reissue(old: CredentialBundle | None) -> CredentialBundle:
        bundle = load_bundle(path) if old is None else old
        # The other machines may need the same: each reissue mends one.
        check_bundle(bundle, spec.cluster, (), None)
        return reissue_node(bundle, identity, years=spec.certificates.years, now=now, entropy=entropy)

    update_bundle(path, reissue)


def describe_inputs(checked: CheckedSpec, bundle: CredentialBundle) -> ManifestInputs:
    """Return the digests of everything that decides the output's bytes."""
    return ManifestInputs(
        cluster=checked.spec.cluster,
        tool_version=__version__,
        spec_sha256=checked.sha256,
        bundle_sha256=sha256(format_bundle(bundle)).hexdigest(),
        program_sha256=digest_program(),
    )


def render_files(
    checked: CheckedSpec, bundle: CredentialBundle, names: Sequence[str]
) -> tuple[RenderedFile, ...]:
    """Return the cluster's own files and those of the named machines, ISO images included.

    A function of its arguments: the same spec and bundle give the same bytes.
    """
    cluster = resolve_cluster(checked.spec, checked.profile)
    node_program = pack_node_program()
    tree = render_cluster(cluster, bundle, names, tool_version=__version__, node_program=node_program)
    images = (image for name in names for image in pack_node(name, tree.files, node_program))
    return (*tree.files, *images)


def run_pipeline(  # noqa: PLR0913 -- clock and entropy are parameters, so that tests can pin them
    checked: CheckedSpec,
    *,
    output: Path,
    bundle_path: Path,
    names: Sequence[str] = (),
    now: datetime,
    entropy: Entropy,
) -> RenderedCluster:
    """Make the output of one cluster; unchanged files are not touched.

    Raises:
        HolsterError: an expected failure; the old output stays whole.
    """
    selected = select_nodes(checked.spec, names)
    bundle, made, warnings = prepare_bundle(checked, bundle_path, now=now, entropy=entropy)
    inputs = describe_inputs(checked, bundle)
    if not names and not has_leftovers(output) and is_current(output, inputs):
        report = WriteReport(written=(), removed=(), unchanged=0)
    else:
        report = write_tree(render_files(checked, bundle, selected), output, inputs, partial=bool(names))
    return RenderedCluster(
        cluster=checked.spec.cluster,
        output=output,
        bundle=bundle_path,
        nodes=selected,
        report=report,
        made_secrets_for=made,
        warnings=warnings,
    )


def select_nodes(spec: ClusterSpec, names: Sequence[str]) -> tuple[str, ...]:
    """Return the named machines in the order of the spec, or all where none is named.

    Raises:
        UsageInvalid: a name is not in the spec.
    """
    known = [node.name for _, node, _ in iterate_nodes(spec)]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise UsageInvalid(f"no such machine: {', '.join(unknown)}", hint=f"the spec has {', '.join(known)}")
    return tuple(name for name in known if not names or name in names)
