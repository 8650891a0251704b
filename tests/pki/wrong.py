"""What comes of contracts, signatures and session ids that are wrong, by edition: a table of docs/certificates.md.

`python -m tests.pki.wrong` writes it; a test holds the page to it.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from tests.iso15118.credentials import EMAID, Hierarchy
from tests.iso15118.d2_car import Car as PlainCar
from tests.iso15118.d2_car import requests
from tests.iso15118.requests import header
from tests.iso15118.test_contracts import FLAWS, Car, Car20, details, flawed, revoked
from tests.pki.expired import PAGE, Watched, traced

from v2g.iso15118.contract import Credential
from v2g.iso15118.d2.dialect import NO_SESSION
from v2g.iso15118.d2.iso2 import ISO2
from v2g.iso15118.d2.table import Phase
from v2g.iso15118.d20.table import Phase as D20Phase
from v2g.iso15118.din.dialect import DIN
from v2g.iso15118.event import Step
from v2g.iso15118.service import Service
from v2g.iso15118.signature import sign
from v2g.iso15118.view import Demand, Stage
from v2g.messages import encode, iso2
from v2g.messages.iso20 import common

BEGIN, END = "<!-- wrong: drawn by `python -m tests.pki.wrong` -->\n", "<!-- end of wrong -->\n"
LEFT_OUT = {"expired", "of an expired authority"}
"""They are in the other table."""
FOREIGN = b"\x11" * 8


class Row(NamedTuple):
    wrong: str
    edition: str
    request: str
    code: str
    trace: str
    goes_on: bool
    """Whether the car may try again."""


def rows() -> list[Row]:
    """One for each thing that may be wrong, and edition. Raises `AssertionError` if one of them gets energy."""
    return [*_contracts_2(), *_proofs_2(), *_ids_of_2(), *_contracts_20(), *_proofs_20(), *_ids_of_20()]


def table(found: list[Row]) -> str:
    """As Markdown."""
    lines = [
        "| wrong | edition | request | code | the station's trace | the car may try again |",
        "|---|---|---|---|---|---|",
    ]
    for row in found:
        again = "yes" if row.goes_on else "no"
        lines.append(f"| {row.wrong} | {row.edition} | {row.request} | `{row.code}` | `{row.trace}` | {again} |")
    return "\n".join([*lines, ""])


def with_table(page: str) -> str:
    """The page with the present table."""
    start, end = page.index(BEGIN), page.index(END)
    return page[:start] + BEGIN + table(rows()) + page[end:]


def _row(wrong: str, edition: str, request: str, answer: Any, step: Step, engine: Any) -> Row:
    demand: Demand = engine.demand
    assert demand.stage is Stage.OFF, f"{wrong} in {edition} gets energy"
    assert not engine.session.car.contract, f"{wrong} in {edition} counts as proved"
    trace = traced(step).replace(FOREIGN.hex().upper(), "ID").replace(NO_SESSION.hex().upper(), "0")
    trace = trace.partition(": error parsing")[0]  # what follows is the library's, and differs by its version
    return Row(wrong, edition, request, answer.ResponseCode.value, trace, engine.end is None)


def _with_contracts(kind: str) -> Iterator[tuple[str, Hierarchy, Credential]]:
    pki = Hierarchy(kind)
    for flaw in FLAWS:
        if flaw not in LEFT_OUT:
            yield f"contract {flaw}", pki, flawed(pki)[flaw][0]
    if kind == "p256":  # the schema of ISO 15118-20 has room for no more than it admits
        longer = pki.operator.issue("MO Sub-CA 3", "MO", authority=True)
        yield "contract with three authorities", pki, longer.credential(EMAID, "MO")
    gone = Hierarchy(kind)
    revoked(gone, gone.contract)
    yield "contract revoked", gone, gone.contract


def _contracts_2() -> Iterator[Row]:
    for wrong, pki, contract in _with_contracts("p256"):
        car = Car(pki).chosen()
        yield _asked(wrong, car, details(contract))
    pki = Hierarchy("p256")
    yield _asked("another contract's number", Car(pki).chosen(), details(pki.contract, "DE8AAC9Z9Z9Z9Z9"))


def _proofs_2() -> Iterator[Row]:
    pki = Hierarchy("p256")
    before = Car(pki)
    replayed = iso2.AuthorizationReq(before.detailed(), "id1")

    def asked(wrong: str, make: Callable[[bytes], tuple[Any, Any]], key: Any = None) -> Row:
        car = Car(pki)
        body, signed = make(car.detailed())
        signature = None if signed is None else sign("iso2", [("AuthorizationReq", signed)], key or pki.contract.key)
        return _asked(wrong, car, body, signature)

    def same(challenge: bytes) -> tuple[Any, Any]:
        body = iso2.AuthorizationReq(challenge, "id1")
        return body, body

    yield asked("signature by another key", same, pki.provisioning.key)
    yield asked(
        "signature over another body",
        lambda challenge: (iso2.AuthorizationReq(challenge, "id1"), iso2.AuthorizationReq(bytes(16), "id1")),
    )
    yield asked("no signature", lambda challenge: (iso2.AuthorizationReq(challenge, "id1"), None))
    yield asked("challenge of an earlier session", lambda challenge: (replayed, replayed))


def _asked(wrong: str, car: PlainCar, body: Any, signature: Any = None, session_id: bytes | None = None) -> Row:
    named = car.engine.session.session_id if session_id is None else session_id
    message = car.to.message(named, body, signature)
    step = car.engine.receive(0x8001, encode(car.to.edition.message_sets[0x8001], message), car.now, car.view)
    [answer] = car.answers(step)
    request = type(body).__name__.removesuffix("Req")
    return _row(wrong, car.to.edition.name, request, answer, step, car.engine)


def _ids_of_2() -> Iterator[Row]:
    for to in (ISO2, DIN):
        for wrong, session_id in (("session id of another car", FOREIGN), ("session id 0", NO_SESSION)):
            car = PlainCar(to, Service.DC).walk(Phase.DC_CHARGE_LOOP)
            yield _asked(wrong, car, requests(to, Service.DC)["CurrentDemandReq"], session_id=session_id)


def _contracts_20() -> Iterator[Row]:
    for wrong, pki, contract in _with_contracts("p521"):
        car = Watched(pki)
        answer = car.pays(car.challenge(), contract)
        yield _row(wrong, "ISO 15118-20", "Authorization", answer, car.step, car.secc)


def _proofs_20() -> Iterator[Row]:
    pki = Hierarchy("p521")
    earlier = Car20(pki).challenge()

    def asked(wrong: str, challenge: bytes | None = None, key: Any = None, *, unsigned: bool = False) -> Row:
        car = Watched(pki)
        given = car.challenge()
        answer = car.pays(challenge or given, pki.contract, key, unsigned=unsigned)
        return _row(wrong, "ISO 15118-20", "Authorization", answer, car.step, car.secc)

    yield asked("signature by another key", key=pki.provisioning.key)
    yield asked("no signature", unsigned=True)
    yield asked("challenge of an earlier session", earlier)


def _ids_of_20() -> Iterator[Row]:
    for wrong, session_id in (("session id of another car", FOREIGN), ("session id 0", NO_SESSION)):
        car = Watched(Hierarchy("p521"), contracts=None)
        car.walk(D20Phase.SERVICE_DISCOVERY)
        answer = car.answer(common.ServiceDiscoveryReq(header(session_id)))
        yield _row(wrong, "ISO 15118-20", "ServiceDiscovery", answer, car.step, car.secc)


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text()))
