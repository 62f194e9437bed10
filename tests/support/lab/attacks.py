# SPDX-License-Identifier: BSD-3-Clause
"""What has been published against Exchange's front ends, as requests, and what
has to become of each. One table: system/test_attacks.py plays it.

An Attack either has a `status`: it is refused with that, and reaches nobody; or
it has `gone`: words of which none may be left in the header of the request when
it arrives, where it belongs, its target byte for byte as it was.
"""
import dataclasses

NAMESPACE = "mail.contoso.com"
JSON = "/autodiscover/autodiscover.json"
EMAIL = "Email=autodiscover/autodiscover.json%3f@evil.com"
CAT = "VgEAVAdXaW5kb3dzQwBBCEtlcmJlcm9zTA"
# RFC 6265 says nothing of these: servers read cookies as they like.
BLANK = "\u00a0"


@dataclasses.dataclass(frozen=True)
class Attack:
    what: str
    target: str
    lines: tuple = ()       # of the header, beside Host
    gone: tuple = ()
    status: int = None
    method: str = "GET"
    host: str = NAMESPACE
    body: bytes = b""

    def request(self, more=""):
        length = f"Content-Length: {len(self.body)}\r\n" if self.body else ""
        lines = "".join(f"{line}\r\n" for line in self.lines)
        host = f"Host: {self.host}\r\n"
        return f"{self.method} {self.target} HTTP/1.1\r\n{host}{more}{length}{lines}\r\n" \
            .encode("latin-1") + self.body


def refused(status, what, *targets, lines=(), **more):
    return [Attack(what, target, tuple(lines), status=status, **more) for target in targets]


def stripped(what, target, *lines, gone, **more):
    return [Attack(what, target, lines, tuple(gone), **more)]


def cookie(what, target, text, *lines, gone=(), **more):
    """The names of all its cookies must go, unless `gone` says otherwise."""
    names = gone or [c.partition("=")[0].strip() for c in text.split("; ")]
    return stripped(what, target, f"Cookie: {text}", *lines, gone=names, **more)


