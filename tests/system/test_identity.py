# SPDX-License-Identifier: BSD-3-Clause
"""Outlook Anywhere of a legacy mailbox by Kerberos although the client gives a
password: a real Client Access server that takes Windows authentication, behind
a real KDC, MIT's and Samba's."""
import base64
import contextlib
import copy
import json
import time

import pytest
from conftest import watch

from lab import topology
from lab.domain import Domain
from lab.fixture import Lab
from lab.gate import VIP
from lab.hosts import wait_until
from lab.identity import CASGATE, DORA, EDNA, REALM, SARA
from lab.realm import Realm
from lab.rpcclient import HttpError, RpcClient
from lab.topology import BOB, CAROL, CAS10, NAMESPACE
from lab.wire import tls_context

SERVICE = f"{CASGATE.name}@{REALM}"
SET = 'Set-OutlookAnywhere -Identity "CAS10\\Rpc (Default Web Site)" '


@pytest.fixture(scope="module", params=[Realm, Domain], ids=["realm", "domain"])
def built(request):
    lab = Lab(origin=False, workers=2, kdc=request.param, cas=["CAS10"])
    gate = lab.gate
    gate.config["health"] = {"probes": False, "timeout": "10s"}
    gate.config["identity"] = {"keytab": str(lab.kdc.keytab(CASGATE.name)), "account": SERVICE,
                               "kdcs": [lab.kdc.address], "timeout": "3s"}
    gate.original = copy.deepcopy(gate.config)
    people = [*topology.MAILBOXES, SARA, DORA, EDNA]
    gate.csv.write_text(topology.csv(people), encoding="utf-8")
    with lab:
        yield lab


@pytest.fixture
def lab(built, request):
    built.cas["CAS10"].offer(rpc="basic,negotiate")
    built.cas["CAS10"].rpc.requests.clear()
    built.cas["CAS10"].rpc.virtual.clear()
    built.clients = []
    built.kdc.ensure()
    wait_until("the KDC is known", lambda: built.gate.ctl("auth", "status")["kdcs"][0]["answers"])
    built.gate.ctl("auth", "flush")
    yield from watch(built, request)
    for client in built.clients:
        client.close(orderly=False)
    wait_until("nothing is left", lambda: not built.gate.stats()["proxy.channels"])


def dial(lab, user, password, **options):
    plain = base64.b64encode(f"{user}:{password}".encode()).decode()

    class Client(RpcClient):
        def connect(self):
            with lab.hosts.inside("client"):
                return super().connect()
    client = Client((VIP[4], 443), tls_context(lab.gate.authority.cert), NAMESPACE,
                    f"Authorization: Basic {plain}\r\n", f"{CAS10.fqdn}:6001", **options)
    lab.clients.append(client)
    return client


def works(lab, user, password):
    client = dial(lab, user, password)
    client.open(first="out")
    client.bind()
    assert client.call(0, b"hello") == b"hello"
    return client


def refused(lab, user, password):
    """The status; no server hears of it."""
    before = len(lab.cas["CAS10"].rpc.requests)
    with pytest.raises(HttpError) as error:
        dial(lab, user, password).open(first="out")
    assert len(lab.cas["CAS10"].rpc.requests) == before
    return error.value.response


@contextlib.contextmanager
def counted(lab, **changes):
    """So many more afterwards, at least."""
    before = lab.gate.stats()
    yield
    after = lab.gate.stats()
    for name, least in changes.items():
        assert after[f"proxy.{name}"] - before[f"proxy.{name}"] >= least, name


# --- the founding article ---------------------------------------------------------------

