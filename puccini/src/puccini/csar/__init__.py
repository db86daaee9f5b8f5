"""CSAR: archives of TOSCA definitions and the files they need (section 17 of the Standard). See docs/csar.md."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from puccini.csar.archive import Archive, is_archive, open
from puccini.csar.container import Entry, Format
from puccini.csar.errors import ArchiveError, Refusal
from puccini.csar.extraction import extract
from puccini.csar.limits import Limits
from puccini.csar.meta import Meta
from puccini.csar.plugins import Carrier, PluginFile
from puccini.csar.signatures import signer
from puccini.csar.verification import Finding, verify

if TYPE_CHECKING:
    from puccini.catalog import Catalog

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
