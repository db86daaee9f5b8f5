"""Names in webs of files are those that imports give one by one: circles, diamonds, namespaces (T16, T21, T22)."""

import random
from typing import Any

import pytest

import puccini
from puccini.diagnostics import Report
from puccini.grammar.types import Kind
from puccini.loader import Loader
from puccini.units import Found, Unit

HEAD = "tosca_definitions_version: tosca_2_0\n"


def tree(chance: random.Random) -> dict[str, str]:
    """Return files with random imports, some into namespaces, and types of which some have the same name."""
    count = chance.randint(1, 9)
    files = {}
    for number in range(count):
        text = HEAD + "imports:\n"
        for _ in range(chance.randint(0, 4)):
            url = f"f{chance.randrange(count)}.yaml"
            text += (
                f"- {{ url: {url}, namespace: n{chance.randrange(2)} }}\n" if chance.random() < 0.3 else f"- {url}\n"
            )
        text = text if "- " in text else text.replace("imports:\n", "")
        names = {f"T{number}", f"T{chance.randrange(12)}", f"T{chance.randrange(40)}"}
        text += "data_types:\n" + "".join(f"  {name}: {{ derived_from: string }}\n" for name in sorted(names))
        files[f"f{number}.yaml"] = text
    return files


@pytest.mark.parametrize("seed", range(60))
def test_t21_names_are_what_imports_give_one_by_one(seed: int, memory: Any) -> None:
    chance = random.Random(seed)
    loader = Loader([], Report())
    loader.load(memory(tree(chance)), "f0.yaml")
    names = [f"T{number}" for number in range(40)]
    names += [f"{space}:{name}" for space in ("n0", "n1", "n0:n1", "n1:n0:n0") for name in names[:12]]
    for unit in loader.units:
        for name in names:
            found, expected = unit.type(Kind.DATA, name), alone(unit, name)
            assert found == expected, (unit, name)


def alone(unit: Unit, name: str) -> Found | None:
    """Return what following imports one by one gives."""
    local = ((one, one.local("data_types").get(rest)) for one, rest in unit._meanings(name))
    return next((Found(one, found) for one, found in local if found is not None), None)


def test_t16_a_large_circle_is_no_work(memory: Any) -> None:
    """T16: what each file sees is found once for the whole circle."""
    count = 400
    files = {}
    for number in range(count):
        imports = "".join(f"- f{(number + step) % count}.yaml\n" for step in (1, 2, 3, 5, 8, 13, 21, 34))
        types = (
            f"data_types:\n  T{number}: {{ derived_from: T{number + 7} }}\n"
            if number % 10
            else (f"data_types:\n  T{number}: {{ derived_from: string }}\n")
        )
        files[f"f{number}.yaml"] = f"{HEAD}imports:\n{imports}{types}"
    files[f"f{count - 1}.yaml"] += "".join(f"  T{count + more}: {{ derived_from: string }}\n" for more in range(7))
    source = memory(files)
    loaded = puccini.load(source, "f0.yaml")
    assert [str(one) for one in loaded.diagnostics if one.code != "too-deep"] == []
    assert sorted(source.reads) == sorted(files)


def test_t22_a_name_that_two_files_of_a_circle_define(memory: Any) -> None:
    """T22: each import that brings the second definition is told."""
    files = {
        "a.yaml": HEAD + "imports: [ b.yaml, c.yaml ]\n",
        "b.yaml": HEAD + "imports: [ a.yaml ]\ndata_types:\n  T: { derived_from: string }\n",
        "c.yaml": HEAD + "imports: [ a.yaml ]\ndata_types:\n  T: { derived_from: integer }\n",
    }
    found = puccini.load(memory(files), "a.yaml").diagnostics
    assert ("duplicate-name", "a.yaml") in {(one.code, one.file) for one in found}
    assert {one.code for one in found} <= {"duplicate-name", "redefined-type"}
