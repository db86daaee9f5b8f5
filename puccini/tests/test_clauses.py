"""What is generated conforms (section 18.5): files that are put in form, archives that are made of files.

Every case of ``cases/`` and ``standard/`` that is accepted without a word is one to try.
"""

from pathlib import Path
from typing import Any

import pytest

import puccini
from puccini import csar
from puccini.csar import packing, verification

from .test_cases import VERSION, cases

ACCEPTED = [one for one in cases() if not one.values[0].get("expect") and not one.values[0].get("raw")]


def test_there_is_something_to_try() -> None:
    assert len(ACCEPTED) > 20


@pytest.mark.parametrize("case", ACCEPTED)
def test_t176_a_file_that_was_put_in_form_conforms(case: dict[str, Any], memory: Any, catalog: Any) -> None:
    """T173, T176: it says the same, and is accepted without a word too."""
    written = puccini.format(VERSION + case["tosca"])
    source = memory({"main.yaml": written, **case.get("files", {})})
    loaded = puccini.load(source, "main.yaml", catalog(case.get("profiles", {})), strict=case.get("strict", False))
    assert [str(one) for one in loaded.diagnostics] == []
    assert puccini.format(written) == written


@pytest.mark.parametrize("case", [one for one in ACCEPTED if "service_template" in one.values[0]["tosca"]])
def test_t176_t177_an_archive_that_was_made_conforms(case: dict[str, Any], tmp_path: Path) -> None:
    """T176, T177: nothing is wrong with its structure, and its entry is the file."""
    files = {"main.yaml": VERSION + case["tosca"], **case.get("files", {})}
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with csar.open(packing.pack(tmp_path / "main.yaml")) as archive:
        assert archive.entry == "main.yaml"
        assert verification.verify(archive) == []
        assert set(archive.entries) >= {"TOSCA.meta", "main.yaml"}
