"""The triggers that pull: Service Bus pumps and timers, started and stopped together."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from local.conventions import stop_if_broken
from local.host.functions import AppLoadError, FunctionDef
from local.host.hostjson import HostConfig
from local.host.invoker import Invoker
from local.host.lease import Lease
from local.host.protos import TypedData
from local.host.schedule import Schedule, ScheduleError
from local.host.settings import SettingsError, resolve
from local.host.timers import Clock, StatusFile, Timer
from local.host.worker import Attempt

if TYPE_CHECKING:
    from local.host.bus import Bus

logger = logging.getLogger("host")


class Triggers:
    """Pumps and timers of the enabled functions. Building it checks every trigger before anything starts."""

    def __init__(
        self, functions: Iterable[FunctionDef], config: HostConfig, invoker: Invoker, data_dir: Path, clock: Clock
    ) -> None:
        self._invoker = invoker
        self._timers: list[Timer] = []
        self._ticking: list[asyncio.Task[None]] = []
        self._bus: Bus | None = None
        for function in functions:
            if function.disabled:
                logger.info("function=%s is disabled by an app setting", function.name)
                continue
            try:
                if function.trigger["type"] == "serviceBusTrigger":
                    self._listen(function, config)
                elif function.trigger["type"] == "timerTrigger":
                    self._timers.append(self._timer(function, data_dir, clock))
            except (SettingsError, ScheduleError) as error:
                raise AppLoadError(f"function '{function.name}': {error}") from error

    def _listen(self, function: FunctionDef, config: HostConfig) -> None:
        if self._bus is None:
            from local.host.bus import Bus  # the client takes half a second to import; not every host needs it

            self._bus = Bus(config.service_bus, self._invoker)
        self._bus.add(function)

    def _timer(self, function: FunctionDef, data_dir: Path, clock: Clock) -> Timer:
        trigger = function.trigger
        schedule = Schedule(resolve(trigger["schedule"]))
        monitored = trigger.get("useMonitor") is not False and not schedule.is_frequent()
        for remark in schedule.remarks:
            logger.warning("function=%s: schedule '%s' %s", function.name, schedule.expression, remark)

        async def run_once(data: TypedData, attempt: Attempt) -> bool:
            return (await self._invoker.invoke(function, data, attempt=attempt)).succeeded

        return Timer(
            name=function.name,
            schedule=schedule,
            run_once=run_once,
            clock=clock,
            status_file=StatusFile(data_dir / "timers" / f"{function.name}.json") if monitored else None,
            lease=Lease(data_dir / "timers" / f"{function.name}.lock"),
            run_on_startup=bool(trigger.get("runOnStartup")),
            retry=function.retry,
        )

    def start(self) -> None:
        """Begin to listen and to tick."""
        if self._bus:
            self._bus.start()
        for timer in self._timers:
            task = asyncio.create_task(timer.run(), name=f"timer {timer.name}")
            task.add_done_callback(stop_if_broken)
            self._ticking.append(task)

    def stop(self) -> None:
        """Start no more invocations; running ones go on."""
        if self._bus:
            self._bus.stop()
        for task in self._ticking:
            task.cancel()

    async def close(self) -> None:
        """Wait until messages in flight are settled, and close the clients."""
        await asyncio.gather(*self._ticking, return_exceptions=True)
        if self._bus:
            await self._bus.close()
