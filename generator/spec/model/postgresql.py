"""PostgreSQL itself."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StrictInt

from generator.spec.fields import (
    Count,
    Encoding,
    Flag,
    HbaNames,
    Locale,
    ParameterName,
    ParameterValue,
    SizeMib,
    SlotName,
    SqlName,
)
from generator.spec.model.base import SpecModel
from generator.spec.network_fields import Network


class SlotSpec(SpecModel):
    """A replication slot that Patroni keeps on whichever member leads."""

    type: Literal["physical", "logical"]
    """physical keeps WAL for a client that is no member; logical decodes it and needs wal_level logical."""
    database: SqlName | None = None
    """The database of a logical slot; demanded there. The slot is made when the database exists."""
    plugin: SqlName | None = None
    """The output plugin of a logical slot, such as pgoutput; demanded there."""


class HbaRule(SpecModel):
    """One more line of pg_hba.conf for clients."""

    type: Literal["local", "host", "hostssl", "hostnossl", "hostgssenc"] = "host"
    """The kind of connection; local is the socket, which has no address."""
    database: HbaNames = "all"
    """Databases, joined by commas."""
    user: HbaNames = "all"
    """Roles, joined by commas; + before a name means its members. `all` leaves out superuser,
    replication_user and rewind_user: a rule for them names them."""
    address: Network | None = None
    """Where the connection comes from; demanded of every type but local."""
    method: Literal["scram-sha-256", "md5", "cert", "gss", "peer", "reject", "trust"] = "scram-sha-256"
    """How the client proves who it is; cert needs hostssl, peer needs local."""


class PostgresqlSpec(SpecModel):
    """PostgreSQL settings the same on every member."""

    max_connections: Annotated[StrictInt, Field(ge=25, le=262143)] = 200
    """How many clients may be connected."""
    max_wal_senders: Annotated[StrictInt, Field(ge=3)] | None = None
    """At least members + 2. Default: 10, or members + 4 where that is more."""
    max_replication_slots: Annotated[StrictInt, Field(ge=4)] | None = None
    """At least one for each member. Default: 10, or members + 4 where that is more."""
    max_worker_processes: Annotated[StrictInt, Field(ge=2)] | None = None
    """Background processes. Default: 8, or the most processors that a machine has."""
    max_prepared_transactions: Count = 0
    """Prepared transactions (two-phase commit)."""
    max_locks_per_transaction: Annotated[StrictInt, Field(ge=32)] = 64
    """Size of the lock table."""
    max_wal_size: SizeMib | None = None
    """WAL between checkpoints. Default: 30 % of the smallest WAL volume, 32MiB to 16GiB; 1GiB where its
    size is unknown."""
    wal_keep_size: SizeMib | None = None
    """WAL kept for members without a slot. Default: 10 % of the smallest WAL volume, 16MiB to 1GiB; 512MiB
    where its size is unknown."""
    max_slot_wal_keep_size: SizeMib | None = None
    """WAL kept for a member that is away. Default: 40 % of the smallest WAL volume; 2GiB where its size is
    unknown."""
    shared_buffers: SizeMib | None = None
    """PostgreSQL's own cache. Default: a quarter of each member's memory, at least 32MiB."""
    work_mem: SizeMib | None = None
    """Memory of one sort or hash. Default: what shared_buffers leaves, divided by three times
    max_connections; 1MiB to 256MiB."""
    tls: Literal["off", "allowed", "required"] = "allowed"
    """TLS of PostgreSQL. `allowed` and `required`: members replicate over TLS and verify each other, and
    clients may use it; `required` turns away clients of `network.clients` that do not. `off`: nothing is
    encrypted."""
    parameters: dict[ParameterName, ParameterValue] = {}
    """Further parameters of postgresql.conf, checked for the declared major version; those with a key of
    their own are refused here. restore_command, archive_cleanup_command and recovery_end_command go to the
    standbys."""
    slots: dict[SlotName, SlotSpec] = {}
    """Permanent replication slots by name. Default: none."""
    hba: tuple[HbaRule, ...] = ()
    """Further lines of pg_hba.conf, after those that the cluster needs and before those of `network.clients`;
    the first line that fits decides. Default: none."""
    locale: Locale = "C.UTF-8"
    """Locale of the databases; must exist on every member."""
    encoding: Encoding = "UTF8"
    """Encoding of the databases."""
    superuser: SqlName = "postgres"
    """The role with which Patroni administers PostgreSQL; called like the system user that runs it."""
    replication_user: SqlName = "replicator"
    """The role of replicas."""
    rewind_user: SqlName = "rewind_user"
    """The role of pg_rewind."""
    allow_end_of_life: Flag = False
    """Accept a PostgreSQL version that gets no fixes any more."""
