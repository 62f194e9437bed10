#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Show that layers.py fails on each kind of violation, on a copy of lib/."""
import pathlib
import shutil
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from layers import check  # noqa: E402

# file, line to add, word the complaint must hold
CASES = [
    ("lib/http/planted.c", '#include "tcp/tcp.h"', "http may not include tcp/tcp.h"),
    ("lib/tcp/planted.c", '#include "proxy/proxy.h"', "tcp may not include"),
    ("lib/tls/planted.c", '#include "base/slab.h"', "private to lib/base"),
    ("lib/http/planted.c", "#include <openssl/evp.h>", "belongs to lib/seal, lib/tls only"),
    ("lib/exchange/planted.h", "#include <rte_mbuf.h>", "belongs to lib/ip"),
    ("lib/seal/planted.c", "#include <openssl/ssl.h>", "belongs to lib/tls only"),
    ("lib/proxy/planted.c", '#include "casgate/casgate.h"', "proxy may not include"),
    ("lib/nowhere/planted.c", "", "not in the layer table"),
    ("lib/meson.build", "layers = {\n  'low': [['high'], []],\n  'high': [[], []],\n}",
     "low lists 'high', which is not above it"),
]

source = pathlib.Path(sys.argv[1])
failed = 0
for name, text, expected in CASES:
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        shutil.copytree(source / "lib", root / "lib")
        target = root / name
        target.parent.mkdir(exist_ok=True)
        with target.open("a") as f:
            f.write(text + "\n")
        complaints = check(root)[1]
        if not any(expected in c for c in complaints):
            failed += 1
            print(f"not caught: {text!r} in {name}: {complaints}")
print(f"{len(CASES) - failed} of {len(CASES)} violations caught")
sys.exit(bool(failed))
