# SPDX-License-Identifier: BSD-3-Clause
"""Outlook Anywhere as an administrator of coexistence meets it: what clients are
asked and what IIS behind accepts, sites that never expected it, servers that
are too old; by casgate.yaml and by `casgatectl outlook-anywhere`."""
import base64
import copy
import re

import pytest

from conftest import watch
from lab import topology
from lab.fixture import Lab
from lab.gate import ControlError
from lab.scripted import Scripted
from lab.topology import NAMESPACE

EX10 = topology.Server("CAS10S", "2010", "Depot", "10.20.0.32")
EX07 = topology.Server("CAS07S", "2007", "Attic", "10.20.0.34")
EX13 = topology.Server("EX13S", "2013", "Depot", "10.20.0.33")
D10 = topology.Mailbox("depot", "D Depot", EX10, 70)
D07 = topology.Mailbox("attic", "A Attic", EX07, 71)
BASIC, NTLM, NEGOTIATE = (("WWW-Authenticate", s)
                          for s in ('Basic realm="cas10s.contoso.local"', "NTLM", "Negotiate"))
SET = 'Set-OutlookAnywhere -Identity "CAS10S\\Rpc (Default Web Site)" '


@pytest.fixture(scope="module")
def built():
    lab = Lab(origin=False)
    gate = lab.gate
    gate.config["appliance"]["name"] = OWN_NAME
    gate.config["sites"] += ["Depot", "Attic"]
    gate.config["health"] = {"timeout": "3s", "probes": False}
    gate.config["listeners"].append(
        {"name": "l7", "port": 8443, "protocol": "https", "balancer": "l7",
         "certificates": gate.config["listeners"][0]["certificates"],
         "trusted": ["10.10.0.2/32"]})
    for server in (EX10, EX07, EX13):
        pair = gate.authority.issue(server.name, [server.fqdn])
        lab.standins[server.name] = Scripted(lab.hosts, server, pair)
        gate.config["servers"].append(
            {"name": server.name, "fqdn": server.fqdn, "address": server.address,
             "version": server.version, "site": server.site,
             "tls": {"ca": str(gate.authority.cert)}})
    gate.original = copy.deepcopy(gate.config)
    gate.csv.write_text(topology.csv([*topology.MAILBOXES, D10, D07]), encoding="utf-8")
    with lab:
        yield lab


@pytest.fixture
def lab(built, request):
    """A daemon that nobody has told anything yet: what was set lasts until it
    is started again."""
    gate = built.gate
    if gate.config != gate.original or getattr(built, "told", False):
        gate.stop()
        gate.config, built.told = copy.deepcopy(gate.original), False
        gate.write()
        gate.start()
    built.cas10s, built.cas07s = built.standins["CAS10S"], built.standins["CAS07S"]
    for name in ("CAS10S", "CAS07S", "EX13S"):
        built.standins[name].reset()
    yield from watch(built, request)


def configure(lab, server=None, **settings):
    """Settings of that server, or of the file."""
    config = lab.gate.config
    part = next(s for s in config["servers"] if s["name"] == server) if server else config
    part.update(settings)
    lab.gate.reload()


def oa(lab, *words):
    lab.told = True
    return lab.gate.ctl("outlook-anywhere", *words)


def rpc(lab, *words, user=D10, password=True, port=443, echo=True):
    """An echo request: (status, headers, body)."""
    done = lab.curl("-X", "RPC_IN_DATA", "-D", "-", "-H", "X-Forwarded-For: 203.0.113.5",
                    *(["--data-binary", "echo"] if echo else []),
                    *(["-u", f"{user.smtp}:{user.password}"] if password else []), *words,
                    f"https://{NAMESPACE}:{port}/rpc/rpcproxy.dll?{user.server.fqdn}:6001")
    head, _, body = done.stdout.replace("\r\n", "\n").partition("\n\n")
    lines = head.splitlines()
    return int(lines[0].split()[1]), [tuple(l.split(": ", 1)) for l in lines[1:]], body


def challenges(headers):
    return [v for n, v in headers if n.lower() == "www-authenticate"]


