"""What the demonstration shows where it can have no interfaces."""

from v2g.demo.show import matching_in_memory


def test_the_matching_in_memory_tells_its_stages() -> None:
    lines = list(matching_in_memory())
    assert [line.split("  ")[1].partition(" ")[0] for line in lines] == ["matching:", "matching:", "matching:", "link"]
    assert lines[-1].endswith("8.0 dB")
    assert [float(line.split(" s ")[0]) for line in lines] == sorted(float(line.split(" s ")[0]) for line in lines)
