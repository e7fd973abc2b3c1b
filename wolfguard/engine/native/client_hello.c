/* SPDX-License-Identifier: GPL-3.0-or-later */
/* client_hello.c - strict reader: every length must fill its frame exactly, every known extension stands once. */
#include "client_hello.h"

#include <string.h>

#include "algorithms.h"

#define RECORD_HEAD 5
#define MESSAGE_HEAD 4
#define CONTENT_HANDSHAKE 22
#define TYPE_CLIENT_HELLO 1
#define RECORD_MAX 16384
#define RANDOM_SIZE 32
#define RANDOM_NONZERO_MIN 9

enum extension {
    EXTENSION_SERVER_NAME = 0,
    EXTENSION_GROUPS = 10,
    EXTENSION_SIGNATURES = 13,
    EXTENSION_EXTENDED_MASTER_SECRET = 23,
    EXTENSION_VERSIONS = 43,
};

/* A reader over bytes in memory; `bad` sticks, and a bad reader yields zeros. */
struct cursor {
    const uint8_t *at;
    size_t left;
    bool bad;
};

static const uint8_t *take(struct cursor *c, size_t count)
{
    if (c->bad || c->left < count) {
        c->bad = true;
        return NULL;
    }
    const uint8_t *bytes = c->at;
    c->at += count;
    c->left -= count;
    return bytes;
}

static uint8_t take8(struct cursor *c)
{
    const uint8_t *b = take(c, 1);
    return b == NULL ? 0 : b[0];
}

static uint16_t take16(struct cursor *c)
{
    const uint8_t *b = take(c, 2);
    if (b == NULL)
        return 0;
    return (uint16_t)((unsigned)b[0] << 8 | b[1]);
}

/* A cursor over the next `count` bytes. */
static struct cursor within(struct cursor *c, size_t count)
{
    const uint8_t *b = take(c, count);
    return (struct cursor){.at = b, .left = b == NULL ? 0 : count, .bad = b == NULL};
}

/* A list of 16-bit values that fills `c`. */
static bool take_list(struct cursor *c, uint16_t *out, size_t capacity, size_t *count)
{
    *count = 0;
    if (c->bad || c->left == 0 || c->left % 2 != 0)
        return false;
    while (c->left > 0) {
        uint16_t value = take16(c);
        if (*count < capacity)
            out[(*count)++] = value;
    }
    return true;
}

/* Joins the fragments of the first handshake message. */
static enum wge_result join(uint8_t *message, size_t *message_length, const uint8_t *records, size_t length,
                            const char **label)
{
    size_t have = 0, need = MESSAGE_HEAD;
    while (have < need) {
        if (length > 0 && records[0] != CONTENT_HANDSHAKE) {
            *label = have == 0 ? "handshake_not_tls" : "handshake_malformed";
            return WGE_PEER_ERROR;
        }
        if (length > 1 && records[1] != 3) {
            *label = "handshake_not_tls";
            return WGE_PEER_ERROR;
        }
        if (length < RECORD_HEAD)
            return WGE_WANT_READ;
        size_t record = (size_t)records[3] << 8 | records[4];
        *label = "handshake_malformed";
        if (record == 0 || record > RECORD_MAX)
            return WGE_PEER_ERROR;
        size_t part = record < length - RECORD_HEAD ? record : length - RECORD_HEAD;
        size_t fits = part < WGE_CLIENT_HELLO_MAX - have ? part : WGE_CLIENT_HELLO_MAX - have;
        if (fits < part)
            return WGE_PEER_ERROR;
        memcpy(message + have, records + RECORD_HEAD, fits);
        have += fits;
        if (have >= 1 && message[0] != TYPE_CLIENT_HELLO)
            return WGE_PEER_ERROR;
        if (have >= MESSAGE_HEAD)
            need = MESSAGE_HEAD + ((size_t)message[1] << 16 | (size_t)message[2] << 8 | message[3]);
        if (need > WGE_CLIENT_HELLO_MAX)
            return WGE_PEER_ERROR;
        /* a record that promises more than the message needs is as bad as one that brings it */
        if (have >= need && part < record)
            return WGE_PEER_ERROR;
        if (part < record)
            return WGE_WANT_READ;
        records += RECORD_HEAD + part;
        length -= RECORD_HEAD + part;
    }
    /* nothing may follow a ClientHello in its flight, for no key has been agreed upon */
    if (have > need)
        return WGE_PEER_ERROR;
    *message_length = need;
    return WGE_OK;
}

/* RFC 6066 section 3: one host_name, ASCII, without a trailing dot. */
static bool read_server_name(struct wge_client_hello *hello, struct cursor *body)
{
    struct cursor list = within(body, take16(body));
    if (list.bad || take8(&list) != 0)
        return false;
    size_t length = take16(&list);
    const uint8_t *name = take(&list, length);
    if (name == NULL || list.left != 0 || length == 0 || length > WGE_SERVER_NAME_MAX)
        return false;
    for (size_t i = 0; i < length; i++) {
        uint8_t c = name[i];
        if (c >= 'A' && c <= 'Z')
            c = (uint8_t)(c | 0x20);
        else if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_'))
            return false;
        hello->server_name[i] = (char)c;
    }
    hello->server_name[length] = '\0';
    return true;
}

