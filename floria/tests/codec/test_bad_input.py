"""What is not an entity, a bundle or a value ends in an error with its place."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floria import codec
from floria.codec import CodecError, Format
from floria.entities import Property, Vertex
from floria.ids import Id
from floria.values import MAX_DEPTH, Call

ID = "1m03329s6xmyasfy352x4pmzk6"


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "f: Input data was truncated"),
        ("{", "f: .*"),
        ("[]", "f: Expected `object`, got `array`"),
        ('{"id": "x"}', "f: Object missing required field `kind`"),
        ('{"kind": "vertix", "id": "x"}', "f: kind: Invalid value 'vertix'"),
        ('{"kind": "vertex", "id": "x"}', "f: x: id: 'x' is not an id"),
        ('{"kind": "vertex", "id": "ID", "nmae": ""}', "f: Object contains unknown field `nmae`"),
        ('{"kind": "vertex", "id": "ID", "name": 1}', "f: name: Expected `str`, got `int`"),
        ('{"kind": "vertex", "id": "ID", "metadata": {"m": {"$a:b": []}}}', "metadata holds a call"),
        ('{"kind": "edge", "id": "ID"}', "f: Object missing required field `source`"),
    ],
)
def test_entities_are_checked(text: str, error: str) -> None:
    with pytest.raises(CodecError, match=error):
        codec.decode(text.replace("ID", ID).encode(), Format.JSON, "f")


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ('{"$x": 1}', r"\$x is not known: \$namespace:name, \$bytes or \$float was expected"),
        ('{"a": [{"$f:g": 1}]}', r"a\[0\]: the arguments of \$f:g must be a list, not a int"),
        ('{"$f:g": [], "b": 1}', r"\$f:g must be the only key of its map; as a key of your own it is written \$\$f:g"),
        ('{"a": {"$bytes": "!"}}', r"a.\$bytes: base64 text was expected"),
        ('{"$float": "1"}', r"\$float is 'nan', 'inf' or '-inf', not '1'"),
        ('{"$:g": []}', "a function is named 'namespace:name'"),
        ("9223372036854775808", "does not fit in 64 bits"),
        ("[" * (MAX_DEPTH + 2) + "]" * (MAX_DEPTH + 2), "nested deeper than 200"),
        ("[" * 100_000, "nested too deep|truncated|recursion"),
    ],
)
def test_values_are_checked(text: str, error: str) -> None:
    with pytest.raises(CodecError, match=error):
        codec.decode_value(text.encode(), Format.JSON, "f")


def test_in_yaml_the_line_and_column_are_told() -> None:
    with pytest.raises(CodecError, match=r"f\.yaml:2:6: a.b: \$x is not known") as caught:
        codec.decode_value(b"a:\n  b: {$x: 1}\n", Format.YAML, "f.yaml")
    assert (caught.value.line, caught.value.column, caught.value.where) == (2, 6, "a.b")
    with pytest.raises(CodecError, match=r"f\.yaml:2:1: the key 'a' stands here a second time"):
        codec.decode_value(b"a: 1\na: 2\n", Format.YAML, "f.yaml")
    with pytest.raises(CodecError, match="the key 1 is not text"):
        codec.decode_value(b"1: 2\n", Format.YAML)


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"\xd6\xff\x00\x00\x00\x00", "Timestamp|datetime|is a"),
        (b"\xc7\x00\x05", "the extension type 5 is not known; 1 is a call"),
        (b"\xcf" + b"\xff" * 8, "does not fit in 64 bits"),
        (b"\x81\x01\x02", "key 1; keys are text"),
        (b"\x81", "truncated"),
        (b"\x01\x02", "trailing"),
        (b"\xa1\xff", "utf-8"),
        (b"\xc7\x03\x01\x92\xa1f", "truncated|.*"),
        (b"\x91" * 100_000, "nested too deep|recursion|truncated"),
    ],
)
def test_messagepack_is_checked(data: bytes, error: str) -> None:
    with pytest.raises(CodecError, match=f"(?i){error}"):
        codec.decode_value(data, Format.MESSAGEPACK)


@pytest.mark.parametrize(
    ("data", "error"),
    [
        ("c0646e6f7421", "tag 0 is not a value; only 27 .a call. is known"),
        ("d81c8101", "tag 28 is not a value"),
        ("d9ffff01", "tag 65535 is not a value"),
        ("d81b80", "tag 27 is not a call"),
        ("c249010000000000000000", "tag 2 is not a value"),
        ("f7", "which is not a value"),
        ("a10102", "map key must be a text string"),
        ("a2616101616102", "[Dd]uplicate"),
        ("0102", "1 bytes follow the value"),
        ("81", "premature end"),
        ("61ff", "utf-8|decod"),
        ("81" * 5000, "depth|nest"),
    ],
)
def test_cbor_is_checked(data: str, error: str) -> None:
    with pytest.raises(CodecError, match=error):
        codec.decode_value(bytes.fromhex(data), Format.CBOR)


@pytest.mark.parametrize("format", list(Format))
@given(data=st.binary(max_size=40))
def test_no_input_crashes_a_codec(format: Format, data: bytes) -> None:
    for decode in (codec.decode, codec.decode_bundle, codec.decode_value):
        try:
            decode(data, format)
        except CodecError as error:
            assert str(error)  # noqa: PT017


@pytest.mark.parametrize("format", list(Format))
@pytest.mark.parametrize("value", [2**64, {1: 2}, (1, 2), {"a": {1}}, "\ud800", Call("nocolon"), object()])
def test_what_is_no_value_is_not_written(format: Format, value: object) -> None:
    with pytest.raises(CodecError):
        codec.encode_value(value, format)  # type: ignore[arg-type]
    with pytest.raises(CodecError):
        codec.encode(Vertex(id=Id(ID), properties={"p": Property(value=value)}), format)  # type: ignore[arg-type]


def test_calls_are_immutable_and_compare_by_content() -> None:
    call = Call("a:b", [1, {"x": Call("c:d")}])
    assert call == Call("a:b", [1, {"x": Call("c:d", [])}]) != Call("a:b", [1])
    with pytest.raises(AttributeError, match="immutable"):
        call.function = "x:y"
    with pytest.raises(TypeError, match="unhashable"):
        hash(call)
    match call:
        case Call("a:b", [1, *_]):
            pass
        case _:
            raise AssertionError
