"""Who a vehicle is by its token, what it may do, and what its driver needs, from the fleet list and the car itself."""

from collections.abc import Mapping
from math import inf

from v2g.depot.configuration import Configuration, FleetVehicle
from v2g.depot.view import Needs, Source
from v2g.ocpp import v21
from v2g.ocpp.base import given

CHARGING: tuple[v21.EnergyTransferModeEnumType, ...] = ("AC_single_phase", "AC_two_phase", "AC_three_phase", "DC")
FEWER_PHASES: Mapping[v21.EnergyTransferModeEnumType, int] = {"AC_single_phase": 1, "AC_two_phase": 2}
"""How many phases a vehicle uses at most."""
BOTH_WAYS: tuple[v21.EnergyTransferModeEnumType, ...] = ("AC_BPT", "AC_BPT_DER", "DC_BPT")


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

    def name(self, token: v21.IdTokenType) -> str:
        """What to call a vehicle: by the list, or by what it states; empty if that is nothing."""
        if (known := self.find(token)) is not None:
            return known.id
        named = [each.additionalIdToken for each in given(token.additionalInfo, ()) if each.type == "EVCCID"]
        return token.idToken or next(iter(named), "")

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
        phases = min(phases, FEWER_PHASES.get(needs.requestedEnergyTransfer, phases))
        return ac.evMaxCurrent * ac.evMaxVoltage * phases or inf
    return inf


def _plain(token: str) -> str:
    return token.replace("-", "").strip().casefold()
