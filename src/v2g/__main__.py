"""`python -m v2g`: the same as the command `v2g`."""

import sys

from v2g.cli import main

sys.exit(main())
