"""The key of a server, with which it seals secrets and marks who may have them.

The key is a file of its own beside the store, or a credential that the service manager hands over: a backup of the
store alone reveals nothing.
"""

import contextlib
import hashlib
import hmac
import os
import threading
from collections.abc import Callable
from pathlib import Path

from khutulun import model

CREDENTIAL = "khutulun-secrets-key"
_SIZE, _NONCE, _TAG = 32, 24, 24
_PRIVATE = 0o600


class BadSeal(Exception):
    """What was sealed is damaged, or was sealed with another key."""


class Key:
    """Made when it is first needed, unless something is `sealed` already: then it was lost.

    `folder` keeps it unless there is a credential (systemd.exec(5)). Everything raises `model.Refused` without a key.
    """

    def __init__(self, folder: Path, sealed: Callable[[], bool]) -> None:
        self.file = folder / "secrets.key"
        self._sealed = sealed
        self._lock = threading.Lock()
        self._key: bytes | None = None

    def seal(self, content: bytes, place: str) -> bytes:
        """Return `content` encrypted; it can be opened for the same place only."""
        from nacl import bindings  # a megabyte: only who has secrets pays

        nonce = os.urandom(_NONCE)
        return nonce + bindings.crypto_aead_xchacha20poly1305_ietf_encrypt(content, place.encode(), nonce, self._own())

    def open(self, sealed: bytes, place: str) -> bytes:
        """Raises `BadSeal`."""
        from nacl import bindings, exceptions

        nonce, rest = sealed[:_NONCE], sealed[_NONCE:]
        try:
            return bindings.crypto_aead_xchacha20poly1305_ietf_decrypt(rest, place.encode(), nonce, self._own())
        except (exceptions.CryptoError, ValueError):
            raise BadSeal(place) from None

    def tag(self, *what: str) -> str:
        """Return what only this server can say of some names."""
        named = "\0".join(("khutulun:mark", *what)).encode()
        return hmac.new(self._own(), named, hashlib.sha256).hexdigest()[:_TAG]

    def _own(self) -> bytes:
        with self._lock:
            if self._key is None:
                self._key = self._read() or self._make()
            return self._key

    def _read(self) -> bytes | None:
        for file in _credentials(), self.file:
            if file is None:
                continue
            try:
                found = bytes.fromhex(file.read_text().strip())
            except FileNotFoundError:
                continue
            except OSError as error:
                raise self._bad(file, error.strerror or str(error)) from None
            except ValueError:
                raise self._bad(file, "it is not a key") from None
            if len(found) != _SIZE:
                raise self._bad(file, f"it is a key of {len(found)} bytes and not of {_SIZE}")
            return found
        return None

    def _make(self) -> bytes:
        if self._sealed():
            raise self._bad(self.file, "it is missing")
        key = os.urandom(_SIZE)
        temporary = self.file.with_name(f".{self.file.name}.{os.getpid()}")
        try:
            temporary.unlink(missing_ok=True)
            with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE), "w") as file:
                file.write(f"{key.hex()}\n")
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, self.file)
            folder = os.open(self.file.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise self._bad(self.file, error.strerror or str(error)) from None
        return key

    def _bad(self, file: Path, why: str) -> model.Refused:
        return model.refuse(
            "no-key",
            f"the key of the secrets, {file}: {why}",
            hint="mend that, or put the key back that the secrets were set with",
            where=str(file),
            status=500,
        )


def _credentials() -> Path | None:
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    return Path(folder, CREDENTIAL) if folder else None
