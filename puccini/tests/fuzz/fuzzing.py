"""A coverage-guided fuzzer of Puccini: mutates TOSCA files and archives, keeps what reaches lines in a new order.

An input is read as far as it goes: load, render, compile, encode, a session that sees it after what it was made from.
Nothing may be raised but what refuses input, and the work has to stay within what its size allows. Whatever is found
belongs in ``regressions/``. See `__main__` for running it by hand.
"""

import io
import random
import re
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, NamedTuple

import yaml

import puccini
from floria import codec
from puccini import csar, rendering
from puccini.csar.source import ArchiveSource
from puccini.diagnostics import Failed
from puccini.sources import SourceError

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
REGRESSIONS = HERE / "regressions"
SOURCES = (str(ROOT / "puccini/src"), str(ROOT / "floria/src/floria/values"))
LIMITS = csar.Limits(total=1 << 20, file=1 << 19, entries=64, ratio=1000)
STEPS = 3_000_000
"""Lines that one input may have executed: far more than any of these sizes needs."""

ENTRY = "main.yaml"
_TOKEN = re.compile(rb"\s+|[A-Za-z_][A-Za-z0-9_]*|\d+(?:\.\d+)?|\$+|.", re.DOTALL)
_VALUES = tuple(
    value.encode("latin-1")
    for value in (
        *("null", "~", "true", "True", "-1", "0", "9223372036854775808", ".nan", "1e400", "0x1F", "''", '"\\0"', "[]"),
        *("{}", "[ ALL, -1 ]", "{ ? [ a ] : b }", "&a [ *a ]", "*a", "!!binary x", "<<: {}", "$", "$$", "$value"),
        *("{ $get_input: x }", "{ $get_property: [ SELF, CAPABILITY ] }", "{ $concat: }", "SELF", "UNBOUNDED", "any"),
        *("scalar", "2026-02-30T25:00:00Z", "1 kB", "\xf0\x9f\x90\x8d", "\xc3(", "\xef\xbb\xbf", "\x00", "\t", "\r"),
        *("---", "...", "|", ">-", "../..", "/", "file:///etc/passwd", "http://x/", "a:b:c", "%YAML 1.1"),
        *("? ", "- ", ": "),
    )
)


class Input(NamedTuple):
    """What is read: a file, or an archive when `archive` is its format."""

    data: bytes
    archive: str = ""


class Crash(Exception):
    """Something was raised that should not be, or never ended."""


class Files:
    """One file in memory; what else it imports is not there."""

    name = ""
    root = "memory"

    def __init__(self, data: bytes) -> None:
        self.data = data

    def read(self, path: str) -> bytes:
        if path != ENTRY:
            raise SourceError(f"there is no file {path!r}")
        return self.data

    def exists(self, path: str) -> bool:
        return path in (ENTRY, "create.sh")


class Coverage:
    """Which lines of Puccini follow which; an interpreter's tracing function while it is entered."""

    def __init__(self) -> None:
        self.edges: set[tuple[int, int]] = set()
        self.steps = 0
        self._inside: dict[str, bool] = {}
        self._codes: dict[CodeType, int] = {}

    def __enter__(self) -> "Coverage":
        self.steps = 0
        sys.settrace(self._call)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(None)

    def _call(self, frame: FrameType, event: str, argument: object) -> Any:
        name = frame.f_code.co_filename
        inside = self._inside.get(name)
        if inside is None:
            inside = self._inside[name] = name.startswith(SOURCES)
        if not inside:
            return None
        code, last = self._codes.setdefault(frame.f_code, len(self._codes)), 0

        def line(frame: FrameType, event: str, argument: object) -> Any:
            nonlocal last
            if event == "line":
                self.steps += 1
                if self.steps > STEPS:
                    raise Crash(f"more than {STEPS} lines were executed")
                self.edges.add((code, last << 16 | frame.f_lineno))
                last = frame.f_lineno
            return line

        return line


