# SPDX-License-Identifier: BSD-3-Clause
"""A Client Access server that authenticates: Apache with mod_auth_gssapi in the
place of IIS. What a request asks for is answered behind it, in the test's own
process: /rpc by rpcserver.py, everything else with JSON about what came.

    cas = Cas(hosts, topology.EX13, pair, kdc)
    cas.offer(ews="negotiate", owa="forms", rpc="basic,ntlm")
    cas.seen[-1]["user"], cas.rpc.only()

Ways to authenticate, each virtual directory's own, any of them joined by commas:

    basic      the KDC's users by any of their names, from a file
    ntlm       the same users, by gss-ntlmssp
    negotiate  Kerberos by the server's keytab; NTLM inside it with `ntlm`
    anonymous  nobody is asked
    forms      /owa and /ecp: owa.py

What IIS does otherwise: Apache reads a request's body before it says 401, so a
client that announces 1 GiB without being authenticated is left waiting; and the
last bytes of an unfinished body are lost when the connection's end comes with
them, so an IN channel cannot be recycled (its last PDU, IN_R/A5, is followed by
nothing else).
"""
import base64
import hashlib
import http.client
import http.cookies
import http.server
import json
import os
import pathlib
import pwd
import shutil
import signal
import socket
import ssl
import threading

from .hosts import wait_until
from .identity import DOMAIN
from .owa import Forms
from .rpcserver import RpcServer

# By casgate's words for the protocols.
DIRECTORIES = {
    "owa": "/owa", "ecp": "/ecp", "eas": "/Microsoft-Server-ActiveSync", "rpc": "/rpc",
    "mapi": "/mapi", "ews": "/EWS", "autodiscover": "/Autodiscover", "oab": "/OAB",
    "powershell": "/PowerShell",
}
DEFAULT = {**dict.fromkeys(DIRECTORIES, "basic,negotiate"), "owa": "forms", "ecp": "forms"}

MODULES = """mpm_event authn_core authz_core authz_user authn_file auth_basic auth_gssapi
    setenvif env headers proxy proxy_http ssl socache_shmcb reqtimeout"""
PLACE = pathlib.Path("/usr/lib/apache2/modules")

# curl's first NTLM message has no version, and asks for signatures: gss-ntlmssp
# 1.2 takes neither. The same with a version of zeros, and without.
CURL = "TlRMTVNTUAABAAAABoIIAAAAAAAAAAAAAAAAAAAAAAA="
PADDED = base64.b64encode(b"NTLMSSP\0" + (1).to_bytes(4, "little")
                          + 0x80206.to_bytes(4, "little") + bytes(24)).decode()

OFFER = 'Header always add WWW-Authenticate {} "expr=%{{REQUEST_STATUS}} == 401 {}"'

CONFIG = """\
ServerRoot {dir}
DefaultRuntimeDir {dir}/run
PidFile {dir}/run/httpd.pid
ErrorLog {dir}/error.log
LogLevel warn auth_gssapi:info
LogFormat "%t %h %u \\"%r\\" %>s %D us" lab
CustomLog {dir}/access.log lab
{modules}
User www-data
Group www-data
StartServers 1
ThreadsPerChild 64
MaxRequestWorkers 512
KeepAlive On
KeepAliveTimeout 300
MaxKeepAliveRequests 0
Timeout 900
RequestReadTimeout header=0 body=0
LimitRequestBody 0
LimitRequestLine 65536
LimitRequestFieldSize 65536
RegisterHttpMethod RPC_IN_DATA RPC_OUT_DATA RPC_ECHO
ServerName {fqdn}
Listen {listen}:443
SSLEngine on
SSLCertificateFile {pair.chain}
SSLCertificateKeyFile {pair.key}
SSLSessionCache shmcb:{dir}/run/tls
SSLProtocol -all {protocols}
SSLCipherSuite {ciphers}
Header always set X-FEServer {name}
RequestHeader edit Authorization "^NTLM {curl}$" "NTLM {padded}" early
# Who it is, and how that was found out; the proof itself stays here.
RequestHeader set X-Remote-User "expr=%{{REMOTE_USER}}"
RequestHeader set X-Auth-Type "expr=%{{AUTH_TYPE}}"
RequestHeader edit Authorization "^(\\S+).*" "$1"
ProxyPreserveHost On
# Nothing is collected before it is sent on, either way.
SetEnv proxy-prefetch-nonblocking 1
ProxyPassMatch "(?i)^/(rpc/.*)$" "http://127.0.0.1:{rpc}/$1" disablereuse=on flushpackets=on \
connectiontimeout=5 timeout=3600
ProxyPass / http://127.0.0.1:{web}/ disablereuse=on timeout=900
<Location />
	AuthName {fqdn}
	Require all granted
</Location>
<Location /generation>
	Header always set X-Generation {generation}
</Location>
{locations}
<LocationMatch "/healthcheck.htm$">
	AuthType None
	Require all granted
</LocationMatch>
"""