ATTACKS = [
    # --- ProxyLogon: a cookie that names the back end -----------------------------
    *cookie("CVE-2021-26855", "/ecp/x.js", "X-BEResource=localhost~1942062522"),
    *cookie("CVE-2021-26855 autodiscover", "/ecp/target.js",
            "X-BEResource=ex13.contoso.local/autodiscover/autodiscover.xml?a=~1942062522",
            method="POST", body=b"<Autodiscover/>"),
    *cookie("CVE-2021-26855 mapi", "/ecp/y.js",
            "X-BEResource=Administrator@EX13:444/mapi/emsmdb?MailboxId=f26bc937-b7b3-4402-b890-"
            "96c46713e5d5@contoso.local&a=~1942062522", method="POST", body=b"x"),
    *cookie("CVE-2021-26855 proxyLogon", "/ecp/main.css",
            "X-BEResource=]@EX13:444/ecp/proxyLogon.ecp?#~1941997017",
            "msExchLogonMailbox: S-1-5-21-1-2-3-500", "msExchLogonAccount: S-1-5-18",
            "msExchTargetMailbox: S-1-5-18", gone=("X-BEResource", "msExch"), method="POST",
            body=b"<r at=\"Negotiate\"/>"),
    *cookie("CVE-2021-26855 DDIService", "/ecp/DDI/x.js",
            "X-BEResource=Admin@EX13:444/ecp/DDI/DDIService.svc/GetObject?schema="
            "OABVirtualDirectory#~1942062522; msExchLogonMailbox=S-1-5-18"),
    *cookie("CVE-2021-26855 nmap", "/owa/auth/x.js",
            "X-AnonResource=true; X-AnonResource-Backend=localhost/ecp/default.flt?~3; "
            "X-BEResource=localhost/owa/auth/logon.aspx?~3"),
    *cookie("CVE-2021-26855 any host", "/owa/auth/Current/themes/resources/logon.css",
            "X-AnonResource=true; X-AnonResource-Backend=evil.com/?~1"),
    *stripped("X-BEResource as a header", "/ecp/x.js", "X-BEResource: EX13:444/x#~1",
              gone=["beresource"]),
    *refused(404, "a logon that only a front end may begin", "/ecp/proxyLogon.ecp",
             "/ecp/x.js/ProxyLogon.ecp", "/owa/proxylogon.owa", "/owa/proxylogon.owa.",
             "/owa/ProxyLogon.owa::$DATA", "/owa/alice@contoso.com/proxylogon.owa",
             "/owa/(S(x))/proxylogon.owa", "/Microsoft-Server-ActiveSync/Proxy",
             "/Microsoft-Server-ActiveSync/Proxy%20.", "/microsoft-server-activesync/PROXY/x",
             "/Microsoft-Server-ActiveSync/Proxy::$INDEX_ALLOCATION",
             lines=["msExchLogonMailbox: S-1-5-18"], method="POST", body=b"x"),

    # --- the same cookies, as other readers would find them -----------------------
    *cookie("cookie in capitals", "/ecp/x.js", "x-beRESOURCE=a~1; SECURITYTOKEN=1"),
    *cookie("cookie with _", "/ecp/x.js", "X_BEResource=a~1; X-AnonResource_Backend=b"),
    *cookie("cookie with blanks", "/ecp/x.js", "\tX-BEResource =a~1",),
    *cookie("cookie behind a no-break space", "/ecp/x.js", f"a=1;{BLANK}X-BEResource{BLANK}=a~1",
            gone=["beresource"]),
    *cookie("cookie inside quotes", "/ecp/x.js", 'a="1; X-BEResource=a~1; b=2"',
            gone=["beresource"]),
    *cookie("cookie in quotes", "/ecp/x.js", '"X-BEResource"=a~1', gone=["beresource"]),
    *cookie("cookie behind a comma", "/ecp/x.js", "a=1, X-BEResource=a~1", gone=["beresource"]),
    *cookie("cookie without a value", "/ecp/x.js", "a=1;;SecurityToken", gone=["securitytoken"]),
    *stripped("cookie in a second line", "/ecp/x.js", "Cookie: a=1", "cookie: X-BEResource=a~1",
              gone=["beresource"]),
    *stripped("cookie twice", "/ecp/x.js", "Cookie: X-BEResource=a~1; b=2; X-BEResource=c~1",
              gone=["beresource"]),

    # --- ProxyOracle, ProxyToken ----------------------------------------------------
    *cookie("CVE-2021-31195", "/owa/auth/frowny.aspx?app=people&et=ServerError&esrc=MasterPage"
            "&te=\\&refurl=}}};alert(document.domain)//",
            "X-AnonResource=true; X-AnonResource-Backend=evil.com/?~1"),
    *cookie("CVE-2021-33766", "/ecp/alice@contoso.com/RulesEditor/InboxRules.svc/NewObject"
            "?msExchEcpCanary=x", "SecurityToken=x", method="POST", body=b"{}"),
    *cookie("CVE-2021-33766 canary", "/ecp/alice@contoso.com/PersonalSettings/HomePage.aspx"
            "?showhelp=false", "SecurityToken=x; securitytoken="),

    # --- ProxyShell: what looks like an address chooses the directory ---------------
    *refused(400, "CVE-2021-34473", *(f"{JSON}?@evil.com/{where}?&{EMAIL}" for where in (
        "mapi/nspi/", "mapi/emsmdb/", "owa/", "ews/exchange.asmx", "ecp/", "autodiscover/x.xml")),
        f"{JSON}?@evil.com/powershell/?X-Rps-CAT={CAT}&{EMAIL}",
        f"{JSON}?@evil.com/api/x?&{EMAIL}", f"{JSON}?{EMAIL}&@evil.com/mapi/nspi/"),
    *refused(400, "CVE-2021-34473 by cookie", f"{JSON}?a=pwn@evil.com/mapi/nspi/",
             f"{JSON}?a=pwn@evil.com/powershell/?X-Rps-CAT={CAT}",
             lines=["Cookie: Email=autodiscover/autodiscover.json?a=pwn@evil.com"]),
    *cookie("the cookie alone", JSON, "Email=autodiscover/autodiscover.json?@evil.com"),
    *refused(400, "CVE-2021-34473 encoded", f"{JSON}?%40evil.com%2Fpowershell",
             f"{JSON}?a=b@c%5cpowershell", f"{JSON}?a=b@c%252fpowershell",
             f"{JSON}?a=b%40c&x=%2Fmapi%2fnspi", "/autodiscover/autodiscover%2ejson?@evil/owa/",
             "/AutoDiscover/AUTODISCOVER.JSON?@evil/owa/", f"{JSON}%3f@evil.com/mapi/nspi/"),
    *refused(400, "an Email that is no address", f"{JSON}?Email=alice@contoso.com/powershell",
             f"{JSON}?Email=a@b.c&Email=d@e.f", f"{JSON}?Email=autodiscover.json%3f@evil.com",
             f"{JSON}?%45mail=x", f"{JSON}/v1.0/a@b.c/powershell", f"{JSON}/v1.0/x%40y%40z"),
    *refused(400, "a token of a front end's", f"/PowerShell/?X-Rps-CAT={CAT}",
             f"/powershell?serializationLevel=Full;x_rps_cat={CAT}", f"/PowerShell?X%2dRps%2dCAT=V",
             "/owa/?X-BEResource=EX13:444", method="POST", body=b"<s:Envelope/>"),

    # --- ProxyNotShell ----------------------------------------------------------------
    *refused(400, "CVE-2022-41040", "/autodiscover/autodiscover.json@evil.com/powershell",
             "/autodiscover/autodiscover.json@evil.com/owa/?&Email=x",
             "/autodiscover/admin@localhost/powershell/autodiscover.json?x=a",
             f"{JSON}?a..foo.var.com/owa/?&Email=autodiscover/autodiscover.json?a..foo.var.com"
             "&Protocol=XYZ&FooProtocol=%50owershell",
             f"{JSON}/powershell?x@y", "/autodiscover/autodiscover.json.?@evil/x",
             "/autodiscover/autodiscover.json::$DATA?@evil/x",
             "/EWS/autodiscover.json?a@b/powershell", "/autodiscover/x/autodiscover.json",
             lines=["Cookie: Email=autodiscover/admin@localhost"]),

    # --- OWASSRF ------------------------------------------------------------------------
    *stripped("CVE-2022-41080", "/owa/mastermailbox%40outlook.com/powershell",
              "X-OWA-ExplicitLogonUser: owa/mastermailbox@outlook.com", gone=["explicitlogon"],
              method="POST", body=b"<s:Envelope/>"),
    *stripped("CVE-2022-41080 other values", "/owa/", "X-OWA-ExplicitLogonUser: owa/a@b.c/../x",
              "X-OWA-ExplicitLogonUser: a@b.c, d@e.f", "x-owa-explicitlogonuser: a@b.c\\x",
              "X-OWA-ExplicitLogonUser: ", gone=["explicitlogon"]),
    *stripped("CVE-2022-41080 with _", "/owa/", "X_OWA_ExplicitLogonUser: alice@contoso.com",
              "X-OWA_ExplicitLogonUser: a@b.c", gone=["explicitlogon"]),

    # --- what a back end believes of a front end, CVE-2018-8581's kind -----------------
    *stripped("another's token", "/EWS/Exchange.asmx", f"X-CommonAccessToken: {CAT}",
              "X-IsFromCafe: 1", "X-SourceCafeServer: ex13.contoso.local", "X-RPS-CAT: V",
              gone=["commonaccess", "cafe", "rps-cat"], method="POST", body=b"<s:Envelope/>"),
    *stripped("another server", "/owa/", "X-TargetServer: EX13", "X-TargetDatabase: V",
              "msExchProxyUri: https://evil.com/", "X-FEServer: EX13",
              "X-CalculatedBETarget: evil.com", "X-BackEndServer: EX13~1941997017",
              "X-BackEnd-Any: 1", gone=["target", "msexch", "feserver", "backend"]),
    *stripped("names with _", "/owa/", "X_CommonAccessToken: V", "X_AnonResource-Backend: V",
              "X_BackEndCookie: V", "X-IsFromCafe: 1", gone=["commonaccess", "backend", "cafe"]),
    *stripped("twice, and in capitals", "/owa/", "X-COMMONACCESSTOKEN: V", "X-Other: 1",
              "x-commonaccesstoken: V", gone=["commonaccess"]),
    *stripped("another address of the client", "/owa/", "X-Forwarded-For: 127.0.0.1",
              "X-Forwarded-Host: evil.com", "X-Forwarded-Server: evil.com",
              "Forwarded: for=127.0.0.1;host=evil.com", "Front-End-Https: off",
              gone=["127.0.0.1", "evil.com", "off"]),
    *stripped("another path", "/owa/", "X-Original-URL: /powershell", "X-Rewrite-URL: /powershell",
              gone=["powershell"]),
    *stripped("removed by Connection", "/owa/", "Connection: close, X-Forwarded-For, Host",
              "X-CommonAccessToken: V", gone=["commonaccess", "connection: close"]),

    # --- header lines that are two, or another ------------------------------------------
    *(a for line in ("X: a\r\n X-CommonAccessToken: V", "X: a\r\n\tb", "X-CommonAccessToken : V",
                     "X-CommonAccessToken\t: V", "X: a\rX-CommonAccessToken: V",
                     "X: a\nX-CommonAccessToken: V", "X: a\0b", "X-CommonAccessToken",
                     "X\x0b: a", "Content_Length: 5", "Transfer_Encoding: chunked",
                     "X_Forwarded_For: 127.0.0.1", "X-Forwarded_Host: evil.com",
                     "Host: evil.com", "host: mail.contoso.com")
      for a in refused(400, "header line", "/owa/", lines=[line])),

    # --- another host ---------------------------------------------------------------------
    *(a for host in ("evil.com", "ex13.contoso.local", "localhost", "10.20.0.21", "127.0.0.1:444",
                     "mail.contoso.com.evil.com", "xmail.contoso.com")
      for a in refused(421, "host", "/owa/", host=host)),
    *(a for host in ("evil.com@mail.contoso.com", "mail.contoso.com/x",
                     "mail.contoso.com, evil.com", "mail.contoso.com:444x",
                     "mail.contoso.com..", "")
      for a in refused(400, "host", "/owa/", host=host)),
    *refused(400, "absolute target", "https://ex13.contoso.local:444/powershell",
             "http://evil.com/owa/", "https://mail.contoso.com@evil.com/owa/", "//evil.com/owa/",
             "owa/", "evil.com:443", "file:///c:/windows/win.ini"),

    # --- paths that are two ---------------------------------------------------------------
    *refused(400, "path", *(
        "/owa/..%2fecp/", "/owa/%2e%2e/ecp/", "/owa/../ecp/", "/owa/./ecp", "/owa/.%2e/ecp",
        "/owa/..%5cecp", "/owa/..\\ecp", "/owa\\ecp", "/owa%5c..%5cecp", "/owa//ecp", "//owa/",
        "/owa/..;/powershell", "/owa/.;x=1/ecp", "/owa;x/", "/owa/x%3b/", "/owa/%252e%252e%252fecp",
        "/owa/%25252e/", "/owa/%25u002e/", "/owa/%u002e%u002e/", "/owa/%00", "/owa/x%00.js",
        "/ecp/x%00/proxyLogon.ecp", "/owa/%0d%0aX-BEResource:x", "/owa/%09", "/owa/%7f",
        "/owa/%c0%ae%c0%ae/ecp", "/owa/%c0%afecp", "/owa/%e0%80%af", "/owa/%f0%80%80%af",
        "/owa/%ed%a0%80", "/owa/%ff", "/owa/%c3", "/owa/%ef%bc%8e%ef%bc%8e/ecp",
        "/owa%ef%bc%8fecp", "/owa%ef%bc%bcecp", "/owa/%e2%80%a4%e2%80%a4/ecp", "/owa%e2%88%95ecp",
        "/owa%c2%a5ecp", "/owa/.../ecp", "/owa/..%20/ecp", "/owa/%20/ecp", "/owa/.%20./ecp",
        "/owa%3f/powershell", "/owa%23/powershell", "/owa/%", "/owa/%2", "/owa/%zz",
        "/%2e%2e/powershell", "/owa/#/powershell")),
    *refused(404, "no directory of clients'", "/rpcwithcert/rpcproxy.dll", "/PushNotifications/",
             "/exchange/alice", "/aspnet_client/system_web/shell.aspx", "/owax/", "/ecpx",
             "/rpc/other.dll", "/rpc/rpcproxy.dll/x", "/mapi/", "/mapi/emsmdbx", "/mapi/x/emsmdb",
             "/api/v2.0/me", "/owa.", "/owa::$DATA/", "/%6fwa%20/", "/powershell-liveid",
             "/Autodiscover.json", "/sync", "/owa@evil.com/powershell", "/mapi/emsmdb@evil.com/x"),
]

