# The unit tests: cmocka programs, with everything that is tested under ASan and UBSan. To be included from the
# Makefile, after build.mk.

UNIT_COMPILE = $(CC) -std=gnu17 -D_GNU_SOURCE -Isrc -Itests/unit -DVERSION='"$(VERSION)"' \
	-DCONFIG_H='"$(abspath tests/unit/config.h)"' $(WARNINGS) -Werror -g1 -fno-omit-frame-pointer
UNIT_SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all

# One folder for each compiler and set of flags.
UNIT_KEY := $(shell echo '$(subst ','\'',$(UNIT_COMPILE) $(UNIT_SANITIZE))' | sha256sum | cut -c1-12)
UNIT_DIR := $(BUILD)/unit/$(UNIT_KEY)

# A seccomp filter kills a process for the sanitizers' own system calls: sandbox_test goes without them, once with each
# filter that there is. every_end_test would take long with them.
UNIT_PLAIN := sandbox_test sandbox_own_test every_end_test
UNIT_TESTS := $(filter-out $(UNIT_PLAIN) engine_% cwg_%,$(patsubst tests/unit/%.c,%,$(wildcard tests/unit/*_test.c)))
UNIT_SHARED := $(filter-out %_test engine_% cwg_%,$(patsubst tests/unit/%.c,%,$(wildcard tests/unit/*.c)))
UNIT_SOURCES := $(filter-out src/helper/main.c,$(sort $(SOURCES) $(LEFT_OUT)))
UNIT_OBJECTS := $(UNIT_SOURCES:src/%.c=$(UNIT_DIR)/src/%.o) $(UNIT_SHARED:%=$(UNIT_DIR)/%.o)
# The engine's: with its objects, and not the helper's, of which some have the same names. Those of engine_world.c stand
# in for the engine's own sockets, device, clock and randomness.
ENGINE_TESTS := $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/engine_*_test.c))
ENGINE_WORLD_TESTS := engine_tunnel_test engine_configuration_test
ENGINE_PARTS := $(filter-out src/engine/main.c,$(ENGINE_SOURCES))
ENGINE_REPLACED := $(addprefix src/engine/,io/udp.c io/tun.c io/clock.c io/random.c control/control.c \
	sandbox.c)
ENGINE_SHARED := unit unit_main hex engine_packets attempts
UNIT_ENGINE_OBJECTS := $(ENGINE_PARTS:src/%.c=$(UNIT_DIR)/src/%.o) \
	$(patsubst %,$(UNIT_DIR)/%.o,$(ENGINE_SHARED) engine_world $(ENGINE_TESTS))
# Those of cwg, with its own objects, of which some have the same names as well.
CWG_TESTS := $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/cwg_*_test.c))
CWG_PARTS := $(filter-out src/cwg/main.c,$(CWG_SOURCES))
CWG_SHARED := unit unit_main cwg_folder cwg_programs cwg_beating cwg_end_world cwg_row
UNIT_CWG_OBJECTS := $(CWG_PARTS:src/%.c=$(UNIT_DIR)/src/%.o) $(patsubst %,$(UNIT_DIR)/%.o,$(CWG_TESTS) $(CWG_SHARED))
UNIT_PROGRAMS := $(CWG_TESTS:%=$(UNIT_DIR)/%) $(UNIT_TESTS:%=$(UNIT_DIR)/%) $(UNIT_PLAIN:%=$(UNIT_DIR)/%) $(ENGINE_TESTS:%=$(UNIT_DIR)/%)

# Its tests say what the kernel answered.
$(UNIT_DIR)/netlink_test: UNIT_LINK := -Wl,--wrap=recvmsg,--wrap=send

# Its tests are the server, and the clock.
$(UNIT_DIR)/cwg_patience_test: UNIT_LINK := -Wl,--wrap=http_post,--wrap=clock_now

# Its tests say what is attached to networks.
$(UNIT_DIR)/cwg_agent_labels_test: UNIT_LINK := -Wl,--wrap=attachments_read
$(UNIT_DIR)/cwg_attached_test: UNIT_LINK := \
	-Wl,--wrap=attachments_read,--wrap=cgroup_find,--wrap=cgroup_has,--wrap=netns_open

# Its tests are the programs that are started.
$(UNIT_DIR)/cwg_carrier_test: UNIT_LINK := -Wl,--wrap=process_start,--wrap=process_start_deaf

# Its tests are etcd, and the clock.
$(UNIT_DIR)/cwg_carry_test: UNIT_LINK := -Wl,--wrap=client_call,--wrap=clock_now

# Its tests send a signal before the program can hear one.
$(UNIT_DIR)/cwg_process_test: UNIT_LINK := -Wl,--wrap=sigprocmask

.PHONY: unit-programs
unit-programs: $(UNIT_PROGRAMS)

$(UNIT_DIR)/src/%.o: src/%.c
	@mkdir -p $(@D)
	@$(UNIT_COMPILE) -O1 $(UNIT_SANITIZE) -MMD -MP -c -o $@ $<

# The tests themselves take longer to optimize than to run.
$(UNIT_DIR)/%.o: tests/unit/%.c
	@mkdir -p $(@D)
	@$(UNIT_COMPILE) -O0 $(UNIT_SANITIZE) -MMD -MP -c -o $@ $<

$(UNIT_DIR)/tested.a: $(UNIT_OBJECTS)
	@rm -f $@
	@$(AR) rcs $@ $^

$(UNIT_TESTS:%=$(UNIT_DIR)/%): $(UNIT_DIR)/%: $(UNIT_DIR)/%.o $(UNIT_DIR)/tested.a
	@$(CC) $(UNIT_SANITIZE) $(UNIT_LINK) -o $@ $^ -lmnl -lcmocka

$(UNIT_DIR)/engine.a: $(ENGINE_PARTS:src/%.c=$(UNIT_DIR)/src/%.o) $(ENGINE_SHARED:%=$(UNIT_DIR)/%.o)
	@rm -f $@
	@$(AR) rcs $@ $^

$(UNIT_DIR)/world.a: $(patsubst src/%.c,$(UNIT_DIR)/src/%.o,$(filter-out $(ENGINE_REPLACED),$(ENGINE_PARTS))) \
		$(patsubst %,$(UNIT_DIR)/%.o,$(ENGINE_SHARED) engine_world)
	@rm -f $@
	@$(AR) rcs $@ $^

$(patsubst %,$(UNIT_DIR)/%,$(filter-out $(ENGINE_WORLD_TESTS),$(ENGINE_TESTS))): \
		$(UNIT_DIR)/%: $(UNIT_DIR)/%.o $(UNIT_DIR)/engine.a
	@$(CC) $(UNIT_SANITIZE) -o $@ $^ -lcrypto -lcmocka

# Helper and engine have to understand each other.
$(UNIT_DIR)/engine_configuration_test: $(addprefix $(UNIT_DIR)/src/,helper/backend/engine/ctlmsg.o link/network.o)

$(ENGINE_WORLD_TESTS:%=$(UNIT_DIR)/%): $(UNIT_DIR)/%: $(UNIT_DIR)/%.o $(UNIT_DIR)/world.a
	@$(CC) $(UNIT_SANITIZE) -o $@ $^ -lcrypto -lcmocka

$(UNIT_DIR)/cwg.a: $(CWG_PARTS:src/%.c=$(UNIT_DIR)/src/%.o) $(CWG_SHARED:%=$(UNIT_DIR)/%.o)
	@rm -f $@
	@$(AR) rcs $@ $^

$(CWG_TESTS:%=$(UNIT_DIR)/%): $(UNIT_DIR)/%: $(UNIT_DIR)/%.o $(UNIT_DIR)/cwg.a
	@$(CC) $(UNIT_SANITIZE) $(UNIT_LINK) -o $@ $^ -ljansson -lcrypto -lcurl -lcmocka

$(UNIT_DIR)/plain/src/%.o: src/%.c
	@mkdir -p $(@D)
	@$(UNIT_COMPILE) -O1 -DSANDBOX_FOR_ALL -MMD -MP -c -o $@ $<

$(UNIT_DIR)/plain/%.o: tests/unit/%.c
	@mkdir -p $(@D)
	@$(UNIT_COMPILE) -O1 -DSANDBOX_FOR_ALL -MMD -MP -c -o $@ $<

$(UNIT_DIR)/plain/src/link/%.o: src/link/%.c
	@mkdir -p $(@D)
	@$(UNIT_COMPILE) -O2 -MMD -MP -c -o $@ $<

$(UNIT_DIR)/every_end_test: $(addprefix $(UNIT_DIR)/plain/,every_end_test.o unit.o unit_main.o $(addprefix src/link/,link.o address.o decimal.o))
	@$(CC) -o $@ $^ -lcmocka

# The same objects with the filter of CWG_OWN_CONTAINERS_ONLY.
$(UNIT_DIR)/plain/own/src/%.o: src/%.c
	@mkdir -p $(@D)
	@$(UNIT_COMPILE) -O1 -DCWG_OWN_CONTAINERS_ONLY -MMD -MP -c -o $@ $<

$(UNIT_DIR)/plain/own/%.o: tests/unit/%.c
	@mkdir -p $(@D)
	@$(UNIT_COMPILE) -O1 -DCWG_OWN_CONTAINERS_ONLY -MMD -MP -c -o $@ $<

$(UNIT_DIR)/sandbox_test: $(addprefix $(UNIT_DIR)/plain/,sandbox_test.o attempts.o unit.o unit_main.o src/helper/confine/sandbox.o src/helper/base/failure.o)
	@$(CC) -o $@ $^ -lcmocka

$(UNIT_DIR)/sandbox_own_test: $(addprefix $(UNIT_DIR)/plain/,own/sandbox_test.o attempts.o unit.o unit_main.o own/src/helper/confine/sandbox.o src/helper/base/failure.o)
	@$(CC) -o $@ $^ -lcmocka

-include $(UNIT_OBJECTS:.o=.d) $(UNIT_ENGINE_OBJECTS:.o=.d) $(UNIT_CWG_OBJECTS:.o=.d)
-include $(UNIT_TESTS:%=$(UNIT_DIR)/%.d) $(shell find $(UNIT_DIR)/plain -name '*.d' 2>/dev/null)

# On all processors, unless make was told how many.
UNIT_MAKE = $(MAKE) -f $(firstword $(MAKEFILE_LIST)) --no-print-directory \
	$(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(shell nproc))

# What fails is shown, and one line.
## make test-unit    unit tests: fast, under ASan and UBSan (as root, or some are skipped)
.PHONY: test-unit
test-unit:
	+@$(UNIT_MAKE) unit-programs
	@tests/unit/run $(BUILD)/unit/results $(UNIT_PROGRAMS)

# The same for `make check`: one TAP file for each program in build/check. Fails if a test does.
.PHONY: tap-unit
tap-unit:
	+@$(UNIT_MAKE) unit-programs
	@tests/unit/run $(BUILD)/check $(UNIT_PROGRAMS)
