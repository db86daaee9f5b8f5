"""The conformance kit: what a plugin, whatever carries it and whatever it is written in, must do.

    python -m floria.plugins.conformance BLOB       # any plugin: what it says, asks for, and how it behaves
    python -m floria.plugins.conformance PROBE      # a plugin named "probe": the whole contract, for SDKs

`checks` returns the checks for a plugin; each is a function of a `Bench` that raises `Failed`.
"""

from collections.abc import Callable
from pathlib import Path

from floria.plugins.carriers import Plugin
from floria.plugins.conformance import any_plugin, probe_checks
from floria.plugins.conformance.bench import Bench, Failed
from floria.plugins.host import PluginHost

PROBE = Path(__file__).parent / "probe"
Check = Callable[[Bench], None]
ALL: tuple[Check, ...] = (*any_plugin.CHECKS, *probe_checks.CHECKS)

__all__ = ["ALL", "PROBE", "Bench", "Check", "Failed", "checks"]


def checks(host: PluginHost, plugin: Plugin) -> tuple[Check, ...]:
    """Return the checks for this plugin: all of them for the probe. Raises `Fault` when it cannot describe itself."""
    return ALL if host.describe(plugin).name == "probe" else any_plugin.CHECKS
