"""What the kit saw, as data and as the table that the documentation shows."""

from collections.abc import Mapping, Sequence
from enum import StrEnum

import msgspec

from khutulun.testing.drivers.description import TITLES, Row


class Verdict(StrEnum):
    """What came of a row."""

    TRUE = "true"
    FALSE = "false"
    OMITTED = "omitted"


class Result(msgspec.Struct, frozen=True):
    """A row: what was seen when it is not true, or why it does not apply. `seconds` is how long it took."""

    row: Row
    verdict: Verdict
    words: str = ""
    seconds: float = 0.0


class Report(msgspec.Struct, frozen=True):
    """Of one driver on one machine, with the tool's version there."""

    driver: str
    version: str
    results: tuple[Result, ...]

    @property
    def good(self) -> bool:
        return all(result.verdict is not Verdict.FALSE for result in self.results)


MARKS = {Verdict.TRUE: "✓", Verdict.FALSE: "✗", Verdict.OMITTED: "-"}
WORDS = {Verdict.TRUE: "yes", Verdict.FALSE: "**no**"}


def line(result: Result) -> str:
    """Return a row for people."""
    return f"{MARKS[result.verdict]} {TITLES[result.row]}{': ' if result.words else ''}{result.words}"


def lines(report: Report) -> list[str]:
    """Return the report for people: a line for each row, and the sum."""
    verdicts = [result.verdict for result in report.results]
    numbers = [verdicts.count(verdict) for verdict in Verdict]
    summary = "{}: {} true, {} false, {} do not apply".format(report.driver, *numbers)
    return [*map(line, report.results), summary]


def table(reports: Mapping[str, Report]) -> str:
    """Return the Markdown table of a driver's reports, by kind of machine."""
    notes: list[str] = []
    head = [f"| | {' | '.join(reports)} |", f"| --- |{' --- |' * len(reports)}"]
    rows = [f"| {TITLES[row]} | {' | '.join(_cells(row, list(reports.values()), notes))} |" for row in Row]
    tail = [f"{number}. {note}" for number, note in enumerate(notes, 1)]
    return "\n".join([*head, *rows, *([""] if tail else []), *tail]) + "\n"


def _cells(row: Row, reports: Sequence[Report], notes: list[str]) -> list[str]:
    cells = []
    for report in reports:
        result = next(each for each in report.results if each.row is row)
        mark = WORDS.get(result.verdict)
        if mark is None:
            if result.words not in notes:
                notes.append(result.words)
            mark = f"does not apply ({notes.index(result.words) + 1})"
        cells.append(mark)
    return cells
