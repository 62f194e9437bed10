# SPDX-License-Identifier: BSD-3-Clause
"""The lab's identities without casgate: both kinds of KDC and the Client Access
server that authenticates, asked by real clients. What later tests blame casgate
for must not be theirs."""
import contextlib
import functools
import json
import re
import threading
import urllib.parse

import pytest
from conftest import FULL

from lab import cas as cas_module
from lab import rpcpdu as rpc
from lab import topology
from lab.domain import BASE, CONTROLLER, Domain, snapshot
from lab.hosts import MANAGEMENT, Hosts
from lab.identity import CASGATE, REALM, STRICT, http
from lab.kerberos import KerberosError
from lab.pki import Authority
from lab.realm import Realm
from lab.rpcclient import HttpError, RpcClient
from lab.topology import ALICE, BOB, CAS10, EX13, MOVER, ORIGIN
from lab.wire import basic, tls_context

KINDS = {"realm": (Realm, EX13), "domain": (functools.partial(Domain, ntlm=True), CAS10)}
MODES = {
    "ews": "basic", "mapi": "negotiate", "oab": "basic,negotiate", "eas": "basic,ntlm,negotiate",
    "autodiscover": "ntlm", "powershell": "basic,ntlm", "rpc": "basic,ntlm,negotiate",
    "owa": "forms", "ecp": "forms",
}
CANNOT, REVOKED = "KDC can't fulfill requested option", "credentials have been revoked"


@pytest.fixture(scope="module")
def hosts():
    """Here the client reaches the servers without the gate."""
    with Hosts() as hosts:
        hosts.management()
        hosts.run("client", "ip", "route", "add", "10.20.0.0/24", "via", MANAGEMENT["back"])
        yield hosts


@pytest.fixture(scope="module", autouse=True)
def provisioned():
    """Samba's seconds are another core's while the realm is tested."""
    maker = threading.Thread(target=snapshot)
    maker.start()
    yield
    maker.join()


@pytest.fixture(scope="module")
def authority(hosts):
    return Authority(hosts.dir / "ca")


@pytest.fixture(scope="module", params=KINDS)
def kdc(request, hosts):
    return KINDS[request.param][0](hosts)


@pytest.fixture(scope="module")
def cas(kdc, hosts, authority):
    server = KINDS[kdc.label][1]
    cas = cas_module.Cas(hosts, server, authority.issue(server.name, [server.fqdn], server.key),
                         kdc)
    cas.offer(**MODES)
    yield cas
    assert not cas.rpc.errors
    cas.close()


@pytest.fixture(scope="module")
def casgate(kdc):
    """The appliance's tickets, by its keytab."""
    return kdc.kinit(CASGATE.name, keytab=kdc.keytab(CASGATE.name))


@pytest.fixture(scope="module")
def alice(kdc):
    return kdc.kinit("alice", ALICE.password)


@pytest.fixture
def changed(kdc):
    """changed(name, ...): an account that is as before behind the test."""
    with contextlib.ExitStack() as stack:
        def change(name, **changes):
            before = {word: getattr(kdc.accounts[name], word) for word in changes}
            stack.callback(kdc.change, name, **before)
            kdc.change(name, **changes)
        yield change


@pytest.fixture
def ask(cas, hosts, authority, kdc):
    """ask(protocol, curl's words): (status, headers, what the server told)."""
    def curl(protocol, *words, env=None, path="/x"):
        url = f"https://{cas.server.fqdn}{cas_module.DIRECTORIES.get(protocol, '')}{path}"
        out = hosts.run("client", "curl", "--silent", "--show-error", "--include", "--max-time", 20,
                        "--cacert", authority.cert, *words, url, env=env or kdc.env()).stdout
        *heads, body = out.split("\n\n") if "\r" not in out else out.split("\r\n\r\n")
        lines = heads[-1].splitlines()
        fields = [(n.lower(), v.strip()) for n, _, v in (l.partition(":") for l in lines[1:])]
        told = json.loads(body) if body.startswith("{") else {}
        return int(lines[0].split()[1]), fields, told
    return curl


def negotiate(ask, protocol, tickets, **options):
    return ask(protocol, "--negotiate", "-u", ":", env=tickets.env, **options)


def offers(headers):
    return {v.split(" ")[0] for n, v in headers if n == "www-authenticate"}


def values(headers, name):
    return [v for n, v in headers if n == name]


# --- KDCs ---------------------------------------------------------------------------

