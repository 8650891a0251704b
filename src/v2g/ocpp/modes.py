"""Operation modes whose set-point the station finds itself (block Q): by frequency, by load, by an external system."""

from bisect import bisect_right
from collections.abc import Sequence
from math import inf, isnan

from msgspec import Struct
from msgspec.structs import replace

from v2g.ocpp import v21
from v2g.ocpp.base import given
from v2g.ocpp.schedule import Order

LOCAL_MODES = ("LocalFrequency", "LocalLoadBalancing", "ExternalSetpoint", "ExternalLimits")


class Signal(Struct, frozen=True):
    """A signal of automatic frequency restoration (aFRR), from a time on."""

    value: int
    from_s: float


class Conditions(Struct, frozen=True):
    """What the station measures, and what it is given, at an instant. None: not known."""

    frequency_hz: float | None = None
    threshold_hz: float = 0.0
    """The frequency has to move this far for another set-point (LocalFrequencyUpdateThreshold)."""
    signal: Signal | None = None
    load: tuple[float, float] | None = None
    """What the upstream meter shows, this EVSE included, positive as taken from the grid; and when it was read."""
    band_w: tuple[float, float] = (0.0, 0.0)
    """Lower and upper threshold of load balancing."""
    offsets_w: tuple[float, float] = (0.0, 0.0)
    """Lower and upper offset."""
    limit_w: float | None = None
    """Of an external system, and below."""
    discharge_w: float | None = None
    """A magnitude."""
    setpoint_w: float | None = None


class LocalModes:
    """The modes of one EVSE. They hold what the last set-point was made of."""

    def __init__(self) -> None:
        self._period: v21.ChargingSchedulePeriodType | None = None
        self._frequency_hz: float | None = None
        self._balanced_w, self._load_s = 0.0, -inf

    def resolve(self, order: Order, now: Conditions, unix_s: float) -> Order:
        """The order with the set-point or the limits of this instant. What is not known allows nothing."""
        period = order.period
        if period is None or order.mode not in LOCAL_MODES:
            self._period = None
            return order
        if period is not self._period:
            self._period, self._frequency_hz = period, None
            self._balanced_w, self._load_s = 0.0, -inf
        match order.mode:
            case "LocalFrequency":
                return self._by_frequency(order, period, now, unix_s)
            case "LocalLoadBalancing":
                return self._by_load(order, now)
            case "ExternalSetpoint":
                written = given(period.setpoint, now.setpoint_w)
                return with_setpoint(order, 0.0 if written is None else written)
        limit_w = given(period.limit, now.limit_w)
        least_w = given(period.dischargeLimit, None if now.discharge_w is None else -now.discharge_w)
        return replace(
            order,
            charge_w=0.0 if limit_w is None else max(0.0, limit_w),
            discharge_w=-(least_w or 0.0),
            setpoint_w=None,
        )

    def _by_frequency(
        self, order: Order, period: v21.ChargingSchedulePeriodType, now: Conditions, unix_s: float
    ) -> Order:
        """Baseline, curve of the frequency, curve of the signal (Q08)."""
        if now.frequency_hz is None:
            return with_setpoint(order, 0.0)
        held = self._frequency_hz
        if held is None or abs(now.frequency_hz - held) >= now.threshold_hz:
            self._frequency_hz = held = now.frequency_hz
        points = [(point.frequency, point.power) for point in given(period.v2xFreqWattCurve, ())]
        setpoint_w = given(period.v2xBaseline, 0.0) + interpolated(points, held)
        curve = given(period.v2xSignalWattCurve, ())
        if curve and now.signal is not None and unix_s >= now.signal.from_s:
            setpoint_w += interpolated([(float(point.signal), point.power) for point in curve], now.signal.value)
        return with_setpoint(order, setpoint_w)

    def _by_load(self, order: Order, now: Conditions) -> Order:
        """The set-point that brings the upstream meter back into its band: once for each reading (Q09.FR.04)."""
        if now.load is None:
            return with_setpoint(order, 0.0)
        (load_w, at_s), (lower_w, upper_w), (lower_offset_w, upper_offset_w) = now.load, now.band_w, now.offsets_w
        if at_s > self._load_s:
            self._load_s = at_s
            if load_w > upper_w:
                self._balanced_w += upper_w + upper_offset_w - load_w
            elif load_w < lower_w:
                self._balanced_w += lower_w + lower_offset_w - load_w
        balanced = with_setpoint(order, self._balanced_w)
        self._balanced_w = balanced.setpoint_w or 0.0
        return balanced


def with_setpoint(order: Order, setpoint_w: float) -> Order:
    """The order with this set-point, within its own limits. Only one below zero is an order to discharge."""
    period = order.period
    limit_w = given(period.limit, inf) if period is not None else inf
    least_w = given(period.dischargeLimit, -inf) if period is not None else -inf
    setpoint_w = 0.0 if isnan(setpoint_w) else min(max(setpoint_w, least_w), limit_w)
    return replace(order, charge_w=limit_w, discharge_w=-least_w if setpoint_w < 0 else 0.0, setpoint_w=setpoint_w)


def interpolated(points: Sequence[tuple[float, float]], x: float) -> float:
    """Linear between the points, level beyond them."""
    ordered = sorted(points)
    place = bisect_right(ordered, (x, inf))
    if place == 0:
        return ordered[0][1]
    if place == len(ordered):
        return ordered[-1][1]
    (x0, y0), (x1, y1) = ordered[place - 1], ordered[place]
    return y0 + (y1 - y0) * (x - x0) / (x1 - x0)


__all__ = ["Conditions", "LocalModes", "Signal", "interpolated", "with_setpoint"]
