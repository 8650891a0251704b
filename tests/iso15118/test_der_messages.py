"""The grid code travels to the car's inverter in the elements of AC_DER_IEC and AC_DER_SAE, and arrives as it was."""

from dataclasses import replace
from math import isclose

import pytest
from tests.iso15118.requests import GRID_CODE, every_request, exi, payload_type_of
from tests.iso15118.test_secc_engine import AC_OFFER, Car, code

from v2g.exi.facets import Type
from v2g.grid.settings import load, names
from v2g.iso15118.d20 import der_iec, der_sae
from v2g.iso15118.d20.numbers import shown
from v2g.iso15118.d20.table import Phase
from v2g.iso15118.der import Curve, DerRating, DerSettings, reactive_pu
from v2g.iso15118.service import ControlMode, Service
from v2g.messages import decode, encode
from v2g.messages.iso20 import ac_der_iec as iec
from v2g.messages.iso20 import ac_der_sae as sae
from v2g.messages.iso20.types import MessageHeader, Processing, ResponseCode
from v2g.station.der import der_settings

RATING = DerRating(charge_w=11_000, discharge_w=10_000, reactive_max_var=5_000)
HEAD = MessageHeader(bytes(8), 1_700_000_000)
MODES = ("volt_var", "watt_var", "constant_power_factor", "constant_var")


def settings(name: str, reactive: str = "volt_var", **changes: object) -> DerSettings:
    given = {"reactive.mode": reactive, "volt_watt.enabled": True, **changes}
    return der_settings(load(name).with_settings(given), 230.0)  # type: ignore[arg-type]


def by_iec(given: DerSettings) -> DerSettings:
    """What a car reads, bytes in between."""
    number = shown(0.0)
    mode = iec.DER_AC_CPDResEnergyTransferMode(
        number,
        EVSEMinimumChargePower=number,
        EVSENominalFrequency=shown(given.nominal_hz),
        EVSENominalChargePower=number,
        EVSENominalDischargePower=number,
        EVSEMaximumDischargePower=number,
        EVOperatingMode=iec.EvOperatingMode.GridFollowing,
        GridConnectionMode=iec.GridConnectionMode.GridConnected,
        DERControl=der_iec.control(given, RATING),
    )
    response = iec.AC_ChargeParameterDiscoveryRes(HEAD, ResponseCode.OK, mode)
    arrived = decode("iso20-ac-der-iec", encode("iso20-ac-der-iec", response))
    return der_iec.settings_of(arrived.AC_CPDResEnergyTransferMode, given.nominal_v, RATING)


def by_sae(given: DerSettings) -> DerSettings:
    control = der_sae.control(given, RATING)
    number, volts = shown(0.0), given.nominal_v
    mode = sae.DER_AC_CPDResEnergyTransferMode(
        number,
        EVSEMinimumChargePower=number,
        EVSENominalFrequency=shown(given.nominal_hz),
        EVSEProcessing=Processing.Finished,
        DERControlCPDRes=control,
        EVSEMaximumDischargePower=number,
        EVSEReactivePowerLimits=sae.EVSEReactivePowerLimits(
            number,
            EVSEMaximumVarInjectionDuringCharging=number,
            EVSEMaximumVarAbsorptionDuringDischarging=number,
            EVSEMaximumVarInjectionDuringDischarging=number,
        ),
        GridLimits=sae.GridLimits(
            shown(given.nominal_hz),
            shown(volts),
            number,
            GridMaximumVoltage=shown(given.highest_pu * volts),
            GridMinimumVoltage=shown(given.lowest_pu * volts),
        ),
        RequiredDEROperatingMode=sae.RequiredDEROperatingMode.GridFollowing,
        GridConnectionMode=sae.GridConnectionMode.GridConnected,
        EVSEUpdateTime=1_700_000_000,
    )
    response = sae.AC_ChargeParameterDiscoveryRes(HEAD, ResponseCode.OK, mode)
    arrived = decode("iso20-ac-der-sae", encode("iso20-ac-der-sae", response))
    return der_sae.settings_of(arrived.AC_CPDResEnergyTransferMode, RATING)


def near(found: Curve | None, given: Curve | None) -> bool:
    if found is None or given is None:
        return found is given
    pairs = zip(found.points, given.points, strict=True)
    return all(isclose(a, b, abs_tol=1e-3) for f, g in pairs for a, b in zip(f, g, strict=True))