def test_passwords(kdc):
    for mailbox in topology.PEOPLE:
        tickets = kdc.kinit(mailbox.alias, mailbox.password)
        assert f"principal: {mailbox.alias}@{REALM}" in tickets.list()
    assert "Flags: F" in tickets.list()
    bob = kdc.kinit("bob.brown@contoso.com", BOB.password, words=["-E", "-C"])
    assert f"principal: bob@{REALM}" in bob.list()
    assert "Flags: F" not in kdc.kinit("sara", "pw-of-sara").list()


@pytest.mark.parametrize("name, password, why", [
    ("alice", "wrong", "Password incorrect"),
    ("nobody", "x", "not found in Kerberos database"),
    ("dora", "pw-of-dora", REVOKED),
    ("edna", "pw-of-edna", "Cannot read password"),     # a new one, which is asked for
])
def test_wrong_passwords(kdc, name, password, why):
    with pytest.raises(KerberosError, match=why):
        kdc.kinit(name, password)
    assert kdc.check(name, password) is None


def test_keytabs(kdc, casgate, hosts):
    assert f"principal: svc-casgate@{REALM}" in casgate.list()
    listed = hosts.run("gate", "klist", "-k", kdc.keytab(CASGATE.name)).stdout
    names = re.findall(r"^ +\d+ (\S+)@", listed, re.M)
    assert names[0] == CASGATE.name and set(names) == {CASGATE.name, *CASGATE.spns}
    for server in topology.SERVERS:
        kdc.kinit(f"{server.name}$", keytab=kdc.keytab(f"{server.name}$"))


def test_a_service_name_is_no_client_of_a_domain(kdc):
    def as_client():
        return kdc.kinit(CASGATE.spns[0], keytab=kdc.keytab(CASGATE.name))
    if kdc.label == "realm":
        as_client()
    else:
        with pytest.raises(KerberosError, match="not found in Kerberos database"):
            as_client()


def test_tickets_for_services(kdc, alice):
    for spn in CASGATE.spns:
        assert "keytab entry valid" in alice.kvno("-k", kdc.keytab(CASGATE.name), spn)
    assert "keytab entry valid" in alice.kvno("-k", kdc.keytab("EX13$"), http(EX13))


def test_changes_count_at_once(kdc, changed):
    changed("carol", password="another")
    with pytest.raises(KerberosError, match="Password incorrect"):
        kdc.kinit("carol", "pw-of-carol")
    kdc.kinit("carol", "another")
    changed("carol", disabled=True)
    with pytest.raises(KerberosError, match=REVOKED):
        kdc.kinit("carol", "another")


def test_silent_and_gone(kdc, casgate):
    def asked():
        casgate.init(CASGATE.name, None, kdc.keytab(CASGATE.name), [])
    with kdc.paused():
        with pytest.raises(RuntimeError, match="exit 124"):
            kdc.hosts.run("client", "timeout", "1", "kinit", "-k", "-t",
                          kdc.keytab(CASGATE.name), CASGATE.name, env=kdc.env())
    asked()
    kdc.stop()
    with pytest.raises(KerberosError, match="Cannot contact any KDC"):
        asked()
    kdc.start()
    asked()


# --- in a user's name ------------------------------------------------------------------

def test_a_ticket_in_a_users_name_opens_the_server(casgate, cas, ask):
    for user in ("alice", "bob"):
        tickets = casgate.impersonate(user, http(cas.server))
        assert negotiate(ask, "mapi", tickets)[2]["user"] == f"{user}@{REALM}"


@pytest.mark.parametrize("user, target, why", [
    ("sara", http(EX13), CANNOT),
    ("dora", http(EX13), f"{REVOKED}|KDC policy rejects request"),
    ("nobody", http(EX13), "Client not found"),
    ("alice", http(ORIGIN), CANNOT),
    ("alice", "HTTP/none.contoso.local", "Server .*not found"),
])
def test_refused_tickets_in_a_users_name(casgate, user, target, why):
    with pytest.raises(KerberosError, match=why):
        casgate.impersonate(user, target)


def test_the_list_of_targets_is_the_kdcs(kdc, casgate):
    kdc.allow(CASGATE.name, http(ORIGIN))
    try:
        casgate.impersonate("mover", http(ORIGIN))
        with pytest.raises(KerberosError, match=CANNOT):
            casgate.impersonate("mover", http(EX13))
    finally:
        kdc.allow(CASGATE.name, *CASGATE.targets)


