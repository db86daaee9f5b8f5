"""The plugins that an archive or a folder carries: the files directly in ``plugins/`` at its root.

The suffix says the carrier, the rest of the name is the plugin's: ``plugins/web.wasm`` is a Wasm component,
``plugins/web.py`` Python source for the sandbox, ``plugins/web.run`` a program that speaks JSON lines. Nothing else may
lie there; folders in it are free. An orchestrator stores each as a blob and asks it to describe itself.
"""

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum

import msgspec

from puccini.csar.errors import ArchiveError, Refusal

FOLDER = "plugins"
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")


class Carrier(StrEnum):
    """How a plugin is carried."""

    WASM = "wasm"
    PYTHON = "python"
    EXECUTABLE = "executable"


SUFFIXES = {".wasm": Carrier.WASM, ".py": Carrier.PYTHON, ".run": Carrier.EXECUTABLE}

BEGINNINGS: Mapping[Carrier, tuple[bytes, ...]] = {
    Carrier.WASM: (b"\0asm",),
    Carrier.PYTHON: (b"",),
    Carrier.EXECUTABLE: (b"#!", b"\x7fELF"),
}
"""What the file of each carrier begins with."""


class PluginFile(msgspec.Struct, frozen=True, kw_only=True):
    """A plugin in an archive: its name, its carrier, the file that is its blob."""

    name: str
    carrier: Carrier
    file: str


def find(files: Iterable[str]) -> Mapping[str, PluginFile]:
    """Return the plugins among the names of files, by name. Raises `ArchiveError`."""
    found: dict[str, PluginFile] = {}
    for file in sorted(files):
        folder, slash, base = file.partition("/")
        if not slash or folder != FOLDER or "/" in base:
            continue
        plugin = _plugin(file, base)
        if (other := found.setdefault(plugin.name, plugin)) is not plugin:
            raise ArchiveError(
                Refusal.PLUGIN,
                f"the plugin {plugin.name!r} is there twice: also as {other.file}",
                entry=file,
                hint="keep one carrier of it",
            )
    return found


def _plugin(file: str, base: str) -> PluginFile:
    stem, dot, suffix = base.rpartition(".")
    carrier = SUFFIXES.get(dot + suffix)
    if carrier is None:
        raise ArchiveError(
            Refusal.PLUGIN,
            "only plugins lie directly in plugins/: NAME.wasm, NAME.py or NAME.run",
            entry=file,
            hint="move the file to another folder, plugins/NAME/ for example",
        )
    if not _NAME.fullmatch(stem):
        raise ArchiveError(
            Refusal.PLUGIN,
            f"{stem!r} is no name for a plugin",
            entry=file,
            hint="lower-case letters, digits, '-' and '_', a letter first, 63 characters at most",
        )
    return PluginFile(name=stem, carrier=carrier, file=file)
