/* SPDX-License-Identifier: GPL-3.0-or-later */
/* options.h - goes before the library's own in one test: what a build around a module of the line v5 leaves out. */
#include_next <wolfssl/options.h>

#undef WOLFSSL_HAVE_MLKEM
#undef WOLFSSL_PQC_HYBRIDS
#undef WOLFSSL_SHAKE128
#undef WOLFSSL_SHAKE256
#undef HAVE_CURVE25519
#undef WOLFSSL_AESGCM_STREAM
#undef HAVE_PBKDF2
#define NO_PWDBASED
