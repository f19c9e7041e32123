"""`python -m generator` is `holster`."""

from generator.cli import main

if __name__ == "__main__":
    main()
