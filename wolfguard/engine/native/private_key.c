/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <wolfssl/options.h>

#include "private_key.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <wolfssl/wolfcrypt/asn_public.h>
#include <wolfssl/wolfcrypt/ecc.h>
#include <wolfssl/wolfcrypt/random.h>
#include <wolfssl/wolfcrypt/rsa.h>

#include "module_error.h"
#include "spki.h"

/* FIPS modules have no blinding (settings.h takes it out): there the module's constant-time arithmetic stands alone. */
#if !defined(WC_RSA_BLINDING) && !defined(HAVE_FIPS)
#error "libwolfssl was built without RSA blinding: keyd must not sign with it"
#endif

#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX 4096

union wolfcrypt_key {
    ecc_key ec;
    RsaKey rsa;
};

struct wge_private_key {
    atomic_uint references;
    enum wge_key_type type;
    unsigned bits;
    uint8_t spki[WGE_SPKI_MAX];
    size_t spki_length;
    size_t mapped; /* bytes of this object with its instances */
    pthread_mutex_t lock;
    pthread_cond_t returned;
    unsigned idle_count;
    union wolfcrypt_key *idle[WGE_KEY_INSTANCES_MAX];
    unsigned instance_count; /* how many of `instances` are initialised */
    union wolfcrypt_key instances[];
};

struct hash_facts {
    enum wc_HashType type;
    int mgf;
    size_t length;
};

static struct hash_facts hash_facts(enum wge_sign_hash hash)
{
    switch (hash) {
    case WGE_SIGN_SHA384:
        return (struct hash_facts){WC_HASH_TYPE_SHA384, WC_MGF1SHA384, 48};
    case WGE_SIGN_SHA512:
        return (struct hash_facts){WC_HASH_TYPE_SHA512, WC_MGF1SHA512, 64};
    case WGE_SIGN_SHA256:
        break;
    }
    return (struct hash_facts){WC_HASH_TYPE_SHA256, WC_MGF1SHA256, 32};
}

static bool decode_ec(ecc_key *key, const uint8_t *der, size_t length)
{
    word32 index = 0;
    if (wc_ecc_init(key) != 0)
        return false;
    if (wc_EccPrivateKeyDecode(der, &index, key, (word32)length) == 0)
        return true;
    wc_ecc_free(key);
    return false;
}

static bool decode_rsa(RsaKey *key, const uint8_t *der, size_t length)
{
    word32 index = 0;
    if (wc_InitRsaKey(key, NULL) != 0)
        return false;
    if (wc_RsaPrivateKeyDecode(der, &index, key, (word32)length) == 0)
        return true;
    wc_FreeRsaKey(key);
    return false;
}

static bool decode(union wolfcrypt_key *key, enum wge_key_type type, const uint8_t *der, size_t length)
{
    return type == WGE_KEY_EC ? decode_ec(&key->ec, der, length) : decode_rsa(&key->rsa, der, length);
}

static void undecode(union wolfcrypt_key *key, enum wge_key_type type)
{
    if (type == WGE_KEY_EC)
        wc_ecc_free(&key->ec);
    else
        wc_FreeRsaKey(&key->rsa);
    explicit_bzero(key, sizeof *key);
}

static const char *describe_ec(struct wge_private_key *key, ecc_key *ec)
{
    switch (wc_ecc_get_curve_id(ec->idx)) {
    case ECC_SECP256R1:
        key->bits = 256;
        break;
    case ECC_SECP384R1:
        key->bits = 384;
        break;
    case ECC_SECP521R1:
        key->bits = 521;
        break;
    default:
        return "its elliptic curve is not P-256, P-384 or P-521: make a key on one of these";
    }
    /* SEC 1 lets a file leave the public point out; nothing of ours does, so the point is derived only then */
    if (ec->type == ECC_PRIVATEKEY_ONLY && wc_ecc_make_pub(ec, NULL) != 0)
        return "its public point cannot be derived: the file is damaged";
    if (wc_ecc_check_key(ec) != 0)
        return "its public point is wrong, or belongs to another private key: the file is damaged";
    const int length = wc_EccPublicKeyToDer(ec, key->spki, sizeof key->spki, 1);
    if (length <= 0)
        return "its public key cannot be encoded";
    key->spki_length = (size_t)length;
    return NULL;
}

