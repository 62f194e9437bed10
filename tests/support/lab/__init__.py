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
    fixture   all of the above in one object
"""
