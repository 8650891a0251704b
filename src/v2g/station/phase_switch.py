"""From three phases to one and back, at an EVSE whose L2 and L3 have a contactor of their own.

Nobody may switch a phase of a car that draws. So the car is asked to stop (X1), opens S2, both contactors open, and
stay so for `pause_s`. What closes next is the other number of phases. A car in a conversation keeps its phases: it
has agreed on them and plans with them; the switch waits for the end of its session.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf

from msgspec.structs import replace

from v2g.pilot.duty import LEAST_A
from v2g.station.config.settings import EvseSettings, PhaseSwitching
from v2g.station.event import PhasesChange
from v2g.station.power.situation import BackEndOrder, Injection, LocalOrder

ABOVE = 1.1
"""Three phases again if that much more is asked for than they need at least."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """How many phases there should be, and who wants that."""

    phases: int
    by: str


class PhaseSwitch:
    """Of one EVSE. `phases` are those in use, or to be used once the contactors close again."""

    def __init__(self, settings: PhaseSwitching) -> None:
        self.phases = 3
        self.goal: Wanted | None = None
        """What is wanted instead; None if nothing is."""
        self.waits = ""
        """What the switch waits for; empty if nothing holds it up, or none is wanted."""
        self._settings = settings
        self._began_s: float | None = None
        """Since when the car is to draw nothing."""
        self._open_s: float | None = None
        """Since when the contactors are seen open."""
        self._switched_s = -inf
        self._suits_since: float | None = None
        """Since when another number of phases suits the power that is asked for."""

    @property
    def interrupts(self) -> bool:
        """Whether no energy may flow, because phases are being switched."""
        return self._began_s is not None

    @property
    def status(self) -> str:
        """For a person; empty if the phases are as they should be."""
        if self.goal is None:
            return ""
        doing = "is under way" if self.interrupts else f"waits: {self.waits}"
        return f"the switch to {_named(self.goal.phases)} ({self.goal.by}) {doing}"

    def step(
        self, wanted: Wanted, *, is_open: bool, plugged: bool, in_session: bool, now: float
    ) -> Iterator[PhasesChange]:
        """`is_open`: both contactors are seen open. `plugged`: a car is at the cable, as far as anybody knows.
        `in_session`: it is in a conversation."""
        self._open_s = None if not is_open else now if self._open_s is None else self._open_s
        if wanted.phases == self.phases:
            self.goal, self._began_s, self.waits = None, None, ""
            return
        self.goal = wanted
        if in_session:  # a car that began to talk meanwhile has agreed on the phases of before
            self._began_s = None
        if self._began_s is None:
            self.waits = self._why_wait(in_session, now)
            if self.waits:
                return
            self._began_s = now
            yield PhasesChange(f"switching to {_named(wanted.phases)}, as {wanted.by} wants")
        pause_s = self._settings.pause_s if plugged else 0.0
        if self._open_s is not None and now - max(self._open_s, self._began_s) >= pause_s:
            self.phases, self._switched_s = wanted.phases, now
            self.goal, self._began_s = None, None
            yield PhasesChange(f"{_named(wanted.phases)} from now on")

    def suited(self, asked_w: float, phase_v: float, now: float) -> int:
        """How many phases suit a power that is asked for, once it has been so for `after_s`. `phase_v`: of each phase.

        Less than one phase needs at least suits none, and changes nothing."""
        one_w, found = LEAST_A * phase_v, self.phases
        if asked_w >= 3 * one_w * (ABOVE if self.phases == 1 else 1.0):
            found = 3
        elif asked_w >= one_w:
            found = 1
        self._suits_since = None if found == self.phases else now if self._suits_since is None else self._suits_since
        lasted = self._suits_since is not None and now - self._suits_since >= self._settings.after_s
        return found if lasted else self.phases

    def _why_wait(self, in_session: bool, now: float) -> str:
        if in_session:
            return "the car has agreed on its phases, until its session ends"
        left_s = self._switched_s + self._settings.every_s - now
        return f"the phases were switched just before, {left_s:.0f} s more" if left_s > 0 else ""


def phase_switch_of(settings: EvseSettings) -> PhaseSwitch | None:
    """That of an EVSE with alternating current alone and a contactor of L2 and L3; None for any other."""
    dc = any(service.startswith("DC") for service in settings.services)
    return None if settings.phase_contactor is None or dc else PhaseSwitch(settings.phase_switching)


def with_phases(whole: EvseSettings, phases: int) -> EvseSettings:
    """The settings while that many phases are in use: each of them carries no more than its part of the whole."""
    if phases == whole.phases:
        return whole
    own, share = whole.capability, phases / whole.phases
    part = replace(own, charge_w=own.charge_w * share, discharge_w=own.discharge_w * share)
    return replace(whole, phases=1, capability=part)


def wanted_of(
    switch: PhaseSwitch,
    settings: EvseSettings,
    back_end: BackEndOrder | None,
    local: LocalOrder,
    injection: Injection | None,
    now: float,
) -> Wanted:
    """How many phases there should be: one if the back end says so, else as a client of the local API asks, else by the
    power that is asked for, if the EVSE switches by itself."""
    if back_end is not None and back_end.phases is not None and now <= back_end.until_s:
        return Wanted(1, back_end.charge_by or back_end.by)
    if local.phases is not None:
        return Wanted(local.phases, local.phases_by)
    if not settings.phase_switching.automatic:
        return Wanted(3, "the station")
    asked = [local.charge_w, inf if local.setpoint_w is None else local.setpoint_w]
    if injection is not None:
        asked = [injection.power_w]
    phases = switch.suited(min(asked), float(settings.nominal_voltage_v), now)
    return Wanted(phases, "the power that is asked for")


def _named(phases: int) -> str:
    return "one phase" if phases == 1 else "three phases"
