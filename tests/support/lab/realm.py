# SPDX-License-Identifier: BSD-3-Clause
"""A Kerberos realm without Windows: MIT's KDC upon OpenLDAP, up in half a
second. What it has of Active Directory: service principal names and user
principal names as aliases of accounts, S4U2Self and S4U2Proxy, sensitive,
disabled and expired accounts. What it has not: a directory, PACs with groups,
NTLM, and the refusal to take a service principal name for a client.

Constrained delegation needs the LDAP database: MIT's own cannot say whom a
service may take its users to.
"""
import dataclasses
import gzip
import pathlib
import socket
import subprocess
import urllib.parse

from .hosts import wait_until
from .identity import ACCOUNTS, SERVICES
from .kerberos import Kdc, timed

ADDRESS = "10.30.0.11"
BASE = "dc=contoso,dc=local"
ADMIN, SECRET = f"cn=admin,{BASE}", "secret"
SCHEMA = pathlib.Path("/usr/share/doc/krb5-kdc-ldap/kerberos.openldap.ldif.gz")

SLAPD = """\
dn: cn=config
objectClass: olcGlobal
cn: config
olcLogLevel: none

dn: cn=module{{0}},cn=config
objectClass: olcModuleList
cn: module{{0}}
olcModulePath: /usr/lib/ldap
olcModuleLoad: back_mdb

dn: cn=schema,cn=config
objectClass: olcSchemaConfig
cn: schema

include: file:///etc/ldap/schema/core.ldif
include: file://{dir}/kerberos.ldif

dn: olcDatabase={{1}}mdb,cn=config
objectClass: olcDatabaseConfig
objectClass: olcMdbConfig
olcDatabase: {{1}}mdb
olcSuffix: {base}
olcRootDN: {admin}
olcRootPW: {secret}
olcDbDirectory: {dir}/data
olcDbNoSync: TRUE
olcDbIndex: objectClass,krbPrincipalName eq
"""

KDC = """\
[kdcdefaults]
	kdc_listen = {address}:88
	kdc_tcp_listen = {address}:88
[realms]
	{realm} = {{
		database_module = ldap
		key_stash_file = {dir}/stash
		acl_file = {dir}/acl
		max_life = 10h
		supported_enctypes = aes256-cts-hmac-sha1-96:normal aes128-cts-hmac-sha1-96:normal
	}}
[dbmodules]
	ldap = {{
		db_library = kldap
		ldap_kerberos_container_dn = cn=krb,{base}
		ldap_kdc_dn = {admin}
		ldap_kadmind_dn = {admin}
		ldap_service_password_file = {dir}/ldap.password
		ldap_servers = {ldapi}
		disable_last_success = true
		disable_lockout = true
	}}
[logging]
	kdc = FILE:{dir}/kdc.log
"""


