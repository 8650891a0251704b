"""When a car has to sign the meter's reading, whatever becomes of the clock of the day."""

from dataclasses import replace

import pytest
from tests.iso15118.credentials import UNIX_S

from v2g.iso15118.d2.station.metering import metered
from v2g.iso15118.d20.station.metering import meter_info
from v2g.iso15118.d20.table import Phase
from v2g.iso15118.session import Session
from v2g.iso15118.view import Meter, Offer, StationView

OFFER = Offer("DE*V2G*E1", (), receipts_s=900.0)
SESSION = Session(
    OFFER, Phase.CHARGE_LOOP, bytes(7) + b"\1", chain=(b"leaf",), by_contract=True, metered=True, receipt_s=UNIX_S
)
VIEW = StationView(UNIX_S, meter=Meter("meter", 1000, 0, 1000))


@pytest.mark.parametrize(("later_s", "due"), [(10, False), (900, True), (86_400, True), (-10, False), (-3600, True)])
def test_a_clock_that_is_set_back_puts_no_receipt_off(later_s: int, due: bool) -> None:
    view = replace(VIEW, unix_s=UNIX_S + later_s)
    _, signs, after_2 = metered(SESSION, view)
    _, after_20 = meter_info(False, SESSION, view)
    assert (signs, after_20.confirms) == (due, due)
    given_s = view.unix_s if due else UNIX_S
    assert (after_2.receipt_s, after_20.receipt_s) == (given_s, given_s)
