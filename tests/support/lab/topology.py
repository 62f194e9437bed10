# SPDX-License-Identifier: BSD-3-Clause
"""The organisation that casgate stands in front of, as data.

HQ is the appliance's own site. Branch has a 2010 Client Access server without
an ExternalURL, so its mailboxes are proxied, not redirected. Lab and Broken are
sites of their own for the back end that misbehaves (origin.py) and for one
whose certificate nobody signed: no other mailbox can end up there.
"""
import dataclasses

NAMESPACE = "mail.contoso.com"
NAMESPACES = [NAMESPACE, "autodiscover.contoso.com"]
HOME_SITE = "HQ"
SITES = ["HQ", "Branch", "Lab", "Broken"]
LEGACY_OWA = "https://legacy.contoso.com/owa"


@dataclasses.dataclass(frozen=True)
class Server:
    name: str
    version: str
    site: str
    address: str
    key: str = "ec"
    tls: tuple = ("TLSv1.2 TLSv1.3", "DEFAULT")     # as nginx writes it
    external_url: dict = dataclasses.field(default_factory=dict)

    @property
    def fqdn(self):
        return f"{self.name.lower()}.contoso.local"


# What Windows 2008 R2 offers with an RSA certificate, and what Windows 2003 and
# 2008 do: no AEAD, no TLS 1.2.
WINDOWS_2008R2 = ("TLSv1.2", "ECDHE-RSA-AES256-SHA384:ECDHE-RSA-AES128-SHA256:AES256-SHA256")
WINDOWS_2008 = ("TLSv1", "AES256-SHA:AES128-SHA:@SECLEVEL=0")

EX13 = Server("EX13", "2013", "HQ", "10.20.0.21")
CAS10 = Server("CAS10", "2010", "HQ", "10.20.0.22", key="rsa", tls=WINDOWS_2008R2)
CAS10B = Server("CAS10B", "2010", "Branch", "fd00:20::23")
CAS07 = Server("CAS07", "2007", "HQ", "10.20.0.24", key="rsa", tls=WINDOWS_2008,
               external_url={"owa": LEGACY_OWA})
ORIGIN = Server("ORIGIN", "2010", "Lab", "10.20.0.25")
IMPOSTOR = Server("IMPOSTOR", "2010", "Broken", "10.20.0.26")
STANDINS = [EX13, CAS10, CAS10B, CAS07]
SERVERS = [*STANDINS, ORIGIN, IMPOSTOR]


@dataclasses.dataclass(frozen=True)
class Mailbox:
    alias: str
    display: str
    server: Server
    number: int

    @property
    def smtp(self):
        return f"{self.alias}@contoso.com"

    @property
    def other_smtp(self):
        return f"{self.alias}.{self.display.split()[-1].lower()}@fabrikam.com"

    @property
    def sam(self):
        return f"CONTOSO\\{self.alias}"

    @property
    def guid(self):
        return f"5b1e{self.number:04x}-7c3d-4e2f-9a6b-{self.number:012x}"

    @property
    def dn(self):
        return ("/o=Contoso/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)"
                f"/cn=Recipients/cn={self.alias}")

    @property
    def password(self):
        return f"pw-of-{self.alias}"


ALICE = Mailbox("alice", "Alice Abel", EX13, 1)
BOB = Mailbox("bob", "Bob Bauer", CAS10, 2)
CAROL = Mailbox("carol", "Carol Clark", CAS10B, 3)
DAVE = Mailbox("dave", "Dave Dorn", CAS07, 4)
OLGA = Mailbox("olga", "Olga Origin", ORIGIN, 5)
IVAN = Mailbox("ivan", "Ivan Impostor", IMPOSTOR, 6)
MOVER = Mailbox("mover", "Mona Mover", CAS10, 7)
PEOPLE = [ALICE, BOB, CAROL, DAVE, MOVER]
MAILBOXES = [*PEOPLE, OLGA, IVAN]

# A typical first request of each protocol: method, target ({guid}, {smtp} are
# the mailbox's), headers. The word is the one casgate uses for the protocol.
REQUESTS = {
    "owa": ("GET", "/owa/", {}),
    "ecp": ("GET", "/ecp/", {}),
    "eas": ("POST", "/Microsoft-Server-ActiveSync?Cmd=Ping&User={alias}"
                    "&DeviceId=v140Device&DeviceType=SmartPhone", {"MS-ASProtocolVersion": "14.1"}),
    "rpc": ("RPC_IN_DATA", "/rpc/rpcproxy.dll?{guid}@contoso.com:6001",
            {"User-Agent": "MSRPC", "Accept": "application/rpc"}),
    "mapi": ("POST", "/mapi/emsmdb/?MailboxId={guid}@contoso.com", {"X-RequestType": "Connect"}),
    "ews": ("POST", "/EWS/Exchange.asmx", {"Content-Type": "text/xml; charset=utf-8"}),
    "autodiscover": ("POST", "/Autodiscover/Autodiscover.xml", {"Content-Type": "text/xml"}),
    "oab": ("GET", "/OAB/oab.xml", {}),
    "powershell": ("POST", "/PowerShell?PSVersion=5.1", {}),
}


def target(protocol, mailbox):
    path = REQUESTS[protocol][1]
    return path.format(guid=mailbox.guid, smtp=mailbox.smtp, alias=mailbox.alias)


@dataclasses.dataclass(frozen=True)
class Expected:
    """What the coexistence table says of one mailbox and protocol."""
    server: Server = None   # proxied there
    redirect: str = None    # or told to go there
    status: int = 200


def expected(mailbox, protocol):
    """Where Exchange 2013's front end would take this request; None where the
    mailbox's version has no such protocol."""
    version = mailbox.server.version
    if version in ("2007", "2010") and protocol == "mapi":
        return None
    if version == "2007":
        if protocol == "owa":
            return Expected(redirect=mailbox.server.external_url["owa"], status=302)
        if protocol in ("ecp", "powershell"):
            return None
        if protocol == "autodiscover":
            return Expected(server=EX13)
    return Expected(server=mailbox.server)


# --- what PowerShell's Export-Csv would have written -------------------------

COLUMNS = ["DisplayName", "PrimarySmtpAddress", "UserPrincipalName", "SamAccountName", "Domain",
           "ExchangeGuid", "LegacyExchangeDN", "EmailAddresses", "ServerName", "Database"]


def csv(mailboxes):
    rows = [COLUMNS]
    for m in mailboxes:
        addresses = f"SMTP:{m.smtp} smtp:{m.other_smtp} X400:C=US;A= ;P=Contoso;S={m.alias}"
        rows.append([m.display, m.smtp, m.smtp, m.alias, "CONTOSO", m.guid, m.dn, addresses,
                     m.server.name, f"DB-{m.server.name}"])
    quoted = (",".join('"' + cell.replace('"', '""') + '"' for cell in row) for row in rows)
    return "\ufeff#TYPE Selected.System.Management.Automation.PSCustomObject\r\n" \
        + "".join(line + "\r\n" for line in quoted)
