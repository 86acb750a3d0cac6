# Tests, checks of the sources, the demo and the benchmark.

include tests/tools/tools.mk
-include tests/net/variants.mk
-include tests/unit/unit.mk
-include tests/bench/bench.mk

## make demo         install what it needs, build, and show two sites being linked (root)
.PHONY: demo
demo:
	scripts/deps build demo vm
	$(MAKE) --no-print-directory --silent build
	demo/run

## make check        install what it needs, build, and run all tests (root)
.PHONY: check
check:
	scripts/deps build demo vm test
	$(MAKE) --no-print-directory --silent build tools variants
	tests/check

## make test-deps    install what the tests need (Debian, as root)
.PHONY: test-deps
test-deps:
	scripts/deps build demo vm test
