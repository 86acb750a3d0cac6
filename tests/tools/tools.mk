# The tests' tools. Each is a program of one file, with shared functions.

TOOLS := at-syscall enter fdsteal hang hsflood linkdump memscan nlforge pidrecycle refuse udpport udprelay
TOOLS_SHARED := tests/tools/common.c tests/tools/tracee.c tests/tools/callname.c
TOOLS_COMPILE = $(CC) -std=gnu17 -D_GNU_SOURCE -O2 -g $(WARNINGS) $(WERROR)

.PHONY: tools
tools: $(TOOLS:%=$(BUILD)/tools/%) $(BUILD)/tools/link

# The names of this architecture's system calls, out of the kernel's header.
$(BUILD)/tools/callnames.h:
	@mkdir -p $(@D)
	echo '#include <sys/syscall.h>' | $(CC) -E -dM - | sed -nE 's/^#define __NR_(\w+) .*/[__NR_\1] = "\1",/p' >$@

$(BUILD)/tools/shared.a: $(TOOLS_SHARED) $(wildcard tests/tools/*.h) $(BUILD)/tools/callnames.h
	cd $(@D) && $(TOOLS_COMPILE) -I. -c $(abspath $(TOOLS_SHARED))
	rm -f $@ && $(AR) rcs $@ $(patsubst tests/tools/%.c,$(@D)/%.o,$(TOOLS_SHARED))

# It stands for the engine, which has no libraries to load.
$(BUILD)/tools/hang: tests/tools/hang.c $(BUILD)/tools/shared.a
	$(TOOLS_COMPILE) -static -o $@ $<

# It starts most commands of the tests. Without a loader it starts faster.
$(BUILD)/tools/enter: tests/tools/enter.c $(BUILD)/tools/shared.a
	$(TOOLS_COMPILE) -static -o $@ $< $(BUILD)/tools/shared.a

# The example for applications, built by the command in its head.
$(BUILD)/tools/link: examples/link.c
	@mkdir -p $(@D)
	$(CC) -O2 $(WARNINGS) $(WERROR) -o $@ $< -ljansson

$(BUILD)/tools/hsflood: TOOLS_LIBS := -lcrypto

$(BUILD)/tools/%: tests/tools/%.c $(BUILD)/tools/shared.a
	$(TOOLS_COMPILE) -o $@ $< $(BUILD)/tools/shared.a -lmnl $(TOOLS_LIBS)
