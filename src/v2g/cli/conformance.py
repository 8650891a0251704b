"""`v2g conformance`: test cases and requirements of a protocol, run against a station."""

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from v2g.cli.arguments import add_json, endpoint, whole
from v2g.kernel.errors import V2GError

if TYPE_CHECKING:
    from v2g.bench.conformance.cases import Result
    from v2g.bench.conformance.place import Scene
    from v2g.bench.conformance.station_at import Station
    from v2g.iso15118.vehicle import Intent

PROTOCOLS = {
    "ocpp": "the station cases of OCTT (2.0.1), and the requirements of the blocks Q and R of OCPP 2.1",
    "iso15118-2": "the station cases of ISO 15118-4, by name",
    "iso15118-20": "the requirements of ISO 15118-20 for a station, by number",
    "din": "the requirements of DIN SPEC 70121 for a station, by number",
}


class StationError(V2GError):
    """The arguments name no station that can be tested."""


class UnknownCaseError(V2GError):
    """No case has such a name."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("protocol", nargs="?", choices=PROTOCOLS, help="what is tested; if left out, what there is")
    parser.add_argument(
        "case", nargs="*",
        help="cases or requirements by the beginning of their number: TC_K, Q08, R04.FR.03, PowerDelivery_014",
    )  # fmt: skip
    parser.add_argument("--only", metavar="NUMBER", action="append", default=[], help="the same, as an option")
    parser.add_argument(
        "--suite", choices=("octt", "q-and-r"), action="append",
        help="OCPP: the station cases of OCTT (2.0.1), or the blocks Q and R of 2.1; both if left out",
    )  # fmt: skip
    parser.add_argument(
        "--every-profile", action="store_true", help="OCPP: also OCTT's profiles that this station is not for"
    )
    _station_arguments(parser.add_argument_group("another station than ours in memory"))
    parser.add_argument("--report", type=Path, metavar="FILE.html", help="write the results as a page")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Returns 0 if nothing failed, otherwise 1."""
    from v2g.bench.conformance import report, runner
    from v2g.bench.conformance.cases import StationLostError, Verdict
    from v2g.kernel.printable import printable

    if args.protocol is None:
        for name, text in PROTOCOLS.items():
            print(f"v2g conformance {name:<12} {text}")
        return 0
    station = _station(args)
    if args.report is not None:
        report.check_writable(args.report)
    if station is not None:
        station.find()
    found, lost = list["Result"](), None
    try:
        for result in _results(args, station):
            found.append(result)
            if not args.json:
                print(printable(f"{result.id:<16} {result.verdict:<15} {result.text}").rstrip(), flush=True)
    except StationLostError as error:
        lost = error
    if not found and lost is None:
        named = " or ".join([*args.case, *args.only])
        raise UnknownCaseError(f"no case of {args.protocol} begins with {named}; leave it out to see all")
    if args.report is not None:
        report.write(args.report, args.protocol, found, "" if station is None else str(station))
    if args.json:
        print(json.dumps([{"id": each.id, "verdict": each.verdict, "text": each.text} for each in found], indent=2))
    else:
        print(runner.summary(found))
    if lost is not None:
        raise lost
    return 1 if any(each.verdict is Verdict.FAIL for each in found) else 0


def _station_arguments(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--at", type=endpoint, metavar="HOST:PORT",
        help="ISO 15118 and DIN: test the station at this address; OCPP: wait there for a station",
    )  # fmt: skip
    group.add_argument("--interface", metavar="IF", help="search for the station on this network interface")
    group.add_argument("--tls", action="store_true", help="with the certificates in --pki; iso15118-20 demands it")
    group.add_argument("--pki", type=Path, metavar="DIR", help="certificates of the car (default: /etc/ssl/v2g)")
    group.add_argument("--tls-profile", metavar="NAME", help="iso15118-20, interop-p256 or iso15118-2")
    group.add_argument("--battery", type=endpoint, metavar="HOST:PORT", help="that of `v2g sim plant` there")
    group.add_argument("--pilot", type=endpoint, metavar="HOST:PORT", help="that of `v2g sim pilot` there")
    group.add_argument(
        "--hand", default="", metavar="COMMAND",
        help="OCPP: what to run for plug-in EVSE NAME, plug-out EVSE, stop EVSE, and reboot",
    )  # fmt: skip
    group.add_argument("--car", default="", metavar="NAME", help="OCPP: the token of the car")
    group.add_argument(
        "--evses", type=whole(least=1, most=100), default=1, metavar="N", help="OCPP: how many the station has"
    )
    group.add_argument("--password-file", type=Path, metavar="FILE", help="OCPP: what the station has to know")


