"""Who is at the other end of the unix socket: the kernel says it, nobody can pretend."""

import pwd
import socket
import struct

from aiohttp import web

from khutulun import model

_CREDENTIALS = struct.Struct("iII")


def principal(request: web.Request) -> model.Principal:
    """Return the peer of the connection (SO_PEERCRED: as it was when it connected)."""
    transport = request.transport
    if transport is None:
        raise ConnectionResetError("the peer is gone")
    channel: socket.socket = transport.get_extra_info("socket")
    _, uid, gid = _CREDENTIALS.unpack(channel.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
    return model.Principal(uid, gid, _name(uid))


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
