"""Is the car of a visit let in? The authoriser's verdict, reported whenever it is another one."""

from collections.abc import Iterator

from v2g.iso15118.view import Authorization
from v2g.station.access import Answer, Authorizer, Identity, Verdict
from v2g.station.event import Event, Judged, NamesDiffer
from v2g.station.visit import Visit

_UNIDENTIFIED = Verdict(Answer.PENDING, "the car has not shown yet how it pays")


def identity_of(visit: Visit) -> Identity:
    """Who the car is, as far as it is known."""
    if visit.conversation is None:
        return Identity(let_in=visit.let_in, card=visit.card)  # a car that does not talk has no name
    car = visit.conversation.returning or visit.conversation.car
    return Identity(
        car.evcc_id,
        visit.certificate,
        car.contract or None,
        car.contract_doubt or visit.doubt,
        visit.conversation.bidirectional,
        visit.let_in,
        visit.card,
    )


def judge(authorizer: Authorizer, visit: Visit, identity: Identity, now: float) -> Verdict:
    """The verdict about this car. Nobody is asked before the car has shown all that it has to show."""
    conversation = visit.conversation
    if conversation is not None and conversation.returning is None and not conversation.identified:
        return _UNIDENTIFIED
    return authorizer.judge(identity, now)


def reported(visit: Visit, identity: Identity, verdict: Verdict) -> Iterator[Event]:
    """Keep a new verdict, and report it."""
    if (verdict, identity) == (visit.verdict, visit.judged):
        return
    if identity.contradicts and visit.judged != identity:
        yield NamesDiffer(identity)
    visit.verdict, visit.judged = verdict, identity
    if verdict is not _UNIDENTIFIED:
        yield Judged(identity, verdict)


def authorization(verdict: Verdict, *, ready: bool) -> Authorization:
    """What the conversation sees of the verdict. `ready`: a station whose hardware is not there keeps the car waiting
    rather than promise what it cannot do."""
    if verdict.answer is Answer.REFUSED:
        return Authorization.REJECTED
    return Authorization.ACCEPTED if verdict.answer is Answer.GRANTED and ready else Authorization.PENDING
