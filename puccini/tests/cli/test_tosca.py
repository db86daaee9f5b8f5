"""``puccini-tosca`` as a user sees it (R81, R82, R83, R101)."""

import io
import sys
from pathlib import Path

import pytest
import yaml

from floria import codec
from puccini import csar

from .conftest import SERVICE, Run

BROKEN = SERVICE.replace("type: Machine, cap", "type: Machina, cap").replace("type: Web\n", "type: Wep\n")


def test_valid(run: Run, place: Path) -> None:
    """R101: exit 0, and it says so."""
    found = run("puccini-tosca", "validate", place / "service.yaml")
    assert found.code == 0
    assert found.out.endswith("service.yaml: valid\n")


def test_every_error_has_its_place(run: Run, place: Path) -> None:
    """R81: file, line, column, path, what would be right; exit 1."""
    (place / "service.yaml").write_text(BROKEN)
    found = run("puccini-tosca", "validate", place / "service.yaml")
    assert found.code == 1
    assert found.out.count("Machina") >= 2
    assert "service.yaml:39:" in found.out
    assert "did you mean 'Web'?" in found.out
    assert "node_templates/web/type" in found.out
    assert found.out.endswith("service.yaml: invalid\n")


def test_several_files_the_worst_decides(run: Run, place: Path) -> None:
    """R101: 3 when one of them cannot be read, 1 when one is invalid."""
    (place / "bad.yaml").write_text("tosca_definitions_version: [")
    good, bad = place / "service.yaml", place / "bad.yaml"
    assert run("puccini-tosca", "validate", good, bad).code == 1
    found = run("puccini-tosca", "validate", "nope.yaml", good, bad)
    assert found.code == 3
    assert "error: nope.yaml: No such file or directory" in found.err
    assert "hint: " in found.err
    assert "service.yaml: valid" in found.out


def test_diagnostics_as_data(run: Run, place: Path) -> None:
    """R101: the same as JSON and YAML."""
    (place / "service.yaml").write_text(BROKEN)
    found = run("puccini-tosca", "validate", "--output", "json", place / "service.yaml", "nope.yaml")
    assert found.code == 3
    first, second = found.data
    assert not first["valid"]
    assert {"code", "message", "file", "line", "column", "path"} <= set(first["diagnostics"][0])
    assert second == {"file": "nope.yaml", "valid": False, "error": second["error"], "hint": second["hint"]}
    found = run("puccini-tosca", "validate", "--output", "yaml", place / "service.yaml")
    assert yaml.safe_load(found.out)[0]["valid"] is False


def test_strict(run: Run, place: Path) -> None:
    """R80: what is against the letter of the Standard is a warning, or with --strict an error."""
    lax = SERVICE.replace(
        "label: { type: string, required: false }", "label: { type: string, required: false, default: x }"
    )
    (place / "service.yaml").write_text(lax)
    assert run("puccini-tosca", "validate", place / "service.yaml").code == 0
    assert run("puccini-tosca", "validate", "--strict", place / "service.yaml").code == 1


@pytest.mark.parametrize("name", ["shop.csar", "shop.tar.gz"])
def test_archives_and_folders(name: str, run: Run, place: Path) -> None:
    """R84: everything that takes a file takes an archive and a folder."""
    run("puccini-csar", "create", place, "--file", name)
    for path in (name, place):
        assert run("puccini-tosca", "validate", path).code == 0
        assert run("puccini-tosca", "instantiate", path).code == 0
    Path(name).write_bytes(Path(name).read_bytes()[:-20])
    found = run("puccini-tosca", "validate", name)
    assert found.code == 1
    assert f"error: {name}: " in found.err


def test_candidates_of_an_archive_are_checked_too(run: Run, place: Path) -> None:
    """T145: each must be valid by itself."""
    (place / "candidate.yaml").write_text(BROKEN)
    run(
        *("puccini-csar", "create", place, "--entry", "service.yaml"),
        *("--other", "candidate.yaml", "--file", "a.csar"),
    )
    found = run("puccini-tosca", "validate", "a.csar")
    assert found.code == 1
    assert "candidate.yaml:39:" in found.out


