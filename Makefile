# net-admin-helper: `make help` lists the targets.

# No file here is made by them, and to search them takes three quarters of the time of a make with nothing to do.
MAKEFLAGS += --no-builtin-rules

VERSION := 0.1.0
CONFIG  ?= config.h
BUILD   ?= build

PREFIX  ?= /usr/local
BINDIR  ?= $(PREFIX)/bin
MANDIR  ?= $(PREFIX)/share/man
DATADIR ?= $(PREFIX)/share/net-admin-helper
LIBEXECDIR ?= $(PREFIX)/libexec/net-admin-helper
COMPLETIONDIR ?= $(PREFIX)/share/bash-completion/completions
ZSHDIR  ?= $(PREFIX)/share/zsh/site-functions
FISHDIR ?= $(PREFIX)/share/fish/vendor_completions.d
UNITDIR ?= $(PREFIX)/lib/systemd
SYSUSERSDIR ?= $(PREFIX)/lib/sysusers.d
TMPFILESDIR ?= $(PREFIX)/lib/tmpfiles.d
NETAVARKDIR ?= $(PREFIX)/lib/netavark
CNIDIR ?= $(PREFIX)/lib/cni
HOOKDIR ?= $(PREFIX)/share/containers/oci/hooks.d
GROUP   ?=
DESTDIR ?=
# no: `make install` sets no owner, group and capability, and needs no root, for a package's build.
RIGHTS  ?= yes
# The command that errors name, of an engine or of capabilities that are missing.
INSTALLER ?= make install

ifeq ($(origin CC),default)
CC := gcc
endif
CFLAGS ?= -O2 -g

.PHONY: all
all: build

include build.mk
include tests/tests.mk

.PHONY: help
help:
	@sed -n 's/^## //p' $(MAKEFILE_LIST)
