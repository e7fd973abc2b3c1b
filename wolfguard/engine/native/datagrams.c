/* SPDX-License-Identifier: GPL-3.0-or-later */
/* datagrams.c - see datagrams.h. A stranger's datagram costs a look into two tables and nothing else: only a hello with
 * the App-ID of a live tunnel, which its client alone was told, is answered at all. */
#include "datagrams.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "algorithms.h"
#include "datagram_hello.h"
#include "tunnel_life.h"

/* Batches in a row before other sockets get their turn. */
#define RECEIVES 4
/* Where a new port is taken for an old peer's: others at the same address that are asked, and how often in one loop. */
#define CLAIMANTS 8
#define CLAIMS_A_LOOP 32
/* Between two handshakes of one tunnel. */
#define HELLO_PAUSE_MS 250
/* What an Ethernet carries passes, whatever the tunnel's own MTU is; and the type byte. */
#define RECORD_MIN 1501
#define CONTENT_CHANGE_CIPHER_SPEC 20
#define CONTENT_HANDSHAKE 22
#define RANDOM_AT 27 /* of a ClientHello: record head 13, message head 12, version 2 */

/* --- beginnings and ends ------------------------------------------------------------------------------------------ */

static void tell(struct wge_data *d, const struct wge_tunnel *t, const struct wge_datagram_told *told,
                 const char *reason)
{
    struct wge_datagram_told *copy = malloc(sizeof *copy);
    if (copy == NULL) {
        WGE_COUNT(d->counters, events_lost);
        return;
    }
    *copy = *told;
    wge_life_tell(d, &(struct wge_event){.kind = WGE_EVENT_TUNNEL_DATAGRAM,
                                         .id = t->params.session,
                                         .epoch = t->params.epoch,
                                         .reason = reason,
                                         .data = (uint8_t *)copy,
                                         .length = sizeof *copy});
}

/* Handshakes go on with the key that has just worked. A client that kept its first key and now has another one has begun
 * anew, and keeps that. */
static void key_was_right(struct wge_tunnel *t, const struct wge_association *a)
{
    t->other_key = a->extended_master_secret != a->by_first_key;
    if (!t->has_first_key || !a->extended_master_secret || a->by_first_key)
        return;
    explicit_bzero(t->first_key, sizeof t->first_key);
    t->has_first_key = false;
}

/* A handshake did not get so far as to open a record of the peer's: its key may be the other one. */
static void key_may_be_wrong(struct wge_tunnel *t, const struct wge_association *a)
{
    uint32_t forged, replayed;
    wge_dtls_dropped(a->dtls, &forged, &replayed);
    if (forged > 0)
        t->other_key = a->extended_master_secret == a->by_first_key;
}

/* The peer has begun anew on its path, and has the keys to prove it. */
static void take_path_over(struct wge_data *d, struct wge_association *a)
{
    struct wge_association *before = a->contends;
    wge_association_break(before, &d->loop, "replaced");
    wge_associations_remove(d->associations, before);
    before->contender = NULL;
    a->contends = NULL;
    wge_associations_add(d->associations, a);
}

/* Whoever contends for the path has it now, or nobody. */
static void leave_path(struct wge_data *d, struct wge_association *a)
{
    struct wge_association *contender = a->contender;
    wge_associations_remove(d->associations, a);
    if (a->contends != NULL)
        a->contends->contender = NULL;
    if (contender == NULL)
        return;
    contender->contends = NULL;
    wge_associations_add(d->associations, contender);
}

static void opened(struct wge_data *d, struct wge_association *a)
{
    struct wge_tunnel *t = a->tunnel;
    struct wge_association *before = t->open;
    t->rising = NULL;
    t->open = a;
    t->by_datagram = false;
    key_was_right(t, a);
    if (before != NULL)
        wge_association_break(before, &d->loop, NULL);
    if (a->contends != NULL)
        take_path_over(d, a);
    wge_timers_set(&d->timers, &a->timer, wge_association_due(a, &d->loop));
    tell(d, t,
         &(struct wge_datagram_told){
             .state = "up", .suite = a->suite, .extended_master_secret = a->extended_master_secret},
         "");
}

