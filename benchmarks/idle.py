"""What a server costs while nothing happens: 100 workloads on a booted host, 60 seconds, beside the host's systemd.

    python -m benchmarks.idle [--workloads N] [--seconds N] [--json FILE]

A wake-up is a context switch of any thread of the process, as the kernel counts them. Needs root and the packages that
testbed/README.md names.
"""

import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from testbed.host import Host
from testbed.lab import Lab

from benchmarks import lines, process

WAKE_UPS = 0
RESIDENT = 60.0
"""Megabytes."""

SETTLING = 30.0
"""Seconds after the last work in which memory is given back; nothing is measured before."""


@dataclass(frozen=True)
class Usage:
    """What a process has used so far, and what it holds. Memory is in megabytes."""

    wake_ups: int
    processor: float
    resident: float
    proportional: float
    unique: float
    threads: int


def main() -> int:
    parser = lines.options(__doc__)
    parser.add_argument("--workloads", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=60.0)
    given = parser.parse_args()
    found = lines.Lines("idle")
    with Lab() as lab:
        host = lab.boot("one")
        host.write("/root/service.yaml", process.TEMPLATE.format(count=given.workloads, transient="false"))
        with host.popen(["khutulun", "serve"]) as server:
            assert "serving at" in server.read_line()
            began = time.perf_counter()
            host.run(["khutulun", "service", "deploy", "/root/service.yaml", "--name", "idle"])
            found.add(f"deploying {given.workloads} workloads", time.perf_counter() - began, "s")
            _measure(found, "after deploying", host, server.pid, given.seconds)
            server.signal(15)
            server.wait()
        with host.popen(["khutulun", "serve"]) as server:
            began = time.perf_counter()
            assert "serving at" in server.read_line()
            found.add(f"starting again with {given.workloads} workloads", time.perf_counter() - began, "s")
            _measure(found, "after starting again", host, server.pid, given.seconds)
    found.write(given.json)
    return 0


def _measure(found: lines.Lines, when: str, host: Host, server: int, seconds: float) -> None:
    time.sleep(SETTLING)
    watched = {"khutulun": server, "systemd": host.leader}
    before = {name: usage(pid) for name, pid in watched.items()}
    time.sleep(seconds)
    after = {name: usage(pid) for name, pid in watched.items()}
    for name in watched:
        ours = name == "khutulun"
        about = f"{name}, {when}"
        woken = after[name].wake_ups - before[name].wake_ups
        found.add(f"{about}: wake-ups in {seconds:g} s", woken, "", limit=WAKE_UPS if ours else None)
        found.add(f"{about}: processor time", (after[name].processor - before[name].processor) * 1000, "ms")
        found.add(f"{about}: resident (RSS)", after[name].resident, "MB", limit=RESIDENT if ours else None)
        found.add(f"{about}: proportional (PSS)", after[name].proportional, "MB")
        found.add(f"{about}: unique (USS)", after[name].unique, "MB")
        found.add(f"{about}: threads", after[name].threads, "")


def usage(pid: int) -> Usage:
    """Read what the kernel tells of a process and all its threads."""
    tasks = [_fields(path) for path in Path(f"/proc/{pid}/task").glob("*/status")]
    switches = ("voluntary_ctxt_switches", "nonvoluntary_ctxt_switches")
    memory = _fields(Path(f"/proc/{pid}/smaps_rollup"))
    times = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return Usage(
        wake_ups=sum(int(task[name]) for task in tasks for name in switches),
        processor=(int(times[11]) + int(times[12])) / os.sysconf("SC_CLK_TCK"),
        resident=_megabytes(memory["Rss"]),
        proportional=_megabytes(memory["Pss"]),
        unique=_megabytes(memory["Private_Clean"]) + _megabytes(memory["Private_Dirty"]),
        threads=len(tasks),
    )


def _fields(file: Path) -> dict[str, str]:
    pairs = (line.partition(":") for line in file.read_text().splitlines())
    return {name: value.strip() for name, separator, value in pairs if separator}


def _megabytes(value: str) -> float:
    return int(value.removesuffix(" kB")) / 1024


if __name__ == "__main__":
    sys.exit(main())
