"""Model 704: set-points and limits with their reversion timers, as orders to the plant.

A function acts while it is enabled. Any write to it while it is enabled starts its timer again; when that is over, the
function is as its Rvrt points say. A set-point without a timer lapses when the client has been silent (`silence_s`); a
limit without one stays.
"""

from math import ceil, inf

from v2g.languages.plant import FED_PU, LIMITED, Change, Order, Ratings, SetPower, Setting, Settings
from v2g.languages.sunspec.functions import DRAWN_POWER_FACTOR, MODE, POWER_FACTOR, UNITY, Unfit
from v2g.power.sunspec.image import Image

NUMBER = 704
LONGEST_S = 604_800.0
"""Of a reversion timer: a week."""
_LATE = 0.1
"""Share of the silence by which a set-point without a timer may outlast it, so that not each request renews it."""
STEMS = ("WSet", "WMaxLimPct", "VarSet", "PFWInj", "PFWAbs")
_EXCITATION = {"OVER_EXCITED": "injecting", "UNDER_EXCITED": "absorbing"}
_OF_FACTOR = {
    "PFWInj": (POWER_FACTOR, "constant_power_factor.excitation"),
    "PFWAbs": (DRAWN_POWER_FACTOR, "constant_power_factor.drawn_excitation"),
}


def stem_of(path: str) -> str | None:
    """The function that a point belongs to."""
    return next((stem for stem in STEMS if path.startswith(stem)), None)


