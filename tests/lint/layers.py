#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Check every #include in lib/ against the layer table in lib/meson.build.

A library includes itself and the libraries on its row; other libraries see
only <lib>/<lib>.h; a vendor's header is included only in its homes; nothing in
lib/ knows app/.
"""
import pathlib
import re
import sys

ROW = re.compile(r"^\s*'(\w+)'\s*:\s*\[\[([^]]*)\]", re.M)

# Header prefix -> the libraries that may include it.
PACKET_PATH = {"nic", "ip", "tcp", "worker"}
VENDORS = {
    "rte_": PACKET_PATH,
    "urcu/rculfhash": {"route"},
    "urcu": {"snap", "route"},
    "openssl/ssl": {"tls"},
    "openssl/": {"tls", "seal"},
    "yaml": {"conf"},
    "jansson": {"control"},
    "ldap": {"directory"},
    "sasl/": {"directory"},
    "gssapi": {"auth"},
    "krb5": {"auth"},
    "wbclient": {"auth"},
    "intel-ipsec-mb": {"tls"},
}


def vendor_homes(header):
    """The homes of the longest vendor prefix, or None for libc."""
    hits = [p for p in VENDORS if header.startswith(p)]
    return VENDORS[max(hits, key=len)] if hits else None


def check(root):
    """Return (number of layers, list of violations) of the tree at root."""
    lib = root / "lib"
    table = {m[1]: set(re.findall(r"\w+", m[2]))
             for m in ROW.finditer((lib / "meson.build").read_text())}
    order = list(table)
    bad = [f"lib/meson.build: {name} lists '{used}', which is not above it"
           for name in order for used in sorted(table[name])
           if used not in order[:order.index(name)]]
    folders = {p.parent.name for p in lib.glob("*/*.[ch]")}
    bad += [f"lib/{name}: not in the layer table" for name in folders - set(order)]
    for path in sorted(lib.glob("*/*.[ch]")):
        own = path.parent.name
        allowed = table.get(own, set())
        for number, line in enumerate(path.read_text().splitlines(), 1):
            found = re.match(r'#\s*include\s+(["<])([^">]+)', line)
            if not found:
                continue
            where = f"{path.relative_to(root)}:{number}"
            header = found[2]
            if found[1] == '"':
                layer, _, name = header.partition("/")
                if layer != own and layer not in allowed:
                    bad.append(f"{where}: {own} may not include {header}")
                elif layer != own and name != f"{layer}.h":
                    bad.append(f"{where}: {header} is private to lib/{layer}")
                continue
            homes = vendor_homes(header)
            if homes is not None and own not in homes:
                bad.append(f"{where}: {header} belongs to "
                           + ", ".join(f"lib/{h}" for h in sorted(homes)) + " only")
    return len(order), bad


if __name__ == "__main__":
    layers, violations = check(pathlib.Path(sys.argv[1]))
    print("\n".join(violations) or f"{layers} layers, no include out of place")
    sys.exit(bool(violations))
