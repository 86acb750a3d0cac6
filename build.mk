# How the three programs and their man pages are built and installed.

PROGRAM := net-admin-helper
ENGINE  := cwg-engine
CWG     := cwg
TASKS   := cwg_create cwg_connect cwg_destroy cwg_show cwg_list cwg_wait cwg_destroy_all
# The kernel lets the program use these. src/helper/confine/privilege.h has the reasons. No capability is effective at
# the start.
CAPABILITIES := cap_net_admin,cap_sys_admin,cap_sys_ptrace=p

WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes \
	-Wformat=2 -Wcast-align -Wundef -Wvla -Wwrite-strings -Wimplicit-fallthrough
HARDENING := -fPIE -fstack-protector-strong -fno-plt \
	-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -ffunction-sections -fdata-sections
# The processor that the compiler compiles for: not always that of this machine.
PROCESSOR := $(firstword $(subst -, ,$(shell $(CC) -dumpmachine 2>/dev/null)))
# Debian 12's clang has no -fstack-clash-protection for aarch64, and says so.
CLASH := -fstack-clash-protection
ifeq ($(PROCESSOR),aarch64)
CLASH := $(shell $(CC) -Werror $(CLASH) -S -x c -o /dev/null /dev/null 2>/dev/null && echo '$(CLASH)')
endif
HARDENING += $(CLASH) $(if $(filter x86_64,$(PROCESSOR)),-fcf-protection) \
	$(if $(filter aarch64,$(PROCESSOR)),-mbranch-protection=standard)
DIALECT := -std=gnu17 -D_GNU_SOURCE -Isrc

# The switches of config.h, such as ENGINE.
ENABLED := $(subst ENABLE_CWG_,,$(shell $(CC) -E -dM -x c '$(CONFIG)' 2>/dev/null | grep -o '\<ENABLE_CWG_[A-Z0-9_]*'))
ENGINE_ENABLED := $(filter ENGINE,$(ENABLED))
# The program looks for the engine here. `make install` puts it here.
ENGINE_PATH ?= $(LIBEXECDIR)/$(ENGINE)

PLAIN_COMPILE = $(CC) $(DIALECT) $(WARNINGS) $(HARDENING) $(CPPFLAGS) $(CFLAGS)
COMPILE = $(PLAIN_COMPILE) -DVERSION='"$(VERSION)"' -DCONFIG_H='"$(abspath $(CONFIG))"' -DINSTALLER='"$(INSTALLER)"'
LINK = $(CC) $(CFLAGS) -fPIE -pie -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--gc-sections -Wl,--as-needed $(LDFLAGS)

# The engine has no settings. It is static, because it runs in an empty file system.
ENGINE_COMPILE = $(PLAIN_COMPILE) -DVERSION='"$(VERSION)"' $(ENGINE_OPTIMIZE)
# The linker would warn of functions in libcrypto that the engine never calls: dlopen(), getaddrinfo().
ENGINE_LINK = $(CC) $(CFLAGS) -fPIE -static-pie -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--gc-sections \
	-Wl,--no-warnings $(LDFLAGS)
ENGINE_OPTIMIZE ?= -O3

