"""What the trace's writer has written is read again, also while the file grows and is rotated."""

import gzip
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import pytest

from v2g.io.trace import SessionTrace
from v2g.io.trace_reader import Line, TraceReadError, follow, parsed, read
from v2g.iso15118.event import Faulted, Moved, Warned
from v2g.kernel.fault import Fault
from v2g.station.event import Event

SESSION = "281221CCAA47B86A"
EVENTS: list[Event] = [Moved("A", "B"), Warned("an error\nof the car"), Faulted(Fault.SEQUENCE_TIMEOUT, "nothing came")]


def write(path: Path, *events: Event) -> None:
    trace = SessionTrace(path, clock=lambda: 1_790_000_000.5)
    for each in events:
        trace.write(1, SESSION, each)
    trace.write(2, "", Moved("C", "D"))
    trace.close()


def test_what_was_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "trace.log"
    write(path, *EVENTS)
    lines = list(read(path))
    assert [(each.evse, each.session, each.level) for each in lines] == [
        (1, SESSION, "INFO"), (1, SESSION, "WARNING"), (1, SESSION, "ERROR"), (2, "-", "INFO"),
    ]  # fmt: skip
    assert lines[0].text == "phase A -> B"
    assert lines[0].unix_s == 1_790_000_000.5
    packed = tmp_path / "trace.log.2.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert list(read(packed)) == lines
    packed.write_bytes(packed.read_bytes()[:-12])
    with pytest.raises(TraceReadError, match=r"trace\.log\.2\.gz"):
        list(read(packed))


@pytest.mark.parametrize("text", ["", "nonsense", "99Z evse=1 session=- INFO x", "2026-11-28T10:45:03.134Z evse=1"])
def test_what_is_no_line_is_none(text: str) -> None:
    assert parsed(text) is None


def stepwise(*steps: Callable[[], object]) -> Callable[[], None]:
    """One step each time that there is nothing new."""
    due: Iterator[Callable[[], object]] = iter(steps)

    def wait() -> None:
        next(due)()

    return wait


def append(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


def line(number: int) -> str:
    return f"2026-11-28T10:45:03.134Z evse=1 session=- INFO {number}\n"


def texts(lines: Iterator[Line], count: int) -> list[str]:
    return [each.text for each in islice(lines, count)]


def test_a_growing_file_is_followed_also_over_a_rotation(tmp_path: Path) -> None:
    path = tmp_path / "trace.log"
    path.write_text("".join(map(line, range(5))))

    def rotate() -> None:
        append(path, line(6))
        path.rename(tmp_path / "trace.log.1")

    wait = stepwise(
        lambda: append(path, line(5)[:20]),
        lambda: append(path, line(5)[20:]),
        rotate,
        lambda: append(path, line(7)),
        lambda: path.write_text(""),
        lambda: append(path, line(8)),
    )
    assert texts(follow(path, 2, wait), 6) == ["3", "4", "5", "6", "7", "8"]


@pytest.mark.parametrize(("last", "begins"), [(0, 5), (1, 4), (5, 0), (99, 0)])
def test_it_begins_with_the_latest_lines(tmp_path: Path, last: int, begins: int) -> None:
    path = tmp_path / "trace.log"
    path.write_text("".join(map(line, range(5))))
    found = texts(follow(path, last, stepwise(lambda: append(path, line(5)))), 6 - begins)
    assert found == [str(number) for number in range(begins, 6)]


def test_a_file_that_is_not_there_yet_is_awaited(tmp_path: Path) -> None:
    path = tmp_path / "trace.log"
    assert texts(follow(path, 3, stepwise(lambda: append(path, line(1)))), 1) == ["1"]
