"""Every example, and every fragment in the pages of drivers, is valid and compiles (R85)."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

import puccini
from floria import codec
from floria.entities import Bundle
from khutulun import shipped
from khutulun.supervisor import spec

ROOT = Path(__file__).parents[3]
PLACES = ("examples/*/service.yaml", "plugins/*/examples/*/service.yaml")
EXAMPLES = sorted(str(path.parent.relative_to(ROOT)) for pattern in PLACES for path in ROOT.glob(pattern))
PAGES = ("docs/profile.md", *sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("plugins/*/README.md")))
HEAD = """\
tosca_definitions_version: tosca_2_0
imports: [ %s ]
service_template:
  node_templates:
"""
FILES = ("scripts/alert.sh", "scripts/drain.py", "app.tar.gz")


def _fragments(language: str, *pages: str) -> list[Any]:
    found = []
    for page in pages:
        blocks = re.findall(rf"^```{language}\n(.*?)^```", (ROOT / page).read_text(), re.DOTALL | re.MULTILINE)
        found += [pytest.param(page, block, id=f"{page}-{number}") for number, block in enumerate(blocks)]
    return found


def _compile(folder: Path) -> Bundle:
    catalog = puccini.FolderCatalog(shipped.profiles())
    loaded = puccini.load(puccini.FolderSource(folder), "service.yaml", [catalog])
    candidates = puccini.find_candidates(loaded, [catalog])
    found = [*loaded.diagnostics, *(problem for one in candidates for problem in one.diagnostics)]
    assert [f"{one.line}:{one.column}: {one.message}" for one in found] == []
    return puccini.compile(loaded, "example", candidates)


def test_there_are_examples_of_all_that_is_promised() -> None:
    promised = {"hello", "python-plugin", "wasm-plugin", "floria", "substitution", "tosca-1.3", "workflow"}
    assert promised == {folder.name for folder in (ROOT / "examples").iterdir()}
    for folder in (file.parent for file in ROOT.glob("plugins/*/plugin.py")):
        assert [name for name in EXAMPLES if name.startswith(f"plugins/{folder.name}/")], folder.name
    for name in EXAMPLES:
        assert (ROOT / name / "README.md").exists(), name


@pytest.mark.parametrize("name", [name for name in EXAMPLES if name != "examples/floria"])
def test_r85_examples_compile_without_a_warning(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "example"
    shutil.copytree(ROOT / name, folder)
    if (folder / "app").is_dir():
        subprocess.run(["tar", "--create", "--gzip", "--file=app.tar.gz", "app"], cwd=folder, check=True)
    nodes = {template.name for template in _compile(folder).vertexes if "tosca:node" in template.classes}
    assert nodes


def test_r40_one_declaration_binds_the_script_of_hello() -> None:
    bundle = _compile(ROOT / "examples" / "hello")
    web = next(template for template in bundle.vertexes if template.name == "web")
    (handler,) = [handler for handler in web.handlers if handler.event == "failed"]
    operation: Any = handler.call.arguments[0]
    assert operation["artifact"]["file"] == "scripts/alert.sh"
    assert "khutulun:1.0::Shell" in operation["artifact"]["classes"]
    assert operation["artifact"]["blob"] == bundle.blobs["scripts/alert.sh"]


@pytest.mark.parametrize(("page", "text"), _fragments("yaml", *PAGES))
def test_fragments_of_the_pages_compile(page: str, text: str, tmp_path: Path) -> None:
    own = [":".join(file.parts[-3:-1]) for file in (ROOT / page).parent.glob("profiles/*/*/profile.yaml")]
    profiles = ", ".join(f'{{ profile: "{name}" }}' for name in ("khutulun:1.0", *sorted(own)))
    for name in FILES:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    lines = "".join(f"    {line}\n" for line in text.splitlines())
    whole = text.startswith("imports:")
    (tmp_path / "service.yaml").write_text(HEAD.splitlines()[0] + "\n" + text if whole else HEAD % profiles + lines)
    assert _compile(tmp_path).vertexes


@pytest.mark.parametrize(("page", "text"), _fragments("json", "docs/supervisor.md"))
def test_specs_of_the_page_are_accepted(page: str, text: str) -> None:
    assert spec.Spec(json.loads(text)).arguments


def test_the_service_without_tosca_is_a_bundle() -> None:
    content = (ROOT / "examples/floria/service.yaml").read_bytes()
    bundle = codec.decode_bundle(content, codec.Format.YAML, "service.yaml")
    assert bundle.root in {template.id for template in bundle.vertexes}