class Controls:
    """What is enabled, and until when."""

    def __init__(self, image: Image, silence_s: float) -> None:
        self._image, self._silence_s = image, silence_s
        self.ends_s: dict[str, float] = {}
        """Reversion timers that run, by function."""
        self._set_s = float("-inf")
        """When the set-point was ordered last."""

    def enabled(self, stem: str) -> bool:
        """Whether a function is."""
        return f"{stem}Ena" in self._image.paths(NUMBER) and self._image.get(NUMBER, f"{stem}Ena") == "ENABLED"

    def written(self, stem: str, was: bool, ratings: Ratings, settings: Settings, now: float) -> Order | None:
        """The order that a write to a function means. `was`: enabled before. Raises `ValueError` for what cannot be."""
        if not self.enabled(stem):
            self.ends_s.pop(stem, None)
            return None if not was else SetPower(power_w=None) if stem == "WSet" else Change(changes=_off(stem))
        for_s, reverts = self._image.number(NUMBER, f"{stem}RvrtTms"), self._reverts(stem)
        if for_s > LONGEST_S:
            raise Unfit(f"{stem}RvrtTms: {for_s:g} s; at most a week")
        if stem == "WSet":
            order: Order = self._power(ratings, for_s, now)
        else:
            then = self._changes(stem, "Rvrt", settings) if for_s and reverts else {}
            order = Change(changes=self._changes(stem, "", settings), for_s=for_s or None, then=then)
        if for_s:
            self.ends_s[stem] = now + for_s
        else:
            self.ends_s.pop(stem, None)
        return order

    def renewed(self, ratings: Ratings, now: float) -> SetPower | None:
        """A client is there: a set-point without a timer goes on, if it is time to say so."""
        lasting = self.enabled("WSet") and "WSet" not in self.ends_s
        return self._power(ratings, 0.0, now) if lasting and now - self._set_s >= self._silence_s * _LATE else None

    def expire(self, now: float) -> None:
        """Show what has become of functions whose time is over. The plant acts on that by itself."""
        for stem in [stem for stem, ends_s in self.ends_s.items() if now >= ends_s]:
            del self.ends_s[stem]
            if stem != "WSet":
                continue  # shown as the settings hold
            if self._reverts(stem):
                for name in ("WSet", "WSetPct"):
                    self._image.set(NUMBER, name, self._image.get(NUMBER, f"{name}Rvrt"))
                self._set_s = inf  # the client's own default: it stays
            else:
                self._image.set(NUMBER, "WSetEna", "DISABLED")
        if self.enabled("WSet") and "WSet" not in self.ends_s and now - self._set_s > self._silence_s * (1 + _LATE):
            self._image.set(NUMBER, "WSetEna", "DISABLED")
        for stem in STEMS:
            if f"{stem}RvrtRem" in self._image.paths(NUMBER):
                left_s = float(ceil(max(0.0, self.ends_s.get(stem, now) - now)))
                self._image.set(NUMBER, f"{stem}RvrtRem", left_s)

    def show(self, settings: Settings) -> None:
        """The functions that are settings, as they hold: whoever has set them."""
        get, set = self._image.get, self._image.set
        if LIMITED in settings:
            set(NUMBER, "WMaxLimPctEna", "ENABLED" if settings[LIMITED] else "DISABLED")
            if settings[LIMITED]:
                set(NUMBER, "WMaxLimPct", 100.0 * float(settings[FED_PU]))
        if MODE in settings:
            mode = settings[MODE]
            set(NUMBER, "VarSetEna", "ENABLED" if mode == "constant_var" else "DISABLED")
            if mode == "constant_var" and get(NUMBER, "VarSetMod") == "VA_MAX_PCT":
                set(NUMBER, "VarSetPct", 100.0 * float(settings["constant_var.injected_pu"]))
            for stem, (factor, excitation) in _OF_FACTOR.items():
                holds = mode == "constant_power_factor" and settings[factor] != 1.0
                set(NUMBER, f"{stem}Ena", "ENABLED" if holds else "DISABLED")
                if holds:
                    set(NUMBER, f"{stem}.PF", float(settings[factor]))
                    codes = [code for code, meant in _EXCITATION.items() if meant == settings[excitation]]
                    set(NUMBER, f"{stem}.Ext", codes[0])
        if "ramp_rate.pu_per_s" in settings:
            set(NUMBER, "WRmp", 100.0 * float(settings["ramp_rate.pu_per_s"]))
        if "islanding.probe_enabled" in settings:
            set(NUMBER, "AntiIslEna", "ENABLED" if settings["islanding.probe_enabled"] else "DISABLED")

    def other(self, path: str) -> Settings:
        """What a write to a point means that belongs to no function. Raises `Unfit`."""
        if path == "WRmp":
            return {"ramp_rate.pu_per_s": round(self._image.number(NUMBER, path) / 100.0, 6)}
        if path == "WRmpRef" and self._image.get(NUMBER, path) == "W_MAX":
            return {}
        if path == "AntiIslEna" and self._image.get(NUMBER, path) == "ENABLED":
            return {}
        raise Unfit(f"{path} cannot be set to {self._image.get(NUMBER, path)}")

    def _reverts(self, stem: str) -> bool:
        return self._image.get(NUMBER, f"{stem}EnaRvrt") == "ENABLED"

    def _power(self, ratings: Ratings, for_s: float, now: float) -> SetPower:
        self._set_s = now
        then_w = self._drawn_w(ratings, "Rvrt") if for_s and self._reverts("WSet") else None
        return SetPower(power_w=self._drawn_w(ratings, ""), for_s=for_s or self._silence_s * (1 + _LATE), then_w=then_w)

    def _drawn_w(self, ratings: Ratings, rvrt: str) -> float:
        if self._image.get(NUMBER, "WSetMod") == "WATTS":
            generated_w = self._image.number(NUMBER, f"WSet{rvrt}")
        else:
            generated_w = self._image.number(NUMBER, f"WSetPct{rvrt}") / 100.0 * ratings.discharge_w
        if not -ratings.charge_w <= generated_w <= ratings.discharge_w:
            raise Unfit(f"WSet{rvrt}: {generated_w:g} W is beyond the ratings")
        return 0.0 - generated_w

    def _changes(self, stem: str, rvrt: str, settings: Settings) -> Settings:
        """The settings of an enabled function."""
        if stem == "WMaxLimPct":
            return {LIMITED: True, FED_PU: round(self._image.number(NUMBER, f"{stem}{rvrt}") / 100.0, 6)}
        if stem == "VarSet":
            return {MODE: "constant_var", "constant_var.injected_pu": self._injected_pu(rvrt, settings)}
        factor, excitation = _OF_FACTOR[stem]
        side: Setting = _EXCITATION[str(self._image.get(NUMBER, f"{stem}{rvrt}.Ext"))]
        return {
            MODE: "constant_power_factor",
            factor: round(self._image.number(NUMBER, f"{stem}{rvrt}.PF"), 6),
            excitation: side,
        }

    def _injected_pu(self, rvrt: str, settings: Settings) -> float:
        share = self._image.number(NUMBER, f"VarSetPct{rvrt}") / 100.0
        match self._image.get(NUMBER, "VarSetMod"):
            case "VA_MAX_PCT":
                return round(share, 6)
            case "VAR_MAX_PCT":
                side = "capability.inject_pu" if share > 0 else "capability.absorb_pu"
                return round(share * float(settings[side]), 6)
        raise Unfit("VarSetMod: VA_MAX_PCT and VAR_MAX_PCT are understood")


def _off(stem: str) -> Settings:
    if stem == "WMaxLimPct":
        return {LIMITED: False}
    return UNITY if stem == "VarSet" else {_OF_FACTOR[stem][0]: 1.0}
