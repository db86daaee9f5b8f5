"""Plugins as an agent has them: fetched from the conductor by digest, with their grants filled for this host."""

import hashlib
import tempfile
import threading
from collections.abc import Hashable, Iterator, Sequence
from typing import BinaryIO

from floria import plugins
from floria.plugins import effects, grants
from floria.plugins.budgets import Budget
from khutulun import paths
from khutulun.agent import messages
from khutulun.agent.messages import Plain
from khutulun.bus import interface as bus


class Loader:
    """Loads plugins, each once, and calls them."""

    def __init__(self, over: bus.Bus, where: paths.Paths, host: plugins.PluginHost) -> None:
        self._bus, self._paths, self._host = over, where, host
        self._lock = threading.Lock()
        self._loaded: dict[str, plugins.Plugin] = {}
        self._filled: dict[str, tuple[dict[str, Plain], grants.Grants]] = {}
        self._places = where.placeholders()

    def call(
        self,
        reference: messages.PluginReference,
        function: str,
        site: dict[str, Plain],
        arguments: Sequence[Plain],
        performer: effects.Effects,
        budget: Budget,
        allowed: grants.Grants | None = None,
        *,
        scope: Hashable = None,
    ) -> Plain:
        """Call a function with the plugin's own grants, or with those `allowed`. Raises `Fault`, `BusError`.

        `scope` says which calls may know of each other (`floria.plugins.PluginHost.dispatch`).
        """
        return self._host.dispatch(
            self.load(reference),
            function,
            site,
            list(arguments),
            grants=self._grants(reference) if allowed is None else allowed,
            effects=performer,
            budget=budget,
            scope=scope,
        )

    def sources(self, reference: messages.PluginReference) -> tuple[plugins.Source, ...]:
        """Return the sources that a plugin declares. Raises `Fault`, `BusError`."""
        return self._host.describe(self.load(reference)).sources

    def keep(self, reference: messages.PluginReference) -> None:
        """Have an instance of the plugin ready, so that an event is translated at once."""
        self._host.keep(self.load(reference), soon=True)

    def rest(self, digest: str) -> None:
        """Let the instances go that were made ahead of a plugin."""
        with self._lock:
            plugin = self._loaded.get(digest)
        if plugin is not None:
            self._host.keep(plugin, 0)

    def load(self, reference: messages.PluginReference) -> plugins.Plugin:
        with self._lock:
            plugin = self._loaded.get(reference.digest)
        if plugin is None:
            plugin = self._host.load(
                lambda: self._blob(reference.digest),
                plugins.Carrier(reference.carrier),
                digest=reference.digest,
                name=reference.name,
            )
            with self._lock:
                self._loaded[reference.digest] = plugin
        return plugin

    def _grants(self, reference: messages.PluginReference) -> grants.Grants:
        """Return what a plugin may do on this host; parsed again only when it may do something else."""
        known = self._filled.get(reference.digest)
        if known is not None and known[0] == reference.grants:
            return known[1]
        filled = grants.fill(grants.parse(reference.grants), self._places)
        self._filled[reference.digest] = (reference.grants, filled)
        return filled

    def _blob(self, digest: str) -> BinaryIO:
        file: BinaryIO = tempfile.TemporaryFile(dir=self._paths.state)  # noqa: SIM115 - the caller closes it
        for chunk in self.fetch(digest):
            file.write(chunk)
        file.seek(0)
        return file

    def fetch(self, digest: str) -> Iterator[bytes]:
        """Yield the content of a blob. Raises `BusError` when less or something else arrives."""
        channel = self._bus.open("conductor.blob", messages.Blob(digest))
        seen = hashlib.sha256()
        try:
            for chunk in channel.receive():
                seen.update(chunk)
                yield chunk
        finally:
            channel.close()
        if f"sha256:{seen.hexdigest()}" != digest:
            raise bus.BusError(f"blob {digest} did not arrive as it is: the conductor lacks it, or was interrupted")