class Cas:
    """One server, on the address and with the certificate that are its own."""

    def __init__(self, hosts, server, pair, kdc):
        self.server, self.kdc, self._hosts, self._pair = server, kdc, hosts, pair
        self.offers, self.seen = dict(DEFAULT), []
        self.forms = Forms(server.version, kdc.check)
        self.dir = hosts.dir / f"apache-{server.name}"
        (self.dir / "run").mkdir(parents=True)
        owner = pwd.getpwnam("www-data")
        self._keytab = self.dir / "http.keytab"
        shutil.copy(kdc.keytab(f"{server.name}$"), self._keytab)
        for path in (self.dir / "run", self._keytab):
            os.chown(path, owner.pw_uid, owner.pw_gid)
        hosts.address("back", server.address)
        for host in ("client", "back"):
            hosts.hosts_file(host, [f"{server.address} {server.fqdn}"])
        with hosts.inside("back"):
            self.rpc = RpcServer(socket.create_server(("127.0.0.1", 0)), name=server.name,
                                 schemes=None)
            self._web = Web(self)
        kdc.on_change.append(self._write_users)
        self._write_users()
        self._generation, self._process = 0, None
        self.start()

    # --- configuration ------------------------------------------------------------

    def _write_users(self):
        def line(name, password):
            digest = base64.b64encode(hashlib.sha1(password.encode()).digest()).decode()
            return f"{name}:{{SHA}}{digest}\n"
        (self.dir / "users").write_text("".join(line(*p) for p in self.kdc.passwords()))
        (self.dir / "ntlm").write_text(self.kdc.ntlm_users())

    def _location(self, protocol, words):
        words = set(words.split(","))
        assert words <= {"basic", "ntlm", "negotiate", "anonymous", "forms"}, words
        gssapi, lines = words & {"ntlm", "negotiate"}, []
        if gssapi:
            lines += ["AuthType GSSAPI", f"GssapiCredStore keytab:{self._keytab}",
                      "Require valid-user"]
        if "negotiate" in words:
            lines.append("GssapiAllowedMech krb5")
        if "ntlm" in words:
            # Without a name, gss-ntlmssp 1.2 makes a credential that crashes it.
            lines += [f"GssapiAcceptorName HTTP@{self.server.fqdn}",
                      f"GssapiCredStore ntlmssp_keyfile:{self.dir}/ntlm",
                      "GssapiAllowedMech ntlmssp", "GssapiConnectionBound On"]
        if gssapi == {"ntlm"}:      # the module offers both or neither
            lines.append(OFFER.format("NTLM", "&& !(%{HTTP:Authorization} =~ /^NTLM "
                                              "TlRMTVNTUAAB/)"))
        if "basic" in words:
            basic = ["AuthType Basic", "AuthBasicProvider file",
                     f"AuthUserFile {self.dir}/users", "Require valid-user"]
            if gssapi:
                lines.append("GssapiBasicAuth On")      # offers it
                basic += [OFFER.format(s, "") for s in ("Negotiate", "NTLM")
                          if s.lower() in words and "negotiate" in words]
                basic = ['<If "%{HTTP:Authorization} =~ /^Basic /i">', *basic, "</If>"]
            lines += basic
        path = DIRECTORIES[protocol]
        hidden = "" if "negotiate" in words else \
            f'SetEnvIf Request_URI "(?i)^{path}(/|$)" gssapi-no-negotiate\n'
        return f'{hidden}<LocationMatch "(?i)^{path}(/|$)">\n' \
            + "".join(f"\t{l}\n" for l in lines) + "</LocationMatch>\n"

    def _configure(self):
        protocols, ciphers = self.server.tls
        address = self.server.address
        self._generation += 1
        (self.dir / "httpd.conf").write_text(CONFIG.format(
            dir=self.dir, name=self.server.name, fqdn=self.server.fqdn, pair=self._pair,
            listen=f"[{address}]" if ":" in address else address,
            modules="\n".join(f"LoadModule {m}_module {PLACE}/mod_{m}.so"
                              for m in MODULES.split()),
            protocols=" ".join(f"+{p}" for p in protocols.split()), ciphers=ciphers,
            rpc=self.rpc.address[1], web=self._web.server_port, generation=self._generation,
            curl=CURL, padded=PADDED,
            locations="".join(self._location(*offer) for offer in self.offers.items())))

    def offer(self, **offers):
        """Other ways to authenticate, from now on: offer(ews="negotiate")."""
        self.offers |= offers
        self._configure()
        self._process.send_signal(signal.SIGUSR1)
        wait_until(f"Apache {self.server.name} has reread", self._current)

    def _current(self):
        """Whether new connections meet the newest configuration."""
        if self._process.poll() is not None:
            raise RuntimeError(f"Apache {self.server.name} ended:\n{self.log()}")
        context = ssl._create_unverified_context()
        if self.server.tls[0] == "TLSv1":
            context.minimum_version = ssl.TLSVersion.TLSv1
            context.set_ciphers(self.server.tls[1])
        client = http.client.HTTPSConnection(self.server.address, context=context, timeout=5)
        try:
            with self._hosts.inside("back"):
                client.connect()
            client.request("GET", "/generation")
            return client.getresponse().getheader("X-Generation") == str(self._generation)
        except OSError:
            return False
        finally:
            client.close()

    # --- running ------------------------------------------------------------------

    def start(self):
        self._configure()
        env = self.kdc.env(KRB5RCACHENAME=f"file2:{self.dir}/run/replays",
                           NETBIOS_DOMAIN_NAME=DOMAIN, NETBIOS_COMPUTER_NAME=self.server.name)
        self._process = self._hosts.spawn("back", "apache2", "-f", self.dir / "httpd.conf",
                                          "-DFOREGROUND", log=f"apache-{self.server.name}",
                                          env=env)
        wait_until(f"Apache {self.server.name} listens", self._current)

    def stop(self):
        self._hosts.stop(self._process)

    def close(self):
        self.kdc.on_change.remove(self._write_users)
        self.stop()
        self.rpc.close()
        self._web.shutdown()
        self._web.server_close()

    def log(self):
        path = self.dir / "error.log"
        return (path.read_text(errors="replace") if path.exists() else "")[-4000:] \
            + self._hosts.log_text(f"apache-{self.server.name}")


