"""What the demonstration shows where it can have no interfaces."""

import re

from v2g.bench.demo.show import matching_in_memory


def test_the_matching_in_memory_tells_its_stages() -> None:
    lines = list(matching_in_memory())
    stages = ["begins, run id", "attenuation to .* 8.0 dB, 10 sounds", "share a key", "link up: .* 8.0 dB"]
    assert len(lines) == len(stages)
    assert all(re.search(stage, line) for stage, line in zip(stages, lines, strict=True))
    times_s = [float(line.split(" s ")[0]) for line in lines]
    assert times_s == sorted(times_s)
