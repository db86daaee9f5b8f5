"""One workload: what it should be doing, what it does, and how it gets from one to the other."""

import os
import signal
import time

from khutulun.supervisor import cgroups, identity, launch, output, processes, readiness, record, spec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from khutulun.supervisor import loop

_ENDED = ("stopped", "failed", "exited", "finished")


class Host:
    """What a workload needs of the daemon: the loop, the control groups, and where events go."""

    def __init__(
        self, events: "loop.Loop", hierarchy: cgroups.Hierarchy, emit: "Callable[[dict[str, object]], None]"
    ) -> None:
        self.loop = events
        self.hierarchy = hierarchy
        self.emit = emit


class Workload:
    """A workload and its folder. All calls come from the daemon's loop.

    States: stopped, waiting (for its schedule), starting, running (and ready), restarting, stopping, and the three ends
    exited (a process, cleanly), finished (a job, with success) and failed.
    """

    def __init__(self, host: Host, folder: str, wanted: spec.Spec) -> None:
        self.host = host
        self.folder = folder
        self.spec = wanted
        self.output = output.Output(folder)
        self.record = record.Record(f"{folder}/state.json")
        self.processes = processes.Processes(host.loop)
        self._probe: readiness.Probe | None = None
        self._timers: dict[str, loop.Timer] = {}
        self._starts: list[float] = []
        self._waiting: list[Callable[[], None]] = []
        self._held = False

    # What is asked of it

    def start(self, done: "Callable[[], None]") -> None:
        """Start it; `done` is called when it is ready, has finished, or has failed. A finished job stays finished."""
        state = self.record.state
        if state in ("running", "waiting", "finished"):
            done()
        elif state in ("starting", "restarting"):
            self._waiting.append(done)
        elif self.processes.ending:
            self._waiting.append(lambda: self.start(done))
        else:
            self.record.wanted, self.record.restarts, self._starts = True, 0, []
            if self.spec.schedule:
                self._arm(self.spec.schedule.delay)
                done()
            else:
                self._waiting.append(done)
                self._launch("started", durable=True)

    def stop(self, done: "Callable[[], None]") -> None:
        """End it and all its processes; `done` is called when none is left."""
        self.record.wanted = False
        self._cancel()
        if self.record.state in _ENDED and not self.processes.ending:
            self._become("stopped", durable=True)
            done()
            return
        self._waiting.append(done)
        if self.record.state != "stopping":
            self._become("stopping", durable=True)
            self.processes.end(self.spec.stop_signal, self.spec.stop_timeout, self._stopped)

    def kill(self, number: int) -> None:
        """Send a signal to its main process. Raises `ProcessLookupError`."""
        if self.record.process is None:
            raise ProcessLookupError(f"{self.spec.name} has no process")
        os.kill(self.record.process.pid, number)

    def resume(self, first: "Sequence[Workload]" = ()) -> None:
        """Take up what an earlier supervisor has written down: a process that still runs, or that ended meanwhile.

        After a reboot it is started again, when those that come `first` are up, or have failed to come up.
        """
        self.record.load()
        self.processes.group = self.host.hierarchy.existing(self.spec.name)
        if self.record.boot != identity.boot_id():
            self.record.boot, self.record.process, self.record.restarts = identity.boot_id(), None, 0
            self._resume_after_boot(first)
        elif self.record.process is not None:
            self._take_up(self.record.process)
        elif self.record.state == "stopping":
            self.processes.end(self.spec.stop_signal, self.spec.stop_timeout, self._stopped)
        elif self.record.state == "waiting":
            self._arm(max(0.0, self.record.next_run - time.time()))
        elif self.record.state in ("starting", "restarting"):
            self.processes.end(signal.SIGTERM, self.spec.stop_timeout, lambda: self._launch("restarted"))

    def forget(self) -> None:
        """Remove its files and control groups. It has to be stopped."""
        for name in os.listdir(self.folder):
            os.unlink(f"{self.folder}/{name}")
        os.rmdir(self.folder)
        if self.processes.group is not None:
            self.processes.group.remove()

    def show(self) -> dict[str, object]:
        """Everything that is known of it."""
        found = {"name": self.spec.name, "pid": self.record.process.pid if self.record.process else 0}
        more = {
            "processes": sorted(self.processes.members()),
            "output": self.output.path,
            "spec": self.spec.data,
        }
        return found | self.record.plain() | more

    # Starting

    def _launch(self, event: str, durable: bool = False) -> None:
        if not self._may_start():
            return
        limits, wanted = self.spec.limits, self.spec.readiness
        extra: dict[str, str] = {}
        if wanted and wanted.notify:
            extra["NOTIFY_SOCKET"] = "@" + self._notify_name()
        now = time.time()
        self.record.state, self.record.reason, self.record.result = "starting", "", None
        self.record.started = self.record.last_run = now
        descriptor = self.output.open()
        try:
            self.processes.group = self.host.hierarchy.group(self.spec.name, limits.memory, limits.cpu, limits.tasks)
            self.record.position = self.output.end()
            self._listen(self.record.position)
            pid = launch.launch(
                self.spec,
                self.spec.arguments,
                descriptor,
                self.processes.group,
                extra,
                lambda pid: self._born(pid, durable),
            )
        except (launch.LaunchError, cgroups.LimitRefused, OSError) as error:
            self._refused(str(error), event)
            return
        finally:
            os.close(descriptor)
        self.host.loop.child(pid, lambda status: self._ended(record.Result(status)))
        self.emit(event)
        self._await_readiness()

    def _may_start(self) -> bool:
        now, restart = time.monotonic(), self.spec.restart
        self._starts = [then for then in self._starts if now - then < restart.interval]
        if not restart.burst or len(self._starts) < restart.burst:
            self._starts.append(now)
            return True
        self.record.wanted = False
        self.record.reason = f"started {restart.burst} times within {restart.interval:g} s"
        self.emit("failed", "failed")
        self._become("failed")
        return False

    def _born(self, pid: int, durable: bool) -> None:
        self.record.process = identity.of(pid)
        self.processes.leader = pid
        self.record.save(durable)

    def _refused(self, reason: str, event: str) -> None:
        self._cancel()
        self.record.process, self.record.reason = None, reason
        self.processes.leader = 0
        again = event == "restarted" and self.spec.restart.policy != "never"
        self.emit("failed", "restarting" if again else "failed")
        if again:
            self._restart_later()
        else:
            self.record.wanted = self.spec.schedule is not None
            self._become("failed")
            self._rearm()

    def _listen(self, position: int) -> None:
        """Begin to wait for what the process itself may say, before it runs."""
        wanted = self.spec.readiness
        if wanted and wanted.log:
            self._probe = readiness.LogProbe(self.host.loop, self._is_ready, self.output, position, wanted.log)
        elif wanted and wanted.notify:
            name = self._notify_name()
            self._probe = readiness.NotifyProbe(self.host.loop, self._is_ready, name, self._is_member)

    def _await_readiness(self, passed: float = 0.0) -> None:
        wanted = self.spec.readiness
        if self.spec.kind == "job":
            if self.spec.timeout:
                self._later("timeout", max(0.0, self.spec.timeout - passed), self._too_slow)
        elif wanted is None:
            self._is_ready()
        else:
            self._later("timeout", max(0.0, wanted.timeout - passed), self._too_slow)
            if wanted.port:
                self._probe = readiness.PortProbe(self.host.loop, self._is_ready, wanted.address, wanted.port)
            elif wanted.command:
                self._probe = readiness.CommandProbe(self.host.loop, self._is_ready, self._run_probe)

    def _run_probe(self) -> int:
        assert self.spec.readiness is not None
        descriptor = self.output.open()
        try:
            return launch.launch(self.spec, self.spec.readiness.command, descriptor, self.processes.group, {})
        finally:
            os.close(descriptor)

    def _notify_name(self) -> str:
        found = os.stat(self.folder)
        return f"khutulun-supervisor/{found.st_dev:x}-{found.st_ino:x}"

    def _is_member(self, pid: int, uid: int) -> bool:
        if identity.status(pid) is None:  # it was quick to end; nobody but its own user or root is believed
            return uid in (0, launch.Account(self.spec.user, self.spec.group).uid)
        return pid in self.processes.members()

    def _is_ready(self) -> None:
        self._cancel()
        self.emit("ready", "running")
        self._become("running")

    def _too_slow(self) -> None:
        self._cancel()
        wanted = self.spec.readiness
        limit, what = (wanted.timeout, "ready") if wanted else (self.spec.timeout, "finished")
        self.record.reason = f"not {what} within {limit:g} s"
        self.processes.end(self.spec.stop_signal, self.spec.stop_timeout, lambda: None)

    # Ending

    def _take_up(self, process: identity.Identity) -> None:
        self.processes.leader = process.pid
        descriptor = process.open()
        if descriptor is None:
            self._ended(record.Result(None))
            return
        self.host.loop.watch(descriptor, lambda: self._adopted_ended(descriptor))
        if self.record.state == "stopping":
            self.processes.end(self.spec.stop_signal, self.spec.stop_timeout, self._stopped)
        elif self.record.state == "starting":
            self._listen(self.record.position)
            self._await_readiness(time.time() - self.record.started)

    def _adopted_ended(self, descriptor: int) -> None:
        self.host.loop.unwatch(descriptor)
        os.close(descriptor)
        self._ended(record.Result(None))

    def _ended(self, result: record.Result) -> None:
        self._cancel()
        self.record.process, self.record.result = None, result.plain()
        if self.record.state == "stopping":
            self.processes.end(self.spec.stop_signal, self.spec.stop_timeout, self._stopped)
            return
        clean = result.clean(self.spec.kind) and not self.record.reason
        policy = self.spec.restart.policy
        again = self.record.wanted and (policy == "always" or (policy == "on-failure" and not clean))
        done = "finished" if self.spec.kind == "job" else "exited"
        final = "restarting" if again else done if clean else "failed"
        plan = self.spec.schedule
        waits = not again and self.record.wanted and plan is not None and (plan.calendar or plan.interval)
        self.emit("exited" if clean else "failed", "waiting" if waits else final)
        self.processes.end(signal.SIGTERM, self.spec.stop_timeout, lambda: self._after_end(final))

    def _after_end(self, final: str) -> None:
        if final == "restarting":
            self._restart_later()
            return
        self.record.wanted = self.record.wanted and self.spec.schedule is not None
        self._become(final)
        self._rearm()

    def _restart_later(self) -> None:
        self.record.restarts += 1
        self._become("restarting")
        self._later("restart", self.spec.restart.delay, lambda: self._launch("restarted"))

    def _stopped(self) -> None:
        if self.record.process is None:
            self.emit("stopped", "stopped")
            self._become("stopped", durable=True)

    # Schedules and reboots

    def _arm(self, delay: float) -> None:
        """Wait for the next run: at the schedule's calendar, or after `delay` seconds."""
        plan = self.spec.schedule
        assert plan is not None
        if plan.calendar is None:
            self.record.next_run = time.time() + delay
            self._later("schedule", delay, self._due)
        else:
            after = self.record.last_run if plan.catch_up and self.record.last_run else time.time()
            found = plan.calendar.next(after)
            self.record.next_run = found or 0.0
            if found:
                self._timers["schedule"] = self.host.loop.at(found, self._due)
        self._become("waiting", durable=True)

    def _rearm(self) -> None:
        """Wait for the next run; a job without another one runs again when the machine has been restarted."""
        plan = self.spec.schedule
        if plan is not None and self.record.wanted and (plan.calendar or plan.interval):
            self._arm(max(0.0, plan.interval - (time.time() - self.record.last_run)))

    def _due(self) -> None:
        self._starts = []
        self._launch("started")

    def _resume_after_boot(self, first: "Sequence[Workload]") -> None:
        self.record.wanted = self.record.wanted and not self.spec.transient
        plan = self.spec.schedule
        if not self.record.wanted:
            self._become("stopped" if self.record.state not in _ENDED else self.record.state)
        elif plan and self._is_due_at_boot():
            self._after(first, lambda: self._arm(plan.delay))
        elif plan:
            self._arm(plan.delay)
        elif self.spec.kind == "job":
            self.record.wanted, self.record.reason = False, "interrupted by the machine's restart"
            self._become("failed")
            self.emit("failed")
        else:
            self._after(first, lambda: self._launch("started"))

    def _is_due_at_boot(self) -> bool:
        """Whether it is a job that runs once after each start of the machine."""
        plan = self.spec.schedule
        return plan is not None and not plan.calendar and not plan.interval

    def _after(self, first: "Sequence[Workload]", go: "Callable[[], None]") -> None:
        """Go on when none of `first` is on its way up any more, whatever became of it."""

        def look() -> None:
            rising = next((one for one in first if one._is_rising()), None)
            if rising is not None:
                rising._waiting.append(look)
            elif self._held:
                self._held = False
                go()

        if any(one._is_rising() for one in first):
            self._become("starting")
        self._held = True
        look()

    def _is_rising(self) -> bool:
        return self.record.state == "starting" or (self.record.state == "waiting" and self._is_due_at_boot())

    # Bookkeeping

    def emit(self, event: str, state: str = "") -> None:
        """Tell the subscribers. `state` is what it goes over to, when that is not its state yet."""
        self.host.emit(self.event(event) | ({"state": state} if state else {}))

    def event(self, name: str) -> dict[str, object]:
        """An event of this workload, for JSON."""
        result = self.record.result or {"exit_code": None, "signal": None, "status": "known"}
        return {
            "event": name,
            "name": self.spec.name,
            "time": time.time(),
            "pid": self.record.process.pid if self.record.process else 0,
            "state": self.record.state,
            "detail": result | {"restarts": self.record.restarts, "reason": self.record.reason},
            "labels": self.spec.labels,
        }

    def _become(self, state: str, durable: bool = False) -> None:
        self.record.state = state
        self.record.save(durable)
        if state not in ("starting", "stopping"):
            waiting, self._waiting = self._waiting, []
            for done in waiting:
                done()

    def _later(self, key: str, seconds: float, call: "Callable[[], None]") -> None:
        if key in self._timers:
            self._timers[key].cancel()
        self._timers[key] = self.host.loop.later(seconds, call)

    def _cancel(self) -> None:
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self._held = False
        if self._probe is not None:
            self._probe.cancel()
            self._probe = None
