"""CSAR: archives of TOSCA definitions and the files they need (section 17 of the Standard). See docs/csar.md."""

from puccini.csar.archive import Archive, is_archive, open
from puccini.csar.container import Entry, Format
from puccini.csar.errors import ArchiveError, Refusal
from puccini.csar.extraction import extract
from puccini.csar.limits import Limits
from puccini.csar.meta import Meta
from puccini.csar.plugins import Carrier, PluginFile
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
    "verify",
]