/* What client_version promises: itself and all before it. DTLS counts downwards. */
static void allow_up_to(struct wge_client_hello *hello, enum wge_hello_form form)
{
    hello->tls12 = form == WGE_HELLO_TLS && hello->version >= WGE_TLS12;
    hello->dtls12 = form == WGE_HELLO_DTLS && hello->version >> 8 == WGE_DTLS12 >> 8 && hello->version <= WGE_DTLS12;
}

/* The extension has the last word (RFC 8446 section 4.2.1). */
static bool read_versions(struct wge_client_hello *hello, enum wge_hello_form form, struct cursor *body)
{
    uint16_t versions[127];
    size_t count;
    struct cursor list = within(body, take8(body));
    if (!take_list(&list, versions, 127, &count))
        return false;
    hello->tls12 = hello->tls13 = hello->dtls12 = false;
    for (size_t i = 0; i < count; i++) {
        hello->tls12 |= form == WGE_HELLO_TLS && versions[i] == WGE_TLS12;
        hello->tls13 |= form == WGE_HELLO_TLS && versions[i] == WGE_TLS13;
        hello->dtls12 |= form == WGE_HELLO_DTLS && versions[i] == WGE_DTLS12;
    }
    return true;
}

static bool read_extension(struct wge_client_hello *hello, enum wge_hello_form form, unsigned type, struct cursor *body,
                           uint64_t *seen)
{
    if (type < 64) {
        if (*seen & (UINT64_C(1) << type))
            return false;
        *seen |= UINT64_C(1) << type;
    }
    bool good = true;
    struct cursor list;
    switch (type) {
    case EXTENSION_SERVER_NAME:
        good = read_server_name(hello, body);
        break;
    case EXTENSION_GROUPS:
        list = within(body, take16(body));
        hello->has_groups = true;
        good = take_list(&list, hello->groups, WGE_HELLO_GROUPS_MAX, &hello->group_count);
        break;
    case EXTENSION_SIGNATURES:
        list = within(body, take16(body));
        good = take_list(&list, hello->signatures, WGE_HELLO_SIGNATURES_MAX, &hello->signature_count);
        break;
    case EXTENSION_EXTENDED_MASTER_SECRET:
        hello->extended_master_secret = true;
        break;
    case EXTENSION_VERSIONS:
        good = read_versions(hello, form, body);
        break;
    default:
        return true;
    }
    return good && !body->bad && body->left == 0;
}

static bool is_weak(const uint8_t *random)
{
    unsigned nonzero = 0;
    for (size_t i = 0; i < RANDOM_SIZE; i++)
        nonzero += random[i] != 0;
    return nonzero < RANDOM_NONZERO_MIN;
}

/* Version, random, session id, cookie. */
static bool read_beginning(struct wge_client_hello *hello, enum wge_hello_form form, struct cursor *c)
{
    hello->version = take16(c);
    const uint8_t *random = take(c, RANDOM_SIZE);
    hello->session_id_length = take8(c);
    if (hello->session_id_length > WGE_SESSION_ID_MAX)
        return false;
    const uint8_t *session_id = take(c, hello->session_id_length);
    if (form == WGE_HELLO_DTLS) {
        hello->cookie_length = take8(c);
        hello->cookie = take(c, hello->cookie_length);
    }
    if (c->bad)
        return false;
    allow_up_to(hello, form);
    hello->random_weak = is_weak(random);
    memcpy(hello->session_id, session_id, hello->session_id_length);
    return true;
}

bool wge_client_hello_read(struct wge_client_hello *hello, enum wge_hello_form form, const uint8_t *body, size_t length)
{
    struct cursor c = {.at = body, .left = length};
    uint64_t seen = 0;
    memset(hello, 0, sizeof(*hello));
    if (!read_beginning(hello, form, &c))
        return false;
    struct cursor suites = within(&c, take16(&c));
    if (!take_list(&suites, hello->suites, WGE_HELLO_SUITES_MAX, &hello->suite_count))
        return false;
    struct cursor compressions = within(&c, take8(&c));
    if (compressions.bad || memchr(compressions.at, 0, compressions.left) == NULL)
        return false;
    if (c.left == 0)
        return !c.bad;
    struct cursor extensions = within(&c, take16(&c));
    while (!extensions.bad && extensions.left > 0) {
        unsigned type = take16(&extensions);
        struct cursor content = within(&extensions, take16(&extensions));
        if (content.bad || !read_extension(hello, form, type, &content, &seen))
            return false;
    }
    return !extensions.bad && !c.bad && c.left == 0;
}

enum wge_result wge_client_hello_parse(struct wge_client_hello *hello, const uint8_t *records, size_t length,
                                       const char **label)
{
    uint8_t message[WGE_CLIENT_HELLO_MAX];
    size_t message_length = 0;
    enum wge_result result = join(message, &message_length, records, length, label);
    if (result != WGE_OK)
        return result;
    if (wge_client_hello_read(hello, WGE_HELLO_TLS, message + MESSAGE_HEAD, message_length - MESSAGE_HEAD))
        return WGE_OK;
    *label = "handshake_malformed";
    return WGE_PEER_ERROR;
}