static const char *describe_rsa(struct wge_private_key *key, const RsaKey *rsa)
{
    uint8_t exponent[RSA_BITS_MAX / 8], modulus[RSA_BITS_MAX / 8];
    word32 exponent_length = sizeof exponent, modulus_length = sizeof modulus;
    if (wc_RsaFlattenPublicKey(rsa, exponent, &exponent_length, modulus, &modulus_length) != 0)
        return "its RSA modulus is longer than 4096 bits: handshakes would suffer, take 3072 or ECDSA P-256";
    key->bits = wge_unsigned_bits(modulus, modulus_length);
    if (key->bits < RSA_BITS_MIN)
        return "its RSA modulus is shorter than 2048 bits: make a key of at least 2048, better ECDSA P-256";
    const unsigned exponent_bits = wge_unsigned_bits(exponent, exponent_length);
    if (exponent_bits < 17 || exponent_bits > 256 || (exponent[exponent_length - 1] & 1) == 0)
        return "its RSA public exponent is not odd and above 65536 (FIPS 186-5 section A.1.1): make a new key";
    key->spki_length = wge_spki_encode_rsa(key->spki, modulus, modulus_length, exponent, exponent_length);
    return key->spki_length == 0 ? "its public key cannot be encoded" : NULL;
}

static const char *describe(struct wge_private_key *key, union wolfcrypt_key *instance)
{
    return key->type == WGE_KEY_EC ? describe_ec(key, &instance->ec) : describe_rsa(key, &instance->rsa);
}

static union wolfcrypt_key *borrow(struct wge_private_key *key)
{
    pthread_mutex_lock(&key->lock);
    while (key->idle_count == 0)
        pthread_cond_wait(&key->returned, &key->lock);
    union wolfcrypt_key *instance = key->idle[--key->idle_count];
    pthread_mutex_unlock(&key->lock);
    return instance;
}

static void give_back(struct wge_private_key *key, union wolfcrypt_key *instance)
{
    pthread_mutex_lock(&key->lock);
    key->idle[key->idle_count++] = instance;
    pthread_cond_signal(&key->returned);
    pthread_mutex_unlock(&key->lock);
}

static bool verify_rsa(RsaKey *rsa, enum wge_sign_scheme scheme, struct hash_facts hash, const uint8_t *data,
                       size_t length, const uint8_t *signature, size_t signature_length)
{
    uint8_t recovered[WGE_SIGN_SIGNATURE_MAX];
    if (scheme == WGE_SIGN_RSA_PSS)
        return wc_RsaPSS_VerifyCheck(signature, (word32)signature_length, recovered, sizeof recovered, data,
                                     (word32)length, hash.type, hash.mgf, rsa) > 0;
    const int got = wc_RsaSSL_Verify(signature, (word32)signature_length, recovered, sizeof recovered, rsa);
    return got >= 0 && (size_t)got == length && memcmp(recovered, data, length) == 0;
}