static void bury(struct wge_data *d, struct wge_association *a)
{
    struct wge_tunnel *t = a->tunnel;
    wge_timers_release(&d->timers, &a->timer);
    leave_path(d, a);
    if (t->rising == a) {
        t->rising = NULL;
        key_may_be_wrong(t, a);
    }
    if (t->open == a) {
        t->open = NULL;
        if (a->broken_by != NULL)
            tell(d, t, &(struct wge_datagram_told){.state = "down", .suite = a->suite}, a->broken_by);
    }
    wge_association_free(a);
}

void wge_datagrams_bury(struct wge_data *d)
{
    while (d->loop.broken != NULL) {
        struct wge_association *a = d->loop.broken;
        d->loop.broken = a->next_broken;
        bury(d, a);
    }
}

void wge_datagrams_prepare(struct wge_data *d, struct wge_tunnel *t, const struct wge_tunnel *before)
{
    if (before != NULL && (before->has_first_key || before->keeps_first_key)) {
        memcpy(t->first_key, before->has_first_key ? before->first_key : before->key, sizeof t->first_key);
        t->has_first_key = true;
    } else {
        t->has_first_key = wge_key_memory_take(d->first_keys, t->params.session, t->first_key, d->loop.now_ms);
    }
    if (wge_stream_export(t->tls.stream, WGE_EXPORTER_LABEL, t->params.datagram.offered ? t->key : NULL,
                          sizeof t->key) != WGE_OK)
        t->params.datagram.offered = false; /* its hellos are unknown then, and TLS carries all */
}

void wge_datagrams_purge(struct wge_data *d)
{
    wge_timers_set(&d->timers, &d->first_keys_timer, wge_key_memory_purge(d->first_keys, d->loop.now_ms));
}

void wge_datagrams_leave(struct wge_data *d, struct wge_tunnel *t, bool comes_back)
{
    if (t->open != NULL) {
        wge_association_break(t->open, &d->loop, NULL);
        t->open->broken_by = NULL; /* nothing more is told of a tunnel that has ended, whatever broke before it */
    }
    if (t->rising != NULL)
        wge_association_break(t->rising, &d->loop, NULL);
    if (!comes_back || !(t->has_first_key || t->keeps_first_key))
        return;
    wge_key_memory_put(d->first_keys, t->params.session, t->has_first_key ? t->first_key : t->key, d->loop.now_ms);
    wge_timers_hasten(&d->timers, &d->first_keys_timer, d->loop.now_ms + WGE_KEY_MEMORY_MS);
}

void wge_datagrams_due(struct wge_data *d, struct wge_association *a)
{
    uint64_t next = wge_association_due(a, &d->loop);
    if (a->state != WGE_ASSOCIATION_BROKEN)
        wge_timers_set(&d->timers, &a->timer, next);
}

/* --- hellos ------------------------------------------------------------------------------------------------------- */

static void refuse(struct wge_data *d, struct wge_tunnel *t, const struct wge_path *path,
                   const struct wge_client_hello *hello, const char *label, uint8_t alert)
{
    uint8_t record[WGE_DATAGRAM_ALERT_SIZE];
    size_t length = wge_datagram_alert(record, hello->record_sequence, alert);
    wge_counters_add(d->counters, label, 1);
    wge_outside_send(&d->loop.outside, path, record, length);
    if (t->datagram_refused)
        return;
    t->datagram_refused = true;
    t->refusal = (struct wge_refusal){
        .due_ms = d->loop.now_ms + WGE_NUDGE_MS, .sequence = hello->record_sequence, .path = *path, .alert = alert};
    wge_timers_hasten(&d->timers, &t->timer, t->refusal.due_ms);
    tell(d, t, &(struct wge_datagram_told){.state = "refused", .suite = ""}, label);
}

