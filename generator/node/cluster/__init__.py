"""The cluster around the machine.

In: answers of Consul and Patroni.  Out: what is to be done about them.
"""
