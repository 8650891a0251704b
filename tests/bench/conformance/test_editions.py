"""ISO 15118-20 and DIN SPEC 70121 by requirement: what the station keeps, and that a station that does not is found."""

from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from v2g.bench.conformance import din, iso20, suite
from v2g.bench.conformance.cases import Verdict
from v2g.bench.conformance.hand import Hand, element
from v2g.bench.conformance.iso20_scenes import DC
from v2g.bench.conformance.iso20_scenes import case as iso20_case
from v2g.bench.conformance.place import Passed, Scene, VirtualPlace, Wire
from v2g.bench.conformance.station_at import Station
from v2g.bench.conformance.suite import Check, Suite, run_check
from v2g.bench.conformance.tester import Fail
from v2g.cli import main
from v2g.cli.conformance import PROTOCOLS as PROTOCOLS_TESTED
from v2g.io.discovery import Endpoint
from v2g.iso15118.d20.wire import PROTOCOLS
from v2g.messages import decode, encode
from v2g.v2gtp.framing import PayloadType

PARTS = {"iso15118-20": "V2G20", "din": "V2G-DC"}


def requirements(repository: Path, part: str) -> dict[str, str]:
    """The numbers of an edition, with their notes."""
    rows = [line.split("\t") for line in (repository / "docs" / "requirements.tsv").read_text().splitlines()[1:]]
    return {row[0]: row[3] for row in rows if row[0].rpartition("-")[0] == part}


for name in iso20.MODULES:
    import_module(f"v2g.bench.conformance.{name}")


def derived(check: Check) -> bool:
    """Whether it follows from the table."""
    return check.run.__class__.__name__ == "partial"


def some(checks: tuple[Check, ...]) -> Iterator[Check]:
    """Of the derived ones every twentieth, and silence while energy flows."""
    of_the_table = [check for check in checks if derived(check)]
    yield from of_the_table[::20]
    yield from (check for check in of_the_table if "LOOP: silence" in check.name)


@pytest.mark.parametrize("of", [iso20.SUITE, din.SUITE], ids=lambda of: of.name)
def test_every_requirement_has_a_case_or_a_reason(of: Suite, repository: Path) -> None:
    assert set(of.numbers()) == set(requirements(repository, PARTS[of.name]))
    shown = {number for check in of.checks() for number in check.shows}
    assert not shown & (set(of.reasons) | set(of.deviations))
    assert len({check.name for check in of.checks()}) == len(of.checks())


@pytest.mark.parametrize("check", list(din.case), ids=lambda check: check.name)
def test_a_case_of_din(check: Check) -> None:
    result = run_check(check)
    assert result.verdict is Verdict.PASS, result.text


def wrong(checks: Iterable[Check], repository: Path) -> list[str]:
    """Cases whose verdict is not what the documentation says: only what it calls a deviation may fail."""
    notes = requirements(repository, "V2G20")
    deviating = {number for number, note in notes.items() if note.startswith("deviation: ")}
    results = [(check, run_check(check)) for check in checks]
    return [
        f"{check.name}: {result.text}"
        for check, result in results
        if (result.verdict is Verdict.FAIL) == deviating.isdisjoint(check.shows)
    ]


@pytest.mark.parametrize("check", list(iso20_case), ids=lambda check: check.name)
def test_a_case_of_iso_20(check: Check, repository: Path) -> None:
    assert not wrong([check], repository)


@pytest.mark.parametrize("of", [iso20.SUITE, din.SUITE], ids=lambda of: of.name)
def test_some_cases_of_the_table(of: Suite, repository: Path) -> None:
    assert not wrong(some(of.checks()), repository)


@pytest.mark.proof
@pytest.mark.parametrize("of", [iso20.SUITE, din.SUITE], ids=lambda of: of.name)
def test_every_case(of: Suite, repository: Path) -> None:
    assert not wrong(of.checks(), repository)


class Liar(VirtualPlace):
    """A station whose answers are changed on the way."""

    def __init__(self, scene: Scene, spoil: Any) -> None:
        super().__init__(scene)
        self._spoil, self._agreed = spoil, False

    @property
    def wire(self) -> Wire:
        return self._seen

    @wire.setter
    def wire(self, wire: Wire) -> None:
        self._seen = wire
        self.bench.wire = self._lying

    def _lying(self, to_station: bool, payload_type: int, payload: bytes) -> Passed:
        if not to_station and self._agreed:
            protocol = "din" if payload_type == PayloadType.EXI else PROTOCOLS[payload_type]
            payload = encode(protocol, self._spoil(decode(protocol, payload)))
        self._agreed |= not to_station
        return self._seen(to_station, payload_type, payload)