def _station(args: argparse.Namespace) -> "Station | None":
    """The station that is not ours in memory. Raises `V2GError` for unfit arguments."""
    if args.protocol == "ocpp" and args.interface is None:
        return None
    if args.at is None and args.interface is None:
        named = [name for name in ("tls", "pki", "tls_profile", "battery", "pilot") if getattr(args, name)]
        if named:
            raise StationError(f"--{named[0].replace('_', '-')} goes with --at HOST:PORT or --interface IF; name one")
        return None
    if args.at is not None and args.interface is not None:
        raise StationError("--at names the station, --interface searches for one; give one of them")
    if args.protocol == "ocpp":
        raise StationError("--interface is for ISO 15118 and DIN; a station of OCPP comes to --at HOST:PORT")
    from v2g.bench.conformance.station_at import Station
    from v2g.cli.ev import DEFAULT_PKI, tls_context
    from v2g.io.discovery import Endpoint

    tls, route = None, args.interface or Endpoint(*args.at)
    pki = args.pki or DEFAULT_PKI
    if args.tls:
        tls = tls_context(pki, args.tls_profile, args.protocol, older=args.protocol == "iso15118-2")
    battery, pilot = (None if each is None else Endpoint(*each) for each in (args.battery, args.pilot))
    return Station(route, tls, _contract(pki) if tls is not None else lambda scene: None, battery, pilot)


def _contract(pki: Path) -> "Callable[[Scene], Intent | None]":
    """What cars with the contract in a directory want."""
    from dataclasses import replace

    from v2g.cli.ev_contract import ContractError, payment
    from v2g.pki.certificate import read

    def intent(scene: "Scene") -> "Intent | None":
        how = {"CertificateInstallation": "install", "CertificateUpdate": "renew"}.get(scene.request, "own")
        try:
            wanted = replace(scene.intent(), **payment(pki, how, older=scene.old))
        except ContractError:
            return None
        own = wanted.provisioning or wanted.contract
        fits = own is not None and (not scene.curve or read(own.chain[0]).key_kind == scene.curve)
        return wanted if fits else None

    return intent


def _results(args: argparse.Namespace, station: "Station | None") -> "Iterator[Result]":
    from v2g.bench.conformance import runner, secc, suite
    from v2g.bench.conformance.cases import SUITES
    from v2g.bench.conformance.place import VirtualPlace

    meet = station or VirtualPlace
    wanted = [*args.case, *args.only]
    match args.protocol:
        case "iso15118-2":
            yield from secc.run(wanted, meet)
        case "iso15118-20":
            from v2g.bench.conformance import iso20

            yield from suite.run(iso20.SUITE, wanted, meet)
        case "din":
            from v2g.bench.conformance import din

            yield from suite.run(din.SUITE, wanted, meet)
        case _:
            suites = [runner.chosen(name, wanted, every_profile=args.every_profile) for name in args.suite or SUITES]
            if args.at is not None:
                yield from _remote(args, [id for ids in suites for id in ids])
                return
            for ids in suites:
                yield from runner.run(ids)


def _remote(args: argparse.Namespace, ids: list[str]) -> "Iterator[Result]":
    """Against a station that connects. Raises `RemoteError`."""
    from v2g.bench.conformance import runner
    from v2g.bench.conformance.remote import Remote, RemoteError, tidy
    from v2g.bench.conformance.tester import CAR
    from v2g.kernel import regular_file

    try:
        password = None if args.password_file is None else regular_file.read_text(args.password_file).strip()
    except OSError as error:
        raise RemoteError(f"{args.password_file}: {error.strerror}; name a file that can be read") from error
    remote = Remote(*args.at, hand=args.hand, password=password, evses=args.evses)
    print(f"waiting for a station at ws://{remote.address}", file=sys.stderr, flush=True)
    try:
        yield from runner.run(ids, stand=remote.stand, tidy=tidy, car=args.car or CAR)
    finally:
        remote.close()
