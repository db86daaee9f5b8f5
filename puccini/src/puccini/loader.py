"""Reads a TOSCA file and all that it imports into units (section 6.8.2). Called by `puccini.load`.

Each file is parsed once. What cannot be read or found is reported at the import that asked for it.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import TypeAlias

from puccini import catalog as catalogs
from puccini import dialects, nodes, repositories, sources, yaml
from puccini.diagnostics import Diagnostic, Report, suggest, unread
from puccini.grammar import file as grammar
from puccini.grammar.construct import once
from puccini.nodes import Node
from puccini.units import FUNCTIONS, REPOSITORIES, Link, Section, Unit
from puccini.web import Web

Read: TypeAlias = Callable[[sources.Source, str], yaml.Document]
"""Reads and parses the file at a path of a source. Raises `SourceError`."""


class Loader:
    """One load: `units` are the files in the order of first need, the entry first. `read` parses a file."""

    def __init__(self, catalog: Sequence[catalogs.Catalog], report: Report, read: Read | None = None) -> None:
        self.catalog = (*catalog, dialects.CATALOG)
        self.report = report
        self._read = read if read is not None else _parse
        self.units: list[Unit] = []
        self.documents: dict[str, yaml.Document] = {}
        self._known: dict[tuple[str, str, str], Unit | None] = {}
        self._waiting: deque[tuple[Unit, grammar.Import]] = deque()
        self._by: grammar.Import | None = None

    def load(self, source: sources.Source, entry: str) -> Unit | None:
        """Read `entry` and everything it needs; return its unit, or None when it is no TOSCA file at all."""
        try:
            path = sources.resolve("", entry)
            unit = self._unit(source, path)
        except sources.SourceError as error:
            self.report.add(
                Diagnostic(code="unreadable-file", message=str(error), file=entry, hint=getattr(error, "hint", ""))
            )
            return None
        if unit is None:
            return None
        unit.base = ""
        self._link()
        self._linked()
        self._name_profiles(unit)
        self._see_old_names()
        known = Web(self.units)
        for one in self.units:
            one.names_of = known
            self._check_names(one, known)
        self._found()
        return unit

    def _linked(self) -> None:
        """What else is to be done when all files are there."""

    def _found(self) -> None:
        """What else is to be done when all names are known."""

    def _unit(self, source: sources.Source, path: str) -> Unit | None:
        key = (source.name, source.root, path)
        if key in self._known:
            return self._known[key]
        name = sources.display(source, path)
        document = self._read(source, path)
        self.documents[name] = document
        self.report.files.append(name)
        if self._by is not None:
            self.report.imported(name, self._by.node)
        self._known[key] = None
        for problem in document.problems:
            self.report.add(_diagnostic(name, problem))
        if not document.complete:
            return None
        root = nodes.root(document)
        keeps = self.report.keeps
        file = once(root, lambda node, _: self._file(node), self.report, "file") if keeps else self._file(root)
        if file is None:
            return None
        unit = Unit(source, path, file, file.node)
        self._known[key] = unit
        self.units.append(unit)
        self._waiting.extend((unit, definition) for definition in file.imports)
        return unit

    def _link(self) -> None:
        while self._waiting:
            unit, definition = self._waiting.popleft()
            self._by = definition
            target = self._import(unit, definition)
            namespace = definition.namespace.text if definition.namespace is not None else ""
            if target is None:
                unit.failed.append(namespace)
            else:
                unit.links.append(Link(target, namespace, definition))

    def _file(self, root: Node) -> grammar.File | None:
        """Section 6.2: the version comes first, and decides what the rest means."""
        value = root.value
        if type(value) is not yaml.Map:
            message = f"a TOSCA file is a map, not {nodes.describe(value)}"
            self.report.error("wrong-kind", message, root, f"begin with 'tosca_definitions_version: {grammar.VERSION}'")
            return None
        version = root.get("tosca_definitions_version")
        if version is None:
            message = "the file does not say that it is TOSCA: 'tosca_definitions_version' is missing"
            self.report.error(
                "missing-keyname", message, root, f"begin with 'tosca_definitions_version: {grammar.VERSION}'"
            )
            return None
        dialect = dialects.find(version.value)
        if dialect is not None:
            root = dialect.read(root, self.report)
            version = root.child("tosca_definitions_version")
        elif version.value != grammar.VERSION:
            text = version.value if isinstance(version.value, str) else ""
            hint = suggest(text, (grammar.VERSION, *dialects.VERSIONS)) or f"TOSCA 2.0 is '{grammar.VERSION}'"
            shown = repr(text) if text else f"that is {nodes.describe(version.value)}"
            self.report.error("unknown-version", f"there is no TOSCA version {shown}", version, hint)
            return None
        if next(iter(value)) != "tosca_definitions_version":
            message = "the keyname 'tosca_definitions_version' comes first in a file"
            self.report.error("version-not-first", message, version, "move it to the top", key=True)
        file = grammar.FILE(root, self.report)
        if not isinstance(file, grammar.File):
            return None
        if file.profile is not None and "service_template" in value:
            message = "a file that defines a profile has no service template"
            self.report.error("profile-with-service", message, root.child("service_template"), key=True)
        return file

    def _import(self, unit: Unit, definition: grammar.Import) -> Unit | None:
        try:
            if definition.url is not None and definition.profile is not None:
                message = "an import has a url or a profile, not both"
                self.report.error("bad-import", message, definition.node, "split it in two")
            elif definition.profile is not None:
                return self._profile(definition, definition.profile)
            elif definition.url is not None:
                return self._url(unit, definition, definition.url)
            elif not unread(definition.node, "url", grammar.IMPORT.keys):
                self.report.error("bad-import", "an import has a url or a profile", definition.node)
        except sources.SourceError as error:
            where = definition.url or definition.profile or definition.node
            self.report.error("import-failed", f"the import failed: {error}", where, error.hint)
        return None

    def _profile(self, definition: grammar.Import, name: Node) -> Unit | None:
        if definition.repository is not None:
            message = "a repository is only for imports with a url"
            self.report.error("bad-import", message, definition.repository, key=True)
        for catalog in self.catalog:
            entry = catalog.find(name.text)
            if entry is not None:
                return self._named(self._checked(self._unit(entry.source, entry.path), name), name)
        known = [known for catalog in self.catalog for known in catalog.names()]
        hint = suggest(name.text, known) or "no profile is known here"
        self.report.error("unknown-profile", f"there is no profile {name.text!r}", name, hint)
        return None

    def _url(self, unit: Unit, definition: grammar.Import, url: Node) -> Unit | None:
        text = url.text
        if definition.repository is not None:
            if repositories.scheme(text):
                message = "an import from a repository has a path as its url, without a scheme"
                self.report.error("bad-import", message, url)
                return None
            return self._from_repository(unit, definition.repository, url)
        source, path = repositories.locate(unit.source, unit.path, text, unit.base or "")
        found = self._unit(source, path)
        _belongs(found, unit.base or "" if source is unit.source else "")
        return self._checked(found, url)

    def _named(self, unit: Unit | None, name: Node) -> Unit | None:
        """Section 6.7.1: a profile is imported by the name that it gives itself."""
        own = unit.file.profile.text if unit is not None and unit.file.profile is not None else None
        if unit is not None and own is not None and own != name.text:
            message = f"what is known as the profile {name.text!r} calls itself {own!r}"
            hint = f"import it by that name, or write 'profile: {name.text}' in {unit.name}"
            self.report.warn("other-profile", message, name, hint)
        return unit

    def _from_repository(self, unit: Unit, name: Node, url: Node) -> Unit | None:
        found = unit.file.repositories.get(name.text)
        owner = unit
        if found is None and (imported := unit.repository(name.text)) is not None:
            owner, found = imported
        if found is None or found.url is None:
            hint = suggest(name.text, unit.names(REPOSITORIES))
            self.report.error("unknown-repository", f"there is no repository {name.text!r}", name, hint)
            return None
        source, path = repositories.within(owner.source, owner.path, found.url.text, url.text, owner.base or "")
        made = self._unit(source, path)
        _belongs(made, repositories.root(owner.source, owner.path, found.url.text, owner.base or ""))
        return self._checked(made, url)

    def _checked(self, unit: Unit | None, node: Node) -> Unit | None:
        if unit is None:
            self.report.error("import-failed", f"{node.text!r} is not a valid TOSCA file", node)
        elif unit is not self.units[0] and _has_service(unit):
            message = f"{node.text!r} has a service template, which is not imported"
            self.report.warn("imported-service", message, node, "one with 'substitution_mappings' substitutes nodes")
        return unit

    def _see_old_names(self) -> None:
        """Have files of older versions see the names of their profile, without an import."""
        old = [unit for unit in self.units if dialects.is_old(unit.root)]
        if not old:
            return
        found = next(entry for one in self.catalog if (entry := one.find(dialects.PROFILE)) is not None)
        self._by = None
        profile = self._unit(found.source, found.path)
        if profile is None:
            return
        self._link()
        profile.profile = dialects.PROFILE
        implicit = dialects.implicit(profile)
        for unit in (profile, *old):
            unit.implicit = implicit

    def _name_profiles(self, entry: Unit) -> None:
        """Section 6.7.1: the name of a profile applies to what it imports, unless that has one of its own."""
        stack = [(entry, "")]
        visited = set()
        while stack:
            unit, profile = stack.pop()
            if id(unit) in visited:
                continue
            visited.add(id(unit))
            unit.profile = unit.file.profile.text if unit.file.profile is not None else profile
            stack.extend((link.unit, unit.profile) for link in reversed(unit.links))

    def _check_names(self, unit: Unit, known: Web) -> None:
        """Section 6.8.4: in a namespace a name has one meaning; a file's own definition wins over an imported one."""
        namespaces: dict[str, list[Link]] = {}
        for link in unit.links:
            namespaces.setdefault(link.namespace, []).append(link)
        for namespace, links in namespaces.items():
            for section, name, brought in known.conflicts(links, None if namespace else unit):
                self._conflict(section, name, unit if not namespace else None, brought)

    def _conflict(self, section: Section, name: str, unit: Unit | None, brought: list[tuple[Link, Unit]]) -> None:
        own = unit.local(section).get(name) if unit is not None else None
        for link, other in brought if own is not None else brought[1:]:
            definition = other.local(section)[name]
            if own is not None:
                self._redefined(section, name, own.node, definition.node)
            elif link.definition is not None:
                message = f"{name!r} is imported twice into one namespace ({section.replace('_', ' ')})"
                hint = "give one of the imports a 'namespace'"
                self.report.error("duplicate-name", message, link.definition.node, hint, related=definition.node)

    def _redefined(self, section: Section, name: str, own: Node, other: Node) -> None:
        message = f"{name!r} is also imported; the definition of this file is used"
        hint = "rename it, or give the import a 'namespace'"
        if section == REPOSITORIES and hasattr(own.document, "original") and _url(own) == _url(other):
            return
        if section in (FUNCTIONS, REPOSITORIES):
            message = f"{name!r} is also imported into the same namespace"
            self.report.error("duplicate-name", message, own, hint, key=True, related=other)
        else:
            self.report.warn("redefined-type", message, own, hint, key=True, related=other)


def _belongs(unit: Unit | None, base: str) -> None:
    """Note in which repository a file was first found: paths from the root are from `base`."""
    if unit is not None and unit.base is None:
        unit.base = base


def _url(repository: Node) -> object:
    """Return where a repository is, to tell definitions of the same one."""
    url = repository.get("url")
    return url.value if url is not None else repository.value


def _parse(source: sources.Source, path: str) -> yaml.Document:
    return yaml.parse(source.read(path), sources.display(source, path))


def _has_service(unit: Unit) -> bool:
    """Whether a file has a service template that is of no use to those who import it (section 15)."""
    template = unit.file.service_template
    return template is not None and template.substitution_mappings is None


def _diagnostic(file: str, problem: yaml.Problem) -> Diagnostic:
    return Diagnostic(
        code=problem.code,
        message=problem.message,
        file=file,
        line=problem.start.line + 1,
        column=problem.start.column + 1,
        end_line=problem.end.line + 1,
        end_column=problem.end.column + 1,
        hint=problem.hint,
    )
