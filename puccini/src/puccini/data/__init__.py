"""TOSCA data at run time: values are checked and coerced against self-contained schemas (section 9).

A schema is a map, so that it can travel inside a Floria preparer, ``tosca:prepare``:

    type         string, integer, float, boolean, bytes, nil, timestamp, version, scalar, list, map, complex or any
    name         the data type as its author calls it, for messages
    validations  calls that must all be true of the value (``$value``)
    entry, key   schemas of the entries of lists and maps, and of the keys of maps
    properties   of complex data: name to {schema, required, default, value}; the last two may be absent
    number       of scalars: the schema of the number (integer or float)
    units        of scalars: unit to multiplier, prefixes included
    canonical    of scalars: the unit in which they are stored
    ref          the name of a schema in `types`, for data types that hold themselves
    types        at the top only: the schemas that are referred to

What is stored: bytes as bytes (written in Base64), scalars as a number in their canonical unit, everything else as it
was written. Storing a stored value again changes nothing.
"""

from puccini.data.coercion import Evaluate, InvalidData, Problem, coerce

__all__ = ["Evaluate", "InvalidData", "Problem", "coerce"]
