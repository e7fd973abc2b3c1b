/* SPDX-License-Identifier: GPL-3.0-or-later */
/* negotiation.c - the order of questions: version, suite, extended master secret, group, signature with certificate. */
#include "negotiation.h"

#include <string.h>

static bool listed(const uint16_t *list, size_t count, uint16_t value)
{
    for (size_t i = 0; i < count; i++)
        if (list[i] == value)
            return true;
    return false;
}

static enum wge_result refuse(const char **label, uint8_t *alert, const char *why, uint8_t with)
{
    *label = why;
    *alert = with;
    return WGE_PEER_ERROR;
}

/* Is there a suite of this version, fit for this kind of key, that both sides have? */
static bool suite_in_common(const struct wge_tls_rules *rules, const struct wge_client_hello *hello, uint16_t version,
                            enum wge_key_kind key)
{
    for (size_t i = 0; i < rules->suite_count; i++) {
        const struct wge_suite *suite = wge_suite_by_number(rules->suites[i]);
        if (suite == NULL || suite->version != version)
            continue;
        bool fits = suite->key == WGE_KEY_KIND_ANY || key == WGE_KEY_KIND_ANY || suite->key == key;
        if (fits && listed(hello->suites, hello->suite_count, suite->number))
            return true;
    }
    return false;
}

static void add_groups(const struct wge_tls_rules *rules, const uint16_t *numbers, size_t count,
                       const struct wge_client_hello *hello, struct wge_tls_choice *choice)
{
    /* without the extension a TLS 1.2 client takes any curve (RFC 8422 section 4) */
    bool any = !hello->has_groups && choice->version == WGE_TLS12;
    for (size_t i = 0; i < count; i++) {
        const struct wge_group *group = wge_group_by_number(numbers[i]);
        if (group == NULL || (rules->require_hybrid && !group->hybrid) ||
            (group->tls13_only && choice->version != WGE_TLS13))
            continue;
        if (any || listed(hello->groups, hello->group_count, group->number))
            choice->groups[choice->group_count++] = group->number;
    }
}

/* A client that lists one of the site's key shares gets such a group, even for a second round trip. Otherwise the
 * client's key shares decide, since all groups are the site's choice. */
static bool choose_groups(const struct wge_tls_rules *rules, const struct wge_client_hello *hello,
                          struct wge_tls_choice *choice)
{
    add_groups(rules, rules->key_shares, rules->key_share_count, hello, choice);
    if (choice->group_count == 0)
        add_groups(rules, rules->groups, rules->group_count, hello, choice);
    return choice->group_count > 0;
}

static bool fits(const struct wge_signature *signature, const struct wge_certificate_facts *certificate,
                 uint16_t version)
{
    if (signature->key != certificate->key)
        return false;
    if (version == WGE_TLS12)
        return true;
    return !signature->tls12_only && (signature->curve_bits == 0 || signature->curve_bits == certificate->bits);
}

/* RFC 8422 section 5.3: in TLS 1.2 the client's groups are also the curves of certificates that it takes. */
static bool takes_curve(const struct wge_client_hello *hello, const struct wge_certificate_facts *certificate,
                        uint16_t version)
{
    if (version != WGE_TLS12 || certificate->key != WGE_KEY_KIND_EC || !hello->has_groups)
        return true;
    size_t count;
    const struct wge_group *groups = wge_groups(&count);
    for (size_t i = 0; i < count; i++)
        if (groups[i].curve_bits == certificate->bits && listed(hello->groups, hello->group_count, groups[i].number))
            return true;
    return false;
}

static bool choose_certificate(const struct wge_tls_rules *rules, const struct wge_certificate_facts *certificates,
                               size_t certificate_count, const struct wge_client_hello *hello,
                               struct wge_tls_choice *choice)
{
    for (size_t i = 0; i < rules->signature_count; i++) {
        const struct wge_signature *signature = wge_signature_by_number(rules->signatures[i]);
        if (signature == NULL || !listed(hello->signatures, hello->signature_count, signature->number))
            continue;
        for (size_t n = 0; n < certificate_count; n++) {
            if (!fits(signature, &certificates[n], choice->version) ||
                !takes_curve(hello, &certificates[n], choice->version))
                continue;
            if (!suite_in_common(rules, hello, choice->version, certificates[n].key))
                continue;
            choice->certificate = n;
            choice->signature = signature->number;
            return true;
        }
    }
    return false;
}

enum wge_result wge_negotiate(const struct wge_tls_rules *rules, const struct wge_certificate_facts *certificates,
                              size_t certificate_count, const struct wge_client_hello *hello,
                              struct wge_tls_choice *choice, const char **label, uint8_t *alert)
{
    memset(choice, 0, sizeof(*choice));
    if (rules->tls13 && hello->tls13)
        choice->version = WGE_TLS13;
    else if (rules->tls12 && hello->tls12)
        choice->version = WGE_TLS12;
    else
        return refuse(label, alert, "handshake_version", WGE_ALERT_PROTOCOL_VERSION);
    if (rules->require_hybrid && choice->version != WGE_TLS13)
        return refuse(label, alert, "handshake_no_hybrid", WGE_ALERT_INSUFFICIENT_SECURITY);
    if (!suite_in_common(rules, hello, choice->version, WGE_KEY_KIND_ANY))
        return refuse(label, alert, "handshake_no_suite", WGE_ALERT_HANDSHAKE_FAILURE);
    choice->extended_master_secret = choice->version == WGE_TLS13 || hello->extended_master_secret;
    if (rules->require_extended_master_secret && !choice->extended_master_secret)
        return refuse(label, alert, "handshake_no_ems", WGE_ALERT_HANDSHAKE_FAILURE);
    if (!choose_groups(rules, hello, choice)) {
        const char *why = rules->require_hybrid ? "handshake_no_hybrid" : "handshake_no_group";
        return refuse(label, alert, why, WGE_ALERT_HANDSHAKE_FAILURE);
    }
    if (!choose_certificate(rules, certificates, certificate_count, hello, choice))
        return refuse(label, alert, "handshake_no_signature", WGE_ALERT_HANDSHAKE_FAILURE);
    return WGE_OK;
}
