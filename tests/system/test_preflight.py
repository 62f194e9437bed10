# SPDX-License-Identifier: BSD-3-Clause
"""Every state in which a Client Access server can be found, and what
`casgatectl preflight` says of it."""
import copy

import pytest

from conftest import watch
from lab import topology
from lab.fixture import Lab
from lab.gate import ControlError
from lab.scripted import Scripted
from lab.topology import NAMESPACE

LEGACY = topology.Server("CAS10S", "2010", "Depot", "10.20.0.32")
MODERN = topology.Server("EX13S", "2013", "Depot", "10.20.0.33")
OLD = topology.Server("OLD07", "2007", "Depot", "10.20.0.34")
WRONG = topology.Server("WRONG", "2010", "Depot", "10.20.0.35")
NEGOTIATE, NTLM, BASIC = ("WWW-Authenticate", "Negotiate"), ("WWW-Authenticate", "NTLM"), \
    ("WWW-Authenticate", 'Basic realm="cas10s"')
SET = 'Set-OutlookAnywhere -Identity "CAS10S\\Rpc (Default Web Site)" '
BASIC_NTLM = "-ClientAuthenticationMethod Basic -IISAuthenticationMethods Basic,NTLM"
ENABLE = ("Enable-OutlookAnywhere -Server CAS10S -ClientAuthenticationMethod Basic -SSLOffloading "
          f"$false -ExternalHostname {NAMESPACE} -IISAuthenticationMethods NTLM,Basic")


@pytest.fixture(scope="module")
def built():
    """Four scripted servers in a site of their own, beside the lab's."""
    lab = Lab(origin=False)
    gate = lab.gate
    gate.config["sites"].append("Depot")
    gate.config["health"] = {"timeout": "3s", "probes": False}
    for server in (LEGACY, MODERN, OLD, WRONG):
        name = "other.contoso.local" if server is WRONG else server.fqdn
        pair = gate.authority.issue(server.name, [name])
        lab.standins[server.name] = Scripted(lab.hosts, server, pair)
        gate.config["servers"].append(
            {"name": server.name, "fqdn": server.fqdn, "address": server.address,
             "version": {"OLD07": "8.2.176.2"}.get(server.name, server.version),
             "site": server.site, "tls": {"ca": str(gate.authority.cert)}})
    gate.original = copy.deepcopy(gate.config)
    person = topology.Mailbox("depot", "D Depot", LEGACY, 70)
    gate.csv.write_text(topology.csv([*topology.MAILBOXES, person]), encoding="utf-8")
    with lab:
        yield lab


@pytest.fixture
def lab(built, request):
    built.cas10s, built.ex13s = built.standins["CAS10S"], built.standins["EX13S"]
    for name in ("CAS10S", "EX13S", "OLD07", "WRONG"):
        ready(built.standins[name])
    yield from watch(built, request)


def ready(server):
    server.reset()
    server.say("/rpc", status=401, headers=[NEGOTIATE, NTLM, BASIC], reason="Unauthorized")
    server.say("/rpc/healthcheck.htm")


def report(lab, server="CAS10S", *words):
    done = lab.gate.ctl_any("preflight", "--server", server, *words)
    row, = done["servers"]
    return row


def finding(lab, server="CAS10S", *words):
    found, = report(lab, server, *words)["findings"]
    return found


def test_ready(lab):
    row = report(lab)
    assert (row["verdict"], row["findings"], row["mailboxes"]) == ("ready", [], 1)
    done = lab.gate.cli("preflight", "--server", "CAS10S")
    assert done.stdout.endswith("CAS10S (2010, site Depot): ready\n")
    row = report(lab, "EX13S")
    assert row["verdict"] == "ready", row


@pytest.mark.parametrize("answer, code, cmdlet", [
    (dict(status=401, headers=[BASIC]), "basic-only", SET + BASIC_NTLM),
    (dict(status=401, headers=[NTLM]), "ntlm-only",
     SET + "-IISAuthenticationMethods Basic,NTLM,Negotiate"),
    (dict(status=404), "not-enabled", ENABLE),
    (dict(status=404, body=b"<h2>HTTP Error 404.2 - Not Found</h2>"), "isapi",
     "Import-Module ServerManager; Add-WindowsFeature RPC-over-HTTP-Proxy"),
    (dict(status=403, body=b"<h2>HTTP Error 403.1 - Forbidden</h2>"), "isapi", None),
    (dict(status=403, body=b"<h2>HTTP Error 403.4 - Forbidden</h2>"), "no-ssl",
     SET + "-SSLOffloading $true"),
    (dict(status=403, body=b"<h2>HTTP Error 403.7 - Forbidden</h2>"), "client-certificate", None),
    (dict(status=405), "wrong-handler", ""),
    (dict(status=500), "broken", None),
    (dict(status=503, reason="Service Unavailable"), "pool-stopped",
     "Import-Module WebAdministration; Start-WebAppPool -Name DefaultAppPool"),
    (dict(status=200), "anonymous", SET + BASIC_NTLM),
    (dict(act="silent"), "silent", None),
    (dict(act="close"), "no-answer", None)], ids=str)
