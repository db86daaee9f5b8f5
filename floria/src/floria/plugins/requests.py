"""What a plugin can ask of its host: one struct for each import of the contract.

The same structs are the messages of the executable carrier, what grants are matched against, what effects perform and
what journals keep, so a request looks the same everywhere. The tag field is `kind`: ``INTERFACE.FUNCTION``.
"""

from typing import TypeAlias

import msgspec

Json: TypeAlias = object


class _Request(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="kind"):
    @property
    def kind(self) -> str:
        return str(self.__struct_config__.tag)


class RunCommand(_Request, frozen=True, omit_defaults=True, tag="command.run"):
    """Run a program; `timeout` in seconds, 0 is as long as the call lasts."""

    argv: tuple[str, ...]
    env: dict[str, str] = {}
    stdin: str | None = None
    cwd: str | None = None
    user: str | None = None
    timeout: float = 0


class ReadFile(_Request, frozen=True, omit_defaults=True, tag="files.read"):
    path: str


class WriteFile(_Request, frozen=True, omit_defaults=True, tag="files.write"):
    path: str
    content: str
    mode: int = 0o644


class MakeFolder(_Request, frozen=True, omit_defaults=True, tag="files.make-folder"):
    path: str
    mode: int = 0o755


class Remove(_Request, frozen=True, omit_defaults=True, tag="files.remove"):
    path: str
    recursive: bool = False


class ListFolder(_Request, frozen=True, omit_defaults=True, tag="files.entries"):
    path: str


class KindOf(_Request, frozen=True, omit_defaults=True, tag="files.kind-of"):
    path: str


class CallDBus(_Request, frozen=True, omit_defaults=True, tag="dbus.call"):
    """Call a method; `bus` is ``system``, ``session`` or an address."""

    bus: str
    destination: str
    path: str
    interface: str
    member: str
    signature: str = ""
    arguments: tuple[Json, ...] = ()


class SendHttp(_Request, frozen=True, omit_defaults=True, tag="http.send"):
    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    body: str | None = None
    timeout: float = 0


class GetEntity(_Request, frozen=True, omit_defaults=True, tag="graph.get"):
    id: str


class QueryGraph(_Request, frozen=True, omit_defaults=True, tag="graph.query"):
    query: Json


class SetProperty(_Request, frozen=True, omit_defaults=True, tag="graph.set-property"):
    id: str
    name: str
    value: Json


class CreateEntity(_Request, frozen=True, omit_defaults=True, tag="graph.create"):
    entity: Json


class DeleteEntity(_Request, frozen=True, omit_defaults=True, tag="graph.delete"):
    id: str


class EmitEvent(_Request, frozen=True, omit_defaults=True, tag="graph.emit"):
    id: str
    event: str
    detail: Json = None


class Claim(_Request, frozen=True, omit_defaults=True, tag="graph.claim"):
    """Take `key` of `space` for the site's entity."""

    space: str
    key: str


class Release(_Request, frozen=True, omit_defaults=True, tag="graph.release"):
    space: str
    key: str


class ListClaims(_Request, frozen=True, omit_defaults=True, tag="graph.claims"):
    space: str


class Evaluate(_Request, frozen=True, omit_defaults=True, tag="evaluate.evaluate"):
    expression: Json


class GetSecret(_Request, frozen=True, omit_defaults=True, tag="secrets.get"):
    name: str


class WriteLog(_Request, frozen=True, omit_defaults=True, tag="log.write"):
    level: str
    message: str


FILE_CHANGES = (WriteFile, MakeFolder, Remove)
FileRequest: TypeAlias = ReadFile | WriteFile | MakeFolder | Remove | ListFolder | KindOf
ClaimRequest: TypeAlias = Claim | Release | ListClaims
GraphRequest: TypeAlias = GetEntity | QueryGraph | SetProperty | CreateEntity | DeleteEntity | EmitEvent | ClaimRequest
Request: TypeAlias = (
    RunCommand
    | ReadFile
    | WriteFile
    | MakeFolder
    | Remove
    | ListFolder
    | KindOf
    | CallDBus
    | SendHttp
    | GetEntity
    | QueryGraph
    | SetProperty
    | CreateEntity
    | DeleteEntity
    | EmitEvent
    | Claim
    | Release
    | ListClaims
    | Evaluate
    | GetSecret
    | WriteLog
)


class Output(msgspec.Struct, frozen=True):
    """How a command ended; `recorded`: a plan is being made and it was not run."""

    status: int
    stdout: str = ""
    stderr: str = ""
    recorded: bool = False


class Response(msgspec.Struct, frozen=True):
    """What a web server answered."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: str = ""
    recorded: bool = False


class Entry(msgspec.Struct, frozen=True):
    """One file in a folder; `kind` is none, file, folder, link or other."""

    name: str
    kind: str
    size: int = 0
    mode: int = 0
