"""An editor that talks to the real server process over its standard input and output."""

import contextlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

VERSION = "tosca_definitions_version: tosca_2_0\n"


class Answer(Exception):
    """The server answered with an error."""


class Editor:
    """A client of the Language Server Protocol: requests wait for their answer, notifications are kept."""

    def __init__(self, folder: Path, *options: str, encoding: str = "utf-16") -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "puccini.cli.tosca", "serve", "--stdio", *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=folder,
        )
        self.diagnostics: dict[str, list[Any]] = {}
        self.versions: dict[str, int] = {}
        self._count = 0
        self.server = self.ask(
            "initialize",
            {
                "processId": None,
                "rootUri": folder.as_uri(),
                "workspaceFolders": [{"uri": folder.as_uri(), "name": "test"}],
                "capabilities": {"general": {"positionEncodings": [encoding]}},
            },
        )
        self.tell("initialized", {})

    def ask(self, method: str, parameters: Any = None) -> Any:
        self._count += 1
        number = self._count
        self._send({"id": number, "method": method, "params": parameters})
        while True:
            message = self._receive()
            if message.get("id") == number and "method" not in message:
                if "error" in message:
                    raise Answer(message["error"]["message"])
                return message.get("result")

    def tell(self, method: str, parameters: Any) -> None:
        self._send({"method": method, "params": parameters})

    def uri(self, name: str) -> str:
        return (self.folder / name).as_uri()

    def open(self, name: str, text: str | None = None, language: str = "yaml") -> list[Any]:
        """Open a file and return the diagnostics that it gets."""
        text = (self.folder / name).read_text() if text is None else text
        document = {"uri": self.uri(name), "languageId": language, "version": 1, "text": text}
        self.versions[name] = 1
        self.tell("textDocument/didOpen", {"textDocument": document})
        return self.settled(name)

    def change(self, name: str, *changes: Mapping[str, Any]) -> list[Any]:
        """Change a file; each change is a range and a text, or a whole text."""
        self.versions[name] += 1
        document = {"uri": self.uri(name), "version": self.versions[name]}
        self.tell("textDocument/didChange", {"textDocument": document, "contentChanges": list(changes)})
        return self.settled(name)

    def settled(self, name: str) -> list[Any]:
        """Return the diagnostics of a file once all that was told has been dealt with: an answer comes after them."""
        self.ask("textDocument/documentSymbol", {"textDocument": {"uri": self.uri(name)}})
        return self.diagnostics.get(self.uri(name), [])

    def at(self, name: str, line: int, column: int) -> dict[str, Any]:
        return {"textDocument": {"uri": self.uri(name)}, "position": {"line": line, "character": column}}

    def close(self) -> int:
        """Say good-bye as the protocol asks."""
        self.ask("shutdown")
        self.tell("exit", None)
        self.process.communicate(timeout=60)
        return self.process.returncode

    def _send(self, message: dict[str, Any]) -> None:
        content = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self.process.stdin is not None
        self.process.stdin.write(f"Content-Length: {len(content)}\r\n\r\n".encode() + content)
        self.process.stdin.flush()

    def _receive(self) -> Any:
        stream = self.process.stdout
        assert stream is not None
        length = 0
        while (line := stream.readline()) not in (b"\r\n", b""):
            name, _, value = line.decode().partition(":")
            length = int(value) if name.lower() == "content-length" else length
        content = stream.read(length)
        assert content, "the server is gone"
        message = json.loads(content)
        if message.get("method") == "textDocument/publishDiagnostics":
            self.diagnostics[message["params"]["uri"]] = message["params"]["diagnostics"]
        return message


Start = Callable[..., Editor]


def write(folder: Path, files: Mapping[str, str]) -> None:
    """Write files, with the version line where they have none."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text if "tosca_definitions_version" in text else VERSION + text)


def end(editor: Editor) -> None:
    """End a server, whatever state it is in."""
    if editor.process.poll() is None:
        with contextlib.suppress(BrokenPipeError, AssertionError):
            editor.close()
        editor.process.kill()
        editor.process.wait()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start an editor in a folder with files in it."""
    editors: list[Editor] = []

    def run(files: Mapping[str, str], *options: str, **keywords: Any) -> Editor:
        write(tmp_path, files)
        editors.append(Editor(tmp_path, *options, **keywords))
        return editors[-1]

    yield run
    for editor in editors:
        end(editor)
