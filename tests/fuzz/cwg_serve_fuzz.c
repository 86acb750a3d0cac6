/* Any bytes as the input of `cwg serve`. The containers and the helper are made up, so that each
 * input says what a hostile client makes the helper do: only what the checks below allow. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cwg/base/json.h"
#include "cwg/checkup/checkup.h"
#include "cwg/checkup/knock.h"
#include "cwg/checkup/measure.h"
#include "cwg/checkup/scratch.h"
#include "cwg/container/container.h"
#include "cwg/machine/helper.h"
#include "cwg/serve/serve.h"
#include "fuzz.h"
#include "link/decimal.h"
#include "link/endpoint.h"
#include "link/key.h"
#include "link/link.h"
#include "parts.h"

static int input, output; /* files in memory */
static bool greeted;      /* the client has, as far as the helper was told anything */

/* In the place of the real ones. */

int __wrap_container_find(const char *engine, const char *name, struct container *ret_container,
                          struct failure *failure);
int __wrap_helper_start(struct helper *helper, int client, struct failure *failure);
int __wrap_helper_do(struct helper *helper, const struct helper_task *task, json_t **ret_result,
                     struct failure *failure);
int __wrap_helper_commit(struct helper *helper, struct failure *failure);
int __wrap_helper_end(struct helper *helper, struct failure *failure);

int __wrap_container_find(const char *engine, const char *name, struct container *ret_container,
                          struct failure *failure)
{
    require(end_is_name(name) && strlen(engine) < END_ENGINE_SIZE);
    if (name[0] == 'x')
        return fail(failure, "no-such-container", "%s/%s", engine, name);
    *ret_container = (struct container){.pid = 1 + name[0] % 4, .pidfd = -1, .netns = -1};
    (void)snprintf(ret_container->engine, END_ENGINE_SIZE, "%s", engine);
    (void)snprintf(ret_container->name, END_NAME_SIZE, "%s", name);
    (void)snprintf(ret_container->id, CONTAINER_ID_SIZE, "id");
    return 0;
}

int __wrap_helper_start(struct helper *helper, int client, struct failure *failure)
{
    (void)failure;
    helper->client = client;
    return 0;
}

/* Each word of a task is a number, an option of a number, an endpoint or a key. */
static void check_word(const char *word)
{
    static const char *const options[] = {"--persistent-keepalive=", "--mtu=", ""};
    struct endpoint endpoint;
    struct key key;
    uint32_t number;

    if (strcmp(word, "--json") == 0 || strcmp(word, "--if-exists") == 0 || strcmp(word, "-") == 0)
        return;
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        const size_t length = strlen(options[i]);

        if (strncmp(word, options[i], length) == 0 &&
            decimal_parse(word + length, LINK_NET_MAX, &number) == 0)
            return;
    }
    require(endpoint_parse(word, &endpoint) == ENDPOINT_GOOD || key_from_text(word, &key) == 0);
}

static void check_secret(int fd)
{
    char text[KEY_TEXT_LENGTH + 1] = "";
    struct key key;

    require(read(fd, text, sizeof(text)) == KEY_TEXT_LENGTH && key_from_text(text, &key) == 0);
}

int __wrap_helper_do(struct helper *helper, const struct helper_task *task, json_t **ret_result,
                     struct failure *failure)
{
    size_t count = 0;

    require(helper->client == 0);
    require(strncmp(task->name, "cwg_", 4) == 0 && strlen(task->name) < 12);
    require(task->container && task->container->pid > 0);
    for (; task->words[count]; count++)
        check_word(task->words[count]);
    require(count < HELPER_WORDS && task->seconds >= 0 && task->seconds <= 30);
    if (task->secret >= 0)
        check_secret(task->secret);
    greeted = true;
    *ret_result = NULL;
    if (strcmp(task->name, "cwg_destroy") == 0)
        return fail(failure, "busy", "no");
    *ret_result = json_array();
    return 0;
}

int __wrap_helper_commit(struct helper *helper, struct failure *failure)
{
    (void)helper;
    (void)failure;
    greeted = true;
    return 0;
}

int __wrap_helper_end(struct helper *helper, struct failure *failure)
{
    (void)helper;
    (void)failure;
    return 0;
}

int __wrap_scratch_start(struct scratch *ret_scratch, struct failure *failure);
void __wrap_scratch_end(struct scratch *scratch);
void __wrap_checkup(struct helper *helper, const struct failure *helper_failure, json_t *findings);

static int scratches;

int __wrap_scratch_start(struct scratch *ret_scratch, struct failure *failure)
{
    if (scratches == 8)
        return fail(failure, "no-namespaces", "no");
    scratches++;
    greeted = true;
    *ret_scratch = (struct scratch){.pid = 1, .hold = -1};
    return 0;
}

void __wrap_scratch_end(struct scratch *scratch)
{
    require(scratch->pid == 1 && scratches-- > 0);
}

