"""The generic runner: a component that runs the source of a plugin handed over by the host, inside the sandbox.

There is no file system in the sandbox: what plugins may import of the standard library is in `standard_library`.
"""

import linecache
import sys
import traceback
import types

from wit_world.imports import script

import floria_plugin.driver
from floria_plugin import component, standard_library
from floria_plugin.faults import Permanent
from floria_plugin.plugin import Plugin as _Plugin

MODULES = (floria_plugin.driver, standard_library)
_found: _Plugin | None = None


def find() -> _Plugin:
    """Run the sources once and return the plugin of the last one."""
    global _found
    if _found is None:
        module = types.ModuleType("plugin")
        for name, source in script.sources():
            module = _load(name, source)
        found = getattr(module, "plugin", None)
        if not isinstance(found, _Plugin):
            raise Permanent("invalid-source", "the source has no 'plugin = Plugin(…)'")
        _found = found
    return _found


def _load(name: str, source: str) -> types.ModuleType:
    module = types.ModuleType(name)
    module.__file__ = f"{name}.py"
    sys.modules[name] = module
    linecache.cache[module.__file__] = (len(source), None, source.splitlines(True), module.__file__)
    try:
        exec(compile(source, module.__file__, "exec", dont_inherit=True), module.__dict__)  # noqa: S102 (what a runner is for)
    except Exception as error:
        detail = {"traceback": traceback.format_exc()[-8000:]}
        raise Permanent("invalid-source", f"{type(error).__name__}: {error}", detail) from None
    return module


Plugin = component.export(find)
