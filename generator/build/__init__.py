"""The golden image: Packer and QEMU run the recipe that was rendered, and the result is examined."""