OWN_NAME = "lab"
OWN = f'Basic realm="{NAMESPACE}"'


# --- what clients are asked ------------------------------------------------------------

def test_offer_of_the_server_is_relayed(lab):
    lab.cas10s.say("/rpc", status=401, headers=[BASIC, NEGOTIATE])
    status, headers, _ = rpc(lab)
    assert (status, challenges(headers)) == (401, [OWN, "Negotiate"])


def test_own_401_whatever_the_server_offers(lab):
    """The change that makes a legacy server ready is not seen by clients."""
    configure(lab, authentication={"rpc": ["Basic"]})
    seen = []
    for offer in ([BASIC], [BASIC, NEGOTIATE], [NEGOTIATE, NTLM, BASIC], [NTLM]):
        lab.cas10s.say("/rpc", status=401, headers=offer)
        status, headers, body = rpc(lab, password=False)
        assert status == 401 and challenges(headers) == [OWN]
        guid = dict(headers)["request-id"]
        seen.append(str((headers, body)).replace(guid, "ID"))
        # A wrong password, which the server finds out.
        status, headers, _ = rpc(lab)
        assert (status, challenges(headers)) == (401, [OWN])
    assert len(set(seen)) == 1, "byte for byte"
    assert [m for m, _ in lab.cas10s.asked[-4:]] == ["RPC_IN_DATA"] * 4
    assert lab.gate.stats()["proxy.challenged"] >= 4


def test_nobody_is_asked_before(lab):
    """Without credentials no server hears of it; with those offered, it does."""
    configure(lab, authentication={"rpc": ["Basic"]})
    lab.cas10s.asked.clear()
    assert rpc(lab, password=False)[0] == 401
    assert rpc(lab, "-H", "Authorization: NTLM TlRMTVNTUAABAAAA", password=False)[0] == 401
    assert rpc(lab, "-H", "Authorization: Bearer abc", password=False)[0] == 401
    assert rpc(lab, "-H", "Authorization: Basicx abc", password=False)[0] == 401
    assert not lab.cas10s.asked
    assert rpc(lab)[0] == 200 and len(lab.cas10s.asked) == 1


def test_connection_lives_on(lab):
    """The 401 of a small request leaves the connection to the next one."""
    configure(lab, authentication={"rpc": ["Basic"]})
    plain = base64.b64encode(f"{D10.smtp}:x".encode()).decode()
    with lab.wire() as w:
        for login in ("", f"Authorization: Basic {plain}\r\n", ""):
            w.send(f"RPC_OUT_DATA /rpc/rpcproxy.dll?cas10s:6001 HTTP/1.1\r\nHost: {NAMESPACE}\r\n"
                   f"{login}Content-Length: 4\r\n\r\nping".encode())
            status = w.read().status
            assert status == (200 if login else 401)


def test_handshake_goes_on(lab):
    """NTLM's second message is the server's; then the connection is known."""
    configure(lab, authentication={"rpc": ["Ntlm", "Basic"]})
    head = f"RPC_IN_DATA /rpc/rpcproxy.dll?cas10s:6001 HTTP/1.1\r\nHost: {NAMESPACE}\r\n"
    with lab.wire() as w:
        w.send(f"{head}Content-Length: 0\r\n\r\n".encode())
        assert challenges(w.read().headers) == ["NTLM", OWN]
        lab.cas10s.say("/rpc", status=401, headers=[
            ("WWW-Authenticate", "NTLM TlRMTVNTUAACAAAA"), NEGOTIATE, BASIC])
        w.send(f"{head}Authorization: NTLM TlRMTVNTUAABAAAA\r\nContent-Length: 0\r\n\r\n".encode())
        assert challenges(w.read().headers) == ["NTLM TlRMTVNTUAACAAAA"]
        lab.cas10s.reset()
        w.send(f"{head}Authorization: NTLM TlRMTVNTUAADAAAA\r\nContent-Length: 0\r\n\r\n".encode())
        assert w.read().status == 200
        w.send(f"{head}Content-Length: 0\r\n\r\n".encode())
        assert w.read().status == 200, "authenticated by the connection"


