/* SPDX-License-Identifier: GPL-3.0-or-later */
/* self_test.h - the power-on self-tests, and what they found. With the open-source library they are ours, over published
 * answers; a FIPS module brings its own, which are run here all at once, since two first uses of an algorithm at the same
 * time would set the module to degraded mode. PBKDF2 is ours in every build, and so is its test. */
#ifndef WGE_SELF_TEST_H
#define WGE_SELF_TEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "known_answer.h"
#include "mapped.h"

#define WGE_SELF_TESTS_MAX 64
#define WGE_SELF_TEST_NAME 32

struct wge_self_test_result {
    char name[WGE_SELF_TEST_NAME];
    bool passed;
    uint32_t microseconds;
};

struct wge_self_test_report {
    struct wge_self_test_result tests[WGE_SELF_TESTS_MAX];
    size_t test_count;
    struct wge_segment segments[WGE_SEGMENTS_MAX];
    size_t segment_count;
    uint32_t microseconds; /* of everything from the library's start to here */
};

/* Runs all tests, then measures what is mapped. Returns the name of the first test that failed, or NULL. */
const char *wge_self_tests_run(struct wge_self_test_report *report);

/* Microseconds of processor time of this thread: all processes start side by side, and what one costs does not depend on
 * its neighbours. */
uint64_t wge_self_test_clock(void);

#endif
