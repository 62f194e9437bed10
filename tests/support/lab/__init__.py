# SPDX-License-Identifier: BSD-3-Clause
"""The lab: a client host, the appliance's host and a back-end host, each a
network namespace, with real programs in them. The system tests and app/demo.sh
are two users of this one implementation.

    hosts     namespaces, links, processes, and that nothing of them stays
    topology  the organisation: sites, servers, mailboxes, and its CSV
    pki       a certification authority made on the spot
    standins  nginx in the place of Exchange servers
    dovecot   Dovecot in the place of their POP3 and IMAP4 services
    origin    a back end that misbehaves on request
    scripted  a back end whose answers a test writes down
    gate      casgate: its configuration, the daemon, its control socket
    wire      a client of bytes, for what curl would never send
    identity  users and services, as data
    realm     a Kerberos realm of MIT's KDC, up in half a second
    domain    a Windows domain of Samba's, with directory and NTLM; accounts.py
              and adschema.py are parts of it
    kerberos  what both have in common; tickets and tokens of clients (gss.py)
    cas       Apache in the place of a Client Access server that authenticates
    owa       its logon form
    audit     whom casgate calls, against its configuration and its counters
    fixture   all of the above in one object
"""
