/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <wolfssl/options.h>

#include "self_test.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#ifdef HAVE_FIPS
#include <wolfssl/wolfcrypt/fips_test.h>
#endif

uint64_t wge_self_test_clock(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static bool note(struct wge_self_test_report *report, const char *name, bool passed, uint64_t since)
{
    if (report->test_count == WGE_SELF_TESTS_MAX)
        return false;
    struct wge_self_test_result *result = &report->tests[report->test_count++];
    (void)snprintf(result->name, sizeof result->name, "%s", name);
    result->passed = passed;
    result->microseconds = (uint32_t)(wge_self_test_clock() - since);
    return passed;
}

#ifdef HAVE_FIPS

static void run_module_tests(struct wge_self_test_report *report)
{
    char name[WGE_SELF_TEST_NAME];
    const uint64_t since = wge_self_test_clock();
    const bool all = wc_RunAllCast_fips() == 0 && wolfCrypt_GetStatus_fips() == 0;
    note(report, "fips_all", all, since);
    for (int id = 0; id < FIPS_CAST_COUNT; id++) {
        (void)snprintf(name, sizeof name, "fips_cast_%d", id);
        note(report, name, wc_GetCastStatus_fips(id) == FIPS_CAST_STATE_SUCCESS, wge_self_test_clock());
    }
}

static bool ours(enum wge_self_test test)
{
    return test == WGE_TEST_PBKDF2_SHA512;
}

#else

static void run_module_tests(struct wge_self_test_report *report)
{
    (void)report;
}

static bool ours(enum wge_self_test test)
{
    (void)test;
    return true;
}

#endif

static void run_known_answers(struct wge_self_test_report *report)
{
    for (size_t i = 0; i < wge_start_answer_count; i++) {
        const struct wge_known_answer *answer = &wge_start_answers[i];
        const uint64_t since = wge_self_test_clock();
        if (ours(answer->test) && wge_known_answer_built(answer->test))
            note(report, wge_self_test_name(answer->test), wge_known_answer_test(answer), since);
    }
}

const char *wge_self_tests_run(struct wge_self_test_report *report)
{
    memset(report, 0, sizeof *report);
    run_module_tests(report);
    run_known_answers(report);
    const uint64_t since = wge_self_test_clock();
    const bool measured = wge_mapped_measure(report->segments, &report->segment_count) == WGE_OK;
    note(report, "measurement", measured, since);
    for (size_t i = 0; i < report->test_count; i++)
        if (!report->tests[i].passed)
            return report->tests[i].name;
    return NULL;
}
