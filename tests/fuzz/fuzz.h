/* What all fuzz targets have. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* libFuzzer calls it with each input. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Without the condition, the input is a finding. */
static inline void require(bool condition)
{
    if (!condition)
        abort();
}
