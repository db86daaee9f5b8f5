"""What ``FILE`` means on a command line: a TOSCA file, a folder or an archive, and the catalogs beside it."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from puccini import dialects, sources
from puccini.catalog import Catalog, Entry, FolderCatalog
from puccini.cli.outcome import CommandError, Exit
from puccini.csar import formats

if TYPE_CHECKING:
    from puccini.candidates import Place
    from puccini.csar import ArchiveError

Command = TypeVar("Command", bound=Callable[..., Any])

GROUP = "puccini.profiles"


class Opened(NamedTuple):
    """Where definitions are read from, the file that they begin with, and those with substitution candidates."""

    source: sources.Source
    entry: str
    others: tuple[str, ...] = ()


def service(path: Path, stack: ExitStack, name: str = "") -> Opened:
    """Open a file, folder or archive, which messages call `name`; `stack` closes it. Raises `CommandError`."""
    try:
        if path.is_dir() or formats.is_archive(path):
            return _several(path, stack, name)
        path.open("rb").close()
    except OSError as error:
        raise unreadable(path, error) from error
    return Opened(sources.FolderSource(path.resolve().parent, name), path.name)


def _several(path: Path, stack: ExitStack, name: str) -> Opened:
    """Open a folder or an archive."""
    from puccini import csar
    from puccini.csar.source import ArchiveSource

    try:
        if path.is_dir():
            entry, others = _begins(path)
            return Opened(sources.FolderSource(path, name), entry, others)
        archive = stack.enter_context(csar.open(path))
        return Opened(ArchiveSource(archive, name), archive.entry, archive.others)
    except csar.ArchiveError as error:
        raise refused(path, error) from error


def catalogs(folders: Sequence[Path]) -> list[Catalog]:
    """Return the catalogs of profiles: `folders` first, what is built in, then those that installed packages bring.

    A package brings folders by an entry point of the group ``puccini.profiles``: a function that returns them.
    """
    return [FolderCatalog(folders), dialects.CATALOG, Brought()]


class Brought:
    """The catalog of profiles that installed packages bring; they are asked when a profile is, and not before."""

    @cached_property
    def folders(self) -> FolderCatalog:
        from importlib import metadata

        return FolderCatalog([place for entry in metadata.entry_points(group=GROUP) for place in entry.load()()])

    def find(self, name: str) -> Entry | None:
        return self.folders.find(name)

    def names(self) -> list[str]:
        return self.folders.names()


def profiles_option(command: Command) -> Command:
    """Add ``--profiles``."""
    import click

    return click.option(
        "--profiles",
        type=click.Path(path_type=Path, exists=True, file_okay=False),
        multiple=True,
        envvar="PUCCINI_PROFILES",
        show_envvar=True,
        metavar="FOLDER",
        help="A folder of profiles that can be imported by name. Can be given several times.",
    )(command)


def network_option(command: Command) -> Command:
    """Add ``--allow-network``: within the command, files may be fetched."""
    import functools

    import click

    @functools.wraps(command)
    def run(*arguments: Any, allow_network: bool, **options: Any) -> Any:
        from puccini import repositories

        with repositories.network(allow_network):
            return command(*arguments, **options)

    return click.option(
        "--allow-network", is_flag=True, help="Fetch imports and artifacts that are on a network, over HTTP and HTTPS."
    )(run)  # type: ignore[return-value]


def substitutes_option(command: Command) -> Command:
    """Add ``--substitutes``."""
    import click

    return click.option(
        "--substitutes",
        type=click.Path(path_type=Path, exists=True),
        multiple=True,
        metavar="FILE",
        help="A file, folder or archive with a service template that can substitute nodes, besides those that"
        " the service imports or has as Other-Definitions. Repeatable.",
    )(command)


def candidates(opened: Opened, substitutes: Sequence[Path], stack: ExitStack) -> "list[Place]":
    """Return the files with substitution candidates, as the user names them and as an archive does.

    What lies below the service's own folder is of that folder, so that it has its types in common.
    """
    found: list[Place] = []
    for path in substitutes:
        absolute = path.resolve()
        root = Path(opened.source.root)
        if absolute.is_file() and isinstance(opened.source, sources.FolderSource) and absolute.is_relative_to(root):
            found.append((opened.source, absolute.relative_to(root).as_posix()))
            continue
        other = service(path, stack, path.stem)
        found += [(other.source, other.entry), *((other.source, one) for one in other.others)]
    return [*found, *((opened.source, one) for one in opened.others)]


def refused(path: Path, error: "ArchiveError") -> CommandError:
    """Return what the command says of an archive that is refused."""
    from puccini.csar import Refusal

    code = Exit.UNREADABLE if error.refusal in (Refusal.UNREADABLE, Refusal.TARGET) else Exit.INVALID
    named = str(error) if str(error).startswith(str(path)) or error.refusal is Refusal.TARGET else f"{path}: {error}"
    return CommandError(named, error.hint, code)


def unreadable(path: Path, error: OSError) -> CommandError:
    """Return what the command says of a file that it cannot read or write."""
    return CommandError(f"{path}: {error.strerror or error}", "check the path and its permissions", Exit.UNREADABLE)


def _begins(folder: Path) -> tuple[str, tuple[str, ...]]:
    """Return the file in which the definitions of a folder begin, and those with substitution candidates.

    The rule is that of archives (section 17.1).
    """
    from puccini.csar import ArchiveError, Refusal, meta

    for place in meta.PLACES:
        if (folder / place).is_file():
            said = meta.parse((folder / place).read_bytes(), place)
            if said.entry is not None:
                return said.entry, said.others
    found = sorted(one.name for one in folder.iterdir() if one.name.endswith((".yaml", ".yml")) and one.is_file())
    if len(found) != 1:
        has = f"{len(found)} YAML files: {', '.join(found)}" if found else "no YAML file"
        raise ArchiveError(
            Refusal.ENTRY, f"the folder does not say where its definitions begin, and has {has}", hint="name the file"
        )
    return found[0], ()
