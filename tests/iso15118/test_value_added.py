"""Value-added services of ISO 15118-20, and megawatt charging (MCS), which is DC under numbers of its own."""

from dataclasses import replace

import pytest
from tests.iso15118.requests import header
from tests.iso15118.test_secc_engine import OFFER, Car, code

from v2g.iso15118.d20.table import Phase
from v2g.messages.iso20 import common
from v2g.messages.iso20.types import ResponseCode

SITE = replace(OFFER, internet=(3, 4))


def discovered(supported: list[int] | None = None) -> tuple[Car, common.ServiceDiscoveryRes]:
    car = Car(SITE).walk(Phase.SERVICE_DISCOVERY)
    listed = None if supported is None else common.ServiceIDList(supported)
    found = car.ask(common.ServiceDiscoveryReq(header(car.session_id), SupportedServiceIDs=listed))
    assert isinstance(found, common.ServiceDiscoveryRes)
    return car, found


def detail(car: Car, number: int) -> common.ServiceDetailRes:
    found = car.ask(common.ServiceDetailReq(header(car.session_id), ServiceID=number))
    assert isinstance(found, common.ServiceDetailRes)
    return found


@pytest.mark.parametrize(("supported", "listed"), [(None, [65]), ([6, 65], [65]), ([6, 66], None)])
def test_what_a_car_supports_filters_value_added_services(
    supported: list[int] | None, listed: list[int] | None
) -> None:
    """[V2G20-1249]; what was not offered has no detail [V2G20-425]."""
    car, found = discovered(supported)
    assert (found.VASList and [each.ServiceID for each in found.VASList.Service]) == listed
    assert [each.ServiceID for each in found.EnergyTransferServiceList.Service] == [6, 2]
    expected = ResponseCode.OK if listed else ResponseCode.FAILED_ServiceIDInvalid
    assert code(detail(car, 65)) is expected


def test_the_internet_service_names_protocol_and_port() -> None:
    car, _ = discovered()
    sets = detail(car, 65).ServiceParameterList.ParameterSet
    values = {
        each.ParameterSetID: [(one.Name, one.finiteString or one.intValue) for one in each.Parameter] for each in sets
    }
    assert values == {3: [("Protocol", "http"), ("Port", 80)], 4: [("Protocol", "https"), ("Port", 443)]}


@pytest.mark.parametrize(
    ("asked_about", "chosen", "expected"),
    [
        (65, (65, 3), ResponseCode.OK),
        (65, (65, 1), ResponseCode.FAILED_ServiceSelectionInvalid),
        (65, (66, 3), ResponseCode.FAILED_ServiceSelectionInvalid),
        (2, (65, 3), ResponseCode.FAILED_ServiceSelectionInvalid),
    ],
)
def test_only_what_was_detailed_can_be_selected(
    asked_about: int, chosen: tuple[int, int], expected: ResponseCode
) -> None:
    """[V2G20-433]"""
    car, _ = discovered()
    for number in (6, asked_about):
        assert code(detail(car, number)) is ResponseCode.OK
    request = common.ServiceSelectionReq(
        header(car.session_id),
        SelectedEnergyTransferService=common.SelectedService(6, 1),
        SelectedVASList=common.SelectedServiceList([common.SelectedService(*chosen)]),
    )
    assert code(car.ask(request)) is expected
