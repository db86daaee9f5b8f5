"""The plugin host: loads plugins of every carrier and calls their functions.

Used by agents (drivers, event sources), by the engine (functions in expressions) and by tools. Thread-safe; a call runs
in the thread that makes it, and the host does nothing between calls but one clean-up some seconds after the last one.
"""

import hashlib
import shutil
from collections.abc import Callable, Hashable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from floria.plugins import manifests
from floria.plugins.budgets import DESCRIBE, Budget
from floria.plugins.cache import Cache
from floria.plugins.calls import Call, decode
from floria.plugins.carriers import Blob, Carrier, Plugin
from floria.plugins.effects import Effects
from floria.plugins.faults import Fault, FaultData
from floria.plugins.grants import NONE, Grants
from floria.plugins.manifests import Manifest

if TYPE_CHECKING:
    from floria.plugins.residency import Components

IDLE = 20.0


class PluginHost:
    """Loads and calls plugins. `cache` is a private folder (made 0700) for compiled code and copied programs.

    `runner` is the component that runs Python sources; by default the packaged or built one. `progress` is told when
    something slow begins and ends (compiling: seconds, once for each blob). Code that was not used for `idle` seconds
    is dropped from memory and mapped again by the next call, in milliseconds; `rest` is called before, once for each
    such time, for what others would free then.
    """

    def __init__(
        self,
        cache: Path,
        *,
        runner: Path | None = None,
        progress: Callable[[str], None] | None = None,
        idle: float = IDLE,
        rest: Callable[[], None] | None = None,
    ) -> None:
        self._cache = Cache(cache)
        self._options = (runner, progress, idle, rest)
        self._made: Components | None = None
        self._manifests: dict[tuple[str, Carrier], Manifest] = {}

    def load(self, blob: Blob, carrier: Carrier, *, digest: str | None = None, name: str = "") -> Plugin:
        """Return the plugin in `blob`: its bytes, its file, or what opens it (called again when it is needed).

        With `digest` (``sha256:…``, trusted) the blob is not even read when its compiled form is known. Nothing of the
        plugin runs here, and a Python source is not even parsed: its errors show when it describes itself. Raises the
        fault ``invalid-component``, ``invalid-source`` or ``not-found``.
        """
        plugin = Plugin(digest or "", carrier, blob, name or (blob.name if isinstance(blob, Path) else carrier))
        if digest is None:
            plugin.digest = _digest(plugin)
        match carrier:
            case Carrier.WASM:
                self._components.compile(plugin)
            case Carrier.PYTHON:
                self._components.compile(plugin)
            case Carrier.EXECUTABLE:
                self._program(plugin)
        return plugin

    def describe(self, plugin: Plugin) -> Manifest:
        """Return the manifest. A plugin is asked once for each blob, and can request nothing then. Raises `Fault`."""
        identity = (plugin.digest, plugin.carrier)
        if identity not in self._manifests:
            key = f"{plugin.key}.{plugin.carrier}.manifest"
            written = self._cache.read(key)
            text = self._ask(plugin) if written is None else written
            self._manifests[identity] = _manifest(decode(text, plugin.name))
            if written is None:
                self._cache.put(key, text)
        return self._manifests[identity]

    def dispatch(
        self,
        plugin: Plugin,
        function: str,
        site: object,
        arguments: Sequence[object],
        *,
        grants: Grants = NONE,
        effects: Effects,
        budget: Budget | None = None,
        scope: Hashable = None,
    ) -> object:
        """Call a function of the plugin and return its result, JSON data. Raises `Fault` and nothing else.

        `site` is JSON data that says for what and where; `grants` are filled (`floria.plugins.grants.fill`). A call has
        an instance of its own, unless it has a `scope`: then it may have one that has served others of this scope
        before, none of which was handed a secret or failed. Only calls that may know of each other have the same.
        """
        call = Call(f"{plugin.name}.{function}", grants, effects, budget or Budget(), plugin.sources)
        if plugin.carrier is Carrier.EXECUTABLE:
            from floria.plugins import executable

            return executable.dispatch(self._program(plugin), call, function, site, list(arguments))
        texts = call.encode(site, list(arguments))
        with self._components.using(plugin, scope) as (component, made):
            result = call.decode(component.dispatch(call, made, function, *texts))
            made.is_sound = not effects.knows_secrets
            return result

    def discard(self, plugin: Plugin) -> None:
        """Remove what the cache holds for a plugin that is not needed any more."""
        self.keep(plugin, 0)
        self._manifests.pop((plugin.digest, plugin.carrier), None)
        self._cache.remove(plugin.key)

    def keep(self, plugin: Plugin, instances: int = 1, *, soon: bool = False) -> None:
        """Keep the plugin mapped and this many instances made ahead, so that a call is short; 0 lets go.

        They are there when this returns or, if `soon` is enough, after the next moment without calls.
        For plugins that answer events; the others need no such thing.
        """
        if plugin.carrier is not Carrier.EXECUTABLE:
            self._components.keep(plugin, instances, soon=soon)

    def trim(self) -> None:
        """Give memory back now; otherwise it is done after some seconds without a call."""
        if self._made is not None:
            self._made.trim()

    def close(self) -> None:
        """Drop everything. No call may be in progress."""
        if self._made is not None:
            self._made.close()
            self._made = None

    def __enter__(self) -> "PluginHost":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def _components(self) -> "Components":
        if self._made is None:
            from floria.plugins.residency import Components  # the runtime costs ten megabytes: only who needs it pays

            self._made = Components(self._cache, *self._options)
        return self._made

    def _ask(self, plugin: Plugin) -> bytes:
        call = Call(f"{plugin.name}.describe", NONE, None, DESCRIBE, plugin.sources)
        if plugin.carrier is Carrier.EXECUTABLE:
            from floria.plugins import executable

            return msgspec.json.encode(executable.describe(self._program(plugin), call))
        with self._components.using(plugin) as (component, made):
            text = component.describe(call, made)
        call.decode(text)
        return text.encode()

    def _program(self, plugin: Plugin) -> Path:
        def copy(out: Path) -> None:
            with plugin.open() as source, out.open("wb") as target:
                shutil.copyfileobj(source, target)
            out.chmod(0o700)

        return self._cache.get(f"{plugin.key}.program", copy)


def _manifest(data: object) -> Manifest:
    if isinstance(data, dict) and set(data) == {"fault"}:
        raise Fault.of(msgspec.convert(data["fault"], FaultData))
    return manifests.parse(data)


def _digest(plugin: Plugin) -> str:
    digest = hashlib.sha256()
    with plugin.open() as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return f"sha256:{digest.hexdigest()}"
