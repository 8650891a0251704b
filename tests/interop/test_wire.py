"""The watch of the benchmarks over a station's answers, on a real connection."""

import os
import socket
import time

import pytest
from benchmarks.wire import watching

ASKED, WITHIN_S = 5, 30.0


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_an_answer_is_timed_from_the_last_octet_of_its_request() -> None:
    with (
        socket.create_server(("::1", 0), family=socket.AF_INET6) as server,
        socket.create_server(("::1", 0), family=socket.AF_INET6) as other,
        watching([server.getsockname()[1]]) as answers,
    ):
        for target in (other, server):  # only the second is watched
            with socket.create_connection(target.getsockname()[:2]) as car, target.accept()[0] as station:
                for _ in range(ASKED):
                    car.sendall(b"first half")
                    assert station.recv(100)
                    began_s = time.monotonic()
                    car.sendall(b"second half")
                    assert station.recv(100)
                    station.sendall(b"answer")
                    assert car.recv(100)
                    lasted_s = time.monotonic() - began_s
        until_s = time.monotonic() + WITHIN_S
        while len(answers.took) < ASKED and time.monotonic() < until_s:
            pass  # the watch is another thread
    assert len(answers.took) == ASKED
    assert 0 < answers.took[-1][1] <= lasted_s