def test_a_folder_that_does_not_say_where_to_begin(run: Run, place: Path) -> None:
    (place / "second.yaml").write_text(SERVICE)
    found = run("puccini-tosca", "validate", place)
    assert found.code == 1
    assert "2 YAML files: second.yaml, service.yaml" in found.err
    (place / "TOSCA.meta").write_text("CSAR-Version: 2.0\nEntry-Definitions: second.yaml\n")
    assert run("puccini-tosca", "validate", place).code == 0


def test_profiles(run: Run, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """T17: by name, from folders that the command or the environment names."""
    profile = place.parent / "profiles" / "acme" / "1.0"
    profile.mkdir(parents=True)
    (profile / "profile.yaml").write_text("tosca_definitions_version: tosca_2_0\nprofile: acme:1.0\n")
    service = SERVICE.replace("artifact_types:", "imports:\n- profile: acme:1.0\nartifact_types:", 1)
    (place / "service.yaml").write_text(service)
    found = run("puccini-tosca", "validate", place / "service.yaml")
    assert found.code == 1
    assert "acme:1.0" in found.out
    assert run("puccini-tosca", "validate", "--profiles", "profiles", place / "service.yaml").code == 0
    monkeypatch.setenv("PUCCINI_PROFILES", f"{place}:{place.parent / 'profiles'}")
    assert run("puccini-tosca", "validate", place / "service.yaml").code == 0


def test_compile(run: Run, place: Path) -> None:
    """R82: a bundle that Floria reads, the same each time, as YAML and JSON."""
    found = run("puccini-tosca", "compile", place / "service.yaml")
    assert found.code == 0
    bundle = codec.decode_bundle(found.out.encode(), codec.Format.YAML)
    assert {"web", "big", "small"} <= {one.name for one in bundle.vertexes}
    assert run("puccini-tosca", "compile", place / "service.yaml").out == found.out
    as_json = run("puccini-tosca", "compile", "--output", "json", place / "service.yaml")
    assert codec.decode_bundle(as_json.out.encode(), codec.Format.JSON) == bundle
    assert run("puccini-tosca", "compile", place / "service.yaml", "-o", "out.json").out == ""
    assert codec.decode_bundle(Path("out.json").read_bytes(), codec.Format.JSON) == bundle
    assert run("puccini-tosca", "compile", place / "service.yaml", "-o", "out.yaml").code == 0
    assert codec.decode_bundle(Path("out.yaml").read_bytes(), codec.Format.YAML) == bundle
    assert run("puccini-tosca", "compile", place / "service.yaml", "-o", "no/such/folder.yaml").code == 3


def test_compile_refuses_what_is_invalid(run: Run, place: Path) -> None:
    """R81: diagnostics, nothing written."""
    (place / "service.yaml").write_text(BROKEN)
    found = run("puccini-tosca", "compile", place / "service.yaml", "-o", "out.yaml")
    assert found.code == 1
    assert "cannot be compiled" in found.err
    assert "Machina" in found.err
    assert not Path("out.yaml").exists()


def test_compile_needs_a_service(run: Run, place: Path) -> None:
    (place / "types.yaml").write_text("tosca_definitions_version: tosca_2_0\n")
    found = run("puccini-tosca", "compile", place / "types.yaml")
    assert found.code == 1
    assert "no service template" in found.err


def test_instantiate(run: Run, place: Path) -> None:
    """R82: graph, inputs, outputs, handlers, without any service running."""
    found = run("puccini-tosca", "instantiate", place / "service.yaml", "--input", "port=8080", "--event", "failed@web")
    assert found.code == 0
    assert "web[1]  (node, service.yaml::Web)" in found.out
    assert "host -> service/big/host" in found.out
    assert "ports = [8080,8081]" in found.out
    assert "url = (no value yet)" in found.out
    assert "service/web: on.failed would run (scripts/alert.sh)" in found.out


def test_instantiate_as_data(run: Run, place: Path) -> None:
    """R82: handlers with the inputs that their operations would get."""
    found = run(
        *("puccini-tosca", "instantiate", place / "service.yaml", "--output", "json"),
        *("--event", "standard.start@web[1]", "--event", "failed", "--event", "nothing"),
    )
    assert found.code == 0
    assert found.data["outputs"]["ports"] == {"value": [80, 81]}
    assert found.data["outputs"]["urls"]["code"] == "floria.unset"
    assert [edge["target"] for edge in found.data["edges"]] == ["service/big/host"] * 2
    start, failed, nothing = found.data["events"]
    assert [one["entity"] for one in start["handlers"]] == ["service/web[1]"]
    assert start["handlers"][0]["status"] == "done"
    assert start["handlers"][0]["inputs"]["port"] == {"value": 81}
    assert start["handlers"][0]["inputs"]["url"]["code"] == "floria.unset"
    assert start["handlers"][0]["detail"]["artifact"]["file"] == "scripts/start.sh"
    assert [one["entity"] for one in failed["handlers"]] == ["service/web", "service/web[1]"]
    assert nothing["handlers"] == []


LIMITS = """tosca_definitions_version: tosca_2_0
node_types:
  Pool:
    properties:
      least: { type: integer }
      most: { type: integer, validation: { $greater_or_equal: [ $value, { $get_property: [ SELF, least ] } ] } }
service_template:
  inputs:
    low: { type: integer, default: 1 }
    high: { type: integer, validation: { $greater_than: [ $value, { $get_input: low } ] } }
  node_templates:
    pool: { type: Pool, properties: { least: { $get_input: low }, most: 5 } }
"""


@pytest.mark.parametrize(
    ("inputs", "wrong"),
    [
        ({"high": 4}, None),
        ({"high": 1}, "limits.high: the integer 1 does not satisfy $greater_than"),
        ({"low": 6, "high": 9}, "limits/pool.most: the integer 5 does not satisfy $greater_or_equal"),
    ],
)
def test_t72_values_are_checked_against_each_other(
    run: Run, tmp_path: Path, inputs: dict[str, int], wrong: str | None
) -> None:
    """T72: a validation clause may read other properties of its node, and other inputs (section 9.11)."""
    file = tmp_path / "limits.yaml"
    file.write_text(LIMITS)
    given = [part for name, value in inputs.items() for part in ("--input", f"{name}={value}")]
    found = run("puccini-tosca", "instantiate", file, *given)
    assert found.code == (0 if wrong is None else 1)
    assert wrong is None or wrong in found.err


def test_inputs_from_files(run: Run, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """R82, T70: YAML, JSON, standard input; --input wins."""
    Path("inputs.yaml").write_text("port: 90\ncopies: 1\n")
    Path("inputs.json").write_text('{"port": 91, "copies": 1}')
    service = place / "service.yaml"
    arguments = ("puccini-tosca", "instantiate", service, "--output", "json", "--inputs")
    assert run(*arguments, "inputs.yaml").data["outputs"]["ports"] == {"value": [90]}
    assert run(*arguments, "inputs.json").data["outputs"]["ports"] == {"value": [91]}
    assert run(*arguments, "inputs.yaml", "--input", "port=5").data["outputs"]["ports"] == {"value": [5]}
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"copies: 1\nport: 7\n")))
    assert run(*arguments, "-").data["outputs"]["ports"] == {"value": [7]}


