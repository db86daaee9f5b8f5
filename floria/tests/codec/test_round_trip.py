"""R77: every entity, bundle and value comes back as it was, through every format."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floria import codec
from floria.codec import Format
from floria.entities import Bundle, Entity
from floria.testing import strategies
from floria.values import Value

FORMATS = list(Format)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("kind", list(strategies.kinds), ids=lambda kind: kind.__name__)
@given(data=st.data())
def test_every_kind_of_entity_round_trips(kind: type[Entity], format: Format, data: st.DataObject) -> None:
    entity = data.draw(strategies.kinds[kind])
    assert strategies.same(codec.decode(codec.encode(entity, format), format), entity)


@pytest.mark.parametrize("format", FORMATS)
@given(bundle=strategies.bundles)
def test_bundles_round_trip(format: Format, bundle: Bundle) -> None:
    assert strategies.same(codec.decode_bundle(codec.encode_bundle(bundle, format), format), bundle)


@pytest.mark.parametrize("format", FORMATS)
@given(value=strategies.any_values)
def test_bare_values_round_trip(format: Format, value: Value) -> None:
    assert strategies.same(codec.decode_value(codec.encode_value(value, format), format), value)


@given(entity=strategies.any_entities)
def test_the_form_that_stores_keep_round_trips(entity: Entity) -> None:
    assert strategies.same(codec.unpack(codec.pack(entity)), entity)


@given(value=strategies.any_values)
def test_the_plain_form_round_trips(value: Value) -> None:
    assert strategies.same(codec.from_plain(codec.to_plain(value)), value)
