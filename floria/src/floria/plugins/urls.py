"""URLs of web requests: one strict reading, for grants and for sending alike."""

import re
from urllib.parse import unquote

import msgspec

from floria.plugins.faults import Fault

_URL = re.compile(r"(?P<scheme>http|https|http\+unix)://(?P<host>[^/?#@\s]+)(?P<path>/[^?#\s]*)?(?P<query>\?[^#\s]*)?")
_PORTS = {"http": 80, "https": 443}


class Url(msgspec.Struct, frozen=True):
    """Where a request goes. `socket` is the path of a unix socket, else empty; `target` is path and query."""

    scheme: str
    host: str
    port: int
    socket: str
    path: str
    query: str

    @property
    def target(self) -> str:
        return self.path + self.query


def parse(text: str) -> Url:
    """Read a URL; raises the fault ``denied`` for anything that two readers might understand differently."""
    found = _URL.fullmatch(text)
    if found is None or "\\" in text or not text.isascii():
        raise Fault("denied", f"{text!r} is not a plain http, https or http+unix URL")
    path = found["path"] or "/"
    if ".." in unquote(path).split("/") or "." in unquote(path).split("/") or "%2f" in path.lower():
        raise Fault("denied", f"the path of {text!r} is not plain")
    if found["scheme"] == "http+unix":
        return Url("http+unix", "localhost", 0, unquote(found["host"]), path, found["query"] or "")
    host, port = _host(found["host"], text)
    return Url(found["scheme"], host.lower(), port or _PORTS[found["scheme"]], "", path, found["query"] or "")


def covers(prefix: Url, url: Url) -> bool:
    """Whether `url` is at or below `prefix`: same place, and a path that continues at a segment's border."""
    if (prefix.scheme, prefix.host, prefix.port, prefix.socket) != (url.scheme, url.host, url.port, url.socket):
        return False
    return url.path == prefix.path or url.path.startswith(prefix.path.rstrip("/") + "/")


def _host(text: str, url: str) -> tuple[str, int]:
    found = re.fullmatch(r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?", text)
    if found is None:
        raise Fault("denied", f"the host of {url!r} is not plain")
    return found[1].strip("[]"), int(found[2] or 0)
