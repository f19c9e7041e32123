"""What the fake machine's systemd, network, Consul and Patroni do."""

from __future__ import annotations

import json
from base64 import b64encode
from fnmatch import fnmatch
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from tests.fakes.fake_patroni import answer_patroni, go_on

if TYPE_CHECKING:
    from tests.fakes.fake_machine import FakeMachine, Result

ADDRESS = "192.0.2.11"
PEER = "192.0.2.12"
VIP = "192.0.2.100"


def _unit(machine: FakeMachine, name: str) -> dict[str, Any]:
    unit: dict[str, Any] = machine.state["units"].setdefault(
        name, {"active": False, "enabled": False, "starts": 0}
    )
    return unit


def _list_units(machine: FakeMachine, arguments: list[str], state: str) -> list[str]:
    patterns = [word for word in arguments if not word.startswith("-")]
    found = [
        (name, unit)
        for name, unit in machine.state["units"].items()
        if any(fnmatch(name, pattern) for pattern in patterns)
    ]
    if state == "enabled":
        return [f"{name} {'enabled' if unit['enabled'] else 'disabled'} enabled" for name, unit in found]
    return [f"{name} loaded active running" for name, unit in found if unit["active"]]


def _systemctl(machine: FakeMachine, arguments: list[str]) -> Result:  # noqa: C901, PLR0911 -- one line per verb
    verb, name = arguments[0], arguments[-1]
    if verb == "daemon-reload":
        return 0, "", ""
    if verb == "show":
        known = {"NeedDaemonReload": "no", "FragmentPath": "", **machine.state.get("shown", {})}
        return 0, "\n".join(f"{key}={value}" for key, value in known.items()) + "\n", ""
    if verb in {"list-unit-files", "list-units"}:
        shown = _list_units(machine, arguments[1:], "enabled" if verb == "list-unit-files" else "active")
        return (0 if shown or verb == "list-units" else 1), "".join(f"{line}\n" for line in shown), ""
    if verb in {"enable", "disable"}:
        for unit_name in arguments[1:]:
            if not unit_name.startswith("-"):
                _unit(machine, unit_name)["enabled"] = verb == "enable"
        return 0, "", ""
    if verb == "is-enabled":
        states = ["enabled" if _unit(machine, unit)["enabled"] else "disabled" for unit in arguments[1:]]
        return 0, "".join(f"{state}\n" for state in states), ""
    unit = _unit(machine, name)
    if verb == "is-active":
        return (0 if unit["active"] else 3), "", ""
    if verb in {"start", "restart", "reload-or-restart"}:
        unit["active"] = True
        unit["starts"] += 1
        _start(machine, name)
    elif verb == "stop":
        unit["active"] = False
    return 0, "", ""


def _start(machine: FakeMachine, name: str) -> None:
    if name == "consul.service" and machine.state.get("consul_ends"):
        _unit(machine, name)["active"] = False
    if name == "patroni.service":
        # Requires= of the unit that the payload brings.
        _unit(machine, "holster-storage.service")["active"] = True
    go_on(machine)


def _ip(machine: FakeMachine, _arguments: list[str]) -> Result:
    text = "1: lo    inet 127.0.0.1/8 scope host lo\n"
    text += f"2: enp1s0    inet {ADDRESS}/24 brd 192.0.2.255 scope global enp1s0\n"
    if _unit(machine, "vip-manager.service")["active"] and machine.state["leads"]:
        text += f"2: enp1s0    inet {VIP}/24 scope global secondary enp1s0\n"
    return 0, text, ""


