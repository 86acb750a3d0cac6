/* config.h, its defaults, and the checks of its values. */
#pragma once

#ifndef CONFIG_H
#define CONFIG_H "../../../config.h"
#endif
#include CONFIG_H

#ifndef CWG_PREFIX
#define CWG_PREFIX "wg"
#endif

#ifndef CWG_MAX_LINKS
#define CWG_MAX_LINKS 256
#endif

/* An older name of the same setting. */
#if defined ENABLE_CWG_DESTROY && !defined ENABLE_CWG_DELETE
#define ENABLE_CWG_DELETE
#endif

#if !defined ENABLE_CWG_CREATE && !defined ENABLE_CWG_CONNECT && !defined ENABLE_CWG_DELETE
#error "config.h: no task is enabled: define ENABLE_CWG_CREATE, _CONNECT or _DELETE"
#endif

#ifndef CWG_POLICY_PATH
#define CWG_POLICY_PATH "/etc/net-admin-helper/policy"
#endif

/* The same as 0 or 1, for an `if`. The compiler drops a branch of 0, and build.mk leaves out the
 * files that serve such a branch alone. */
#if defined ENABLE_CWG_CREATE
#define HAS_CREATE 1
#else
#define HAS_CREATE 0
#endif
#if defined ENABLE_CWG_CONNECT
#define HAS_CONNECT 1
#else
#define HAS_CONNECT 0
#endif
#if defined ENABLE_CWG_BATCH
#define HAS_BATCH 1
#else
#define HAS_BATCH 0
#endif
#if defined ENABLE_CWG_POLICY
#define HAS_POLICY 1
#else
#define HAS_POLICY 0
#endif
#if defined ENABLE_CWG_AUDIT
#define HAS_AUDIT 1
#else
#define HAS_AUDIT 0
#endif
#if defined ENABLE_CWG_ENGINE
#define HAS_ENGINE 1
#else
#define HAS_ENGINE 0
#endif
#if defined CWG_PREFER_ENGINE
#define PREFERS_ENGINE 1
#else
#define PREFERS_ENGINE 0
#endif
#if defined CWG_OWN_CONTAINERS_ONLY
#define OWN_CONTAINERS_ONLY 1
#else
#define OWN_CONTAINERS_ONLY 0
#endif

/* Can a caller be limited to containers of his own? */
#define HAS_OWN_CONTAINERS (OWN_CONTAINERS_ONLY || HAS_POLICY)

#if defined CWG_PREFER_ENGINE && !defined ENABLE_CWG_ENGINE
#error "config.h: CWG_PREFER_ENGINE makes no sense without ENABLE_CWG_ENGINE"
#endif

/* `make install` puts the engine here; build.mk sets another path if PREFIX does. */
#ifndef ENGINE_PATH
#define ENGINE_PATH "/usr/local/libexec/net-admin-helper/cwg-engine"
#endif

/* The command that installs the programs with their rights, for errors: a package sets its own. */
#ifndef INSTALLER
#define INSTALLER "make install"
#endif

#if CWG_MAX_LINKS < 1
#error "config.h: CWG_MAX_LINKS must be at least 1"
#endif

/* A device name is <prefix>-<net>-<host>, at most 15 characters. "-0-0" takes 4 of them.
 * scripts/check-config checks the prefix's characters before this is compiled. */
_Static_assert(sizeof(CWG_PREFIX) > 1 && sizeof(CWG_PREFIX) <= 12,
               "config.h: CWG_PREFIX must have 1 to 11 characters, and 1 to 5 for all nets");
