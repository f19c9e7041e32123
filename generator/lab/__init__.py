"""The lab: a cluster of machines in QEMU, watched, broken and measured.

In: seeds and the golden image.  Out: running machines and what was seen of them.

The guests share one closed layer-2 network; the way in is a forwarded port of
127.0.0.1, and nothing leads out.  Every process of the lab ends with it.
"""
