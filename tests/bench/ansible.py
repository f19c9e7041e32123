"""The rival: ansible-playbook renders the same templates for the same machines.

The contexts of our templates are recorded as plain data, our quoting filters are
handed over as a filter plugin, and one `template` task per file runs over the
local connection.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

from jinja2 import Template

from generator.check import check_spec
from generator.layout import find_resources
from generator.pipeline import run_pipeline
from generator.render import environment
from tests.bench.fleet import NODES_PER_CLUSTER, write_fleet
from tests.bench.measure import measure
from tests.bench.recording import simplify

FILTER_PLUGIN = """\
from generator.render.quoting import FILTERS


class FilterModule:
    def filters(self):
        return dict(FILTERS)
"""


@dataclass(frozen=True, slots=True)
class Rivalry:
    """Seconds that both took for the same machines."""

    nodes: int
    templates: int
    ansible_seconds: float
    holster_seconds: float

    @property
    def ratio(self) -> float:
        """How many times faster Holster is."""
        return self.ansible_seconds / self.holster_seconds


@dataclass(frozen=True, slots=True)
class Rendering:
    """One file as our renderer made it: template, what it read, the text."""

    template: str
    context: dict[str, Any]
    text: str


class RecordingTemplate(Template):
    """A template that notes what it reads and what it gives."""

    made: ClassVar[list[Rendering]] = []

    def render(self, **context: Any) -> str:
        """Return the text; note template and context."""
        pairs = {name: simplify(value) for name, value in context.items()}
        text = super().render(**{name: seen for name, (seen, _) in pairs.items()})
        self.made.append(Rendering(str(self.name), {name: note for name, (_, note) in pairs.items()}, text))
        return text


def record(specs: list[Path], folder: Path) -> dict[str, list[Rendering]]:
    """Return every rendering of every cluster's files, by cluster."""
    environment.load_template.cache_clear()
    environment.create_environment().template_class = RecordingTemplate
    renderings = {}
    for spec in specs:
        RecordingTemplate.made.clear()
        checked = check_spec(spec.read_bytes(), str(spec))
        run_pipeline(
            checked,
            output=folder / "recorded" / spec.stem,
            bundle_path=folder / "secrets" / f"{spec.stem}.yaml",
            now=datetime.now(UTC),
            entropy=secrets.token_bytes,
        )
        renderings[spec.stem] = list(RecordingTemplate.made)
    return renderings


def write_playbook(folder: Path, renderings: dict[str, list[Rendering]]) -> list[tuple[Path, str]]:
    """Write inventory, variables, filter plugin and playbook; return what must come out.

    One host per cluster carries the list of its files, as a role with a loop would.
    """
    (folder / "filter_plugins").mkdir(parents=True)
    (folder / "filter_plugins" / "holster.py").write_text(FILTER_PLUGIN)
    (folder / "templates").symlink_to(find_resources() / "templates")
    (folder / "host_vars").mkdir()
    expected = []
    for cluster, made in renderings.items():
        files = []
        for number, rendering in enumerate(made):
            target = folder / "rendered" / cluster / f"{number:04d}"
            files.append({"src": rendering.template, "dest": str(target), "context": rendering.context})
            expected.append((target, rendering.text))
        (folder / "host_vars" / f"{cluster}.json").write_text(json.dumps({"renderings": files}))
        (folder / "rendered" / cluster).mkdir(parents=True)
    (folder / "inventory").write_text(
        "".join(f"{cluster} ansible_connection=local\n" for cluster in renderings)
    )
    names = {name for made in renderings.values() for rendering in made for name in rendering.context}
    task = {
        "name": "Render one file",
        "ansible.builtin.template": {
            "src": "{{ file.src }}",
            "dest": "{{ file.dest }}",
            "mode": "0600",
            "lstrip_blocks": True,
        },
        "vars": {name: "{{ file.context." + name + " | default({}) }}" for name in sorted(names)},
        "loop": "{{ renderings }}",
        "loop_control": {"loop_var": "file", "label": "{{ file.src }}"},
    }
    play = [{"name": "Render", "hosts": "all", "gather_facts": False, "tasks": [task]}]
    (folder / "playbook.json").write_text(json.dumps(play))
    return expected


def compare_with_ansible(folder: Path, nodes: int) -> Rivalry:
    """Let both render the files of `nodes` machines; the texts must be the same.

    Raises:
        SystemExit: the rival failed, or made another text.
    """
    specs = write_fleet(folder / "specs", max(1, nodes // NODES_PER_CLUSTER))
    count = len(specs) * NODES_PER_CLUSTER
    renderings = record(specs, folder)
    expected = write_playbook(folder / "playbook", renderings)
    binaries = Path(sys.executable).parent
    ansible = measure(
        [
            str(binaries / "ansible-playbook"),
            "-i",
            "inventory",
            "--forks",
            str(os.cpu_count() or 1),
            "playbook.json",
        ],
        folder / "playbook",
        {
            "PYTHONPATH": str(find_resources()),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
        },
    )
    for path, text in expected:
        # Ansible drops the newline at the end of an included template: white space does not count.
        if "".join(path.read_text("utf-8").split()) != "".join(text.split()):
            sys.exit(f"the rival made another text: {path}")
    holster = measure(
        [
            str(binaries / "holster"),
            "render",
            "-q",
            "--jobs",
            str(os.cpu_count() or 1),
            "-o",
            "output",
            *map(str, specs),
        ],
        folder,
    )
    return Rivalry(
        count,
        len({r.template for made in renderings.values() for r in made}),
        ansible.seconds,
        holster.seconds,
    )
