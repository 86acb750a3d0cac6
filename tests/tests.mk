# Tests, checks of the sources, the demo and the benchmark.

include tests/tools/tools.mk
-include tests/unit/unit.mk
-include tests/bench/bench.mk