@pytest.mark.parametrize("reactive", MODES)
@pytest.mark.parametrize("name", names())
def test_the_car_reads_in_the_sae_variant_what_the_code_says(name: str, reactive: str) -> None:
    given = settings(name, reactive)
    found = by_sae(given)
    assert found.reactive == reactive
    assert near(found.volt_var, given.volt_var)
    assert near(found.watt_var, given.watt_var)
    assert near(found.volt_watt, given.volt_watt)
    for side in ("over_voltage", "under_voltage", "over_frequency_trip", "under_frequency_trip"):
        stages = zip(getattr(found, side).stages, getattr(given, side).stages, strict=True)
        for read, sent in stages:
            assert read.threshold == pytest.approx(sent.threshold, rel=1e-3)
            assert read.delay_s == pytest.approx(sent.delay_s, rel=1e-3)
    assert found.entry.lowest_pu == pytest.approx(given.entry.lowest_pu, rel=1e-3)
    assert found.entry.delay_s == given.entry.delay_s
    for read_by, sent_by in (
        (found.over_frequency, given.over_frequency),
        (found.under_frequency, given.under_frequency),
    ):
        assert (read_by is None) == (sent_by is None)
        if read_by is not None and sent_by is not None:
            assert read_by.start_hz == pytest.approx(sent_by.start_hz, abs=1e-3)
            assert read_by.per_hz == pytest.approx(sent_by.per_hz, rel=1e-3)


def without_rest(curve: Curve | None) -> Curve | None:
    """The message has no place for a power that is left at the end of the curve: there none is."""
    if curve is None:
        return None
    *before, (voltage_pu, _) = curve.points
    return Curve((*before, (voltage_pu, 0.0)), curve.response_s)


@pytest.mark.parametrize("reactive", MODES)
@pytest.mark.parametrize("name", names())
def test_the_car_reads_in_the_iec_variant_what_it_can_carry(name: str, reactive: str) -> None:
    given = settings(name, reactive)
    found = by_iec(given)
    assert found.reactive == reactive
    assert near(found.volt_watt, without_rest(given.volt_watt))
    assert found.lowest_pu == pytest.approx(given.lowest_pu, rel=1e-3)
    assert found.highest_pu == pytest.approx(given.highest_pu, rel=1e-3)
    if given.over_frequency is not None:
        assert found.over_frequency is not None
        assert found.over_frequency.start_hz == pytest.approx(given.over_frequency.start_hz, abs=0.01)
        assert found.over_frequency.per_hz == pytest.approx(given.over_frequency.per_hz, rel=1e-3)
    if reactive == "constant_var":  # it travels in the charge loop
        return
    for volts, power_w in ((212.0, -9_000.0), (230.0, -4_000.0), (250.0, -10_000.0)):
        wanted = reactive_pu(given, volts, power_w, RATING)
        assert reactive_pu(found, volts, power_w, RATING) == pytest.approx(wanted, abs=2e-3)


def test_a_public_vector_of_volt_var_is_read() -> None:
    """From another implementation: two points in volts and var, without an excitation."""
    vector = bytes.fromhex(
        "8014040000000000000000080e2cfaa06200840078558091000c844001914800f85522002209c8800d836200600402003700408000010400"
        "708081000c826010000a28"
    )
    mode = decode("iso20-ac-der-iec", vector).AC_CPDResEnergyTransferMode
    found = der_iec.settings_of(mode, 230.0, DerRating(11_000, 5_000, 5_000))
    assert found.reactive == "volt_var"
    assert found.volt_var.response_s == 5.0
    assert [(round(x * 230.0), round(y * 11_000)) for x, y in found.volt_var.points] == [(220, 0), (225, 100)]


def test_constant_reactive_power_travels_in_the_loop() -> None:
    given = settings("en50549-1", "constant_var", **{"constant_var.injected_pu": 0.2})
    setpoint = der_iec.q_setpoint(given, RATING)
    assert setpoint is not None
    assert setpoint.DSOQSetpointValue.value == pytest.approx(-0.2 * 11_000, rel=1e-3)
    assert der_iec.q_setpoint(settings("en50549-1"), RATING) is None


@pytest.mark.parametrize("mode", ControlMode)
@pytest.mark.parametrize(
    ("selected", "said"),
    [
        (Service.AC_DER_IEC, Service.AC_BPT),
        (Service.AC_DER_IEC, Service.AC_DER_SAE),
        (Service.AC_BPT, Service.AC_DER_IEC),
    ],
)
def test_messages_of_another_set_are_out_of_sequence(selected: Service, said: Service, mode: ControlMode) -> None:
    """Three sets have requests of the same names."""
    car = Car(replace(AC_OFFER, services=(selected,), modes=(mode,))).walk(Phase.CHARGE_PARAMETERS)
    alien = next(
        request
        for request in every_request(car.session_id, said, mode)
        if type(request).__name__ == "AC_ChargeParameterDiscoveryReq"
    )
    [answer] = car.answers(car.secc.receive(payload_type_of(alien), exi(alien), car.now, car.view))
    assert code(answer) is ResponseCode.FAILED_SequenceError
    assert type(answer).__module__ == type(alien).__module__


