"""Transactions of EVSEs that the configuration no longer has: no meter will end them."""

from msgspec import UNSET

from v2g.ocpp import v21
from v2g.ocpp.schedule import timestamp
from v2g.station.back_end.block import Block
from v2g.station.back_end.charging_station import ChargingStation
from v2g.station.back_end.remembered import TRANSACTION, left_over
from v2g.station.back_end.transactions import Transaction, sampled


class Abandoned(Block):
    """Ends what ran at such an EVSE when the process before this one ended, with the registers that were read last."""

    def __init__(self, station: ChargingStation) -> None:
        super().__init__()
        self._station = station
        self._left = [each for id, each in left_over(station.store).items() if id not in station.evses]

    def step(self) -> None:
        """At the first look; the event waits for the back end in the queue."""
        station, left, self._left = self._station, self._left, []
        for each in left:
            station.event(_end(each, station.unix_s))
            station.store.put(TRANSACTION, str(each.evse), None)


def _end(left: Transaction, unix_s: int) -> v21.TransactionEventRequest:
    at, values = timestamp(unix_s), sampled(left, None, None, "Transaction.End")
    return v21.TransactionEventRequest(
        eventType="Ended",
        timestamp=at,
        triggerReason="AbnormalCondition",
        seqNo=left.seq,
        meterValue=(v21.MeterValueType(sampledValue=values, timestamp=at),) if values else UNSET,
        transactionInfo=v21.TransactionType(transactionId=left.id, stoppedReason="PowerLoss"),
    )
