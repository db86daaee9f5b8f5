"""Older versions of TOSCA, each read through its dialect into what TOSCA 2.0 has: one grammar, one meaning.

The loader asks for the dialect that a file's ``tosca_definitions_version`` names. A dialect rewrites the content of the
file, node by node, with the place of each; from there on all is as for TOSCA 2.0. See docs/tosca-1.md.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from puccini import yaml
from puccini.catalog import FolderCatalog
from puccini.diagnostics import Report
from puccini.nodes import Node

if TYPE_CHECKING:
    from puccini.units import Implicit, Unit

PROFILE = "tosca-simple:1.3"
"""The profile whose names every file of TOSCA 1.x sees."""

CATALOG = FolderCatalog([Path(__file__).parent / "profiles"])
"""Where that profile is, unless a catalog of the caller's has one of its name."""

OLD = b"tosca_simple_yaml_1"
"""What a file that has to be read through a dialect holds somewhere."""

VERSIONS = tuple(f"tosca_simple_yaml_1_{minor}{suffix}" for minor in range(4) for suffix in ("", "_0"))


class Dialect:
    """The TOSCA Simple Profile in YAML 1.0 to 1.3: what one of them has is read in files of all of them."""

    def read(self, root: Node, report: Report) -> Node:
        """Return the top of a file as TOSCA 2.0 has it. What is wrong as TOSCA 1.x is reported."""
        from puccini.dialects.document import OldDocument
        from puccini.dialects.file import FILE
        from puccini.dialects.forms import Page

        if root.document.parts is not None:
            document = yaml.parse(root.document.data, root.document.name)
            root = Node(document.value, document, document.marks)
        page = Page(report)
        written = FILE(root, page)
        assert written is not None
        old = OldDocument(root, written.value, page)
        return Node(old.value, old, old.marks)


def is_old(root: Node) -> bool:
    """Whether a file was read through a dialect."""
    return hasattr(root.document, "original")


def keynames(title: str) -> Iterable[str]:
    """Return the keynames in TOSCA 1.x of a construct, by its title in TOSCA 2.0."""
    from puccini.dialects import file, forms

    assert file.FILE.title in forms.KEYNAMES
    return forms.KEYNAMES.get("topology template" if title == "service template" else title, ())


def implicit(profile: "Unit") -> "Implicit":
    """Return the names of the profile as files see them."""
    from puccini.dialects.names import Names

    return Names(profile)


def find(version: object) -> Dialect | None:
    """Return the dialect of a TOSCA version; None when that is none of an older one."""
    return Dialect() if version in VERSIONS else None
