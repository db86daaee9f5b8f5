"""Plugins: code that is not the system's own, on one contract, by three carriers.

    host = PluginHost(cache_folder)
    plugin = host.load(Path("hello.wasm"), Carrier.WASM)          # or PYTHON (a .py), or EXECUTABLE
    manifest = host.describe(plugin)                              # what it has and what it asks for
    allowed = grants.fill(manifest.grants, {"state": "/var/lib/khutulun", …})
    effects = Effects(MemoryJournal())                            # mode=Mode.PLAN makes a plan of the same call
    value = host.dispatch(plugin, "greet", site, ["world"], grants=allowed, effects=effects)

`dispatch` returns JSON data or raises `Fault`, and nothing a plugin does ends the host. Each call has an instance of
its own, or of its `scope`, and a `Budget`; everything it does to the world passes through `Effects`, is checked against
its `Grants` and journaled; `script` prints it. `explain` says in sentences what grants mean, `missing` what is asked
for and not granted.

Plugins are built with ``python -m floria.plugins.build FOLDER -o OUT.wasm`` and tried with ``python -m
floria.plugins.conformance BLOB``. See docs/plugins.md and sdk/python/README.md.
"""

from floria.plugins import grants
from floria.plugins.budgets import Budget
from floria.plugins.carriers import Blob, Carrier, Plugin, recognise
from floria.plugins.effects import Effect, Effects, Journal, MemoryJournal, Mode, Outcome, Status, script
from floria.plugins.effects.access import GraphAccess
from floria.plugins.explanation import Sentence, Severity, explain, missing, subset
from floria.plugins.faults import Fault, FaultData
from floria.plugins.grants import Grants
from floria.plugins.host import PluginHost
from floria.plugins.manifests import Function, Manifest, Source

__all__ = [
    "Blob",
    "Budget",
    "Carrier",
    "Effect",
    "Effects",
    "Fault",
    "FaultData",
    "Function",
    "Grants",
    "GraphAccess",
    "Journal",
    "Manifest",
    "MemoryJournal",
    "Mode",
    "Outcome",
    "Plugin",
    "PluginHost",
    "Sentence",
    "Severity",
    "Source",
    "Status",
    "explain",
    "grants",
    "missing",
    "recognise",
    "script",
    "subset",
]
