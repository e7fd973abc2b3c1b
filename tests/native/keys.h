/* SPDX-License-Identifier: GPL-3.0-or-later */
/* keys.h - private keys made for these tests alone; they protect nothing. */
#ifndef WGE_TEST_KEYS_H
#define WGE_TEST_KEYS_H

/* ECDSA P-256, PKCS #8 */
static const char key_p256[] __attribute__((unused)) =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgJ444kdkcK0P4aeyq\n"
    "4kHYKicjkexPidHFDaPJeQe2mDWhRANCAAS0KSXr79Ziem8SxLV4T3lK2cnWSxmw\n"
    "62UL4YkOj0Ch1obj4wEHNEVedUGm82lXERmnHQbTdAYL2aI/zEcAjBMp\n"
    "-----END PRIVATE KEY-----\n";

/* the same in the form of SEC 1 */
static const char key_p256_sec1[] __attribute__((unused)) =
    "-----BEGIN EC PRIVATE KEY-----\n"
    "MHcCAQEEICeOOJHZHCtD+GnsquJB2ConI5HsT4nRxQ2jyXkHtpg1oAoGCCqGSM49\n"
    "AwEHoUQDQgAEtCkl6+/WYnpvEsS1eE95StnJ1ksZsOtlC+GJDo9AodaG4+MBBzRF\n"
    "XnVBpvNpVxEZpx0G03QGC9miP8xHAIwTKQ==\n"
    "-----END EC PRIVATE KEY-----\n";

/* ECDSA P-384 */
static const char key_p384[] __attribute__((unused)) =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIG2AgEAMBAGByqGSM49AgEGBSuBBAAiBIGeMIGbAgEBBDDYNLWzKG6aRaU6jlAr\n"
    "7TamOHwEAIVnKWaA3Svl340Hqw9JEzbU1deix6rZLpF4qp+hZANiAATpG8hW3Cd4\n"
    "NxOBaga8RfDKMwTvFo/dy05a3Yjcqev2WsGAhE9Xju57GkhisQFjQljDlV1H2ydM\n"
    "T9G7yhwTkum1D6Ud4cv0qSlb9/Q2rWnpTxHgEH8wPVSSDkM/FKhiisA=\n"
    "-----END PRIVATE KEY-----\n";

/* ECDSA P-521 */
static const char key_p521[] __attribute__((unused)) =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIHuAgEAMBAGByqGSM49AgEGBSuBBAAjBIHWMIHTAgEBBEIAQrqljRjgnLxaDjHv\n"
    "f2JqpnQqwBG8+l+qQDx9fB1ODJXVVqKUTVJvbA4zo7R5aULvDU13t6WL2Kebjq3n\n"
    "6f+L8YChgYkDgYYABABefn9cVDsQHqkgFfdjJIbk41HydJbguImkpfAPfZ/CpxHq\n"
    "CD56mOCOqKpDLX7FhVunzRqksmzgRv+qFsyNWrkzygE3/0PPbGYQdZ3R8V7kiGrb\n"
    "VNWtLq+0nwLwJIq3Hslvz2lBqS7Gi3JEt7kOhm8kkqY4WHlzI07NvQnx7kNVtGyY\n"
    "ag==\n"
    "-----END PRIVATE KEY-----\n";

