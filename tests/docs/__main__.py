"""Follow pages and show what is really seen: ``python -m tests.docs bare|host PAGE…``. For those who write pages."""

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

from testbed.bare import Bare
from testbed.lab import Lab
from testbed.machine import Machine
from tests.docs import reader


@contextlib.contextmanager
def machine(kind: str) -> Iterator[Machine]:
    if kind == "bare":
        with Bare() as bare:
            yield bare
    else:
        with Lab() as lab:
            yield lab.boot("docs")


def main() -> int:
    kind, *names = sys.argv[1:]
    differs = False
    for name in names:
        with machine(kind) as here, reader.reading(here) as someone:
            for command, seen, problem in someone.follow(Path(name).read_text()):
                differs |= problem is not None
                print(*seen.lines, sep="\n")
                if seen.status:
                    print(f"[{seen.status}]")
                if problem is not None:
                    print(f"! {name}:{command.line} is not what the page shows")
    return int(differs)


if __name__ == "__main__":
    sys.exit(main())