def test_shared_connections_get_basic_only(lab):
    configure(lab, authentication={"rpc": ["Negotiate", "Ntlm", "Basic"]})
    assert challenges(rpc(lab, password=False)[1]) == ["Negotiate", "NTLM", OWN]
    assert challenges(rpc(lab, password=False, port=8443)[1]) == [OWN]


def test_other_directories(lab):
    """Each has its own; pages of federation and of hybrids are nobody's."""
    configure(lab, authentication={"ews": ["Negotiate", "Ntlm"]})
    lab.standins["EX13S"].reset()

    def ask(path):
        done = lab.curl("-D", "-", "-o", "/dev/null", f"https://{NAMESPACE}{path}")
        return int(done.stdout.split()[1]), re.findall(r"(?i)www-authenticate: (.*)", done.stdout)
    assert ask("/EWS/Exchange.asmx") == (401, ["Negotiate", "NTLM"])
    assert ask("/EWS/mrsproxy.svc")[0] == 200
    assert ask("/EWS/Exchange.asmx/wssecurity")[0] == 200
    assert ask("/Autodiscover/Autodiscover.xml")[0] == 200


# --- settings of servers ---------------------------------------------------------------

def test_show(lab):
    configure(lab, "CAS10S", **{"outlook-anywhere": {
        "ExternalHostname": NAMESPACE, "ClientAuthenticationMethod": "Basic",
        "IISAuthenticationMethods": ["Basic"], "SSLOffloading": False}})
    rows = {r["server"]: r for r in oa(lab, "show")}
    assert rows["CAS10S"] == {
        "server": "CAS10S", "version": "2010", "site": "Depot", "enabled": True,
        "client": "Basic", "iis": "Basic", "external_hostname": NAMESPACE, "findings": 1}
    assert rows[OWN_NAME]["iis"] == "(as the server)"
    one = oa(lab, "show", "CAS10S\\Rpc (Default Web Site)")
    assert one["identity"] == "CAS10S\\Rpc (Default Web Site)"
    assert one["SSLOffloading"] == "False" and "InternalHostname" not in one
    assert one["findings"][0]["code"] == "kerberos-locked-out"
    assert one["findings"][0]["cmdlet"] == SET + ("-ClientAuthenticationMethod Basic "
                                                  "-IISAuthenticationMethods Basic,NTLM")


@pytest.mark.parametrize("server, words, text", [
    ("CAS10S", ["--IISAuthenticationMethods", "Basic"], "front end's Kerberos is refused"),
    ("CAS10S", ["--DefaultAuthenticationMethod", "Basic"], "front end's Kerberos is refused"),
    ("CAS07S", ["--DefaultAuthenticationMethod", "Basic"], "DefaultAuthenticationMethod NTLM"),
    ("CAS10S", ["--ClientAuthenticationMethod", "Basic", "--IISAuthenticationMethods", "Ntlm"],
     "for the password for ever"),
    ("CAS10S", ["--ExternalHostname", "old.contoso.com"], "go past it"),
    ("CAS10S", ["--SSLOffloading", "$true", "--ExtendedProtectionTokenChecking", "Require"],
     "exclude each other"),
    ("EX13S", ["--ExternalClientAuthenticationMethod", "Negotiate"],
     "all Exchange 2013 or later"),
    ("EX13S", ["--ExternalClientAuthenticationMethod", "Basic", "--ExternalClientsRequireSsl",
               "False"], "without TLS")])
def test_locking_out_is_refused(lab, server, words, text):
    with pytest.raises(ControlError, match=re.escape(text)) as refused:
        oa(lab, "set", server, *words)
    assert refused.value.code == 1 and "--force" in str(refused.value)
    before = oa(lab, "show", server)
    done = oa(lab, "set", server, *words, "--force")
    assert oa(lab, "show", server) != before
    assert done["cmdlet"].startswith(f'Set-OutlookAnywhere -Identity "{server}\\Rpc (')
    # What is broken already does not stand in another change's way.
    if server == "CAS10S":
        oa(lab, "set", server, "--ExtendedProtectionTokenChecking", "None")


