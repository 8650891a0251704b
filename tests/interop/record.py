"""Records sessions between Josev's car and Josev's station as traces: python -m tests.interop.record FOLDER

One file per service and control mode, one JSON object per message: `direction` (request, response), `payload_type`
(V2GTP), `exi` (hexadecimal), `t_s` (since the first message). Scheduled sessions
run over TCP, dynamic ones over TLS 1.3.
"""

import sys
from pathlib import Path

from tests.interop import josev

from v2g.bench.sim import netns

LOOPS = 3
LOOKS = 5  # Josev's station never raises the pre-charge voltage
SESSION_S = 60.0


def record(
    peer: josev.Josev,
    ends: netns.Cable,
    service: josev.Service,
    mode: josev.Mode,
    *,
    authorization: str = "EIM",
    battery_v: float | None = 400.0,
) -> tuple[josev.Verdict, josev.Verdict]:
    """Runs one session and returns the verdicts of the car and of the station."""
    tls = mode == "dynamic"
    with (
        peer.station(ends.station, service, tls=tls, authorization=authorization) as station,
        peer.car(ends.car, service, tls=tls, mode=mode, loops=LOOPS, battery_v=battery_v, looks=LOOKS) as car,
    ):
        return car.wait(SESSION_S), station.wait(SESSION_S)


def main(folder: Path) -> None:
    peer = josev.install(Path(".cache"))
    folder.mkdir(parents=True, exist_ok=True)
    modes: tuple[josev.Mode, ...] = ("scheduled", "dynamic")
    sessions: dict[str, tuple[josev.Service, josev.Mode, str, float | None]] = {
        f"josev-{service.lower()}-{mode}": (service, mode, "EIM", 400.0) for service in josev.SERVICES for mode in modes
    } | {
        "josev-dc-plug-and-charge": ("DC", "scheduled", "EIM,PNC", 400.0),
        "josev-dc_bpt-as-shipped": ("DC_BPT", "scheduled", "EIM", None),
    }
    with netns.cable() as ends:
        for name, (service, mode, authorization, battery_v) in sessions.items():
            car, station = record(peer, ends, service, mode, authorization=authorization, battery_v=battery_v)
            print(f"{name}: car {car}; station {station}", flush=True)
            if not (car.completed and station.completed):
                sys.exit(f"{name} was not completed")
            lines = "".join(message.json() + "\n" for message in car.messages)
            (folder / f"{name}.jsonl").write_text(lines, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
