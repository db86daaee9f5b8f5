"""Puccini: TOSCA 2.0, from files to Floria bundles.

    loaded = puccini.load("service/service.yaml", catalog=puccini.FolderCatalog(["profiles"]))
    if not loaded.failed:
        bundle = puccini.compile(loaded, "hello")

The names below are the public ones; each is imported when it is first used.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from puccini.candidates import find as find_candidates
    from puccini.catalog import Catalog, FolderCatalog
    from puccini.compilation import compile
    from puccini.compilation.blobs import read as blobs
    from puccini.diagnostics import Diagnostic, Failed, Related, Severity
    from puccini.formatting import format
    from puccini.loading import Loaded, load
    from puccini.rendering import render
    from puccini.session import Session
    from puccini.sources import FolderSource, Source, SourceError

__all__ = [
    "Catalog",
    "Diagnostic",
    "Failed",
    "FolderCatalog",
    "FolderSource",
    "Loaded",
    "Related",
    "Session",
    "Severity",
    "Source",
    "SourceError",
    "blobs",
    "compile",
    "find_candidates",
    "format",
    "load",
    "render",
]

_PLACES = {
    "Catalog": ("puccini.catalog", "Catalog"),
    "Diagnostic": ("puccini.diagnostics", "Diagnostic"),
    "Failed": ("puccini.diagnostics", "Failed"),
    "FolderCatalog": ("puccini.catalog", "FolderCatalog"),
    "FolderSource": ("puccini.sources", "FolderSource"),
    "Loaded": ("puccini.loading", "Loaded"),
    "Related": ("puccini.diagnostics", "Related"),
    "Session": ("puccini.session", "Session"),
    "Severity": ("puccini.diagnostics", "Severity"),
    "Source": ("puccini.sources", "Source"),
    "SourceError": ("puccini.sources", "SourceError"),
    "blobs": ("puccini.compilation.blobs", "read"),
    "compile": ("puccini.compilation.bundle", "compile"),
    "find_candidates": ("puccini.candidates", "find"),
    "format": ("puccini.formatting", "format"),
    "load": ("puccini.loading", "load"),
    "render": ("puccini.rendering", "render"),
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, attribute = _PLACES[name]
    return getattr(importlib.import_module(module), attribute)


def __dir__() -> list[str]:
    return sorted(__all__)
