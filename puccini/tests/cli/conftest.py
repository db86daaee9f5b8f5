"""A service on disk, and the command lines run as a user runs them."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from puccini.cli import csar, tosca

SERVICE = """\
tosca_definitions_version: tosca_2_0
artifact_types:
  Script: { file_ext: [ sh ] }
data_types:
  Size:
    derived_from: scalar
    data_type: integer
    units: { B: 1, MB: 1000000, GB: 1000000000 }
    canonical_unit: B
capability_types:
  Host: { properties: { memory: { type: Size } } }
interface_types:
  Standard:
    operations: { create: {}, start: { inputs: { port: { type: integer }, url: { type: string } } } }
  On:
    metadata: { handles: events }
    operations: { failed: {} }
relationship_types:
  HostedOn: {}
node_types:
  Machine: { capabilities: { host: Host } }
  Web:
    properties: { port: { type: integer } }
    attributes: { url: { type: string } }
    requirements:
    - host: { capability: Host, relationship: HostedOn, node: Machine }
    interfaces:
      standard: { type: Standard }
      on: { type: On }
service_template:
  inputs:
    port: { type: integer, default: 80, validation: { $less_than: [ $value, 65536 ] } }
    copies: { type: integer, default: 2 }
    label: { type: string, required: false }
  node_templates:
    small: { type: Machine, capabilities: { host: { properties: { memory: 1 GB } } } }
    big: { type: Machine, capabilities: { host: { properties: { memory: 8 GB } } } }
    web:
      type: Web
      count: { $get_input: copies }
      properties: { port: { $sum: [ { $get_input: port }, $node_index ] } }
      requirements:
      - host:
          node_filter: { $greater_or_equal: [ { $get_property: [ SELF, CAPABILITY, memory ] }, 2 GB ] }
          allocation: { memory: 3 GB }
      interfaces:
        standard:
          operations:
            start:
              implementation: scripts/start.sh
              inputs: { port: { $get_property: [ SELF, port ] }, url: { $get_attribute: [ SELF, url ] } }
        on: { operations: { failed: scripts/alert.sh } }
  outputs:
    ports: { value: { $get_property: [ web, ALL, port ] } }
    urls: { value: { $get_attribute: [ web, ALL, url ] } }
"""


class Ran(NamedTuple):
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        """The JSON that it wrote."""
        return json.loads(self.out)


Run = Callable[..., Ran]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A service in a folder of its own; the current folder is above it."""
    folder = tmp_path / "shop"
    (folder / "scripts").mkdir(parents=True)
    (folder / "plugins").mkdir()
    (folder / "service.yaml").write_text(SERVICE)
    (folder / "scripts" / "start.sh").write_text("#!/bin/sh\n")
    (folder / "scripts" / "alert.sh").write_text("#!/bin/sh\n")
    (folder / "plugins" / "greet.py").write_text("x = 1\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PUCCINI_PROFILES", raising=False)
    return folder


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run ``puccini-tosca`` or ``puccini-csar`` with arguments."""
    programs = {"puccini-tosca": tosca.main, "puccini-csar": csar.main}

    def call(program: str, *arguments: str | Path) -> Ran:
        monkeypatch.setattr(sys, "argv", [program, *map(str, arguments)])
        capfd.readouterr()
        code = programs[program]()
        written = capfd.readouterr()
        assert "Traceback" not in written.err
        return Ran(code, written.out, written.err)

    return call