# What looks alike and is honest: header lines that must arrive as they are.
HONEST = [
    ("Autodiscover V2", f"{JSON}/v1.0/alice@contoso.com?Protocol=EWS", ()),
    ("Autodiscover V2, encoded", f"{JSON}/v1.0/alice%40contoso.com?Protocol=ActiveSync", ()),
    ("Autodiscover V2, query", f"{JSON}?Email=alice%40contoso.com&Protocol=REST&RedirectCount=1",
     ()),
    ("Autodiscover V2, capitals", "/AutoDiscover/AutoDiscover.json?email=o'neil+x@contoso.com", ()),
    ("Autodiscover metadata", "/autodiscover/metadata/json/1", ()),
    ("explicit logon", "/owa/alice@contoso.com/", ()),
    ("explicit logon, ECP", "/ecp/alice@contoso.com/?rfr=owa", ()),
    ("explicit logon of OWA's script", "/owa/ev.owa2?ns=x",
     ("X-OWA-ExplicitLogonUser: alice@contoso.com",)),
    ("anchor", "/EWS/Exchange.asmx", ("X-AnchorMailbox: alice@contoso.com",)),
    ("affinity", "/EWS/Exchange.asmx", ("X-PreferServerAffinity: true",
                                        "Cookie: X-BackEndOverrideCookie=EX13~1941997017")),
    ("a front end's own cookie", "/owa/", (
        "Cookie: ClientId=1; X-BackEndCookie=S-1-5-21=u56Lnp2ejJqBz8a; cadata=\"a b==\"; "
        "cadataTTL=x; UserContext=y; X-OWA-CANARY=z",)),
    ("address in a query", "/owa/?ae=Item&a=New&to=a@b.c/d&x=..%2f..", ()),
    ("shell", "/PowerShell/?PSVersion=5.1.17763&serializationLevel=Full", ()),
    ("a calendar", "/owa/calendar/5b1e0001-7c3d-4e2f-9a6b-000000000001@contoso.com/x/calendar.html",
     ()),
    ("umlauts", "/owa/%C3%A4/%E2%82%AC", ()),
]
