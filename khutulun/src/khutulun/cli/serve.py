"""`khutulun serve`."""

from pathlib import Path

import click


@click.command()
@click.option("--system", "scope", flag_value="system", help="For the whole machine.  [default for root]")
@click.option("--user", "scope", flag_value="user", help="For one user.  [default for everyone else]")
@click.option("--state", type=click.Path(path_type=Path, file_okay=False), help="Keep everything below this folder.")
@click.option("--socket", type=click.Path(path_type=Path), envvar="KHUTULUN_SOCKET", help="Listen here.")
@click.option(
    "--keep-records",
    type=click.IntRange(100),
    default=10_000,
    show_default=True,
    metavar="N",
    help="Of each service keep the newest N events, and as many records of each other kind.",
)
@click.option(
    "--keep-days",
    type=click.FloatRange(0, min_open=True),
    default=30.0,
    show_default=True,
    metavar="DAYS",
    help="Forget events and what handled them after DAYS.",
)
@click.option(
    "--keep-history",
    type=click.FloatRange(0),
    default=90.0,
    show_default=True,
    metavar="DAYS",
    help="Forget what made a service DAYS after it is gone, and the audit log after as many.",
)
@click.option(
    "--trust",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Deploy only archives that were signed by somebody in FILE.",
)
@click.option(
    "--log-level", type=click.Choice(["debug", "info", "warning", "error"]), default="info", show_default=True
)
def serve(
    scope: str | None,
    state: Path | None,
    socket: Path | None,
    keep_records: int,
    keep_days: float,
    keep_history: float,
    trust: Path | None,
    log_level: str,
) -> None:
    """Serve this machine: conductor and agent in one process, with SQLite, on a unix socket.

    It stays in the foreground; Ctrl-C stops it. Workloads keep running when it stops, and what was going on goes on
    when it is started again. What made a service that is there is never forgotten.

    \b
    Examples:
      khutulun serve
      khutulun serve --user --state ~/trial
      khutulun serve --trust /etc/khutulun/signers
    """
    from khutulun import paths, server
    from khutulun.conductor.retention import Retention
    from khutulun.conductor.trust import required

    chosen = paths.Scope(scope) if scope else paths.default_scope()
    keep = Retention(keep_records, keep_days, keep_history)
    trusted = required(trust) if trust is not None else None
    server.serve(chosen, state=state, socket=socket, log_level=log_level, keep=keep, trusted=trusted)
