"""``python -m floria.plugins.conformance BLOB``: shows a plugin and checks it; exit status 1 when a check failed."""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from floria.plugins import carriers, conformance
from floria.plugins.explanation import explain
from floria.plugins.faults import Fault
from floria.plugins.host import PluginHost


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m floria.plugins.conformance", description="Check a plugin.")
    parser.add_argument("blob", type=Path, help="a component (.wasm), a Python source (.py) or a program")
    parser.add_argument("--carrier", choices=list(carriers.Carrier), help="how it is run; by default it is recognised")
    options = parser.parse_args(arguments)
    try:
        with tempfile.TemporaryDirectory() as folder:
            return _check(options.blob, options.carrier, Path(folder))
    except (Fault, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _check(blob: Path, carrier: str | None, folder: Path) -> int:
    with blob.open("rb") as file:
        head = file.read(16)
    kind = carriers.Carrier(carrier) if carrier else carriers.recognise(blob.name, head)
    with PluginHost(folder / "cache", progress=lambda text: print(f"{text} …", file=sys.stderr)) as host:
        plugin = host.load(blob, kind)
        manifest = host.describe(plugin)
        print(f"{manifest.name} {manifest.version} ({kind}): {len(manifest.functions)} functions")
        for sentence in explain(manifest.grants, kind):
            print(f"  asks to {sentence}")
        return _run(host, plugin, folder)


def _run(host: PluginHost, plugin: carriers.Plugin, folder: Path) -> int:
    failed = 0
    found = conformance.checks(host, plugin)
    for check in found:
        work = folder / check.__name__
        work.mkdir()
        try:
            check(conformance.Bench(host, plugin, work))
        except (conformance.Failed, Fault) as error:
            failed += 1
            print(f"  FAILED {check.__name__}: {error}")
        else:
            print(f"  passed {check.__name__}")
    print(f"{len(found) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
