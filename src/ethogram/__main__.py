"""`python -m ethogram` is the command `ethogram`."""

from __future__ import annotations

from ethogram.cli import main

if __name__ == "__main__":
    main()
