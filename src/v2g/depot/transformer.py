"""How hot a transformer is and what that lets it carry: IEC 60076-7, the exponential equations of clause 8.2.

Oil and winding approach the temperatures that belong to the load, each in its time; the hottest spot of the winding
must not be above its limit. A cold transformer may so carry more than its rating for a while, a hot one less.
"""

from math import exp

from msgspec import Struct

from v2g.kernel.durations import MINUTE_S


class Transformer(Struct, frozen=True, kw_only=True):
    """A transformer's rating and characteristics; the defaults are those of oil-filled distribution transformers
    (ONAN): IEC 60076-7 table 4 (limits of normal cyclic loading) and table 5. Temperatures in K are rises."""

    rated_w: float
    """At a power factor of 1; chargers have little reactive power."""
    oil_rise_k: float = 55.0
    """Top oil over ambient at the rated load, and the hot spot over top oil."""
    hot_spot_rise_k: float = 23.0
    loss_ratio: float = 5.0
    """Load loss at the rated load to no-load loss."""
    oil_exponent: float = 0.8
    winding_exponent: float = 1.6
    oil_time_s: float = 180 * MINUTE_S
    winding_time_s: float = 4 * MINUTE_S
    k11: float = 1.0
    k21: float = 1.0
    k22: float = 2.0
    most_hot_spot_c: float = 120.0
    most_oil_c: float = 105.0
    most_pu: float = 1.5
    """Of the rated load, however cold it is."""
    ambient_c: float = 40.0
    """Assumed if nobody measures it."""


class Heat:
    """The temperatures of one transformer. Unknown at first, so it begins as hot as the rated load makes it."""

    def __init__(self, transformer: Transformer) -> None:
        self.transformer = transformer
        self._oil_k, self._gradient_k, self._overshoot_k = self._steady_k(1.0)
        self.ambient_c = transformer.ambient_c

    @property
    def oil_c(self) -> float:
        """Top oil."""
        return self.ambient_c + self._oil_k

    @property
    def hot_spot_c(self) -> float:
        return self.oil_c + self._gradient_k - self._overshoot_k

    def carry(self, power_w: float, ambient_c: float | None, passed_s: float) -> None:
        """It has carried this power, in either direction, for `passed_s`. An ambient of None is not known."""
        self.ambient_c = self.transformer.ambient_c if ambient_c is None else ambient_c
        after = self._after(abs(power_w) / self.transformer.rated_w, passed_s)
        self._oil_k, self._gradient_k, self._overshoot_k = after

    def limit_w(self, horizon_s: float) -> float:
        """The most that it may carry from now on for `horizon_s` without a temperature above its limit.

        If it is too hot already, what lets it be below its limits by then.
        """
        least, most = 0.0, self.transformer.most_pu
        if self._bears(most, horizon_s):
            return most * self.transformer.rated_w
        for _ in range(20):
            middle = (least + most) / 2
            least, most = (middle, most) if self._bears(middle, horizon_s) else (least, middle)
        return least * self.transformer.rated_w

    def _bears(self, load_pu: float, horizon_s: float) -> bool:
        """Whether this load leaves the temperatures within their limits; of one that is beyond, at the end."""
        transformer = self.transformer
        too_hot = self.hot_spot_c > transformer.most_hot_spot_c or self.oil_c > transformer.most_oil_c
        for quarter in (4,) if too_hot else (1, 2, 3, 4):
            oil_k, gradient_k, overshoot_k = self._after(load_pu, horizon_s * quarter / 4)
            oil_c = self.ambient_c + oil_k
            if oil_c > transformer.most_oil_c or oil_c + gradient_k - overshoot_k > transformer.most_hot_spot_c:
                return False
        return True

    def _steady_k(self, load_pu: float) -> tuple[float, float, float]:
        it = self.transformer
        oil_k = it.oil_rise_k * ((1.0 + it.loss_ratio * load_pu**2) / (1.0 + it.loss_ratio)) ** it.oil_exponent
        winding_k = it.hot_spot_rise_k * load_pu**it.winding_exponent
        return oil_k, it.k21 * winding_k, (it.k21 - 1.0) * winding_k

    def _after(self, load_pu: float, passed_s: float) -> tuple[float, float, float]:
        it = self.transformer
        oil_k, gradient_k, overshoot_k = self._steady_k(load_pu)
        return (
            _approach(self._oil_k, oil_k, passed_s / (it.k11 * it.oil_time_s)),
            _approach(self._gradient_k, gradient_k, passed_s / (it.k22 * it.winding_time_s)),
            _approach(self._overshoot_k, overshoot_k, passed_s * it.k22 / it.oil_time_s),
        )


class Heats:
    """The transformers of a site by name, each since it was first seen."""

    HORIZON_S, EVERY_S = 900.0, 10.0
    """A limit holds for at least the horizon if the load stays; it is found again this often."""

    def __init__(self) -> None:
        self._heats: dict[str, Heat] = {}
        self._limits_w: dict[str, float] = {}
        self._carried_s: dict[str, float] = {}
        self._found_s: dict[str, float] = {}

    def limit_w(
        self, name: str, transformer: Transformer, power_w: float, ambient_c: float | None, now: float
    ) -> float:
        """What it may carry from `now` on, having carried `power_w` since it was last asked about."""
        heat = self._heats.get(name)
        if heat is None or heat.transformer != transformer:
            heat = self._heats[name] = Heat(transformer)
            self._found_s.pop(name, None)
        heat.carry(power_w, ambient_c, now - self._carried_s.get(name, now))
        self._carried_s[name] = now
        if now - self._found_s.get(name, float("-inf")) >= self.EVERY_S:
            self._found_s[name], self._limits_w[name] = now, heat.limit_w(self.HORIZON_S)
        return self._limits_w[name]

    def too_hot(self) -> dict[str, float]:
        """Those whose hot spot is above its limit, with its temperature in °C."""
        return {
            name: heat.hot_spot_c
            for name, heat in self._heats.items()
            if heat.hot_spot_c > heat.transformer.most_hot_spot_c + 0.5
        }


def _approach(now: float, steady: float, times: float) -> float:
    return steady + (now - steady) * exp(-times)
