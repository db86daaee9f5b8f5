"""The text of unit files, as an administrator would have written them."""

from collections.abc import Iterable, Iterator

from floria_plugin import units
from floria_plugin.driver import Site
from floria_plugin.units import Setting, argument, changed, quote, span, text
from process_driver.commands import Command

__all__ = ["TARGETS", "WITHOUT_RESTART", "changed", "quote", "service", "settings", "span", "timer", "unit", "wanting"]


WITHOUT_RESTART = units.WITHOUT_RESTART | {"CPUQuota", "KillSignal", "MemoryMax", "TasksMax"}
"""Settings that a running unit takes over when the manager reloads."""

TARGETS = (units.BOOT, units.USER_BOOT, units.TIMERS)
"""What wants units that come back at boot."""


def service(site: Site, command: Command) -> str:
    """Return the file of the service unit."""
    install = [] if command.job else [("WantedBy", wanting(site, command))]
    about = [*unit(site, command), *units.order(site)]
    return _file(site, [("Unit", about), ("Service", settings(command)), ("Install", install)])


def timer(site: Site, command: Command) -> str:
    """Return the file of the timer unit of a scheduled job."""
    plan = command.schedule
    assert plan is not None
    when: list[Setting] = []
    if plan.calendar:
        when.append(("OnCalendar", plan.calendar.replace("%", "%%")))
        if plan.catch_up:
            when.append(("Persistent", "yes"))
    else:
        when.append(("OnActiveSec", span(plan.delay)))
    if plan.interval:
        when.append(("OnUnitActiveSec", span(plan.interval)))
    coarse = bool(plan.calendar) or min(plan.delay or plan.interval, plan.interval or plan.delay) >= 60
    when.append(("AccuracySec", "1s" if coarse else "1ms"))
    about = [("Description", f"Schedule of {units.title(site)}")]
    return _file(site, [("Unit", about), ("Timer", when), ("Install", [("WantedBy", wanting(site, command))])])


def wanting(site: Site, command: Command) -> str:
    """Return the target that brings it back at boot: of a scheduled job, its timer."""
    return units.TIMERS if command.schedule else units.wanted_by(site)


def unit(site: Site, command: Command) -> list[Setting]:
    """Return the settings of the section Unit."""
    return [("Description", units.title(site)), *([] if command.job else units.bursts(command.restart))]


def settings(command: Command) -> list[Setting]:
    """Return the settings of the section Service."""
    found: list[Setting] = [("Type", "oneshot" if command.job else "notify" if command.notify else "exec")]
    if command.notify:
        found += [("NotifyAccess", "all"), ("TimeoutStartSec", span(command.ready_timeout))]
    if command.job:
        found.append(("TimeoutStartSec", span(command.timeout) if command.timeout else "infinity"))
        if command.schedule is None:
            found.append(("RemainAfterExit", "yes"))
    found.append(("ExecStart", " ".join([quote(command.argv[0]), *(argument(word) for word in command.argv[1:])])))
    if "PATH" in command.environment:
        found.append(("ExecSearchPath", command.environment["PATH"].replace("%", "%%")))
    shown = [item for item in command.environment.items() if item[0] not in command.hidden]
    found += [("Environment", quote(f"{name}={value}")) for name, value in shown]
    found += [("EnvironmentFile", command.environment_file.replace("%", "%%"))] if command.hidden else []
    found += [("WorkingDirectory", command.directory.replace("%", "%%"))] if command.directory != "/" else []
    found += [("User", command.user)] if command.user else []
    found += [("Group", command.group)] if command.group else []
    if not command.job:
        found += units.restarts(command.restart)
    found += [("KillSignal", command.stop.signal), ("TimeoutStopSec", span(command.stop.timeout))]
    return found + list(_limits(command))


def hidden(command: Command) -> str:
    """Return the file of the variables that hold secrets (systemd.exec(5), EnvironmentFile)."""
    escapes = str.maketrans({character: "\\" + character for character in '"\\`$'})
    pairs = [(name, command.environment[name]) for name in sorted(command.hidden) if name in command.environment]
    return "".join(f'{name}="{value.translate(escapes)}"\n' for name, value in pairs)


def _limits(command: Command) -> Iterator[Setting]:
    limits = command.limits
    if limits.memory is not None:
        yield "MemoryMax", str(limits.memory)
    if limits.cpu is not None:
        yield "CPUQuota", f"{limits.cpu * 100:g}%"
    if limits.tasks is not None:
        yield "TasksMax", str(limits.tasks)
    if limits.open_files is not None:
        yield "LimitNOFILE", str(limits.open_files)


def _file(site: Site, sections: Iterable[tuple[str, list[Setting]]]) -> str:
    labels = [("Service", site.service), ("Node", site.node), ("Index", str(site.index))]
    return text([*sections, ("X-Khutulun", labels)])
