"""The Language Server Protocol over standard input and output: ``puccini-tosca serve`` runs it for an editor.

Positions of the protocol count from 0, in units that the client chooses; those of `puccini.server` count characters.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from lsprotocol import types
from pygls import uris
from pygls.exceptions import JsonRpcException
from pygls.lsp.server import LanguageServer

from puccini import extents, formatting
from puccini.catalog import Catalog
from puccini.cli.version import VERSION
from puccini.diagnostics import Diagnostic, Failed, Related, Severity
from puccini.nodes import Node
from puccini.server import hover, renaming, symbols
from puccini.server.completion import Sort
from puccini.server.renaming import Refused
from puccini.server.symbols import Symbol
from puccini.server.workspace import Workspace
from puccini.yaml import Position

LANGUAGE = "tosca"
SOURCE = "puccini"
_NAME = re.compile(r"[\w.:$-]+")
_MEANT = re.compile(r"did you mean '([^'\n]+)'\?\Z")
_T = TypeVar("_T")
_ICONS = {
    Sort.KEYNAME: types.CompletionItemKind.Keyword,
    Sort.TYPE: types.CompletionItemKind.Class,
    Sort.NAME: types.CompletionItemKind.Variable,
    Sort.PROPERTY: types.CompletionItemKind.Property,
    Sort.FUNCTION: types.CompletionItemKind.Function,
    Sort.VALUE: types.CompletionItemKind.Value,
    Sort.FILE: types.CompletionItemKind.File,
}
_SYMBOLS = {
    "": types.SymbolKind.Namespace,
    "properties": types.SymbolKind.Property,
    "attributes": types.SymbolKind.Field,
    "inputs": types.SymbolKind.Variable,
    "outputs": types.SymbolKind.Variable,
    "operations": types.SymbolKind.Method,
    "notifications": types.SymbolKind.Event,
    "triggers": types.SymbolKind.Event,
    "interfaces": types.SymbolKind.Interface,
    "interface_types": types.SymbolKind.Interface,
    "functions": types.SymbolKind.Function,
    "node_templates": types.SymbolKind.Object,
    "relationship_templates": types.SymbolKind.Object,
    "steps": types.SymbolKind.Operator,
}


class Server:
    """One editor's server. Requests are answered in the order in which they come."""

    def __init__(self, catalogs: Sequence[Catalog], *, strict: bool = False) -> None:
        self.workspace = Workspace(catalogs, strict=strict)
        self.language = LanguageServer("puccini", VERSION)
        self._shown: set[Path] = set()
        self._register()

    def run(self) -> None:
        """Serve until the client says that it is over, or is gone."""
        self.language.start_io()

    def _register(self) -> None:
        handlers: list[tuple[str, Any, Callable[[Any], Any]]] = [
            (types.INITIALIZE, None, self._initialize),
            (types.TEXT_DOCUMENT_DID_OPEN, None, self._opened),
            (types.TEXT_DOCUMENT_DID_CHANGE, None, self._changed),
            (types.TEXT_DOCUMENT_DID_CLOSE, None, self._closed),
            (types.WORKSPACE_DID_CHANGE_WATCHED_FILES, None, self._watched),
            (
                types.TEXT_DOCUMENT_COMPLETION,
                types.CompletionOptions(trigger_characters=["$", " ", "[", "{"]),
                self._complete,
            ),
            (types.TEXT_DOCUMENT_HOVER, None, self._hover),
            (types.TEXT_DOCUMENT_DEFINITION, None, self._definition),
            (types.TEXT_DOCUMENT_REFERENCES, None, self._references),
            (types.TEXT_DOCUMENT_PREPARE_RENAME, None, self._prepare),
            (types.TEXT_DOCUMENT_RENAME, types.RenameOptions(prepare_provider=True), self._rename),
            (types.TEXT_DOCUMENT_DOCUMENT_SYMBOL, None, self._symbols),
            (types.TEXT_DOCUMENT_FORMATTING, None, self._format),
            (
                types.TEXT_DOCUMENT_CODE_ACTION,
                types.CodeActionOptions(code_action_kinds=[types.CodeActionKind.QuickFix]),
                self._fixes,
            ),
        ]
        for name, options, handler in handlers:
            self._feature(name, options, handler)

    def _feature(self, name: str, options: Any, handler: Callable[[Any], Any]) -> None:
        def handle(parameters: Any) -> Any:
            return handler(parameters)

        self.language.feature(name, options)(handle)

    def _initialize(self, parameters: types.InitializeParams) -> None:
        folders = [folder.uri for folder in parameters.workspace_folders or ()]
        folders = folders or ([parameters.root_uri] if parameters.root_uri else [])
        self.workspace.folders = [path for uri in folders if (path := _path(uri)) is not None]

    def _opened(self, parameters: types.DidOpenTextDocumentParams) -> None:
        document = parameters.text_document
        self._update(document.uri, document.text, tosca=document.language_id == LANGUAGE)

    def _changed(self, parameters: types.DidChangeTextDocumentParams) -> None:
        uri = parameters.text_document.uri
        document = self.language.workspace.get_text_document(uri)
        self._update(uri, document.source, tosca=document.language_id == LANGUAGE)

    def _update(self, uri: str, text: str, *, tosca: bool) -> None:
        path = _path(uri)
        if path is not None:
            self._publish(self.workspace.update(path, text, tosca=tosca))

    def _closed(self, parameters: types.DidCloseTextDocumentParams) -> None:
        path = _path(parameters.text_document.uri)
        if path is not None:
            self._publish(self.workspace.close(path))

    def _watched(self, parameters: types.DidChangeWatchedFilesParams) -> None:
        self._publish(self.workspace.refresh())

    def _publish(self, files: Iterable[Path]) -> None:
        for path in sorted(files):
            found = self.workspace.diagnostics(path)
            if not found and path not in self._shown:
                continue
            (self._shown.add if found else self._shown.discard)(path)
            self.language.text_document_publish_diagnostics(
                types.PublishDiagnosticsParams(_uri(path), [self._diagnostic(one, path) for one in found])
            )

    def _diagnostic(self, found: Diagnostic, path: Path) -> types.Diagnostic:
        lines = self._lines(path)
        start = Position(max(0, found.line - 1), max(0, found.column - 1))
        end = Position(max(start.line, found.end_line - 1), max(0, found.end_column - 1))
        if end.line > start.line and start.line < len(lines):
            end = Position(start.line, len(lines[start.line]))
        severity = types.DiagnosticSeverity.Error
        if found.severity is Severity.WARNING:
            severity = types.DiagnosticSeverity.Warning
        root = self.workspace.root(path)
        return types.Diagnostic(
            range=self._range((start, end), lines),
            message=f"{found.message}\n{found.hint}" if found.hint else found.message,
            severity=severity,
            code=found.code,
            source=SOURCE,
            related_information=[self._related(one, root) for one in (*found.related, *found.imports)],
        )

    def _related(self, found: Related, root: Path) -> types.DiagnosticRelatedInformation:
        place = types.Position(max(0, found.line - 1), max(0, found.column - 1))
        location = types.Location(_uri(root / found.file), types.Range(place, place))
        return types.DiagnosticRelatedInformation(location, found.message)

    def _complete(self, parameters: types.CompletionParams) -> types.CompletionList:
        path, place = self._place(parameters)
        if path is None:
            return types.CompletionList(False, [])
        word, found = self.workspace.complete(path, place.line, place.column)
        lines = self._lines(path)
        extent = (Position(place.line, place.column - len(word)), place)
        line = lines[place.line] if place.line < len(lines) else ""
        key = line[place.column :].lstrip().startswith(":")
        items = [
            types.CompletionItem(
                label=one.word,
                kind=_ICONS[one.sort],
                detail=one.detail or None,
                documentation=types.MarkupContent(types.MarkupKind.Markdown, one.about) if one.about else None,
                sort_text=f"{one.rank}{one.word}",
                filter_text=one.word,
                text_edit=types.TextEdit(self._range(extent, lines), one.word + ("" if key else one.after)),
            )
            for one in found
        ]
        return types.CompletionList(False, items)

    def _hover(self, parameters: types.HoverParams) -> types.Hover | None:
        path, place = self._place(parameters)
        found = self.workspace.occurrence(path, place.line, place.column) if path is not None else None
        if found is None or path is None:
            return None
        lines = self._lines(path)
        content = types.MarkupContent(types.MarkupKind.Markdown, hover.markdown(found))
        return types.Hover(content, self._range(found.extent(lines), lines))

    def _definition(self, parameters: types.DefinitionParams) -> types.Location | None:
        path, place = self._place(parameters)
        found = self.workspace.occurrence(path, place.line, place.column) if path is not None else None
        if found is None or found.target is None or path is None:
            return None
        return self._location(found.target, path)

    def _location(self, target: Node, path: Path) -> types.Location | None:
        world = self.workspace.world(path)
        units = world.loaded.units if world is not None else []
        unit = next((unit for unit in units if unit.name == target.file), None)
        if unit is None:
            return None
        lines = (
            extents.lines(target.document.data) if target.parent is None else self._lines(self.workspace.place(unit))
        )
        extent = extents.key(target, lines) if target.parent is not None else (Position(0, 0), Position(0, 0))
        return types.Location(_uri(self.workspace.place(unit)), self._range(extent, lines))

    def _references(self, parameters: types.ReferenceParams) -> list[types.Location]:
        path, place = self._place(parameters)
        if path is None:
            return []
        found = renaming.uses(self.workspace, path, place.line, place.column)
        if not parameters.context.include_declaration:
            found = [(file, one) for file, one in found if not one.defines]
        return [
            types.Location(_uri(file), self._range(one.extent(lines), lines))
            for file, one in found
            for lines in [self._lines(file)]
        ]

    def _prepare(self, parameters: types.PrepareRenameParams) -> types.PrepareRenamePlaceholder | None:
        path, place = self._place(parameters)
        if path is None:
            return None
        found = _answered(lambda: renaming.find(self.workspace, path, place.line, place.column))
        lines = self._lines(path)
        return types.PrepareRenamePlaceholder(self._range(found.extent(lines), lines), found.name)

    def _rename(self, parameters: types.RenameParams) -> types.WorkspaceEdit:
        path, place = self._place(parameters)
        if path is None:
            return types.WorkspaceEdit({})
        new = parameters.new_name
        edits = _answered(lambda: renaming.rename(self.workspace, path, place.line, place.column, new))
        changes = {
            _uri(file): [types.TextEdit(self._range(one.extent, lines), one.text) for one in found]
            for file, found in edits.items()
            for lines in [self._lines(file)]
        }
        return types.WorkspaceEdit(changes)

    def _format(self, parameters: types.DocumentFormattingParams) -> list[types.TextEdit] | None:
        path = _path(parameters.text_document.uri)
        text = self.workspace.text(path) if path is not None else None
        if path is None or text is None:
            return None
        try:
            new = formatting.format(text, path.name)
        except Failed:
            return None
        lines = text.split("\n")
        whole = (Position(0, 0), Position(len(lines) - 1, len(lines[-1])))
        return [types.TextEdit(self._range(whole, lines), new)] if new != text else []

    def _fixes(self, parameters: types.CodeActionParams) -> list[types.CodeAction]:
        """What is meant where a name is misspelt: the hint of the diagnostic, done."""
        document = self.language.workspace.get_text_document(parameters.text_document.uri)
        found = []
        for one in parameters.context.diagnostics:
            meant = _MEANT.search(one.message)
            name = _NAME.fullmatch(document.text_in_client_range(one.range))
            if one.source == SOURCE and meant is not None and name is not None:
                edit = types.TextEdit(one.range, meant[1])
                found.append(
                    types.CodeAction(
                        title=f"Write {meant[1]!r}",
                        kind=types.CodeActionKind.QuickFix,
                        diagnostics=[one],
                        edit=types.WorkspaceEdit({parameters.text_document.uri: [edit]}),
                        is_preferred=True,
                    )
                )
        return found

    def _symbols(self, parameters: types.DocumentSymbolParams) -> list[types.DocumentSymbol]:
        path = _path(parameters.text_document.uri)
        world = self.workspace.world(path) if path is not None else None
        if world is None or path is None:
            return []
        lines = self._lines(path)
        return [self._symbol(one, lines) for one in symbols.find(world.unit.root)]

    def _symbol(self, found: Symbol, lines: list[str]) -> types.DocumentSymbol:
        return types.DocumentSymbol(
            name=found.name,
            detail=found.detail or None,
            kind=_SYMBOLS.get(found.section, types.SymbolKind.Class),
            range=self._range(found.whole, lines),
            selection_range=self._range(found.key, lines),
            children=[self._symbol(one, lines) for one in found.children],
        )

    def _place(self, parameters: Any) -> tuple[Path | None, Position]:
        path = _path(parameters.text_document.uri)
        if path is None:
            return None, Position(0, 0)
        codec = self.language.workspace.position_codec
        found = codec.position_from_client_units(self._lines(path), parameters.position)
        return path, Position(found.line, found.character)

    def _range(self, extent: "extents.Extent", lines: list[str]) -> types.Range:
        codec = self.language.workspace.position_codec

        def position(place: Position) -> types.Position:
            line = lines[place.line] if place.line < len(lines) else ""
            return types.Position(place.line, codec.client_num_units(line[: place.column]))

        return types.Range(position(extent[0]), position(extent[1]))

    def _lines(self, path: Path) -> list[str]:
        text = self.workspace.text(path)
        return text.split("\n") if text is not None else []


def _answered(ask: Callable[[], _T]) -> _T:
    """Return an answer; a refusal is told to the user."""
    try:
        return ask()
    except Refused as refused:
        raise JsonRpcException(str(refused), types.LSPErrorCodes.RequestFailed.value) from None


def _path(uri: str) -> Path | None:
    """Return the file that a URI means; None when it is none."""
    found = uris.to_fs_path(uri) if uri.startswith("file:") else None
    return Path(found) if found else None


def _uri(path: Path) -> str:
    return path.as_uri()
