"""Fuzzes for as long as is wanted: ``python puccini/tests/fuzz [SECONDS] [SEED]``.

What crashes is made small, written to ``regressions/`` and shown. Exit status 1 when there was anything.
"""

import hashlib
import sys
import time
import traceback

from fuzzing import REGRESSIONS, Fuzzer, reduced  # type: ignore[import-not-found]

ROUNDS = 200


def main() -> int:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 600.0
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else time.time_ns()
    fuzzer = Fuzzer(seed)
    known: set[str] = set()
    start, done = time.monotonic(), 0
    print(f"seed {seed}, {len(fuzzer.corpus)} inputs to begin with", flush=True)
    while time.monotonic() - start < seconds:
        for found, crash in fuzzer.run(ROUNDS):
            where = traceback.extract_tb((crash.__cause__ or crash).__traceback__)[-1]
            place = f"{where.filename}:{where.lineno}"
            if place in known:
                continue
            known.add(place)
            small = reduced(found)
            name = hashlib.sha256(small.data).hexdigest()[:12] + "." + (small.archive or "yaml")
            (REGRESSIONS / name).write_bytes(small.data)
            print(f"{name}: {crash} at {place}", flush=True)
        done += ROUNDS
        print(f"{done} inputs, {len(fuzzer.coverage.edges)} edges, {len(fuzzer.corpus)} kept", flush=True)
    return 1 if known else 0


if __name__ == "__main__":
    sys.exit(main())
