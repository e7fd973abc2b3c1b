/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <wolfssl/options.h>

#include "certificate.h"

#include <limits.h>
#include <stdlib.h>

#include <wolfssl/wolfcrypt/asn_public.h>

enum wge_result wge_certificate_spki(const uint8_t *pem, size_t length, uint8_t *spki, size_t *spki_length)
{
    *spki_length = 0;
    if (length == 0 || length > INT_MAX)
        return WGE_INVALID;
    uint8_t *der = malloc(length); /* DER is always shorter than its PEM */
    if (der == NULL)
        return WGE_NO_MEMORY;
    word32 capacity = WGE_CERTIFICATE_SPKI_MAX;
    const int der_length = wc_CertPemToDer(pem, (int)length, der, (int)length, CERT_TYPE);
    const int failed =
        der_length <= 0 ? -1 : wc_GetSubjectPubKeyInfoDerFromCert(der, (word32)der_length, spki, &capacity);
    free(der);
    if (failed != 0)
        return WGE_INVALID;
    *spki_length = capacity;
    return WGE_OK;
}
