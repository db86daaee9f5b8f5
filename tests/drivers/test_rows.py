"""Every row of the conformance kit fails for a driver of which it is not true, and says what was seen (R36).

Each mutation is one change of the driver, or of what it says of itself, that `khutulun plugin new` makes.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest
from testbed.bare import Bare
from testbed.machine import Machine

from khutulun import model, scaffold
from khutulun.testing.drivers import description, report
from khutulun.testing.drivers.description import Row

DRIVER, KIT = "plugin.py", description.FILE


class Mutation(NamedTuple):
    """What stands in place of `old` in `file`, and what the kit says then."""

    file: str
    old: str
    new: str
    says: str


CREATES = "    context.files.make_folder(f"
LINKS = 'context.run("ln", "-sfn", available(site), enabled(site))'
STARTS = '''    return Result({"path": available(site)})


@plugin.verb()
def start(context: Context, site: Site, inputs: Inputs) -> Result:
    """Put it up."""
'''
FORGETFUL = STARTS.replace("    return", "    made.append(1)\n    return").replace(
    "\n\n\n", "\n\n\nmade: list[int] = []\n\n\n"
)
FORGETFUL += '    if not made:\n        raise Permanent("forgotten", "what was made is forgotten")\n'
MUTATIONS = {
    Row.PLAN: Mutation(
        DRIVER,
        LINKS,
        f'if not {LINKS}.recorded:\n        context.run("rm", "-f", enabled(site))',
        "planned .*, done .*rm",
    ),
    Row.TWICE: Mutation(
        DRIVER,
        "    return Result(state=State.STOPPED)",
        '        return Result({"path": "down"}, State.STOPPED)\n    return Result(state=State.STOPPED)',
        "stop returned .*, then ",
    ),
    Row.LOGS: Mutation(DRIVER, '["tail", *', '["true", *', "is not in the log"),
    Row.EXEC: Mutation(DRIVER, "Stream(Program.of(inputs).argv", 'Stream(["true"]', "said ''"),
    Row.DIFFERENCES: Mutation(DRIVER, '[Difference("text", text(site), found)]', "[]", "was not noticed"),
    Row.UPDATE: Mutation(
        DRIVER, '    """Apply changed properties.', '    return Result()\n    """', "shows no difference"
    ),
    Row.EVENTS: Mutation(DRIVER, "    id, machine, event = line.split()", "    return []", "no event 'failed' came"),
    Row.OFF: Mutation(KIT, "node: thing", "same: date +%N\nnode: thing", "it is not as it was"),
    Row.MISSED: Mutation(KIT, "cleanup: ", "ended: vanished\ncleanup: ", "no event 'vanished' came"),
    Row.LEFT: Mutation(DRIVER, "    context.files.remove(available(site))\n", "", "sample/available"),
    Row.KILLED: Mutation(DRIVER, STARTS, FORGETFUL, "effect . of create,configure,start: what was made is forgotten"),
    Row.MISSING: Mutation(DRIVER, LINKS, "context.files.write(enabled(site), text(site))", "deployed all the same"),
    Row.OLD: Mutation(KIT, "says: unrecognized", "says: too old", "does not match 'too old'"),
    Row.DEAD: Mutation(KIT, "omit:\n  dead: ", '  dead: { run: "true" } # ', "deployed all the same"),
    Row.FORBIDDEN: Mutation(KIT, '; read_only "$STATE/sample"', "", "deployed all the same"),
    Row.FULL: Mutation(KIT, '; full "$STATE/sample"', "", "deployed all the same"),
    Row.NAMES: Mutation(
        DRIVER,
        CREATES,
        f'    if not site.node.isascii():\n        raise Permanent("odd", "what a name")\n{CREATES}',
        "what a name",
    ),
    Row.SCRIPT: Mutation(KIT, "look: cat", "look: stat --dereference --format=%z", "by hand it is"),
    Row.ADOPT: Mutation(
        DRIVER,
        '    existing = str(inputs["existing"])\n',
        '    existing = str(inputs["existing"])\n'
        '    context.files.write(f"{folder(site)}/available/{existing}", "mine")\n',
        "it was restarted",
    ),
}
PATIENT = """
import sys
from khutulun import cli
from khutulun.testing.drivers import serving
serving.PATIENCE = 30.0
sys.exit(cli.main())
"""
"""The program `khutulun`, which does not wait as long for what does not come."""

AWAITED = (Row.EVENTS, Row.MISSED)


@pytest.fixture(scope="module")
def machine() -> Iterator[Bare]:
    """One bare machine for all mutations."""
    with Bare() as made:
        yield made


def mutated(machine: Machine, mutation: Mutation, name: str) -> str:
    """Return the folder of a new driver of this name with one change."""
    for path, text in scaffold.files(name):
        if path == mutation.file:
            old, new = (part.replace("sample", name) for part in (mutation.old, mutation.new))
            assert text.count(old) == 1, (path, old)
            text = text.replace(old, new)
        machine.write(f"/root/{name}/{path}", text)
    return f"/root/{name}"


def tried(machine: Machine, folder: str, row: Row) -> report.Result:
    """Return what the kit sees of one row."""
    program = ["python", "-c", PATIENT] if row in AWAITED else ["khutulun"]
    command = [*program, "plugin", "check", folder, "--only", row, "--output", "json"]
    done = machine.run(command, check=False)
    assert done.stdout, done.stderr
    (result,) = msgspec.json.decode(done.stdout, type=report.Report).results
    return result


def test_r36_there_is_a_mutation_for_every_row() -> None:
    assert list(MUTATIONS) == sorted(Row, key=list(MUTATIONS).index)


@pytest.mark.system
@pytest.mark.parametrize("row", Row)
def test_r36_a_row_fails_for_a_driver_of_which_it_is_not_true(machine: Bare, row: Row) -> None:
    mutation = MUTATIONS[row]
    found = tried(machine, mutated(machine, mutation, f"not-{row}"), row)
    assert found.verdict is report.Verdict.FALSE
    assert re.search(mutation.says.replace("sample", f"not-{row}"), found.words), found.words


@pytest.mark.system
def test_r36_what_nothing_is_said_about_is_not_passed_over(machine: Bare) -> None:
    silent = Mutation(KIT, "log: one ", "# ", "")
    found = tried(machine, mutated(machine, silent, "silent"), Row.LOGS)
    assert (found.verdict, "nothing about 'logs'" in found.words) == (report.Verdict.FALSE, True)


@pytest.mark.parametrize(
    ("omitted", "says"),
    [("killed: it is too hard", "cannot be omitted"), ("logs: '  '", "why the row 'logs' is omitted is not said")],
)
def test_r36_a_row_is_omitted_for_a_reason_or_not_at_all(tmp_path: Path, omitted: str, says: str) -> None:
    folder = scaffold.make("odd", tmp_path)
    kit = folder / KIT
    kit.write_text(f"{kit.read_text()}  {omitted}\n")
    with pytest.raises(model.Refused, match=says):
        description.read(folder)
