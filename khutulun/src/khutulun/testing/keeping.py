"""A TOSCA design with workflows of its own, for tests: notes that are measured, that meet, and that complain."""

import tempfile
from pathlib import Path

from puccini import csar

TYPES = """
tosca_definitions_version: tosca_2_0

imports:
  - profile: khutulun:1.0

interface_types:
  Keeping:
    operations:
      shout: { inputs: { word: { type: string, default: quiet } } }
      measure: {}
      complain: {}
      meet: { inputs: { how: { type: string, default: listen }, where: { type: string, default: pipe } } }

node_types:
  Note:
    derived_from: Workload
    properties:
      text: { type: string, default: "" }
    attributes:
      size: { type: integer, default: 0 }
    artifacts:
      driver: { type: Driver, file: notes }
    interfaces:
      lifecycle:
        operations:
          create: { implementation: driver }
          start: { implementation: driver }
          stop: { implementation: driver }
          delete: { implementation: driver }
          update: { implementation: driver }
          inspect: { implementation: driver }
      keeping:
        type: Keeping
        operations:
          shout: { implementation: driver }
          measure: { implementation: driver }
          complain: { implementation: driver }
          meet: { implementation: driver }

group_types:
  Shelf: {}

policy_types:
  Care: {}
"""

SERVICE = """
service_template:
  inputs:
    text: { type: string, default: hello }
  node_templates:
    a: { type: Note, properties: { text: { $get_input: text } } }
    b: { type: Note, count: 2, properties: { text: bee } }
  groups:
    all: { type: Shelf, members: [ a, b ] }
"""


def design(workflows: str, more: str = "") -> bytes:
    """Return the design with these `workflows` (and more of a service template) as an archive."""
    given = f"\n  workflows:\n{workflows}" if workflows else ""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "service.yaml"
        file.write_text(f"{TYPES}{SERVICE}{given}\n{more}")
        return csar.pack(file)
