"""What this machine is to become.

In: `node.json`.  Out: values, or all its problems at once.
"""