static bool sign_rsa(RsaKey *rsa, WC_RNG *generator, enum wge_sign_scheme scheme, struct hash_facts hash,
                     const uint8_t *data, size_t length, uint8_t *signature, size_t *signature_length)
{
    (void)wc_RsaSetRNG(rsa, generator); /* blinding draws from the caller's generator */
    int got = scheme == WGE_SIGN_RSA_PSS
                  ? wc_RsaPSS_Sign_ex(data, (word32)length, signature, WGE_SIGN_SIGNATURE_MAX, hash.type, hash.mgf,
                                      (int)hash.length, rsa, generator)
                  : wc_RsaSSL_Sign(data, (word32)length, signature, WGE_SIGN_SIGNATURE_MAX, rsa, generator);
    got = wge_module_check(got, "an RSA signature");
    /* a fault in one half of the CRT would give the factors away with the signature, so it is checked before it leaves */
    const bool good = got > 0 && verify_rsa(rsa, scheme, hash, data, length, signature, (size_t)got);
    (void)wc_RsaSetRNG(rsa, NULL);
    *signature_length = good ? (size_t)got : 0;
    return good;
}

static bool sign_ec(ecc_key *ec, WC_RNG *generator, const uint8_t *data, size_t length, uint8_t *signature,
                    size_t *signature_length)
{
    word32 capacity = WGE_SIGN_SIGNATURE_MAX;
    const int failed = wc_ecc_sign_hash(data, (word32)length, signature, &capacity, generator, ec);
    if (wge_module_check(failed, "an ECDSA signature") != 0)
        return false;
    *signature_length = capacity;
    return true;
}

enum wge_result wge_private_key_sign(struct wge_private_key *key, struct wge_random *random,
                                     enum wge_sign_scheme scheme, enum wge_sign_hash hash, const uint8_t *data,
                                     size_t length, uint8_t *signature, size_t *signature_length)
{
    *signature_length = 0;
    if ((scheme == WGE_SIGN_ECDSA) != (key->type == WGE_KEY_EC))
        return WGE_INVALID;
    union wolfcrypt_key *instance = borrow(key);
    WC_RNG *generator = wge_random_generator(random);
    const bool good =
        key->type == WGE_KEY_EC
            ? sign_ec(&instance->ec, generator, data, length, signature, signature_length)
            : sign_rsa(&instance->rsa, generator, scheme, hash_facts(hash), data, length, signature, signature_length);
    give_back(key, instance);
    if (!good)
        explicit_bzero(signature, WGE_SIGN_SIGNATURE_MAX);
    return good ? WGE_OK : WGE_INVALID;
}

static bool consistent(struct wge_private_key *key)
{
    uint8_t digest[32], signature[WGE_SIGN_SIGNATURE_MAX];
    size_t length;
    int valid = 0;
    memset(digest, 0x5a, sizeof digest);
    struct wge_random *random = wge_random_create();
    if (random == NULL)
        return false;
    const enum wge_sign_scheme scheme = key->type == WGE_KEY_EC ? WGE_SIGN_ECDSA : WGE_SIGN_RSA_PSS;
    bool good =
        wge_private_key_sign(key, random, scheme, WGE_SIGN_SHA256, digest, sizeof digest, signature, &length) == WGE_OK;
    if (good && key->type == WGE_KEY_EC) {
        /* against the public half that was in the file, which is what certificates carry */
        good =
            wc_ecc_verify_hash(signature, (word32)length, digest, sizeof digest, &valid, &key->instances[0].ec) == 0 &&
            valid == 1;
    }
    wge_random_free(random);
    return good;
}

/* Maps the object with all instances of a key whose type is known. */
static enum wge_result build(struct wge_private_key **out, enum wge_key_type type, const uint8_t *der, size_t length,
                             unsigned instances, struct wge_lock_duty *duty, const char **why)
{
    const size_t bytes = sizeof(struct wge_private_key) + instances * sizeof(union wolfcrypt_key);
    struct wge_private_key *key = wge_locked_map(bytes, duty);
    if (key == NULL) {
        *why = WGE_LOCK_REFUSED;
        return WGE_SYSTEM_ERROR;
    }
    atomic_init(&key->references, 1);
    key->type = type;
    key->mapped = bytes;
    pthread_mutex_init(&key->lock, NULL);
    pthread_cond_init(&key->returned, NULL);
    *why = NULL;
    for (unsigned i = 0; i < instances && *why == NULL; i++) {
        if (!decode(&key->instances[i], type, der, length)) {
            *why = "it cannot be decoded a second time: memory is short";
            break;
        }
        key->instance_count++;
        *why = describe(key, &key->instances[i]);
        key->idle[key->idle_count++] = &key->instances[i];
    }
    if (*why == NULL && !consistent(key))
        *why = "its private and public halves do not fit together: the file is damaged";
    if (*why != NULL) {
        wge_private_key_release(key);
        return WGE_INVALID;
    }
    *out = key;
    return WGE_OK;
}

