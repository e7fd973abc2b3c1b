/* SPDX-License-Identifier: GPL-3.0-or-later */
/* certificate.h - the one thing that C needs from a certificate: its public key, as the module reads it. */
#ifndef WGE_CERTIFICATE_H
#define WGE_CERTIFICATE_H

#include <stddef.h>
#include <stdint.h>

#include "result.h"

#define WGE_CERTIFICATE_SPKI_MAX 4096 /* post-quantum keys included */

/* SubjectPublicKeyInfo (DER) of the first certificate of a PEM text; `spki` holds WGE_CERTIFICATE_SPKI_MAX bytes. */
enum wge_result wge_certificate_spki(const uint8_t *pem, size_t length, uint8_t *spki, size_t *spki_length);

#endif