def test_states_of_rpc(lab, answer, code, cmdlet):
    lab.cas10s.say("/rpc", **answer)
    found = finding(lab, "CAS10S", "--fresh")
    assert (found["code"], found["protocols"], found["mailboxes"]) == (code, ["rpc"], 1)
    assert found["text"] and "{" not in found["text"]
    if cmdlet is not None:
        assert found["cmdlet"] == cmdlet
    done = lab.gate.cli("preflight", "--server", "CAS10S", "--fresh")
    assert done.returncode == (0 if found["severity"] == "warning" else 1)
    assert found["text"] in done.stdout and found["cmdlet"] in done.stdout


def test_basic_again(lab):
    """Ready once, and Basic only now: somebody's hand, and the configurator's."""
    assert report(lab, "CAS10S", "--fresh")["verdict"] == "ready"
    lab.cas10s.say("/rpc", status=401, headers=[BASIC])
    found = finding(lab)
    assert found["code"] == "basic-again" and "RpcHttpConfigurator" in found["text"]
    assert found["cmdlet"] == SET + BASIC_NTLM


def test_pending(lab):
    """Within an hour of the advice it is not a failure yet."""
    lab.cas10s.say("/rpc", status=404)
    assert finding(lab, "CAS10S", "--fresh")["severity"] == "error"
    row = report(lab)
    assert row["verdict"] == "pending" and "ask again" in row["findings"][0]["text"]
    ready(lab.cas10s)
    assert report(lab)["verdict"] == "ready"


def test_wrong_certificate(lab):
    found = finding(lab, "WRONG")
    assert found["code"] == "certificate" and "other.contoso.local" in found["text"]
    assert len(found["protocols"]) > 5, "said once, of all protocols"


def test_old_build(lab):
    found = report(lab, "OLD07")["findings"]
    assert found[0]["code"] == "version" and "Update Rollup 10 (8.3.298.3)" in found[0]["text"]
    lab.standins["OLD07"].say("/owa", status=302, headers=[("X-OWA-Version", "8.3.298.3")])
    assert not report(lab, "OLD07")["findings"], "the network knows better"
    lab.standins["OLD07"].say("/owa", status=302, headers=[("X-OWA-Version", "14.3.123.4")])
    assert report(lab, "OLD07")["findings"][0]["code"] == "other-version"


def test_unreachable(lab):
    found = finding(lab, "ORIGIN")
    assert found["code"] == "unreachable" and "Test-ServiceHealth" in found["cmdlet"]


def test_component_of_exchange(lab):
    lab.ex13s.say("/owa/healthcheck.htm", status=503)
    found = finding(lab, "EX13S")
    assert found["protocols"] == ["owa"]
    assert found["cmdlet"] == ("Set-ServerComponentState -Identity EX13S -Component OwaProxy "
                               "-Requester Maintenance -State Active")


def test_redirects_to_itself(lab):
    lab.cas10s.say("/owa", status=302, headers=[("Location", f"https://{NAMESPACE}/owa/")])
    assert finding(lab)["code"] == "loop"


def test_all_servers_and_the_script(lab):
    lab.cas10s.say("/rpc", status=404)
    lab.cas10s.say("/EWS", status=503)
    path = lab.hosts.dir / "repair.ps1"
    done = lab.gate.cli("preflight", "--fresh", "--script", path)
    assert done.returncode == 1 and "EX13S (2013, site Depot): ready" in done.stdout
    assert "CAS10S (2010, site Depot): not ready" in done.stdout
    script = path.read_text().splitlines()
    assert ENABLE in script, "as it stands, on a line of its own"
    assert not any(line.startswith("Import-Module") for line in script), "for the server itself"
    assert any(line.startswith("#   Import-Module WebAdministration") for line in script)
    assert all(line.startswith(("#", "Enable-", "Get-", "Set-", "Test-", "New-")) or not line
               for line in script)


def test_while_clients_are_served(lab):
    """The daemon goes on meanwhile, and two at a time are refused."""
    lab.cas10s.say("/", act="silent")
    first = lab.hosts.spawn("gate", *cli(lab, "--server", "CAS10S"), log="preflight")
    for _ in range(5):
        assert lab.ask(topology.ALICE, "ews")[0] == 200
    with pytest.raises(ControlError, match="under way"):
        lab.gate.ctl("preflight")
    assert first.wait(20) == 1
    with pytest.raises(ControlError, match="no server"):
        lab.gate.ctl("preflight", "--server", "NOPE")


def cli(lab, *words):
    from lab.gate import program
    return [program("casgatectl"), "--socket", lab.gate.socket, "preflight", *words]
