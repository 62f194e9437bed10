# SPDX-License-Identifier: BSD-3-Clause
"""A KDC as its clients see it, and clients: what the two kinds have in common.

    alice = kdc.kinit("alice", ALICE.password)          # on the client host
    lab.hosts.run("client", "curl", "--negotiate", "-u", ":", url, env=alice.env)
    casgate = kdc.kinit("svc-casgate", keytab=kdc.keytab("svc-casgate"))
    alice = casgate.impersonate("alice", "HTTP/ex13.contoso.local")
    with kdc.paused():
        ...
"""
import contextlib
import dataclasses
import itertools
import os
import pathlib
import signal
import socket
import time

from .hosts import wait_until
from .identity import DOMAIN, REALM

CONFIG = """\
[libdefaults]
	default_realm = {realm}
	dns_lookup_kdc = false
	dns_lookup_realm = false
	dns_canonicalize_hostname = false
	rdns = false
	forwardable = true
[realms]
	{realm} = {{
		kdc = {address}
	}}
[domain_realm]
	.contoso.local = {realm}
	.contoso.com = {realm}
"""
GSS = pathlib.Path(__file__).with_name("gss.py")
PYTHON = "/usr/bin/python3"     # which has Debian's modules
_serial = itertools.count()


class KerberosError(Exception):
    """What the program said, without its name."""


@contextlib.contextmanager
def timed(what):
    began = time.monotonic()
    yield
    print(f"{what}: {time.monotonic() - began:.2f} s", flush=True)


@dataclasses.dataclass
class Tickets:
    """One credential cache, on one host."""
    kdc: object
    host: str
    cache: pathlib.Path

    @property
    def env(self):
        return self.kdc.env(self.cache)

    def _run(self, *argv, **options):
        done = self.kdc.hosts.run(self.host, *argv, env=self.env, check=False, **options)
        if done.returncode:
            raise KerberosError(done.stderr.strip() or done.stdout.strip())
        return done.stdout

    def init(self, name, password, keytab, words):
        argv = [*words, "-k", "-t", keytab, name] if keytab else [*words, name]
        self._run("kinit", *argv, input=f"{password}\n")
        return self

    def kvno(self, *words):
        """Ask for a ticket; what was said of it."""
        return self._run("kvno", *words)

    def impersonate(self, user, spn):
        """A service's: the user's ticket to another service, in a cache that
        holds nothing else (S4U2Self, then S4U2Proxy)."""
        out = dataclasses.replace(self, cache=self.kdc.cache())
        self.kvno("-I", user, "-P", "--out-cache", out.cache, spn)
        return out

    def list(self):
        return self._run("klist", "-f")

    def token(self, server="mail.contoso.com"):
        """The first token to a web server, in base64."""
        return self._run(PYTHON, GSS, "token", f"HTTP@{server}").strip()

    def negotiate(self, server="mail.contoso.com"):
        """The header line with it."""
        return f"Authorization: Negotiate {self.token(server)}\r\n"


class Kdc:
    """`accounts` and `services` are by name, as they are now; `on_change`: whom
    to tell when they are others."""

    def __init__(self, hosts, label, address):
        hosts.management()
        hosts.address("dc", address)
        self.hosts, self.address, self.label = hosts, address, label
        self.realm, self.process = REALM, None
        self.accounts, self.services, self.on_change = {}, {}, []
        self.dir = hosts.dir / label
        self.config = hosts.dir / f"{label}.krb5.conf"
        text = CONFIG.format(realm=self.realm, address=address)
        self.config.write_text(text)
        for host in ("client", "gate", "back"):     # found without being told
            hosts.etc(host, "krb5.conf", text)

    # --- clients ------------------------------------------------------------

    def env(self, cache="MEMORY:", **more):
        """The environment of a program that is a client of this KDC."""
        return {**os.environ, "KRB5_CONFIG": str(self.config), "KRB5CCNAME": str(cache),
                "KRB5RCACHENAME": "none:", **more}

    def kinit(self, name, password=None, keytab=None, host="client", words=()):
        """Tickets of that user or service; KerberosError."""
        return Tickets(self, host, self.cache()).init(name, password, keytab, words)

    def cache(self):
        """A place for tickets."""
        return self.hosts.dir / f"{self.label}.cache{next(_serial)}"

    def keytab(self, service):
        """The keys of a service; its own principal comes first."""
        return self.dir / "keytabs" / f"{service}.keytab"

    def proxied(self, service, token, server, host="gate"):
        """What the service makes of a client's token: one for that server, in
        the client's name, without S4U2Self (KerberosError)."""
        keytab = str(self.keytab(service))
        env = self.env(f"FILE:{self.cache()}", KRB5_KTNAME=keytab, KRB5_CLIENT_KTNAME=keytab)
        done = self.hosts.run(host, PYTHON, GSS, "proxy", service, f"HTTP@{server}",
                              input=token, env=env, check=False)
        if done.returncode:
            raise KerberosError(done.stderr.strip())
        return done.stdout.strip()

    # --- what a server may ask ------------------------------------------------

    def check(self, typed, password):
        """The account of that name and password, or None: what a logon by
        password finds out."""
        for account in self.accounts.values():
            if account.usable and account.password == password \
                    and typed.lower() in {n.lower() for n in account.names()}:
                return account
        return None

    def passwords(self):
        """What check() accepts, as (typed name, password)."""
        return [(name, a.password) for a in self.accounts.values() if a.usable
                for name in sorted(a.names() | {n.lower() for n in a.names()})]

    def ntlm_users(self):
        """The same for gss-ntlmssp."""
        return "".join(f"{DOMAIN}:{a.name}:{a.password}\n" for a in self.accounts.values()
                       if a.usable)

    def note(self, *accounts):
        """Those accounts are new or changed."""
        self.accounts |= {a.name: a for a in accounts}
        for tell in self.on_change:
            tell()

    # --- the process --------------------------------------------------------------

    def _await(self, *ports):
        def listening():
            if self.process.poll() is not None:
                raise RuntimeError(f"the KDC ended:\n{self.hosts.log_text(self.label)}")
            with self.hosts.inside("dc"):
                try:
                    for port in ports:
                        socket.create_connection((self.address, port), 1).close()
                except OSError:
                    return False
            return True
        wait_until("the KDC listens", listening, 30)

    def ensure(self):
        """It answers, as after start(); a KDC that ended or hangs is told of,
        with its last words, and replaced."""
        with self.hosts.inside("dc"):
            try:
                socket.create_connection((self.address, 88), 1).close()
                return
            except OSError as error:
                print(f"{self.label}: KDC {self.process.pid}: {error}, exit status "
                      f"{self.process.poll()}\n{self.hosts.log_text(self.label)}")
        self.stop()
        self.start()

    def pause(self):
        """It is silent from now on; connections are taken and not answered."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    @contextlib.contextmanager
    def paused(self):
        self.pause()
        try:
            yield
        finally:
            self.resume()

    def stop(self):
        """It is gone: connections are refused. start() brings it back."""
        self.resume()
        self.hosts.stop(self.process)
