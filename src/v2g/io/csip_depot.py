"""A depot as a client of IEEE 2030.5 (CSIP): `py20305` finds and follows the server, its controls become requests.

Events end by themselves, whatever becomes of the server. Once it has not answered for `silence_s` they are given up and
the default control holds, as CSIP has it.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from py20305.client import TlsConfig
from py20305.connectors.modes import translate_controls
from py20305.security import compute_lfdi
from py20305.telemetry import TelemetryCoordinator

from v2g.depot.configuration import Configuration
from v2g.depot.desk import Channel
from v2g.depot.grid_configuration import Csip
from v2g.depot.request import LARGEST_W, LAST_UNIX_S
from v2g.io import library_log
from v2g.io.csip_client import FollowingClient
from v2g.io.grid_depot import Depot, Plant, ratings_of
from v2g.kernel.errors import V2GError
from v2g.languages.csip import controls
from v2g.languages.csip.controls import Controls, Event, Values

AGAIN_S = 10.0
"""Until a server that cannot be reached is tried again."""
_LATEST_S = 3_600.0
"""By which the standard lets a start or a duration be randomized."""
_EVSE = 82
"""The type of DER."""
_MODES = sum(1 << bit for bit in (0, 1, 2, 3, 7, 20, 22))
"""DERControlType: charge, discharge, opModConnect, Energize, FixedW, MaxLimW, TargetW."""
_READ = {
    "update_target_w": (controls.TARGET, "watts"),
    "update_fixed_w": (controls.FIXED, "WSet"),
    "update_p_lim": (controls.MOST_PCT, "p_lim_w"),
    "update_p_lim_inj": (controls.MOST_W, "p_lim_watts"),
    "update_p_lim_abs": (controls.LOAD_W, "p_lim_watts"),
    "update_exp_lim": (controls.EXPORT, "exp_lim_w"),
    "update_imp_lim": (controls.IMPORT, "imp_lim_w"),
    "update_gen_lim": (controls.GENERATION, "gen_lim_w"),
    "update_load_lim": (controls.LOAD, "load_lim_w"),
    "update_connect": (controls.CONNECT, "connected"),
}
"""By what `py20305` would call: the mode, and where its value is."""


class Dispatcher:
    """`py20305.events.dispatch.ControlDispatcher`: what the server's events and default ask for."""

    def __init__(self, plant: Plant, by: str, report: Callable[[str], None]) -> None:
        self._plant, self._by, self._report = plant, by, report
        self._controls = Controls(plant.ratings)
        self._strange = frozenset[str]()
        self.ahead: Callable[[], float] = lambda: 0.0
        """By how much the server's clock is ahead of this machine's, s."""
        self.heard: Callable[[], float | None] = lambda: None
        """When the server was understood last, in Unix seconds of this machine."""
        self._heard_s = time.time()

    async def apply_control(self, device_href: str, derc: Any, curves: Any) -> None:
        """An event has begun."""
        late_s = sum(_clamped(abs(each.value), _LATEST_S) for each in (derc.randomize_start, derc.randomize_duration)
                     if each is not None)  # fmt: skip
        ends_s = _clamped(derc.interval.start.value + derc.interval.duration, LAST_UNIX_S) + late_s
        until_s = min(ends_s - self.ahead(), LAST_UNIX_S)
        self._controls.start(derc.m_rid.value.hex(), Event(self._values(derc.dercontrol_base, curves), until_s))
        self._ask()

    async def apply_default_control(
        self, device_href: str, dderc: Any, curves: Any, *, origin: str = "", cause_mrid: bytes | None = None
    ) -> None:
        """What holds behind the events; `cause_mrid`: of one that is over."""
        self._controls.default = self._values(dderc.dercontrol_base, curves)
        await self.disable_modes(device_href, frozenset(), cause_mrid=cause_mrid or b"")

    async def clear_control(self, device_href: str, *, cause_mrid: bytes | None = None) -> None:
        """An event is given up; None: all of them."""
        await self.disable_modes(device_href, frozenset(), cause_mrid=cause_mrid)

    async def disable_modes(self, device_href: str, modes: frozenset[str], *, cause_mrid: bytes | None = None) -> None:
        """An event is over."""
        self._controls.end(None if cause_mrid is None else cause_mrid.hex(), self._plant.depot.now())
        self._ask()

    apply_control_by_lfdi = apply_control
    apply_default_control_by_lfdi = apply_default_control
    clear_control_by_lfdi = clear_control
    disable_modes_by_lfdi = disable_modes

    def lapse(self, silence_s: float) -> None:
        """Give up the events of a server that has been silent for so long, also while it is looked for again."""
        self._heard_s = max(self.heard() or 0.0, self._heard_s)
        if self._controls.events and time.time() - self._heard_s > silence_s:
            self._controls.end(None, self._plant.depot.now())
            self._ask()

    async def relay_schedule_notification(self, *_: Any, **__: Any) -> None:
        """What is to come is no request yet."""

    def _values(self, base: Any, curves: Any) -> Values:
        found, strange = dict[str, float](), set[str]()
        for method, params in translate_controls(base, curves):
            mode, key = _READ.get(method, ("", ""))
            if mode:
                found[mode] = _clamped(params[key], LARGEST_W)
            else:
                strange.add(method.removeprefix("update_"))
        if strange - self._strange:
            self._report(f"IEEE 2030.5: a depot has no mode {', '.join(sorted(strange))}; set it at its stations")
        self._strange |= strange
        return found

    def _ask(self) -> None:
        now = self._plant.depot.now()
        asked = self._controls.power(now)
        with self._reporting():
            self._plant.limit(self._by, self._controls.limits(now))
        with self._reporting():
            if asked is None:
                self._plant.set_power(self._by, None)
            else:
                power_w, until_s, then_w = asked
                self._plant.set_power(self._by, power_w, until_s - now, then_w)

    @contextmanager
    def _reporting(self) -> Iterator[None]:
        try:
            yield
        except V2GError as error:
            self._report(f"IEEE 2030.5: {error}")


