"""``puccini.load``: from a file to a checked model. Everything that reads TOSCA starts here."""

from collections.abc import Sequence
from pathlib import Path

from floria.garbage import uncollected
from puccini import catalog as catalogs
from puccini import sources, yaml
from puccini.diagnostics import Diagnostic, Report, has_errors
from puccini.loader import Loader
from puccini.model.service import Service
from puccini.nodes import Node
from puccini.semantics import custom, service, types
from puccini.semantics.resolver import Resolver
from puccini.units import FUNCTIONS, Unit


class Loaded:
    """What a load gives. `service` is None when the entry has no service template; `diagnostics` are in reading order.

    `files` are the TOSCA files that were read, each with its source and path; `artifacts` those that are referred to;
    `origins` has for each file, by the name that diagnostics give it, the import that it was read for.
    """

    def __init__(self, entry: Unit | None, units: list[Unit], resolver: Resolver | None, model: Service | None) -> None:
        self.entry = entry
        self.units = units
        self.resolver = resolver
        self.service = model
        self.strict = False
        self.diagnostics: tuple[Diagnostic, ...] = ()
        self.documents: dict[str, yaml.Document] = {}
        self.origins: dict[str, Node] = {}

    @property
    def failed(self) -> bool:
        """Whether there are errors, so that this cannot be compiled."""
        return has_errors(self.diagnostics)

    @property
    def files(self) -> list[tuple[sources.Source, str]]:
        return [(unit.source, unit.path) for unit in self.units]

    @property
    def artifacts(self) -> list[tuple[sources.Source, str]]:
        """The files of artifacts, each once, in order of path."""
        if self.resolver is None:
            return []
        found: dict[tuple[str, str], tuple[sources.Source, str]] = {}
        for artifact in self.resolver.known_artifacts:
            source = artifact.source
            found[source.name, artifact.path] = (source, artifact.path)
        return [found[key] for key in sorted(found)]

    def text(self, file: str) -> bytes | None:
        """Return the content of a file that was read, by the name that diagnostics give it."""
        document = self.documents.get(file)
        return document.data if document is not None else None


def load(
    source: sources.Source | Path | str,
    entry: str = "",
    catalog: catalogs.Catalog | Sequence[catalogs.Catalog] = (),
    *,
    strict: bool = False,
) -> Loaded:
    """Read, resolve and check the TOSCA file `entry` of `source`. Never raises for what is in files.

    Instead of a source, the path of a folder can be given, or, without an entry, that of the file itself.
    Profiles are looked for in each `catalog`, in order. With `strict`, what is accepted against the letter of the
    Standard is an error.
    """
    if isinstance(source, str | Path):
        place = Path(source)
        source, entry = sources.FolderSource(place if entry else place.parent), entry or place.name
    report = Report(strict)
    known = catalog if isinstance(catalog, Sequence) else (catalog,)
    with uncollected():
        return run(Loader(known, report), source, entry)


def run(loader: Loader, source: sources.Source, entry: str) -> Loaded:
    """Do one load with `loader`, which has not been used before."""
    report = loader.report
    unit = loader.load(source, entry)
    if unit is None:
        loaded = Loaded(None, loader.units, None, None)
    else:
        resolver = Resolver(loader.units, report)
        resolver.declare()
        types.fill(resolver)
        for one in loader.units:
            for name, function in one.made(FUNCTIONS).items():
                custom.describe(name, one, function, resolver)
        resolver.settle()
        loaded = Loaded(unit, loader.units, resolver, service.build(unit, resolver))
    loaded.documents = loader.documents
    loaded.strict = report.strict
    loaded.diagnostics = report.sorted()
    loaded.origins = report.origins
    return loaded
