# Fuzzing with libFuzzer: each tests/fuzz/NAME_fuzz.c, with what it tests under ASan and UBSan. To be included from the
# Makefile, after unit.mk.

FUZZ_CC      := clang
FUZZ_SECONDS ?= 3600
FUZZ_FLAGS   := -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all
FUZZ_COMPILE = $(FUZZ_CC) $(DIALECT) -Itests/unit -DVERSION='"$(VERSION)"' $(WARNINGS) -Werror -O1 -g \
	-fno-omit-frame-pointer $(subst fuzzer$(COMMA),fuzzer-no-link$(COMMA),$(FUZZ_FLAGS))
COMMA        := ,

FUZZ_DIR     := $(BUILD)/fuzz
# Of the helper: what reads the bytes of others.
FUZZ_HELPER  := report_fuzz netlink_fuzz cgroup_fuzz
FUZZ_TARGETS := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/*_fuzz.c))
FUZZ_PLAIN   := $(filter-out tunnel_fuzz request_fuzz $(FUZZ_HELPER),$(FUZZ_TARGETS))
FUZZ_WORLD   := $(filter tunnel_fuzz request_fuzz,$(FUZZ_TARGETS))

.PHONY: fuzz-programs
fuzz-programs: $(FUZZ_TARGETS:%=$(FUZZ_DIR)/%)

$(FUZZ_DIR)/src/%.o: src/%.c
	@mkdir -p $(@D)
	@$(FUZZ_COMPILE) -MMD -MP -c -o $@ $<

$(FUZZ_DIR)/%.o: tests/fuzz/%.c
	@mkdir -p $(@D)
	@$(FUZZ_COMPILE) -MMD -MP -c -o $@ $<

$(FUZZ_DIR)/%.o: tests/unit/%.c
	@mkdir -p $(@D)
	@$(FUZZ_COMPILE) -MMD -MP -c -o $@ $<

$(FUZZ_DIR)/engine.a: $(ENGINE_PARTS:src/%.c=$(FUZZ_DIR)/src/%.o) $(FUZZ_DIR)/engine_packets.o
	@rm -f $@
	@ar rcs $@ $^

$(FUZZ_DIR)/world.a: $(patsubst src/%.c,$(FUZZ_DIR)/src/%.o,$(filter-out $(ENGINE_REPLACED),$(ENGINE_PARTS))) \
		$(FUZZ_DIR)/engine_packets.o $(FUZZ_DIR)/engine_world.o
	@rm -f $@
	@ar rcs $@ $^

# What it sends has to be the same each time that an input is tried.
$(FUZZ_DIR)/noise_fuzz: FUZZ_LINK := -Wl,--wrap=random_bytes

# It is the helper's.
$(FUZZ_DIR)/cgroup_fuzz: $(FUZZ_DIR)/src/helper/cgroup.o

$(FUZZ_PLAIN:%=$(FUZZ_DIR)/%): $(FUZZ_DIR)/%: $(FUZZ_DIR)/%.o $(FUZZ_DIR)/engine.a
	@$(FUZZ_CC) $(FUZZ_FLAGS) $(FUZZ_LINK) -o $@ $^ -lcrypto

# As it is by default, whatever CONFIG is.
$(FUZZ_DIR)/src/helper/%.o: FUZZ_COMPILE += -DCONFIG_H='"$(abspath tests/unit/config.h)"'

$(FUZZ_DIR)/helper.a: $(patsubst %,$(FUZZ_DIR)/src/%.o,helper/report helper/wgmsg helper/rtmsg helper/attribute \
		helper/message link/decimal link/endpoint link/key link/link)
	@rm -f $@
	@ar rcs $@ $^

$(FUZZ_HELPER:%=$(FUZZ_DIR)/%): $(FUZZ_DIR)/%: $(FUZZ_DIR)/%.o $(FUZZ_DIR)/helper.a
	@$(FUZZ_CC) $(FUZZ_FLAGS) -o $@ $^ -lmnl

$(FUZZ_WORLD:%=$(FUZZ_DIR)/%): $(FUZZ_DIR)/%: $(FUZZ_DIR)/%.o $(FUZZ_DIR)/world.a
	@$(FUZZ_CC) $(FUZZ_FLAGS) -o $@ $^ -lcrypto

-include $(wildcard $(FUZZ_DIR)/*.d $(FUZZ_DIR)/src/*/*.d)

## make fuzz         fuzz what reads the bytes of others, and a whole session: FUZZ_SECONDS each, an hour unless told
.PHONY: fuzz
fuzz: fuzz-programs
	tests/fuzz/run '$(FUZZ_DIR)' '$(FUZZ_SECONDS)' $(FUZZ_TARGETS)
