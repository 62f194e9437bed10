#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Changes a Samba domain's accounts: accounts.py SMB_CONF, and on standard
input a JSON list of what domain.py wants done. A process of its own, because
Samba's libraries are more than a test's process should hold, and one for all
changes, because loading them takes half a second.

It writes into the database itself; a domain controller that runs sees it at once.

    {"do": "policy"}                        any password will do, for ever
    {"do": "user", "name", "password", "set": {attribute: values}}
    {"do": "computer", the same}
    {"do": "set", "name", "set"}            replace attributes
    {"do": "password", "name", "password"}
    {"do": "keytab", "path", "principals"}  add their keys to a file
"""
import json
import sys

import ldb
import samba.dckeytab   # noqa: F401  (gives Net its export_keytab)
from samba.auth import system_session
from samba.credentials import Credentials
from samba.net import Net
from samba.param import LoadParm
from samba.samdb import SamDB


class Accounts:
    def __init__(self, config):
        self._lp = LoadParm()
        self._lp.load(config)
        self._sam = SamDB(session_info=system_session(), lp=self._lp)
        credentials = Credentials()
        credentials.guess(self._lp)
        self._net = Net(credentials, self._lp)

    def _find(self, name):
        return self._sam.search(self._sam.domain_dn(), attrs=["servicePrincipalName"],
                                expression=f"(sAMAccountName={name})")[0]

    def _replace(self, dn, attributes):
        message = ldb.Message(dn)
        for name, values in attributes.items():
            message[name] = ldb.MessageElement(values, ldb.FLAG_MOD_REPLACE, name)
        self._sam.modify(message)

    def policy(self):
        never = "-9223372036854775808"
        self._replace(ldb.Dn(self._sam, self._sam.domain_dn()), {
            "pwdProperties": "0", "minPwdLength": "0", "minPwdAge": "0", "maxPwdAge": never,
            "pwdHistoryLength": "0"})
        partitions = f"CN=Partitions,{self._sam.get_config_basedn()}"
        self._replace(ldb.Dn(self._sam, partitions), {"uPNSuffixes": "contoso.com"})
        # Samba's dnsupdate would add these; without them nobody can bind to
        # the directory with Kerberos.
        controller = self._find("DC1$")
        spns = {str(s) for s in controller["servicePrincipalName"]}
        spns |= {"ldap/dc1.contoso.local", "ldap/DC1", "ldap/dc1.contoso.local/contoso.local",
                 "GC/dc1.contoso.local/contoso.local"}
        self._replace(controller.dn, {"servicePrincipalName": sorted(spns)})

    def user(self, name, password, **rest):
        self._sam.newuser(name, password)
        self.set(name, **rest)

    def computer(self, name, password, **rest):
        self._sam.newcomputer(name.rstrip("$"))
        self._sam.setpassword(f"(sAMAccountName={name})", password)
        self.set(name, **rest)

    def set(self, name, **rest):
        self._replace(self._find(name).dn, rest["set"])

    def password(self, name, password):
        self._sam.setpassword(f"(sAMAccountName={name})", password)

    def keytab(self, path, principals):
        for principal in principals:
            self._net.export_keytab(keytab=path, principal=principal)


def main():
    accounts = Accounts(sys.argv[1])
    for change in json.load(sys.stdin):
        getattr(accounts, change.pop("do"))(**change)


if __name__ == "__main__":
    main()
