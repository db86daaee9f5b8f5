"""``python -m floria.cli``."""

from floria.cli import main

if __name__ == "__main__":
    main()
