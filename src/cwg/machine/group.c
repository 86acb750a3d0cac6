#include "cwg/machine/group.h"

#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Where the packages have the user of the machine's agent live. */
#define AGENT_HOME "/var/lib/cwg"

enum {
    GROUP_NAME_SIZE = 64,
};

static bool session_is_in(gid_t group)
{
    static gid_t groups[NGROUPS_MAX];
    const int count = getgroups(NGROUPS_MAX, groups);

    for (int i = 0; i < count; i++) {
        if (groups[i] == group)
            return true;
    }
    return getegid() == group;
}

/* Is the user in a group by the files, for sessions to come? */
static bool user_is_in(const struct passwd *user, gid_t group)
{
    static gid_t groups[NGROUPS_MAX];
    int count = NGROUPS_MAX;

    if (!user || getgrouplist(user->pw_name, user->pw_gid, groups, &count) < 0)
        return false;
    for (int i = 0; i < count; i++) {
        if (groups[i] == group)
            return true;
    }
    return false;
}

static void group_to_text(gid_t number, char ret_name[static GROUP_NAME_SIZE])
{
    const struct group *group = getgrgid(number);

    if (group)
        (void)snprintf(ret_name, GROUP_NAME_SIZE, "%.63s", group->gr_name);
    else
        (void)snprintf(ret_name, GROUP_NAME_SIZE, "%u", number);
}

bool group_is_spared(void)
{
    const struct passwd *user = geteuid() == 0 ? NULL : getpwuid(getuid());

    return user && strcmp(user->pw_dir, AGENT_HOME) == 0;
}

bool group_tell(gid_t group, bool runs, char ret_text[static GROUP_TEXT_SIZE])
{
    const struct passwd *user = getpwuid(getuid());
    char name[GROUP_NAME_SIZE];

    group_to_text(group, name);
    if (geteuid() == 0)
        (void)snprintf(ret_text, GROUP_TEXT_SIZE, "you are root, and need no group");
    else if (session_is_in(group))
        (void)snprintf(ret_text, GROUP_TEXT_SIZE, "this session is in its group, %s", name);
    else if (runs)
        (void)snprintf(ret_text, GROUP_TEXT_SIZE,
                       "this session may run it without being in its group, %s", name);
    else if (group_is_spared())
        (void)snprintf(ret_text, GROUP_TEXT_SIZE,
                       "user %.64s is the one of the machine's agent, which calls the program "
                       "through /run/cwg-helper.sock: add this user to no group; cwg declare has "
                       "the agent make a link, and root calls cwg doctor",
                       user->pw_name);
    else if (user_is_in(user, group))
        (void)snprintf(
            ret_text, GROUP_TEXT_SIZE,
            "user %.64s is in group %s, but this session is older than that: log in anew; an open "
            "master connection of ssh counts as a session, too (ssh -O exit HOST ends it)",
            user->pw_name, name);
    else
        (void)snprintf(ret_text, GROUP_TEXT_SIZE,
                       "user %.64s isn't in group %s: as root, usermod -aG %s %.64s; then log in "
                       "anew",
                       user ? user->pw_name : "of this session", name, name,
                       user ? user->pw_name : "USER");
    return geteuid() == 0 || session_is_in(group) || runs;
}