/* RSA-2048, PKCS #8 */
static const char key_rsa2048[] __attribute__((unused)) =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIIEvAIBADANBgkqhkiG9w0BAQEFAASCBKYwggSiAgEAAoIBAQCZ6bgsbK2jWW2n\n"
    "tI+ldKSIa6n9U4SaeRFlLicQ3RRJdd2ePavDuXg8xc+splEOT4B2iNqzK+kHnPco\n"
    "C1qhKEEpfIwqa/ka9FiUpxjZcbWQQuE5n6RkljxiAxWfe9zdUG8WB+1ddZ0kvZ+e\n"
    "mxpSZ6Ip3gaMKURvjJbLbfytrc/DW13fWkCbs85YkfNnZaIGgdjZ71gBrKJraW6K\n"
    "oaHmrUmbzOgiKvSA/YbSckA1yG5AJvTWDXnG/CUQ08Wp7YnvACODhmJGwj96lFPq\n"
    "UqDaDjFCUjgrcErkFCIDYmBBh+Xof2FNRMRY2UJn3pxDEtJcXdjHTd6/2hOwhbxs\n"
    "czC1F53ZAgMBAAECggEAHpnPWlXJOB8BpERMAxNr2wu84ncGeEf1424HqlyqOejL\n"
    "RTjxu5pWg464uZTfrL61xdtz0Ae87xyQL1ACluQQAJWYsJ6DCo7mRbfrQuBOvv3t\n"
    "Fa3d23nbS4lddTYFNaNWUsUEtn453iItaDViSFv+a+CO4LMbvinvmUam5EkYc7iZ\n"
    "w0Tmijl9pWg3DgXjrOdkXza6KSi6Zw3XpskiJjXtwWhP+w3Ya/7Q5iLYL0aiH0q+\n"
    "tumvDwLKpXZzYpwG4So++hOHYdT+4PapHUrlw+tOYt6+6elBAGDuUK/UuemaUQ8m\n"
    "EZJIzg02EyR//2t4hQHXWesc6grFspT2V2b4zZGiuQKBgQDI+LQS6qEUuA61gTeZ\n"
    "+PvPAWpqEKk7/ymj45vnqbbbaaqHqQVqlZFGZN/Xj/8ZIEtJ5rFgNu0gcHY0MN+u\n"
    "L3Ty/G+SPKI2HCnZd8DUsXx5o0rpmIgYgUAbJtmHxSDcTKiB3hUsWMfJI6WSZf7O\n"
    "i9CYqiWLGl6yiOJU1db3unXjlwKBgQDEDmbNFchsPVZl+WpQdLpQSbQYL0bWTAX5\n"
    "8zKpULnXAXyvs8bPtXKtpX4CSNcY42guxduH2N+Ox2bxXliG46H6LYc+RYe4Jifz\n"
    "v7QKgHzsvj63M2FSdQXMcFsAS7X5fDfeC32BmJtkl0dl0B8i4wNISrCpDHo+vvxP\n"
    "Bb86vJP4DwKBgEBz0nyGluZoKP9403Yj7c3zrEcb1MqTCK2w310qhqRTfQdI453N\n"
    "HewvicI+QheyzbKDs7shombW6nHOgs4AFkefQcDqhTNJUPqXd1Y/HaZ9Ahdsfaku\n"
    "Onr6uKTcSa+dPiV4Ld4tEtWlAwKyh0eCe4Gaf7Pe3yPu1ndSpUCJoik9AoGAZW5V\n"
    "/TCR2n35XxSkzi813SfkhsaezWvTg7cwtKxRGU1pprVJ3FgxlmkSQjhRIE02r0wq\n"
    "AaRQNNwxBBsdjdvjBz3axHrQdpM3BEJf8Tb8arcaV0m7xh9I+rX+Pq7s3MBJXxVu\n"
    "v0emzWn+xEvib/gm0JXjw/HypNfGTVPZ1ZeOrj0CgYAvMLo9DfuBpAcXYpKcC8eL\n"
    "EkbjWfNij9YjmYG5iEuUVXH724cjxa54bhreq7L1Iw/pAQLirGdN+lAfF2nv8Pnc\n"
    "PZqCdqrXuQMrfz/1Cr4LKWXYAC3U9Npzzu6EUOcIUfWlnZntRnrbkThYme4WNfKJ\n"
    "WdUD5EHftxvrdgwK+bexEw==\n"
    "-----END PRIVATE KEY-----\n";

