"""Web requests, over TCP, TLS or a unix socket. Redirects are not followed, no proxy is used."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

from floria.plugins import requests, urls
from floria.plugins.effects.processes import Limits, text
from floria.plugins.faults import Fault

if TYPE_CHECKING:
    from http.client import HTTPConnection


def send(request: requests.SendHttp, limits: Limits) -> requests.Response:
    """Send the request; raises the faults ``network`` (temporary), ``timeout`` and ``output-limit``."""
    from http.client import HTTPException

    url = urls.parse(request.url)
    left = limits.until(request.timeout)
    connection = _connection(url, max(left.left, 0.001))
    body = None if request.body is None else request.body.encode()
    try:
        if connection.sock is None:
            connection.connect()
        with _ending(connection.sock, left):
            connection.request(request.method, url.target, body, dict(request.headers))
            answer = connection.getresponse()
            data = answer.read(limits.output + 1)
            if answer.length and len(data) <= limits.output:
                raise HTTPException("the answer ended before its announced length")
    except (OSError, HTTPException) as error:
        if isinstance(error, TimeoutError) or not left.left:
            raise Fault("timeout", f"{request.url} did not answer in time", True) from None
        raise Fault("network", f"{request.url}: {error}", True) from None
    except ValueError as error:
        raise Fault("invalid-request", f"{request.url}: {error}") from None
    finally:
        connection.close()
    if len(data) > limits.output:
        raise Fault("output-limit", f"{request.url} answered with more than {limits.output} bytes")
    return requests.Response(answer.status, tuple(answer.getheaders()), text(data))


@contextlib.contextmanager
def _ending(connected: socket.socket, limits: Limits) -> Iterator[None]:
    """Cut the connection at the deadline: its own timeout begins anew with every byte that trickles in."""

    def cut() -> None:
        with contextlib.suppress(OSError):
            connected.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(limits.left, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _connection(url: urls.Url, timeout: float) -> "HTTPConnection":
    from http import client

    if url.scheme == "https":
        return client.HTTPSConnection(url.host, url.port, timeout=timeout)
    connection = client.HTTPConnection(url.host, url.port, timeout=timeout)
    if url.socket:
        stream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        stream.settimeout(timeout)
        try:
            stream.connect(url.socket)
        except OSError as error:
            stream.close()
            raise Fault("network", f"{url.socket}: {error.strerror or error}", True) from None
        connection.sock = stream
    return connection