def _clamped(value: float, most: float) -> float:
    """A number of any size, also an integer beyond all floats."""
    return float(max(-most, min(most, value)))


class Shown:
    """`py20305.connectors.base.BaseConnector`, as far as it reads: what the server gets to know."""

    connector_name, telemetry_protocol, der_type = "v2g depot", "generic", _EVSE

    def __init__(self, plant: Plant) -> None:
        self.plant = plant

    async def fetch_monitoring(self) -> dict[str, Any]:
        """Generation is positive."""
        seen = self.plant.seen()
        return {"W": seen.generated_w, "Hz": seen.frequency_hz}

    def reading_overrides(self) -> None:
        """None."""

    async def fetch_nameplate(self) -> dict[str, Any]:
        """Ratings."""
        charge_w, discharge_w = self.plant.ratings.charge_w, self.plant.ratings.discharge_w
        return {"WMaxRtg": discharge_w, "WDisChaRteMaxRtg": discharge_w, "WChaRteMaxRtg": charge_w,
                "VAMaxRtg": self.plant.ratings.apparent_va, "CtrlModes": _MODES}  # fmt: skip

    async def fetch_configuration(self) -> dict[str, Any]:
        """Settings: the ratings."""
        charge_w, discharge_w = self.plant.ratings.charge_w, self.plant.ratings.discharge_w
        return {"WMax": discharge_w, "WDisChaRteMax": discharge_w, "WChaRteMax": charge_w,
                "VAMax": self.plant.ratings.apparent_va, "CtrlModes": _MODES}  # fmt: skip

    async def fetch_availability(self) -> dict[str, Any]:
        """What can be generated now."""
        return {"statWAvail": {"value": round(self.plant.seen().discharge_w), "multiplier": 0}}

    async def fetch_status(self) -> dict[str, Any]:
        """Whether it is there, and the state of charge."""
        seen, now = self.plant.seen(), int(self.plant.depot.now())
        connected = 0 if seen.state == "OFF" else 7 if seen.state == "RUNNING" else 3
        shown: dict[str, Any] = {
            "alarmStatus": 0,
            "genConnectStatus": {"dateTime": now, "value": connected},
            "operationalModeStatus": {"dateTime": now, "value": 1 if seen.state == "OFF" else 2},
            "readingTime": now,
        }
        if seen.soc_pu is not None:
            shown["stateOfChargeStatus"] = {"dateTime": now, "value": round(10_000 * seen.soc_pu)}
        return shown


async def serve(depot: Depot, configuration: Configuration, settings: Csip, report: Callable[[str], None]) -> None:
    """Serve until cancelled."""
    library_log.follow("py20305", report)
    plant = Plant(depot, ratings_of(configuration), Channel.IEEE_2030_5)
    dispatcher = Dispatcher(plant, f"IEEE 2030.5 server {urlsplit(settings.url).hostname}", report)
    plant.set_power("", None)  # what an earlier process was asked for holds once the server says so again
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_watched(settings, dispatcher))
        said = ""
        while True:
            try:
                await _followed(settings, dispatcher, Shown(plant), report)
            except Exception as error:  # of the library too: a server may answer with anything
                if said != str(error):
                    said = str(error)
                    report(f"IEEE 2030.5: {settings.url}: {said or type(error).__name__}")
            await asyncio.sleep(min(AGAIN_S, settings.silence_s))


async def _watched(settings: Csip, dispatcher: Dispatcher) -> None:
    """For ever."""
    while True:
        dispatcher.lapse(settings.silence_s)
        await asyncio.sleep(max(1.0, settings.silence_s / 10))


async def _followed(settings: Csip, dispatcher: Dispatcher, shown: Any, report: Callable[[str], None]) -> None:
    """Follow the server until it has to be found again. `shown`: a `Shown`."""
    lfdi = compute_lfdi(settings.certificate.read_text())
    report(f"IEEE 2030.5: this depot's LFDI is {lfdi.upper()}, its server is {settings.url}")
    tls = TlsConfig(settings.certificate, settings.private_key, settings.roots)
    beat_s = max(1, settings.silence_s // 4)
    client = FollowingClient(
        settings.url, tls=tls, dispatcher=dispatcher, dcap_path=settings.path, comms_loss_seconds=settings.silence_s,
        comms_loss_eval_seconds=max(1, settings.silence_s // 10), connection_heartbeat_seconds=beat_s,
        registration_pins=None if settings.pin is None else {lfdi: settings.pin},
    )  # fmt: skip
    dispatcher.heard = lambda: client._http.last_contact_epoch
    dispatcher.ahead = lambda: client.timebase.now() - shown.plant.depot.now()
    coordinator: Any = None
    try:
        await client.connect()
        if lfdi not in {each.lfdi.hex() for each in client.state.end_devices.values()}:
            report(f"IEEE 2030.5: the server has no device {lfdi.upper()}; its operator has to enter it")
        coordinator = TelemetryCoordinator(
            client, lfdis=[lfdi], connector_resolver=lambda _: shown, post_rate_seconds=settings.post_s
        )
        coordinator.setup()
        coordinator.start_device_telemetry()

        async def rediscover() -> None:
            await client.trigger_rediscovery()

        client.set_on_structural_change(rediscover)
        client.set_on_rediscovered(coordinator.restart_device_telemetry)
        await client.run()
    finally:
        if coordinator is not None:
            await coordinator.shutdown()
        await client.shutdown()
