# Fuzzing with libFuzzer: each tests/fuzz/NAME_fuzz.c, with the tested files under ASan and UBSan. The Makefile includes
# this file after unit.mk.

FUZZ_CC      := clang
FUZZ_SECONDS ?= 3600
FUZZ_FLAGS   := -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all
FUZZ_COMPILE = $(FUZZ_CC) $(DIALECT) -Itests/unit -DVERSION='"$(VERSION)"' \
	-DCONFIG_H='"$(abspath tests/unit/config.h)"' $(WARNINGS) -Werror -O1 -g \
	-fno-omit-frame-pointer $(subst fuzzer$(COMMA),fuzzer-no-link$(COMMA),$(FUZZ_FLAGS))
COMMA        := ,

FUZZ_DIR     := $(BUILD)/fuzz
FUZZ_TARGETS := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/*_fuzz.c))
# The targets for the helper's parsers. The others are for the engine's.
FUZZ_HELPER  := $(filter cgroup_fuzz lines_fuzz netlink_fuzz policy_fuzz report_fuzz,$(FUZZ_TARGETS))
FUZZ_CWG     := $(filter cwg_%,$(FUZZ_TARGETS))
FUZZ_PLAIN   := $(filter-out $(FUZZ_HELPER) $(FUZZ_CWG) tunnel_fuzz request_fuzz,$(FUZZ_TARGETS))
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

# The helper's parsers, and what they call. A target that needs another file doesn't link.
FUZZ_PARSERS := $(filter src/link/% src/helper/netlink/% $(patsubst %,src/helper/%.c,admin/rule backend/engine/ctlmsg \
	backend/kernel/wgmsg command/lines netns/cgroup),$(UNIT_SOURCES))

$(FUZZ_DIR)/helper.a: $(FUZZ_PARSERS:src/%.c=$(FUZZ_DIR)/src/%.o) $(FUZZ_DIR)/parts.o
	@rm -f $@
	@ar rcs $@ $^

# An input has to give the same messages each time.
$(FUZZ_DIR)/noise_fuzz: FUZZ_LINK := -Wl,--wrap=random_bytes

$(FUZZ_PLAIN:%=$(FUZZ_DIR)/%): $(FUZZ_DIR)/%: $(FUZZ_DIR)/%.o $(FUZZ_DIR)/engine.a
	@$(FUZZ_CC) $(FUZZ_FLAGS) $(FUZZ_LINK) -o $@ $^ -lcrypto

$(FUZZ_WORLD:%=$(FUZZ_DIR)/%): $(FUZZ_DIR)/%: $(FUZZ_DIR)/%.o $(FUZZ_DIR)/world.a
	@$(FUZZ_CC) $(FUZZ_FLAGS) -o $@ $^ -lcrypto

$(FUZZ_HELPER:%=$(FUZZ_DIR)/%): $(FUZZ_DIR)/%: $(FUZZ_DIR)/%.o $(FUZZ_DIR)/helper.a
	@$(FUZZ_CC) $(FUZZ_FLAGS) -o $@ $^ -lmnl

$(FUZZ_DIR)/cwg.a: $(CWG_PARTS:src/%.c=$(FUZZ_DIR)/src/%.o) $(FUZZ_DIR)/parts.o
	@rm -f $@
	@ar rcs $@ $^

# No input starts a process, or changes anything but memory.
COMMAS = $(subst $() ,$(COMMA),$(1:%=--wrap=%))
$(FUZZ_DIR)/cwg_serve_fuzz: FUZZ_LINK := -Wl,$(call COMMAS,container_find helper_start helper_do helper_commit \
	helper_end scratch_start scratch_end checkup knock measure_open measure_run)
$(FUZZ_DIR)/cwg_join_fuzz: FUZZ_LINK := -Wl,$(call COMMAS,process_start process_end process_run joined_write \
	joined_read joined_list joined_forget lock_take lock_end signals_catch)

$(FUZZ_DIR)/cwg_post_fuzz: FUZZ_LINK := -Wl,$(call COMMAS,store_read store_write_lazily store_list sitekey_verify)

$(FUZZ_DIR)/cwg_etcd_fuzz: FUZZ_LINK := -Wl,$(call COMMAS,http_post store_read store_write store_write_lazily \
	store_remove store_list sitekey_verify faccessat)

$(FUZZ_DIR)/cwg_overview_fuzz: FUZZ_LINK := -Wl,$(call COMMAS,sitekey_verify sitekey_id)

$(FUZZ_CWG:%=$(FUZZ_DIR)/%): $(FUZZ_DIR)/%: $(FUZZ_DIR)/%.o $(FUZZ_DIR)/cwg.a
	@$(FUZZ_CC) $(FUZZ_FLAGS) $(FUZZ_LINK) -o $@ $^ -ljansson -lcrypto -lcurl

-include $(shell find $(FUZZ_DIR) -name '*.d' 2>/dev/null)

## make fuzz         fuzz each parser, and whole sessions: FUZZ_SECONDS each, an hour unless told
.PHONY: fuzz
fuzz: fuzz-programs
	tests/fuzz/run '$(FUZZ_DIR)' '$(FUZZ_SECONDS)' $(FUZZ_TARGETS)
