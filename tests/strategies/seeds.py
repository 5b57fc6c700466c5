"""How many random worlds a test looks at: a few in the suite, ever more with `make fuzz`."""

from __future__ import annotations

import os

FIRST = int(os.environ.get("ETHOGRAM_SEED", "0"))
SEEDS = range(FIRST, FIRST + int(os.environ.get("ETHOGRAM_SEEDS", "2")))