def test_basic_only_is_reported_and_repaired(lab):
    """Basic alone on /rpc: Kerberos has no way in, preflight says which cmdlet
    opens one; after it clients with Basic are carried, by the service."""
    cas = lab.cas["CAS10"]
    cas.offer(rpc="basic")
    row, = lab.gate.ctl_any("preflight", "--server", "CAS10", "--fresh")["servers"]
    found = next(f for f in row["findings"] if f["protocols"] == ["rpc"])
    assert found["code"] == "basic-only"
    assert found["cmdlet"] == SET + ("-ClientAuthenticationMethod Basic "
                                     "-IISAuthenticationMethods Basic,NTLM")
    with counted(lab, tickets_refused=1), pytest.raises(HttpError) as error:
        dial(lab, BOB.alias, BOB.password).open(first="out")
    assert error.value.response.status == 502, "never a 401: the client did nothing wrong"
    cas.offer(rpc="basic,negotiate")
    row, = lab.gate.ctl_any("preflight", "--server", "CAS10")["servers"]
    assert row["logon"] == "ok" and not [f for f in row["findings"] if f["protocols"] == ["rpc"]]
    works(lab, BOB.alias, BOB.password)
    assert {r.user for r in cas.rpc.requests if r.kind in ("in", "out")} == {SERVICE}


def test_kerberos_although_the_client_uses_basic(lab):
    """An echo with a ticket before each channel, a ticket with each; the
    password goes no further."""
    with counted(lab, logins=1):
        works(lab, BOB.alias, BOB.password)
    seen = [r for r in lab.cas["CAS10"].rpc.requests if r.kind != "auth"]
    assert sorted(r.kind for r in seen) == ["echo", "echo", "in", "out"]
    assert {r.user for r in seen} == {SERVICE}
    for request in seen:
        scheme, token = dict(request.headers).get("X-Authorization", "Negotiate -").split(" ")
        assert scheme == "Negotiate", token
    row, = lab.gate.ctl("vc", "list")
    assert row["server"] == "CAS10" and row["user"] == BOB.alias


def test_names(lab):
    """However the user is typed."""
    for user in (BOB.alias, f"CONTOSO\\{BOB.alias}", f"{BOB.alias}@{REALM.lower()}",
                 "bob.brown@contoso.com", BOB.smtp, BOB.smtp.upper()):
        works(lab, user, BOB.password)


def test_other_site(lab):
    """CAROL's server is none of those with Windows authentication: passthrough
    is configured there, and her password goes on as it came."""
    config = copy.deepcopy(lab.gate.original)
    for server in config["servers"]:
        server["rpc-log-on"] = "passthrough"
    lab.gate.config = config
    lab.gate.reload()
    try:
        works(lab, BOB.alias, BOB.password)
        users = {r.user for r in lab.cas["CAS10"].rpc.requests if r.kind in ("in", "out")}
        assert users == {BOB.alias}
    finally:
        lab.gate.config = copy.deepcopy(lab.gate.original)
        lab.gate.reload()


# --- who is refused ------------------------------------------------------------------------

@pytest.mark.parametrize("user, password", [
    (BOB.alias, "wrong"), ("nobody", "x"), (DORA.alias, DORA.password),
    (EDNA.alias, EDNA.password), (BOB.alias, ""), ("", BOB.password), ("a" * 300, "x"),
    (BOB.alias, "x" * 300)])
def test_denied(lab, user, password):
    response = refused(lab, user, password)
    assert response.status == 401
    assert [v for n, v in response.headers if n.lower() == "www-authenticate"] == \
        [f'Basic realm="{NAMESPACE}"']


def test_sensitive_users_are_served(lab):
    """The service needs no right over them."""
    works(lab, SARA.alias, SARA.password)


def test_wrong_password_is_asked_once(lab):
    """Who repeats it does not lock the account."""
    before = lab.gate.ctl("auth", "status")
    for _ in range(20):
        assert refused(lab, BOB.alias, "stale").status == 401
    after = lab.gate.ctl("auth", "status")
    assert after["results"]["denied"] - before["results"].get("denied", 0) >= 20
    assert after["cached"] - before["cached"] >= 19
    works(lab, BOB.alias, BOB.password)


