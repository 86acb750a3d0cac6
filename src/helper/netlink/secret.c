#include "helper/netlink/secret.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "helper/base/failure.h"

struct secret secret;

int secret_protect(struct failure *failure)
{
    if (madvise(&secret, sizeof(secret), MADV_DONTDUMP) < 0)
        return fail_unexpected(failure, -errno, "can't keep the key out of core dumps");
    return 0;
}

void secret_wipe(void)
{
    explicit_bzero(&secret.private_key, sizeof(secret.private_key));
    explicit_bzero(&secret.preshared_key, sizeof(secret.preshared_key));
    explicit_bzero(&secret.request, sizeof(secret.request));
    explicit_bzero(secret.text, sizeof(secret.text));
}
