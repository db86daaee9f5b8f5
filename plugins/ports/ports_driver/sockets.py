"""Which ports the machine really uses, as the kernel tells in /proc/net."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

TIME_WAIT, TCP_LISTEN, UDP_UNCONNECTED = 0x06, 0x0A, 0x07


@dataclass(frozen=True)
class Socket:
    """A socket of this machine: its local port, its state, and the user it belongs to."""

    port: int
    state: int
    uid: int

    def listens(self, protocol: str) -> bool:
        return self.state == (TCP_LISTEN if protocol == "tcp" else UDP_UNCONNECTED)


def parse(table: str) -> Iterator[Socket]:
    """Yield the sockets of a table such as /proc/net/tcp."""
    for line in table.splitlines()[1:]:
        fields = line.split()
        if len(fields) > 7:
            yield Socket(int(fields[1].rpartition(":")[2], 16), int(fields[3], 16), int(fields[7]))


def used(sockets: Iterable[Socket]) -> set[int]:
    """Return the ports that nobody else can bind: all but those that only wait for late packets."""
    return {socket.port for socket in sockets if socket.state != TIME_WAIT}