def test_without_the_right_to_begin(kdc, alice, cas, ask):
    """svc-strict has to show its client's ticket."""
    strict = kdc.kinit(STRICT.name, keytab=kdc.keytab(STRICT.name))
    strict.kvno("-I", "alice", STRICT.name)
    with pytest.raises(KerberosError, match=CANNOT):
        strict.impersonate("alice", http(cas.server))
    token = kdc.proxied(STRICT.name, alice.token("strict.contoso.com"), cas.server.fqdn)
    told = ask("mapi", "-H", f"Authorization: Negotiate {token}")[2]
    assert told["user"] == f"alice@{REALM}"


@pytest.mark.parametrize("namespace", topology.NAMESPACES)
def test_by_the_clients_own_ticket(kdc, alice, cas, ask, namespace):
    token = kdc.proxied(CASGATE.name, alice.token(namespace), cas.server.fqdn)
    assert ask("mapi", "-H", f"Authorization: Negotiate {token}")[0] == 200


def test_not_by_a_sensitive_users(kdc, alice, cas):
    sara = kdc.kinit("sara", "pw-of-sara")
    for tickets, server in ((sara, cas.server), (alice, ORIGIN)):
        with pytest.raises(KerberosError, match=CANNOT):
            kdc.proxied(CASGATE.name, tickets.token(), server.fqdn)


# --- the Client Access server -------------------------------------------------------------

def test_offers(ask):
    for protocol, words in MODES.items():
        status, headers, _ = ask(protocol)
        if words == "forms":
            assert status == 302 and not offers(headers)
        else:
            assert status == 401 and {o.lower() for o in offers(headers)} == set(words.split(","))
    assert ask("ews", path="/healthcheck.htm")[0] == 200
    assert ask("", path="/elsewhere")[0] == 404


def test_offers_are_switched(cas, ask):
    cas.offer(ews="anonymous")
    _, _, told = ask("ews")
    assert (told["user"], told["auth"], told["authorization"]) == (None, None, None)
    cas.offer(ews="negotiate")
    assert offers(ask("ews")[1]) == {"Negotiate"}
    cas.offer(ews=MODES["ews"])
    assert offers(ask("ews")[1]) == {"Basic"}


def test_negotiate(cas, ask, alice):
    cas.offer(**dict.fromkeys(MODES, "negotiate"))
    for protocol, directory in cas_module.DIRECTORIES.items():
        if protocol == "rpc":
            continue
        status, _, told = negotiate(ask, protocol, alice)
        assert status == 200
        assert (told["user"], told["auth"]) == (f"alice@{REALM}", "Negotiate")
        assert (told["vdir"], told["server"]) == (directory, cas.server.name)
        assert told["authorization"] == "Negotiate"
    cas.offer(**MODES)


def test_a_token_is_taken_once(ask, alice, cas):
    line = alice.negotiate(cas.server.fqdn).strip()
    assert ask("mapi", "-H", line)[0] == 200
    assert ask("mapi", "-H", line)[0] == 401


def test_nobody_else_gets_in(ask, kdc, alice, cas):
    assert negotiate(ask, "ews", alice)[0] == 401           # Basic only
    assert ask("mapi", "-u", f"alice:{ALICE.password}")[0] == 401
    assert ask("mapi", "--negotiate", "-u", ":")[0] == 401  # without tickets
    line = alice.negotiate().strip()                        # another's ticket
    assert ask("mapi", "-H", line)[0] == 401


@pytest.mark.parametrize("protocol", ["ews", "oab", "eas", "powershell"])
def test_basic(ask, protocol):
    for name in ("alice", "CONTOSO\\alice", "alice@contoso.com", "alice@contoso.local"):
        status, _, told = ask(protocol, "-u", f"{name}:{ALICE.password}")
        assert status == 200 and (told["user"], told["auth"]) == (name, "Basic")
    status, headers, _ = ask(protocol, "-u", "alice:wrong")
    assert status == 401
    assert {o.lower() for o in offers(headers)} == set(MODES[protocol].split(","))
    for name in ("dora", "edna"):
        assert ask(protocol, "-u", f"{name}:pw-of-{name}")[0] == 401


@pytest.mark.parametrize("protocol", ["eas", "autodiscover", "powershell"])
def test_ntlm(ask, protocol):
    status, _, told = ask(protocol, "--ntlm", "-u", f"CONTOSO\\alice:{ALICE.password}")
    assert status == 200 and (told["user"], told["auth"]) == ("CONTOSO\\alice", "NTLM")
    assert ask(protocol, "--ntlm", "-u", "CONTOSO\\alice:wrong")[0] == 401


