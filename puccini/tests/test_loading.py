"""Loading: files, profiles, positions, several errors at once (T10, T16, T19, R81)."""

from pathlib import Path
from typing import Any

import puccini
from puccini.diagnostics import Severity

PROFILE = "tosca_definitions_version: tosca_2_0\nprofile: base:1.0\nimports: [ more.yaml ]\nnode_types: { A: {} }\n"
MORE = "tosca_definitions_version: tosca_2_0\nnode_types: { B: {} }\n"


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_yaml", ".yaml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def test_each_file_is_read_once(memory: Any) -> None:
    """T16"""
    version = "tosca_definitions_version: tosca_2_0\n"
    source = memory(
        {
            "main.yaml": version + "imports: [ a.yaml, b.yaml, ./a.yaml, { url: a.yaml, namespace: again } ]\n",
            "a.yaml": version + "imports: [ b.yaml, main.yaml ]\n",
            "b.yaml": version + "imports: [ a.yaml ]\n",
        }
    )
    loaded = puccini.load(source, "main.yaml")
    assert not loaded.diagnostics
    assert sorted(source.reads) == ["a.yaml", "b.yaml", "main.yaml"]
    assert [path for _, path in loaded.files] == ["main.yaml", "a.yaml", "b.yaml"]


def test_profiles_name_what_they_import(tmp_path: Path) -> None:
    """T19: a profile's name applies to the files it imports; other files are named by their path."""
    write(tmp_path, profiles__base__1_0__profile_yaml=PROFILE, profiles__base__1_0__more_yaml=MORE)
    (tmp_path / "profiles" / "base" / "1_0").rename(tmp_path / "profiles" / "base" / "1.0")
    write(
        tmp_path,
        service__main_yaml=(
            "tosca_definitions_version: tosca_2_0\n"
            "imports: [ { profile: base:1.0 }, lib/own.yaml ]\n"
            "node_types: { M: { derived_from: C } }\n"
            "service_template: { node_templates: { a: { type: A }, b: { type: B }, m: { type: M } } }\n"
        ),
        service__lib__own_yaml="tosca_definitions_version: tosca_2_0\nnode_types: { C: { derived_from: D }, D: {} }\n",
    )
    catalog = puccini.FolderCatalog([tmp_path / "none", tmp_path / "profiles"])
    assert catalog.names() == ["base:1.0"]
    loaded = puccini.load(puccini.FolderSource(tmp_path / "service"), "main.yaml", catalog)
    assert not loaded.diagnostics
    bundle = puccini.compile(loaded)
    classes = {one.name: one.classes for one in bundle.vertexes}
    assert classes["a"] == ("base:1.0::A", "tosca:node")
    assert classes["b"] == ("base:1.0::B", "tosca:node")
    assert classes["m"] == ("main.yaml::M", "lib/own.yaml::C", "lib/own.yaml::D", "tosca:node")


def test_a_folder_does_not_let_out(tmp_path: Path) -> None:
    """T163: neither by path nor by link."""
    write(tmp_path, secret_yaml=MORE)
    folder = write(tmp_path / "service", main_yaml="tosca_definitions_version: tosca_2_0\nimports: [ link.yaml ]\n")
    (folder / "link.yaml").symlink_to(tmp_path / "secret.yaml")
    loaded = puccini.load(puccini.FolderSource(folder), "main.yaml")
    assert [found.code for found in loaded.diagnostics] == ["import-failed"]
    assert "leads out of" in loaded.diagnostics[0].message


def test_an_entry_that_is_not_there(tmp_path: Path) -> None:
    loaded = puccini.load(puccini.FolderSource(tmp_path), "main.yaml")
    assert [(found.code, found.file, found.line) for found in loaded.diagnostics] == [
        ("unreadable-file", "main.yaml", 0)
    ]
    assert loaded.failed
    assert puccini.render(loaded.diagnostics, loaded.text).splitlines()[-1] == "1 error"


def test_all_independent_errors_in_one_run_with_everything_that_helps(load: Any) -> None:
    """R81, T10: file, line, column, end, object path, hint, and the other place."""
    loaded = load(
        "node_types:\n"
        "  Server:\n"
        "    properties:\n"
        "      port: { type: integr }\n"
        "      name: { type: string }\n"
        "service_template:\n"
        "  node_templates:\n"
        "    web: { type: Servr }\n"
        "    app:\n"
        "      type: Server\n"
        "      properties: { nmae: x }\n"
    )
    found = [(one.code, one.line, one.column, one.end_column, one.path, one.hint) for one in loaded.diagnostics]
    assert found == [
        ("unknown-type", 5, 21, 27, "node_types/Server/properties/port/type", "did you mean 'integer'?"),
        ("unknown-type", 9, 18, 23, "service_template/node_templates/web/type", "did you mean 'Server'?"),
        ("missing-property", 10, 5, 8, "service_template/node_templates/app", "assign it under 'properties'"),
        ("unknown-property", 12, 21, 25, "service_template/node_templates/app/properties/nmae", "did you mean 'name'?"),
    ]
    related = loaded.diagnostics[2].related[0]
    assert (related.file, related.line) == ("main.yaml", 5)


