# The cost of commands, beside the same by `ip` and `wg` and beside bare netlink messages: see commands. The speed and
# cost of the engine, beside other userspace WireGuards: see engine/run.

SERIES ?= 6.12

BENCH_COMPILE = $(CC) -std=gnu17 -D_GNU_SOURCE -O2 -g -Isrc -Itests/tools $(WARNINGS) $(WERROR)

$(BUILD)/bench/floor: BENCH_LIBRARIES := -lmnl

$(BUILD)/bench/spawn.so: tests/bench/spawn.c
	@mkdir -p $(@D)
	$(BENCH_COMPILE) -shared -fPIC -o $@ $<

BENCH_PROGRAMS := $(addprefix $(BUILD)/bench/,children floor spawn.so)
$(addprefix $(BUILD)/bench/,children floor): $(BUILD)/bench/%: tests/bench/%.c src/link/key.c src/link/key.h $(BUILD)/tools/shared.a
	@mkdir -p $(@D)
	$(BENCH_COMPILE) -o $@ $(filter %.c,$^) $(BUILD)/tools/shared.a $(BENCH_LIBRARIES)

## make bench-commands   what the tasks cost, in a VM: SERIES (6.1, 6.12), ROUNDS; and build/bench/commands.json
.PHONY: bench-commands
bench-commands: ROUNDS ?= 25
bench-commands:
	scripts/deps build demo vm
	@$(MAKE) --no-print-directory --silent build $(BENCH_PROGRAMS)
	@tests/vm/fetch $(SERIES)
	@tests/vm/run $(SERIES) --timeout 1800 --processors 2 --out $(BUILD)/bench/out -- \
		tests/bench/in-vm $(ROUNDS) $(abspath $(BUILD)/$(PROGRAM))
	@mv $(BUILD)/bench/out/commands.json $(BUILD)/bench/commands.json
	@echo
	@$(MAKE) --no-print-directory --silent bench-batch
	@echo
	@echo 'again: make bench-commands SERIES=$(SERIES) ROUNDS=$(ROUNDS); all samples: $(BUILD)/bench/commands.json'

BENCH_MANY := $(BUILD)/bench/many
bench-many:
	@$(MAKE) --no-print-directory --silent CONFIG=tests/bench/many.h BUILD='$(BENCH_MANY)' '$(BENCH_MANY)/$(PROGRAM)'

## make bench-batch      a link by single calls and by batch, with PRESENT links there: SERIES, BATCH_ROUNDS
.PHONY: bench-batch bench-many
bench-batch: BATCH_ROUNDS ?= 3
bench-batch: PRESENT ?= 1 100 1000 5000
bench-batch: bench-many
	scripts/deps build demo vm
	@$(MAKE) --no-print-directory --silent build $(BENCH_PROGRAMS)
	@tests/vm/fetch $(SERIES)
	@for each in 8000 250; do \
		tests/vm/run $(SERIES) --timeout 3600 --processors 2 --mem 3072 -- \
			tests/bench/in-vm-batch $(BATCH_ROUNDS) $$each $(abspath $(BENCH_MANY)/$(PROGRAM)) $(PRESENT) || exit; \
		echo; \
	done

BENCH_ENGINE_PATH := /var/lib/net-admin-helper-bench/$(ENGINE)
BENCH_HELPER      := $(BUILD)/bench/helper
BENCH_OURS        := $(BENCH_HELPER)/$(PROGRAM) $(BUILD)/$(ENGINE) $(BENCH_ENGINE_PATH)

# This helper makes many links, with the engine on every kernel.
.PHONY: bench-helper
bench-helper: $(BUILD)/$(ENGINE)
	@$(MAKE) --no-print-directory --silent CONFIG=tests/bench/engine/config.h BUILD='$(BENCH_HELPER)' \
		ENGINE_PATH='$(BENCH_ENGINE_PATH)' '$(BENCH_HELPER)/$(PROGRAM)'

## make bench-engine     what the engine carries, beside wireguard-go: ROUNDS, SECONDS; build/bench/engine.json and .svg
.PHONY: bench-engine
bench-engine: ROUNDS ?= 7
bench-engine: SECONDS ?= 2
bench-engine:
	scripts/deps build demo
	@$(MAKE) --no-print-directory --silent bench-helper
	@tests/bench/engine/fetch $(BUILD)/bench/peers
	@tests/bench/engine/run $(ROUNDS) $(SECONDS) $(BENCH_OURS) $(BUILD)/bench/peers $(BUILD)/bench/engine
	@rm -rf '$(dir $(BENCH_ENGINE_PATH))'
	@echo
	@echo 'again: make bench-engine ROUNDS=$(ROUNDS) SECONDS=$(SECONDS); all samples: $(BUILD)/bench/engine.json'

