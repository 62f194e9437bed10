# SPDX-License-Identifier: BSD-3-Clause
"""Microsoft's coexistence table, cell by cell, as a client meets it and as
`route explain` tells it: every protocol, every version, the own site, one that
faces the internet and one that does not; and what the administrator may change
of it."""
import copy

import pytest

from lab import topology
from lab.topology import ALICE, BOB, CAROL, DAVE, MOVER, NAMESPACE, Mailbox, Server

PARIS = "https://paris.contoso.com"
URLS = {"owa": f"{PARIS}/owa", "ecp": f"{PARIS}/ecp",
        "eas": f"{PARIS}/Microsoft-Server-ActiveSync"}
CLOUD = Mailbox("cloud", "Clara Cloud", Server("Exchange Online", "Online", "", ""), 10)
LEGACY = ("2007", "2010")


def server(config, name):
    return next(s for s in config["servers"] if s["name"] == name)


@pytest.fixture
def lab(own_lab):
    """Each test begins and ends with the configuration of the start."""
    yield own_lab
    own_lab.gate.config = copy.deepcopy(own_lab.gate.original)
    own_lab.gate.reload()


def change(lab, **what):
    """routing: settings; urls: of CAROL's server; version: of ALICE's."""
    config = lab.gate.config
    config["routing"] = what.get("routing", {})
    if "urls" in what:
        server(config, CAROL.server.name)["virtual-directories"] = {
            word: {"external-url": what["urls"][word]} if word in what["urls"] else {}
            for word in topology.REQUESTS if word != "mapi"}
    if "version" in what:
        server(config, "EX13")["version"] = what["version"]
    lab.gate.reload()


def told(lab, mailbox, protocol):
    """What route explain says, and what happens to a request."""
    said = lab.gate.ctl("route", "explain", "--user", mailbox.smtp, "--protocol", protocol)
    status, url, _, answer = lab.ask(mailbox, protocol)
    if said["action"] == "proxy":
        assert answer["server"] == said["candidates"][0] and status == 200
        return answer["server"]
    assert not answer, "no server was asked"
    assert said["status"] == status
    if status in (200, 302, 451):
        assert said["action"] == "redirect"
        assert status != 302 or url == said["url"]
        return status, said["url"]
    return status


# --- the table -----------------------------------------------------------------

@pytest.mark.parametrize("version", ["2013", "2016", "2019", "SE"])
def test_modern_mailboxes(lab, version):
    change(lab, version=version)
    for protocol in topology.REQUESTS:
        assert told(lab, ALICE, protocol) == "EX13"
    assert lab.gate.ctl("mailbox", "show", ALICE.smtp)["version"] == version


@pytest.mark.parametrize("protocol", topology.REQUESTS)
def test_2010_in_the_own_site(lab, protocol):
    assert told(lab, BOB, protocol) == (503 if protocol == "mapi" else "CAS10")


@pytest.mark.parametrize("protocol", topology.REQUESTS)
def test_2010_in_a_site_that_faces_no_internet(lab, protocol):
    assert told(lab, CAROL, protocol) == (503 if protocol == "mapi" else "CAS10B")


def test_2010_in_another_internet_facing_site(lab):
    change(lab, urls=URLS)
    for protocol in topology.REQUESTS:
        expected = "CAS10B"
        if protocol in ("owa", "ecp"):
            expected = 302, URLS[protocol]
        if protocol == "mapi":
            expected = 503
        assert told(lab, CAROL, protocol) == expected, protocol


@pytest.mark.parametrize("protocol, expected", {
    "owa": (302, topology.LEGACY_OWA), "ecp": 503, "eas": "CAS07", "rpc": "CAS07", "mapi": 503,
    "ews": "CAS07", "autodiscover": "EX13", "oab": "CAS07", "powershell": 503}.items())
def test_2007(lab, protocol, expected):
    assert told(lab, DAVE, protocol) == expected


# --- redirects between sites ------------------------------------------------------

def test_a_body_is_proxied_instead(lab):
    change(lab, urls=URLS)
    with lab.wire() as wire:
        answer = wire.ask("POST", "/owa/ev.owa?oeh=1", CAROL, body=b"x" * 100)
        assert answer.status == 200 and b'"CAS10B"' in answer.body


def test_redirect_keeps_the_page(lab):
    change(lab, urls=URLS)
    done = lab.curl("-u", f"{CAROL.smtp}:x", "-o", "/dev/null", "-w", "%{redirect_url}",
                    f"https://{NAMESPACE}/owa/carol@contoso.com/?ae=Folder&id=1")
    assert done.stdout == f"{PARIS}/owa/carol@contoso.com/?ae=Folder&id=1"


def test_link_instead_of_a_redirect(lab):
    change(lab, urls=URLS, routing={"cross-site-redirect-type": "Manual"})
    assert told(lab, CAROL, "owa") == (200, URLS["owa"])
    done = lab.curl("-u", f"{CAROL.smtp}:x", f"https://{NAMESPACE}/owa/?a=%3Cb%3E&c=d")
    assert f'<a href="{PARIS}/owa/?a=%3Cb%3E&amp;c=d">' in done.stdout


