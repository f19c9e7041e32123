"""From the delivery to the seal: traps of the reference notes that concern payload, copies and secrets."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.fakes.node_documents import GOSSIP_KEY, SECRETS, make_document, write_document
from tests.fakes.node_runs import run
from tests.fakes.stage_runs import stop_at, verbs

if TYPE_CHECKING:
    from tests.fakes.fake_machine import FakeMachine


def test_nothing_waits_for_units_that_wait_for_this_program(fake: FakeMachine) -> None:
    """Reference traps 2 and 3: services are started with --no-block."""
    assert run(fake).code == 0
    for unit in ("consul.service", "patroni.service", "vip-manager.service"):
        starts = [call for call in fake.calls if call[:2] == ["systemctl", "start"] and call[-1] == unit]
        assert starts
        assert all("--no-block" in call for call in starts)


def test_cloud_init_ends_before_its_copies_are_removed(fake: FakeMachine) -> None:
    """Its last stage reads them; this program runs beside it."""
    for path in ("/etc/cloud", "/run/cloud-init"):
        fake.at(path).mkdir(parents=True, exist_ok=True)
    copy = fake.at("/var/lib/cloud/instances/i/obj.pkl")
    copy.parent.mkdir(parents=True, exist_ok=True)
    copy.write_text("x")
    fake.at("/run/cloud-init/enabled").touch()
    result = run(fake)
    assert (result.failure["stage"], result.failure["cause"]) == ("seal", "seal-failed")
    assert "cloud-init has not ended" in result.failure["reason"]
    assert copy.exists()
    fake.at("/run/cloud-init/result.json").write_text("{}")
    assert run(fake).code == 0
    assert not copy.exists()


def test_seed_ejected_while_the_datasource_is_pinned(fake: FakeMachine) -> None:
    """Reference trap 13: cloud-init is off before the machine counts as ready."""
    assert run(fake).code == 0
    assert fake.at("/etc/cloud/cloud-init.disabled").exists()


def test_secrets_left_behind(fake: FakeMachine) -> None:
    """Reference trap 21, traps.md 19: copies of the payload are removed when the machine is ready."""
    for path in ("/root/original-ks.cfg", "/var/log/anaconda/ks-script-abc.log"):
        fake.at(path).parent.mkdir(parents=True, exist_ok=True)
        fake.at(path).write_text(GOSSIP_KEY)
    assert run(fake).code == 0
    for path in (
        "/root/original-ks.cfg",
        "/var/log/anaconda/ks-script-abc.log",
        "/var/lib/cloud/instances/i/user-data.txt",
    ):
        assert not fake.at(path).exists()


def test_a_failed_first_boot_keeps_the_copies(fake: FakeMachine) -> None:
    """A failed first boot keeps the copies."""
    fake.state["alive"] = 2
    fake.save()
    assert "2 of 3 Consul agents" in stop_at(fake, "verify", "not-ready").failure["reason"]
    assert fake.at("/var/lib/cloud/instances/i/user-data.txt").exists()
    assert not fake.at("/var/lib/holster/sealed").exists()


def test_write_files_owner_unknown(fake: FakeMachine) -> None:
    """traps.md 15: files arrive as root's; the program names a missing user, and hands over what it has."""
    fake.at("/etc/passwd").write_text("root:x:0:0::/:/bin/sh\n")
    reason = stop_at(fake, "preflight", "machine-unfit").failure["reason"]
    assert "the user consul is missing" in reason
    assert "the user postgres is missing" in reason


def test_interrupted_delivery_is_repaired_from_the_seed_once(fake: FakeMachine) -> None:
    """Reference trap 15 and design promise 5: half of a payload is found by its digest."""
    fake.state["seed"] = {"/etc/patroni/patroni.yml": "scope: demo\n"}
    fake.save()
    fake.at("/var/lib/cloud/instance").mkdir(parents=True)
    fake.at("/etc/patroni/patroni.yml").write_text("scope: de")
    assert run(fake, "preflight").code == 0
    assert [call for call in fake.calls if call[0] == "cloud-init"] == [
        ["cloud-init", "single", "--name", "write_files", "--frequency", "always"]
    ]


def test_interrupted_delivery_without_a_seed_is_named(fake: FakeMachine) -> None:
    """Interrupted delivery without a seed is named."""
    fake.at("/etc/patroni/patroni.yml").write_text("scope: de")
    fake.at("/etc/consul.d/consul.hcl").unlink()
    reason = stop_at(fake, "preflight", "payload-incomplete").failure["reason"]
    assert "/etc/patroni/patroni.yml differs" in reason
    assert "/etc/consul.d/consul.hcl was not delivered" in reason


def test_the_services_start_by_themselves_only_after_the_seal(fake: FakeMachine) -> None:
    """A power cut before that goes through the stages again, in their order."""
    assert run(fake, "verify").code == 0
    units = ("consul.service", "patroni.service", "vip-manager.service", "holster-storage.service")
    assert not any(fake.state["units"][unit]["enabled"] for unit in units)
    assert run(fake).code == 0
    assert all(fake.state["units"][unit]["enabled"] for unit in units)


def test_the_journal_is_not_read_at_every_look(fake: FakeMachine) -> None:
    """Reading it costs more than the look that it explains; the cause is still found at the end."""
    fake.script("journalctl", 0, "waiting on consul\n")
    fake.state["patroni_stuck"] = True
    fake.save()
    failure = run(fake).failure
    assert failure["cause"] == "patroni-waits-for-consul"
    reads = [call for call in fake.calls if call[0] == "journalctl" and "patroni.service" in call]
    assert 2 <= len(reads) <= 5


def test_a_changed_payload_restarts_what_reads_it(fake: FakeMachine) -> None:
    """A changed payload restarts what reads it."""
    assert run(fake, "vip").code == 0
    document = make_document()
    fake.at("/etc/patroni/patroni.yml").write_text("scope: demo # changed\n")
    document["files"] = [item for item in document["files"] if "patroni" not in item["path"]]
    write_document(fake, document)
    fake.forget_calls()
    assert run(fake, "vip").code == 0
    assert "restart" in verbs(fake, "patroni.service")
    assert "restart" not in verbs(fake, "consul.service")


def test_secrets_are_in_no_log_status_or_argument(fake: FakeMachine) -> None:
    """Secrets are in no log status or argument."""
    secrets = {*SECRETS.values(), GOSSIP_KEY}
    result = run(fake)
    assert result.code == 0
    shown = [result.log.getvalue(), json.dumps(fake.calls), fake.at("/etc/issue.d/holster.issue").read_text()]
    shown += [path.read_text() for path in fake.at("/var/lib/holster").iterdir() if path.is_file()]
    for secret in secrets:
        assert not any(secret in text for text in shown)