@pytest.mark.parametrize(
    ("arguments", "code", "why"),
    [
        (["--input", "port"], 2, "is not NAME=VALUE"),
        (["--input", "=5"], 2, "is not NAME=VALUE"),
        (["--input", "port=70000"], 1, "does not satisfy"),
        (["--input", "port=many"], 1, "integer was expected"),
        (["--input", "prt=1"], 1, "no input 'prt'"),
        (["--input", "label=[a"], 1, "--input label"),
        (["--input", "label={$floria:get: [x]}"], 1, "holds a function"),
        (["--inputs", "nope.yaml"], 3, "No such file"),
        (["--inputs", "list.yaml"], 1, "is not a map of inputs"),
        (["--event", "@web"], 2, "has no name"),
        (["--event", "failed@wep"], 1, "there is no 'wep' in the service; it has: big, small, web"),
        (["--input", "copies=-1"], 1, "count"),
        (["--nope"], 2, "No such option"),
    ],
)
def test_bad_use(arguments: list[str], code: int, why: str, run: Run, place: Path) -> None:
    """R101: what, why, what to do; an honest exit code."""
    Path("list.yaml").write_text("- 1\n")
    found = run("puccini-tosca", "instantiate", place / "service.yaml", *arguments)
    assert found.code == code, found.err
    assert why in found.err
    assert found.err.splitlines()[-1].startswith(("hint:", "error:")) or code == 1
    assert found.out == ""


