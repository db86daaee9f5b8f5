"""The folders of the built-in drivers, which say themselves what they bring and need. Nothing else lists drivers."""

from pathlib import Path

PLUGINS = Path(__file__).resolve().parent.parent / "plugins"


def folders() -> list[Path]:
    """Return the folder of every driver, by name."""
    return sorted(file.parent for file in PLUGINS.glob("*/plugin.py"))


def examples() -> list[Path]:
    """Return the folder of every example that a driver brings."""
    return sorted(file.parent for file in PLUGINS.glob("*/examples/*/service.yaml"))


def pages() -> list[Path]:
    """Return every page of the drivers: of each driver itself, and of each of its examples."""
    found = [folder / "README.md" for folder in (*folders(), *examples())]
    return [page for page in found if page.exists()]


def packages() -> list[str]:
    """Return the Debian packages that the drivers' tests need, on this machine and on hosts: their ``packages.txt``."""
    lists = sorted(PLUGINS.glob("*/packages.txt"))
    return sorted({name for each in lists for name in each.read_text().split()})
