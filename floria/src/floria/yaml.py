"""A small YAML 1.2 (core schema) loader with positions, and a dumper whose output it reads back unchanged.

Used by `floria.codec` and the command line for files written by hand; frontends may build on it::

    value, positions = yaml.load(text, "file.yaml")
    positions.at(("properties", "port"))    # Position(line=3, column=9) of the value
    positions.key(("properties", "port"))   # Position(line=3, column=3) of its key

The value is plain data: None, bool, int, float, str, list, dict. Lines and columns count from 1. Refused with a
`YamlError`: duplicate keys, keys that are lists or maps, tags outside the core schema, aliases into their own content,
nesting deeper than `max_depth`, aliases that expand to more than `max_expansion` nodes. There are no merge keys, no
octal ``010``, no ``yes``: see https://yaml.org/spec/1.2.2/#103-core-schema.
"""

import gc
import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import yaml as pyyaml
from yaml import events
from yaml._yaml import CEmitter, CParser
from yaml.representer import SafeRepresenter
from yaml.resolver import BaseResolver

MAX_DEPTH = 200
MAX_EXPANSION = 1_000_000

_STR, _INT, _FLOAT, _BOOL, _NULL = (f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null"))
_SEQUENCE, _MAP = "tag:yaml.org,2002:seq", "tag:yaml.org,2002:map"
_DECIMAL = re.compile(r"[-+]?[0-9]+\Z")
_OCTAL = re.compile(r"0o[0-7]+\Z")
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+\Z")
_REAL = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_INFINITY = re.compile(r"[-+]?\.(inf|Inf|INF)\Z")
_NUMERIC = frozenset("0123456789+-.")
_SPECIAL = _NUMERIC | frozenset("~nNtTfF")  # how everything that is not text begins
_MAX_DIGITS = 400
_CONSTANTS: dict[str, Any] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}


class YamlError(ValueError):
    """The text is not YAML that is accepted here; `line` and `column` count from 1."""

    def __init__(self, message: str, name: str, line: int, column: int) -> None:
        super().__init__(f"{name}:{line}:{column}: {message}")
        self.message, self.name, self.line, self.column = message, name, line, column


class Position(NamedTuple):
    """A place in the text, counted from 1."""

    line: int
    column: int


# where a value begins, where its key does (counted from 0), and the places inside the value
_Place = tuple[int, int, int, int, "_Places"]
_Places = dict[Any, _Place] | list[_Place] | None
_Scalar, _MappingEnd, _SequenceEnd = events.ScalarEvent, events.MappingEndEvent, events.SequenceEndEvent


class Positions:
    """Where the values of one document stand, by path: the keys and indexes that lead to them from the root."""

    __slots__ = ("_root",)

    def __init__(self, root: _Place) -> None:
        self._root = root

    def at(self, path: Sequence[str | int]) -> Position:
        """Return where the value at `path` begins, or where the deepest known value above it does."""
        line, column, *_ = self._find(path)
        return Position(line + 1, column + 1)

    def key(self, path: Sequence[str | int]) -> Position:
        """Return where the key of the value at `path` begins; for an item of a list, where the item does."""
        _, _, line, column, _ = self._find(path)
        return Position(line + 1, column + 1)

    def _find(self, path: Sequence[str | int]) -> _Place:
        place = self._root
        for key in path:
            try:
                place = place[4][key]  # type: ignore[index]
            except (KeyError, IndexError, TypeError):
                break
        return place


def load(
    text: str | bytes, name: str = "text", *, max_depth: int = MAX_DEPTH, max_expansion: int = MAX_EXPANSION
) -> tuple[Any, Positions]:
    """Return the one document in `text` as plain data, and its positions. Raises `YamlError`."""
    documents = load_all(text, name, max_depth=max_depth, max_expansion=max_expansion)
    if len(documents) > 1:
        at = documents[1][1].at(())
        raise YamlError("a second document begins here; one was expected", name, at.line, at.column)
    return documents[0] if documents else (None, Positions((0, 0, 0, 0, None)))


