"""What a call of a plugin costs, beside a bare process and a plain function, in one run.

    python benchmarks/plugins.py [--json FILE]

Each line: the least, the median and the 99th percentile, in milliseconds, and what it is compared with.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from floria.plugins import Carrier, Effects, MemoryJournal, Plugin, PluginHost, build, grants

SOURCE = '''"""A plugin that does next to nothing."""

from floria_plugin import Context, Plugin

plugin = Plugin("bench", "1.0.0")


@plugin.function(query=True)
def nop(context: Context) -> None:
    """Do nothing."""


@plugin.function(query=True)
def get(context: Context, name: str) -> str:
    """Make one request."""
    return context.evaluate(name)


@plugin.function()
def run(context: Context) -> int:
    """Run one command that changes something."""
    return context.run("true").status
'''
MADE = 0.2
"""Seconds in which the next instance is made: it is begun when there was no call for 50 ms."""

TRUE = shutil.which("true") or "/bin/true"


class Report:
    """Measures, prints and keeps."""

    def __init__(self) -> None:
        self.lines: list[dict[str, object]] = []

    def measure(self, name: str, work: Callable[[], object], count: int, pause: float = 0.0) -> None:
        """Time `count` calls of `work`."""
        work()
        times = []
        for _ in range(count):
            if pause:
                time.sleep(pause)
            began = time.perf_counter()
            work()
            times.append(time.perf_counter() - began)
        times.sort()
        self.add(name, times[0], statistics.median(times), times[int(len(times) * 0.99)], count)

    def add(self, name: str, least: float, median: float, most: float, count: int) -> None:
        found = {"least": least * 1000, "median": median * 1000, "p99": most * 1000}
        self.lines.append({"name": name, "unit": "ms", "count": count, **{k: round(v, 4) for k, v in found.items()}})
        print(f"{name:58}" + "".join(f"{value:10.3f}" for value in found.values()), flush=True)

    def once(self, name: str, work: Callable[[], object]) -> None:
        """Time one call of something slow."""
        began = time.perf_counter()
        work()
        taken = time.perf_counter() - began
        self.add(name, taken, taken, taken, 1)


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description="What a call of a plugin costs.")
    parser.add_argument("--json", type=Path, help="write the results to this file too")
    options = parser.parse_args()
    report = Report()
    print(f"{'':58}{'least ms':>10}{'median':>10}{'p99':>10}")
    with tempfile.TemporaryDirectory() as name:
        run(report, Path(name))
    if options.json:
        data = {"load": os.getloadavg(), "cpus": os.cpu_count(), "results": report.lines}
        options.json.write_text(json.dumps(data, indent=2) + "\n")
    return 0


def run(report: Report, folder: Path) -> None:
    """Measure everything with an empty cache in `folder`."""
    source = folder / "bench" / "plugin.py"
    source.parent.mkdir()
    source.write_text(SOURCE)
    report.measure("a plain Python function", lambda: None, 1000)
    report.measure("a bare process (true)", lambda: subprocess.run([TRUE], check=True), 100)
    python = [sys.executable, "-c", "pass"]
    report.measure("a bare Python process", lambda: subprocess.run(python, check=True), 20)
    blob = build.component(source.parent, folder / "bench.wasm")
    program = build.executable(source.parent, folder / "bench.program")
    build.runner()
    with PluginHost(folder / "cache") as host:
        before = _resident()
        report.once("compile a component (once for each blob)", lambda: host.load(blob, Carrier.WASM))
        wasm = host.load(blob, Carrier.WASM, name="wasm component")
        plugins = [wasm, host.load(source, Carrier.PYTHON, name="Python source")]
        plugins.append(host.load(program, Carrier.EXECUTABLE, name="executable"))
        for plugin in plugins:
            calls(report, host, plugin, folder)
        memory(report, host, before)
    with PluginHost(folder / "cache") as host:
        report.once(
            "wasm component: first call of a new host", lambda: call(host, host.load(blob, Carrier.WASM), "nop")
        )


def calls(report: Report, host: PluginHost, plugin: Plugin, folder: Path) -> None:
    """Measure the calls of one plugin."""
    count = 20 if plugin.carrier is Carrier.EXECUTABLE else 200
    report.measure(f"{plugin.name}: nop", lambda: call(host, plugin, "nop"), count)
    report.measure(f"{plugin.name}: one request", lambda: call(host, plugin, "get", "x"), count)
    spool = folder / "spool"
    report.measure(f"{plugin.name}: one command, safe", lambda: call(host, plugin, "run", spool=spool), count)
    report.measure(f"{plugin.name}: one command, dies with the host", lambda: call(host, plugin, "run"), count)
    if plugin.carrier is not Carrier.EXECUTABLE:
        host.keep(plugin)
        report.measure(f"{plugin.name}: nop, instance made ahead", lambda: call(host, plugin, "nop"), 30, MADE)
        host.keep(plugin, 0)
        report.measure(
            f"{plugin.name}: nop, scope served before", lambda: call(host, plugin, "nop", scope="one"), count
        )

    def mapped() -> None:
        call(host, plugin, "nop")

    if plugin.carrier is Carrier.WASM:
        times = []
        for _ in range(20):
            host.trim()
            began = time.perf_counter()
            mapped()
            times.append(time.perf_counter() - began)
        times.sort()
        report.add(f"{plugin.name}: nop after it rested", times[0], statistics.median(times), times[-1], 20)


ALLOWED = grants.parse({"commands": [{"program": "true"}], "evaluate": True})


def call(
    host: PluginHost,
    plugin: Plugin,
    function: str,
    *arguments: object,
    spool: Path | None = None,
    scope: str | None = None,
) -> object:
    """Dispatch one call."""
    effects = Effects(MemoryJournal(), evaluate=lambda expression: expression, spool=spool)
    return host.dispatch(plugin, function, {}, arguments, grants=ALLOWED, effects=effects, scope=scope)


def memory(report: Report, host: PluginHost, before: int) -> None:
    """Show what plugins take when they rest."""
    host.trim()
    after = _resident()
    for name, value in (("before a plugin was loaded", before), ("three plugins at rest", after)):
        report.lines.append({"name": f"memory {name}", "unit": "MB", "value": round(value / 1e6, 1)})
        print(f"{'memory ' + name:58}{value / 1e6:10.1f} MB")


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    sys.exit(main())
