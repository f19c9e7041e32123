"""Holster: render a fault-tolerant PostgreSQL cluster that is configured on its first boot."""

__version__ = "0.1.0"
