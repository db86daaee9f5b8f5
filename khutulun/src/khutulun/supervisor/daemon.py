"""The supervisor itself: its folder, its workloads, and what clients ask of it."""

import fcntl
import os
import sys

from khutulun.supervisor import cgroups, linux, loop, order, record, server, spec, workload

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Reply = Callable[[dict[str, object]], None]

_LOOK_AGAIN = 1.0


class Refused(Exception):
    """A request that cannot be met; the message says why."""


class AlreadyRunning(Exception):
    """Another supervisor holds the folder."""


class Daemon:
    """All workloads of one folder. `ready` is called once clients can connect."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        os.makedirs(f"{folder}/workloads", mode=0o700, exist_ok=True)
        os.chmod(folder, 0o700)
        self._lock = os.open(f"{folder}/lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunning(folder) from None
        linux.become_subreaper()
        self.loop = loop.Loop()
        self.server = server.Server(self.loop, folder, self._request, self._catch_up)
        place = os.stat(folder)
        self._hierarchy = cgroups.Hierarchy(f"khutulun-{place.st_dev:x}-{place.st_ino:x}")
        self._host = workload.Host(self.loop, self._hierarchy, self.server.publish)
        self._workloads: dict[str, workload.Workload] = {}
        self._inotify = linux.inotify()
        self._watches: dict[int, workload.Workload] = {}
        self.loop.watch(self._inotify, self._output_grew)

    def run(self, ready: "Callable[[], None]") -> None:
        """Take up the workloads of an earlier supervisor and serve until SIGTERM. The workloads go on running."""
        for name in sorted(os.listdir(f"{self.folder}/workloads")):
            self._load(name)
        self._resume()
        self.server.listen()
        ready()
        self.loop.run()
        self.server.close()

    def _load(self, name: str) -> None:
        folder = f"{self.folder}/workloads/{name}"
        try:
            found = spec.read(f"{folder}/spec.json")
        except spec.SpecError as error:
            print(f"khutulun-supervisor: {error}; this workload is left alone", file=sys.stderr, flush=True)
            return
        self._add(workload.Workload(self._host, folder, found))

    def _resume(self) -> None:
        known = dict(self._workloads)
        for name, before in order.arrange({name: item.spec.after for name, item in known.items()}).items():
            item = known[name]
            item.resume([known[one] for one in before])
            if item.spec.transient and not item.record.wanted and not item.processes.members():
                self._forget(item)

    def _add(self, item: workload.Workload) -> workload.Workload:
        self._workloads[item.spec.name] = item
        os.close(item.output.open())
        self._watch(item)
        return item

    def _forget(self, item: workload.Workload) -> None:
        for watch in [watch for watch, owner in self._watches.items() if owner is item]:
            linux.inotify_remove(self._inotify, watch)
            del self._watches[watch]
        del self._workloads[item.spec.name]
        item.forget()
        if not self._workloads:
            self._hierarchy.close()

    # Requests

    def _request(self, request: dict[str, object], reply: "Reply") -> None:
        try:
            self._dispatch(request, reply)
        except (Refused, spec.SpecError, OSError) as error:
            reply({"error": str(error)})

    def _dispatch(self, request: dict[str, object], reply: "Reply") -> None:
        match request:
            case {"command": "define", "spec": data}:
                reply(self._define(spec.Spec(data)).show())
            case {"command": "start", "spec": data}:
                item = self._define(spec.Spec(data))
                item.start(lambda: reply(item.show()))
            case {"command": "start", "name": str(name)}:
                item = self._find(name)
                item.start(lambda: reply(item.show()))
            case {"command": "stop", "name": str(name)}:
                item = self._find(name)
                item.stop(lambda: reply(item.show()))
            case {"command": "restart", "name": str(name)}:
                item = self._find(name)
                item.stop(lambda: item.start(lambda: reply(item.show())))
            case {"command": "kill", "name": str(name), "signal": int(number)}:
                self._find(name).kill(number)
                reply(self._find(name).show())
            case {"command": "remove", "name": str(name)}:
                self._remove(name, reply)
            case {"command": "show", "name": str(name)}:
                reply(self._find(name).show())
            case {"command": "quit"}:
                reply({"ended": True, "running": sorted(self._workloads)})
                self.loop.stop()
            case {"command": "show"}:
                reply({"workloads": [item.show() for item in self._workloads.values()]})
            case _:
                raise Refused("the request is not one this supervisor knows; is the client of another version?")

    def _find(self, name: str) -> workload.Workload:
        if name not in self._workloads:
            raise Refused(f"there is no workload {name!r}; 'show --all' lists those there are")
        return self._workloads[name]

    def _define(self, wanted: spec.Spec) -> workload.Workload:
        """Keep the spec. A running workload goes on as it is; a changed spec holds from its next start."""
        item = self._workloads.get(wanted.name)
        if item is not None and item.spec.data == wanted.data:
            return item
        folder = f"{self.folder}/workloads/{wanted.name}"
        os.makedirs(folder, mode=0o700, exist_ok=True)
        record.write(f"{folder}/spec.json", wanted.data, durable=True)
        if item is None:
            return self._add(workload.Workload(self._host, folder, wanted))
        item.spec = wanted
        return item

    def _remove(self, name: str, reply: "Reply") -> None:
        if name not in self._workloads:
            reply({"removed": False, "name": name})
            return
        item = self._workloads[name]

        def gone() -> None:
            if self._workloads.get(name) is item:
                self._forget(item)
            reply({"removed": True, "name": name})

        item.stop(gone)

    def _catch_up(self) -> list[dict[str, object]]:
        return [item.event("state") for item in self._workloads.values()]

    # Bounded output

    def _watch(self, item: workload.Workload) -> None:
        item.output.trim(item.spec.log_maximum)
        self._watches[linux.inotify_add(self._inotify, item.output.path, linux.IN_MODIFY)] = item

    def _output_grew(self) -> None:
        """Look at the sizes, then not again for a moment: a chatty workload does not keep the supervisor busy."""
        for watch in {watch for watch, _, _ in linux.inotify_read(self._inotify)}:
            item = self._watches.pop(watch, None)
            if item is not None:
                linux.inotify_remove(self._inotify, watch)
                item.output.trim(item.spec.log_maximum)
                self.loop.later(_LOOK_AGAIN, lambda item=item: self._look_again(item))  # type: ignore[misc]

    def _look_again(self, item: workload.Workload) -> None:
        if self._workloads.get(item.spec.name) is item:
            self._watch(item)
