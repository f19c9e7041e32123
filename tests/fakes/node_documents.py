"""A member and a fake machine that fits it."""

from __future__ import annotations

import copy
import hashlib
import json
import os
from typing import TYPE_CHECKING, Any

from tests.fakes.fake_services import ADDRESS, PEER, VIP

if TYPE_CHECKING:
    from tests.fakes.fake_machine import FakeMachine

SECRETS = {
    "agent_token": "secret-agent-token",
    "patroni_token": "secret-patroni-token",
    "vip_token": "secret-vip-token",
    "management": "management-secret",
}
GOSSIP_KEY = "c2VjcmV0LWdvc3NpcC1rZXktMzItYnl0ZXMtbG9uZyE="
PAYLOAD = {
    "/etc/consul.d/consul.hcl": f'encrypt = "{GOSSIP_KEY}"\n',
    "/etc/patroni/patroni.yml": "scope: demo\n",
    "/etc/default/vip-manager.yml": f"ip: {VIP}\n",
    "/etc/sysctl.d/90-holster.conf": "vm.swappiness = 1\n",
    "/etc/tmpfiles.d/holster.conf": "# none\n",
}
ACL = {
    "holster_acl": 1,
    "http": "http://127.0.0.1:8500",
    "management_token": {"accessor_id": "m", "secret_id": SECRETS["management"]},
    "policies": [{"name": "patroni-demo", "description": "d", "rules": "key_prefix"}],
    "tokens": [
        {"accessor_id": name, "secret_id": SECRETS[name], "description": name, "policies": ["patroni-demo"]}
        for name in ("agent_token", "patroni_token", "vip_token")
    ],
    "autopilot": {"CleanupDeadServers": False},
}

_NODE: dict[str, Any] = {
    "holster_node": 1,
    "tool_version": "0.1.0",
    "cluster": "demo",
    "name": "pg1",
    "fqdn": "pg1.demo.internal",
    "instance_id": "demo-pg1-0123456789ab",
    "roles": ["consul-server", "postgres"],
    "platform": {
        "name": "test",
        "family": "deb",
        "os_id": "testos",
        "os_version_major": "7",
        "has_selinux": False,
    },
    "network": {"address": ADDRESS, "prefix_length": 24, "mac": None, "interface": None, "gateway": None},
    "peers": [
        {
            "name": "pg1",
            "fqdn": "pg1.demo.internal",
            "address": ADDRESS,
            "is_server": True,
            "is_member": True,
        },
        {
            "name": "pg2",
            "fqdn": "pg2.demo.internal",
            "address": PEER,
            "is_server": True,
            "is_member": True,
        },
    ],
    "directories": [
        {"path": "/opt/consul", "owner": "consul", "group": "consul", "mode": "0750"},
        {"path": "/pgdata/15", "owner": "postgres", "group": "postgres", "mode": "0700"},
    ],
    "programs": {
        "consul": {"path": "/usr/bin/consul", "version": "1.13.9"},
        "postgres": {"path": "/usr/lib/postgresql/15/bin/postgres", "version": "15"},
    },
    "users": {"consul": "consul", "postgres": "postgres"},
    "units": {
        "consul": "consul.service",
        "patroni": "patroni.service",
        "vip_manager": "vip-manager.service",
        "chrony": "chrony.service",
        "ssh": "ssh.service",
        "disabled": ["postgresql.service", "postgresql@.service"],
    },
    "time": {"servers": ["192.0.2.1"], "wait": 20},
    "system": {
        "timezone": "Europe/Moscow",
        "selinux": None,
        "firewall_zone": "holster",
        "watchdog": "off",
        "sysctl_file": "/etc/sysctl.d/90-holster.conf",
        "tmpfiles": ["/etc/tmpfiles.d/holster.conf"],
    },
    "storage": {
        "volume_group": "pg",
        "os_disk": "/dev/sda",
        "volumes": [
            {
                "role": "data",
                "name": "pg_data",
                "disk": {"path": "/dev/sdb"},
                "mount": "/pgdata",
                "label": "pgdata",
                "percent": 95,
                "size": None,
                "min_size": 256,
                "directory": "/pgdata/15/data",
            },
            {
                "role": "wal",
                "name": "pg_val",
                "disk": {"path": "/dev/sdc"},
                "mount": "/pgwal",
                "label": "pgwal",
                "percent": 95,
                "size": None,
                "min_size": 256,
                "directory": "/pgwal/15/pg_wal",
            },
        ],
    },
    "consul": {
        "datacenter": "demo",
        "http": "http://127.0.0.1:8500",
        "servers": 3,
        "agents": 3,
        "config_dir": "/etc/consul.d",
        "data_dir": "/opt/consul",
        "agent_token": SECRETS["agent_token"],
    },
    "patroni": {
        "scope": "demo",
        "namespace": "/service/",
        "member": "pg1",
        "members": 2,
        "rest": f"http://{ADDRESS}:8008",
        "config": "/etc/patroni/patroni.yml",
        "token": SECRETS["patroni_token"],
        "postgresql_port": 5432,
        "bin_dir": "/usr/lib/postgresql/15/bin",
        "superuser": "postgres",
        "replication_user": "replicator",
        "rewind_user": "rewind_user",
    },
    "vip": {
        "address": VIP,
        "prefix_length": 24,
        "mode": "consul",
        "port": 5432,
        "environment_file": "/etc/holster/vip-manager.env",
        "token": SECRETS["vip_token"],
    },
    "deadlines": dict.fromkeys(
        ("preflight", "time", "storage", "system", "consul", "acl", "patroni", "vip", "verify", "seal"), 30
    ),
}


