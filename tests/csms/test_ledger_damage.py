"""A ledger's file that is damaged, and rows that no database can hold."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from v2g.depot.ledger import Entry
from v2g.io.depot_ledger import LedgerError, SqliteLedger

ENTRY = Entry("CS0", "tx", 0, "Updated", 1, "van", 1_800_000_000.0, 1.0, 0.0, b"x" * 200)
PAGE = 4096


@dataclass
class Outcome:
    """Of one write."""

    written: bool
    trouble: str | None
    events: int


def wrote(file: Path, *entries: Entry) -> Outcome:
    async def write() -> Outcome:
        ledger = SqliteLedger(file)
        for entry in entries:
            ledger.enter(entry)
        written = await ledger.flushed(5.0)
        events = 0 if not written else sum(each.events for each in await ledger.accounts(0.0, 1e11))
        outcome = Outcome(written, ledger.trouble, events)
        await ledger.close()
        return outcome

    return asyncio.run(write())


@pytest.mark.parametrize("wrong", [{"seq": -(2**70)}, {"at_s": float("nan")}, {"evse": 2**80}])
def test_a_row_that_cannot_be_written_holds_up_no_other(tmp_path: Path, wrong: dict[str, Any]) -> None:
    outcome = wrote(tmp_path / "ledger.db", ENTRY, replace(ENTRY, **wrong), replace(ENTRY, seq=1))
    assert outcome.written
    assert outcome.events == 2
    assert outcome.trouble is not None
    assert "is left out" in outcome.trouble
    assert wrote(tmp_path / "ledger.db", replace(ENTRY, seq=2)).trouble is None


def test_a_damaged_file_is_named_with_its_remedy(tmp_path: Path) -> None:
    file = tmp_path / "ledger.db"
    wrote(file, *(replace(ENTRY, seq=number) for number in range(500)))
    content = bytearray(file.read_bytes())
    for page in range(2, len(content) // PAGE):  # all but the first two: the tables' roots are among them
        content[page * PAGE : page * PAGE + PAGE // 2] = b"\xa5" * (PAGE // 2)
    file.write_bytes(content)
    try:
        trouble = wrote(file, replace(ENTRY, seq=501)).trouble or ""
    except LedgerError as error:
        trouble = str(error)
    assert "it is damaged: stop the depot and move the file away" in trouble


def test_a_file_of_something_else_is_refused_with_its_remedy(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").write_bytes(b"no database" * 1_000)
    with pytest.raises(LedgerError, match="not a database; it is damaged"):
        SqliteLedger(tmp_path / "ledger.db")