# A folder is named after all that its objects depend on, but for the sources: the compiler and its flags (plain), the
# settings too (objects), and the engine's place too (programs). So another config.h or PREFIX compiles what it changes.
key_of = $(shell { $(2) echo '$(subst ','\'',$(1))'; } | sha256sum | cut -c1-12)
# Builds with the same SHARED share the plain objects and the engine; only one at a time may compile these.
SHARED ?= $(BUILD)
PLAIN_DIR := $(SHARED)/plain/$(call key_of,$(PLAIN_COMPILE))
OBJECTS_DIR := $(BUILD)/objects/$(call key_of,$(COMPILE),cat $(CONFIG) 2>/dev/null;)
PROGRAM_DIR := $(BUILD)/programs/$(notdir $(OBJECTS_DIR))-$(call key_of,$(ENGINE_PATH) $(LINK))
# only_for SWITCH,FILES: these files serve this switch alone. Without the switch they aren't compiled.
only_for = $(if $(filter $(1),$(ENABLED)),,$(2:%=src/helper/%.c))
LEFT_OUT := $(call only_for,CREATE,command/task_create netns/port $(addprefix backend/engine/,launch child launcher)) \
	$(call only_for,CONNECT,command/task_connect) \
	$(call only_for,CREATE CONNECT,netns/arp) \
	$(call only_for,DELETE DESTROY,command/task_destroy) \
	$(call only_for,BATCH,command/task_batch command/lines netns/taker backend/engine/launcher) \
	$(call only_for,POLICY,command/task_check_policy admin/policy admin/rule) \
	$(call only_for,AUDIT,admin/audit) \
	$(call only_for,ENGINE,$(addprefix backend/engine/,engine proof control ctlmsg launch child launcher))
SOURCES := $(filter-out $(LEFT_OUT),$(sort $(shell find src/link src/handover src/helper -name '*.c')))
# These know settings. The others are plain: one of them that includes settings.h doesn't compile.
SETTLED := $(patsubst %,src/helper/%.c,main admin/policy backend/backends backend/device backend/kernel/kernel \
	$(addprefix backend/engine/,control engine launch launcher proof) command/arguments command/help command/task% \
	confine/privilege confine/sandbox netns/procfs netns/target $(addprefix view/,diagnosis json_link links probe))
PLAIN := $(filter-out $(SETTLED),$(SOURCES) $(LEFT_OUT))
PLAIN_OBJECTS := $(PLAIN:src/%.c=$(PLAIN_DIR)/%.o)
# These know the engine's place.
PLACED := $(filter %/engine/launch.c %/engine/proof.c,$(SOURCES))
OBJECTS := $(patsubst src/%.c,$(PLAIN_DIR)/%.o,$(filter $(PLAIN),$(SOURCES))) \
	$(PLACED:src/%.c=$(PROGRAM_DIR)/%.o) \
	$(patsubst src/%.c,$(OBJECTS_DIR)/%.o,$(filter-out $(PLAIN) $(PLACED),$(SOURCES)))

ENGINE_DIR := $(SHARED)/engine/$(call key_of,$(ENGINE_COMPILE) $(ENGINE_LINK))
ENGINE_SOURCES := $(sort $(shell find src/link src/handover src/engine -name '*.c'))
ENGINE_OBJECTS := $(ENGINE_SOURCES:src/%.c=$(ENGINE_DIR)/%.o)
# The engine that belongs to this program, if it has one.
ENGINE_BUILT := $(if $(ENGINE_ENABLED),$(BUILD)/$(ENGINE))

# The front end: no settings, no privilege.
CWG_COMPILE = $(PLAIN_COMPILE) -DVERSION='"$(VERSION)"'
CWG_DIR := $(SHARED)/front/$(call key_of,$(CWG_COMPILE) $(LINK))
CWG_SOURCES := $(sort $(shell find src/link src/cwg -name '*.c'))
CWG_OBJECTS := $(CWG_SOURCES:src/%.c=$(CWG_DIR)/%.o)

# All pages. scripts/install chooses those for the tasks in the program.
PAGES := $(patsubst doc/%.scd,$(BUILD)/%,$(wildcard doc/*.[0-9].scd))

## make              build the programs and their man pages in build/
.PHONY: build
build: $(BUILD)/$(PROGRAM) $(ENGINE_BUILT) $(BUILD)/$(CWG) $(PAGES)

$(CONFIG):
	$(error there is no $(CONFIG): CONFIG= names the file with the settings)

# Checks the parts of config.h that the preprocessor can't check.
$(OBJECTS_DIR)/config-checked: $(CONFIG) scripts/check-config
	@mkdir -p $(@D)
	@scripts/check-config $(CC) $(abspath $(CONFIG))
	@touch $@

$(PLAIN_DIR)/%.o: src/%.c
	@mkdir -p $(@D)
	$(PLAIN_COMPILE) -DCONFIG_H='"name this file in SETTLED of build.mk"' -MMD -MP -c -o $@ $<

$(OBJECTS_DIR)/%.o: src/%.c $(CONFIG) $(OBJECTS_DIR)/config-checked
	@mkdir -p $(@D)
	$(COMPILE) -MMD -MP -c -o $@ $<

$(PROGRAM_DIR)/%.o: src/%.c $(CONFIG) $(OBJECTS_DIR)/config-checked
	@mkdir -p $(@D)
	$(COMPILE) -DENGINE_PATH='"$(ENGINE_PATH)"' -MMD -MP -c -o $@ $<

# Links the program of these objects. build/net-admin-helper is a link to the program that was built last.
$(PROGRAM_DIR)/$(PROGRAM): $(OBJECTS_DIR)/config-checked $(OBJECTS)
	@mkdir -p $(@D)
	$(LINK) -o $@ $(OBJECTS) -lmnl

.PHONY: latest
$(BUILD)/$(PROGRAM): $(PROGRAM_DIR)/$(PROGRAM) latest
	@cmp -s $< $@ || { rm -f $@.new; cp $< $@.new && mv $@.new $@; }

$(ENGINE_DIR)/%.o: src/%.c
	@mkdir -p $(@D)
	$(ENGINE_COMPILE) -MMD -MP -c -o $@ $<

$(ENGINE_DIR)/$(ENGINE): $(ENGINE_OBJECTS)
	$(ENGINE_LINK) -o $@ $(ENGINE_OBJECTS) -lcrypto

$(BUILD)/$(ENGINE): $(ENGINE_DIR)/$(ENGINE) latest
	@cmp -s $< $@ || { rm -f $@.new; cp $< $@.new && mv $@.new $@; }

$(CWG_DIR)/%.o: src/%.c
	@mkdir -p $(@D)
	$(CWG_COMPILE) -MMD -MP -c -o $@ $<

$(CWG_DIR)/program: $(CWG_OBJECTS)
	$(LINK) -o $@ $(CWG_OBJECTS) -ljansson -lcrypto -lcurl

$(BUILD)/$(CWG): $(CWG_DIR)/program latest
	@cmp -s $< $@ || { rm -f $@.new; cp $< $@.new && mv $@.new $@; }

# A man page names the installed places. The list of places changes only when one does.
PLACES_NAMED = -e 's|@BINDIR@|$(BINDIR)|g' -e 's|@DATADIR@|$(DATADIR)|g' -e 's|@LIBEXECDIR@|$(LIBEXECDIR)|g' \
	-e 's|@MANDIR@|$(MANDIR)|g' -e 's|@NETAVARKDIR@|$(NETAVARKDIR)|g' -e 's|@CNIDIR@|$(CNIDIR)|g' \
	-e 's|@HOOKDIR@|$(HOOKDIR)|g'
$(BUILD)/places: latest
	@mkdir -p $(@D)
	@echo "$(PLACES_NAMED)" | cmp -s - $@ || echo "$(PLACES_NAMED)" >$@

$(PAGES): $(BUILD)/%: doc/%.scd $(BUILD)/places
	@scdoc <$< >$@.new
	@sed -i $(PLACES_NAMED) $@.new && mv $@.new $@

-include $(sort $(OBJECTS:.o=.d) $(PLAIN_OBJECTS:.o=.d)) $(ENGINE_OBJECTS:.o=.d) $(CWG_OBJECTS:.o=.d)

## make deps         install what building needs (Debian, as root)
.PHONY: deps
deps:
	scripts/deps build

# The tasks in the program, such as create, as its table has them. The program may be for another machine, and then
# can't be asked.
TASKS_BUILT = $(patsubst &task_%,%,$(shell $(COMPILE) -E src/helper/command/task.c | grep -o '&task_[a-z_]*'))

# The environment of scripts/install and scripts/uninstall.
PLACES = DESTDIR='$(DESTDIR)' BINDIR='$(BINDIR)' MANDIR='$(MANDIR)' DATADIR='$(DATADIR)' \
	COMPLETIONDIR='$(COMPLETIONDIR)' ZSHDIR='$(ZSHDIR)' FISHDIR='$(FISHDIR)' \
	UNITDIR='$(UNITDIR)' SYSUSERSDIR='$(SYSUSERSDIR)' TMPFILESDIR='$(TMPFILESDIR)' \
	NETAVARKDIR='$(NETAVARKDIR)' CNIDIR='$(CNIDIR)' HOOKDIR='$(HOOKDIR)' RIGHTS='$(RIGHTS)' \
	ENGINE_PATH='$(LIBEXECDIR)/$(ENGINE)'

## make install      install it, as root: PREFIX, DESTDIR, GROUP (who may call it; left out: who may already)
.PHONY: install
install: build
	$(PLACES) GROUP='$(GROUP)' TASKS_BUILT='$(TASKS_BUILT)' \
		scripts/install '$(BUILD)/$(PROGRAM)' '$(ENGINE_BUILT)' '$(CAPABILITIES)' $(TASKS)

## make uninstall    take all of it away again
.PHONY: uninstall
uninstall:
	$(PLACES) scripts/uninstall '$(PROGRAM)' $(TASKS)

## make deb          install what it needs, and build Debian packages in build/deb: ARCH (Debian 12 or 13, as root)
.PHONY: deb
deb: APT = apt-get -qq -y --no-install-recommends
deb:
	$(if $(ARCH),$(APT) install 'crossbuild-essential-$(ARCH)' && $(APT) -a '$(ARCH)' build-dep ./,scripts/deps build deb)
	scripts/deb '$(BUILD)/deb$(ARCH:%=-%)' $(ARCH:%=-a%)

## make dist         pack the last commit's files for a release, in build/
.PHONY: dist
dist:
	@scripts/dist '$(VERSION)' '$(abspath $(BUILD))'

## make sbom         build, and list the libraries of each program, with Debian's versions, in build/ (SPDX)
.PHONY: sbom
sbom: build
	@scripts/sbom '$(VERSION)' '$(BUILD)' '$(CC)' >'$(BUILD)/sbom.new'
	@mv '$(BUILD)/sbom.new' '$(BUILD)/$(PROGRAM)-$(VERSION).spdx.json'

# The files of the image, in DESTDIR, a new directory. The Dockerfile calls this target.
.PHONY: image-root
image-root: $(BUILD)/$(PROGRAM)
	scripts/image-root '$(BUILD)/$(PROGRAM)' '$(CAPABILITIES)' '$(DESTDIR)' \
		$(filter $(TASKS),$(addprefix cwg_,$(TASKS_BUILT)))

# Docker, or podman or buildah where there is no docker; and more options for it, such as --no-cache.
DOCKER ?= $(shell command -v docker || command -v podman || command -v buildah)
IMAGE_FLAGS ?=
LABEL := --label org.opencontainers.image
REVISION = $(shell git describe --always --abbrev=40 --dirty --exclude='*' 2>/dev/null)
CREATED = $(shell date -u -d "@$(or $(SOURCE_DATE_EPOCH),$$(date +%s))" +%FT%TZ)

## make image        build the image net-admin-helper:latest: DOCKER (docker, podman, buildah), IMAGE_FLAGS
.PHONY: image docker
image docker:
	$(if $(DOCKER),,$(error make image needs docker, podman or buildah: install one))
	$(DOCKER) build --build-arg CONFIG='$(CONFIG)' $(LABEL).version='$(VERSION)' $(LABEL).created='$(CREATED)' \
		$(REVISION:%=$(LABEL).revision='%') $(IMAGE_FLAGS) -t $(PROGRAM):latest .

## make clean        remove build/
.PHONY: clean
clean:
	rm -rf '$(BUILD)'
