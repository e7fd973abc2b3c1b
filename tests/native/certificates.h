/* SPDX-License-Identifier: GPL-3.0-or-later */
/* certificates.h - self-signed certificates of the keys in keys.h, for vpn.example.com; they protect nothing. */
#ifndef WGE_TEST_CERTIFICATES_H
#define WGE_TEST_CERTIFICATES_H

/* ECDSA P-256 */
static const char certificate_p256[] __attribute__((unused)) =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBvDCCAWKgAwIBAgIUGe9e9Oq7tmEdGrL5sKo7Nogxaa4wCgYIKoZIzj0EAwIw\n"
    "GjEYMBYGA1UEAwwPdnBuLmV4YW1wbGUuY29tMCAXDTI2MTEyMzAwNTUxNVoYDzIx\n"
    "MjYxMDMwMDA1NTE1WjAaMRgwFgYDVQQDDA92cG4uZXhhbXBsZS5jb20wWTATBgcq\n"
    "hkjOPQIBBggqhkjOPQMBBwNCAAS0KSXr79Ziem8SxLV4T3lK2cnWSxmw62UL4YkO\n"
    "j0Ch1obj4wEHNEVedUGm82lXERmnHQbTdAYL2aI/zEcAjBMpo4GDMIGAMB0GA1Ud\n"
    "DgQWBBSpbdtvmgqKYyhbAOYqQrGP2R0OEzAfBgNVHSMEGDAWgBSpbdtvmgqKYyhb\n"
    "AOYqQrGP2R0OEzAPBgNVHRMBAf8EBTADAQH/MC0GA1UdEQQmMCSCD3Zwbi5leGFt\n"
    "cGxlLmNvbYIRb3RoZXIuZXhhbXBsZS5jb20wCgYIKoZIzj0EAwIDSAAwRQIgTCIm\n"
    "i+zyCEbrsvfgaqwyHw4YgJnek2oGmDg2CPdc6aUCIQDWDIoCnT066JmyKzb7r+uy\n"
    "aUpS0bPp3fca3K7hYGjS4w==\n"
    "-----END CERTIFICATE-----\n";

/* ECDSA P-384 */
static const char certificate_p384[] __attribute__((unused)) =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIB+TCCAX+gAwIBAgIUIEPuTvZytQNJmRfx+CgRunF4nlAwCgYIKoZIzj0EAwIw\n"
    "GjEYMBYGA1UEAwwPdnBuLmV4YW1wbGUuY29tMCAXDTI2MTEyMzAwNTUxNVoYDzIx\n"
    "MjYxMDMwMDA1NTE1WjAaMRgwFgYDVQQDDA92cG4uZXhhbXBsZS5jb20wdjAQBgcq\n"
    "hkjOPQIBBgUrgQQAIgNiAATpG8hW3Cd4NxOBaga8RfDKMwTvFo/dy05a3Yjcqev2\n"
    "WsGAhE9Xju57GkhisQFjQljDlV1H2ydMT9G7yhwTkum1D6Ud4cv0qSlb9/Q2rWnp\n"
    "TxHgEH8wPVSSDkM/FKhiisCjgYMwgYAwHQYDVR0OBBYEFAkBFelQ3VaVQHn3p7HJ\n"
    "1jHbxBMjMB8GA1UdIwQYMBaAFAkBFelQ3VaVQHn3p7HJ1jHbxBMjMA8GA1UdEwEB\n"
    "/wQFMAMBAf8wLQYDVR0RBCYwJIIPdnBuLmV4YW1wbGUuY29tghFvdGhlci5leGFt\n"
    "cGxlLmNvbTAKBggqhkjOPQQDAgNoADBlAjEArw6E9F88qnUeSXeopU6ONEI77EYA\n"
    "OVptGQUzY/1t4ulU5kWJsuo9bUf0FGe5u0iQAjAvovhdKwXvXnWMdT0oqz1V1260\n"
    "fn2vmvQ+naD49VaTxbWXAqnNDMBPEmasbtVgF8U=\n"
    "-----END CERTIFICATE-----\n";

/* RSA of 2048 bits */
static const char certificate_rsa2048[] __attribute__((unused)) =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIDSDCCAjCgAwIBAgIUcUozu7uA5Me+0y/MwQQ+UpTbsoIwDQYJKoZIhvcNAQEL\n"
    "BQAwGjEYMBYGA1UEAwwPdnBuLmV4YW1wbGUuY29tMCAXDTI2MTEyMzAwNTUxNVoY\n"
    "DzIxMjYxMDMwMDA1NTE1WjAaMRgwFgYDVQQDDA92cG4uZXhhbXBsZS5jb20wggEi\n"
    "MA0GCSqGSIb3DQEBAQUAA4IBDwAwggEKAoIBAQCZ6bgsbK2jWW2ntI+ldKSIa6n9\n"
    "U4SaeRFlLicQ3RRJdd2ePavDuXg8xc+splEOT4B2iNqzK+kHnPcoC1qhKEEpfIwq\n"
    "a/ka9FiUpxjZcbWQQuE5n6RkljxiAxWfe9zdUG8WB+1ddZ0kvZ+emxpSZ6Ip3gaM\n"
    "KURvjJbLbfytrc/DW13fWkCbs85YkfNnZaIGgdjZ71gBrKJraW6KoaHmrUmbzOgi\n"
    "KvSA/YbSckA1yG5AJvTWDXnG/CUQ08Wp7YnvACODhmJGwj96lFPqUqDaDjFCUjgr\n"
    "cErkFCIDYmBBh+Xof2FNRMRY2UJn3pxDEtJcXdjHTd6/2hOwhbxsczC1F53ZAgMB\n"
    "AAGjgYMwgYAwHQYDVR0OBBYEFMY43Vx6fJYIWENhafhF+oVKM4NJMB8GA1UdIwQY\n"
    "MBaAFMY43Vx6fJYIWENhafhF+oVKM4NJMA8GA1UdEwEB/wQFMAMBAf8wLQYDVR0R\n"
    "BCYwJIIPdnBuLmV4YW1wbGUuY29tghFvdGhlci5leGFtcGxlLmNvbTANBgkqhkiG\n"
    "9w0BAQsFAAOCAQEARzUz6eNlXV4ftg6MlCZ4GYV9JgfJYZ/JXLf6q5zYbLEJAXNm\n"
    "qq7LBgpUvarDXCzxY5VYlRiihNfMQnafuzkyAB/g6yTwwSoupQ+SAuftKmlshlWn\n"
    "76aYGHO7G5hL8+IYPKN35P0km3Gajmu3qHCwjAj//aPJdoJ+xBNzpqP+BZyLKV9m\n"
    "cv36tTPnn898EX/h2OSzYDWkAmA7OAcHp90rj+N1V+Qo0b35Ivd1y87RKmark2L7\n"
    "z4hQeKMSv7oc56O3QaA1uSIAEtjnasdqTCXOjfAIzXuM/XVGqHYtKwsFXMCuvZRh\n"
    "3rT2gnYB2e0NiUfDPSia21EUZrsEKrqG/YM/Fw==\n"
    "-----END CERTIFICATE-----\n";

#endif
