# SPDX-License-Identifier: BSD-3-Clause
"""A Windows domain, CONTOSO.LOCAL: a Samba domain controller on the host `dc`,
for what only Active Directory has: the directory, names that are no principals,
PACs with groups, NTLM by winbindd.

Provisioning takes seconds: it is done once a process, into a directory that
goes with the process, and every domain is a copy of that one.

Samba knows winbindd's socket in one place only. With `ntlm`, programs started
on the gate find this domain's there (wbinfo, libwbclient).
"""
import dataclasses
import functools
import json
import os
import pathlib
import shutil
import subprocess
import threading

from . import adschema
from .hosts import scratch, wait_until
from .identity import ACCOUNTS, DOMAIN, REALM, SERVICES
from .kerberos import PYTHON, Kdc, timed

ADDRESS = "10.30.0.12"
CONTROLLER = "dc1.contoso.local"
BASE = "DC=contoso,DC=local"
ADMINISTRATOR = "Adm1n-Passw0rd!"
WINBINDD = "/run/samba/winbindd"
# Nothing here has to outlive a power failure.
NO_SYNC = {**os.environ, "TDB_NO_FSYNC": "1"}

# userAccountControl, MS-ADTS 2.2.16
DISABLE, NORMAL, WORKSTATION, FOREVER = 0x2, 0x200, 0x1000, 0x10000
NOT_DELEGATED, TRUSTED_TO_AUTH = 0x100000, 0x1000000
AES = "24"          # msDS-SupportedEncryptionTypes: no RC4

PROGRAM = pathlib.Path(__file__).with_name("accounts.py")
_making = threading.Lock()


def run(*argv, **options):
    """One of Samba's programs: what it says matters only if it fails."""
    done = subprocess.run([str(word) for word in argv], text=True, capture_output=True,
                          check=False, env=NO_SYNC, **options)
    if done.returncode:
        raise RuntimeError(f"{argv[0]}: exit {done.returncode}\n{done.stdout}{done.stderr}")


def provision(directory):
    """A domain controller that nobody has been added to."""
    private = directory / "private"
    options = {
        "interfaces": f"{ADDRESS}/24", "bind interfaces only": "yes",
        "vfs objects": "dfs_samba4 acl_xattr xattr_tdb",
        "pid directory": directory / "run", "ncalrpc dir": directory / "run/ncalrpc",
        "winbindd socket directory": directory / "run/winbindd",
        "ntp signd socket directory": directory / "run/ntp_signd",
        "log file": directory / "log/log.%m",
        "dsdb:schema update allowed": "yes",
        "ldap server require strong auth": "allow_sasl_over_tls",
    }
    run("samba-tool", "domain", "provision", f"--targetdir={directory}", f"--realm={REALM}",
        f"--domain={DOMAIN}", "--server-role=dc", "--dns-backend=NONE", "--host-name=dc1",
        f"--host-ip={ADDRESS}", f"--adminpass={ADMINISTRATOR}",
        *(f"--option={name}={value}" for name, value in options.items()))
    # Samba would make an RSA key of 4096 bits, and not answer before it has.
    tls = private / "tls"
    tls.mkdir(exist_ok=True)
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
        "-nodes", "-days", "90", "-subj", f"/CN={CONTROLLER}", "-addext",
        f"subjectAltName=DNS:{CONTROLLER}", "-keyout", tls / "key.pem", "-out", tls / "cert.pem")
    (tls / "key.pem").chmod(0o600)
    shutil.copy(tls / "cert.pem", tls / "ca.pem")


def configuration(directory):
    return directory / "etc/smb.conf"


def change_accounts(directory, changes):
    run(PYTHON, PROGRAM, configuration(directory), input=json.dumps(changes))


def modify(directory, ldif):
    run("ldbmodify", "-H", directory / "private/sam.ldb",
        f"--configfile={configuration(directory)}", input=ldif)


@functools.cache
def snapshot_with_schema():
    directory = scratch("exchange")
    copy(snapshot(), directory)
    with timed("domain: Exchange's schema"):
        for ldif in adschema.ldif(BASE):
            modify(directory, ldif)
    return directory


@functools.cache
def make_snapshot():
    directory = scratch("domain")
    with timed("domain: provision"):
        provision(directory)
    with timed("domain: accounts and keytabs"):
        change_accounts(directory, [{"do": "policy"}, *changes_of(directory, ACCOUNTS, SERVICES)])
    return directory


def snapshot():
    """A provisioned domain with everybody in it, to be copied. Asked for by a
    thread in good time, it is there when it is needed."""
    with _making:
        return make_snapshot()


