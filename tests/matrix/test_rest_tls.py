"""Patroni's REST interface over TLS, with the real programs: who may change something, and who follows.

One test, so that one worker boots the cluster once.  Its last step takes TLS off one member, as in the
middle of a rolling update.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.fakes.network import sh
from tests.matrix.demands import list_broken
from tests.matrix.run import Scenario, run_scenario
from tests.matrix.settings import Setting

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.matrix.site import Site

pytestmark = pytest.mark.external

TLS: Final = Setting("rest-tls", "REST over TLS", {"patroni": {"rest_tls": True}})
WITHOUT_SERVERS: Final = Scenario("servers", "primary", 45)
PATRONICTL: Final = "import sys; from patroni.ctl import ctl; sys.argv[0] = 'patronictl'; ctl()"


def curl(site: Site, name: str, path: str, *words: str) -> str:
    """Return the status that a member gives to somebody in its own network, 000 where nothing is said."""
    url = f"https://{site.addresses[name]}:8008/{path}"
    where = ("ip", "netns", "exec", site.machines[name].network)
    said = ("curl", "-s", "-m", "5", "-o", "/dev/null", "-w", "%{http_code}")
    return sh(*where, *said, *words, url, check=False)


def switch_over(site: Site) -> str:
    """Have the operator's program hand the primary's role over; return who leads then."""
    primary = site.roles().primary
    standby = next(name for name in site.members if name != primary)
    config = site.recipe.profile.paths.patroni_config
    order = ("switchover", site.recipe.spec.cluster, "--leader", primary, "--candidate", standby, "--force")
    patronictl = (sys.executable, "-c", PATRONICTL, "-c", config)
    site.machines[standby].ask("runuser", "-u", "postgres", "--", *patronictl, *order)
    site.wait_until_whole()
    assert site.roles().primary == standby
    return standby


def keep_primary_without_consul(site: Site) -> None:
    """Cut the primary from the servers for longer than ttl: it stays if all members answer its POST."""
    figures = run_scenario(site, WITHOUT_SERVERS)
    sys.stdout.write(f"{WITHOUT_SERVERS.id}: {figures.to_json()}\n")
    assert list_broken(figures, WITHOUT_SERVERS, site.recipe.terms()) == [], figures
    assert len(set(figures.primary)) == 1, figures
    assert figures.key_s is not None, "the lock did not end: nothing was shown"
    assert figures.silence_s < 10, figures


def _demand_certificate_and_password(site: Site) -> None:
    """Whoever may look needs neither; a stranger to the authority is not spoken to."""
    name = site.roles().primary
    files = site.rest_files(name)
    trusted = ("--cacert", files["--cacert"])
    shown = (*trusted, "--cert", files["--cert"], "--key", files["--key"])
    password = ("-u", f"patroni:{site.recipe.bundle.passwords.rest.get_secret_value()}")
    change = ("-X", "PATCH", "-d", '{"maximum_lag_on_failover": 1048576}')
    assert curl(site, name, "primary", *trusted) == "200"
    assert curl(site, name, "primary") == "000"
    assert curl(site, name, "config", *trusted, *password, *change) == "403"
    assert curl(site, name, "config", *shown, *change) == "401"
    assert curl(site, name, "config", *shown, *password, *change) == "200"


def _ask_consul(site: Site) -> None:
    """The agent asks over HTTPS, and believes the cluster's authority."""
    found: list[dict[str, Any]] = site.consul(site.members[0], f"health/service/{site.recipe.spec.cluster}")
    checks = [check for entry in found for check in entry["Checks"] if check["ServiceName"]]
    assert len(checks) == len(site.members)
    assert {check["Status"] for check in checks} == {"passing"}


def _take_tls_off_one(site: Site) -> None:
    """In the middle of a rolling update, whichever of them leads."""
    primary = site.roles().primary
    plain = next(name for name in site.members if name != primary)
    tree = site.recipe.render({"patroni": {"rest_tls": False}})
    facts = site.recipe.profile.paths
    machine = site.machines[plain]
    for path in (facts.patroni_config, facts.vip_manager_config, "/etc/systemd/system/vip-manager.service"):
        wanted = f"nodes/{plain}/payload{path}"
        text = next(file.content for file in tree.files if str(file.path) == wanted).decode()
        machine.redeliver(path, text)
    for pid in site.pids(plain, "patroni"):
        os.kill(pid, signal.SIGHUP)
    machine.ask("systemctl", "restart", "vip-manager.service")
    site.wait_until_whole()
    assert curl(site, plain, "primary", "--cacert", site.rest_files(plain)["--cacert"]) == "000"
    keep_primary_without_consul(site)
    assert switch_over(site) == plain
    keep_primary_without_consul(site)


def test_rest_over_tls(open_site: Callable[..., Site]) -> None:
    """On three Consul servers and two members; whole is it only with the virtual address on the leader."""
    site = open_site("sirius", TLS)
    _demand_certificate_and_password(site)
    _ask_consul(site)
    switch_over(site)
    keep_primary_without_consul(site)
    _take_tls_off_one(site)