void __wrap_checkup(struct helper *helper, const struct failure *helper_failure, json_t *findings)
{
    (void)helper;
    require(!helper_failure->text[0] && json_is_array(findings));
    greeted = true;
}

int __wrap_knock(const char *address, char ret_text[static KNOCK_TEXT_SIZE],
                 struct failure *failure);
int __wrap_measure_open(bool ipv6, uint16_t *ret_port, struct failure *failure);
int __wrap_measure_run(int fd, const struct measure *measure, struct measured *ret_measured,
                       struct failure *failure);

/* There is no SSH_CONNECTION, and no request stands for it. */
int __wrap_knock(const char *address, char ret_text[static KNOCK_TEXT_SIZE],
                 struct failure *failure)
{
    (void)address;
    (void)ret_text;
    (void)failure;
    abort();
}

int __wrap_measure_open(bool ipv6, uint16_t *ret_port, struct failure *failure)
{
    (void)failure;
    greeted = true;
    *ret_port = ipv6 ? 6 : 4;
    return dup(input);
}

int __wrap_measure_run(int fd, const struct measure *measure, struct measured *ret_measured,
                       struct failure *failure)
{
    require(fd > 2 && measure->link_mtu >= MEASURE_LINK_MIN &&
            measure->link_mtu <= MEASURE_LINK_MAX);
    if (measure->to.port == 7)
        return fail(failure, "silent", "no");
    *ret_measured = (struct measured){.whole = measure->link_mtu};
    return 0;
}

/* Does the first line greet? */
static bool greets(const uint8_t *data, size_t size)
{
    const uint8_t *end = size ? memchr(data, '\n', size) : NULL;
    char *line = end ? strndup((const char *)data, (size_t)(end - data)) : NULL;
    json_t *object = line ? json_read_line(line) : NULL;
    int64_t version;
    bool good = json_whole(object, "cwg", 1, 1, &version) == 0;

    json_decref(object);
    free(line);
    return good;
}

/* Each line that was written is an object; the first one is the greeting. */
static void check_output(bool may_work)
{
    static char text[1 << 22];
    ssize_t length = pread(output, text, sizeof(text) - 1, 0);
    int lines = 0;
    char *left = text;

    require(length > 0 && text[length - 1] == '\n' && !memchr(text, '\0', (size_t)length));
    text[length] = '\0';
    for (char *line; (line = strsep(&left, "\n")) && *line; lines++) {
        json_t *object = json_read_line(line);

        require(object && (lines == 0) == (json_object_get(object, "cwg") != NULL));
        json_decref(object);
    }
    require(may_work || (lines == 1 && !greeted));
}

/* Standard input and output are memory from now on; what libFuzzer says goes to standard error. */
static void open_once(void)
{
    if (input > 0)
        return;
    input = memfd_create("input", MFD_CLOEXEC);
    output = memfd_create("output", MFD_CLOEXEC);
    require(input > 2 && output > 2 && dup2(input, 0) == 0 && dup2(output, 1) == 1);
}

/* Of right requests. */
static const char *const parts[] = {
    "{\"cwg\":1}\n",
    "{\"do\":\"look\",\"name\":\"a\"}\n",
    "{\"do\":\"look\",\"engine\":\"pid\",\"name\":\"",
    "{\"do\":\"create\",\"container\":0,\"net\":7,\"host\":0,\"port\":0",
    "{\"do\":\"connect\",\"container\":0,\"net\":7,\"host\":1,\"endpoint\":\"",
    "192.0.2.1:1",
    "\",\"key\":\"",
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE=",
    "\",\"psk\":\"",
    "\",\"mtu\":1280",
    ",\"keepalive\":25",
    "{\"do\":\"wait\",\"container\":0,\"net\":7,\"host\":0,\"seconds\":5",
    "{\"do\":\"destroy\",\"container\":0,\"net\":7,\"host\":0}\n",
    "{\"do\":\"commit\"}\n",
    "{\"do\":\"check\"}\n",
    "{\"do\":\"scratch\"}\n",
    "{\"do\":\"clock\"}\n",
    "{\"do\":\"knock\"}\n",
    "{\"do\":\"probe\"}\n",
    "{\"busy\":true}\n",
    "{\"do\":\"measure\",\"mtu\":1280,\"cookie\":\"",
    "\",\"to\":\"",
    "{\"do\":\"route\",\"to\":[\"127.0.0.1\"",
    "}\n",
    "\"}\n",
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t length;
    char *text = parts_join(parts, sizeof(parts) / sizeof(parts[0]), data, size, &length);

    open_once();
    greeted = false;
    require(ftruncate(input, 0) == 0 && ftruncate(output, 0) == 0 &&
            lseek(input, 0, SEEK_SET) == 0 && lseek(output, 0, SEEK_SET) == 0 &&
            pwrite(input, text, length, 0) == (ssize_t)length);
    require(serve() == 0 && scratches == 0);
    check_output(greets((const uint8_t *)text, length));
    free(text);
    return 0;
}
