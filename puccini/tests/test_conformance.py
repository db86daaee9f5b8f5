"""The processor tests of the OASIS TOSCA community, where they are at hand (T173, T174, R80).

They are read from ``tosca-conformance`` beside a ``shared`` folder next to this repository, or from the folder that the
environment variable TOSCA_CONFORMANCE names. Two cases import a profile by name and two a file that is not with the
cases: those are in ``conformance/``. ``conformance/known.tsv`` lists exactly the cases that are not decided as the
suite says, and why; it can only become shorter.
"""

import csv
import os
from pathlib import Path

import pytest

import puccini

HERE = Path(__file__).parent / "conformance"
REPOSITORY = Path(__file__).parents[2]
SUITE = Path(os.environ.get("TOSCA_CONFORMANCE", REPOSITORY.parent / "shared" / "tosca-conformance"))


class Completed:
    """The folder of a case, completed by files that are not there."""

    name = ""

    def __init__(self, folder: Path, more: Path) -> None:
        self._sources = [puccini.FolderSource(folder), puccini.FolderSource(more)]
        self.root = str(folder)

    def read(self, path: str) -> bytes:
        return next((one for one in self._sources if one.exists(path)), self._sources[0]).read(path)

    def exists(self, path: str) -> bool:
        return any(one.exists(path) for one in self._sources)


def table(path: Path) -> list[dict[str, str]]:
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


CASES = table(SUITE / "cases.tsv")
KNOWN = {row["case"] for row in table(HERE / "known.tsv")}


def accepted(case: str) -> bool:
    path = SUITE / "cases" / case
    source = Completed(path.parent, HERE / "missing" / Path(case).parent)
    loaded = puccini.load(source, path.name, puccini.FolderCatalog([HERE / "profiles"]))
    for found in loaded.diagnostics:
        assert found.message
        assert found.line > 0
    return not loaded.failed


if CASES:

    @pytest.mark.parametrize("row", CASES, ids=lambda row: row["case"])
    def test_case_is_decided_as_the_suite_says(row: dict[str, str]) -> None:
        right = accepted(row["case"]) == (row["expected"] == "valid")
        assert right == (row["case"] not in KNOWN), "known.tsv is not exact" if right else "decided otherwise"


def test_only_disputed_cases_are_decided_otherwise() -> None:
    disputed = {row["case"] for row in CASES if row["disputed"]}
    assert not CASES or disputed >= KNOWN


def test_every_case_is_accepted_or_refused_when_strict() -> None:
    """A crash is never a decision."""
    for row in CASES:
        path = SUITE / "cases" / row["case"]
        puccini.load(puccini.FolderSource(path.parent), path.name, strict=True)
