/* SPDX-License-Identifier: GPL-3.0-or-later */
/* algorithms.c - the table. Chosen AEAD suites with ephemeral keys only; SHA-1, CBC, static RSA, anonymous suites and
 * X25519 alone have no line here and so no way in. The pre-shared key of the PSK suites comes out of such a TLS. */
#include "algorithms.h"

#include <string.h>

static const struct wge_suite suites[] = {
    {"TLS_AES_256_GCM_SHA384", "TLS13-AES256-GCM-SHA384", 0x1302, WGE_TLS13, WGE_KEY_KIND_ANY},
    {"TLS_AES_128_GCM_SHA256", "TLS13-AES128-GCM-SHA256", 0x1301, WGE_TLS13, WGE_KEY_KIND_ANY},
    {"TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384", 0xc02c, WGE_TLS12, WGE_KEY_KIND_EC},
    {"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256", 0xc02b, WGE_TLS12, WGE_KEY_KIND_EC},
    {"TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "ECDHE-RSA-AES256-GCM-SHA384", 0xc030, WGE_TLS12, WGE_KEY_KIND_RSA},
    {"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256", 0xc02f, WGE_TLS12, WGE_KEY_KIND_RSA},
};

static const struct wge_psk_suite psk_suites[] = {
    {"TLS_PSK_WITH_AES_256_GCM_SHA384", "PSK-AES256-GCM-SHA384", 0x00a9},
    {"TLS_PSK_WITH_AES_128_GCM_SHA256", "PSK-AES128-GCM-SHA256", 0x00a8},
};

static const struct wge_group groups[] = {
    {"SecP256r1MLKEM768", 4587, true, true, 0},  {"X25519MLKEM768", 4588, true, true, 0},
    {"SecP384r1MLKEM1024", 4589, true, true, 0}, {"MLKEM1024", 514, true, true, 0},
    {"secp256r1", 23, false, false, 256},        {"secp384r1", 24, false, false, 384},
    {"secp521r1", 25, false, false, 521},
};

static const struct wge_signature signatures[] = {
    {"ecdsa_secp256r1_sha256", 0x0403, WGE_KEY_KIND_EC, 256, false},
    {"ecdsa_secp384r1_sha384", 0x0503, WGE_KEY_KIND_EC, 384, false},
    {"ecdsa_secp521r1_sha512", 0x0603, WGE_KEY_KIND_EC, 521, false},
    {"rsa_pss_rsae_sha256", 0x0804, WGE_KEY_KIND_RSA, 0, false},
    {"rsa_pss_rsae_sha384", 0x0805, WGE_KEY_KIND_RSA, 0, false},
    {"rsa_pss_rsae_sha512", 0x0806, WGE_KEY_KIND_RSA, 0, false},
    {"rsa_pkcs1_sha256", 0x0401, WGE_KEY_KIND_RSA, 0, true},
    {"rsa_pkcs1_sha384", 0x0501, WGE_KEY_KIND_RSA, 0, true},
    {"rsa_pkcs1_sha512", 0x0601, WGE_KEY_KIND_RSA, 0, true},
};

#define FIND(table, condition) \
    for (size_t i = 0; i < sizeof(table) / sizeof((table)[0]); i++) \
        if (condition) \
            return &(table)[i]; \
    return NULL

const struct wge_suite *wge_suite_by_name(const char *name)
{
    FIND(suites, strcmp(suites[i].name, name) == 0);
}

const struct wge_suite *wge_suite_by_number(uint16_t number)
{
    FIND(suites, suites[i].number == number);
}

const struct wge_group *wge_group_by_name(const char *name)
{
    FIND(groups, strcmp(groups[i].name, name) == 0);
}

const struct wge_group *wge_group_by_number(uint16_t number)
{
    FIND(groups, groups[i].number == number);
}

const struct wge_signature *wge_signature_by_name(const char *name)
{
    FIND(signatures, strcmp(signatures[i].name, name) == 0);
}

const struct wge_signature *wge_signature_by_number(uint16_t number)
{
    FIND(signatures, signatures[i].number == number);
}

const struct wge_psk_suite *wge_psk_suite_by_name(const char *name)
{
    FIND(psk_suites, strcmp(psk_suites[i].name, name) == 0);
}

const struct wge_psk_suite *wge_psk_suite_by_number(uint16_t number)
{
    FIND(psk_suites, psk_suites[i].number == number);
}

#define ALL(table) \
    *count = sizeof(table) / sizeof((table)[0]); \
    return table

const struct wge_suite *wge_suites(size_t *count)
{
    ALL(suites);
}

const struct wge_psk_suite *wge_psk_suites(size_t *count)
{
    ALL(psk_suites);
}

const struct wge_group *wge_groups(size_t *count)
{
    ALL(groups);
}

const struct wge_signature *wge_signatures(size_t *count)
{
    ALL(signatures);
}
