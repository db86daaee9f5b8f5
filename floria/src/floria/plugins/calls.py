"""One call of a plugin: what it may do, what it has used up, and its requests. Every carrier drives one of these."""

import os
import re
import time
from typing import TypeAlias

import msgspec

from floria.plugins import grants as grants_module
from floria.plugins import requests
from floria.plugins.budgets import Budget
from floria.plugins.effects import Effects, Limits
from floria.plugins.faults import Fault
from floria.plugins.grants import Grants

Sources: TypeAlias = tuple[tuple[str, str], ...]
_NOISE = re.compile(r"RUST_BACKTRACE|^thread '|Python function threw|\[Errno")
_LEVELS = ("debug", "info", "warning", "error")


class Call:
    """A call in progress. `sources` are what the runner of Python sources runs.

    Without `effects` nothing can be requested: the plugin is only asked to describe itself.
    """

    def __init__(
        self, actor: str, grants: Grants, effects: Effects | None, budget: Budget, sources: Sources = ()
    ) -> None:
        self.actor, self.budget, self.sources = actor, budget, sources
        self._grants, self._effects = grants, effects
        self._deadline = time.monotonic() + budget.wall
        self._logged = self._dropped = self._requests = 0
        self.errors = bytearray()

    @property
    def left(self) -> float:
        """Seconds of wall clock that are left."""
        return self._deadline - time.monotonic()

    def check(self) -> None:
        """Raise the fault ``timeout`` when the wall clock has run out."""
        if self.left <= 0:
            raise self.too_long()

    def too_long(self) -> Fault:
        return Fault("timeout", f"{self.actor} took longer than {self.budget.wall:g} s", True)

    def too_busy(self) -> Fault:
        return Fault("cpu-limit", f"{self.actor} used more than {self.budget.cpu:g} s of CPU")

    def crashed(self, cause: str) -> Fault:
        """Return the fault of a plugin that ended by itself, with the last it printed."""
        printed = self.errors.decode("utf-8", "replace").strip()
        said = [line.strip() for line in printed.splitlines() if line.strip() and not _NOISE.search(line)]
        last = f": {said[-1][:300]}" if said else ""
        detail = {"printed": printed[-4000:]} if printed else None
        return Fault("crashed", f"{self.actor}: {cause}{last}", False, detail)

    def serve(self, request: requests.Request) -> object:
        """Check a request against the grants, perform it, return its result. Raises `Fault`."""
        self.check()
        if isinstance(request, requests.WriteLog):
            self.log(request.level, request.message)
            return None
        self._requests += 1
        if self._requests > self.budget.requests:
            raise Fault("request-limit", f"{self.actor} made more than {self.budget.requests} requests")
        permit = grants_module.permit(self._grants, request)
        if self._effects is None:
            raise Fault("denied", "nothing can be requested while a plugin describes itself")
        return self._effects.perform(request, permit, Limits(self._deadline, self.budget.output), self.actor)

    def log(self, level: str, message: str) -> None:
        """Pass on a line of the log as long as the budget lasts; the rest is counted and told at the end."""
        size = len(message.encode("utf-8", "replace")) + 1
        if self._logged + size > self.budget.log:
            self._dropped += size
            return
        self._logged += size
        self._log(level if level in _LEVELS else "info", message)

    def printed(self, data: bytes) -> None:
        """Keep what the plugin wrote to its standard error or output, as far as the budget for logs goes."""
        room = self.budget.log - len(self.errors)
        self._dropped += max(0, len(data) - room)
        self.errors += data[: max(0, room)]

    def finish(self) -> None:
        """Pass on what was printed, and say how much was dropped."""
        for line in self.errors.decode("utf-8", "replace").splitlines():
            self.log("info", line)
        if self._dropped:
            self._log("warning", f"{self._dropped} bytes of log were dropped: more than {self.budget.log}")

    def encode(self, site: object, arguments: object) -> tuple[str, str]:
        """Return site and arguments as JSON text. Raises the fault ``invalid-arguments``."""
        try:
            return encode(site), encode(arguments)
        except (TypeError, ValueError, msgspec.MsgspecError) as error:
            raise Fault("invalid-arguments", f"site or arguments are not JSON data: {error}") from None

    def decode(self, text: str) -> object:
        """Return the result that a plugin gave as JSON text. Raises ``output-limit`` and ``protocol``."""
        if len(text) > self.budget.output:
            raise Fault("output-limit", f"{self.actor} returned more than {self.budget.output} bytes")
        return decode(text, self.actor)

    def _log(self, level: str, message: str) -> None:
        if self._effects is not None:
            self._effects.log(level, message)


def encode(data: object) -> str:
    """Return JSON text that is always valid UTF-8."""
    return plain(msgspec.json.encode(data).decode())


def decode(text: str | bytes, actor: str) -> object:
    """Return JSON data. Raises the fault ``protocol``."""
    try:
        return msgspec.json.decode(text)
    except (ValueError, RecursionError) as error:
        raise Fault("protocol", f"{actor} sent something that is not JSON: {error}") from None


def plain(text: str) -> str:
    """Return text that UTF-8 can hold."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def random(count: int) -> bytes:
    """Return at most a megabyte of random bytes."""
    return os.urandom(min(count, 1 << 20))