struct scratch {
    uint8_t der[WGE_KEY_PEM_MAX];
    union wolfcrypt_key probe;
};

enum wge_result wge_private_key_parse(struct wge_private_key **out, const uint8_t *pem, size_t length,
                                      unsigned instances, struct wge_lock_duty *duty, const char **why)
{
    static const char encrypted[] = "ENCRYPTED";
    *out = NULL;
    if (length == 0 || length > WGE_KEY_PEM_MAX) {
        *why = "the file is empty or larger than 16 KiB: give one private key in PEM form";
        return WGE_INVALID;
    }
    if (instances == 0 || instances > WGE_KEY_INSTANCES_MAX) {
        *why = "the number of instances is out of range";
        return WGE_INVALID;
    }
    if (memmem(pem, length, encrypted, sizeof encrypted - 1) != NULL) {
        *why = "it is encrypted, and nobody is there to give its passphrase: store it in the clear with mode 0600";
        return WGE_INVALID;
    }
    struct scratch *scratch = wge_locked_map(sizeof *scratch, duty);
    if (scratch == NULL) {
        *why = WGE_LOCK_REFUSED;
        return WGE_SYSTEM_ERROR;
    }
    enum wge_result result = WGE_INVALID;
    const int der_length = wc_KeyPemToDer(pem, (int)length, scratch->der, sizeof scratch->der, NULL);
    if (der_length <= 0) {
        *why = "no private key in PEM form is in it (BEGIN PRIVATE KEY, EC PRIVATE KEY or RSA PRIVATE KEY)";
        goto wipe;
    }
    enum wge_key_type type;
    if (decode(&scratch->probe, WGE_KEY_EC, scratch->der, (size_t)der_length)) {
        type = WGE_KEY_EC;
    } else if (decode(&scratch->probe, WGE_KEY_RSA, scratch->der, (size_t)der_length)) {
        type = WGE_KEY_RSA;
    } else {
        *why = "it is neither ECDSA on P-256, P-384 or P-521 nor RSA of 2048 to 4096 bits, or it is damaged";
        goto wipe;
    }
    undecode(&scratch->probe, type);
    result = build(out, type, scratch->der, (size_t)der_length, instances, duty, why);
wipe:
    wge_locked_unmap(scratch, sizeof *scratch);
    return result;
}

struct wge_private_key *wge_private_key_share(struct wge_private_key *key)
{
    atomic_fetch_add_explicit(&key->references, 1, memory_order_relaxed);
    return key;
}

void wge_private_key_release(struct wge_private_key *key)
{
    if (key == NULL || atomic_fetch_sub_explicit(&key->references, 1, memory_order_acq_rel) != 1)
        return;
    for (unsigned i = 0; i < key->instance_count; i++)
        undecode(&key->instances[i], key->type);
    pthread_cond_destroy(&key->returned);
    pthread_mutex_destroy(&key->lock);
    wge_locked_unmap(key, key->mapped);
}

enum wge_key_type wge_private_key_type(const struct wge_private_key *key)
{
    return key->type;
}

unsigned wge_private_key_bits(const struct wge_private_key *key)
{
    return key->bits;
}

const uint8_t *wge_private_key_spki(const struct wge_private_key *key, size_t *length)
{
    *length = key->spki_length;
    return key->spki;
}
