/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every published answer holds that the library has the algorithm for, and every test fails for a vector with one bit
 * changed, in each of its fields. */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "generated/more_answers.h"
#include "known_answer.h"
#include "library.h"

#define OCTETS_MAX 4096

/* A private key that is changed in one bit may still sign: only what the answer depends on is of interest. */
static bool decides(enum wge_self_test test, size_t field, const struct wge_known_answer *answer)
{
    if (answer->field[field].length == 0)
        return false;
    /* PKCS #8 holds the factors as well as the numbers that are computed from them, and names that nobody looks at */
    return !(test == WGE_TEST_RSA_SIGN_SHA256 && field == RSA_SIGN_PRIVATE);
}

static void wrong_vectors_fail(const struct wge_known_answer *answer)
{
    uint8_t changed[OCTETS_MAX];
    for (size_t field = 0; field < WGE_ANSWER_FIELDS_MAX; field++) {
        if (!decides(answer->test, field, answer))
            continue;
        struct wge_known_answer wrong = *answer;
        CHECK(answer->field[field].length <= sizeof changed);
        memcpy(changed, answer->field[field].data, answer->field[field].length);
        /* not the last: the second half of a seed of ML-KEM shows in no public key */
        changed[answer->field[field].length / 3] ^= 1;
        wrong.field[field].data = changed;
        if (wge_known_answer_test(&wrong))
            fprintf(stderr, "%s passes with a wrong field %zu\n", wge_self_test_name(answer->test), field);
        CHECK(!wge_known_answer_test(&wrong));
    }
}

static void a_wrong_private_key_of_rsa_fails(const struct wge_known_answer *answer)
{
    /* all of its numbers shifted by one byte: not a key any more */
    struct wge_known_answer wrong = *answer;
    wrong.field[RSA_SIGN_PRIVATE].data++;
    wrong.field[RSA_SIGN_PRIVATE].length--;
    CHECK(!wge_known_answer_test(&wrong));
}

static void a_missing_answer_is_no_answer(const struct wge_known_answer *answer)
{
    for (size_t field = WGE_ANSWER_FIELDS_MAX; field > 0; field--)
        if (answer->field[field - 1].length > 0) {
            struct wge_known_answer wrong = *answer;
            wrong.field[field - 1] = (struct wge_octets){NULL, 0};
            CHECK(!wge_known_answer_test(&wrong));
            return;
        }
}

int main(void)
{
    bool tested[WGE_SELF_TEST_COUNT] = {false};
    size_t missing = 0;
    CHECK(wge_library_start() == WGE_OK);
    for (size_t i = 0; i < wge_start_answer_count; i++) {
        const struct wge_known_answer *answer = &wge_start_answers[i];
        CHECK(!tested[answer->test]); /* one vector each: a start is no place for more */
        tested[answer->test] = true;
        if (!wge_known_answer_built(answer->test)) {
            CHECK(!wge_known_answer_test(answer));
            missing++;
            continue;
        }
        wrong_vectors_fail(answer);
        a_missing_answer_is_no_answer(answer);
        if (answer->test == WGE_TEST_RSA_SIGN_SHA256)
            a_wrong_private_key_of_rsa_fails(answer);
    }
    for (size_t i = 0; i < sizeof more_answers / sizeof more_answers[0]; i++) {
        const bool built = wge_known_answer_built(more_answers[i].test);
        if (wge_known_answer_test(&more_answers[i]) != built)
            fprintf(stderr, "answer %zu of %s\n", i, wge_self_test_name(more_answers[i].test));
        CHECK(wge_known_answer_test(&more_answers[i]) == built);
        tested[more_answers[i].test] = true;
    }
    for (size_t test = 0; test < WGE_SELF_TEST_COUNT; test++)
        CHECK(tested[test] && wge_self_test_name((enum wge_self_test)test)[0] != '\0');

    const struct wge_self_test_report *report = wge_library_report();
    CHECK(report->test_count == wge_start_answer_count - missing + 1); /* and the measurement */
    CHECK(report->segment_count >= 2);
    for (size_t i = 0; i < report->test_count; i++) {
        CHECK(report->tests[i].passed);
        printf("%-20s %6u us\n", report->tests[i].name, report->tests[i].microseconds);
    }
    printf("%-20s %6u us\n", "all", report->microseconds);
    return EXIT_SUCCESS;
}
