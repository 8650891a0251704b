"""`v2g csms`: a small back end for a bench."""

import argparse
import asyncio
from pathlib import Path

from v2g.cli.arguments import endpoint, number
from v2g.cli.terminal import announce
from v2g.kernel import regular_file


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--listen", type=endpoint, default=("127.0.0.1", 9000), metavar="HOST:PORT", help="default: 127.0.0.1:9000"
    )
    parser.add_argument("--broker", metavar="URL", help="over MQTT instead, such as mqtt://127.0.0.1:1883/cs")
    parser.add_argument(
        "--setpoint", type=_setpoint, action="append", default=[], metavar="W[@S]",
        help="for each transaction, from S seconds after its start; positive charges the vehicle, negative feeds the "
             "grid; give it again for a later one",
    )  # fmt: skip
    parser.add_argument("--limit", type=number(least=0, most=10_000_000), metavar="W", help="for each transaction")
    parser.add_argument(
        "--send", type=Path, metavar="FILE", help="what each station gets once it has booted: lines of ACTION JSON"
    )
    parser.add_argument("--password-file", type=Path, metavar="FILE", help="what stations have to know")
    parser.add_argument("--roots", type=Path, metavar="FILE", help="of the broker's certificate, PEM; with mqtts://")
    parser.add_argument("--ledger", type=Path, metavar="FILE", help="keep the transaction events in this SQLite file")
    parser.add_argument(
        "--contracts",
        type=Path,
        metavar="DIR",
        help="make contracts for cars, by the authorities of a test hierarchy",
    )
    parser.add_argument("--certificate", type=Path, metavar="FILE", help="PEM; with TLS")
    parser.add_argument("--private-key", type=Path, metavar="FILE", help="PEM")


def run(args: argparse.Namespace) -> int:
    """Serves until it is interrupted. Raises `CsmsError`."""
    import ssl

    from v2g.bench.csms import Csms, CsmsError, Orders
    from v2g.io.carrier import Endpoint

    tls = None
    try:
        lines = (
            []
            if args.send is None
            else [line.split(None, 1) for line in regular_file.read_text(args.send).splitlines()]
        )
        password = None if args.password_file is None else regular_file.read_text(args.password_file).strip()
        if args.certificate is not None:
            for each in filter(None, (args.certificate, args.private_key)):
                regular_file.check(each)
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(args.certificate, args.private_key)
    except OSError as error:  # of ssl without a name
        place = error.filename or args.certificate
        raise CsmsError(f"{place}: {error.strerror or error}; name a file that can be read") from error
    calls = tuple((line[0], line[1].encode()) for line in lines if len(line) == 2)
    pool = None
    if args.contracts is not None:
        from v2g.bench.contract_pool import ContractPool

        pool = ContractPool(args.contracts)
    csms = Csms(Orders(tuple(args.setpoint), args.limit, calls), announce, args.ledger, pool)
    if args.broker is not None:
        if not args.broker.startswith(("mqtt://", "mqtts://")):
            raise CsmsError(f"--broker {args.broker}: no address of a broker; write one such as mqtt://127.0.0.1/cs")
        secure = args.broker.startswith("mqtts://")
        broker = Endpoint(args.broker, "csms", 2 if secure else 1, password, args.roots)
        asyncio.run(csms.serve_broker(broker, lambda at: announce(f"at the broker {at}")))
        return 0
    host, port = args.listen
    asyncio.run(csms.serve(host, port, lambda at: announce(f"listening on {at}"), password=password, tls=tls))
    return 0


def _setpoint(text: str) -> tuple[int, float]:
    """`-5000@8`: 8 s after the start of the transaction -5000 W."""
    power, _, start = text.partition("@")
    return int(number(least=0, most=86_400)(start or "0")), number(least=-10_000_000, most=10_000_000)(power)
