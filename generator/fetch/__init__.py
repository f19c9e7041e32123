"""What a build without a network needs: named exactly, and downloaded where an address is known."""
