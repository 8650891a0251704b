"""A control centre of IEC 60870-5-104 of another project (`c104`), as a process of its own: it is under the GPL.

`python -m tests.languages.iec104_centre PORT` reads commands from its standard input, and answers each with a line:

    read                the values that have come, by object, as JSON
    set IOA VALUE       a set-point, selected before; "ok" or "refused"
    do IOA 0|1          a single command; the same
"""

import json
import sys
import time
from typing import Any

import c104 as library

FLOATS = (*range(1001, 1009), *range(1101, 1106))
SINGLE = (2001, 2002, 2101, 2102, 2103)
SETS, COMMANDS = (*range(3001, 3006), 3999), (4001, 4002, 4003)
WITHIN_S = 20.0
c104: Any = library


def main(port: int) -> None:
    client = c104.Client(tick_rate_ms=50, command_timeout_ms=20_000)
    connection = client.add_connection(ip="127.0.0.1", port=port, init=c104.Init.MUTED)
    station = connection.add_station(common_address=1)
    points = {at: station.add_point(io_address=at, type=c104.Type.M_ME_NC_1) for at in FLOATS}
    points |= {at: station.add_point(io_address=at, type=c104.Type.M_SP_NA_1) for at in SINGLE}
    selected = c104.CommandMode.SELECT_AND_EXECUTE
    sets = {at: station.add_point(io_address=at, type=c104.Type.C_SE_NC_1, command_mode=selected) for at in SETS}
    commands = {at: station.add_point(io_address=at, type=c104.Type.C_SC_NA_1) for at in COMMANDS}
    client.start()
    until_s = time.monotonic() + WITHIN_S
    # One by one: what the library sends of its own accord once it is connected, it forgets at times beside load.
    while not (ready := connection.unmute() and connection.interrogation(1)) and time.monotonic() < until_s:
        time.sleep(0.05)
    print("connected" if ready else "nobody is there", flush=True)
    for line in sys.stdin:
        word, *rest = line.split()
        if word == "read":
            known = {at: float(each.value) for at, each in points.items() if each.quality.is_good()}
            print(json.dumps(known), flush=True)
            continue
        at, value = int(rest[0]), float(rest[1])
        point = (sets if word == "set" else commands)[at]
        point.value = value if word == "set" else bool(value)
        print("ok" if point.transmit(cause=c104.Cot.ACTIVATION) else "refused", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]))