def copy(source, target):
    """Paths stand in smb.conf alone."""
    shutil.copytree(source, target, dirs_exist_ok=True,
                    ignore=lambda d, names: {n for n in names if pathlib.Path(d, n).is_socket()})
    config = configuration(target)
    config.write_text(config.read_text().replace(str(source), str(target)))


def changes_of(directory, accounts=(), services=()):
    """What accounts.py is to do for them."""
    changes = []
    keytabs = directory / "keytabs"
    keytabs.mkdir(exist_ok=True)
    for a in accounts:
        changes.append({"do": "user", "name": a.name, "password": a.password,
                        "set": attributes(a)})
    for s in services:
        control = (WORKSTATION if s.computer else NORMAL) | FOREVER \
            | (TRUSTED_TO_AUTH if s.transition else 0)
        # A computer has HOST/ and by that HTTP/: sPNMappings, MS-ADTS 3.1.1.2.7.
        spns = [n.replace("HTTP/", "HOST/") for n in s.spns] if s.computer else list(s.spns)
        changes.append({"do": "computer" if s.computer else "user", "name": s.name,
                        "password": s.password,
                        "set": {"userAccountControl": str(control),
                                "msDS-SupportedEncryptionTypes": AES,
                                "servicePrincipalName": spns,
                                "msDS-AllowedToDelegateTo": list(s.targets)}})
        changes.append({"do": "keytab", "path": str(keytabs / f"{s.name}.keytab"),
                        "principals": [s.name, *s.spns]})
    return changes


def attributes(account):
    control = NORMAL | (NOT_DELEGATED if account.sensitive else 0) \
        | (DISABLE if account.disabled else 0)
    return {"userAccountControl": str(control),
            "pwdLastSet": "0" if account.expired else "-1",
            "userPrincipalName": account.upn or [], "mail": account.mail or []}


class Domain(Kdc):
    """`ntlm`: winbindd, too; `exchange`: what Exchange's setup adds to the
    schema, as far as clients see it."""

    def __init__(self, hosts, ntlm=False, exchange=False):
        super().__init__(hosts, "domain", ADDRESS)
        self.ntlm = ntlm
        self.accounts = {a.name: a for a in ACCOUNTS}
        self.services = {s.name: s for s in SERVICES}
        source = snapshot_with_schema() if exchange else snapshot()
        with timed("domain: copy"):
            copy(source, self.dir)
        for place in ("run/ncalrpc", "run/winbindd", "log"):
            (self.dir / place).mkdir(parents=True, exist_ok=True)
        services = "ldap, cldap, kdc" + (", rpc, winbindd" if ntlm else "")
        config = configuration(self.dir)
        config.write_text("".join(
            f"\tserver services = {services}\n" if "server services" in line else line
            for line in config.read_text().splitlines(keepends=True)))
        for host in ("client", "gate", "back", "dc"):
            hosts.hosts_file(host, [f"{ADDRESS} {CONTROLLER} dc1"])
        if ntlm:
            os.makedirs(WINBINDD, exist_ok=True)
            for host in ("dc", "gate"):
                hosts.bind(host, self.dir / "run/winbindd", WINBINDD)
        with timed("domain: start"):
            self.start()

    def start(self):
        self.process = self.hosts.spawn(
            "dc", "samba", "-F", "--no-process-group", "-M", "single",
            "-s", configuration(self.dir), "--debug-stdout", log="domain",
            env={**NO_SYNC, "KRB5_CONFIG": str(self.dir / "private/krb5.conf")})
        self._await(88, 389)
        if self.ntlm:
            wait_until("winbindd answers", lambda: self.hosts.run(
                "dc", "wbinfo", "--ping-dc", check=False).returncode == 0, 20, 0.1)

    # --- who there is ---------------------------------------------------------------

    def add(self, accounts=(), services=()):
        self.services |= {s.name: s for s in services}
        change_accounts(self.dir, changes_of(self.dir, accounts, services))
        self.note(*accounts)

    def change(self, name, **changes):
        """Another password, disabled, sensitive, expired: from now on."""
        before = self.accounts[name]
        account = dataclasses.replace(before, **changes)
        steps = [{"do": "password", "name": name, "password": account.password}] \
            if account.password != before.password else []
        change_accounts(self.dir, [*steps, {"do": "set", "name": name,
                                            "set": attributes(account)}])
        self.note(account)

    def modify(self, ldif):
        """Any change of the directory, as LDIF."""
        modify(self.dir, ldif)

    def allow(self, name, *targets):
        """The SPNs to which a service may take its users from now on."""
        self.services[name] = dataclasses.replace(self.services[name], targets=targets)
        change_accounts(self.dir, [{"do": "set", "name": name,
                                    "set": {"msDS-AllowedToDelegateTo": list(targets)}}])