def discovery(car: Car, **changes: object) -> Type:
    request = car.requests()["AC_ChargeParameterDiscoveryReq"]
    mode = request.AC_CPDReqEnergyTransferMode  # type: ignore[attr-defined]
    for name, value in changes.items():
        setattr(mode, name, value)
    return request


def at_the_parameters(service: Service, given: DerSettings = GRID_CODE) -> Car:
    car = Car(replace(AC_OFFER, services=(service,)))
    car.view = replace(car.view, der=given)
    return car.walk(Phase.CHARGE_PARAMETERS)


def phase_of(car: Car) -> object:
    return car.secc.session.phase


def lacking(car: Car) -> str:
    inverter = car.secc.session.car.der
    assert inverter is not None
    return inverter.lacking


def few_var(service: Service) -> object:
    most = shown(1_000.0)
    if service is Service.AC_DER_IEC:
        return iec.EVReactivePowerLimits(most, EVMaximumDischargeReactivePower=most)
    return sae.EVReactivePowerLimits(
        most,
        EVMaximumVarInjectionDuringCharging=most,
        EVMaximumVarAbsorptionDuringDischarging=most,
        EVMaximumVarInjectionDuringDischarging=most,
        EVReactiveSusceptance=shown(0.0),
    )


@pytest.mark.parametrize("service", [Service.AC_DER_IEC, Service.AC_DER_SAE])
def test_a_car_without_the_reactive_power_charges_only(service: Service) -> None:
    car = at_the_parameters(service)
    answer = car.ask(discovery(car, EVReactivePowerLimits=few_var(service)))
    assert code(answer) is ResponseCode.OK
    assert "the car has 1.0 kvar of reactive power, the grid code demands 4.8 kvar" in lacking(car)


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"SupportedModes": der_sae.KNOWN & ~int(der_sae.Mode.LOW_VOLTAGE_MUST_TRIP)}, "low voltage must trip"),
        ({"J3072Certified": False}, "SAE J3072"),
        ({"IEEE1547AbnormalCategory": sae.Ieee1547AbnormalCategory.CategoryII}, "category is II, the grid code's III"),
        ({"IEEE1547NormalCategory": sae.Ieee1547NormalCategory.CategoryA}, "category is A, the grid code's B"),
        ({"EnabledModes": 0}, "has not enabled enter service"),
        ({"EnabledModes": der_sae.KNOWN}, "which is off"),
    ],
)
def test_what_a_car_answers_is_judged(changes: dict[str, object], found: str) -> None:
    car = at_the_parameters(Service.AC_DER_SAE)
    ongoing = discovery(car, EVProcessing=Processing.Ongoing)
    assert code(car.ask(ongoing)) is ResponseCode.OK
    assert phase_of(car) is Phase.CHARGE_PARAMETERS
    car.ask(discovery(car, **changes))
    assert phase_of(car) is Phase.SCHEDULE_EXCHANGE
    assert found in lacking(car)


def test_the_right_answer_is_accepted_and_a_later_wrong_one_is_not() -> None:
    car = at_the_parameters(Service.AC_DER_SAE)
    car.ask(discovery(car, EVProcessing=Processing.Ongoing))
    car.ask(discovery(car))
    inverter = car.secc.session.car.der
    assert inverter is not None
    assert inverter.why_not is None
    for name in ("ScheduleExchangeReq", "PowerDeliveryReq"):
        car.ask(car.requests()[name])
    loop = car.requests()["AC_ChargeLoopReq"]
    loop.CLReqControlMode.DERAlarmStatus = 4  # type: ignore[attr-defined]
    car.ask(loop)
    assert "raises alarm 0x00000004" in lacking(car)
    car.ask(car.requests()["AC_ChargeLoopReq"])
    assert lacking(car), "it is not believed again"


def test_a_car_that_never_takes_the_settings_over_is_left_in_order() -> None:
    car = at_the_parameters(Service.AC_DER_IEC)
    answers = []
    for _ in range(30):
        car.now += 2.0
        answers.append(code(car.ask(discovery(car, EVProcessing=Processing.Ongoing))))
        if answers[-1] is not ResponseCode.OK:
            break
    assert answers[-1] is ResponseCode.FAILED
    assert 50 <= 2 * len(answers) <= 60
