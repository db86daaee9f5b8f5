"""`khutulun plugin new`, `khutulun plugin check`: what they make, and what they refuse (R36, R90)."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import puccini
from khutulun.cli import application
from khutulun.testing.drivers import description

ROOT = Path(__file__).parents[3]


def new(*arguments: str) -> int:
    return application.run(["plugin", "new", *arguments])


def test_r36_a_new_driver_is_a_whole_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert new("my-tool", "--directory", str(tmp_path)) == 0
    made = {str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*") if file.is_file()}
    said = capsys.readouterr()
    assert {Path(line).relative_to(tmp_path).as_posix() for line in said.out.splitlines()} == made
    assert "khutulun plugin check" in said.err
    assert not [file for file in made if "sample" in file.lower()]
    for file in made:
        assert "sample" not in (tmp_path / file).read_text().lower(), file


def test_r36_its_example_compiles_and_its_tests_pass(tmp_path: Path) -> None:
    assert new("my-tool", "--directory", str(tmp_path)) == 0
    folder = tmp_path / "my-tool"
    catalogs = [puccini.FolderCatalog([folder / "profiles", ROOT / "profiles"])]
    loaded = puccini.load(puccini.FolderSource(folder / "examples/greeting"), "service.yaml", catalogs)
    assert list(loaded.diagnostics) == []
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=dict(os.environ), check=False)
    assert done.returncode == 0, done.stdout
    assert description.read(folder).kit.node == "thing"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Blink", "no driver can be called 'Blink'"),
        ("a--b", "no driver can be called 'a--b'"),
        ("../up", "no driver can be called '../up'"),
        ("x" * 41, "no driver can be called"),
        ("process", "'process' is a built-in driver"),
        ("sample", "every new driver is made from it"),
    ],
)
def test_a_name_that_cannot_be_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, message: str
) -> None:
    assert new(name, "--directory", str(tmp_path)) == 1
    said = capsys.readouterr().err
    assert message in said
    assert "hint: " in said
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_there_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "blink").mkdir()
    assert new("blink", "--directory", str(tmp_path)) == 1
    assert "blink is there already" in capsys.readouterr().err
    assert list((tmp_path / "blink").iterdir()) == []


def test_a_place_that_is_no_folder_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    assert new("blink", "--directory", str(tmp_path / "file")) == 1
    assert "cannot be made: Not a directory" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "No such file or directory"),
        ("node: [", "kit.yaml"),
        ("just words", "it is no map"),
        ("node: a\nlook: b\n", "missing required field `updated`"),
        ("node: a\nlook: b\nupdated: {}\nfautls: {}\n", "unknown field `fautls`"),
        ("node: a\nlook: b\nupdated: {}\nomit: { nothing: x }\n", "nothing"),
    ],
)
def test_a_wrong_description_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str | None, message: str
) -> None:
    if text is not None:
        (tmp_path / "tests/kit").mkdir(parents=True)
        (tmp_path / "tests/kit/kit.yaml").write_text(text)
    assert application.run(["plugin", "check", str(tmp_path)]) == 1
    said = capsys.readouterr().err
    assert message in said
    assert "docs/drivers.md" in said


def test_a_row_that_there_is_not_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert application.run(["plugin", "check", str(tmp_path), "--only", "everything"]) == 1
    assert "there is no row 'everything'; there are plan, twice" in capsys.readouterr().err
