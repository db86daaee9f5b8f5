"""What a URL in a TOSCA file means (sections 6.5, 6.8.2, 12.2): a place here, or, where that is allowed, on a network.

with repositories.network():
    loaded = puccini.load(...)

Without `network`, nothing is ever fetched. The loader asks for imports, the resolver for artifacts.
"""

import contextvars
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from puccini import sources
from puccini.sources import Source, SourceError

TIMEOUT = 30.0
"""Seconds without an answer after which a server is given up."""

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_NETWORK = ("http", "https")
_web: "contextvars.ContextVar[dict[str, WebSource] | None]" = contextvars.ContextVar("web", default=None)


@contextmanager
def network(allow: bool = True) -> Iterator[None]:
    """Allow, within this, that files are fetched over HTTP and HTTPS."""
    token = _web.set({} if allow else None)
    try:
        yield
    finally:
        _web.reset(token)


def scheme(url: str) -> str:
    """Return the scheme of a URL in lower case; nothing for a path."""
    match = _SCHEME.match(url)
    return match[1].lower() if match else ""


def is_remote(url: str) -> bool:
    """Whether a URL is of a kind that is only reached over a network."""
    return scheme(url) not in ("", "file")


def locate(source: Source, base: str, url: str, folder: str = "") -> tuple[Source, str]:
    """Return the source, and the path in it, that `url` in the file `base` of `source` means. Raises `SourceError`.

    A path with a leading slash begins at `folder`, the root of the repository that the file is in.
    """
    kind = scheme(url)
    if kind == "file":
        return _file(source, base, url)
    if not kind:
        return source, _path(base, url, folder)
    web = _web.get()
    if kind not in _NETWORK or web is None:
        raise SourceError(
            f"{url!r} is not here, and nothing is fetched over the network",
            "keep a copy beside the service and name that, or allow it with --allow-network",
        )
    from urllib.parse import unquote, urlsplit

    parts = urlsplit(url)
    root = f"{kind}://{parts.netloc}"
    return web.setdefault(root, WebSource(root)), unquote(parts.path).lstrip("/")


def is_allowed() -> bool:
    """Whether files may be fetched over a network here."""
    return _web.get() is not None


def within(source: Source, base: str, repository: str, path: str, folder: str = "") -> tuple[Source, str]:
    """Return the source and path of a file in a repository, whose URL stands in the file `base` of `source`.

    That file is itself in a repository with the root `folder`.
    """
    found, root = locate(source, base, repository, folder)
    return found, _path("", "/" + path.lstrip("/"), root.rstrip("/"))


def root(source: Source, base: str, repository: str, folder: str = "") -> str:
    """Return the folder, in the source that `within` finds, in which the repository begins."""
    return locate(source, base, repository, folder)[1].rstrip("/")


def _path(base: str, url: str, folder: str) -> str:
    """Return the path that a URL without a scheme means, its percent-encoding undone (RFC 3986, section 2.1)."""
    from urllib.parse import unquote

    return sources.resolve(base, unquote(url), folder)


def _file(source: Source, base: str, url: str) -> tuple[Source, str]:
    from urllib.parse import unquote

    path = unquote(url[len("file:") :])
    if path.startswith("//"):
        _, _, path = path[2:].partition("/")
        path = "/" + path
    if not path.startswith("/"):
        return source, sources.resolve(base, path)
    if isinstance(source, sources.FolderSource):
        place = Path(path)
        if place.is_dir():
            return sources.FolderSource(place, place.as_posix()), ""
        return sources.FolderSource(place.parent, place.parent.as_posix()), place.name
    raise SourceError(f"{url!r} is outside of the archive", "an archive holds all that it names")


class WebSource:
    """Files of a web server. Each is fetched once."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._fetched: dict[str, bytes] = {}

    @property
    def name(self) -> str:
        return self._root

    @property
    def root(self) -> str:
        return self._root

    def read(self, path: str) -> bytes:
        if path not in self._fetched:
            from urllib.parse import quote

            self._fetched[path] = _fetch(f"{self._root}/{quote(path)}")
        return self._fetched[path]

    def exists(self, path: str) -> bool:
        try:
            self.read(path)
        except SourceError:
            return False
        return True


def _fetch(url: str) -> bytes:
    from http.client import HTTPException
    from urllib import error as errors
    from urllib import request

    opener = request.OpenerDirector()
    for handler in (
        request.HTTPHandler,
        request.HTTPSHandler,
        request.HTTPRedirectHandler,
        request.HTTPDefaultErrorHandler,
        request.HTTPErrorProcessor,
    ):
        opener.add_handler(handler())
    try:
        with opener.open(url, timeout=TIMEOUT) as answer:
            content: bytes = answer.read(sources.MAX_SIZE + 1)
    except errors.HTTPError as error:
        error.close()
        raise SourceError(f"{url} answers {error.code} {error.reason}", "check the URL") from None
    except (OSError, HTTPException, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise SourceError(f"{url} cannot be fetched: {reason}", "check the URL, and that the server is up") from None
    if len(content) > sources.MAX_SIZE:
        raise SourceError(f"{url} is larger than {sources.MAX_SIZE // 1024 // 1024} MiB")
    return content
