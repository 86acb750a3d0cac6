# What a command costs, beside the same by `ip` and `wg`, and beside the bare netlink messages. See commands.c.

SERIES ?= 6.12
ROUNDS ?= 25

BENCH_COMPILE = $(CC) -std=gnu17 -D_GNU_SOURCE -O2 -g -Isrc -Itests/tools $(WARNINGS) $(WERROR)
BENCH_HEADERS := $(wildcard tests/bench/*.h tests/tools/*.h src/link/*.h)
BENCH_LINK    := $(wildcard src/link/*.c)

$(BUILD)/bench/commands: $(addprefix tests/bench/,commands.c container.c inspect.c report.c spawn.c) $(BENCH_LINK)
$(BUILD)/bench/children: $(addprefix tests/bench/,children.c command.c spawn.c) $(BENCH_LINK)
$(BUILD)/bench/floor: $(addprefix tests/bench/,floor.c command.c) $(BENCH_LINK)
$(BUILD)/bench/floor: BENCH_LIBRARIES := -lmnl

BENCH_PROGRAMS := $(addprefix $(BUILD)/bench/,commands children floor)
$(BENCH_PROGRAMS): $(BENCH_HEADERS) $(BUILD)/tools/shared.a
	@mkdir -p $(@D)
	$(BENCH_COMPILE) -o $@ $(filter %.c,$^) $(BUILD)/tools/shared.a $(BENCH_LIBRARIES)

## make bench-commands   what the tasks cost, in a VM: SERIES (6.1, 6.12), ROUNDS; and build/bench/commands.json
.PHONY: bench-commands
bench-commands:
	scripts/deps build demo vm
	@$(MAKE) --no-print-directory --silent build $(BENCH_PROGRAMS)
	@tests/vm/fetch $(SERIES)
	@tests/vm/run $(SERIES) --timeout 1800 --processors 2 --out $(BUILD)/bench/out -- \
		tests/bench/in-vm $(ROUNDS) $(abspath $(BUILD)/$(PROGRAM))
	@mv $(BUILD)/bench/out/commands.json $(BUILD)/bench/commands.json
	@echo
	@echo 'again: make bench-commands SERIES=$(SERIES) ROUNDS=$(ROUNDS); all samples: $(BUILD)/bench/commands.json'
