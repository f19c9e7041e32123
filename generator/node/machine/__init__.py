"""The gateways to the machine: files, programs, clocks, services, interfaces.

In: what a stage wants done.  Out: what came of it, or a cause.
"""
