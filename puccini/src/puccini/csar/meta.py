"""``TOSCA.meta``: what an archive says about itself (section 17.2). `archive` reads it, `creation` writes it.

A file is blocks of ``Key: value`` lines with empty lines between them. The first block is about the archive; a block
that begins with ``Name`` is about that file. A line that begins with a blank continues the value before it.
"""

import re

import msgspec

from puccini.csar import names
from puccini.csar.errors import ArchiveError, Refusal
from puccini.csar.limits import DEFAULT

PLACES = ("TOSCA.meta", "TOSCA-Metadata/TOSCA.meta")
SIGNATURE = "TOSCA.meta.sig"
"""The signature of the archive (`puccini.csar.signatures`): the only file that has no digest in ``TOSCA.meta``."""

VERSION = "2.0"
OLD_VERSIONS = ("1.0", "1.1")
_FILE_VERSION = "TOSCA-Meta-File-Version"
_OLD_DEFINITIONS = re.compile(
    rb"^[\"']?tosca_definitions_version[\"']?\s*:\s*[\"']?tosca_simple_yaml_1_(\d)", re.MULTILINE
)
DIGEST_KEY = "Puccini-Digest"
_BLOCK_0 = ("CSAR-Version", "Created-By", "Entry-Definitions", "Other-Definitions")
_WORD = re.compile(r'"([^"]*)"|(\S+)')
_WIDTH = 100


class Meta(msgspec.Struct, frozen=True, kw_only=True):
    """What ``TOSCA.meta`` says. `digests` maps a file to ``sha256:…``; `blocks` are the further blocks as they are.

    `file_version` is the ``TOSCA-Meta-File-Version`` that archives of TOSCA 1.x have.
    """

    version: str = VERSION
    created_by: str | None = None
    entry: str | None = None
    others: tuple[str, ...] = ()
    digests: dict[str, str] = {}
    blocks: tuple[dict[str, str], ...] = ()
    place: str = PLACES[0]
    file_version: str | None = None


class _Line(msgspec.Struct, frozen=True):
    key: str
    value: str
    number: int


