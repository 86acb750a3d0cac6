/* config.h, with the values of what it leaves out, and refused where it makes no sense. */
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

/* An earlier name of the same setting. */
#if defined ENABLE_CWG_DESTROY && !defined ENABLE_CWG_DELETE
#define ENABLE_CWG_DELETE
#endif

#if !defined ENABLE_CWG_CREATE && !defined ENABLE_CWG_CONNECT && !defined ENABLE_CWG_DELETE
#error "config.h: no task is enabled: define ENABLE_CWG_CREATE, _CONNECT or _DELETE"
#endif

#ifndef CWG_POLICY_PATH
#define CWG_POLICY_PATH "/etc/net-admin-helper/policy"
#endif

/* The same as 0 or 1, for what is chosen by an `if`: what it leaves out isn't in the program, and
 * the files that serve nothing else aren't compiled (build.mk). */
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

/* Whether there may be callers who are limited to containers of their own. */
#define HAS_OWN_CONTAINERS (OWN_CONTAINERS_ONLY || HAS_POLICY)

#if defined CWG_PREFER_ENGINE && !defined ENABLE_CWG_ENGINE
#error "config.h: CWG_PREFER_ENGINE makes no sense without ENABLE_CWG_ENGINE"
#endif

/* Where `make install` puts the engine; build.mk says otherwise if PREFIX does. */
#ifndef ENGINE_PATH
#define ENGINE_PATH "/usr/local/libexec/net-admin-helper/cwg-engine"
#endif

#if CWG_MAX_LINKS < 1
#error "config.h: CWG_MAX_LINKS must be at least 1"
#endif

/* A device name is <prefix>-<net>-<host>, of at most 15 characters, and net 0 needs 4 of them.
 * Which characters a prefix may have is checked by scripts/check-config, before this is compiled.
 */
_Static_assert(sizeof(CWG_PREFIX) > 1 && sizeof(CWG_PREFIX) <= 12,
               "config.h: CWG_PREFIX must have 1 to 11 characters, and 1 to 5 for all nets");