def make_document() -> dict[str, Any]:
    """Return node.json of a machine that is Consul server and member."""
    document = copy.deepcopy(_NODE)
    document["files"] = [
        {
            "path": path,
            "owner": "root",
            "group": "root",
            "mode": "0640",
            "sha256": hashlib.sha256(text.encode()).hexdigest(),
            "secret": True,
        }
        for path, text in PAYLOAD.items()
    ]
    return document


def write_document(machine: FakeMachine, document: dict[str, Any]) -> None:
    """Deliver node.json."""
    _write(machine, "/etc/holster/node.json", json.dumps(document))


def prepare(machine: FakeMachine) -> None:
    """Install what the image has, deliver the payload, attach two blank disks."""
    # All users are the one who runs the test, so that no test needs to be root.
    ids = f"{os.getuid()}:{os.getgid()}"
    names = ("root", "consul", "postgres")
    _write(machine, "/etc/passwd", "".join(f"{name}:x:{ids}::/:/bin/sh\n" for name in names))
    _write(machine, "/etc/group", "".join(f"{name}:x:{os.getgid()}:\n" for name in names))
    _write(machine, "/etc/os-release", 'ID=testos\nVERSION_ID="7.3.1"\n')
    _write(machine, "/usr/share/zoneinfo/Europe/Moscow", "zone")
    _write(machine, "/proc/self/mountinfo", "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n")
    _write(machine, "/etc/hosts", "127.0.0.1 localhost\n")
    _write(machine, "/etc/fstab", "# static\n/dev/sda1 / ext4 defaults 0 1\n")
    _write(machine, "/etc/cloud/cloud.cfg", "")
    _write(machine, "/var/lib/cloud/instances/i/user-data.txt", GOSSIP_KEY)
    _write(machine, "/opt/consul/.keep", "")
    for program in ("/usr/bin/consul", "/usr/lib/postgresql/15/bin/postgres"):
        _write(machine, program, "#!/bin/sh\n")
        machine.at(program).chmod(0o755)
    for path, text in PAYLOAD.items():
        _write(machine, path, text)
    _write(machine, "/etc/holster/acl.json", json.dumps(ACL))
    write_document(machine, make_document())
    machine.add_disk("sda", 8192, {"TYPE": "dos"})
    machine.add_disk("sdb", 1024)
    machine.add_disk("sdc", 512)
    machine.state["units"]["postgresql.service"] = {"active": True, "enabled": True, "starts": 1}
    machine.save()


def _write(machine: FakeMachine, path: str, text: str) -> None:
    target = machine.at(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text)
