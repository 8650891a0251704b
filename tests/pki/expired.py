"""What comes of each certificate once it has expired, by edition: the table of docs/certificates.md.

`python -m tests.pki.expired` writes it; a test holds the page to it.
"""

import re
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from tests.iso15118.credentials import EMAID, Authority, Hierarchy, certify, new_key
from tests.iso15118.test_contracts import Car, Car20, details, installation, installation20
from tests.pki.authorities import Party, authority, leaf
from tests.tls.test_channel import failures

from v2g.iso15118.contract import Credential
from v2g.iso15118.d2.iso2 import ISO2
from v2g.iso15118.event import Step
from v2g.iso15118.signature import sign
from v2g.messages import decode, encode
from v2g.pki.issue import ocsp_response
from v2g.pki.profile import OCSP_SIGNING, Revocation, Role
from v2g.station.event import StrangerRefused
from v2g.station.text import describe
from v2g.tls.context import station_context, vehicle_context
from v2g.tls.files import TlsFiles
from v2g.tls.profile import ISO15118_2, ISO15118_20, Profile

PAGE = Path(__file__).parents[2] / "docs" / "certificates.md"
BEGIN, END = "<!-- expired: drawn by `python -m tests.pki.expired` -->\n", "<!-- end of expired -->\n"
NOW = datetime.now(UTC)
LONG_AGO = NOW - timedelta(days=50)
EDITIONS = {"ISO 15118-2": ("p256", ISO15118_2), "ISO 15118-20": ("p521", ISO15118_20)}
_DATE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d")


class Row(NamedTuple):
    certificate: str
    edition: str
    phase: str
    code: str
    """Of the response, or of the TLS alert."""
    trace: str
    """What the station's trace says."""


def rows() -> list[Row]:
    """One for each certificate and edition."""
    with tempfile.TemporaryDirectory() as directory:
        return [*_tls_rows(Path(directory)), *_staple_rows(Path(directory)), *_contract_rows(), *_provisioning_rows()]


def table(found: list[Row]) -> str:
    """As Markdown."""
    lines = ["| expired | edition | phase | code | the station's trace |", "|---|---|---|---|---|"]
    lines += [f"| {row.certificate} | {row.edition} | {row.phase} | `{row.code}` | `{row.trace}` |" for row in found]
    return "\n".join([*lines, ""])


def with_table(page: str) -> str:
    """The page with the present table."""
    start, end = page.index(BEGIN), page.index(END)
    return page[:start] + BEGIN + table(rows()) + page[end:]


# TLS


def _tls_rows(directory: Path) -> Iterator[Row]:
    for edition, (curve, profile) in EDITIONS.items():
        for number, name in enumerate(("station's leaf", "CPO sub-CA", "V2G root, at the car")):
            made = _four(Role.STATION, curve, expired=number)
            yield _tls_row(directory, name, edition, made, _four(Role.VEHICLE, curve), profile)
    curve, profile = EDITIONS["ISO 15118-20"]
    for number, name in enumerate(("vehicle's leaf", "OEM sub-CA", "OEM root, at the station")):
        made = _four(Role.VEHICLE, curve, expired=number)
        yield _tls_row(directory, name, "ISO 15118-20", _four(Role.STATION, curve), made, profile)


def _four(role: Role, curve: str, expired: int | None = None) -> list[Party]:
    """Leaf, authority, root, and a second root that is valid; one of the first three may have expired."""
    days = [40.0 if each == expired else 500.0 for each in range(3)]
    domain = role.anchors[0].value
    root = authority(f"{domain} Root", None, 1, domain=domain, curve=curve, days=days[2], now=LONG_AGO)
    other = authority(f"{domain} Root 2", None, 1, domain=domain, curve=curve, days=500, now=LONG_AGO)
    middle = authority("Sub-CA", root, 0, curve=curve, days=days[1], now=LONG_AGO)
    return [leaf(role, middle, curve=curve, now=LONG_AGO, days=days[0]), middle, root, other]


def _staple_rows(directory: Path) -> Iterator[Row]:
    """The OCSP responder's certificate, at a car that demands its answer."""
    for edition, (curve, profile) in EDITIONS.items():
        made = _four(Role.STATION, curve)
        responder = leaf(Role.STATION, made[1], curve=curve, now=LONG_AGO, days=40, extended_usage=OCSP_SIGNING)
        own = _files(directory / "station", made, peers := _four(Role.VEHICLE, curve))
        secc = station_context(own, profile, now=NOW)
        own_leaf, issuer = (each.certificate.parsed for each in made[:2])
        secc.staple = ocsp_response(own_leaf, issuer, responder.key, NOW, responder=responder.certificate.parsed)
        car = vehicle_context(_files(directory / "vehicle", peers, made), profile, now=NOW)
        car.revocation = Revocation.REQUIRE
        at_station, at_car = failures(secc, car)
        assert at_station is not None
        assert "signed by nobody who may sign for" in str(at_car)
        trace = describe(StrangerRefused("[fe80::1]:50000", str(at_station), at_station.fault))
        alert = at_station.alert or "-"
        yield Row("OCSP responder", edition, "TLS set-up", alert, _plain(" ".join(trace), directory))