/* the same in the form of PKCS #1 */
static const char key_rsa2048_pkcs1[] __attribute__((unused)) =
    "-----BEGIN RSA PRIVATE KEY-----\n"
    "MIIEogIBAAKCAQEAmem4LGyto1ltp7SPpXSkiGup/VOEmnkRZS4nEN0USXXdnj2r\n"
    "w7l4PMXPrKZRDk+AdojasyvpB5z3KAtaoShBKXyMKmv5GvRYlKcY2XG1kELhOZ+k\n"
    "ZJY8YgMVn3vc3VBvFgftXXWdJL2fnpsaUmeiKd4GjClEb4yWy238ra3Pw1td31pA\n"
    "m7POWJHzZ2WiBoHY2e9YAayia2luiqGh5q1Jm8zoIir0gP2G0nJANchuQCb01g15\n"
    "xvwlENPFqe2J7wAjg4ZiRsI/epRT6lKg2g4xQlI4K3BK5BQiA2JgQYfl6H9hTUTE\n"
    "WNlCZ96cQxLSXF3Yx03ev9oTsIW8bHMwtRed2QIDAQABAoIBAB6Zz1pVyTgfAaRE\n"
    "TAMTa9sLvOJ3BnhH9eNuB6pcqjnoy0U48buaVoOOuLmU36y+tcXbc9AHvO8ckC9Q\n"
    "ApbkEACVmLCegwqO5kW360LgTr797RWt3dt520uJXXU2BTWjVlLFBLZ+Od4iLWg1\n"
    "Ykhb/mvgjuCzG74p75lGpuRJGHO4mcNE5oo5faVoNw4F46znZF82uikoumcN16bJ\n"
    "IiY17cFoT/sN2Gv+0OYi2C9Goh9Kvrbprw8CyqV2c2KcBuEqPvoTh2HU/uD2qR1K\n"
    "5cPrTmLevunpQQBg7lCv1LnpmlEPJhGSSM4NNhMkf/9reIUB11nrHOoKxbKU9ldm\n"
    "+M2RorkCgYEAyPi0EuqhFLgOtYE3mfj7zwFqahCpO/8po+Ob56m222mqh6kFapWR\n"
    "RmTf14//GSBLSeaxYDbtIHB2NDDfri908vxvkjyiNhwp2XfA1LF8eaNK6ZiIGIFA\n"
    "GybZh8Ug3Eyogd4VLFjHySOlkmX+zovQmKolixpesojiVNXW97p145cCgYEAxA5m\n"
    "zRXIbD1WZflqUHS6UEm0GC9G1kwF+fMyqVC51wF8r7PGz7VyraV+AkjXGONoLsXb\n"
    "h9jfjsdm8V5YhuOh+i2HPkWHuCYn87+0CoB87L4+tzNhUnUFzHBbAEu1+Xw33gt9\n"
    "gZibZJdHZdAfIuMDSEqwqQx6Pr78TwW/OryT+A8CgYBAc9J8hpbmaCj/eNN2I+3N\n"
    "86xHG9TKkwitsN9dKoakU30HSOOdzR3sL4nCPkIXss2yg7O7IaJm1upxzoLOABZH\n"
    "n0HA6oUzSVD6l3dWPx2mfQIXbH2pLjp6+rik3EmvnT4leC3eLRLVpQMCsodHgnuB\n"
    "mn+z3t8j7tZ3UqVAiaIpPQKBgGVuVf0wkdp9+V8UpM4vNd0n5IbGns1r04O3MLSs\n"
    "URlNaaa1SdxYMZZpEkI4USBNNq9MKgGkUDTcMQQbHY3b4wc92sR60HaTNwRCX/E2\n"
    "/Gq3GldJu8YfSPq1/j6u7NzASV8Vbr9Hps1p/sRL4m/4JtCV48Px8qTXxk1T2dWX\n"
    "jq49AoGALzC6PQ37gaQHF2KSnAvHixJG41nzYo/WI5mBuYhLlFVx+9uHI8WueG4a\n"
    "3quy9SMP6QEC4qxnTfpQHxdp7/D53D2agnaq17kDK38/9Qq+Cyll2AAt1PTac87u\n"
    "hFDnCFH1pZ2Z7UZ625E4WJnuFjXyiVnVA+RB37cb63YMCvm3sRM=\n"
    "-----END RSA PRIVATE KEY-----\n";

