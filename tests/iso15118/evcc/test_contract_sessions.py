"""Whole sessions paid by a contract, car and station of ours: Plug & Charge of ISO 15118-2 and ISO 15118-20."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from tests.iso15118.credentials import EMAID, Hierarchy
from tests.iso15118.evcc.world import World, intent

from v2g.iso15118.contract import Priced
from v2g.iso15118.edition import body_name
from v2g.iso15118.service import ControlMode, Service
from v2g.iso15118.signature import sign
from v2g.iso15118.view import Offer
from v2g.kernel.fault import Fault
from v2g.messages import iso2
from v2g.messages.iso20 import common
from v2g.messages.iso20.types import RationalNumber
from v2g.pki.profile import Role

D2, D20 = "ISO 15118-2", "ISO 15118-20"
KINDS = [
    (D2, Service.AC, ControlMode.SCHEDULED),
    (D2, Service.DC, ControlMode.SCHEDULED),
    (D20, Service.DC_BPT, ControlMode.DYNAMIC),
    (D20, Service.AC, ControlMode.SCHEDULED),
]
EVERY = pytest.mark.parametrize(
    ("edition", "service", "mode"), KINDS, ids=[f"{edition[-2:]} {service.name}" for edition, service, _ in KINDS]
)


@pytest.fixture(scope="module")
def hierarchies() -> dict[str, Hierarchy]:
    return {D2: Hierarchy("p256"), D20: Hierarchy("p521")}


def world(
    pki: Hierarchy,
    edition: str,
    service: Service,
    mode: ControlMode,
    *,
    offer: dict[str, Any] | None = None,
    **wants: Any,
) -> World:
    given: dict[str, Any] = {"contracts": pki.trusts(), "provisioning": pki.contract_service()} | (offer or {})
    options = {
        "editions": (edition,),
        "contract": pki.contract,
        "roots": (pki.v2g.der,),
        "trust": pki.trusts(Role.PROVISIONING_SERVICE),
    } | wants
    return World(intent(service, mode, **options), offer=Offer("DE*ABC*E1", tuple(Service), **given))


def assert_in_order(done: World) -> None:
    assert done.evcc.end is not None
    assert done.evcc.end.fault is None, done.evcc.end.reason
    assert done.station.end is not None
    assert done.station.end.fault is None, done.station.end.reason


@EVERY
def test_a_contract_pays(hierarchies: dict[str, Hierarchy], edition: str, service: Service, mode: ControlMode) -> None:
    done = world(hierarchies[edition], edition, service, mode).run()
    assert_in_order(done)
    assert done.station.car.contract == EMAID
    first, *others = done.asked("AuthorizationReq")
    assert first.Header.Signature is not None  # type: ignore[attr-defined]
    if edition == D2:
        assert "PaymentDetailsReq" in done.names
        for each in others:  # [V2G2-684]
            assert each.Header.Signature is None  # type: ignore[attr-defined]
            assert each.Body.BodyElement == iso2.AuthorizationReq()  # type: ignore[attr-defined]
    assert done.phases[-1].name == "ENDED"
    assert sum(response_energy(done)) > 0


def response_energy(done: World) -> Iterator[float]:
    yield from (abs(command.target_a) + abs(command.charger_w) for command in done.commands)
    yield done.evcc.report.power_w


@EVERY
def test_a_car_without_a_contract_is_given_one_and_pays_by_it(
    hierarchies: dict[str, Hierarchy], edition: str, service: Service, mode: ControlMode
) -> None:
    pki = hierarchies[edition]
    done = world(pki, edition, service, mode, contract=None, provisioning=pki.provisioning).run()
    assert_in_order(done)
    assert "CertificateInstallationReq" in done.names
    assert done.station.car.contract == EMAID
    given = done.evcc.session.contract
    assert given is not None
    assert given.name == EMAID
    again = world(pki, edition, service, mode, contract=given).run()
    assert_in_order(again)


def test_a_contract_on_ed448_is_brought_and_pays() -> None:
    """Its key comes by X448."""
    pki = Hierarchy("ed448")
    wants: dict[str, Any] = {"contract": None, "provisioning": pki.provisioning}
    done = world(pki, D20, Service.DC_BPT, ControlMode.DYNAMIC, **wants).run()
    assert_in_order(done)
    assert done.station.car.contract == EMAID


def test_a_contract_is_renewed_before_it_pays(hierarchies: dict[str, Hierarchy]) -> None:
    pki = hierarchies[D2]
    done = world(pki, D2, Service.DC, ControlMode.SCHEDULED, renews=True).run()
    assert_in_order(done)
    assert done.names[3:8] == [
        "ServiceDetailReq",
        "PaymentServiceSelectionReq",
        "CertificateUpdateReq",
        "PaymentDetailsReq",
        "AuthorizationReq",
    ]
    renewed = done.evcc.session.contract
    assert renewed is not None
    assert renewed.chain[0] != pki.contract.chain[0]


@EVERY
def test_over_plain_tcp_no_contract_is_spoken_of(
    hierarchies: dict[str, Hierarchy], edition: str, service: Service, mode: ControlMode
) -> None:
    """[V2G2-828]. The car abandons the session before it shows its contract."""
    asked = world(hierarchies[edition], edition, service, mode)
    plain = replace(asked, station_certificate=None)
    plain.run()
    assert plain.evcc.end is not None
    assert plain.evcc.end.fault is Fault.AUTHORIZATION
    assert not {"PaymentDetailsReq", "AuthorizationReq"} & set(plain.names)
    offered = [each for each in plain.responses if body_name(each) in ("ServiceDiscoveryRes", "AuthorizationSetupRes")]
    assert "Contract" not in str(offered)
    assert "PnC" not in str([each.AuthorizationServices for each in offered if edition == D20])  # type: ignore[attr-defined]


@EVERY
def test_a_receipt_is_signed_and_verified(
    hierarchies: dict[str, Hierarchy], edition: str, service: Service, mode: ControlMode
) -> None:
    offer = {"receipts_s": 1.0}
    done = world(hierarchies[edition], edition, service, mode, offer=offer, duration_s=3.0).run()
    assert_in_order(done)
    name = "MeteringReceiptReq" if edition == D2 else "MeteringConfirmationReq"
    assert len(done.asked(name)) >= 2
    free = world(hierarchies[edition], edition, service, mode, offer=offer, contract=None).run()
    assert_in_order(free)
    assert not free.asked(name)  # [V2G2-691]


@EVERY
def test_a_paused_session_is_paid_as_before(
    hierarchies: dict[str, Hierarchy], edition: str, service: Service, mode: ControlMode
) -> None:
    pki = hierarchies[edition]
    first = world(pki, edition, service, mode, pause=True).run()
    assert first.evcc.end is not None
    assert first.station.end is not None
    paused = first.station.end.paused
    assert paused is not None
    assert paused.by_contract
    again = replace(world(pki, edition, service, mode), car_paused=first.evcc.end.paused, station_paused=paused).run()
    assert_in_order(again)
    assert again.station.session_id == first.station.session_id
    assert again.station.car.contract == EMAID
    if edition == D2:
        [found] = [each for each in again.responses if body_name(each) == "ServiceDiscoveryRes"]
        payments = found.Body.BodyElement.PaymentOptionList.PaymentOption  # type: ignore[attr-defined]
        assert payments == [iso2.PaymentOption.Contract]
        [before], [after] = (
            [each.Body.BodyElement.GenChallenge for each in run.responses if body_name(each) == "PaymentDetailsRes"]  # type: ignore[attr-defined]
            for run in (first, again)
        )
        assert before != after
    else:
        assert "AuthorizationReq" not in again.names  # [V2G20-1844]
    plain = replace(
        world(pki, edition, service, mode, contract=None),
        car_paused=first.evcc.end.paused,
        station_paused=paused,
        station_certificate=None,
    ).run()
    assert plain.station.session_id != first.station.session_id


class Operator:
    """Signs one tariff."""

    def __init__(self, tariff: Any, key: Any, protocol: str) -> None:
        name = type(tariff).__name__
        self._priced = Priced(tariff, None if key is None else sign(protocol, [(name, tariff)], key))

    def tariff(self, edition: str, contract: str) -> Priced | None:
        return self._priced


def tariff(edition: str) -> Any:
    if edition == D2:
        hour = iso2.SalesTariffEntry(iso2.RelativeTimeInterval(0, 3600), EPriceLevel=1)
        return iso2.SalesTariff(1, "night", 1, [hour], "tariff")
    rule = common.PriceRule(RationalNumber.of(0.3), PowerRangeStart=RationalNumber.of(0))
    return common.AbsolutePriceSchedule(
        1_800_000_000,
        1,
        "night",
        Currency="EUR",
        Language="en",
        PriceAlgorithm="urn:iso:std:iso:15118:-20:PriceAlgorithm:1-Power",
        PriceRuleStacks=common.PriceRuleStackList([common.PriceRuleStack(3600, [rule])]),
        Id="tariff",
    )


@EVERY
def test_a_tariff_counts_if_the_contracts_operator_signed_it(
    hierarchies: dict[str, Hierarchy], edition: str, service: Service, mode: ControlMode
) -> None:
    pki, protocol = hierarchies[edition], "iso2" if edition == D2 else "iso20-common"
    wanted = tariff(edition)

    def seen(key: Any, **wants: Any) -> Any:
        done = world(pki, edition, service, mode, offer={"prices": Operator(wanted, key, protocol)}, **wants).run()
        assert_in_order(done)
        return done.evcc.session.tariff

    assert seen(pki.operator.key) == wanted
    assert seen(pki.service.key) is None
    assert seen(None) is None
    assert seen(None, contract=None) == wanted  # free tariffs are not signed


def test_a_service_that_the_car_does_not_trust_gives_it_no_contract(hierarchies: dict[str, Hierarchy]) -> None:
    for edition, service, mode in (KINDS[0], KINDS[2]):
        pki = hierarchies[edition]
        stranger = Hierarchy("p256" if edition == D2 else "p521")
        wants: dict[str, Any] = {"contract": None, "provisioning": pki.provisioning}
        for offer, trust, reason in (
            ({"provisioning": stranger.contract_service()}, pki.trusts(Role.PROVISIONING_SERVICE), "is not trusted"),
            ({}, None, "trusts no provisioning service"),
            ({"provisioning": None}, pki.trusts(Role.PROVISIONING_SERVICE), "the station brings none"),
        ):
            done = world(pki, edition, service, mode, offer=offer, trust=trust, **wants).run()
            assert done.evcc.end is not None
            assert done.evcc.end.fault is Fault.AUTHORIZATION
            assert reason in done.evcc.end.reason
            assert done.evcc.session.contract is None
