"""Everything that can be said about an archive without reading its TOSCA: contents, digests, structure (T157-T165).

Opening an archive has refused what is hostile already; this reads every byte of it. `puccini-csar verify` and servers
that take archives from outside call it.
"""

import msgspec

from puccini.csar import meta, plugins
from puccini.csar.archive import YAML_SUFFIXES, Archive
from puccini.csar.container import Progress
from puccini.csar.errors import ArchiveError, Refusal
from puccini.csar.plugins import PluginFile

_FIRST_KEY = b"tosca_definitions_version"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """Something wrong with an archive, or, when `warning`, something that a user may want to know."""

    refusal: Refusal
    message: str
    entry: str | None = None
    hint: str = ""
    warning: bool = False


def verify(archive: Archive, progress: Progress | None = None) -> list[Finding]:
    """Return all that is wrong with `archive`, in order of entry; an archive without errors conforms (clause 5)."""
    findings: list[Finding] = []
    digests: dict[str, str] = {}
    for name in sorted(archive.entries):
        try:
            digests[name] = archive.digest(name)
        except ArchiveError as error:
            findings.append(
                Finding(refusal=error.refusal, message=error.message, entry=error.entry or name, hint=error.hint)
            )
        if progress is not None:
            progress(name, archive.entries[name].size)
    if archive.meta is not None:
        findings += _check_digests(archive.meta, digests)
        findings += _check_meta(archive.meta, archive.read(archive.entry) if archive.entry in digests else b"")
    for name in (archive.entry, *archive.others):
        if name in digests:
            findings += _check_definitions(archive, name)
    for plugin in archive.plugins.values():
        if plugin.file in digests:
            findings += _check_plugin(archive, plugin)
    return findings


def _check_digests(said: meta.Meta, found: dict[str, str]) -> list[Finding]:
    findings = []
    for name, digest in sorted(said.digests.items()):
        if name not in found:
            findings.append(_digest(name, "the file has a digest in TOSCA.meta, but is not there", "restore the file"))
        elif found[name] != digest:
            message = f"the content is {found[name]}; TOSCA.meta says {digest}"
            findings.append(_digest(name, message, "the file was changed after the archive was made"))
    if said.digests:
        findings += [
            _digest(name, "the file has no digest in TOSCA.meta, though others have", "it was added afterwards")
            for name in sorted(found)
            if name not in said.digests and name not in (said.place, meta.SIGNATURE)
        ]
    return findings


def _digest(name: str, message: str, hint: str) -> Finding:
    return Finding(refusal=Refusal.DIGEST, message=message, entry=name, hint=hint)


def _check_meta(said: meta.Meta, definitions: bytes) -> list[Finding]:
    wanted = meta.suited(said, definitions).version
    if said.version == wanted or (wanted != meta.VERSION and said.version in meta.OLD_VERSIONS):
        return []
    kind = "2.0" if wanted == meta.VERSION else "1.x"
    message = f"CSAR-Version is {said.version}; archives of TOSCA {kind} say {wanted}"
    return [Finding(refusal=Refusal.META, message=message, entry=said.place, hint="", warning=True)]


def _check_definitions(archive: Archive, name: str) -> list[Finding]:
    findings = []
    if not name.endswith(YAML_SUFFIXES):
        findings.append(
            Finding(
                refusal=Refusal.ENTRY,
                message="a definitions file is named .yaml or .yml",
                entry=name,
                hint="rename it, also in TOSCA.meta",
            )
        )
    if not _begins_right(archive.read(name)):
        findings.append(
            Finding(
                refusal=Refusal.ENTRY,
                message="the file does not begin with 'tosca_definitions_version', so it is not a TOSCA file",
                entry=name,
                hint="add: tosca_definitions_version: tosca_2_0",
            )
        )
    return findings


def _check_plugin(archive: Archive, plugin: PluginFile) -> list[Finding]:
    begins = plugins.BEGINNINGS[plugin.carrier]
    head = next(iter(archive.chunks(plugin.file)), b"")
    if head.startswith(begins):
        return []
    expected = " or ".join(repr(one)[1:] for one in begins)
    message = f"a plugin with this suffix begins with {expected}; this file does not"
    hint = "see the suffixes of plugins in the documentation of archives"
    return [Finding(refusal=Refusal.PLUGIN, message=message, entry=plugin.file, hint=hint)]


def _begins_right(content: bytes) -> bool:
    """Whether the first line that is no comment, directive or marker has the keyname that comes first (section 6.2)."""
    for line in content.removeprefix(b"\xef\xbb\xbf").splitlines():
        stripped = line.strip()
        if stripped and not stripped.startswith((b"#", b"%", b"---")):
            return stripped.lstrip(b"\"'{ ").startswith(_FIRST_KEY)
    return False
