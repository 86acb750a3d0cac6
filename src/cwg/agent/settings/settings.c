/* Where cwg.conf(5) lies, and what holds without it. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cwg/agent/settings/config.h"
#include "cwg/machine/group.h"

#define SYSTEM_STATE "/var/lib/cwg"
#define SYSTEM_FILE  "/etc/cwg/cwg.conf"

bool config_is_system(void)
{
    return geteuid() == 0 || access(SYSTEM_STATE, W_OK) == 0 || group_is_spared();
}

bool config_machine_has_agent(void)
{
    return access(SYSTEM_STATE, F_OK) == 0;
}

/* Writes the path of a file or directory of the user's own: below $VARIABLE, or below ~/`usual`. */
static void own_path(const char *variable, const char *usual, const char *rest,
                     char ret_path[static CONFIG_PATH_SIZE])
{
    const char *base = getenv(variable), *home = getenv("HOME");

    if (base && base[0] == '/')
        (void)snprintf(ret_path, CONFIG_PATH_SIZE, "%.400s/%s", base, rest);
    else
        (void)snprintf(ret_path, CONFIG_PATH_SIZE, "%.400s/%s/%s", home ? home : "", usual, rest);
}

void config_path(char ret_path[static CONFIG_PATH_SIZE])
{
    if (config_is_system())
        (void)snprintf(ret_path, CONFIG_PATH_SIZE, SYSTEM_FILE);
    else
        own_path("XDG_CONFIG_HOME", ".config", "cwg/cwg.conf", ret_path);
}

int64_t config_stamp(const char *file)
{
    char path[CONFIG_PATH_SIZE] = "";
    struct stat status;

    if (!file)
        config_path(path);
    if (stat(file ? file : path, &status) < 0)
        return 0;
    return (int64_t)status.st_mtim.tv_sec * 1000000000 + status.st_mtim.tv_nsec;
}

/* Reads a file. Returns its length; -ENOENT if it isn't there; or another negative number. */
static ssize_t read_file(const char *path, char *ret_text, struct failure *failure)
{
    const int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t length = file < 0 ? -1 : 0, got = 0;
    const int error = errno;

    while (file >= 0 && length <= CONFIG_FILE_MAX &&
           (got = read(file, ret_text + length, (size_t)(CONFIG_FILE_MAX + 1 - length))) > 0)
        length += got;
    if (file >= 0)
        close(file);
    if (file < 0 || got < 0) {
        fail(failure, "config", "can't read %.300s: %s", path, strerror(file < 0 ? error : errno));
        return file < 0 && error == ENOENT ? -ENOENT : -EIO;
    }
    if (length > CONFIG_FILE_MAX) {
        fail(failure, "config", "%.300s is longer than %d bytes", path, CONFIG_FILE_MAX);
        return -EFBIG;
    }
    return length;
}

static int load_file(const char *given, struct config *config, struct failure *failure)
{
    static char text[CONFIG_FILE_MAX + 1];
    char path[CONFIG_PATH_SIZE];
    ssize_t length;

    if (!given)
        config_path(path);
    length = read_file(given ? given : path, text, failure);
    if (length == -ENOENT && !given)
        return 0;
    return length < 0 ? -1
                      : config_parse(text, (size_t)length, given ? given : path, config, failure);
}

/* Copies a value of the command line over the file's. */
static int overlay(const char *given, const char *option, char *text, size_t size,
                   struct failure *failure)
{
    if (given && strlen(given) >= size)
        return fail(failure, "config", "%s is longer than %zu characters", option, size - 1);
    if (given)
        (void)snprintf(text, size, "%s", given);
    return 0;
}

/* Without a name of its own, a site has the first part of the machine's, if that can be a name. */
static void default_site(struct config *config)
{
    char name[HOST_NAME_MAX + 1] = "";

    (void)gethostname(name, sizeof(name) - 1);
    name[strcspn(name, ".")] = '\0';
    if (!config->site[0] && want_is_site(name))
        (void)snprintf(config->site, sizeof(config->site), "%.63s", name);
}

void config_state(const char *given, char ret_path[static CONFIG_PATH_SIZE])
{
    if (given)
        (void)snprintf(ret_path, CONFIG_PATH_SIZE, "%s", given);
    else if (config_is_system())
        (void)snprintf(ret_path, CONFIG_PATH_SIZE, SYSTEM_STATE);
    else
        own_path("XDG_STATE_HOME", ".local/state", "cwg/agent", ret_path);
}

int config_load(const struct config_options *options, struct config *ret_config,
                struct failure *failure)
{
    struct config config = {.site = ""};

    if (load_file(options->file, &config, failure) ||
        overlay(options->site, "--site", config.site, sizeof(config.site), failure) ||
        overlay(options->state, "--state", config.state, sizeof(config.state), failure) ||
        overlay(options->helper, "--helper", config.helper, sizeof(config.helper), failure))
        return -1;
    default_site(&config);
    if (!config.state[0])
        config_state(NULL, config.state);
    if (!config.etcd_prefix[0])
        (void)snprintf(config.etcd_prefix, sizeof(config.etcd_prefix), "/cwg/v1");
    *ret_config = config;
    return 0;
}

int config_need_site(const struct config *config, struct failure *failure)
{
    if (config->site[0])
        return 0;
    return fail(failure, "config",
                "the machine's name can't be a site's: give one, by --site or in cwg.conf");
}