def test_who_may_come_is_the_kdcs(ask, changed):
    changed("dave", password="another")
    for words in ((), ("--ntlm",)):
        assert ask("eas", *words, "-u", "CONTOSO\\dave:pw-of-dave")[0] == 401
        assert ask("eas", *words, "-u", "CONTOSO\\dave:another")[0] == 200


def test_large_headers(ask):
    status, _, told = ask("ews", "-u", f"alice:{ALICE.password}", "-H", f"X-Large: {'x' * 60_000}")
    assert status == 200 and told["user"] == "alice"


# --- forms --------------------------------------------------------------------------------

def logon(ask, jar, cas, name, password, destination):
    return ask("", "-c", jar, "--data-urlencode", f"destination={destination}", "-d", "flags=4",
               "--data-urlencode", f"username={name}", "--data-urlencode", f"password={password}",
               path=cas.forms.action)


@pytest.mark.parametrize("protocol", ["owa", "ecp"])
def test_forms(ask, cas, tmp_path, protocol):
    jar = tmp_path / "jar"
    home = f"https://{cas.server.fqdn}"
    wanted = f"{home}{cas_module.DIRECTORIES[protocol]}/x"
    # Nobody yet.
    status, headers, _ = ask(protocol)
    form = values(headers, "location")[0]
    asked = urllib.parse.parse_qs(urllib.parse.urlsplit(form).query)
    assert status == 302 and form.startswith(f"{home}/owa/auth/logon.aspx?")
    assert asked == {"url": [wanted], "reason": ["0"]}
    assert ask("", path=form[len(home):])[0] == 200
    assert ask(protocol, "-d", "x=1")[0] == 440
    assert ask(protocol, path="/x?oeh=1")[0] == 440
    # The wrong password.
    status, headers, _ = logon(ask, jar, cas, "CONTOSO\\alice", "wrong", wanted)
    assert status == 302 and values(headers, "location")[0].endswith("&reason=2")
    assert not values(headers, "set-cookie")
    # The right one.
    status, headers, _ = logon(ask, jar, cas, "CONTOSO\\alice", ALICE.password, wanted)
    names = {v.partition("=")[0] for v in values(headers, "set-cookie")}
    assert status == 302 and values(headers, "location") == [wanted]
    assert names == ({"sessionid", "cadata"} if cas.server.version == "2010" else
                     {"cadata", "cadataTTL", "cadataKey", "cadataIV", "cadataSig"})
    for way in ((), ("-d", "x=1")):
        status, _, told = ask(protocol, "-b", jar, *way)
        assert status == 200 and (told["user"], told["auth"]) == ("CONTOSO\\alice", "Forms")
        assert told["authorization"] is None
    # Out, by time and by will.
    cas.forms.expire()
    assert ask(protocol, "-b", jar)[0] == 302 and ask(protocol, "-b", jar, "-d", "x")[0] == 440
    logon(ask, jar, cas, "alice", ALICE.password, wanted)
    status, headers, _ = ask("", "-b", jar, path="/owa/logoff.owa")
    assert status == 302 and values(headers, "location")[0].endswith("&reason=1")
    assert ask(protocol, "-b", jar)[0] == 302


# --- RPC over HTTP --------------------------------------------------------------------------

@pytest.fixture
def dial(cas, hosts, authority):
    with hosts.inside("client"), contextlib.ExitStack() as stack:
        def start(who=""):
            client = RpcClient((cas.server.address, 443), tls_context(authority.cert),
                               cas.server.fqdn, who)
            stack.callback(client.close, orderly=False)
            return client
        yield start


def exercise(client, cas, user):
    """A whole virtual connection; who the server takes the channels for."""
    client.bind(rpc.EMSMDB, rpc.PRIVACY)
    assert client.call(0, b"hello") == b"hello"
    assert len(client.download(200_000)) == 200_000 and client.upload(200_000) == 200_000
    vc = cas.rpc.virtual[client.cookie]
    cas.rpc.recycle(vc)
    assert len(client.download(50_000)) == 50_000
    client.until(lambda: client.recycled_out == 1)
    assert vc.users == [user] * 3 and vc.waited
    client.close()
    cas.rpc.wait("the end", lambda: vc.ended)


def test_rpc_with_a_password(dial, cas):
    client = dial(basic(ALICE))
    assert client.echo().body == rpc.rts(rpc.ECHO)
    client.open()
    exercise(client, cas, ALICE.smtp)
    with pytest.raises(HttpError, match="401"):
        dial(basic(ALICE).replace("Basic ", "Basic AAAA")).open()


