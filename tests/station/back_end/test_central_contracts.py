"""What a contract is enough for: one below a root of the station, and one of which only the back end says that it is
good."""

from dataclasses import dataclass, replace
from typing import Literal

import pytest
from tests.station.back_end.test_charging_station import SETTINGS, Bench, profile
from tests.station.scene import INTENT

from v2g.bench.conformance.secc_contracts import hierarchy
from v2g.bench.sim.world import START_UNIX_S, World
from v2g.iso15118.contract import Payment
from v2g.iso15118.service import Service
from v2g.ocpp import v21
from v2g.pki.profile import Role
from v2g.station.access import ListAuthorizer
from v2g.station.back_end.authorization import Authorization
from v2g.station.back_end.authorizer import BackEndAuthorizer
from v2g.station.back_end.contracts import HEARSAY, BackEndContracts

ACCEPTED = v21.AuthorizeResponse(
    idTokenInfo=v21.IdTokenInfoType(status="Accepted"), certificateStatus="Accepted", allowedEnergyTransfer=("DC_BPT",)
)
ORDER = {"operationMode": "CentralSetpoint", "setpoint": -4_000.0}


@dataclass
class Paying(Bench):
    """Cars pay by contract, ISO 15118-20, and the back end orders each of them to discharge."""

    may: Literal["charge", "discharge"] = "charge"

    def __post_init__(self) -> None:
        self.answers["Authorize"] = ACCEPTED
        self.pki = hierarchy(START_UNIX_S, "p521")
        self.contracts = BackEndContracts(self.may)
        super().__post_init__()
        self.authorizer = BackEndAuthorizer(ListAuthorizer(SETTINGS.access), asks=True, unproved=False)
        payment = Payment(contracts=self.contracts.over(self.pki.trusts(Role.CONTRACT)))
        self.world = World(SETTINGS, INTENT, authorizer=self.authorizer, payment=payment, peer=bytes(64))
        self.start()
        self.contracts.station = self.station
        self.station.block(Authorization).statuses = self.contracts.statuses
        self.station.model.keep("ISO15118Ctrlr", "CentralContractValidationAllowed", "true")
        self.link()

    def serve(self, contract: Literal["known", "unknown"], service: Service = Service.DC_BPT) -> None:
        self.run(3.0)
        order = profile(ORDER, "TxDefaultProfile")
        assert self.ask("SetChargingProfile", order).status == "Accepted"
        shown = self.pki.contract if contract == "known" else self.pki.flawed["chain of another hierarchy"]
        self.world.plug_in(intent=replace(INTENT, service=service, contract=shown, roots=(self.pki.v2g.chain[0],)))
        self.run(60.0, until=lambda: self.world.evse.demand.stage.name == "ENERGY")
        self.run(8.0)

    @property
    def asked(self) -> v21.AuthorizeRequest:
        [found] = [each for _, each in self.heard if isinstance(each, v21.AuthorizeRequest)]
        return found


@pytest.mark.parametrize(("contract", "may"), [("known", "charge"), ("unknown", "discharge")])
def test_a_root_of_the_station_or_its_configuration_lets_a_contract_feed_the_grid(
    contract: Literal["known", "unknown"], may: Literal["charge", "discharge"]
) -> None:
    bench = Paying(may=may)
    bench.serve(contract)
    assert bench.asked.idToken.type == "eMAID"
    assert ("BEGIN CERTIFICATE" in str(bench.asked.certificate)) is (contract == "unknown")
    assert bench.world.evse.decision.power_w < -3_000
    assert bench.world.plant.export_wh > 0.0


def test_a_contract_for_which_the_back_end_alone_vouches_charges_only() -> None:
    bench = Paying()
    bench.serve("unknown")
    assert bench.world.evcc is not None
    assert "the station does not offer DC_BPT to this car" in str(bench.world.evcc.end)
    bench.world.unplug()
    bench.run(3.0)
    bench.serve("unknown", Service.DC)
    assert bench.world.evse.demand.stage.name == "ENERGY"
    assert bench.world.evse.decision.allowed.discharge_w == 0.0
    assert HEARSAY in bench.world.evse.visit.charges_only
    assert bench.world.plant.export_wh == 0.0


def test_a_contract_that_the_back_end_has_not_judged_gets_no_energy() -> None:
    bench = Paying(may="discharge")
    bench.answers["Authorize"] = v21.AuthorizeResponse(idTokenInfo=v21.IdTokenInfoType(status="Accepted"))
    bench.serve("unknown")
    assert not any(closed for _, closed in bench.world.switched)
