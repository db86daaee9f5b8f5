"""Files are put in form, and say what they said (R101)."""

import re
import shutil
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml as pyyaml
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import puccini
from floria import codec
from puccini import formatting, yaml
from puccini.cli import opening

FOLDER = Path(__file__).parent
ROOT = FOLDER.parents[2]
CASES = ROOT / "puccini/tests/cases"
REAL = ROOT / "puccini/tests/dialects/real"
WITH_COMMENTS = [
    (FOLDER / "before.yaml").read_text(),
    (REAL / "heat/volumes.yaml").read_text(),
    (REAL / "deployed/service.yaml").read_text(),
]
EXAMPLES = (*ROOT.glob("examples/*"), *ROOT.glob("plugins/*/examples/*"))
FILES = sorted([*(file for one in EXAMPLES for file in one.glob("*.yaml")), *ROOT.glob("profiles/**/profile.yaml")])


def comments(text: str) -> list[str]:
    return sorted(" ".join(one.split()) for one in re.findall(r"(?:^|\s)(#.*)", text))


def test_one_of_everything() -> None:
    """R101: order, indentation, blanks, empty lines; comments, texts and brackets of several lines as they were."""
    assert formatting.format((FOLDER / "before.yaml").read_text()) == (FOLDER / "after.yaml").read_text()


@pytest.mark.parametrize("file", FILES, ids=lambda one: str(one.relative_to(ROOT)))
def test_what_is_in_form_stays_so(file: Path) -> None:
    """R101: twice is once; every comment is kept."""
    text = file.read_text()
    once = formatting.format(text, file.name)
    assert formatting.format(once, file.name) == once
    assert comments(once) == comments(text)


@pytest.mark.parametrize("file", sorted(CASES.glob("*.yaml")), ids=lambda one: one.stem)
def test_diagnostics_are_the_same(file: Path, memory: Any, catalog: Any) -> None:
    """R101: what is right stays right and what is wrong stays wrong, whatever it is."""
    for case in pyyaml.safe_load(file.read_text()):
        text = case["tosca"] if case.get("raw") else f"tosca_definitions_version: tosca_2_0\n{case['tosca']}"
        try:
            formed = formatting.format(text)
        except puccini.Failed:
            continue
        found = []
        for one in (text, formed):
            source = memory({"main.yaml": one, **case.get("files", {})})
            loaded = puccini.load(source, "main.yaml", catalog(case.get("profiles", {})))
            found.append(sorted((d.code, re.sub(r"'.*?'", "", d.message), d.path) for d in loaded.diagnostics))
        if "version-not-first" not in str(found[0]):
            assert found[1] == found[0], case["name"]


@pytest.mark.parametrize("folder", ["hello", "job", "scripts", "workflow"])
def test_the_compiled_service_is_the_same(folder: str, tmp_path: Path) -> None:
    """R101: but for the lines that it comes from."""
    (example,) = (one for one in EXAMPLES if one.name == folder)
    source = puccini.FolderSource(example)
    before = puccini.compile(puccini.load(source, "service.yaml", opening.catalogs([ROOT / "profiles"])), "x")
    for path in example.rglob("*"):
        if path.is_file():
            (tmp_path / path.relative_to(example)).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path.relative_to(example)).write_bytes(path.read_bytes())
    service = tmp_path / "service.yaml"
    service.write_text(formatting.format(service.read_text()))
    after = puccini.compile(
        puccini.load(puccini.FolderSource(tmp_path), "service.yaml", opening.catalogs([ROOT / "profiles"])), "x"
    )
    assert _without_lines(after) == _without_lines(before)


@pytest.mark.parametrize(
    "name", [one["file"] for one in pyyaml.safe_load((REAL / "index.yaml").read_text()) if "others" not in one]
)
def test_compiled_services_of_1_x_are_the_same(name: str, tmp_path: Path) -> None:
    """R101, R86: with anchors, merge keys and everything in brackets; all files that are touched are put in form."""
    before = puccini.compile(puccini.load(puccini.FolderSource(REAL), name), "x")
    shutil.copytree(REAL, tmp_path, dirs_exist_ok=True)
    for file in (*tmp_path.rglob("*.yaml"), *tmp_path.rglob("*.tosca")):
        if "tosca_definitions_version" in (text := file.read_text()):
            file.write_text(formatting.format(text))
    after = puccini.compile(puccini.load(puccini.FolderSource(tmp_path), name), "x")
    assert _without_lines(after) == _without_lines(before)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.data())
