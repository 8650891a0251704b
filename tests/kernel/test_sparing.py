"""What a flood of messages leaves in a log."""

from v2g.kernel.sparing import QUIET_S, Sparing


def test_a_flood_of_one_message_is_one_line_and_hides_no_other() -> None:
    lines, now = list[str](), [0.0]
    report = Sparing(lines.append, lambda: now[0])
    for number in range(1_000):
        report("10.0.0.9 is no master here")
        report("10.0.0.8 is no master here")
        now[0] = number / 10.0
    report("the disk is full")
    assert lines == ["10.0.0.9 is no master here", "10.0.0.8 is no master here", "the disk is full"]
    now[0] += QUIET_S + 1.0
    report("the disk is full")
    assert lines[3:] == ["the disk is full"]
