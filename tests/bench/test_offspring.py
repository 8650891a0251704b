"""Child processes end with their parent, also if it has ended before they could say that they will."""

import subprocess
import sys

CHILD = """
import os
from v2g.bench.offspring import end_with_parent
end_with_parent(os.getppid())
print("goes on", flush=True)
end_with_parent(0)
print("never", flush=True)
"""


def test_a_child_whose_parent_is_gone_ends_by_itself() -> None:
    run = subprocess.run([sys.executable, "-c", CHILD], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout) == (1, "goes on\n")
