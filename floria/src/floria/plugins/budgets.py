"""What one call of a plugin may use up."""

import msgspec

MEGABYTE = 1 << 20


class Budget(msgspec.Struct, frozen=True, omit_defaults=True):
    """Limits of one call; exceeding one ends the call with a fault.

    `cpu` and `wall` are seconds (host calls count for `wall` only), `memory` the bytes of the plugin's memory, `tables`
    the elements of its tables, `output` the bytes of JSON it may return and of each result handed to it, `log` the
    bytes of log it may write (the rest is dropped and counted), `requests` the number of host calls.
    """

    cpu: float = 5.0
    wall: float = 120.0
    memory: int = 192 * MEGABYTE
    tables: int = 100_000
    output: int = 2 * MEGABYTE
    log: int = 64 * 1024
    requests: int = 10_000


DESCRIBE = Budget(cpu=2.0, wall=30.0, output=MEGABYTE // 4)
