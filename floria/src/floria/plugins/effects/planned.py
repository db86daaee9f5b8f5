"""Files as they would be after the changes of a plan, so that a plan sees its own steps."""

from floria.plugins import requests
from floria.plugins.faults import Fault
from floria.plugins.grants import Permit


class PlannedFiles:
    """The recorded changes of one call, or of all calls of a plan on one host; used by one call at a time."""

    def __init__(self) -> None:
        self._files: dict[str, str] = {}
        self._folders: set[str] = set()
        self._removed: set[str] = set()

    def record(self, request: requests.Request) -> object:
        """Remember a change; return what the plugin gets to see in place of its result."""
        match request:
            case requests.RunCommand():
                return requests.Output(0, recorded=True)
            case requests.SendHttp():
                return requests.Response(200, recorded=True)
            case requests.CallDBus():
                return []
            case requests.WriteFile(path=path, content=content):
                self._files[path] = content
                self._removed.discard(path)
            case requests.MakeFolder(path=path):
                self._folders.add(path)
                self._removed.discard(path)
            case requests.Remove(path=path):
                self._remove(path)
            case requests.CreateEntity(entity=entity):
                return entity
            case requests.Claim():
                return True
            case _:
                return None
        return True

    def answer(self, request: requests.Request, permit: Permit) -> object | None:
        """Return the answer as far as recorded changes decide it, else None. Raises the fault ``not-found``."""
        match request:
            case requests.ReadFile(path=path):
                if path in self._files:
                    return self._files[path]
                if self._is_removed(path):
                    raise Fault("not-found", f"{path} does not exist")
            case requests.KindOf(path=path):
                return self._kind(path)
            case requests.WriteFile(path=path, content=content) if self._files.get(path) == content:
                return False
            case requests.MakeFolder(path=path) if path in self._folders:
                return False
            case requests.Remove(path=path) if self._is_removed(path) and self._kind(path) == "none":
                return False
            case requests.ListFolder(path=path) if self._is_removed(path):
                return []
            case _:
                pass
        return None

    def knows(self, request: requests.Request) -> bool:
        """Whether recorded changes decide what is at the path of the request, not the disk."""
        return isinstance(request, requests.FILE_CHANGES) and self._kind(request.path) is not None

    def _kind(self, path: str) -> str | None:
        if path in self._files:
            return "file"
        if path in self._folders:
            return "folder"
        return "none" if self._is_removed(path) else None

    def _remove(self, path: str) -> None:
        below = path + "/"
        self._files = {name: text for name, text in self._files.items() if name != path and not name.startswith(below)}
        self._folders = {name for name in self._folders if name != path and not name.startswith(below)}
        self._removed.add(path)

    def _is_removed(self, path: str) -> bool:
        return any(path == gone or path.startswith(gone + "/") for gone in self._removed)
