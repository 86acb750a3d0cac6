#include "helper/base/random.h"

#include <sys/random.h>

uint32_t random_below(uint32_t limit)
{
    uint32_t number;

    return getrandom(&number, sizeof(number), GRND_NONBLOCK) == sizeof(number) ? number % limit : 0;
}
