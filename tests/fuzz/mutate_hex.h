#ifndef TRACKUP_FUZZ_MUTATE_HEX_H
#define TRACKUP_FUZZ_MUTATE_HEX_H
/*
 * mutate_hex: makes frames of what libFuzzer made noise of.
 *
 * A check sum stops nearly all that a mutation yields; so lengths and sums are
 * set right again, most of the time, and the code behind them gets to see it.
 */
#include <stddef.h>
#include <stdint.h>

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max,
    unsigned seed);

#endif
