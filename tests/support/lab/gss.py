#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""GSSAPI by MIT's library, in a process with an environment of its own.

    gss.py token HTTP@server            an initial token from KRB5CCNAME
    gss.py proxy ACCOUNT HTTP@server    the token on standard input is accepted
                                        with KRB5_KTNAME; one for the server, in
                                        the client's name, by its ticket alone
Tokens are in base64.
"""
import base64
import sys

import gssapi

KERBEROS, SPNEGO = (gssapi.OID.from_int_seq(oid)
                    for oid in ("1.2.840.113554.1.2.2", "1.3.6.1.5.5.2"))


def initiate(server, mech, creds=None):
    name = gssapi.Name(server, gssapi.NameType.hostbased_service)
    context = gssapi.SecurityContext(name=name, usage="initiate", mech=mech, creds=creds)
    return base64.b64encode(context.step()).decode()


def proxy(account, server):
    name = gssapi.Name(account, gssapi.NameType.kerberos_principal)
    # Both: what it accepts, it may show to the KDC.
    both = gssapi.Credentials(name=name, usage="both")
    context = gssapi.SecurityContext(creds=both, usage="accept")
    context.step(base64.b64decode(sys.stdin.read()))
    return initiate(server, KERBEROS, context.delegated_creds)


if __name__ == "__main__":
    word, *rest = sys.argv[1:]
    print(initiate(*rest, SPNEGO) if word == "token" else proxy(*rest))
