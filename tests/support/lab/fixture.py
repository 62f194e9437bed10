# SPDX-License-Identifier: BSD-3-Clause
"""Everything in one object: hosts, back ends, a running casgate, clients."""
import json

from . import topology
from .cas import Cas
from .dovecot import Dovecot
from .gate import VIP, Gate
from .hosts import Hosts
from .origin import Origin
from .standins import StandIn
from .wire import Wire, tls_context


class Lab:
    """
    with Lab(workers=2) as lab:
        lab.ask(topology.ALICE, "ews")

    `kdc`: Realm or Domain, to be lab.kdc; `cas`: names of servers that
    authenticate, in the place of their stand-ins, to be lab.cas.
    """

    def __init__(self, workers=1, mtu=1500, driver="af_xdp", hugepages=0, origin=True,
                 mail=False, kdc=None, cas=()):
        self.hosts = Hosts(mtu=mtu)
        self.origin = None
        try:
            huge = bool(hugepages) and self.hosts.hugepages(hugepages)
            self.huge = huge
            self.gate = Gate(self.hosts, workers, driver, huge)
            self.kdc = kdc and kdc(self.hosts)
            self._back_ends(origin, cas)
            # By name: the servers' POP and IMAP services.
            self.mail = {s.name: Dovecot(self.hosts, s, self.gate.pairs[s.name])
                         for s in [*topology.STANDINS, topology.IMPOSTOR] if mail}
        except BaseException:
            self.hosts.close()
            raise

    def _back_ends(self, origin, cas):
        files = self.files = self.hosts.dir / "files"
        files.mkdir()
        files.chmod(0o755)
        pairs, servers = self.gate.pairs, topology.STANDINS
        if origin:
            servers = [*servers, topology.IMPOSTOR]
            self.origin = Origin(self.hosts, topology.ORIGIN.address, pairs["ORIGIN"])
        self.standins = {s.name: StandIn(self.hosts, s, pairs[s.name], files)
                         for s in servers if s.name not in cas}
        self.cas = {s.name: Cas(self.hosts, s, pairs[s.name], self.kdc)
                    for s in servers if s.name in cas}
        for standin in self.standins.values():
            standin.wait()

    def close(self):
        try:
            if self.gate.alive:
                self.gate.audit.compare(self.gate)
            self.gate.audit.check()
        finally:
            self.gate.audit.close()
            if self.origin:
                self.origin.close()
            self.hosts.close()

    def __enter__(self):
        try:
            self.gate.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    # --- clients ------------------------------------------------------------

    def curl_words(self, *words, family=4, seconds=20):
        """curl for the client host; it trusts the lab's authority only."""
        return ["curl", "--silent", "--show-error", f"-{family}", "--max-time", seconds,
                "--cacert", self.gate.authority.cert, *words]

    def curl(self, *words, check=True, **options):
        return self.hosts.run("client", *self.curl_words(*words, **options), check=check)

    def request_words(self, mailbox, protocol, host=topology.NAMESPACE):
        """curl's words for a protocol's typical request as that user."""
        method, _, headers = topology.REQUESTS[protocol]
        words = ["-X", method, "-u", f"{mailbox.smtp}:{mailbox.password}"]
        for name, value in headers.items():
            words += ["-H", f"{name}: {value}"]
        if method != "GET":
            words += ["--data-binary", "x" * 64]
        return [*words, f"https://{host}{topology.target(protocol, mailbox)}"]

    def ask(self, mailbox, protocol, **options):
        """One such request by curl: (status, redirect URL, seconds, answer).
        The answer is what the stand-in told, or {}."""
        facts = "%{stderr}%{http_code} %{time_total} %{redirect_url}"
        done = self.curl(*self.request_words(mailbox, protocol), "-w", facts, **options)
        status, seconds, *url = done.stderr.split()
        try:
            told = json.loads(done.stdout)
        except ValueError:
            told = {}
        return int(status), url[0] if url else "", float(seconds), told

    def wire(self, port=443, tls=True, family=4, context=None, session=None, **options):
        """A raw connection from the client host to casgate; `options` are
        tls_context()'s."""
        if tls and not context:
            context = tls_context(self.gate.authority.cert, **options)
        with self.hosts.inside("client"):
            return Wire((VIP[family], port), context, topology.NAMESPACE, session)
