"""The conformance kit over the built-in drivers, on each kind of machine: ``python -m testbed conformance [NAME…]``.

What was seen is a page in each driver's folder. A test runs the kit too, and compares.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import msgspec

from khutulun.testing.drivers import description, report
from testbed import bare, drivers, lab, processes
from testbed.machine import Machine

PAGE = "conformance.md"
MACHINE = "tests/kit/machine.sh"
SYSTEMD, NONE = "with systemd", "without systemd"


def described() -> list[Path]:
    """Return the folders of the drivers that describe themselves to the kit."""
    return [folder for folder in drivers.folders() if (folder / description.FILE).exists()]


def paged() -> list[Path]:
    """Return the folders of the drivers whose page says what the kit saw: it has to see that again."""
    return [folder for folder in described() if (folder / PAGE).exists()]


def check(machine: Machine, folder: Path) -> report.Report:
    """Make a machine ready and run the kit over a driver there. Raises `processes.TestBedError` when it cannot."""
    if (folder / MACHINE).exists():
        machine.run(["sh", str(folder / MACHINE)])
    command = ["khutulun", "plugin", "check", str(folder), "--output", "json"]
    done = machine.run(command, check=False)
    try:
        return msgspec.json.decode(done.stdout, type=report.Report)
    except msgspec.DecodeError:
        raise processes.TestBedError(f"{machine.name}: {' '.join(command)}: {done.stderr or done.stdout}") from None


def write(folder: Path) -> bool:
    """Run the kit over a driver on every kind of machine and write its page; return whether all is well."""
    found = {}
    for kind in (SYSTEMD, NONE):
        with _machine(kind) as machine:
            found[kind] = check(machine, folder)
            print("\n".join(report.lines(found[kind])), flush=True)
    (folder / PAGE).write_text(page(folder.name, found))
    return all(each.good for each in found.values())


def page(name: str, found: dict[str, report.Report]) -> str:
    """Return the page of a driver."""
    tools = "".join(f"* {kind}: {each.version}\n" for kind, each in found.items() if each.version)
    return f"""# Conformance of `{name}`

What the [conformance kit](../../docs/drivers.md#the-conformance-kit) saw, with the real tools:

{tools}
{report.table(found)}
`python -m testbed conformance {name}` makes this page anew.
"""


def shown(folder: Path, kind: str) -> dict[str, bool]:
    """Return from a driver's page, by row, whether it applies on a kind of machine."""
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in _table(folder)]
    column = lines[0].index(kind)
    return {cells[0]: cells[column] == report.WORDS[report.Verdict.TRUE] for cells in lines[2:]}


def _table(folder: Path) -> list[str]:
    return [line for line in (folder / PAGE).read_text().splitlines() if line.startswith("|")]


@contextlib.contextmanager
def _machine(kind: str) -> Iterator[Machine]:
    if kind == NONE:
        with bare.Bare() as made:
            yield made
    else:
        with lab.Lab() as ground:
            yield ground.boot("kit")
