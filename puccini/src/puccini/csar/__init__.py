"""CSAR: archives of TOSCA definitions and the files they need (section 17 of the Standard). See docs/csar.md.

The names below are imported when they are first used: most files are no archives.
"""

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from puccini.catalog import Catalog
    from puccini.csar.archive import Archive, open
    from puccini.csar.container import Entry
    from puccini.csar.errors import ArchiveError, Refusal
    from puccini.csar.extraction import extract
    from puccini.csar.formats import Format, is_archive
    from puccini.csar.limits import Limits
    from puccini.csar.meta import Meta
    from puccini.csar.plugins import Carrier, PluginFile
    from puccini.csar.signatures import signer
    from puccini.csar.verification import Finding, verify

__all__ = [
    "Archive",
    "ArchiveError",
    "Carrier",
    "Entry",
    "Finding",
    "Format",
    "Limits",
    "Meta",
    "PluginFile",
    "Refusal",
    "extract",
    "is_archive",
    "open",
    "pack",
    "signer",
    "verify",
]


def pack(entry: Path, catalog: "Sequence[Catalog]" = (), others: "Sequence[Path]" = ()) -> bytes:
    """Return the service at `entry` (a TOSCA file, a folder or an archive) as one archive: `puccini.csar.packing`."""
    from puccini.csar import packing

    return packing.pack(entry, catalog, others=others)


_PLACES = {
    "Archive": "archive",
    "ArchiveError": "errors",
    "Carrier": "plugins",
    "Entry": "container",
    "Finding": "verification",
    "Format": "formats",
    "Limits": "limits",
    "Meta": "meta",
    "PluginFile": "plugins",
    "Refusal": "errors",
    "extract": "extraction",
    "is_archive": "formats",
    "open": "archive",
    "signer": "signatures",
    "verify": "verification",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_PLACES[name]}"), name)
