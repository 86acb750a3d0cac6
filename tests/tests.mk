# Tests, checks of the sources, the demo and the benchmarks.

include tests/tools/tools.mk
-include tests/net/variants.mk
-include tests/ports/ports.mk
-include tests/unit/unit.mk
-include tests/engine/engine.mk
-include tests/fuzz/fuzz.mk
-include tests/bench/bench.mk

# The demo has its own build, which looks for the engine in the demo's place. The engine itself has no settings.
DEMO_BUILD = @echo "Building the programs, in $(BUILD)/demo ..."; mkdir -p '$(BUILD)/demo'; \
	$(MAKE) --no-print-directory --silent -j$(shell nproc) BUILD='$(BUILD)/demo' SHARED='$(BUILD)' CONFIG=config.h \
	ENGINE_PATH=/var/lib/net-admin-helper-demo/cwg-engine build

.PHONY: demo-build
demo-build:
	$(DEMO_BUILD)

## make demo         install what it needs, build, and show two sites being linked on this machine (root)
.PHONY: demo
demo:
	@scripts/deps build demo
	$(DEMO_BUILD)
	@demo/run

## make demo-vm      the same on a stock Debian kernel, in a VM: SERIES (6.1, 6.12; the newer that apt has)
.PHONY: demo-vm
demo-vm:
	@scripts/deps build demo vm
	$(DEMO_BUILD)
	@demo/run --vm $(if $(filter-out file,$(origin SERIES)),$(SERIES))

## make demo-agent   a declared link between two sites, that comes back after each of several faults (root)
.PHONY: demo-agent
demo-agent:
	@scripts/deps build demo
	$(DEMO_BUILD)
	@demo/agent

## make picture      draw doc/join.svg anew: a terminal in which cwg joins two containers, by a real join (root)
.PHONY: picture
picture:
	@scripts/deps build demo test
	$(DEMO_BUILD)
	@demo/picture doc/join.svg

## make check        install what it needs, build, and run the tests: 10 to 20 minutes on two processors (root)
.PHONY: check
check: tested
	CFLAGS='$(TESTED_CFLAGS)' tests/check

## make check-all    every test on each kernel, the newest too, every call to kill at, long fuzzing: a night (root)
.PHONY: check-all
check-all: tested
	scripts/deps arm64
	CFLAGS='$(TESTED_CFLAGS)' NAH_EVERY_CALL=1 NAH_FUZZ_SECONDS=600 NAH_FAULT_SECONDS=3600 \
		tests/check sources sources-slow unit cli fuzz engine net cwg agent etcd-3.5 packages packages-slow \
		packages-arm64 trixie-build musl arm64 arm64-6.1 arm64-6.12-16k image 6.1-all 6.12-all \
		6.12-systemd 6.12-podman 6.12-packages 6.12-image new-all

# Builds everything that tests need. Warnings are errors. Tests that call make use the same flags, and so find
# everything built.
TESTED_CFLAGS := -O2 -g -Werror

.PHONY: tested
tested:
	scripts/deps build deb demo vm test
	$(MAKE) --no-print-directory --silent -j$(shell nproc) CFLAGS='$(TESTED_CFLAGS)' build tools variants

## make test-deps    install what the tests need (Debian, as root)
.PHONY: test-deps
test-deps:
	scripts/deps build deb demo vm test arm64
