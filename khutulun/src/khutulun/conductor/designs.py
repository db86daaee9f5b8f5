"""Designs: from what a user uploads to a bundle of Floria templates, with its files in the store.

A CSAR is compiled by Puccini; a Floria bundle (YAML or JSON) is taken as it is.
"""

import contextlib
from typing import TYPE_CHECKING

import msgspec

from floria import codec
from floria.entities import Bundle
from floria.store.interface import NotFound, Store
from khutulun import model, shipped
from khutulun.conductor import definition, refusals

if TYPE_CHECKING:
    from puccini.csar import ArchiveError


class CarriedPlugin(msgspec.Struct, frozen=True):
    """A plugin that came with a design; its blob is in the store."""

    name: str
    carrier: str
    digest: str


class Design(msgspec.Struct, frozen=True):
    """What is deployed: templates, and the plugins that came with them."""

    digest: str
    bundle: Bundle
    plugins: tuple[CarriedPlugin, ...] = ()
    warnings: tuple[model.Problem, ...] = ()


def load(store: Store, digest: str, name: str) -> Design:
    """Compile the uploaded blob `digest` for the service `name`.

    Raises `model.Refused` with everything that is wrong with it.
    """
    try:
        with store.open_blob(digest) as file:
            content = file.read()
    except NotFound:
        raise model.refuse("unknown-archive", f"no archive {digest} was uploaded", status=404) from None
    if is_archive(content):
        return _archive(store, digest, content, name)
    return _floria(digest, content)


def is_archive(content: bytes) -> bool:
    """Whether the content is an archive (zip, gzip or tar), and not text."""
    return content[:2] in (b"PK", b"\x1f\x8b") or content[257:262] == b"ustar"


def _floria(digest: str, content: bytes) -> Design:
    try:
        return Design(digest, codec.decode_bundle(content, codec.Format.YAML, "service"))
    except codec.CodecError as error:
        raise model.refuse(
            "bad-bundle",
            str(error),
            hint="a service is a TOSCA file, a CSAR, or a Floria bundle (docs/floria.md)",
        ) from None


def _archive(store: Store, digest: str, content: bytes, name: str) -> Design:
    import puccini
    from puccini import csar
    from puccini.csar.source import ArchiveSource

    try:
        with contextlib.closing(csar.open(content, name="service.csar")) as archive:
            catalog = puccini.FolderCatalog(shipped.profiles())
            source = ArchiveSource(archive)
            loaded = puccini.load(source, archive.entry, [catalog])
            candidates = puccini.find_candidates(loaded, [catalog], [(source, one) for one in archive.others])
            bundle = puccini.compile(loaded, name, candidates)
            for one in (loaded, *candidates):
                for _, content in puccini.blobs(one):
                    store.put_blob(content)
            carried = tuple(
                CarriedPlugin(plugin.name, plugin.carrier.value, store.put_blob(archive.read(plugin.file)))
                for plugin in archive.plugins.values()
            )
    except puccini.Failed as failed:
        raise model.Refused(*refusals.diagnostics(failed.diagnostics)) from None
    except csar.ArchiveError as error:
        hint = error.hint or "`puccini-csar create` makes archives that are right"
        raise model.refuse("bad-archive", error.message, hint=hint, where=_place(error)) from None
    definition.check_delegates(bundle.vertexes)
    return Design(digest, bundle, carried, refusals.diagnostics(loaded.diagnostics))


def _place(error: "ArchiveError") -> str:
    """Return where in an archive it is."""
    if error.entry is None:
        return ""
    return error.entry if error.line is None else f"{error.entry}:{error.line}"
