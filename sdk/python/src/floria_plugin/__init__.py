"""Write a Floria plugin in Python: a page of plain code.

    from floria_plugin import Context, Plugin

    plugin = Plugin("greeter", "1.0.0", grants={"commands": [{"program": "hostname", "effect": "query"}]})

    @plugin.function(query=True)
    def greet(context: Context, name: str) -> str:
        "Say hello from this host."
        return f"hello {name}, from {context.run('hostname').stdout.strip()}"

The same file works as a Python-source plugin (as it is), as a Wasm component (``python -m floria.plugins.build FOLDER
-o OUT.wasm``, the file named ``plugin.py``) and as an executable (``plugin.main()`` at its end). Drivers of workloads
begin with `floria_plugin.driver`, tests with `floria_plugin.testing`.
"""

from floria_plugin.context import Context, Dbus, Entry, Files, Graph, Http, Json, Output, Response
from floria_plugin.faults import Fault, Permanent, Temporary
from floria_plugin.plugin import CONTRACT, Plugin

__all__ = [
    "CONTRACT",
    "Context",
    "Dbus",
    "Entry",
    "Fault",
    "Files",
    "Graph",
    "Http",
    "Json",
    "Output",
    "Permanent",
    "Plugin",
    "Response",
    "Temporary",
]