/* openconnect built with OpenSSL, which alone offers the extended master secret here, goes on with its first key. */
static const uint8_t *key_for(const struct wge_tunnel *t, const struct wge_client_hello *hello)
{
    bool first = t->has_first_key && hello->extended_master_secret != t->other_key;
    return first ? t->first_key : t->key;
}

/* `there`: who has the path already, or NULL. One that is open keeps it until the new handshake is done: whoever has
 * seen a hello with its cookie on the wire can send it again in the client's name, but cannot go on from there. */
static void settle_path(struct wge_data *d, struct wge_association *a, struct wge_association *there)
{
    if (there == NULL || there->state != WGE_ASSOCIATION_OPEN) {
        if (there != NULL) {
            wge_association_break(there, &d->loop, NULL);
            wge_associations_remove(d->associations, there);
        }
        wge_associations_add(d->associations, a);
        return;
    }
    if (there->contender != NULL) {
        there->contender->contends = NULL;
        wge_association_break(there->contender, &d->loop, NULL);
    }
    there->contender = a;
    a->contends = there;
}

static enum wge_result begin(struct wge_data *d, struct wge_tunnel *t, const struct wge_path *path,
                             const uint8_t *hello, struct wge_dtls *dtls, const struct wge_datagram_choice *choice,
                             const uint8_t *key, struct wge_association *there)
{
    struct wge_association *a = calloc(1, sizeof *a);
    if (a == NULL || wge_timers_reserve(&d->timers) != WGE_OK) {
        free(a);
        return WGE_NO_MEMORY;
    }
    a->way = (struct wge_way){.outside = &d->loop.outside, .path = *path};
    a->tunnel = t;
    a->dtls = dtls;
    a->suite = wge_psk_suite_by_number(choice->suite)->name;
    a->extended_master_secret = choice->extended_master_secret;
    a->by_first_key = key == t->first_key;
    a->begun_ms = d->loop.now_ms;
    a->repeat_ms = WGE_ASSOCIATION_REPEAT_MS;
    a->timer.owner = a;
    a->timer.kind = WGE_TIMER_OF_ASSOCIATION;
    memcpy(a->random, hello + RANDOM_AT, sizeof a->random);
    wge_dtls_set_owner(dtls, &a->way);
    if (t->rising != NULL)
        wge_association_break(t->rising, &d->loop, NULL);
    t->rising = a;
    t->hello_ms = d->loop.now_ms;
    t->keeps_first_key = choice->extended_master_secret;
    settle_path(d, a, there);
    wge_timers_set(&d->timers, &a->timer, d->loop.now_ms + a->repeat_ms);
    (void)wge_association_take(a, &d->loop, NULL, 0); /* has the server's flight sent */
    return WGE_OK;
}

/* `there`: the association that this path has already, or NULL. */
static void answer(struct wge_data *d, struct wge_tunnel *t, const struct wge_path *path, const uint8_t *datagram,
                   size_t length, const struct wge_client_hello *hello, const struct wge_datagram_choice *choice,
                   struct wge_association *there)
{
    struct wge_way way = {.outside = &d->loop.outside, .path = *path};
    struct wge_dtls *dtls = NULL;
    if (t->rising != NULL)
        key_may_be_wrong(t, t->rising);
    const uint8_t *key = key_for(t, hello);
    size_t largest = t->params.mtu + 1u > RECORD_MIN ? t->params.mtu + 1u : RECORD_MIN;
    enum wge_result result = wge_dtls_accept(d->acceptor,
                                             &(struct wge_dtls_hello){.datagram = datagram,
                                                                      .length = length,
                                                                      .has_cookie = hello->cookie_length > 0,
                                                                      .peer = &path->peer,
                                                                      .suite = choice->suite,
                                                                      .key = key,
                                                                      .largest = largest,
                                                                      .transmit = wge_association_transmit,
                                                                      .owner = &way},
                                             d->loop.now_ms, &dtls);
    if (result == WGE_WANT_READ) {
        WGE_TALLY(&d->loop.tally, datagram_cookie_asked);
        return;
    }
    if (result == WGE_OK)
        result = begin(d, t, path, datagram, dtls, choice, key, there);
    if (result != WGE_OK) {
        wge_dtls_free(dtls);
        WGE_TALLY(&d->loop.tally, datagram_handshake_failed);
    }
}