def test_comments_anywhere_are_kept(data: st.DataObject) -> None:
    """R101: on lines of their own and behind others, with empty lines; nothing changes, and twice is once."""
    lines = data.draw(st.sampled_from(WITH_COMMENTS)).split("\n")
    for number in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(lines) - 1))
        match data.draw(st.sampled_from(["own", "behind", "empty"])):
            case "own":
                lines.insert(at, f"{' ' * data.draw(st.integers(0, 8))}# own {number}")
            case "behind" if lines[at].strip():
                lines[at] += f"  # behind {number}"
            case _:
                lines.insert(at, "")
    text = "\n".join(lines)
    before = yaml.parse(text.encode(), "x")
    assume(not before.problems and before.complete)
    try:
        once = formatting.format(text)
    except puccini.Failed:
        return
    assert formatting.format(once) == once
    assert comments(once) == comments(text)
    assert formatting.same(before.value, yaml.parse(once.encode(), "x").value)


def _without_lines(bundle: Any) -> Any:
    plain = msgspec.json.decode(codec.encode_bundle(bundle, codec.Format.JSON))
    return re.sub(r"\.(yaml|tosca):\d+:\d+", "", msgspec.json.encode(_sorted(plain)).decode())


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: |\n   x\n   y", "a: |-\n  x\n  y\n"),
        ("a: |+\n  x\n\n\nb: 1\n", "a: |+\n  x\n\n\nb: 1\n"),
        ("a: |2\n    x\n  y\n", "a: |2\n    x\n  y\n"),
        ("a:   'x # y'   # z\n", "a: 'x # y'  # z\n"),
        ("a:\n- - 1\n  - 2\n-\n  b: 1\n", "a:\n- - 1\n  - 2\n- b: 1\n"),
        ("[ a,b ]: 1\n", "[ a, b ]: 1\n"),
        ("a: &x {b: 1}\nc: *x\n", "a: &x { b: 1 }\nc: *x\n"),
        ("a: b\r\nc: d  \r\n", "a: b\nc: d\n"),
        ("a: {b, c: 1}\n", "a: { b: , c: 1 }\n"),
        ("\ufeffa:  1\n", "a: 1\n"),
        ("--- # x\na: 1\n", "# x\na: 1\n"),
        ("a:\nb: ~\n", "a:\nb: ~\n"),
        ("a: [\n  1,\n  2 ] # x\n", "a: [\n  1,\n  2 ]  # x\n"),
        ("# one\n\n# two\na: 1\n\n\n# end\n", "# one\n\n# two\na: 1\n\n# end\n"),
        ("a: # one\n  b # two\n", "# one\na: b  # two\n"),
        ("a: !!str   12\nb: !!map\n    c: !!seq [1]\n", "a: !!str   12\nb: !!map\n  c: !!seq [ 1 ]\n"),
        ("%YAML 1.2\n---\n# x\na: 1\n", "%YAML 1.2\n---\n# x\na: 1\n"),
        ("? a # x\n: b # y\n? c\n", "# x\na: b  # y\nc:\n"),
        ("? [ a,b ]\n: c\n", "[ a, b ]: c\n"),
        ("? - a # x\n  - b\n# y\n: - c\n", "# y\n? - a  # x\n  - b\n: - c\n"),
        ("? |\n     x\n:\n     y: what?\n     z: 1\n", "? |\n  x\n: y: what?\n  z: 1\n"),
        ("? 'a\n  b'\n: 1\n", "? 'a\n  b'\n: 1\n"),
    ],
)
def test_small_things(text: str, expected: str) -> None:
    """R101."""
    assert formatting.format(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        *(
            "a: [\n",
            "",
            "a: b\u2028\n",
            "a: b\rc: d",
            "a: 1\n---\nb: 2\n",
            "a: !!timestamp 2025-01-01\n",
            "a: !own 1\n",
        ),
        *("%TAG !e! tag:example,2000:\n---\na: 1\n", "a:\n  &x\n  b: 1\n", "a:\n  !!map\n  b: 1\n"),
    ],
)
def test_what_cannot_be_kept_is_refused(text: str) -> None:
    """R101: rather than changed."""
    with pytest.raises(puccini.Failed) as failed:
        formatting.format(text, "x.yaml")
    assert all(one.file == "x.yaml" and one.message for one in failed.value.diagnostics)