@pytest.mark.parametrize("server, words, code, text", [
    ("CAS10S", ["--ExternalClientAuthenticationMethod", "Basic", "--force"], 1,
     "begin with Exchange 2013"),
    ("EX13S", ["--ClientAuthenticationMethod", "Basic", "--force"], 1,
     "2007 and 2010 only"),
    ("CAS07S", ["--IISAuthenticationMethods", "Basic,Ntlm", "--force"], 1,
     "takes DefaultAuthenticationMethod only"),
    ("CAS10S", ["--DefaultAuthenticationMethod", "Ntlm", "--IISAuthenticationMethods", "Basic"],
     2, "without the other methods"),
    ("CAS10S", ["--IISAuthenticationMethods", "Digest"], 2, "a list of Basic"),
    ("EX13S", ["--ExternalHostname", NAMESPACE], 2, "ExternalClientsRequireSsl with it"),
    ("CAS10S", [], 2, "say what is to be set"),
    (OWN_NAME, ["--ExternalHostname", NAMESPACE], 1, "IISAuthenticationMethods only"),
    ("NOBODY", ["--SSLOffloading", "False"], 1, "no server `NOBODY'")])
def test_what_cannot_be(lab, server, words, code, text):
    before = oa(lab, "show")
    with pytest.raises(ControlError, match=re.escape(text)) as refused:
        oa(lab, "set", server, *words)
    assert refused.value.code == code
    assert oa(lab, "show") == before


def test_set_outlives_a_reload(lab):
    done = oa(lab, "set", "CAS10S", "--clientauthenticationmethod", "Basic",
              "--IISAuthenticationMethods=Basic,NTLM")
    assert done["cmdlet"] == SET + ("-ClientAuthenticationMethod Basic "
                                    "-IISAuthenticationMethods Basic,Ntlm")
    assert done["findings"] == []
    lab.gate.reload()
    assert oa(lab, "show", "CAS10S")["IISAuthenticationMethods"] == "Basic,Ntlm"


def test_own_offer_at_run_time(lab):
    """The appliance's own methods act on the next request."""
    done = oa(lab, "set", OWN_NAME, "--IISAuthenticationMethods", "Ntlm,Basic")
    assert done["IISAuthenticationMethods"] == "Ntlm,Basic"
    assert challenges(rpc(lab, password=False)[1]) == ["NTLM", OWN]
    oa(lab, "set", "CAS10S", "--ClientAuthenticationMethod", "Basic")
    with pytest.raises(ControlError, match="without Basic nobody can log on"):
        oa(lab, "set", OWN_NAME, "--IISAuthenticationMethods", "Ntlm")
    lab.gate.config["listeners"] = [l for l in lab.gate.config["listeners"] if l["name"] != "l7"]
    lab.gate.reload()
    with pytest.raises(ControlError, match="does not offer on /rpc"):
        oa(lab, "set", OWN_NAME, "--IISAuthenticationMethods", "Ntlm")


def test_wrong_file(lab):
    config = copy.deepcopy(lab.gate.config)
    server = next(s for s in config["servers"] if s["name"] == "EX13S")
    server["outlook-anywhere"] = {"ClientAuthenticationMethod": "Basic"}
    lab.gate.write(config)
    with pytest.raises(ControlError, match="outlook-anywhere: ClientAuthenticationMethod exists on"):
        lab.gate.ctl("config", "reload")
    lab.gate.write()


# --- sites that never expected it --------------------------------------------------------