def parse(content: bytes, place: str = PLACES[0]) -> Meta:
    """Return what `content` says. Raises `ArchiveError` with the line."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ArchiveError(Refusal.META, "the file is not UTF-8", entry=place) from error
    blocks = _blocks(text, place)
    if not blocks:
        raise _error(place, 1, "the file is empty", f"it begins with: CSAR-Version: {VERSION}")
    first = {line.key: line for line in blocks[0]}
    version = _version(first, blocks[0][0], place)
    _refuse_unknown(blocks[0], version, place)
    entry, others = first.get("Entry-Definitions"), first.get("Other-Definitions")
    further = tuple({line.key: line.value for line in block} for block in blocks[1:])
    for block in blocks[1:]:
        _refuse_reserved(block, version, place)
    return Meta(
        version=version,
        created_by=first["Created-By"].value if "Created-By" in first else None,
        entry=_single(entry, place) if entry else None,
        others=_several(others, place) if others else (),
        digests=_digests(blocks[1:], place),
        blocks=further,
        place=place,
        file_version=first[_FILE_VERSION].value if _FILE_VERSION in first else None,
    )


def suited(meta: Meta, definitions: bytes) -> Meta:
    """Return `meta` in the version that goes with the content of its entry: CSAR 1.1 where that is TOSCA 1.x."""
    found = _OLD_DEFINITIONS.search(definitions)
    if found is None:
        return msgspec.structs.replace(meta, version=VERSION, place=PLACES[0], file_version=None)
    version = "1.1" if int(found[1]) >= 3 else "1.0"
    return msgspec.structs.replace(meta, version=OLD_VERSIONS[-1], place=PLACES[1], file_version=version)


def render(meta: Meta) -> bytes:
    """Return the file for `meta`; equal metas give equal bytes."""
    first = {
        _FILE_VERSION: meta.file_version,
        "CSAR-Version": meta.version,
        "Created-By": meta.created_by,
        "Entry-Definitions": meta.entry and _kept(meta.entry),
    }
    if meta.others:
        first["Other-Definitions"] = " ".join(_quoted(name) for name in meta.others)
    blocks: list[dict[str, str]] = [{key: value for key, value in first.items() if value is not None}]
    blocks += [dict(block) for block in meta.blocks if DIGEST_KEY not in block]
    blocks += [{"Name": _kept(name), DIGEST_KEY: meta.digests[name]} for name in sorted(meta.digests)]
    return "\n".join("".join(_wrapped(key, value) for key, value in block.items()) for block in blocks).encode()


def _blocks(text: str, place: str) -> list[list[_Line]]:
    blocks: list[list[_Line]] = [[]]
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), 1):
        if not line.strip():
            if blocks[-1]:
                blocks.append([])
        elif line[0] == " ":
            if not blocks[-1]:
                raise _error(place, number, "the line continues nothing", "remove the blanks at its beginning")
            last = blocks[-1][-1]
            blocks[-1][-1] = msgspec.structs.replace(last, value=f"{last.value} {line.strip()}".strip())
        else:
            blocks[-1].append(_pair(line, number, place, blocks[-1]))
    return [block for block in blocks if block]


def _pair(line: str, number: int, place: str, block: list[_Line]) -> _Line:
    key, colon, value = line.partition(":")
    if not colon or (value and value[0] != " ") or not key.strip():
        raise _error(place, number, f"{line!r} is not a keyname and a value", "write 'Keyname: value'")
    if any(other.key == key for other in block):
        raise _error(place, number, f"{key!r} is there twice in this block", "keep one of them")
    return _Line(key, value.strip(), number)


def _version(first: dict[str, _Line], begin: _Line, place: str) -> str:
    line = first.get("CSAR-Version")
    if line is None:
        raise _error(place, begin.number, "the first block has no 'CSAR-Version'", f"add: CSAR-Version: {VERSION}")
    if line.value not in (VERSION, *OLD_VERSIONS):
        known = ", ".join((VERSION, *OLD_VERSIONS))
        raise _error(place, line.number, f"CSAR-Version {line.value!r} is not supported", f"known versions: {known}")
    return line.value


def _refuse_unknown(block: list[_Line], version: str, place: str) -> None:
    if version in OLD_VERSIONS:  # which leave it open
        return
    for line in block:
        if line.key not in _BLOCK_0:
            hint = f"it may hold {', '.join(_BLOCK_0)}; put others in a block of their own, after an empty line"
            raise _error(place, line.number, f"the first block has the unknown keyname {line.key!r}", hint)


def _refuse_reserved(block: list[_Line], version: str, place: str) -> None:
    for line in block:
        if version == VERSION and line.key.startswith(("TOSCA", "tosca")):
            raise _error(
                place, line.number, f"{line.key!r} begins with the reserved 'TOSCA'", "use a prefix of your own"
            )
        if line.key in _BLOCK_0:
            raise _error(place, line.number, f"{line.key!r} belongs in the first block", "move it there")


def _single(line: _Line, place: str) -> str:
    value = line.value
    if len(value) > 1 and value[0] == value[-1] == '"':
        value = value[1:-1]
    return _name(value, line, place)


def _several(line: _Line, place: str) -> tuple[str, ...]:
    found = []
    left = line.value
    while left := left.lstrip():
        match = _WORD.match(left)
        word = None if match is None else match[1] if match[1] is not None else match[2]
        if match is None or not word or (match[1] is None and '"' in word):
            raise _error(place, line.number, f"{left!r} has an unpaired quotation mark", 'write "a name with blanks"')
        found.append(_name(word, line, place))
        left = left[match.end() :]
    return tuple(found)


def _name(value: str, line: _Line, place: str) -> str:
    try:
        name = names.normal(value, DEFAULT)
    except ArchiveError as error:
        raise _error(place, line.number, f"{line.key}: {error.message}", "names are relative to the root") from error
    if not name:
        raise _error(place, line.number, f"{line.key} has no value", "name a file of the archive")
    return name


def _digests(blocks: list[list[_Line]], place: str) -> dict[str, str]:
    digests: dict[str, str] = {}
    for block in blocks:
        lines = {line.key: line for line in block}
        digest = lines.get(DIGEST_KEY)
        if digest is None:
            continue
        if "Name" not in lines:
            raise _error(place, digest.number, f"a block has {DIGEST_KEY!r} but no 'Name'", "add the name of the file")
        if not re.fullmatch("sha256:[0-9a-f]{64}", digest.value):
            raise _error(
                place, digest.number, f"{digest.value!r} is not a digest", "write sha256: and 64 hexadecimal digits"
            )
        name = _single(lines["Name"], place)
        if name in digests:
            raise _error(place, digest.number, f"{name!r} has two digests", "keep one of them")
        digests[name] = digest.value
    return digests


def _quoted(name: str) -> str:
    return f'"{name}"' if " " in name else name


def _kept(name: str) -> str:
    return name if name == name.strip() and name[0] != '"' else f'"{name}"'


def _wrapped(key: str, value: str) -> str:
    lines = [f"{key}:"]
    for word in value.split(" "):
        if len(lines[-1]) + 1 + len(word) > _WIDTH and key == "Other-Definitions" and '"' not in value:
            lines.append("")
        lines[-1] += f" {word}"
    return "\n".join(lines) + "\n"


def _error(place: str, line: int, message: str, hint: str) -> ArchiveError:
    return ArchiveError(Refusal.META, message, entry=place, line=line, hint=hint)
