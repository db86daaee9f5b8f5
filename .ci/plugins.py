"""Builds the built-in drivers into the package and compiles them, and the runner of Python sources, to machine code.

Called by `make setup`: ``python .ci/plugins.py``. Both steps keep what they made by content, so only what changed
costs anything; both say what they are about to spend time on.
"""

import sys
from pathlib import Path

from floria.plugins import Carrier, Fault, PluginHost, build
from khutulun import paths

ROOT = Path(__file__).resolve().parent.parent
BLOBS = ROOT / "khutulun" / "src" / "khutulun" / "plugins"


def main() -> int:
    """Build and compile everything; return the exit status."""
    sources = sorted(file.parent for file in (ROOT / "plugins").glob("*/plugin.py"))
    try:
        blobs = [build.component(folder, BLOBS / f"{folder.name}.wasm", say) for folder in sources]
        forget({blob.name for blob in blobs})
        compile_all([build.runner(progress=say), *blobs])
    except (build.BuildError, Fault, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def forget(wanted: set[str]) -> None:
    """Remove the blobs of drivers that are no more."""
    for blob in BLOBS.glob("*.wasm"):
        if blob.name not in wanted:
            blob.unlink()


def compile_all(blobs: list[Path]) -> None:
    """Have the compiled form of every blob in the cache folder."""
    host = PluginHost(paths.paths(paths.default_scope()).compiled, progress=say)
    for blob in blobs:
        host.load(blob, Carrier.WASM)


def say(text: str) -> None:
    """Show progress."""
    print(f"  {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
