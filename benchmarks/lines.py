"""Lines of a benchmark's result: printed as they come, and kept for ``--json``. Used by the benchmarks on hosts."""

import argparse
import json
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

WIDTH = 58


class Lines:
    """What one benchmark found. Nothing is judged by an exit status: numbers depend on the machine."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._found: list[dict[str, Any]] = []

    def add(self, what: str, value: float, unit: str, *, limit: float | None = None, **more: Any) -> None:
        """Print a number, with its limit when it has one."""
        line = {"name": what, "value": round(value, 3), "unit": unit}
        told = ""
        if limit is not None:
            line["limit"] = limit
            told = f"   limit {limit:g} {unit}: {'reached' if value <= limit else 'MISSED'}"
        self._found.append(line | more)
        print(f"{what:{WIDTH}}{value:12,.2f} {unit}{told}", flush=True)

    def times(
        self, what: str, seconds: Sequence[float], *, median: float | None = None, p99: float | None = None
    ) -> float:
        """Print median and 99th percentile of some times, each with its limit in milliseconds; return the median."""
        found = sorted(second * 1000 for second in seconds)
        middle = statistics.median(found)
        self.add(f"{what}: median", middle, "ms", limit=median, count=len(found))
        if len(found) >= 20:
            self.add(f"{what}: p99", found[min(len(found) - 1, int(len(found) * 0.99))], "ms", limit=p99)
        return middle

    def write(self, file: Path | None) -> None:
        """Write what was found."""
        if file is not None:
            file.write_text(json.dumps({"name": self._name, "results": self._found}, indent=2) + "\n")


def options(doc: str | None) -> argparse.ArgumentParser:
    """Return a parser that knows what all benchmarks know."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="also write the results here")
    return parser
