"""The depot of the demonstration: sixty stations behind three transformers, their vehicles, and what happens."""

import json
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from random import Random
from secrets import token_urlsafe
from typing import Any

from v2g.bench.depot.station import LightCar, LightStation
from v2g.console.codes import completed

STATION_W, CAR_W = 15_000.0, 11_000.0
FLOOR_SOC = 0.3
CAPACITY_W = 240_000.0
FEEDERS: dict[str, float] = {"T1": 200_000.0, "T2": 200_000.0, "T3": 70_000.0}
"""T3 is small: it binds when the signal asks for much."""
OLD = 20
"""Stations of OCPP 2.0.1."""
CODES = "codes"
"""The file of the codes for the drivers' pages."""
CYCLE_S = 2.0


@dataclass(frozen=True)
class Place:
    """A station and the car that comes to it."""

    id: str
    feeder: str
    version: str
    discharges: bool
    car: LightCar

    def station(self) -> LightStation:
        """It, without its car."""
        return LightStation(self.id, charge_w=STATION_W, discharge_w=STATION_W if self.discharges else 0.0)


def places(count: int, seed: int = 1) -> list[Place]:
    """The stations, with cars of different sizes and states of charge; five of them are near their floor."""
    random = Random(seed)  # noqa: S311  # a scene, no secret
    names = list(FEEDERS)
    found = []
    for number in range(count):
        low = number % 12 == 7
        car = LightCar(
            evcc_id=f"DEMO{number:04}",
            capacity_wh=20_000.0 if low else random.choice([40_000.0, 60_000.0, 77_000.0]),
            soc_pu=0.304 if low else round(random.uniform(0.4, 0.9), 2),
            charge_w=CAR_W,
            discharge_w=CAR_W,
        )
        old = number % max(1, count // OLD) == 0
        plain = old and number % max(1, 2 * count // OLD) == 0
        found.append(
            Place(f"CS-{number + 1:02}", names[number % len(names)], "2.0.1" if old else "2.1", not plain, car)
        )
    return found


def recorded_hz() -> list[float]:
    """The recording that comes with the package, one value a second."""
    lines = resources.files("v2g.bench.depot").joinpath("frequency.csv").read_text().splitlines()
    return [60.0 + float(each) / 1000 for line in lines if not line.startswith("#") for each in line.split(",")]


def configured(folder: Path, all_places: list[Place]) -> Path:
    """Write the configuration of the depot, with a password for each station; returns the file."""
    stations, vehicles = [], []
    for place in all_places:
        secret = folder / f"{place.id}.password"
        secret.write_text(token_urlsafe(24))
        stations.append(
            {
                "id": place.id,
                "password_file": secret.name,
                "evses": [{"feeder": place.feeder, "charge_w": STATION_W, "discharge_w": STATION_W}],
            }
        )
        vehicles.append({"id": f"van {place.id[3:]}", "tokens": [place.car.evcc_id], "floor_soc": FLOOR_SOC})
    codes = completed({}, [f"{place.id}/1" for place in all_places])
    (folder / CODES).write_text("".join(f"{evse}:{code}\n" for evse, code in codes.items()))
    site_w = sum(FEEDERS.values())
    document: dict[str, Any] = {
        "name": "demo",
        "feeders": [
            {"id": "site", "charge_w": site_w},
            *({"id": name, "parent": "site", "charge_w": limit_w} for name, limit_w in FEEDERS.items()),
        ],
        "stations": stations,
        "vehicles": vehicles,
        "connect": {"listen": "127.0.0.1:0", "security_profile": 1},
        "silence": {"safe_w": 0, "setpoint_s": 20, "offline_s": 20, "meter_s": 2, "stale_s": 20},
        "http": {"listen": "127.0.0.1:0", "codes_file": CODES},
        "control": {"socket": "depot.sock"},
        "cycle_s": CYCLE_S,
        "ledger": "ledger.db",
    }
    file = folder / "depot.yaml"
    file.write_text(json.dumps(document, indent=1))
    return file