def read(found: Input) -> None:
    """Do with an input all that can be done with it. Raises `Crash`."""
    try:
        if found.archive:
            _archive(found.data)
        else:
            _file(found.data)
    except Crash:
        raise
    except Exception as error:
        raise Crash(f"{type(error).__name__}: {error}") from error


def _file(data: bytes) -> None:
    source = Files(data)
    loaded = puccini.load(source, ENTRY)
    rendering.render(loaded.diagnostics, loaded.text)
    for one in loaded.diagnostics:
        assert one.message
        assert one.code
    _compile(loaded)
    strict = puccini.load(source, ENTRY, strict=True)
    assert strict.failed or not loaded.failed
    session = puccini.Session(Files(b""))
    for text in (data, data[: len(data) // 2], data):
        session.update(ENTRY, text)
        found = session.diagnostics(ENTRY)
    assert found == loaded.diagnostics, "a session finds something else than a load"


def _compile(loaded: puccini.Loaded) -> None:
    if loaded.failed or loaded.service is None:
        return
    try:
        bundle = puccini.compile(loaded, "fuzz")
    except Failed:
        return
    encoded = codec.encode_bundle(bundle, codec.Format.JSON)
    decoded = codec.decode_bundle(encoded, codec.Format.JSON)
    assert codec.encode_bundle(decoded, codec.Format.JSON) == encoded


def _archive(data: bytes) -> None:
    try:
        with csar.open(data, limits=LIMITS) as archive:
            csar.verify(archive)
            _compile(puccini.load(ArchiveSource(archive), archive.entry))
    except csar.ArchiveError:
        return


def _examples() -> list[Path]:
    """Return the services of all examples, those of drivers included."""
    places = ("examples/*/service.yaml", "plugins/*/examples/*/service.yaml")
    return sorted(file for place in places for file in ROOT.glob(place))


def seeds() -> list[Input]:
    """Return what mutations begin with: own cases and examples, conformance cases where they are, regressions."""
    found = [
        Input(b"tosca_definitions_version: tosca_2_0\n" + case["tosca"].encode())
        for file in sorted((HERE.parent / "cases").glob("*.yaml"))
        for case in yaml.safe_load(file.read_text())
        if not case.get("raw")
    ]
    found += [Input(file.read_bytes()) for file in _examples()]
    suite = ROOT.parent / "shared/tosca-conformance/cases"
    found += [Input(file.read_bytes()) for file in sorted(suite.rglob("*.yaml"))]
    found = [one for one in found if len(one.data) < 20_000]
    found += [Input(pack(one.data, form), form) for one in found[:3] for form in ("zip", "tar", "tar.gz")]
    return found + regressions()


def regressions() -> list[Input]:
    """Return what was found before, mended since."""
    found = []
    for file in sorted(REGRESSIONS.iterdir()):
        form = file.name.partition(".")[2]
        found.append(Input(file.read_bytes(), "" if form == "yaml" else form))
    return found


def pack(data: bytes, form: str) -> bytes:
    """Return an archive with a TOSCA file in it."""
    meta = b"CSAR-Version: 2.0\nCreated-By: Somebody\nEntry-Definitions: main.yaml\n"
    out = io.BytesIO()
    files = {"TOSCA.meta": meta, ENTRY: data}
    if form == "zip":
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in files.items():
                archive.writestr(zipfile.ZipInfo(name), content)
        return out.getvalue()
    with tarfile.open(fileobj=out, mode="w:gz" if form == "tar.gz" else "w") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


class Fuzzer:
    """One run: always the same with the same `seed`."""

    def __init__(self, seed: int, corpus: list[Input] | None = None) -> None:
        self.chance = random.Random(seed)
        self.corpus = corpus if corpus is not None else seeds()
        self.coverage = Coverage()

    def run(self, rounds: int) -> Iterator[tuple[Input, Crash]]:
        """Read that many inputs; yield those that crash."""
        for _ in range(rounds):
            found = self._next()
            before = len(self.coverage.edges)
            try:
                with self.coverage:
                    read(found)
            except Crash as crash:
                yield found, crash
            if len(self.coverage.edges) > before and len(found.data) < 20_000:
                self.corpus.append(found)

    def _next(self) -> Input:
        chance = self.chance
        recent = chance.random() < 0.5
        chosen = (
            self.corpus[-1 - chance.randrange(min(len(self.corpus), 200))] if recent else chance.choice(self.corpus)
        )
        if chosen.archive:
            inner = self._mutated(b"tosca_definitions_version: tosca_2_0\n", _damage) if chance.random() < 0.2 else None
            data = pack(inner, chosen.archive) if inner is not None else self._mutated(chosen.data, _damage)
            return Input(data, chosen.archive)
        return Input(self._mutated(chosen.data, _damage if chance.random() < 0.15 else self._reworded))

    def _mutated(self, data: bytes, by: Callable[[bytes, random.Random], bytes]) -> bytes:
        for _ in range(self.chance.randint(1, 4)):
            data = by(data, self.chance) or b"x"
        return data

    def _reworded(self, data: bytes, chance: random.Random) -> bytes:
        """Return `data` with words or lines changed."""
        if chance.random() < 0.4:
            lines = data.splitlines(keepends=True)
            at = chance.randrange(len(lines)) if lines else 0
            until = min(len(lines), at + chance.randint(1, 6))
            match chance.randrange(5):
                case 0:
                    del lines[at:until]
                case 1:
                    lines[at:at] = lines[at:until]
                case 2:
                    lines[at:until] = [
                        b"  " + one if chance.random() < 0.5 else one.removeprefix(b"  ") for one in lines[at:until]
                    ]
                case 3:
                    other = [one for one in (chance.choice(self.corpus),) if not one.archive]
                    more = other[0].data.splitlines(keepends=True) if other else []
                    start = chance.randrange(len(more)) if more else 0
                    lines[at:at] = more[start : start + chance.randint(1, 12)]
                case _:
                    moved = lines[at:until]
                    del lines[at:until]
                    start = chance.randint(0, len(lines))
                    lines[start:start] = moved
            return b"".join(lines)
        words = _TOKEN.findall(data)
        at = chance.randrange(len(words)) if words else 0
        match chance.randrange(5):
            case 0:
                del words[at : at + 1]
            case 1:
                words[at : at + 1] = [chance.choice(_VALUES)]
            case 2:
                words[at:at] = [chance.choice(_VALUES)]
            case 3:
                words[at : at + 1] = [chance.choice(words)] if words else []
            case _:
                words[at:at] = [chance.choice(words)] * chance.choice((1, 2, 40)) if words else []
        return b"".join(words)


def _damage(data: bytes, chance: random.Random) -> bytes:
    """Return `data` with bytes changed."""
    found = bytearray(data or b"x")
    at = chance.randrange(len(found))
    match chance.randrange(5):
        case 0:
            found[at] ^= 1 << chance.randrange(8)
        case 1:
            found[at] = chance.randrange(256)
        case 2:
            del found[at : at + chance.randint(1, 30)]
        case 3:
            found[at:at] = chance.randbytes(chance.randint(1, 10))
        case _:
            start = chance.randrange(len(found))
            found[at:at] = found[start : start + chance.randint(1, 60)]
    return bytes(found)


def reduced(found: Input) -> Input:
    """Return a smaller input that crashes too."""
    if found.archive:
        return found
    pieces = found.data.splitlines(keepends=True)
    size = max(1, len(pieces) // 2)
    while size:
        at = 0
        while at < len(pieces):
            fewer = pieces[:at] + pieces[at + size :]
            if crashes(Input(b"".join(fewer))):
                pieces = fewer
            else:
                at += size
        size //= 2
    return Input(b"".join(pieces))


def crashes(found: Input) -> bool:
    """Whether reading an input crashes."""
    try:
        with Coverage():
            read(found)
    except Crash:
        return True
    return False
