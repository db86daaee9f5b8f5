"""Who is at the other end of the unix socket: the kernel says it, nobody can pretend.

Programs that operations run have `OPERATION` in their environment, and pass it on to what they start. What they ask for
is done within that operation, which waits for them; for anybody else it is no right, only another place to wait.
"""

import contextlib
import pwd
import socket
import struct

from aiohttp import web

from khutulun import model
from khutulun.agent.messages import OPERATION

LONGEST = 1 << 18
"""Bytes of a process's environment that are looked at."""

_CREDENTIALS = struct.Struct("iII")


def principal(request: web.Request) -> model.Principal:
    """Return the peer of the connection (SO_PEERCRED: as it was when it connected)."""
    transport = request.transport
    if transport is None:
        raise ConnectionResetError("the peer is gone")
    channel: socket.socket = transport.get_extra_info("socket")
    pid, uid, gid = _CREDENTIALS.unpack(channel.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
    return model.Principal(uid, gid, _name(uid), _operation(pid))


def _operation(pid: int) -> str:
    """Return the operation that a process belongs to; nothing for one that is gone, or that may not be looked at."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/environ", "rb") as file:
        for one in file.read(LONGEST).split(b"\0"):
            name, _, value = one.partition(b"=")
            if name == OPERATION.encode():
                return value.decode(errors="replace")
    return ""


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
