"""ScheduleExchange: dynamic control needs no schedule; scheduled control gets a tuple for each tariff, which covers
both directions.

Each schedule of a session has a number of its own, also after a pause: one that the car was offered under the same
number before would have to be the same [V2G20-1058].
"""

from dataclasses import replace
from typing import Any

from msgspec import structs

from v2g.exi.facets import Type
from v2g.iso15118.contract import Priced
from v2g.iso15118.d20.edition import D20
from v2g.iso15118.d20.numbers import limit
from v2g.iso15118.d20.station.heard import heard
from v2g.iso15118.d20.station.returned import let_in
from v2g.iso15118.d20.table import Phase
from v2g.iso15118.d20.wire import header
from v2g.iso15118.service import ControlMode
from v2g.iso15118.session import Refusal, Reply, Session
from v2g.iso15118.view import Slot, Stage, StationView
from v2g.messages.iso20.common import (
    ChargingSchedule,
    Dynamic_SEResControlMode,
    PowerSchedule,
    PowerScheduleEntry,
    PowerScheduleEntryList,
    PriceLevelSchedule,
    PriceLevelScheduleEntry,
    PriceLevelScheduleEntryList,
    Scheduled_SEResControlMode,
    ScheduleExchangeReq,
    ScheduleExchangeRes,
    ScheduleTuple,
)
from v2g.messages.iso20.types import Processing, ResponseCode

_MOST_TUPLES = 3
_NOTHING_YET = (Slot(duration_s=1, charge_w=0.0, discharge_w=0.0),)
"""The schema wants a tuple even while Ongoing."""


def answer(request: ScheduleExchangeReq, session: Session, view: StationView) -> Reply:
    dynamic = session.selected.mode is ControlMode.DYNAMIC
    if (request.Dynamic_SEReqControlMode is not None) != dynamic:
        raise Refusal(
            ResponseCode.FAILED,
            f"the request's control mode is not the selected one, {session.selected.mode.name.lower()}",
        )
    if session.returned:
        session = let_in(session, view)
    following, priced = Phase.SCHEDULE_EXCHANGE if session.returned else _following(session), _priced(session)
    if dynamic and priced is not None and priced.others:
        priced = None  # there is room for one, and they are signed together; such a car does not plan by prices
    head = structs.replace(header(session, view), Signature=None if priced is None else priced.signature)
    if dynamic:
        response = ScheduleExchangeRes(
            Header=head,
            ResponseCode=ResponseCode.OK,
            EVSEProcessing=Processing.Ongoing if session.returned else Processing.Finished,
            Dynamic_SEResControlMode=Dynamic_SEResControlMode(**_price(None if priced is None else priced.tariff)),
        )
        return Reply(response, following, _with_needs(session, request))
    feeds = session.selected.service.bidirectional
    offered = () if session.returned else view.schedule[: request.MaximumSupportingPoints]
    slots = tuple(_as_written(slot, feeds=feeds) for slot in offered)
    prices = (None,) if priced is None or not slots else priced.choice[:_MOST_TUPLES]
    numbers = tuple(range(session.schedule_id + 1, session.schedule_id + 1 + len(prices)))
    response = ScheduleExchangeRes(
        Header=head if slots else header(session, view),
        ResponseCode=ResponseCode.OK,
        EVSEProcessing=Processing.Finished if slots else Processing.Ongoing,
        Scheduled_SEResControlMode=Scheduled_SEResControlMode(
            [
                _schedule_tuple(number, slots or _NOTHING_YET, view.unix_s, session, price)
                for number, price in zip(numbers, prices, strict=True)
            ]
        ),
    )
    if not slots:
        return Reply(response, Phase.SCHEDULE_EXCHANGE, session)
    return Reply(
        response,
        following,
        replace(
            _with_needs(session, request),
            schedule=slots,
            schedule_from_s=view.unix_s,
            schedule_id=numbers[-1],
            tuples=numbers,
        ),
    )


def _as_written(slot: Slot, *, feeds: bool) -> Slot:
    """The slot with the powers that the car will read: a profile that equals the offer must pass."""
    return replace(
        slot,
        charge_w=limit(slot.charge_w).value,
        discharge_w=limit(slot.discharge_w).value if feeds else 0.0,
    )


def _following(session: Session) -> Phase:
    """A renegotiation, with the contactor closed already, goes straight back to PowerDelivery."""
    if session.demand.stage is Stage.READY or not session.selected.service.dc:
        return Phase.POWER_DELIVERY
    return Phase.CABLE_CHECK


def _priced(session: Session) -> Priced | None:
    """What energy costs; who pays by a contract gets a signed price or none."""
    prices = session.offer.prices
    priced = None if prices is None else prices.tariff(D20.name, session.car.contract)
    return None if priced is None or (session.by_contract and priced.signature is None) else priced


def _price(tariff: Type | None) -> dict[str, Any]:
    """The element with the price, by its name."""
    return {} if tariff is None else {type(tariff).__name__: tariff}


def _schedule_tuple(
    tuple_id: int, slots: tuple[Slot, ...], unix_s: int, session: Session, tariff: Type | None
) -> ScheduleTuple:
    def schedule(number: int, powers_w: list[float]) -> ChargingSchedule:
        entries = [
            PowerScheduleEntry(Duration=slot.duration_s, Power=limit(power_w))
            for slot, power_w in zip(slots, powers_w, strict=True)
        ]
        price = _price(tariff) if number == 1 else {}  # it is signed once, for what is charged
        if not price and session.offer.price_levels:
            price = {"PriceLevelSchedule": _one_level(number, slots, unix_s)}
        return ChargingSchedule(
            PowerSchedule=PowerSchedule(TimeAnchor=unix_s, PowerScheduleEntries=PowerScheduleEntryList(entries)),
            **price,
        )

    return ScheduleTuple(
        ScheduleTupleID=tuple_id,
        ChargingSchedule=schedule(1, [slot.charge_w for slot in slots]),
        DischargingSchedule=(
            schedule(2, [slot.discharge_w for slot in slots]) if session.selected.service.bidirectional else None
        ),
    )


def _one_level(number: int, slots: tuple[Slot, ...], unix_s: int) -> PriceLevelSchedule:
    """A price that is the same at all times, hence no reason to shift energy."""
    duration_s = sum(slot.duration_s for slot in slots)
    return PriceLevelSchedule(
        Id=f"price{number}",
        TimeAnchor=unix_s,
        PriceScheduleID=number,
        NumberOfPriceLevels=1,
        PriceLevelScheduleEntries=PriceLevelScheduleEntryList([PriceLevelScheduleEntry(duration_s, 1)]),
    )


def _with_needs(session: Session, request: ScheduleExchangeReq) -> Session:
    needs = request.Dynamic_SEReqControlMode or request.Scheduled_SEReqControlMode
    assert needs is not None, "the schema demands one of the two"
    return replace(session, car=heard(session.car, needs))
