"""`holster render` of several specs: each stands for itself."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

import generator.cli.render

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from generator.cli.render import RenderRequest
    from tests.unit.cli.conftest import Called

    Holster = Callable[..., Called]


@pytest.fixture
def fleet(sirius: Path) -> list[str]:
    """Return four specs: a good one, a broken one, an absent one, and a good one again."""
    text = sirius.read_text()
    broken, vega = sirius.with_name("broken.yaml"), sirius.with_name("vega.yaml")
    broken.write_text(text.replace("platform: redos8", "platform: plan9"))
    vega.write_text(text.replace("cluster: sirius", "cluster: vega"))
    return [str(sirius), str(broken), str(sirius.with_name("absent.yaml")), str(vega)]


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_failing_spec_stops_no_other(holster: Holster, fleet: list[str], tmp_path: Path, jobs: str) -> None:
    """All problems in one run, also those of several files; the gravest exit code counts."""
    called = holster("render", "--jobs", jobs, *fleet)
    assert called.code == 2
    if jobs == "1":
        # What a worker prints goes past the fixture.
        assert "unknown-platform" in called.err
        assert "absent.yaml" in called.err
    assert "4 clusters, 2 failed" in called.err
    assert sorted(path.name for path in (tmp_path / "output").iterdir()) == ["sirius", "vega"]


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_two_specs_of_one_cluster_are_told_before_anything_is_written(
    holster: Holster, sirius: Path, fleet: list[str], tmp_path: Path, jobs: str
) -> None:
    """They have one output folder and one bundle: the second would silently replace the first."""
    copy = sirius.with_name("copy.yaml")
    copy.write_bytes(sirius.read_bytes())
    called = holster("render", "--jobs", jobs, *fleet, str(copy))
    assert called.code == 2
    assert "are both the cluster sirius" in called.err
    assert not (tmp_path / "output").exists()
    assert not (tmp_path / "secrets").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("-o", "/"), "is the root of the file system"),
        (("-o", "/."), "is the root of the file system"),
        (("-o", "secrets"), "would lie among the secrets"),
        (("-o", "secrets/sirius"), "would lie among the secrets"),
        (("-o", "out", "--secrets", "out/sirius.yaml"), "would lie among the secrets"),
        (("-o", "out", "--secrets", "out/s/sirius.yaml"), "would lie in the output"),
        (("-o", "link"), "is not a folder"),
        (("-o", "file"), "is a file"),
    ],
)
def test_output_and_secrets_are_kept_apart(
    holster: Holster, sirius: Path, tmp_path: Path, options: tuple[str, ...], words: str
) -> None:
    """One is sent around and deleted at will, the other never; a link is not followed."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "file").touch()
    called = holster("render", str(sirius), *options)
    assert called.code == 2, called.err
    assert words in called.err
    assert not list((tmp_path / "real").iterdir())
    assert not (tmp_path / "out").exists()


def test_machines_are_named_for_one_spec_only(holster: Holster, fleet: list[str]) -> None:
    """Whose pg1 would it be?"""
    called = holster("render", "--node", "pg1", *fleet)
    assert called.code == 2
    assert "--node" in called.err


def test_killed_worker_is_told_in_words(
    holster: Holster, fleet: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel kills processes when memory is short."""

    def die(order: RenderRequest) -> int:
        del order
        os._exit(9)

    monkeypatch.setattr(generator.cli.render, "attempt_one", die)
    die.__module__, die.__qualname__ = "generator.cli.render", "attempt_one"
    called = holster("render", "--jobs", "2", *fleet)
    assert called.code == 3
    assert "was killed" in called.err
    assert "--jobs" in called.err


def test_next_steps_can_be_pasted(
    holster: Holster, sirius: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder with a space, and a program that is not on PATH, as after `make render`."""
    called = holster("render", str(sirius), "-o", "my output/x")
    assert "verify 'my output/x'" in called.err
    assert "'my output/x/nodes/consul1/oemdrv.iso'" in called.err
    monkeypatch.setenv("PATH", str(tmp_path))
    trio = tmp_path / "trio.yaml"
    trio.write_text(sirius.read_text().replace("platform: redos8", "platform: debian13"))
    called = holster("render", str(trio), "-o", "debian", "--secrets", "secrets/sirius.yaml")
    assert called.code == 0, called.err
    assert "oemdrv.iso" not in called.err