def test_off_and_on(lab):
    """A site that faces no internet: off it is 503 with the cmdlet and no other
    site's server is used; on, it is carried."""
    configure(lab, "CAS10S", **{"virtual-directories": {"ews": {}, "eas": {}}})
    counts = {n: len(s.asked) for n, s in lab.standins.items() if isinstance(s, Scripted)}
    status, _, _ = rpc(lab)
    assert status == 503
    why = lab.gate.ctl("route", "explain", "--user", D10.smtp, "--protocol", "rpc")
    assert why["status"] == 503
    assert f"Enable-OutlookAnywhere -Server CAS10S -ClientAuthenticationMethod Basic " \
        f"-SSLOffloading $false -ExternalHostname {NAMESPACE}" in why["reason"]
    assert counts == {n: len(s.asked) for n, s in lab.standins.items() if isinstance(s, Scripted)}
    with pytest.raises(ControlError, match="needs --ExternalHostname, --SSLOffloading") as need:
        oa(lab, "enable", "CAS10S")
    # The command that it names runs as printed.
    words = need.value.words.strip().split("outlook-anywhere enable ")[1].split()
    done = oa(lab, "enable", *words)
    assert done["enabled"] and done["cmdlet"] == (
        f"Enable-OutlookAnywhere -Server CAS10S -ExternalHostname {NAMESPACE} "
        "-ClientAuthenticationMethod Basic -IISAuthenticationMethods Basic,Ntlm "
        "-SSLOffloading $False")
    assert rpc(lab)[0] == 200
    with pytest.raises(ControlError, match="1 mailboxes of Exchange 2010 in site Depot"):
        oa(lab, "disable", "CAS10S")
    assert rpc(lab)[0] == 200
    assert not oa(lab, "disable", "CAS10S", "--force")["enabled"]
    lab.gate.reload()
    assert rpc(lab)[0] == 503


def test_always_on(lab):
    for words in (["enable", "EX13S"], ["disable", "EX13S", "--force"], ["disable", OWN_NAME]):
        with pytest.raises(ControlError, match="is always on"):
            oa(lab, *words)


# --- edited by hand ------------------------------------------------------------------------

def test_edited_by_hand(lab):
    """IIS accepts what Exchange does not know of: it will be taken back."""
    configure(lab, "CAS10S", **{"outlook-anywhere": {"IISAuthenticationMethods": ["Basic"]}})
    lab.cas10s.say("/rpc", status=401, headers=[NEGOTIATE, NTLM, BASIC])
    row, = lab.gate.ctl_any("preflight", "--server", "CAS10S")["servers"]
    found, = row["findings"]
    assert row["verdict"] == "ready" and found["code"] == "edited-by-hand"
    assert "re-stamps it within 15 minutes" in found["text"]
    assert found["cmdlet"].startswith(SET)


# --- versions ---------------------------------------------------------------------------------

@pytest.mark.parametrize("server, user, version, text", [
    ("CAS10S", D10, "14.2.247.5", "Exchange 2010 needs Service Pack 3 (14.3.123.4) beside 2013"),
    ("CAS07S", D07, "8.2.176.2", "Update Rollup 10 (8.3.298.3) beside 2013")])
def test_version_gate(lab, server, user, version, text):
    configure(lab, server, version=version)
    assert rpc(lab, user=user)[0] == 200, "warn is the default"
    checked = lab.gate.ctl_any("config", "check")["findings"]
    assert any("warning: " in f and text in f for f in checked), checked
    configure(lab, routing={"version-gate": "refuse"})
    before = len(lab.standins[server].asked)
    assert rpc(lab, user=user)[0] == 503
    assert lab.ask(user, "ews")[0] == 503
    why = lab.gate.ctl("route", "explain", "--user", user.smtp, "--protocol", "rpc")
    assert why["status"] == 503 and text in why["reason"] and "version-gate" in why["reason"]
    assert len(lab.standins[server].asked) == before
    # It is still looked at, so that the update is seen.
    row, = lab.gate.ctl_any("preflight", "--server", server)["servers"]
    assert row["findings"][0]["code"] == "version"
    configure(lab, routing={"version-gate": "warn"})
    assert rpc(lab, user=user)[0] == 200


def test_gate_by_its_own_words(lab):
    """2007 shows its service pack only; the network tells the rollup."""
    configure(lab, "CAS07S", version="8.3.83.6")
    configure(lab, routing={"version-gate": "refuse"})
    assert rpc(lab, user=D07)[0] == 200, "what cannot be told is let through"
    for build, status in (("8.3.264.0", 503), ("8.3.298.3", 200)):
        lab.cas07s.say("/owa", status=302, headers=[("X-OWA-Version", build),
                                                    ("Location", "/owa/auth/logon.aspx")])
        lab.gate.ctl_any("preflight", "--server", "CAS07S")
        assert rpc(lab, user=D07)[0] == status
    lab.told = True