# --- domain controllers that fail ---------------------------------------------------------

def test_controller_stopped(lab):
    """What needs none goes on; who is new is told within the time, and all is
    well when it is back."""
    works(lab, BOB.alias, BOB.password)
    lab.kdc.stop()
    try:
        wait_until("it is noticed", lambda: not lab.gate.ctl("auth", "status")["kdcs"][0]["answers"],
                   20)
        works(lab, BOB.alias, BOB.password)
        began = time.monotonic()
        response = refused(lab, CAROL.alias, CAROL.password) if CAROL.server is CAS10 else \
            refused(lab, "carla", "x")
        assert response.status == 503 and time.monotonic() - began < 3
        row, *_ = lab.gate.ctl("auth", "test", "--target", "CAS10")
        assert row["result"] in ("ok", "no-kdc")
    finally:
        lab.kdc.start()
    wait_until("it is back", lambda: lab.gate.ctl("auth", "status")["kdcs"][0]["answers"], 20)
    works(lab, SARA.alias, SARA.password)


def test_controller_silent(lab):
    """Others are served meanwhile, and a worker never waits."""
    client = works(lab, BOB.alias, BOB.password)
    with lab.kdc.paused():
        began = time.monotonic()
        assert refused(lab, "carla", "x").status == 503
        assert 2 < time.monotonic() - began < 6
        began = time.monotonic()
        assert client.call(0, b"still") == b"still"
        assert time.monotonic() - began < 1


# --- what an administrator is told -----------------------------------------------------------

def test_auth_status(lab):
    status = lab.gate.ctl("auth", "status")
    assert status["account"] == SERVICE and status["keys"][0]["principal"] == SERVICE
    assert any(k["type"].startswith("aes256") for k in status["keys"])
    assert status["kdcs"][0]["answers"]


def test_auth_test(lab):
    rows = lab.gate.ctl("auth", "test", "--target", "CAS10")
    assert [(r["test"], r["result"]) for r in rows] == [("log on as the service", "ok")], rows
    done = lab.gate.cli("--json", "auth", "test", "--target", "CAS10", "--user", BOB.smtp,
                        "--password", input=BOB.password + "\n")
    rows = json.loads(done.stdout)["data"]
    assert [(r["test"], r["result"]) for r in rows] == [
        ("verify the password", "ok"), ("log on as the service", "ok"),
        ("log on for the user", "ok"), ("log on with the password", "ok")]
    done = lab.gate.cli("--json", "auth", "test", "--target", "CAS10", "--user", SARA.smtp,
                        "--password", input="wrong\n")
    by = {r["test"]: r for r in json.loads(done.stdout)["data"]}
    assert by["verify the password"]["result"] == "denied"
    assert by["log on for the user"]["result"] == "not-delegated"
    assert "sensitive" in by["log on for the user"]["why"]
    assert "wrong" not in lab.gate.log()


def test_no_service_principal_name(lab):
    """A name that the domain does not know is told as such."""
    config = copy.deepcopy(lab.gate.original)
    next(s for s in config["servers"] if s["name"] == "CAS10")["spn"] = "HTTP/nobody.contoso.local"
    lab.gate.config = config
    lab.gate.reload()
    try:
        row, = lab.gate.ctl("auth", "test", "--target", "CAS10")
        assert row["result"] == "no-spn" and "setspn" in row["why"]
        found, = [f for f in lab.gate.ctl_any("preflight", "--server", "CAS10")["servers"][0]
                  ["findings"] if f["protocols"] == ["rpc"]]
        assert found["code"] == "no-ticket"
        assert found["cmdlet"] == "setspn -Q HTTP/nobody.contoso.local"
        assert refused(lab, BOB.alias, BOB.password).status == 503
    finally:
        lab.gate.config = copy.deepcopy(lab.gate.original)
        lab.gate.reload()
