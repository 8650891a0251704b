"""Cases of ISO 15118-20 about the connection: they need a station that can be reached over TLS."""

from v2g.bench.conformance.hand import Hand
from v2g.bench.conformance.iso20_scenes import DC, case
from v2g.bench.conformance.place import Knocked
from v2g.bench.conformance.tester import NotApplicable
from v2g.tls.profile import INTEROP_P256, ISO15118_2, ISO15118_20, Profile

_ANY_OLDER = ISO15118_2._replace(
    suites=("ECDHE-ECDSA-AES128-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384"),
    groups=("secp256r1", "secp521r1"),
    signature_algorithms=INTEROP_P256.signature_algorithms,
    key_types=INTEROP_P256.key_types,
)
"""TLS 1.2, with whatever certificate the station has for it."""


def _knock(hand: Hand, profile: Profile | None) -> Knocked:
    """A connection with this profile (None: without TLS) on which a car asks for ISO 15118-20."""
    if hand.place.knock is None:
        raise NotApplicable("needs a TLS connection: name the station with --at and --tls")
    return hand.place.knock(profile)


def _serves(hand: Hand, profile: Profile) -> Knocked:
    found = _knock(hand, profile)
    hand.true(found.code.startswith("OK"), f"no session: {found.code or found.reason}")
    return found


@case("TLS 1.3, both sides prove themselves", "1235 1264", DC)
def _mutual(hand: Hand) -> None:
    found = _serves(hand, ISO15118_20)
    hand.true(found.version == "TLSv1.3", f"the version is {found.version}")


@case("each named group by itself", "1634 1637 2460", DC)
def _groups(hand: Hand) -> None:
    for group in ISO15118_20.groups:
        found = _serves(hand, ISO15118_20._replace(groups=(group,)))
        hand.true(found.group == group, f"the group is {found.group}, {group} alone was offered")


@case("each suite by itself, and the station's order of them", "1856 2458", DC)
def _suites(hand: Hand) -> None:
    for suite in ISO15118_20.suites:
        found = _serves(hand, ISO15118_20._replace(suites=(suite,)))
        hand.true(found.suite == suite, f"the suite is {found.suite}, {suite} alone was offered")
    found = _serves(hand, ISO15118_20._replace(suites=ISO15118_20.suites[::-1]))
    hand.true(found.suite == ISO15118_20.suites[0], f"the car's order decides: {found.suite}")


@case("no session of ISO 15118-20 without TLS", "1805 2356", DC)
def _plain(hand: Hand) -> None:
    found = _knock(hand, None)
    hand.true(not found.code.startswith("OK"), "ISO 15118-20 is spoken over plain TCP")


@case("no session of ISO 15118-20 over TLS 1.2", "1805 2356 2359", DC)
def _older(hand: Hand) -> None:
    found = _knock(hand, _ANY_OLDER)
    hand.true(not found.code.startswith("OK"), "ISO 15118-20 is spoken over TLS 1.2")


@case("a car without a certificate", "2400", DC)
def _anonymous(hand: Hand) -> None:
    found = _knock(hand, ISO15118_20._replace(mutual=False))
    hand.true(not found.code.startswith("OK"), "a car that proves nothing is served")


@case("the station names its roots in CertificateRequest", "2401 2404", DC)
def _roots(hand: Hand) -> None:
    found = _serves(hand, ISO15118_20)
    hand.true(found.authorities, "the list of authorities is empty")
