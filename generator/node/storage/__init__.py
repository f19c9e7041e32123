"""The data disks; nothing foreign is ever changed.

In: rules and disks.  Out: mounted volumes, or a cause.
"""
