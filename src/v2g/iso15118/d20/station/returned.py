"""A session that was taken up again after a pause skips Authorization. What let the car in then may be gone by now: a
card, a contract, the word of a back end. So it is let in again before anything is closed."""

from dataclasses import replace

from v2g.iso15118.d20.edition import D20
from v2g.iso15118.session import Code, Refusal, Session
from v2g.iso15118.view import Authorization, StationView
from v2g.kernel.fault import Fault


def let_in(session: Session, view: StationView) -> Session:
    """The session, which stays `returned` while nobody has decided. Raises `Refusal` for a car that may not use the
    EVSE any more."""
    if session.by_contract:
        contracts = session.offer.contracts
        assert contracts is not None, "without them it is not taken up again"
        judged = contracts.judge(session.chain, D20.name, view.unix_s)
        if judged.flaw is not None:
            raise Refusal(Code.FAILED, judged.reason, Fault.AUTHORIZATION)
        if judged.pending:
            return session
        session = replace(session, car=replace(session.car, contract_doubt=judged.doubt))
    if view.authorization is Authorization.REJECTED:
        raise Refusal(Code.FAILED, "the car may not use this EVSE any more", Fault.AUTHORIZATION)
    return replace(session, returned=view.authorization is Authorization.PENDING)