def _runuser(machine: FakeMachine, arguments: list[str]) -> Result:
    if "--single" in arguments:
        return 0, "", machine.state.get("alone_says", "")
    number, kind = machine.state.get("sql_fault", (0, ""))
    machine.state["sql_calls"] = machine.state.get("sql_calls", 0) + 1
    is_lost = machine.state["sql_calls"] == number
    if is_lost and kind == "fails":
        return 2, "", "psql: error: connection to server on socket failed: No such file or directory"
    if "-f" in arguments:
        machine.state["db_roles"] = ["postgres", "replicator", "rewind_user"]
    else:
        assert "pg_roles" in arguments[-1]
    if is_lost:
        return 2, "", "server closed the connection unexpectedly"
    roles = machine.state.get("db_roles", ["postgres", "replicator", "rewind_user"])
    return 0, f"{machine.state.get('streaming', 1)} {' '.join(roles)}\n", ""


def _journalctl(machine: FakeMachine, arguments: list[str]) -> Result:
    if arguments == ["--flush"]:
        return 0, "", ""
    unit = arguments[arguments.index("-u") + 1]
    return 0, machine.state.get("journal", {}).get(unit, ""), ""


def _chronyc(machine: FakeMachine, _arguments: list[str]) -> Result:
    return (0 if machine.state["synchronised"] else 1), "", ""


def _firewall(machine: FakeMachine, arguments: list[str]) -> Result:
    if arguments[0] == "--get-default-zone":
        return 0, machine.state.get("zone", "public") + "\n", ""
    machine.state["zone"] = arguments[0].split("=")[1]
    return 0, "", ""


def _cloud_init(machine: FakeMachine, _arguments: list[str]) -> Result:
    for path, text in machine.state.get("seed", {}).items():
        machine.at(path).write_text(text)
    return 0, "", ""


def _semanage(machine: FakeMachine, arguments: list[str]) -> Result:
    rules = machine.state.setdefault("fcontext", {})
    if arguments[1] == "-a" and arguments[-1] in rules:
        return 1, "", "ValueError: File context is already defined"
    rules[arguments[-1]] = arguments[-2]
    return 0, "", ""


SERVICE_COMMANDS = {
    "systemctl": _systemctl,
    "ip": _ip,
    "runuser": _runuser,
    "journalctl": _journalctl,
    "chronyc": _chronyc,
    "firewall-offline-cmd": _firewall,
    "cloud-init": _cloud_init,
    "semanage": _semanage,
}


def answer_web(machine: FakeMachine, method: str, url: str, token: str | None, body: Any) -> tuple[int, str]:
    """Answer a request to Consul (port 8500) or Patroni (port 8008); 0 means no connection."""
    parts = urlsplit(url)
    if parts.port == 8008:
        return answer_patroni(machine, parts.path.strip("/"))
    late = machine.state.get("consul_late", 0)
    machine.state["consul_late"] = max(0, late - 1)
    if late or not _unit(machine, "consul.service")["active"]:
        return 0, "Connection refused"
    path = parts.path.removeprefix("/v1/")
    if path == "operator/autopilot/configuration":
        return _answer_autopilot(machine, method, parts.query, token, body)
    if path.startswith("kv/"):
        go_on(machine)
        return _answer_kv(machine, method, path.removeprefix("kv/"), parts.query, body)
    return _answer_consul(machine, method, path, token, body)


def _answer_consul(
    machine: FakeMachine, method: str, path: str, token: str | None, body: Any
) -> tuple[int, str]:
    if path == "status/leader":
        return 200, json.dumps(machine.state.get("consul_leader", "192.0.2.11:8300"))
    if path == "agent/members":
        return 200, json.dumps([{"Status": 1}] * machine.state.get("alive", 3))
    return _answer_acl(machine, method, path.removeprefix("acl/"), token, body)


