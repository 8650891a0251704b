"""Shim."""

from v2g.iso15118.car import CarState
from v2g.iso15118.conversation import Conversation
from v2g.iso15118.d20.table import Phase
from v2g.iso15118.d20.timeouts import DEFAULT_PERFORMANCE_S, LINGER_S, PERFORMANCE_S, PROFILES, SETUP_S
from v2g.iso15118.paused import Paused
from v2g.iso15118.service import Selection
from v2g.iso15118.view import Offer, Slot

__all__ = ["LINGER_S", "SETUP_S", "StationConversation", "owed_s", "warm"]


class StationConversation(Conversation):
    def __init__(self, offer: Offer, now: float, *, peer: bytes | None, paused: Paused | None, timing: str) -> None:
        super().__init__(offer, now, peer=peer, paused=paused, sequence=PROFILES[timing])

    @property
    def awaits_authorization(self) -> bool:
        return self.phase == Phase.AUTHORIZATION.name

    @property
    def car(self) -> CarState:
        return CarState() if self.secc is None else self.secc.session.car

    @property
    def session_id(self) -> bytes:
        return b"" if self.secc is None else self.secc.session.session_id

    @property
    def selection(self) -> Selection | None:
        return None if self.secc is None else self.secc.session.selection

    @property
    def schedule(self) -> tuple[Slot, ...]:
        return () if self.secc is None else self.secc.session.schedule

    @property
    def schedule_from_s(self) -> int:
        return 0 if self.secc is None else self.secc.session.schedule_from_s


def owed_s(message: str) -> float:
    return PERFORMANCE_S.get(message.removesuffix("Res") + "Req", DEFAULT_PERFORMANCE_S)


def warm() -> None:
    from v2g.iso15118.d20.secc.engine import ANSWERS
    from v2g.messages import warm
    from v2g.messages.iso20 import ac, common, dc

    warm("sap")
    for protocol, module in (("iso20-common", common), ("iso20-dc", dc), ("iso20-ac", ac)):
        names = [name for name in ANSWERS if hasattr(module, name)]
        warm(protocol, *(getattr(module, name) for name in names), writing=False)
        warm(protocol, *(getattr(module, name.removesuffix("Req") + "Res") for name in names), reading=False)