def says_ok(message: Any) -> Any:
    """Every refusal is an OK."""
    code = element(message).ResponseCode
    if not code.value.startswith("FAILED"):
        return message
    fine = type(code)("OK")
    if element(message) is message:
        return structs.replace(message, ResponseCode=fine)
    body = structs.replace(message.Body, BodyElement=structs.replace(element(message), ResponseCode=fine))
    return structs.replace(message, Body=body)


def refuses_all(message: Any) -> Any:
    """Every OK is a refusal."""
    if element(message) is message:
        return structs.replace(message, ResponseCode=type(message.ResponseCode)("FAILED"))
    failed = structs.replace(element(message), ResponseCode=type(element(message).ResponseCode)("FAILED"))
    return structs.replace(message, Body=structs.replace(message.Body, BodyElement=failed))


def of_another_session(message: Any) -> Any:
    return structs.replace(message, Header=structs.replace(message.Header, SessionID=bytes(range(8))))


def named(of: Suite, name: str) -> Check:
    return next(check for check in of.checks() if check.name.endswith(name))


@pytest.mark.parametrize(
    ("of", "name"),
    [
        (din.SUITE, "a payment that was not offered"),
        (din.SUITE, "SERVICE: another session's id"),
        (din.SUITE, "CABLE_CHECK: PreChargeReq"),
        (iso20.SUITE, "a parameter set that was not given"),
        (iso20.SUITE, "charge parameters of another service"),
        (iso20.SUITE, "AUTHORIZATION: session id 0"),
        (iso20.SUITE, "CABLE_CHECK: DC_PreChargeReq"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.name,
)
def test_a_station_that_refuses_nothing_is_found(of: Suite, name: str) -> None:
    result = run_check(named(of, name), lambda scene: Liar(scene, says_ok))
    assert result.verdict is Verdict.FAIL
    assert "is answered with OK" in result.text


@pytest.mark.parametrize("check", [list(iso20_case)[4], *list(din.case)[2:9:3]], ids=lambda check: check.name)
def test_a_station_that_refuses_everything_is_found(check: Check) -> None:
    assert run_check(check, lambda scene: Liar(scene, refuses_all)).verdict is Verdict.FAIL


def test_a_station_with_the_id_of_another_session_is_found() -> None:
    whole = named(din.SUITE, "a whole session")
    assert run_check(whole, lambda scene: Liar(scene, of_another_session)).verdict is Verdict.FAIL


@pytest.mark.parametrize(("seconds", "text"), [(0.01, "still there after"), (3.0, "gives up after")])
def test_a_station_that_gives_up_too_soon_or_too_late_is_found(seconds: float, text: str) -> None:
    hand = Hand(VirtualPlace(DC), DC)
    hand.reach_energy() if seconds > 1 else hand.reach("ServiceDiscoveryReq")
    with pytest.raises(Fail, match=text):
        hand.silent(seconds)


def test_what_needs_the_bench_says_so_elsewhere() -> None:
    check = named(iso20.SUITE, "external identification fails")
    station = Station(Endpoint("::1", 9))
    result = run_check(check, station)
    station.shut()
    assert (result.verdict, result.text[:15]) == (Verdict.NOT_APPLICABLE, "needs the bench")


def test_the_command_lists_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["conformance"]) == 0
    assert [line.split()[2] for line in capsys.readouterr().out.splitlines()] == list(PROTOCOLS_TESTED)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["din", "--at", "[::1]:9"], "no connection to [::1]:9"),
        (["din", "--tls"], "--tls goes with --at HOST:PORT or --interface IF"),
        (["din", "--at", "[::1]:9", "--interface", "lo"], "give one of them"),
        (["ocpp", "--interface", "lo"], "a station of OCPP comes to --at HOST:PORT"),
        (["din", "--only", "nothing"], "no case of din begins with nothing"),
    ],
)
def test_unfit_arguments_are_explained(options: list[str], text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["conformance", *options]) == 2
    assert text in capsys.readouterr().err


def test_the_verdict_on_a_requirement_is_that_of_its_cases() -> None:
    found = list(suite.run(iso20.SUITE, ["V2G20-445", "V2G20-192", "V2G20-436", "V2G20-2388"]))
    assert [(each.id, each.verdict) for each in found] == [
        ("V2G20-192", Verdict.PASS),
        ("V2G20-436", Verdict.NOT_APPLICABLE),
        ("V2G20-445", Verdict.FAIL),
        ("V2G20-2388", Verdict.FAIL),
    ]
    assert found[2].text == "an undecodable request is ignored: the station ends the session"