def _answer_autopilot(
    machine: FakeMachine, method: str, query: str, token: str | None, body: Any
) -> tuple[int, str]:
    """Answer as Consul does: a write over another record than the one that was read changes nothing.

    `autopilot_trouble` lists what happens to the next requests: an answer, "lost" (no answer, nothing
    done), "unheard" (done, no answer), "other" (another server writes first).
    """
    if token != machine.state.get("management", "management-secret"):
        return 403, "Permission denied"
    record = machine.state.setdefault(
        "autopilot", {"CleanupDeadServers": True, "MinQuorum": 0, "CreateIndex": 4, "ModifyIndex": 4}
    )
    trouble = machine.state.get("autopilot_trouble", {}).get(method, [])
    kind = trouble.pop(0) if trouble else None
    if kind == "lost":
        return 0, "timed out"
    if isinstance(kind, int):
        return kind, "No cluster leader"
    if method == "GET":
        return 200, json.dumps(record)
    if kind == "other":
        record["ModifyIndex"] += 1
    if query != f"cas={record['ModifyIndex']}":
        return 200, "false"
    machine.state["autopilot"] = {
        **body,
        "CreateIndex": record["CreateIndex"],
        "ModifyIndex": record["ModifyIndex"] + 1,
    }
    return (0, "timed out") if kind == "unheard" else (200, "true")


def _answer_kv(machine: FakeMachine, method: str, key: str, query: str, body: Any) -> tuple[int, str]:
    keys, indexes = machine.state["keys"], machine.state.get("indexes", {})
    left = machine.state.get("kv_without_leader", 0)
    if left:
        machine.state["kv_without_leader"] = left - 1
        return 500, "No cluster leader"
    if method == "PUT":
        keys[key] = str(body)
        return 200, "true"
    if method == "DELETE":
        return _delete(machine, key, int(parse_qs(query)["cas"][0]))
    wanted = [name for name in keys if name == key or ("recurse" in query and name.startswith(key))]
    if not wanted:
        return 404, ""
    # Consul's answer to an empty value is null.
    items = [
        {
            "Key": name,
            "ModifyIndex": indexes.get(name, 7),
            "Value": b64encode(keys[name].encode()).decode() or None,
            # Patroni's own end with their sessions.
            **(
                {"Session": "s"} if name.endswith("/leader") and not machine.state.get("stale_leader") else {}
            ),
        }
        for name in wanted
    ]
    return 200, json.dumps(items)


def _delete(machine: FakeMachine, key: str, index: int) -> tuple[int, str]:
    fault = machine.state.pop("lose_deletion", None)
    if fault == "request":
        return 500, "node is not the leader"
    is_ours = key in machine.state["keys"] and machine.state.get("indexes", {}).get(key, 7) == index
    if is_ours:
        del machine.state["keys"][key]
    return (500, "rpc error: EOF") if fault == "answer" else (200, json.dumps(is_ours))


def _let_leader_work(machine: FakeMachine) -> None:
    """Make all tokens, as the server that leads does while this machine asks for its own."""
    left = machine.state.get("leader_makes_after", 0)
    machine.state["leader_makes_after"] = left - 1
    if left == 1:
        for item in json.loads(machine.at("/etc/holster/acl.json").read_text())["tokens"]:
            machine.state["tokens"][item["accessor_id"]] = {"SecretID": item["secret_id"]}


def _answer_acl(
    machine: FakeMachine, method: str, path: str, token: str | None, body: Any
) -> tuple[int, str]:
    policies, tokens = machine.state["policies"], machine.state["tokens"]
    known = {item["SecretID"] for item in tokens.values()} | {
        machine.state.get("management", "management-secret")
    }
    if token not in known:
        _let_leader_work(machine)
        return 403, "ACL not found"
    if path == "token/self":
        return 200, "{}"
    if path == "tokens":
        return 200, json.dumps([{"AccessorID": accessor} for accessor in tokens])
    store, key = (
        (policies, path.rpartition("/")[2])
        if path.startswith("policy")
        else (tokens, path.rpartition("/")[2])
    )
    if method == "GET":
        return (
            (200, json.dumps(store[key]))
            if key in store
            else (machine.state.get("missing_status", 403), "ACL not found")
        )
    if path.startswith("policy"):
        name = body["Name"]
        if name in policies and path == "policy":
            return 500, "Invalid Policy: A Policy with Name already exists"
        policies[name] = {**body, "ID": f"id-{name}"}
    else:
        tokens[body["AccessorID"]] = body
    return 200, "{}"
