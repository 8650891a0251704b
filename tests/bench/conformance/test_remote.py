"""The cases against a station that connects over WebSocket: ours, as if it were another's."""

import asyncio
from pathlib import Path

import pytest
from tests.bench.conformance.test_octt import judged
from tests.run.test_back_end import PASSWORD, prompt, station

from v2g.bench.conformance.cases import Result, Verdict
from v2g.bench.conformance.remote import Remote, RemoteError, tidy
from v2g.bench.conformance.runner import run

pytestmark = pytest.mark.alone
CASES = ["TC_B_06_CS", "TC_K_01_CS", "TC_C_02_CS", "Q01.FR.30"]


def test_cases_without_a_car_pass_and_the_others_say_what_they_need(tmp_path: Path) -> None:
    remote = Remote("127.0.0.1", 0, password=PASSWORD)
    try:
        results = asyncio.run(against(remote, tmp_path, CASES))
    finally:
        remote.close()
    found = {each.id: each for each in results}
    assert {id for id, each in found.items() if each.verdict is Verdict.PASS} >= {"TC_B_06_CS", "TC_K_01_CS"}, found
    assert not [each for each in results if each.verdict is Verdict.FAIL]
    assert "see --hand" in found["TC_C_02_CS"].text


async def against(remote: Remote, folder: Path, ids: list[str]) -> list[Result]:
    """Both versions: the station connects again with the one that a case is of."""
    prompt(folder)
    async with station(folder, url=f"ws://{remote.address}/ocpp", security_profile=1):
        return await asyncio.to_thread(lambda: list(run(ids, remote.stand, judged, tidy)))


def test_a_place_that_is_taken_is_named() -> None:
    remote = Remote("127.0.0.1", 0)
    host, _, port = remote.address.partition(":")
    try:
        with pytest.raises(RemoteError, match="choose another with --at"):
            Remote(host, int(port))
    finally:
        remote.close()