static void take_hello(struct wge_data *d, const struct wge_path *path, const uint8_t *datagram, size_t length,
                       struct wge_association *there)
{
    struct wge_client_hello hello;
    struct wge_datagram_choice choice;
    const char *label = "datagram_hello_malformed";
    uint8_t alert = 0;
    if (wge_datagram_hello_parse(&hello, datagram, length, &label) != WGE_OK) {
        wge_counters_add(d->counters, label, 1);
        return;
    }
    struct wge_tunnel *t =
        hello.session_id_length == WGE_APP_ID ? wge_sessions_find_by_app_id(d->sessions, hello.session_id) : NULL;
    if (t == NULL) {
        WGE_TALLY(&d->loop.tally, datagram_hello_unknown);
        return;
    }
    const struct wge_datagram_params *offered = &t->params.datagram;
    if (wge_datagram_negotiate(offered->suites, offered->suite_count, offered->require_extended_master_secret, &hello,
                               &choice, &label, &alert) != WGE_OK) {
        refuse(d, t, path, &hello, label, alert);
        return;
    }
    if (hello.cookie_length > 0 && t->hello_ms != 0 && d->loop.now_ms < t->hello_ms + HELLO_PAUSE_MS) {
        WGE_TALLY(&d->loop.tally, datagram_hello_too_soon);
        return;
    }
    answer(d, t, path, datagram, length, &hello, &choice, there);
}

/* --- everything else ---------------------------------------------------------------------------------------------- */

/* Whether the datagram is this one's peer's; then the path is its path from now on, and answers go there already. */
static bool rebind(struct wge_data *d, struct wge_association *a, const struct wge_path *path, const uint8_t *datagram,
                   size_t length)
{
    const struct wge_path before = a->way.path;
    wge_associations_remove(d->associations, a);
    a->way.path = *path;
    bool its = wge_association_claims(a, &d->loop, datagram, length);
    if (!its)
        a->way.path = before;
    else if (a->contender != NULL)
        wge_association_break(a->contender, &d->loop, NULL); /* it has stayed behind */
    wge_associations_add(d->associations, a);
    return its;
}

/* A record of a path that nobody has: a NAT may have given an old peer a new port. Its keys prove it (RFC 9146 section 6
 * says what that is worth). */
static void find_claimant(struct wge_data *d, const struct wge_path *path, const uint8_t *datagram, size_t length)
{
    struct wge_association *others[CLAIMANTS];
    size_t count = wge_associations_at(d->associations, path, others, CLAIMANTS);
    datagram = wge_datagram_sealed(datagram, &length);
    if (count > 0 && count <= CLAIMANTS && d->claims < CLAIMS_A_LOOP) {
        d->claims++;
        for (size_t i = 0; i < count; i++) {
            if (!rebind(d, others[i], path, datagram, length))
                continue;
            WGE_TALLY(&d->loop.tally, datagram_rebound);
            return;
        }
    }
    WGE_TALLY(&d->loop.tally, drop_datagram_unknown);
}

static bool repeats(const struct wge_association *a, const uint8_t *datagram, size_t length)
{
    return length >= RANDOM_AT + sizeof a->random && memcmp(datagram + RANDOM_AT, a->random, sizeof a->random) == 0;
}