class Realm(Kdc):
    def __init__(self, hosts, accounts=ACCOUNTS, services=SERVICES):
        super().__init__(hosts, "realm", ADDRESS)
        (self.dir / "keytabs").mkdir(parents=True)
        self._ldapi = "ldapi://" + urllib.parse.quote(f"{self.dir}/ldapi", safe="")
        self._profile = self.dir / "kdc.conf"
        self._profile.write_text(KDC.format(
            address=ADDRESS, realm=self.realm, dir=self.dir, base=BASE, admin=ADMIN,
            ldapi=self._ldapi))
        with timed("realm: directory"):
            self._directory()
        with timed("realm: accounts"):
            self.add(accounts, services)
        with timed("realm: KDC"):
            self.start()

    def _directory(self):
        """slapd, and an empty Kerberos database in it."""
        (self.dir / "slapd").mkdir()
        (self.dir / "data").mkdir()
        (self.dir / "kerberos.ldif").write_bytes(gzip.decompress(SCHEMA.read_bytes()))
        init = self.dir / "init.ldif"
        init.write_text(SLAPD.format(dir=self.dir, base=BASE, admin=ADMIN, secret=SECRET))
        subprocess.run(["slapadd", "-n", "0", "-F", self.dir / "slapd", "-l", init],
                       check=True, capture_output=True)
        self.hosts.spawn("dc", "slapd", "-d", "0", "-F", self.dir / "slapd", "-h", self._ldapi,
                         log="slapd")
        wait_until("slapd listens", self._slapd_listens)
        self._modify(f"dn: {BASE}\nchangetype: add\nobjectClass: organization\n"
                     "objectClass: dcObject\no: contoso\ndc: contoso\n")
        (self.dir / "ldap.password").write_text(f"{ADMIN}#{{HEX}}{SECRET.encode().hex()}\n")
        self._admin("kdb5_ldap_util", "-D", ADMIN, "-w", SECRET, "create", "-subtrees", BASE,
                    "-r", self.realm, "-s", "-P", "master")

    def _slapd_listens(self):
        with socket.socket(socket.AF_UNIX) as sock:
            return sock.connect_ex(str(self.dir / "ldapi")) == 0

    def _modify(self, ldif):
        self.hosts.run("dc", "ldapmodify", "-x", "-H", self._ldapi, "-D", ADMIN, "-w", SECRET,
                       input=ldif)

    def _admin(self, *argv, **options):
        return self.hosts.run("dc", *argv, env=self.env(KRB5_KDC_PROFILE=str(self._profile)),
                              **options)

    def kadmin(self, *commands):
        """kadmin.local's commands, all in one process."""
        done = self._admin("kadmin.local", input="".join(f"{c}\n" for c in commands))
        wrong = [line for line in done.stderr.splitlines() if " while " in line]
        if wrong:
            raise RuntimeError("\n".join(wrong))
        return done.stdout

    def start(self):
        self.process = self.hosts.spawn("dc", "krb5kdc", "-n", log="realm",
                                        env=self.env(KRB5_KDC_PROFILE=str(self._profile)))
        self._await(88)

    # --- who there is ---------------------------------------------------------------

    def add(self, accounts=(), services=()):
        commands, changes = [], []
        for a in accounts:
            commands.append(f'addprinc -pw "{a.password}" +requires_preauth {a.name}')
            commands.append(f"modprinc {self._flags(a)} {a.name}")
            # The whole of an enterprise name is one component; in the
            # directory its @ is not escaped.
            changes.append(self._entry(a.name, [a.upn] if a.upn else []))
        for s in services:
            self.services[s.name] = s
            flag = "+ok_to_auth_as_delegate" if s.transition else ""
            commands.append(f'addprinc -pw "{s.password}" {flag} {s.name}')
            changes.append(self._entry(s.name, s.spns, s.targets))
        self.kadmin(*commands)
        self._modify("\n".join(changes))
        self.note(*accounts)
        # With their aliases there: an entry of the keytab for each name.
        self.kadmin(*(f"ktadd -norandkey -k {self.keytab(s.name)} {name}"
                      for s in services for name in (s.name, *s.spns)))

    def _entry(self, name, aliases=(), targets=()):
        values = [("krbCanonicalName", name), *(("krbPrincipalName", a) for a in aliases),
                  *(("krbAllowedToDelegateTo", t) for t in targets)]
        return f"dn: krbPrincipalName={name}@{self.realm},cn={self.realm},cn=krb,{BASE}\n" \
            "changetype: modify\n" + "-\n".join(f"add: {kind}\n{kind}: {value}@{self.realm}\n"
                                                for kind, value in values)

    @staticmethod
    def _flags(account):
        return " ".join(f"{'-' if on else '+'}{flag}" for flag, on in
                        (("allow_forwardable", account.sensitive),
                         ("allow_tix", account.disabled))) \
            + f" {'+' if account.expired else '-'}needchange"

    def change(self, name, **changes):
        """Another password, disabled, sensitive, expired: from now on."""
        before = self.accounts[name]
        account = dataclasses.replace(before, **changes)
        if account.password != before.password:
            self.kadmin(f'cpw -pw "{account.password}" {name}')
        self.kadmin(f"modprinc {self._flags(account)} {name}")
        self.note(account)

    def allow(self, name, *targets):
        """The SPNs to which a service may take its users from now on."""
        self.services[name] = dataclasses.replace(self.services[name], targets=targets)
        lines = "".join(f"krbAllowedToDelegateTo: {t}@{self.realm}\n" for t in targets)
        self._modify(f"dn: krbPrincipalName={name}@{self.realm},cn={self.realm},cn=krb,{BASE}\n"
                     f"changetype: modify\nreplace: krbAllowedToDelegateTo\n{lines}")
