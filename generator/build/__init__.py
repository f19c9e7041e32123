"""The golden image, built by Packer in QEMU.

In: the rendered recipe and artifacts.  Out: an examined disk and its bill of materials.
"""
