"""Periods of time: when a trigger of TOSCA 1.x acts. `puccini.dialects.triggers` writes the calls."""

import datetime
from collections.abc import Mapping

from floria.evaluation import Context, Function
from floria.values import Value
from puccini.data import timestamps


def within(context: Context, arguments: list[Value]) -> Value:
    """``tosca:within(begin, end)``: whether it is now between two timestamps; the end is exclusive."""
    begin, end = (timestamps.parse(str(context.evaluate(one))) for one in arguments)
    now = datetime.datetime.fromtimestamp(context.run.clock() / 1e9, datetime.UTC)
    return begin <= now < end


FUNCTIONS: Mapping[str, Function] = {"within": within}
