"""Runs all benchmarks, one after another, and keeps what they found: ``python -m benchmarks [NAME…]``, ``make bench``.

What they print goes to `results.md`, their numbers to `results.json`, both beside this file, with what the machine is.
A benchmark that cannot run here is told as such; the others go on. Results of those that are not named are kept.
"""

import datetime
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
PARTS = ("__init__", "__main__", "inside", "lines", "simple")
"""Modules that are no benchmarks."""


def main() -> int:
    """Return the exit status: 1 when a benchmark could not run."""
    every = sorted(file.stem for file in FOLDER.glob("*.py") if file.stem not in PARTS)
    wanted = sys.argv[1:] or every
    unknown = [name for name in wanted if name not in every]
    if unknown:
        print(f"error: there is no benchmark {unknown[0]}\nhint: there are: {', '.join(every)}", file=sys.stderr)
        return 2
    file = FOLDER / "results.json"
    found: dict[str, Any] = json.loads(file.read_text()) if file.exists() and sys.argv[1:] else {}
    for name in wanted:
        print(f"== {name}", flush=True)
        found[name] = _run(name)
    found = {name: found[name] for name in every if name in found}
    file.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n")
    (FOLDER / "results.md").write_text(_page(found))
    return 1 if any(found[name]["status"] for name in wanted) else 0


def _run(name: str) -> dict[str, Any]:
    """Run one benchmark, showing what it prints."""
    with tempfile.TemporaryDirectory() as folder:
        numbers = Path(folder, "results.json")
        argv = [sys.executable, "-m", f"benchmarks.{name}", "--json", str(numbers)]
        printed = []
        with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, cwd=FOLDER.parent) as running:
            assert running.stdout is not None
            for line in running.stdout:
                print(line, end="", flush=True)
                printed.append(line.rstrip())
        return {
            "status": running.returncode,
            "time": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "machine": _machine(),
            "printed": printed,
            "numbers": json.loads(numbers.read_text()) if numbers.exists() else None,
        }


def _page(found: dict[str, Any]) -> str:
    parts = ["# Results\n\nWritten by `make bench`; docs/benchmarks.md says what the numbers mean.\n"]
    for name, result in found.items():
        failed = f" It ended with status {result['status']}." if result["status"] else ""
        printed = "\n".join(result["printed"])
        parts.append(f"## {name}\n\n{result['time']}, {result['machine']}.{failed}\n\n```text\n{printed}\n```\n")
    return "\n".join(parts)


def _machine() -> str:
    """Describe this machine, and what else it does."""
    model = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    return (
        f"{os.cpu_count()} cores ({model[1] if model else platform.machine()}), {memory:.0f} GB,"
        f" Linux {platform.release()}, Python {platform.python_version()}, load {os.getloadavg()[0]:.1f} afterwards"
    )


if __name__ == "__main__":
    sys.exit(main())