def test_diagnostics_are_shown_with_their_line(load: Any) -> None:
    loaded = load("node_types:\n  A: { derived_from: Bb }\n  B: {}\n")
    assert puccini.render(loaded.diagnostics, loaded.text).splitlines() == [
        "main.yaml:3:22: error: there is no node type 'Bb' [unknown-type]",
        "  in node_types/A/derived_from",
        "  3 |   A: { derived_from: Bb }",
        "    |                      ^^",
        "  hint: did you mean 'B'?",
        "1 error",
    ]


def test_what_is_shown_is_bounded(load: Any) -> None:
    types = "".join(f"  A{number}: {{ derived_from: Missing{number} }}\n" for number in range(300))
    loaded = load("node_types:\n" + types)
    assert len(loaded.diagnostics) == 300
    assert "... and 100 more" in puccini.render(loaded.diagnostics, loaded.text)


def test_strict_makes_errors_of_warnings(load: Any) -> None:
    text = "node_types: { N: { properties: { p: { type: list } } } }\n"
    (warning,) = load(text).diagnostics
    (error,) = load(text, strict=True).diagnostics
    assert (warning.severity, error.severity) == (Severity.WARNING, Severity.ERROR)
    assert warning.code == error.code
    assert not load(text).failed
    assert load(text, strict=True).failed


def test_all_files_of_a_service_are_known(tmp_path: Path) -> None:
    """What packing a service into an archive needs: TOSCA files and artifacts."""
    write(
        tmp_path,
        main_yaml=(
            "tosca_definitions_version: tosca_2_0\n"
            "imports: [ lib/types.yaml ]\n"
            "service_template: { node_templates: { n: { type: N, artifacts: { x: { type: A, file: data/x } } } } }\n"
        ),
        lib__types_yaml=(
            "tosca_definitions_version: tosca_2_0\n"
            "artifact_types: { A: {} }\n"
            "node_types: { N: { artifacts: { y: { type: A, file: y }, z: { type: A, file: a-name } } } }\n"
        ),
        lib__y="Y",
        data__x="X",
    )
    loaded = puccini.load(puccini.FolderSource(tmp_path), "main.yaml")
    assert [path for _, path in loaded.files] == ["main.yaml", "lib/types.yaml"]
    assert [path for _, path in loaded.artifacts] == ["data/x", "lib/y"]
    assert dict(puccini.blobs(loaded)) == {"data/x": b"X", "lib/y": b"Y"}
    assert sorted(puccini.compile(loaded).blobs) == ["data/x", "lib/y"]


def test_a_long_chain_of_imports(memory: Any) -> None:
    version = "tosca_definitions_version: tosca_2_0\n"
    files = {f"f{n}.yaml": version + f"imports: [ f{n + 1}.yaml ]\n" for n in range(500)}
    files["f500.yaml"] = version + "node_types: { Last: {} }\n"
    files["main.yaml"] = version + "imports: [ f0.yaml ]\nnode_types: { N: { derived_from: Last } }\n"
    loaded = puccini.load(memory(files), "main.yaml")
    assert not loaded.diagnostics
    assert len(loaded.files) == 502


def test_a_long_chain_of_types(load: Any) -> None:
    types = "".join(f"  T{n}: {{ derived_from: T{n + 1} }}\n" for n in range(3000))
    loaded = load("node_types:\n" + types + "  T3000: {}\n")
    assert {found.code for found in loaded.diagnostics} == {"too-deep"}


def test_types_that_would_explode_when_written_out(load: Any) -> None:
    """Each level holds the next twice: 2 ** 60 values, if all were there."""
    levels = "".join(
        f"  T{n}:\n    properties:\n"
        f"      a: {{ type: T{n + 1}, required: false }}\n      b: {{ type: T{n + 1}, required: false }}\n"
        for n in range(60)
    )
    loaded = load(
        "data_types:\n" + levels + "  T60: { properties: { x: { type: integer } } }\n"
        "node_types: { N: { properties: { p: { type: T0 } } } }\n"
        "service_template: { node_templates: { n: { type: N, properties: { p: { a: { b: {} } } } } } }\n"
    )
    assert not loaded.diagnostics
    bundle = puccini.compile(loaded)
    (node,) = [one for one in bundle.vertexes if one.name == "n"]
    assert node.properties["p"].preparer is not None
    assert len(str(node.properties["p"].preparer)) < 20_000


def test_a_long_chain_of_types_in_types(load: Any) -> None:
    levels = "".join(f"  T{n}: {{ properties: {{ a: {{ type: T{n + 1}, default: {{}} }} }} }}\n" for n in range(400))
    lists = "".join(f"  L{n}: {{ derived_from: list, entry_schema: L{n + 1} }}\n" for n in range(400))
    loaded = load(
        "data_types:\n"
        + levels
        + "  T400: { properties: { x: { type: integer, default: 1 } } }\n"
        + lists
        + "  L400: { derived_from: list, entry_schema: integer }\n"
        "node_types: { N: { properties: { p: { type: T0, default: {} }, l: { type: L0, default: [ [] ] } } } }\n"
        "service_template: { node_templates: { n: { type: N } } }\n"
    )
    assert {found.code for found in loaded.diagnostics} <= {"too-deep"}
