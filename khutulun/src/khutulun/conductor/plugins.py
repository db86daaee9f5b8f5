"""Adding, showing and removing plugins; those that come with a design, and the built-in ones."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from floria import codec, ids, plugins
from floria.entities import Plugin
from floria.plugins import grants
from floria.plugins.faults import Fault
from floria.store.interface import Store, Transaction
from khutulun import model, names
from khutulun.conductor import journals
from khutulun.conductor.designs import CarriedPlugin

BUILT_IN = "khutulun.built-in"
HINT = "a plugin is a Wasm component, Python source or a program that answers as docs/plugins.md says"
NAMING = "letters, digits and ._- (a letter or digit first), 63 characters at most"

FILE = "khutulun.file"
"""Metadata of a built-in driver: which file it was read from."""


class Administration:
    """Writes plugins into the graph."""

    def __init__(self, store: Store, host: plugins.PluginHost) -> None:
        self._store, self._host = store, host
        self._blobs: dict[str, Path] = {}

    def describe(self, content: bytes | Path, carrier: str, name: str | None = None, directory: str = "/") -> Plugin:
        """Load a blob and ask it what it is. Raises `model.Refused`."""
        where = f"plugin {name}" if name else ""
        try:
            kind = plugins.Carrier(carrier)
        except ValueError:
            known = ", ".join(one.value for one in plugins.Carrier)
            raise model.refuse("unknown-carrier", f"{carrier!r} is no carrier", hint=f"there are: {known}") from None
        try:
            manifest = self._host.describe(self._host.load(content, kind, name=name or "plugin"))
        except Fault as fault:
            raise model.refuse(f"plugin-{fault.code}", fault.message, hint=HINT, where=where) from None
        label = manifest.name if name is None else name
        if not names.is_service_name(label):
            raise model.refuse("bad-name", f"{label!r} is no name for a plugin", hint=NAMING, where=where)
        return Plugin(
            id=ids.derive("plugin", directory, label),
            name=label,
            directory=directory,
            digest=self._put_blob(content),
            carrier=carrier,
            manifest=_values(journals.body(manifest)),
            grants=_values(journals.body(manifest.grants)),
        )

    def put(self, tx: Transaction, plugin: Plugin) -> Plugin:
        """Write a plugin in place of the one with its name in its directory."""
        before = tx.get(plugin.id)
        if isinstance(before, Plugin):
            if (before.digest, before.grants, before.metadata) == (plugin.digest, plugin.grants, plugin.metadata):
                return before
            plugin = msgspec.structs.replace(plugin, revision=before.revision)
        stored = tx.put(plugin)
        assert isinstance(stored, Plugin)
        return stored

    def carried(self, found: Iterable[CarriedPlugin], directory: str) -> list[Plugin]:
        """Return the plugins that came with a design, as they will be in its directory."""
        return [self.describe(self._read(one.digest), one.carrier, one.name, directory) for one in found]

    def install_built_in(self, blobs: Mapping[str, Path]) -> None:
        """Have the built-in drivers in the root directory, where any other can take their place.

        A file is read only when it is another one than at the last start.
        """
        self._blobs = dict(blobs)
        files = {ids.derive("plugin", "/", name): (name, path, _identity(path)) for name, path in blobs.items()}
        with self._store.read() as reader:
            known = {id: found.metadata for id in files if (found := reader.get(id)) is not None}
        described = []
        for id, (name, path, identity) in files.items():
            metadata = known.get(id, {BUILT_IN: True})
            if metadata.get(BUILT_IN) is not True or metadata.get(FILE) == identity:
                continue
            described.append(self._built_in(name, path, identity))
        if described:
            with self._store.write() as tx:
                for plugin in described:
                    self.put(tx, plugin)

    def replaced(self, name: str, directory: str) -> Plugin | None:
        """Return the built-in driver that is back when the plugin that took its place in a directory is removed."""
        path = self._blobs.get(name) if directory == "/" else None
        return None if path is None else self._built_in(name, path, _identity(path))

    def _built_in(self, name: str, path: Path, identity: str) -> Plugin:
        plugin = self.describe(path, plugins.Carrier.WASM.value, name)
        return msgspec.structs.replace(plugin, metadata={BUILT_IN: True, FILE: identity})

    def _put_blob(self, content: bytes | Path) -> str:
        if isinstance(content, bytes):
            return self._store.put_blob(content)
        with content.open("rb") as file:
            return self._store.put_blob(file)

    def _read(self, digest: str) -> bytes:
        with self._store.open_blob(digest) as file:
            return file.read()


def info(plugin: Plugin) -> model.PluginInfo:
    """Return a plugin as users see it."""
    wanted: Any = codec.to_plain(plugin.grants)
    sentences = plugins.explain(grants.parse(wanted), plugins.Carrier(plugin.carrier))
    functions = plugin.manifest.get("functions")
    return model.PluginInfo(
        name=plugin.name,
        version=str(plugin.manifest.get("version") or ""),
        carrier=plugin.carrier,
        digest=plugin.digest,
        directory=plugin.directory,
        builtin=plugin.metadata.get(BUILT_IN) is True,
        functions=tuple(functions) if isinstance(functions, dict) else (),
        grants=tuple(one.text for one in sentences),
        full_access=tuple(one.text for one in sentences if one.severity is plugins.Severity.FULL),
        manifest=plugin.manifest,
    )


def ask(needed: Iterable[Plugin], granted: Iterable[str]) -> None:
    """Raise `model.Refused` when plugins of a design want something that was not granted by name or digest."""
    said = set(granted)
    missing = [info(one) for one in needed if one.grants and not {one.name, one.digest} & said]
    if missing:
        detail: Any = [
            {"plugin": one.name, "digest": one.digest, "grants": list(one.grants), "full_access": list(one.full_access)}
            for one in missing
        ]
        names = ", ".join(one.name for one in missing)
        raise model.Refused(
            model.Problem(
                "grants-needed",
                f"the service brings plugins that want grants: {names}",
                hint="grant them when asked, or with --yes",
                detail=detail,
            ),
            status=409,
        )


def visible(found: list[Plugin]) -> list[Plugin]:
    """Return the nearest of each name."""
    nearest: dict[str, Plugin] = {}
    for plugin in found:
        nearest.setdefault(plugin.name, plugin)
    return sorted(nearest.values(), key=lambda plugin: plugin.name)


def _identity(path: Path) -> str:
    """Return what is another one after every change of a file."""
    found = path.stat()
    return f"{path}:{found.st_size}:{found.st_ino}:{found.st_mtime_ns}:{found.st_ctime_ns}"


def _values(data: Any) -> Any:
    return codec.from_plain(data)


def remove(tx: Transaction, plugin: Plugin | None, name: str, directory: str, replaced: Plugin | None) -> None:
    """Remove a plugin of exactly this directory; the built-in that it `replaced` is back. Raises `model.Refused`."""
    if plugin is None or plugin.directory != directory:
        raise model.refuse(
            "unknown-plugin",
            f"{directory} has no plugin {name!r} of its own",
            hint="`khutulun plugin list` shows what there is and where it comes from",
            status=404,
        )
    if plugin.metadata.get(BUILT_IN) is True:
        raise model.refuse(
            "built-in-plugin",
            f"plugin {name!r} is built in",
            hint="add your own of the same name to take its place",
            status=409,
        )
    if replaced is not None:
        tx.put(msgspec.structs.replace(replaced, revision=plugin.revision))
        return
    tx.delete(plugin.id, plugin.revision)