/* Of the two that may have a path: a handshake goes on with the newer one, data with the one that is open. */
static struct wge_association *addressee(struct wge_association *a, enum wge_datagram_kind kind,
                                         const uint8_t *datagram, size_t length)
{
    struct wge_association *newer = a == NULL ? NULL : a->contender;
    if (newer == NULL || newer->state != WGE_ASSOCIATION_RISING)
        return a;
    if (kind == WGE_DATAGRAM_HELLO)
        return repeats(newer, datagram, length) ? newer : a;
    return kind != WGE_DATAGRAM_PROTECTED || datagram[0] == CONTENT_HANDSHAKE ? newer : a;
}

static void feed(struct wge_data *d, struct wge_association *a, const uint8_t *datagram, size_t length)
{
    if (a->state == WGE_ASSOCIATION_OPEN)
        datagram = wge_datagram_sealed(datagram, &length);
    if (datagram == NULL)
        WGE_TALLY(&d->loop.tally, drop_datagram_plain);
    else if (wge_association_take(a, &d->loop, datagram, length))
        opened(d, a);
}

static void take(struct wge_data *d, const struct wge_path *path, struct wge_association *there,
                 const uint8_t *datagram, size_t length)
{
    enum wge_datagram_kind kind = wge_datagram_classify(datagram, length);
    struct wge_association *a = addressee(there, kind, datagram, length);
    switch (kind) {
    case WGE_DATAGRAM_HELLO:
        if (a == NULL || !repeats(a, datagram, length)) {
            take_hello(d, path, datagram, length, there);
            return;
        }
        break;
    case WGE_DATAGRAM_PROTECTED:
        if (a == NULL) {
            find_claimant(d, path, datagram, length);
            return;
        }
        break;
    case WGE_DATAGRAM_HANDSHAKE:
        break;
    case WGE_DATAGRAM_PLAIN_OTHER:
        /* an alert in the clear proves nothing; ChangeCipherSpec belongs to a handshake */
        if (datagram[0] == CONTENT_CHANGE_CIPHER_SPEC)
            break;
        WGE_TALLY(&d->loop.tally, drop_datagram_plain);
        return;
    case WGE_DATAGRAM_CID:
    case WGE_DATAGRAM_UNIFIED:
    case WGE_DATAGRAM_JUNK:
        WGE_TALLY(&d->loop.tally, drop_datagram_junk);
        return;
    }
    if (a == NULL)
        WGE_TALLY(&d->loop.tally, drop_datagram_unknown);
    else
        feed(d, a, datagram, length);
}

static void take_batch(struct wge_data *d)
{
    const struct wge_path *path, *before = NULL;
    struct wge_association *a = NULL;
    uint8_t *datagram;
    size_t length;
    while (wge_outside_next(&d->loop.outside, &path, &datagram, &length)) {
        /* datagrams of one message share their path; what a hello or a claim changes shows in the state or not at all */
        if (a == NULL || path != before || a->state == WGE_ASSOCIATION_BROKEN) {
            a = wge_associations_find(d->associations, path);
            before = path;
        }
        if (a != NULL && a->state == WGE_ASSOCIATION_BROKEN)
            a = NULL;
        take(d, path, a, datagram, length);
    }
    wge_inside_flush(&d->loop.inside);
}

void wge_datagrams_ready(struct wge_data *d, size_t socket)
{
    d->claims = 0;
    for (unsigned i = 0; i < RECEIVES; i++) {
        enum wge_result result = wge_outside_receive(&d->loop.outside, socket);
        if (result == WGE_SYSTEM_ERROR) /* no socket any more: rather deaf than spinning on its descriptor */
            epoll_ctl(d->epoll, EPOLL_CTL_DEL, d->loop.outside.sockets[socket].fd, NULL);
        if (result != WGE_OK)
            return;
        take_batch(d);
        if (!wge_outside_full(&d->loop.outside))
            return; /* epoll tells of what comes now; asking would be a call for nothing */
    }
}