/* too short */
static const char key_rsa1024[] __attribute__((unused)) =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIICdgIBADANBgkqhkiG9w0BAQEFAASCAmAwggJcAgEAAoGBAKrp1KEqXWCR2iow\n"
    "KqzQh/kAOz2UKKp4jdxAgG+37rdqvu5sjllwWa2oQowTljgASZUV62V9dM0Ujsci\n"
    "D0IaLxfno4dytz9JudKiGSaygFYgsHccMOF3CsnFuwc5oe5cR5gmnN00juLz99n6\n"
    "IqIwE9kFmK1qyopXMJZUvRxLHM3tAgMBAAECgYBMRo7eXknOD0mOCnEBLw9/0Nqf\n"
    "YL/FVIf7A85ODYg70yfiwA/HWpyrI6yPVy5zT62HG4EyigrWe5Y8yLaGiaj6BvUu\n"
    "CpHgNU7a8PoAY83IdO5U+1DMT5syHWVl+tfmmiTeSK1rcUf+yKiXV90rj/FPJQHj\n"
    "QrFDk0Vrcm5Z37jfAQJBAODftvg0ouN1zxz+T4Wq2dIRbohPjqyqT1NmbVwElLAb\n"
    "THRnEr9AwBL8NfQL6/MqUgtjdwNXHfr1EGb1Mqpj4Y8CQQDCkg4ZmcOMgX2juy29\n"
    "y5NAIyXnA/zM1PrKoeAqYI8C5lcPqCuo84cBIORwn11V3g05W8rPdrq+vp2HCwai\n"
    "PSLDAkBXxlsYBQuzt29xhL6rkSXWvmEjqdIqCYxPJIL5UPxsxSsRoI4Lww12G6Y/\n"
    "rUubLeC6e0egMSgNpgyR85GkOrp3AkBxmcURvW0nBBPPHOJABjQbJmpizzkyfsdO\n"
    "t+Sh2W6mSsZaJd4X7tfMGOBHwURFdjhSXP2006WE6NYgmpds8jTxAkEApDuCt2eV\n"
    "ZEPfPxUpQ6WEfjTZhlTE+bYogSOfSeW+EYbQcGJ822Y9I6ixCtk11AiuV0ZkRN8c\n"
    "LWFzpWybYRUoPQ==\n"
    "-----END PRIVATE KEY-----\n";

/* RSA-2048 with the exponent 3 */
static const char key_rsa_exponent3[] __attribute__((unused)) =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQDEv7UQKTRPj4xo\n"
    "8I8LVKZWRb9R2OtxGja1MIGEktnk74/8UDXqa5+xvk603FbUC3cPv+3ScqLDdeDN\n"
    "c//IhJ2GU54ijSdPGyC8ooxxF2yrHPpztzSMizN2xmURAbyQtBG5H2TWp5APpuxj\n"
    "wxHuLE2IaFu9vVkxn7bwwN0/HWwLBVNR/b3t01Ttl3T+VVjigqzrppvylJwWOlmm\n"
    "sNaIFr/UyeXC0zk2Kk+Yw1r9MBHxYh5egGkBStcaW7udxX5Tc+oi8pHIG73JaSBW\n"
    "sgHhonJ64X/txNmuPA3lymkKCix8ezbZqfLoi35tNunn+isLyzgHDvfEK/K83Q1t\n"
    "h9A1ZZKnAgEDAoIBAQCDKni1cM2KX7LwoF9c4xmO2So2kJz2EXnOIFZYYeaYn7VS\n"
    "4CPxnRUhKYnN6Dnisk9f1Uk29xcs+UCI9//bAxOu4mlsXho0vMB9wbL2D53HaKb3\n"
    "z3hdsiJPLu4LVn21zWEmFO3kb7VfxJ2X12FJct5a8D0pKOYhFSSggJN/aPKyAmCj\n"
    "H+ZY+FWluW4k7u+P9ozAZXCQ6GSC3D2Zt8T3DM/SiHkd9WUmR7Kg8YHhkLnzMXXG\n"
    "Z1OMreK3/EFQ39jZ4n2mMODkZ/itOciMm0TUEbXYWoC3UxZXzQAypmIjoh9TSjlo\n"
    "kqPf8ACRGtPIuKGHjn/TR6xW3iaNWACvgRvM5zH7AoGBAPOaar6kdXmkjVTRdg79\n"
    "hNygo0K5ThcbvetJPjDbr53RyYF1kAEyZTEk9SQsPfgDKsmkzmY2MUWTwfFivfbH\n"
    "e4A/iC4uR2BSNHgGMFs9CM56ZrgTuaAy1oTuSq3TkKtpBegeu0Ew79JqKoxRWvZY\n"
    "J+xb0wi1NoaymKfkur36vFqdAoGBAM7C4yXD6VrQc/r1eOKNC/0qazBf6e42MhH2\n"
    "3v450+pHM66gUyBKWZKCY/P+mQMBbSQQFwV4FL1yn2hBt8JFJK1qIRJDOGhzXft9\n"
    "mL9mfxM78wbHDpf3sgirhigBBlIWhfieErvns6spZB/pikJoTYvuUGyMqDI2QGSB\n"
    "i2iHTm0TAoGBAKJm8dRto6Zts43g+V9TrehrF4HQ3roSfpzbfss9H76L26ujtVYh\n"
    "mMtt+MLIKVACHIZt3u7Oy4O31qDsfqSE/QAqWsl0L5WMIvquyud+Bd78RHq30RV3\n"
    "Oa30Mck3tcebWUVp0it19TbxcbLg507lb/Ln4gXOJFnMZcVDJylR0ucTAoGBAInX\n"
    "QhktRjyK9/yjpexeB/4cR3WVRp7OzAv56f7RN/GEzR8VjMAxkQxW7U1UZgIA821g\n"
    "D1j6uH5MakWBJSwuGHOcFgws0EWiPqepEH+ZqgzSogSEtGVPzAXHrsVWBDa5rqW+\n"
    "tyfvzRzGQr/xBtbwM7Ke4EhdxXbO1ZhWXPBaNEi3AoGAQhkUfPrWWuzakeScV06/\n"
    "XnIkgO9iohIkCBMPXv2c3lMK+B9b8kSy7skqiV5hj/5c1QWI5LEg/LYCScLsbAjH\n"
    "crUqx9/IsaVUb9lRNtV/tB08NHwhbJhjbwNnjgcuuhoPWm2RScMB+xhh+y+jay9A\n"
    "zUltmN8qiSmJFbpmvOw1k0U=\n"
    "-----END PRIVATE KEY-----\n";

