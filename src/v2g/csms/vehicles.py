"""Who a vehicle is by its token, what it may do, and what its driver needs, from the fleet list and the car itself."""

from collections.abc import Iterable
from math import inf

from msgspec.structs import replace

from v2g.depot.configuration import Configuration, FleetVehicle
from v2g.depot.view import Needs, Source
from v2g.ocpp import v21
from v2g.ocpp.base import given

CHARGING: tuple[v21.EnergyTransferModeEnumType, ...] = ("AC_single_phase", "AC_two_phase", "AC_three_phase", "DC")
BOTH_WAYS: tuple[v21.EnergyTransferModeEnumType, ...] = ("AC_BPT", "AC_BPT_DER", "DC_BPT")
DAY_S = 86_400


class Fleet:
    """The fleet list, by token."""

    def __init__(self, configuration: Configuration) -> None:
        self._by_token = {_plain(token): each for each in configuration.vehicles for token in (each.id, *each.tokens)}
        self._refuse = configuration.unknown_vehicles == "refuse"

    def find(self, token: v21.IdTokenType) -> FleetVehicle | None:
        """The vehicle of a token, or of the name of the car that comes with it (Q01.FR.02)."""
        named = [each.additionalIdToken for each in given(token.additionalInfo, ())]
        keys = map(_plain, (token.idToken, *named))
        return next((self._by_token[key] for key in keys if key in self._by_token), None)

    def by_id(self, id: str) -> FleetVehicle | None:
        """The vehicle with this id or token."""
        return self._by_token.get(_plain(id))

    def info(self, token: v21.IdTokenType) -> v21.IdTokenInfoType:
        """Whether it may charge."""
        refused = self._refuse and self.find(token) is None
        return v21.IdTokenInfoType(status="Unknown" if refused else "Accepted")

    def authorized(self, token: v21.IdTokenType) -> v21.AuthorizeResponse:
        """Whether it may charge, and whether it may be discharged (Q01): only a vehicle of the list is."""
        known = self.find(token)
        both = known is not None and known.discharge
        allowed = (*CHARGING, *BOTH_WAYS) if both else CHARGING
        return v21.AuthorizeResponse(idTokenInfo=self.info(token), allowedEnergyTransfer=allowed)


def name_of(token: v21.IdTokenType) -> str:
    """What to call a vehicle that is not in the list."""
    named = [each.additionalIdToken for each in given(token.additionalInfo, ()) if each.type == "EVCCID"]
    return token.idToken or next(iter(named), "")


def of_car(needs: v21.ChargingNeedsType, capacity_wh: float | None, soc_pu: float | None, now: float) -> Needs | None:
    """What the car itself has stated. Its energies count from the state of charge that it had then."""
    v2x = (
        needs.v2xChargingParameters if isinstance(needs.v2xChargingParameters, v21.V2XChargingParametersType) else None
    )
    dc = needs.dcChargingParameters if isinstance(needs.dcChargingParameters, v21.DCChargingParametersType) else None
    ac = needs.acChargingParameters if isinstance(needs.acChargingParameters, v21.ACChargingParametersType) else None
    departure = given(needs.departureTime, None)
    energy_wh = None if v2x is None else given(v2x.evTargetEnergyRequest, None)
    if energy_wh is None and dc is not None:
        energy_wh = given(dc.energyAmount, None)
    if energy_wh is None and ac is not None:
        energy_wh = ac.energyAmount or None
    target = None if v2x is None else given(v2x.targetSoC, None)
    below_wh = None
    """How far the car is below its floor; negative above it. The higher of the two floors counts."""
    if v2x is not None:
        stated = [each for each in (given(v2x.evMinEnergyRequest, None), given(v2x.evMinV2XEnergyRequest, None))
                  if each is not None]  # fmt: skip
        below_wh = max(stated, default=None)
    floor = None
    if below_wh is not None and capacity_wh and soc_pu is not None:
        floor = min(1.0, max(0.0, soc_pu + below_wh / capacity_wh))
    if departure is None and energy_wh is None and target is None and floor is None:
        return None
    return Needs(
        source=Source.CAR,
        departure_unix_s=None if departure is None else departure.timestamp(),
        energy_wh=energy_wh,
        target_soc_pu=None if target is None else target / 100,
        min_soc_pu=floor,
        stated_unix_s=now,
    )


def of_list(vehicle: FleetVehicle, now: float, utc_offset_s: float) -> Needs | None:
    """What the fleet list says. `utc_offset_s`: of local time."""
    if vehicle.departure is None and vehicle.target_soc is None and vehicle.floor_soc is None:
        return None
    return Needs(
        source=Source.FLEET_LIST,
        departure_unix_s=None if vehicle.departure is None else _next(vehicle.departure, now, utc_offset_s),
        target_soc_pu=vehicle.target_soc,
        min_soc_pu=vehicle.floor_soc,
        stated_unix_s=now,
    )


def chosen(stated: Iterable[Needs], floor_soc: float | None) -> Needs | None:
    """The needs that hold: of the first source that has stated any; what it leaves open is taken from the next ones,
    and the floor at last from the site's configuration."""
    ordered = sorted(stated, key=lambda each: list(Source).index(each.source))
    if not ordered:
        return None if floor_soc is None else Needs(source=Source.CSMS, min_soc_pu=floor_soc)
    found = ordered[0]
    for each in ordered[1:]:
        target = found.target_soc_pu is None and found.energy_wh is None
        found = replace(
            found,
            departure_unix_s=each.departure_unix_s if found.departure_unix_s is None else found.departure_unix_s,
            energy_wh=each.energy_wh if target else found.energy_wh,
            target_soc_pu=each.target_soc_pu if target else found.target_soc_pu,
            min_soc_pu=each.min_soc_pu if found.min_soc_pu is None else found.min_soc_pu,
            stated_unix_s=each.stated_unix_s if target else found.stated_unix_s,
        )
    return replace(found, min_soc_pu=floor_soc) if found.min_soc_pu is None else found


def most_discharge_w(needs: v21.ChargingNeedsType) -> float | None:
    """What car and station can discharge together; None if the session of the car only charges."""
    v2x = needs.v2xChargingParameters
    if needs.requestedEnergyTransfer not in BOTH_WAYS or not isinstance(v2x, v21.V2XChargingParametersType):
        return None
    return given(v2x.maxDischargePower, None)


def most_charge_w(needs: v21.ChargingNeedsType, phases: int) -> float:
    """What the car takes at most; infinite if it does not say."""
    v2x, dc, ac = needs.v2xChargingParameters, needs.dcChargingParameters, needs.acChargingParameters
    if isinstance(v2x, v21.V2XChargingParametersType) and (most_w := given(v2x.maxChargePower, 0.0)):
        return most_w
    if isinstance(dc, v21.DCChargingParametersType):
        return given(dc.evMaxPower, 0.0) or dc.evMaxCurrent * dc.evMaxVoltage or inf
    if isinstance(ac, v21.ACChargingParametersType):
        return ac.evMaxCurrent * ac.evMaxVoltage * phases or inf
    return inf


def _plain(token: str) -> str:
    return token.replace("-", "").strip().casefold()


def _next(clock: str, now: float, utc_offset_s: float) -> float:
    """The next time that a clock shows this."""
    hours, minutes = map(int, clock.split(":"))
    midnight_s = (now + utc_offset_s) // DAY_S * DAY_S - utc_offset_s
    at_s = midnight_s + hours * 3600 + minutes * 60
    return at_s if at_s > now else at_s + DAY_S
