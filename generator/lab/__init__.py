"""The lab: a cluster of real machines in QEMU that boots from its seeds, answers and can be broken.

The guests share one closed layer-2 network; the way in is a forwarded port of
127.0.0.1, and nothing leads out.  Every process of the lab ends with it.
"""
