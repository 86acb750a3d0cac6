#include "helper/base/request.h"

#include <errno.h>

#include "helper/base/failure.h"

int request_fail_descriptor(struct failure *failure)
{
    return fail(failure, -EINVAL,
                "pid: the descriptor is not open on a network namespace; open one, such as "
                "/proc/<pid>/ns/net or /run/netns/<name>, and pass its number");
}
