"""Listens at ports or knocks at them, each in a network namespace: python reach.py listen|knock HOST PORT...

`listen` prints a line when it listens at all of them, and ends with its input. `knock` prints the ports that answered:
it waits for those after `--open`, and then no longer for the others.
"""

import asyncio
import socket
import sys
from contextlib import suppress

AFTER_THE_LAST_S = 0.3
LONGEST_S = 20.0


async def listen(ports: list[int]) -> None:
    for port in ports:
        await asyncio.start_server(lambda reader, writer: writer.close(), sock=_listening(port))
    print("listening", flush=True)
    await asyncio.to_thread(sys.stdin.read)


def _listening(port: int) -> socket.socket:
    server = socket.socket(socket.AF_INET6)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    server.bind(("::", port))
    server.listen()
    return server


async def knock(host: str, ports: list[int], opened: list[int]) -> None:
    answered: set[int] = set()

    async def one(port: int) -> None:
        with suppress(OSError):
            _, writer = await asyncio.open_connection(host, port)
            writer.close()
            answered.add(port)

    tries = {port: asyncio.create_task(one(port)) for port in ports}
    if opened:
        await asyncio.wait([tries[port] for port in opened], timeout=LONGEST_S)
    await asyncio.wait(tries.values(), timeout=AFTER_THE_LAST_S)
    print(*sorted(answered), flush=True)


if __name__ == "__main__":
    what, host, *rest = sys.argv[1:]
    split = rest.index("--open") if "--open" in rest else len(rest)
    numbers = [int(each) for each in rest[:split]]
    expected = [int(each) for each in rest[split + 1 :]]
    asyncio.run(listen(numbers) if what == "listen" else knock(host, numbers, expected))
