/* cwg_destroy: removes a link's device. */
#include <errno.h>

#include "helper/backend/backends.h"
#include "helper/command/task.h"

static int run(struct session *session, const struct request *request, struct target *target,
               struct failure *failure)
{
    struct device device;
    int presence = device_find(target, request->end, &device, failure);

    (void)session;
    if (presence < 0)
        return presence;
    if (presence == DEVICE_ABSENT && request->given[OPTION_IF_EXISTS])
        return 0;
    if (presence != DEVICE_OURS)
        return device_fail_none(request->end, presence, "; nothing was removed",
                                "; it may have been removed already", failure);
    return backend_of(&device)->remove(target, &device, failure);
}

const struct task task_destroy = {
    .name = "cwg_destroy",
    .summary = "remove one end of a link",
    .details = "Removes the device for <net> and <host> from the network namespace of process "
               "<pid>, and frees its UDP port. Prints nothing. With --if-exists it also "
               "succeeds if there is no such link, or no such process any more.\n",
    .arguments = {ARGUMENT_PID, ARGUMENT_NET, ARGUMENT_HOST},
    .options = {OPTION_IF_EXISTS, OPTION_JSON, 0},
    .changes = true,
    .in_batch = true,
    .run = run,
};
