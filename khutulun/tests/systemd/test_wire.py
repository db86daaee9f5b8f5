"""The wire format of D-Bus: what is written is read again, and nonsense is refused."""

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from khutulun.systemd import wire

TEXTS = some.text(some.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
VALUES: dict[str, some.SearchStrategy[Any]] = {
    "y": some.integers(0, 255),
    "b": some.booleans(),
    "n": some.integers(-(2**15), 2**15 - 1),
    "q": some.integers(0, 2**16 - 1),
    "i": some.integers(-(2**31), 2**31 - 1),
    "u": some.integers(0, 2**32 - 1),
    "x": some.integers(-(2**63), 2**63 - 1),
    "t": some.integers(0, 2**64 - 1),
    "d": some.floats(allow_nan=False),
    "s": TEXTS,
    "o": some.just("/org/example"),
    "g": some.sampled_from(["", "s", "a{sv}"]),
}
SIMPLE = some.sampled_from(sorted(VALUES)).flatmap(lambda kind: some.tuples(some.just(kind), VALUES[kind]))


def _lists(inner: some.SearchStrategy[tuple[str, Any]]) -> some.SearchStrategy[tuple[str, Any]]:
    same = inner.flatmap(
        lambda one: some.tuples(some.just("a" + one[0]), some.just([one[1]]) | some.just([one[1]] * 3))
    )
    structure = some.lists(inner, min_size=1, max_size=4).map(
        lambda found: (f"({''.join(kind for kind, _ in found)})", tuple(value for _, value in found))
    )
    return same | structure


TYPED = some.recursive(SIMPLE, _lists, max_leaves=8)


def _as_read(kind: str, value: Any) -> Any:
    """Return a value as it comes back: bytes of an array of them."""
    if kind == "ay":
        return bytes(value)
    if kind.startswith("a"):
        return [_as_read(kind[1:], item) for item in value]
    if kind.startswith("("):
        return tuple(_as_read(one, item) for one, item in zip(wire.types(kind[1:-1]), value, strict=True))
    return value


@given(some.lists(TYPED, max_size=4))
def test_what_is_written_is_read_again(typed: list[tuple[str, Any]]) -> None:
    signature = "".join(kind for kind, _ in typed)
    data = wire.call(7, "/a", "b.c", "D", signature, [value for _, value in typed], "e.f")
    assert wire.length(data[:16]) == len(data)
    found = wire.message(data)
    assert (found.kind, found.path, found.interface, found.member) == (wire.Kind.CALL, "/a", "b.c", "D")
    assert found.arguments() == [_as_read(kind, value) for kind, value in typed]


def test_variants_are_read_as_their_values() -> None:
    data = wire.call(1, "/a", "b", "C", "sa(sv)", ["x", [("one", ("t", 5)), ("more", ("as", ["p", "q"]))]], "")
    assert wire.message(data).arguments() == ["x", [("one", 5), ("more", ["p", "q"])]]


@pytest.mark.parametrize(
    ("signature", "values"), [("s", [5]), ("u", [-1]), ("u", ["x"]), ("a", [[]]), ("z", [1]), ("(s", [("x",)])]
)
def test_what_does_not_fit_is_refused(signature: str, values: list[Any]) -> None:
    with pytest.raises(wire.WireError):
        wire.call(1, "/a", "b", "C", signature, values, "")


def test_the_length_is_known_when_the_head_is() -> None:
    data = wire.call(1, "/a", "b", "C", "s", ["x"], "")
    assert wire.length(data[:15]) == 0
    with pytest.raises(wire.WireError, match="beginning"):
        wire.length(b"HTTP/1.1 200 OK\r\n")
    with pytest.raises(wire.WireError, match="bytes"):
        wire.length(data[:4] + b"\xff\xff\xff\x7f" + data[8:])


@given(some.binary(min_size=16, max_size=80))
def test_nonsense_is_refused_or_read(noise: bytes) -> None:
    """Whatever arrives, nothing but `WireError` is raised."""
    data = wire.call(1, "/a", "b", "C", "s", ["x"], "")
    with contextlib.suppress(wire.WireError):
        wire.message(data[:16] + noise).arguments()