def _tls_row(
    directory: Path, name: str, edition: str, station: list[Party], vehicle: list[Party], profile: Profile
) -> Row:
    before = LONG_AGO + timedelta(days=1)  # whoever shows an expired certificate does not know
    at_vehicle = _files(directory / "vehicle", vehicle, station)
    car = vehicle_context(at_vehicle, profile, now=NOW if "car" in name else before)
    own = _files(directory / "station", station, vehicle)
    secc = station_context(own, profile, now=NOW if "station" in name and "root" in name else before)
    at_station, _ = failures(secc, car)
    assert at_station is not None, name
    alert = at_station.alert or "-"
    trace = describe(StrangerRefused("[fe80::1]:50000", str(at_station), at_station.fault))
    return Row(name, edition, "TLS set-up", alert, _plain(" ".join(trace), directory))


def _files(directory: Path, own: list[Party], peers: list[Party]) -> TlsFiles:
    directory.mkdir(exist_ok=True)
    files = TlsFiles(directory / "leaf.pem", directory / "key.pem", (directory / "roots.pem",), directory / "chain.pem")
    key = own[0].key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    files.private_key.write_bytes(key)
    files.certificate.write_bytes(own[0].certificate.pem)
    (directory / "chain.pem").write_bytes(own[1].certificate.pem)
    (directory / "roots.pem").write_bytes(b"".join(each.certificate.pem for each in peers[2:]))
    return files


# Contracts


def _contracts(kind: str) -> dict[str, tuple[Credential, Hierarchy]]:
    """By what has expired: a contract, and who judges it."""
    good, old = Hierarchy(kind), (-30, -1)
    above = good.operator.above
    assert above is not None
    key = new_key(kind)
    ended = Authority(certify("MO Root", "MO", key, None, key, authority=True, days=old), key, kind=kind)
    return {
        "contract": (good.operator.credential(EMAID, "MO", days=old), good),
        "MO sub-CA": (above.issue("MO Sub-CA 2", "MO", authority=True, days=old).credential(EMAID, "MO"), good),
        "MO or V2G root above it": (ended.issue("MO Sub-CA", "MO", authority=True).credential(EMAID, "MO"), good),
    }


def _contract_rows() -> Iterator[Row]:
    for name, (contract, judge) in _contracts("p256").items():
        car = Car(judge).chosen()
        message = ISO2.message(car.engine.session.session_id, details(contract))
        yield _asked(name, "ISO 15118-2", "PaymentDetails", car.engine.receive, 0x8001, message, car)
    for name, (contract, judge) in _contracts("p521").items():
        newer = Watched(judge)
        answer = newer.pays(newer.challenge(), contract)
        yield Row(name, "ISO 15118-20", "Authorization", answer.ResponseCode.value, traced(newer.step))


class Watched(Car20):
    """A car of ISO 15118-20 that keeps what the last request brought about."""

    step: Step

    def answer(self, request: Any) -> Any:
        self.step = self.secc.receive(0x8002, encode("iso20-common", request), self.now, self.view)
        [(_, answered)] = self.step.send
        return decode("iso20-common", answered, strict=True)


def _provisioning_rows() -> Iterator[Row]:
    name, phase, days = "OEM provisioning", "CertificateInstallation", (-30, -1)
    judge = Hierarchy("p256")
    own = judge.maker.credential("WMIV1234567890ABCDEX", "OEM", days=days)
    car = Car(judge).chosen((2, 1))
    body = installation(judge, own.chain[0])
    signature = sign("iso2", [(type(body).__name__, body)], own.key)
    message = ISO2.message(car.engine.session.session_id, body, signature)
    yield _asked(name, "ISO 15118-2", phase, car.engine.receive, 0x8001, message, car)
    judge = Hierarchy("p521")
    newer = Watched(judge)
    newer.challenge()
    own = judge.maker.credential("WMIV1234567890ABCDEX", "OEM", days=days)
    answer = newer.answer(installation20(newer, own))
    yield Row(name, "ISO 15118-20", phase, answer.ResponseCode.value, traced(newer.step))


def _asked(
    name: str, edition: str, phase: str, receive: Callable[..., Any], payload_type: int, message: Any, car: Car
) -> Row:
    step = receive(payload_type, encode("iso2", message), car.now, car.view)
    [answer] = car.answers(step)
    return Row(name, edition, phase, answer.ResponseCode.value, traced(step))


def traced(step: Step) -> str:
    """The last line that is no message and no change of phase."""
    said = [describe(event) for event in step.events]
    lines = [" ".join(each) for each in said if each[0] in ("WARNING", "ERROR")]
    return _plain(lines[-1]) if lines else "-"


def _plain(text: str, directory: Path | None = None) -> str:
    text = _DATE.sub("DATE", text).replace("|", "/")
    return text if directory is None else text.replace(f"{directory}/station/", "/etc/ssl/v2g/")


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text()))