class Web(http.server.ThreadingHTTPServer):
    """What lies behind Apache, all of it but /rpc."""
    daemon_threads = True

    def __init__(self, cas):
        self.cas = cas
        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def __getattr__(self, name):
        if name.startswith("do_"):
            return self._serve
        raise AttributeError(name)

    def _body(self):
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        pieces = []
        while size := int(self.rfile.readline(), 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return b"".join(pieces)

    def _serve(self):
        cas, body = self.server.cas, self._body()
        path = self.path.partition("?")[0].lower()
        protocol = next((p for p, d in DIRECTORIES.items()
                         if (path + "/").startswith(d.lower() + "/")), None)
        if path.endswith("/healthcheck.htm"):
            self._answer(200, f"200 OK<br/>{cas.server.fqdn}", [("Content-Type", "text/html")])
            return
        user, kind = self.headers.get("X-Remote-User"), self.headers.get("X-Auth-Type")
        if protocol and cas.offers[protocol] == "forms":
            cookies = http.cookies.SimpleCookie(self.headers.get("Cookie", ""))
            user, refused = cas.forms.answer(
                self.command, self.path, self.headers.get("Host"),
                {name: morsel.value for name, morsel in cookies.items()}, body)
            if refused:
                self._answer(refused.status, refused.body, refused.headers)
                return
            kind = "Forms"
        told = {"server": cas.server.name, "version": cas.server.version,
                "vdir": DIRECTORIES.get(protocol), "method": self.command, "uri": self.path,
                "host": self.headers.get("Host"), "user": user or None, "auth": kind or None,
                "authorization": self.headers.get("Authorization"), "bytes": len(body)}
        cas.seen.append(told)
        self._answer(200 if protocol else 404, json.dumps(told) + "\n",
                     [("Content-Type", "application/json")])

    def _answer(self, status, body, headers):
        data = body.encode()
        self.send_response(status, "Login Timeout" if status == 440 else None)
        for name, value in [*headers, ("Content-Length", len(data))]:
            self.send_header(name, str(value))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)
