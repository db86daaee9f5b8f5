"""The examples of docs/tosca.md are run."""

import os
import re
from pathlib import Path

import puccini

REPOSITORY = Path(__file__).parents[2]
PAGE = (REPOSITORY / "docs" / "tosca.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_the_example_service_runs_through_the_example_program(tmp_path: Path) -> None:
    (service,) = blocks("yaml")
    (program,) = blocks("python")
    (tmp_path / "service").mkdir()
    (tmp_path / "service" / "service.yaml").write_text(service)
    names: dict[str, object] = {}
    before = Path.cwd()
    os.chdir(tmp_path)
    try:
        exec(compile(program, "docs/tosca.md", "exec"), names)  # noqa: S102
    finally:
        os.chdir(before)
    loaded = names["loaded"]
    assert isinstance(loaded, puccini.Loaded)
    assert not loaded.diagnostics
    assert "bundle" in names
