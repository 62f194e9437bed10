# SPDX-License-Identifier: BSD-3-Clause
"""Who there is, as data: users, and the services that tickets are made out to.
Both kinds of KDC (realm.py, domain.py) are filled from it, so that a test runs
on either.

Everybody with a mailbox (topology.py) is a user, and three more whom a KDC
treats in ways of their own. svc-casgate is the appliance: it holds the names of
the namespace, and may ask for tickets to the Client Access servers in its
users' names, whatever they authenticated with (S4U2Self and S4U2Proxy; MS-SFU).
"""
import dataclasses

from . import topology
from .topology import Mailbox

REALM = "CONTOSO.LOCAL"
DOMAIN = "CONTOSO"


@dataclasses.dataclass(frozen=True)
class Account:
    """A user. `upn` may be another word than the name, as in any real forest."""
    name: str
    password: str
    upn: str = ""
    mail: str = ""
    sensitive: bool = False     # "account is sensitive and cannot be delegated"
    disabled: bool = False
    expired: bool = False       # the password must be changed before anything else

    @property
    def usable(self):
        return not self.disabled and not self.expired

    def names(self):
        """All that the user may type, in any case."""
        return {self.name, f"{DOMAIN}\\{self.name}", f"{REALM.lower()}\\{self.name}",
                f"{self.name}@{REALM.lower()}", self.upn or self.name}


@dataclasses.dataclass(frozen=True)
class Service:
    """An account with service principal names."""
    name: str
    spns: tuple
    targets: tuple = ()         # SPNs to which it may take its users
    transition: bool = False    # even those who did not come with Kerberos

    @property
    def password(self):
        return f"pw-of-{self.name}"

    @property
    def computer(self):
        return self.name.endswith("$")


def account(mailbox, upn=None, **flags):
    return Account(mailbox.alias, mailbox.password, upn or mailbox.smtp, mailbox.smtp, **flags)


def http(server):
    return f"HTTP/{server.fqdn}"


SARA = Mailbox("sara", "Sara Sensitive", topology.CAS10, 8)
DORA = Mailbox("dora", "Dora Disabled", topology.CAS10, 9)
EDNA = Mailbox("edna", "Edna Expired", topology.CAS10, 10)

ACCOUNTS = [
    *(account(m) for m in topology.MAILBOXES if m is not topology.BOB),
    account(topology.BOB, upn="bob.brown@contoso.com"),
    account(SARA, sensitive=True),
    account(DORA, disabled=True),
    account(EDNA, expired=True),
]

CASGATE = Service("svc-casgate", tuple(f"HTTP/{n}" for n in topology.NAMESPACES),
                  tuple(http(s) for s in topology.STANDINS), transition=True)
# The same but for the right to begin without the user's ticket.
STRICT = Service("svc-strict", ("HTTP/strict.contoso.com",), CASGATE.targets)
# ORIGIN and IMPOSTOR are no targets: tickets to them are refused.
SERVICES = [CASGATE, STRICT, *(Service(f"{s.name}$", (http(s),)) for s in topology.SERVERS)]
