"""`khutulun serve`: conductor and agent in one process, with SQLite and a unix socket."""

import asyncio
import contextlib
import fcntl
import functools
import logging
import os
import signal
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from khutulun import model, notices, paths, shipped

if TYPE_CHECKING:
    from floria.store.interface import Store
    from khutulun.agent.agent import Agent
    from khutulun.conductor.conductor import Conductor
    from khutulun.conductor.retention import Retention

log = logging.getLogger(__name__)


class Running:
    """A server's parts, wired together."""

    def __init__(self, store: "Store", conductor: "Conductor", agent: "Agent") -> None:
        self.store, self.conductor, self.agent = store, conductor, agent


@contextlib.contextmanager
def assembled(
    where: paths.Paths,
    *,
    host: str | None = None,
    built_in: Mapping[str, Path] | None = None,
    keep: "Retention | None" = None,
    trusted: Path | None = None,
) -> Iterator[Running]:
    """Open the store, start conductor and agent, and go on with what was not finished; end them all on the way out.

    `host` is what this host is called, `built_in` the blobs of the built-in drivers; without them, its host name and
    those that are shipped; `keep` is what the journals remember, `trusted` the file of who may sign what is deployed.
    Raises `model.Refused` when the folders cannot be
    used.
    """
    from floria import plugins, store
    from floria.evaluation import Functions
    from floria.plugins.faults import Fault
    from floria.store.interface import StoreError
    from khutulun import tuning
    from khutulun.agent import journal
    from khutulun.agent.agent import Agent
    from khutulun.bus.local import LocalBus
    from khutulun.conductor import retention
    from khutulun.conductor.conductor import Conductor
    from khutulun.conductor.expressions import Expressions
    from khutulun.conductor.registry import Registry
    from puccini import functions as tosca

    with contextlib.ExitStack() as stack:
        make_folders(where)
        stack.enter_context(_alone(where))
        stack.enter_context(_told(StoreError, Fault))
        opened = store.open(f"sqlite:{where.store}")
        stack.callback(opened.close)
        over = LocalBus()
        stack.callback(over.close)
        resting = functools.partial(tuning.rest, opened)
        host_of_plugins = stack.enter_context(plugins.PluginHost(where.compiled, progress=_progress, rest=resting))
        library = Functions()
        expressions = Expressions(opened, host_of_plugins, Registry(), where.placeholders())
        tosca.register(library, expressions.run)
        library.resolver("*", expressions.resolve)
        try:
            agent = Agent(over, where, host_of_plugins, host)
        except journal.BadState as error:
            raise model.refuse("bad-state", str(error), hint=error.hint) from None
        stack.callback(agent.close)
        conductor = Conductor(opened, over, where, host_of_plugins, library, keep or retention.DEFAULT, trusted)
        stack.callback(conductor.close)  # before the agent, which still answers what is on its way
        stack.callback(agent.interrupt)
        stack.callback(conductor.halt)
        conductor.install_built_in(shipped.plugins() if built_in is None else built_in)
        agent.start()
        conductor.start()
        yield Running(opened, conductor, agent)


@contextlib.contextmanager
def _told(store: type[Exception], plugins: type[Exception]) -> Iterator[None]:
    """Turn what the store (a full disk, a newer version, damage) or the plugins cannot do into a refusal."""
    try:
        yield
    except store as error:
        raise model.refuse("store", str(error), hint=getattr(error, "hint", "")) from None
    except plugins as error:
        hint = "mend that, or name another folder for the cache with KHUTULUN_CACHE"
        raise model.refuse("plugins", str(error), hint=hint) from None


def make_folders(where: paths.Paths) -> None:
    """Make the folders of an installation. Raises `model.Refused`."""
    for folder in (where.state, where.run, where.artifacts, where.cache):
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o755)
        except OSError as error:
            raise model.refuse(
                "no-folder",
                f"cannot make {folder}: {error.strerror}",
                hint="run as root, or choose another place with --user or --state",
                where=str(folder),
            ) from None


@contextlib.contextmanager
def _alone(where: paths.Paths) -> Iterator[None]:
    """Hold the lock of the state folder: one server at a time. Raises `model.Refused`."""
    try:
        file = (where.state / "lock").open("w")
    except OSError as error:
        raise model.refuse(
            "no-folder",
            f"{where.state} cannot be written: {error.strerror}",
            hint="free some space or mend its permissions, or choose another folder with --state",
            where=str(where.state),
        ) from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise model.refuse(
                "already-running",
                f"another server uses {where.state}",
                hint="stop it first, or choose another folder with --state",
                where=str(where.state),
            ) from None
        with contextlib.suppress(OSError):  # the number only helps people
            os.pwrite(file.fileno(), f"{os.getpid()}\n".encode(), 0)
        yield


def serve(
    scope: paths.Scope,
    *,
    state: Path | None,
    socket: Path | None,
    log_level: str,
    keep: "Retention | None" = None,
    trusted: Path | None = None,
) -> None:
    """Serve until a signal says to stop. Raises `model.Refused`."""
    notices.configure(log_level)
    where = paths.paths(scope, state.absolute() if state is not None else None)
    from khutulun import tuning

    tuning.apply()
    with assembled(where, keep=keep, trusted=trusted) as running:
        asyncio.run(_listen(running, socket or where.socket))


async def _listen(running: Running, socket: Path) -> None:
    from khutulun.api import server

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def end() -> None:
        notices.notify("STOPPING=1", "STATUS=stopping")
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, end)
    await server.serve(running.conductor, socket, stop=stop, ready=lambda: _announce(socket))


def _announce(socket: Path) -> None:
    """Tell whoever waits that clients can connect: a person, and the service manager (sd_notify(3))."""
    print(f"khutulun: serving at {socket}", flush=True)
    notices.notify("READY=1", f"STATUS=serving at {socket}")


def _progress(what: str) -> None:
    """Tell people and the service manager what the start waits for."""
    log.info(what)
    notices.busy(what)
