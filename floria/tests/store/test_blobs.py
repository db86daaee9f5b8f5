"""Blobs: large, streamed, named by their content."""

import hashlib
import io
import tracemalloc
from typing import Any, BinaryIO

import pytest

from floria.store.interface import NotFound, Store

MEGABYTE = 1 << 20


class Stream(io.RawIOBase):
    """Fifty megabytes that nobody holds in memory."""

    def __init__(self, megabytes: int) -> None:
        self._left = megabytes

    def read(self, size: int = -1) -> bytes:
        if self._left == 0:
            return b""
        self._left -= 1
        return bytes([self._left]) * MEGABYTE


def digest_of(content: BinaryIO) -> str:
    hashed = hashlib.sha256()
    while chunk := content.read(MEGABYTE):
        hashed.update(chunk)
    return f"sha256:{hashed.hexdigest()}"


def test_a_blob_of_fifty_megabytes_is_stored_and_read_back(harness: Any) -> None:
    """R73: and where there is a disk, it is not held in memory."""
    store: Store = harness.make()
    tracemalloc.start()
    digest = store.put_blob(Stream(50))  # type: ignore[arg-type]
    with store.open_blob(digest) as content:
        assert digest_of(content) == digest == digest_of(Stream(50))  # type: ignore[arg-type]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert not harness.durable or peak < 8 * MEGABYTE
    store.close()


def test_the_same_content_is_one_blob(store: Store) -> None:
    assert store.put_blob(b"same") == store.put_blob(io.BytesIO(b"same")) == digest_of(io.BytesIO(b"same"))
    assert list(store.blobs()) == [digest_of(io.BytesIO(b"same"))]
    assert store.put_blob(b"") in store.blobs()


def test_a_deleted_blob_is_gone(store: Store) -> None:
    digest = store.put_blob(b"x")
    store.delete_blob(digest)
    assert list(store.blobs()) == []
    with pytest.raises(NotFound, match="there is no blob sha256:"):
        store.open_blob(digest)
    with pytest.raises(NotFound):
        store.delete_blob(digest)


def test_content_that_breaks_off_leaves_nothing(store: Store) -> None:
    class Broken(Stream):
        def read(self, size: int = -1) -> bytes:
            if self._left == 1:
                raise ConnectionError("gone")
            return super().read(size)

    with pytest.raises(ConnectionError, match="gone"):
        store.put_blob(Broken(3))  # type: ignore[arg-type]
    assert list(store.blobs()) == []