## make bench-idle       what links cost that carry nothing: LINKS
.PHONY: bench-idle
bench-idle: LINKS ?= 1000
bench-idle:
	scripts/deps build demo
	@$(MAKE) --no-print-directory --silent bench-helper
	@tests/bench/idle $(LINKS) $(BENCH_OURS)
	@rm -rf '$(dir $(BENCH_ENGINE_PATH))'

## make bench-wait       how long cwg_wait takes, both ends at once: ROUNDS; with SERIES (6.1, 6.12) in a VM, else here
.PHONY: bench-wait
bench-wait: ROUNDS ?= 30
bench-wait: SECONDS ?= 900
bench-wait: BENCH_IN_VM = $(filter-out file,$(origin SERIES))
bench-wait:
	scripts/deps build demo $(if $(BENCH_IN_VM),vm)
	@$(MAKE) --no-print-directory --silent bench-helper build tools
	@$(if $(BENCH_IN_VM),tests/vm/fetch $(SERIES))
	@$(if $(BENCH_IN_VM),tests/vm/run $(SERIES) --timeout 3600 --) tests/bench/wait $(ROUNDS) $(SECONDS) \
		$(abspath $(BUILD)/tools/udprelay) \
		$(if $(BENCH_IN_VM),$(abspath $(BUILD)/$(PROGRAM)) $(BUILD)/$(ENGINE) $(BENCH_ENGINE_PATH),$(BENCH_OURS))
	@rm -rf '$(dir $(BENCH_ENGINE_PATH))'
	@echo
	@echo 'again: make bench-wait ROUNDS=$(ROUNDS) SECONDS=$(SECONDS) $(if $(BENCH_IN_VM),SERIES=$(SERIES))'

## make bench-join       cwg join beside `ssh HOST true`, on this machine: ROUNDS, DELAY (milliseconds each way)
.PHONY: bench-join
bench-join: ROUNDS ?= 20
bench-join: DELAY ?= 0
bench-join:
	scripts/deps build demo
	@$(MAKE) --no-print-directory --silent build tools variants
	@scripts/apart tests/bench/join --rounds $(ROUNDS) --delay $(DELAY)
	@echo 'again: make bench-join ROUNDS=$(ROUNDS) DELAY=$(DELAY)'

BENCH_AGENT = $(abspath $(BUILD)/variants/engine/$(PROGRAM) $(BUILD)/$(ENGINE)) \
	/var/lib/net-admin-helper-test/$(ENGINE) $(abspath $(BUILD)/cwg)

## make bench-agent      what cwg agent costs on a machine with LINKS links, beside a batch: ROUNDS, IDLE, WHAT
.PHONY: bench-agent
bench-agent: WHAT ?= both
bench-agent: LINKS ?= 500
bench-agent: ROUNDS ?= 3
bench-agent: IDLE ?= 180
bench-agent:
	scripts/deps build demo
	@$(MAKE) --no-print-directory --silent build variants
	@scripts/apart tests/bench/agent $(WHAT) $(LINKS) $(ROUNDS) $(IDLE) $(BENCH_AGENT)
	@echo 'again: make bench-agent WHAT=$(WHAT) LINKS=$(LINKS) ROUNDS=$(ROUNDS) IDLE=$(IDLE)'

## make bench-fleet      what SITES agents at one etcd cost: a cold start, restarts, an OUTAGE of etcd; IDLE, TLS=1
.PHONY: bench-fleet
bench-fleet: SITES ?= 300
bench-fleet: IDLE ?= 180
bench-fleet: OUTAGE ?= 60
bench-fleet: TLS ?= 0
bench-fleet:
	scripts/deps build demo
	@$(MAKE) --no-print-directory --silent build variants
	@scripts/apart tests/bench/fleet $(SITES) $(IDLE) $(OUTAGE) $(TLS) $(BENCH_AGENT) "$$(tests/agent/fetch-etcd)"
	@echo 'again: make bench-fleet SITES=$(SITES) IDLE=$(IDLE) OUTAGE=$(OUTAGE) TLS=$(TLS)'

## make bench-silence    how long a declared link is silent after a container's restart, over ssh and etcd: ROUNDS
.PHONY: bench-silence
bench-silence: ROUNDS ?= 20
bench-silence:
	scripts/deps build demo test
	@$(MAKE) --no-print-directory --silent tested
	@NAH_CARRIER=ssh ROUNDS=$(ROUNDS) scripts/apart bats tests/bench/silence.bats
	@NAH_CARRIER=etcd ROUNDS=$(ROUNDS) scripts/apart bats tests/bench/silence.bats
	@echo 'again: make bench-silence ROUNDS=$(ROUNDS)'
