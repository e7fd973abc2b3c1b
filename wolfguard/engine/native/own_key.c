/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <wolfssl/options.h>

#include "own_key.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include <wolfssl/wolfcrypt/asn_public.h>
#include <wolfssl/wolfcrypt/ecc.h>

#include "module_error.h"
#include "random.h"

#define SCALAR 48
#define POINT (1 + 2 * SCALAR)
#define LINE 64

/* RFC 5915, DER: version 1, the scalar, the curve's name (secp384r1), the point. Every length is fixed. */
static const uint8_t before_scalar[] = {0x30, 0x81, 0xa4, 0x02, 0x01, 0x01, 0x04, 0x30};
static const uint8_t before_point[] = {0xa0, 0x07, 0x06, 0x05, 0x2b, 0x81, 0x04,
                                       0x00, 0x22, 0xa1, 0x64, 0x03, 0x62, 0x00};
static const char head[] = "-----BEGIN EC PRIVATE KEY-----\n";
static const char foot[] = "-----END EC PRIVATE KEY-----\n";

#define DER_LENGTH (sizeof before_scalar + SCALAR + sizeof before_point + POINT)
#define BASE64_LENGTH ((DER_LENGTH + 2) / 3 * 4)
#define PEM_MAX (sizeof head + BASE64_LENGTH + BASE64_LENGTH / LINE + 1 + sizeof foot)

/* All of it lies in locked memory. */
struct room {
    ecc_key key;
    uint8_t der[DER_LENGTH];
    char pem[PEM_MAX];
};

static bool encode_der(ecc_key *key, uint8_t der[DER_LENGTH])
{
    word32 scalar = SCALAR, point = POINT;
    uint8_t *at = der;
    memcpy(at, before_scalar, sizeof before_scalar);
    at += sizeof before_scalar;
    if (wc_ecc_export_private_only(key, at, &scalar) != 0 || scalar != SCALAR)
        return false;
    at += SCALAR;
    memcpy(at, before_point, sizeof before_point);
    at += sizeof before_point;
    return wc_ecc_export_x963(key, at, &point) == 0 && point == POINT;
}

/* RFC 7468: lines of 64 characters. */
static size_t encode_pem(const uint8_t der[DER_LENGTH], char pem[PEM_MAX])
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *at = pem;
    memcpy(at, head, sizeof head - 1);
    at += sizeof head - 1;
    size_t column = 0;
    for (size_t i = 0; i < DER_LENGTH; i += 3) {
        const size_t left = DER_LENGTH - i;
        const uint32_t group =
            (uint32_t)der[i] << 16 | (left > 1 ? (uint32_t)der[i + 1] << 8 : 0) | (left > 2 ? (uint32_t)der[i + 2] : 0);
        *at++ = alphabet[group >> 18];
        *at++ = alphabet[group >> 12 & 63];
        *at++ = left > 1 ? alphabet[group >> 6 & 63] : '=';
        *at++ = left > 2 ? alphabet[group & 63] : '=';
        column += 4;
        if (column == LINE || left <= 3) {
            *at++ = '\n';
            column = 0;
        }
    }
    memcpy(at, foot, sizeof foot - 1);
    return (size_t)(at - pem) + sizeof foot - 1;
}

static bool write_all(int fd, const char *data, size_t length)
{
    while (length > 0) {
        const ssize_t done = write(fd, data, length);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return false;
        data += done;
        length -= (size_t)done;
    }
    return fsync(fd) == 0;
}

static const char *make(int fd, struct room *room, struct wge_random *random, uint8_t *spki, size_t *spki_length)
{
    struct WC_RNG *generator = wge_random_generator(random);
    if (wge_module_check(wc_ecc_make_key_ex(generator, SCALAR, &room->key, ECC_SECP384R1), "a key pair") != 0)
        return "the cryptographic module makes no key";
    const int length = wc_EccPublicKeyToDer(&room->key, spki, WGE_OWN_KEY_SPKI_MAX, 1);
    if (length <= 0 || !encode_der(&room->key, room->der))
        return "the new key cannot be encoded";
    *spki_length = (size_t)length;
    const size_t pem = encode_pem(room->der, room->pem);
    return write_all(fd, room->pem, pem) ? NULL : "the file cannot be written: free disk space";
}

enum wge_result wge_own_key_make(int fd, struct wge_lock_duty *duty, uint8_t spki[WGE_OWN_KEY_SPKI_MAX],
                                 size_t *spki_length, const char **why)
{
    struct room *room = wge_locked_map(sizeof *room, duty);
    *why = NULL;
    if (room == NULL) {
        *why = WGE_LOCK_REFUSED;
        return WGE_SYSTEM_ERROR;
    }
    struct wge_random *random = wge_random_create();
    if (random == NULL)
        *why = "the random bit generator does not start: the entropy source of the system fails";
    else if (wc_ecc_init(&room->key) != 0)
        *why = "the cryptographic module takes no key";
    else {
        *why = make(fd, room, random, spki, spki_length);
        (void)wc_ecc_free(&room->key);
    }
    wge_random_free(random);
    wge_locked_unmap(room, sizeof *room);
    return *why == NULL ? WGE_OK : WGE_SYSTEM_ERROR;
}