def test_an_unsatisfied_requirement_is_explained(run: Run, place: Path) -> None:
    """R83: requirement, node, every candidate and the reason against it."""
    found = run("puccini-tosca", "instantiate", place / "service.yaml", "--input", "copies=3")
    assert found.code == 1
    assert "service/web[2]: requirement 'host' finds 0 of 1 targets" in found.err
    assert "service/small/host: $greater_or_equal: [ $get_property: [ SELF, CAPABILITY, memory ]" in found.err
    assert "service/big/host: memory: 3000000000 asked, 2000000000 left" in found.err


def test_the_name_is_chosen(run: Run, place: Path) -> None:
    found = run("puccini-tosca", "instantiate", place / "service.yaml", "--name", "eu", "--output", "json")
    assert found.data["name"] == "eu"
    assert found.data["vertexes"][0]["label"] == "eu"


def test_packed_and_plain_give_the_same(run: Run, place: Path) -> None:
    """T162."""
    Path("shop.csar").write_bytes(csar.pack(place / "service.yaml"))
    plain = run("puccini-tosca", "compile", "--name", "x", place / "service.yaml").out
    assert run("puccini-tosca", "compile", "--name", "x", "shop.csar").out == plain


GRAPH = """\
tosca_definitions_version: tosca_2_0
artifact_types: { Script: { file_ext: [ sh ] } }
capability_types: { Cap: {} }
interface_types: { I: { operations: { go: { inputs: { x: { type: integer } } } } } }
relationship_types: { Rel: { interfaces: { i: { type: I } } } }
node_types:
  Web:
    properties: { load: { type: integer } }
    requirements: [ { peer: { capability: Cap, relationship: Rel, count_range: [ 0, 1 ] } } ]
    capabilities: { cap: Cap }
policy_types:
  Scale:
    triggers:
      up:
        event: overload
        condition: { $greater_than: [ { $get_property: [ web, load ] }, 5 ] }
        action: [ { set_state: scaled } ]
      down:
        event: overload
        condition: { $less_than: [ { $get_property: [ web, load ] }, 5 ] }
        action: [ { set_state: small } ]
functions:
  twice: { signatures: [ { arguments: [ { type: integer } ], result: { type: integer } } ] }
service_template:
  node_templates:
    web:
      type: Web
      properties: { load: 9 }
      requirements:
      - peer:
          node: db
          relationship:
            type: Rel
            interfaces:
              i:
                operations:
                  go: { implementation: scripts/start.sh, inputs: { x: { $get_property: [ SELF, SOURCE, load ] } } }
    db: { type: Web, properties: { load: { $twice: [ 2 ] } } }
  policies:
  - scale: { type: Scale, targets: [ web ] }
"""


def test_events_of_policies_and_relationships(run: Run, place: Path) -> None:
    """R82, T116, T155: conditions decide; relationships handle events too; what cannot run here says so."""
    (place / "service.yaml").write_text(GRAPH)
    found = run(
        *("puccini-tosca", "instantiate", place / "service.yaml"),
        *("--event", "overload@web", "--event", "overload", "--event", "i.go"),
    )
    assert found.code == 0, found.err
    assert "event overload@web\n  service/web: scale.up would run\n  service/web: scale.down skipped" in found.out
    assert "service/scale: scale.up would run" in found.out
    assert "service/web-peer: i.go would run (scripts/start.sh)\n    x = 9" in found.out
    assert "nothing here that runs plugins ($twice)" in found.out