def load_all(
    text: str | bytes, name: str = "text", *, max_depth: int = MAX_DEPTH, max_expansion: int = MAX_EXPANSION
) -> list[tuple[Any, Positions]]:
    """Return every document in `text`. Raises `YamlError`."""
    collects = gc.isenabled()
    gc.disable()  # nothing that is made here is garbage before the end
    try:
        return _Loader(text, name, max_depth, max_expansion).documents()
    except pyyaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        message = ", ".join(part for part in (error.problem, error.context) if part) or "not YAML"
        raise YamlError(message, name, mark.line + 1 if mark else 1, mark.column + 1 if mark else 1) from None
    except pyyaml.reader.ReaderError as error:
        line, column = _place_of(text, error.position)
        raise YamlError(f"{error.reason}: character {error.character!r}", name, line, column) from None
    except UnicodeEncodeError as error:
        line, column = _place_of(text, error.start)
        raise YamlError("text that is not Unicode", name, line, column) from None
    finally:
        if collects:
            gc.enable()


def scalar(text: str) -> Any:
    """Return what a plain (unquoted) scalar means in the core schema. Raises `ValueError` for an endless number."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if text[0] in _NUMERIC:
        if _DECIMAL.match(text):
            return _integer(text, 10)
        if _REAL.match(text):
            return float(text)
        if _OCTAL.match(text):
            return _integer(text[2:], 8)
        if _HEXADECIMAL.match(text):
            return _integer(text[2:], 16)
        if _INFINITY.match(text):
            return float(text.replace(".", "", 1))
    return text


def dump(data: Any) -> str:
    """Return plain data as YAML that `load` reads back unchanged, maps in their own order."""
    text: str = pyyaml.dump(data, Dumper=_Dumper, width=120)
    return text[:-4] if text.endswith("\n...\n") else text


class _Loader:
    def __init__(self, text: str | bytes, name: str, max_depth: int, max_expansion: int) -> None:
        self._next: Callable[[], Any] = CParser(text).get_event
        self._name = name
        self._depth_left = max_depth
        self._expansion_left = max_expansion
        self._nodes = 0
        self._anchors: dict[str, tuple[Any, _Places, int] | None] = {}

    def documents(self) -> list[tuple[Any, Positions]]:
        result = []
        self._next()
        while type(self._next()) is not events.StreamEndEvent:
            self._anchors = {}
            event = self._next()
            value, inside = self._node(event)
            mark = event.start_mark
            result.append((value, Positions((mark.line, mark.column, mark.line, mark.column, inside))))
            self._next()
        return result

    def _node(self, event: Any) -> tuple[Any, _Places]:
        kind = type(event)
        if kind is _Scalar:
            value = self._scalar(event)
            if event.anchor is not None:
                self._anchors[event.anchor] = (value, None, 1)
            return value, None
        if kind is events.AliasEvent:
            return self._alias(event)
        return self._collection(event, self._map if kind is events.MappingStartEvent else self._list)

    def _collection(self, event: Any, read: Any) -> tuple[Any, _Places]:
        expected = _MAP if isinstance(event, events.MappingStartEvent) else _SEQUENCE
        if event.tag not in (None, "!", expected):
            raise self._error(f"the tag {event.tag} is not known here", event)
        self._depth_left -= 1
        if self._depth_left < 0:
            raise self._error("nested too deep", event)
        anchor, before = event.anchor, self._nodes
        if anchor is not None:
            self._anchors[anchor] = None
        result: tuple[Any, _Places] = read()
        self._nodes += len(result[0]) + 1
        if anchor is not None:
            self._anchors[anchor] = (*result, self._nodes - before)
        self._depth_left += 1
        return result

    def _map(self) -> tuple[Any, _Places]:
        value: dict[Any, Any] = {}
        places: dict[Any, _Place] = {}
        following, node, scalar_of = self._next, self._node, self._scalar
        while type(event := following()) is not _MappingEnd:
            key_mark = event.start_mark
            key = scalar_of(event) if type(event) is _Scalar and event.anchor is None else self._key(event)
            if key in value:
                raise self._error(f"the key {key!r} stands here a second time", event)
            event = following()
            mark = event.start_mark
            if type(event) is _Scalar and event.anchor is None:
                value[key], inside = scalar_of(event), None
            else:
                value[key], inside = node(event)
            places[key] = (mark.line, mark.column, key_mark.line, key_mark.column, inside)
        return value, places

    def _key(self, event: Any) -> Any:
        key, _ = self._node(event)
        if isinstance(key, list | dict):
            raise self._error("a key must be a scalar, not a list or a map", event)
        return key

    def _list(self) -> tuple[Any, _Places]:
        value: list[Any] = []
        places: list[_Place] = []
        following, node = self._next, self._node
        while type(event := following()) is not _SequenceEnd:
            mark = event.start_mark
            line, column = mark.line, mark.column
            item, inside = node(event)
            value.append(item)
            places.append((line, column, line, column, inside))
        return value, places

    def _scalar(self, event: Any) -> Any:
        tag, text = event.tag, event.value
        if tag is None:
            if not event.implicit[0] or (text and text[0] not in _SPECIAL):
                return text
        elif tag in ("!", _STR):
            return text
        try:
            value = scalar(text)
        except ValueError as error:
            raise self._error(str(error), event) from None
        return value if tag is None else self._tagged(tag, value, event)

    def _tagged(self, tag: str, value: Any, event: Any) -> Any:
        if tag == _FLOAT and type(value) is int:
            return float(value)
        expected = {_INT: int, _FLOAT: float, _BOOL: bool, _NULL: type(None)}.get(tag)
        if expected is None:
            raise self._error(f"the tag {tag} is not known here", event)
        if type(value) is not expected:
            raise self._error(f"{event.value!r} does not fit its tag {tag}", event)
        return value

    def _alias(self, event: Any) -> tuple[Any, _Places]:
        if event.anchor not in self._anchors:
            raise self._error(f"the alias *{event.anchor} has no anchor", event)
        known = self._anchors[event.anchor]
        if known is None:
            raise self._error(f"the alias *{event.anchor} stands inside its own content", event)
        value, places, size = known
        self._nodes += size
        self._expansion_left -= size
        if self._expansion_left < 0:
            raise self._error("the aliases expand to too much data", event)
        return value, places

    def _error(self, message: str, event: Any) -> YamlError:
        mark = event.start_mark
        return YamlError(message, self._name, mark.line + 1, mark.column + 1)


class _Resolver(BaseResolver):
    """Tells the emitter which plain scalars mean something else than their text."""

    def resolve(self, kind: Any, value: Any, implicit: Any) -> str:
        if kind is pyyaml.ScalarNode and implicit[0] and value is not None:
            return _TAGS[type(scalar(value))]
        if kind is pyyaml.ScalarNode:
            return _STR
        return _SEQUENCE if kind is pyyaml.SequenceNode else _MAP


_TAGS = {str: _STR, int: _INT, float: _FLOAT, bool: _BOOL, type(None): _NULL}


class _Dumper(CEmitter, SafeRepresenter, _Resolver):
    def __init__(self, stream: Any, default_style: Any = None, default_flow_style: Any = False, **options: Any) -> None:
        CEmitter.__init__(self, stream, width=options["width"], allow_unicode=True)
        SafeRepresenter.__init__(self, default_style, default_flow_style, sort_keys=False)
        _Resolver.__init__(self)

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _represent_text(dumper: Any, text: str) -> Any:
    return dumper.represent_scalar(_STR, text, style=_style(text))


def _style(text: str) -> str | None:
    if "\n" in text and text.isprintable() is False and _BLOCK.match(text):
        return "|"
    if text.isprintable():
        return None
    return '"'


def _represent_float(dumper: Any, number: float) -> Any:
    text = repr(number)
    return dumper.represent_scalar(_FLOAT, {"nan": ".nan", "inf": ".inf", "-inf": "-.inf"}.get(text, text))


_BLOCK = re.compile(r"(?:[!-~](?:[ -~]*[!-~])?\n)(?:(?:[ -~]*[!-~])?\n)*(?:[ -~]*[!-~])?\n?\Z")
_Dumper.add_representer(str, _represent_text)
_Dumper.add_representer(float, _represent_float)


def _integer(text: str, base: int) -> int:
    if len(text) > _MAX_DIGITS:
        raise ValueError(f"a number of {len(text)} digits")
    return int(text, base)


def _place_of(text: str | bytes, position: int) -> tuple[int, int]:
    before = text.encode("utf-8", "surrogatepass")[:position] if isinstance(text, str) else text[:position]
    line = before.count(b"\n") + 1
    return line, len(before) - (before.rfind(b"\n") + 1) + 1
