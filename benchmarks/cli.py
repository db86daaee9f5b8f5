"""How long the command line takes to start: `khutulun --version` beside a bare interpreter, in the same run.

    python benchmarks/cli.py [--runs N] [--json FILE]

The limit (60 ms above the interpreter) is for a quiet machine. Runs alternate, so that what else the machine does falls
on both.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

LIMIT = 60.0
"""Milliseconds above the bare interpreter."""

COMMANDS = {
    "python -c pass": (sys.executable, "-c", "pass"),
    "khutulun --version": (str(Path(sys.executable).with_name("khutulun")), "--version"),
    "khutulun --help": (str(Path(sys.executable).with_name("khutulun")), "--help"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=30)
    parser.add_argument("--json", type=Path, help="also write the results here")
    options = parser.parse_args()
    results = measure(options.runs)
    for name, result in results.items():
        wall = f"median {result['median_ms']:7.1f} ms   least {result['min_ms']:7.1f} ms"
        print(f"{name:20} {wall}   cpu {result['cpu_ms']:7.1f} ms")
    above = results["khutulun --version"]["median_ms"] - results["python -c pass"]["median_ms"]
    print(f"{'above the interpreter':20} {above:.1f} ms (limit {LIMIT:.0f} ms)")
    if options.json:
        content = {"name": "cli", "results": results, "above_interpreter_ms": round(above, 2), "limit_ms": LIMIT}
        options.json.write_text(json.dumps(content, indent=2) + "\n")


def measure(runs: int) -> dict[str, dict[str, float]]:
    """Return median and least milliseconds of each command; one run of each warms the caches."""
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    cpu: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for index in range(runs + 1):
        for name, command in COMMANDS.items():
            begin, spent = time.perf_counter(), _cpu()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            if index:
                times[name].append((time.perf_counter() - begin) * 1000)
                cpu[name].append((_cpu() - spent) * 1000)
    return {
        name: {
            "median_ms": round(statistics.median(found), 2),
            "min_ms": round(min(found), 2),
            "cpu_ms": round(statistics.median(cpu[name]), 2),
            "runs": runs,
        }
        for name, found in times.items()
    }


def _cpu() -> float:
    """Return the seconds of CPU that ended children have used."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
