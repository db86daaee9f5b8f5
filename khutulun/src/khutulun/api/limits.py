"""How much the server takes at once. Whatever is over ends in a clear refusal, never in growth."""

import msgspec


class Limits(msgspec.Struct, frozen=True):
    """Bytes and counts. A request waits for one of `threads`; `waiting` of them may wait, more are refused."""

    body: int = 64 * 1024 * 1024
    upload: int = 512 * 1024 * 1024
    uploads: int = 2
    line: int = 128 * 1024
    threads: int = 16
    waiting: int = 256
    streams: int = 128
    message: int = 1024 * 1024