/* a curve that is not served */
static const char key_p224[] __attribute__((unused)) =
    "-----BEGIN PRIVATE KEY-----\n"
    "MHgCAQAwEAYHKoZIzj0CAQYFK4EEACEEYTBfAgEBBBwJQKcyWaURBYMty3fOzP2O\n"
    "Qhy78syJ6I8oYH9AoTwDOgAEd/uDtxxrXTgX3JVp2V8uZDCaLUjtGpqR72UDOGAg\n"
    "6s3OaMxkn3ZYGF9SM2lzP5sAku52y3ui7zY=\n"
    "-----END PRIVATE KEY-----\n";

/* an algorithm that is not served */
static const char key_ed25519[] __attribute__((unused)) =
    "-----BEGIN PRIVATE KEY-----\n"
    "MC4CAQAwBQYDK2VwBCIEII/rlIu6Pojo72b8S97LvJZ1Y43GM3M3EKPIbx7p02Zr\n"
    "-----END PRIVATE KEY-----\n";

/* needs a passphrase */
static const char key_encrypted[] __attribute__((unused)) =
    "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
    "MIH0MF8GCSqGSIb3DQEFDTBSMDEGCSqGSIb3DQEFDDAkBBCngvrqLdvtw31u7lZQ\n"
    "8NihAgIIADAMBggqhkiG9w0CCQUAMB0GCWCGSAFlAwQBKgQQgIeV+oE9A1pMIBnr\n"
    "CGuNPASBkFmGiyih3PtNsNAVvfhLF4klpioQxYC7SgCm0WSRJffXIHNoQPC9yEuH\n"
    "MOkse2WNuLqcS5+C1Yc85PzUNooBkBjB6kMausAIqHf3jUINueTqrOjX6H1I1v6w\n"
    "8CqczrAnseCPDrndG+Y5X3UqQh7kP6uQFAFX8c+rRF2k/86TmO8QbbxkmZUbJVe/\n"
    "a4g/0Fajkw==\n"
    "-----END ENCRYPTED PRIVATE KEY-----\n";

/* a private number with the public point of another key */
static const char key_p256_crossed[] __attribute__((unused)) =
    "-----BEGIN EC PRIVATE KEY-----\n"
    "MHcCAQEEICeOOJHZHCtD+GnsquJB2ConI5HsT4nRxQ2jyXkHtpg1oAoGCCqGSM49\n"
    "AwEHoUQDQgAEmoBrDBzYIJNTS4DbwZ6FT703z8DedPLtZXKzYz2V8cQG0s8QWJ8n\n"
    "/BrqYlZSRw1aOSfFGQ/6Ty2OFBkL56nh9Q==\n"
    "-----END EC PRIVATE KEY-----\n";

#endif