def test_never_redirected(lab):
    change(lab, urls=URLS, routing={"cross-site-redirect-type": "Never"})
    assert told(lab, CAROL, "owa") == told(lab, CAROL, "ecp") == "CAS10B"


@pytest.mark.parametrize("url", [f"https://{NAMESPACE}/owa", "https://AUTODISCOVER.contoso.com/owa"])
def test_never_to_a_name_of_ours(lab, url):
    """The unbound namespace: one name for all sites."""
    change(lab, urls={"owa": url})
    assert told(lab, CAROL, "owa") == "CAS10B"


# --- the administrator's choice -----------------------------------------------------

def test_451(lab):
    """MS-ASHTTP 3.1.5.2.2, and the connection lives on."""
    change(lab, urls=URLS, routing={"eas-redirect": True})
    assert told(lab, CAROL, "eas") == (451, URLS["eas"])
    assert told(lab, BOB, "eas") == "CAS10"
    with lab.wire() as wire:
        for method, body in (("OPTIONS", b""), ("POST", b"w" * 300)):
            answer = wire.ask(method, "/Microsoft-Server-ActiveSync?Cmd=Sync", CAROL, body=body)
            assert answer.status == 451 and not answer.body
            assert answer.get("X-MS-Location") == URLS["eas"]
            assert answer.get("Location") is None


@pytest.mark.parametrize("protocol", topology.REQUESTS)
def test_by_the_newest_front_end(lab, protocol):
    change(lab, routing={"mode": {protocol: "via-15x"}})
    assert told(lab, BOB, protocol) == told(lab, DAVE, protocol) == "EX13"
    assert "newest" in lab.gate.ctl("route", "explain", "--user", BOB.smtp,
                                    "--protocol", protocol)["reason"]
    other = "ews" if protocol == "rpc" else "rpc"
    assert told(lab, BOB, other) == "CAS10"


def test_ews_of_2007_refused(lab):
    change(lab, routing={"ews-2007": "refuse"})
    assert told(lab, DAVE, "ews") == 403
    assert told(lab, BOB, "ews") == "CAS10"


def test_remote_mailbox(lab):
    lab.gate.ctl("mailbox", "set", CLOUD.smtp, "--server", CLOUD.server.name,
                 "--guid", CLOUD.guid)
    try:
        for protocol in topology.REQUESTS:
            assert told(lab, CLOUD, protocol) == "EX13"
        change(lab, routing={"target-owa-url": "https://outlook.com/owa/contoso.com"})
        assert told(lab, CLOUD, "owa") == (302, "https://outlook.com/owa/contoso.com")
        assert told(lab, CLOUD, "eas") == "EX13", "it answers 451 once it knows the password"
        assert lab.gate.ctl("mailbox", "show", CLOUD.smtp)["version"] == "Online"
    finally:
        lab.gate.ctl("mailbox", "remove", CLOUD.smtp)


def test_client_access_array(lab):
    """Outlook's profile names the array, and the site is what counts."""
    lab.gate.config["client-access-arrays"] = [{"fqdn": "outlook.branch.contoso.com",
                                                "site": CAROL.server.site}]
    lab.gate.reload()
    done = lab.curl("-u", f"{ALICE.smtp}:x", "-X", "RPC_OUT_DATA",
                    f"https://{NAMESPACE}/rpc/rpcproxy.dll?outlook.branch.contoso.com:6001")
    assert '"server": "CAS10B"' in done.stdout


def test_database_of_another_site(lab):
    database = "DB-" + MOVER.server.name
    assert told(lab, MOVER, "ews") == "CAS10"
    lab.gate.config["databases"] = [{"name": database, "site": CAROL.server.site}]
    lab.gate.reload()
    assert told(lab, MOVER, "ews") == "CAS10B"


def test_nearest_site_first(lab):
    """A second 2013 front end, and a link that makes it the nearer one."""
    config = lab.gate.config
    far = copy.deepcopy(server(config, "EX13"))
    far.update(name="EX13L", fqdn="ex13l.contoso.local", site="Lab")
    config["servers"].append(far)
    config["site-links"] = [{"sites": ["HQ", "Branch"], "cost": 50},
                            {"sites": ["Branch", "Lab"], "cost": 10}]
    config["servers"].append({**far, "name": "MBX", "fqdn": "mbx.contoso.local",
                              "site": "Branch", "roles": 54})
    lab.gate.reload()
    lab.gate.ctl("mailbox", "set", "near@contoso.com", "--server", "MBX")
    said = lab.gate.ctl("route", "explain", "--user", "near@contoso.com", "--protocol", "ews")
    assert said["candidates"] == ["EX13L", "EX13"]
    lab.gate.ctl("mailbox", "remove", "near@contoso.com")
    said = lab.gate.ctl("route", "explain", "--user", ALICE.smtp, "--protocol", "ews")
    assert said["candidates"] == ["EX13", "EX13L"]
