"""The folders of the built-in drivers, which say themselves what they bring and need. Nothing else lists drivers."""

from pathlib import Path

PLUGINS = Path(__file__).resolve().parent.parent / "plugins"


def folders() -> list[Path]:
    """Return the folder of every driver, by name."""
    return sorted(file.parent for file in PLUGINS.glob("*/plugin.py"))


def packages() -> list[str]:
    """Return the Debian packages that the drivers' tests need, on this machine and on hosts: their ``packages.txt``."""
    lists = sorted(PLUGINS.glob("*/packages.txt"))
    return sorted({name for each in lists for name in each.read_text().split()})
