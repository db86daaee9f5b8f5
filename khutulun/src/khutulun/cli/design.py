"""From a FILE to what is uploaded: TOSCA is packed with all that it names, archives and bundles go as they are."""

import re
from collections.abc import Sequence
from pathlib import Path

from floria import codec
from khutulun import model, names
from puccini import csar
from puccini.csar import creation

_ARCHIVES = (b"PK\x03\x04", b"\x1f\x8b", b"BZh", b"\xfd7zXZ")
_TOSCA = re.compile(rb"^[\"']?tosca_definitions_version[\"']?\s*:", re.MULTILINE)
_LEFT_OUT = "leave it out with 'puccini-csar create FOLDER --exclude NAME', and name the archive"
_HINTS = {
    "entry-definitions": "name the file that the service begins with, such as service.yaml, in place of the folder",
    "link": f"put the file itself there, or {_LEFT_OUT}",
    "special-file": _LEFT_OUT,
}
_GENERIC = frozenset({"service", "main", "template", "index"})


def read(file: Path, substitutes: Sequence[Path] = ()) -> bytes:
    """Return the content to upload, or refuse. `substitutes` go with a TOSCA file, as its Other-Definitions."""
    if substitutes and (file.is_dir() or csar.is_archive(file)):
        hint = "an archive names them as Other-Definitions: puccini-csar create --other FILE"
        raise model.refuse("bad-option", "--substitutes is for a TOSCA file", where=str(file), hint=hint)
    try:
        if file.is_dir():
            return _folder(file)
        if file.exists() and not file.is_file():
            hint = "write it to a file; what it names is looked for beside that"
            raise model.refuse("unreadable", "it is neither a file nor a folder", where=str(file), hint=hint)
        content = file.read_bytes()
        if content.startswith(_ARCHIVES):
            return content
        if csar.is_archive(file):
            with csar.open(file):  # its name says that it is one
                return content
        return csar.pack(file, others=substitutes) if _TOSCA.search(content) else _bundle(file, content)
    except OSError as error:
        raise _unreadable(file, error.strerror or str(error)) from error
    except csar.ArchiveError as error:
        where = error.entry or str(file)
        if error.line is not None:
            where += f":{error.line}"
        raise model.refuse(error.refusal.value, error.message, where=where, hint=error.hint) from error


def _folder(folder: Path) -> bytes:
    try:
        return creation.content(creation.from_folder(folder))
    except csar.ArchiveError as error:
        hint = _HINTS.get(error.refusal.value, error.hint)
        raise model.refuse(error.refusal.value, error.message, where=error.entry or str(folder), hint=hint) from None


def check_signature(file: Path, trusted: Path) -> None:
    """Refuse a file that is no archive, was not signed by one of those in `trusted`, or was changed since."""
    try:
        with csar.open(file) as archive:
            csar.signer(archive, trusted)
            for finding in csar.verify(archive):
                if not finding.warning:
                    raise csar.ArchiveError(finding.refusal, finding.message, entry=finding.entry, hint=finding.hint)
    except csar.ArchiveError as error:
        where = error.entry or str(file)
        raise model.refuse(error.refusal.value, error.message, where=where, hint=error.hint) from error


def name(file: Path) -> str:
    """Return the service's name that a file's name says; that of its folder when the file's says nothing."""
    path = file.resolve()
    stem = path.name.partition(".")[0] if path.is_file() else path.name
    if stem in _GENERIC:
        stem = path.parent.name
    if not names.is_service_name(stem):
        raise model.refuse(
            "bad-name", f"no service can be called {stem!r}", where=str(file), hint="name it with --name"
        )
    return stem


def _bundle(file: Path, content: bytes) -> bytes:
    """Return the content of a file that is no TOSCA, when it can be a bundle."""
    try:
        if not content.strip():
            raise codec.CodecError(f"{file}: it is empty")
        codec.decode_bundle(content, codec.Format.YAML, str(file))
    except codec.CodecError as error:
        hint = "a service is a TOSCA file (it begins with tosca_definitions_version), a CSAR, or a Floria bundle"
        raise model.refuse("bad-bundle", str(error), hint=hint) from None
    return content


def _unreadable(file: Path, why: str) -> model.Refused:
    return model.refuse(
        "unreadable",
        f"it cannot be read: {why}",
        where=str(file),
        hint="name a TOSCA file, a CSAR, a folder with a service, or a Floria bundle",
    )
