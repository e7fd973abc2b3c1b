# SPDX-License-Identifier: GPL-3.0-or-later
"""A folder that has the layout and the build steps of a FIPS bundle, and no cryptography: configure, make, the in-core
hash step, make again. It shows that our side of these steps works; it shows nothing about any module."""

from __future__ import annotations

import textwrap
from pathlib import Path

# What the test program computes in the place of an HMAC over the module's code.
HASH = "AB" * 32

FIPS_C = """
#include "../../wolfssl/wolfcrypt/fips.h"
const char *wolfCrypt_GetVersion_fips(void) { return "wolfCrypt VERSION"; }
"""
FIPS_TEST_C = f"""
#include <string.h>
static const char verifyCore[] =
"{"00" * 32}";
const char *wolfCrypt_GetCoreHash_fips(void) {{ return "{HASH}"; }}
int wolfCrypt_GetStatus_fips(void) {{ return strcmp(verifyCore, "{HASH}") == 0 ? 0 : -203; }}
"""
CONFIGURE = """
#!/bin/sh
for word in "$@"; do case $word in --prefix=*) prefix=${word#--prefix=} ;; esac; done
printf '%s\\n' "$@" >configure.words
sed "s,@prefix@,$prefix," Makefile.in >Makefile
"""
MAKEFILE = """
prefix = @prefix@
lib = $(DESTDIR)$(prefix)/lib
C = wolfcrypt/src/wolfcrypt_first.c wolfcrypt/src/fips.c wolfcrypt/src/fips_test.c wolfcrypt/src/wolfcrypt_last.c
all: libwolfssl.so.99.0.0 wolfcrypt/test/testwolfcrypt
libwolfssl.so.99.0.0: $(C)
\techo made >>made
\tcc -shared -fPIC -Wl,-soname,libwolfssl.so.99 -o $@ $(C)
wolfcrypt/test/testwolfcrypt:
\tmkdir -p wolfcrypt/test
\tprintf '#!/bin/sh\\necho hash = HASH\\n' >$@
\tchmod 755 $@
install: all
\tmkdir -p $(lib)/pkgconfig
\tcp libwolfssl.so.99.0.0 $(lib)
\tln -s libwolfssl.so.99.0.0 $(lib)/libwolfssl.so.99
\tln -s libwolfssl.so.99 $(lib)/libwolfssl.so
\tprintf 'Name: wolfssl\\nVersion: 5.9.2\\n' >$(lib)/pkgconfig/wolfssl.pc
\tcp made configure.words outside.c $(lib)
"""
FIPS_HASH = """
#!/bin/sh
found=$(./wolfcrypt/test/testwolfcrypt | sed -n 's/^hash = //p')
[ -n "$found" ] || exit 1
sed -i "s/^\\"[0-9A-F]*\\";/\\"$found\\";/" wolfcrypt/src/fips_test.c
"""
PATCH = """
--- a/outside.c
+++ b/outside.c
@@ -1 +1 @@
-int outside;
+int patched;
"""


def make(folder: Path, version: str = "v5.2.1") -> Path:
    """A whole bundle whose module calls itself `version`."""
    files = {
        "configure": CONFIGURE,
        "fips-hash.sh": FIPS_HASH,
        "Makefile.in": MAKEFILE.replace("HASH", HASH),
        "outside.c": "int outside;\n",
        "wolfcrypt/src/wolfcrypt_first.c": "int wolfCrypt_first;\n",
        "wolfcrypt/src/fips.c": FIPS_C.replace("VERSION", version),
        "wolfcrypt/src/fips_test.c": FIPS_TEST_C,
        "wolfcrypt/src/wolfcrypt_last.c": "int wolfCrypt_last;\n",
        "wolfssl/wolfcrypt/fips.h": "const char *wolfCrypt_GetVersion_fips(void);\n",
    }
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text).removeprefix("\n"))
        if text.lstrip().startswith("#!"):
            file.chmod(0o755)
    return folder