def test_rpc_with_kerberos(dial, cas, alice):
    client = dial(lambda: alice.negotiate(cas.server.fqdn))
    assert client.echo("RPC_IN_DATA").body == rpc.rts(rpc.ECHO)
    client.open()
    exercise(client, cas, f"alice@{REALM}")


def test_rpc_with_ntlm(dial, cas, hosts):
    client = dial()
    wires = client.connect(), client.connect()
    for wire, method in zip(wires, ("RPC_IN_DATA", "RPC_OUT_DATA")):
        assert client.ntlm(wire, method, password=ALICE.password).status == 200
    assert client.ntlm(client.connect(), "RPC_IN_DATA", password="wrong").status == 401
    client.open(inward=wires[0], outward=wires[1])
    client.bind()
    assert client.call(0, b"hello") == b"hello"
    assert cas.rpc.virtual[client.cookie].users == ["CONTOSO\\alice"] * 2


def test_rpc_without_anything(dial):
    client = dial()
    with client.connect() as wire:
        for method in ("RPC_IN_DATA", "RPC_OUT_DATA"):
            client.request(wire, method, 0)
            answer = wire.read()
            assert answer.status == 401 and len(answer.all("WWW-Authenticate")) == 3


def test_small_pdus_are_not_held_back(dial):
    client = dial(basic(ALICE))
    client.open()
    client.bind()
    for _ in range(50):
        client.call(0, b"x" * 100)
    assert sorted(client.latencies)[25] < 0.05


# --- what only a domain has -------------------------------------------------------------------

of_a_domain = pytest.mark.parametrize("kdc", ["domain"], indirect=True, scope="module")


@of_a_domain
@pytest.mark.parametrize("logon, why", [
    ("CONTOSO\\alice%pw-of-alice", ""),
    ("CONTOSO\\alice%wrong", "NT_STATUS_WRONG_PASSWORD"),
    ("CONTOSO\\nobody%x", "NT_STATUS_NO_SUCH_USER"),
    ("CONTOSO\\dora%pw-of-dora", "NT_STATUS_ACCOUNT_DISABLED"),
    ("CONTOSO\\edna%pw-of-edna", "NT_STATUS_PASSWORD_MUST_CHANGE"),
])
def test_winbindd_answers_on_the_gate(kdc, hosts, logon, why):
    done = hosts.run("gate", "wbinfo", "-a", logon, check=False)
    assert why in done.stderr and bool(why) == bool(done.returncode)


def search(kdc, what, *attributes):
    """As svc-casgate, on the gate."""
    tickets = kdc.kinit(CASGATE.name, keytab=kdc.keytab(CASGATE.name))
    return kdc.hosts.run("gate", "ldapsearch", "-Q", "-LLL", "-Y", "GSSAPI", "-N",
                         "-H", f"ldap://{CONTROLLER}", "-b", BASE, what, *attributes,
                         env=tickets.env).stdout


@of_a_domain
def test_the_directory(kdc):
    found = search(kdc, "(userPrincipalName=bob.brown@contoso.com)", "sAMAccountName", "mail")
    assert "sAMAccountName: bob\n" in found and "mail: bob@contoso.com\n" in found


def test_a_second_domain_beside_the_first():
    """In the long form with Exchange's schema, which takes seconds."""
    attribute = "mailNickname" if FULL else "description"
    with Hosts() as hosts:
        domain = Domain(hosts, exchange=FULL)
        domain.modify(f"dn: CN=bob,CN=Users,{BASE}\nchangetype: modify\n"
                      f"add: {attribute}\n{attribute}: bobby\n")
        assert "sAMAccountName: bob\n" in search(domain, f"({attribute}=bobby)", "sAMAccountName")


# --- with casgate in front ---------------------------------------------------------------------

LAB = {"kdc": Realm, "cas": ["EX13", "CAS10"], "origin": False}


def test_casgate_in_front(own_lab):
    for mailbox in (ALICE, MOVER):
        status, _, _, told = own_lab.ask(mailbox, "ews")
        assert (status, told["user"], told["auth"]) == (200, mailbox.smtp, "Basic")
        assert told["server"] == mailbox.server.name
    # Bob's address is no name of his account.
    assert own_lab.ask(BOB, "ews", check=False)[0] == 401
    told = own_lab.ask(topology.CAROL, "ews")[3]
    assert told["server"] == "CAS10B"       # a stand-in, as ever
    # The appliance's own host finds the KDC without being told.
    tickets = own_lab.kdc.keytab(CASGATE.name)
    own_lab.hosts.run("gate", "kinit", "-c", "MEMORY:", "-k", "-t", tickets, CASGATE.name)
