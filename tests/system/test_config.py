# SPDX-License-Identifier: BSD-3-Clause
"""A configuration that cannot work is told so, where and what would be right,
before anything starts."""
import copy
import re

import pytest

from lab import topology
from lab.gate import program


def check(lab, change=None, text=None):
    config = copy.deepcopy(lab.gate.original)
    if change:
        change(config)
    done = lab.gate.check(text if text is not None else config)
    return done.returncode, done.stdout + done.stderr


def test_good(lab):
    code, words = check(lab)
    assert code == 0 and "error" not in words.lower(), words


def server(c, name="EX13"):
    return next(s for s in c["servers"] if s["name"] == name)


@pytest.mark.parametrize("what, change, words", [
    ("unknown setting", lambda c: server(c).update(colour="red"), ["servers[0].colour", "unknown"]),
    ("near miss", lambda c: c["appliance"].update(wokers=2), ["wokers", "workers"]),
    ("port", lambda c: c["listeners"][0].update(port="443x"), ["listeners[0].port", "65535"]),
    ("port 0", lambda c: c["listeners"][0].update(port=0), ["listeners[0].port"]),
    ("address", lambda c: server(c).update(address="10.20.0.300"), ["servers[0].address"]),
    ("enumeration", lambda c: c["appliance"].update(idle="sometimes"),
     ["appliance.idle", "spin", "balanced", "saving"]),
    ("version", lambda c: server(c).update(version="2003"), ["servers[0].version"]),
    ("unknown site", lambda c: server(c).update(site="HQ2"), ["servers[0].site", "HQ2"]),
    ("own site unknown", lambda c: c.update(site="Mars"), ["site", "Mars"]),
    ("same name twice", lambda c: server(c, "CAS10").update(name="EX13"), ["EX13"]),
    ("unknown certificate", lambda c: c["listeners"][0].update(certificates=["nope"]), ["nope"]),
    ("https without certificate", lambda c: c["listeners"][0].pop("certificates"),
     ["listeners[0]", "certificate"]),
    ("missing key", lambda c: server(c).pop("fqdn"), ["servers[0]", "fqdn"]),
    ("TLS 1.0 without pin", lambda c: server(c)["tls"].update(min="1.0"), ["pin"]),
    ("bad pin", lambda c: server(c)["tls"].update(pin="abc"), ["servers[0].tls.pin"]),
    ("no such chain", lambda c: c["certificates"][0].update(chain="/no/such.pem"),
     ["/no/such.pem"]),
    ("chain is no PEM", lambda c: c["certificates"][0].update(chain="/etc/passwd"),
     ["certificates", "/etc/passwd", "PEM"]),
    ("key of another", lambda c: c["certificates"][0].update(
        key=c["certificates"][0]["key"].replace("mail.key", "EX13.key")), ["certificates", "EX13.key"]),
    ("no such CSV", lambda c: c["mailboxes"].update(csv="/no/such.csv"), ["/no/such.csv"]),
    ("no such driver", lambda c: c["interfaces"][0].update(driver="ne2000"), ["ne2000"]),
    ("listener on a foreign address", lambda c: c["listeners"][0].update(address="10.99.0.1"),
     ["10.99.0.1"]),
    ("two listeners on one port", lambda c: c["listeners"][2].update(port=443, protocol="https"),
     ["listeners[2]"]),
    ("interface without address", lambda c: c["interfaces"][0].update(addresses=[]),
     ["interfaces[0].addresses"]),
    ("no namespaces", lambda c: c.pop("namespaces"), ["namespaces"]),
    ("own name as 2007 ExternalURL", lambda c: server(c, "CAS07")["virtual-directories"]["owa"]
     .update({"external-url": f"https://{topology.NAMESPACE}/owa"}), [topology.NAMESPACE]),
    ("memory", lambda c: c["appliance"].update(memory="64M", packets=4000000), ["memory"]),
    ("too many workers", lambda c: c["appliance"].update(workers=99), ["appliance.workers", "16"]),
    ("gateway nowhere", lambda c: c.update(routes=[{"to": "0.0.0.0/0", "via": "192.0.2.1"}]),
     ["routes[0]"]),
], ids=lambda v: v if isinstance(v, str) else "")
def test_wrong(lab, what, change, words):
    code, said = check(lab, change)
    assert code != 0, said
    for word in words:
        assert word in said, said
    if what != "memory":
        assert re.search(r"check\.yaml:\d+:\d+: ", said), "no line and column"


def test_all_errors_at_once(lab):
    def change(c):
        c["appliance"]["workers"] = 0
        server(c)["colour"] = "red"
        server(c, "CAS10")["site"] = "Atlantis"
    code, said = check(lab, change)
    assert code != 0
    for word in ("appliance.workers", "colour", "Atlantis"):
        assert word in said


@pytest.mark.parametrize("text, words", [
    ("", "empty"), ("- a\n- b\n", "there is a list"), ("appliance: [\n", "check.yaml:"),
    ("appliance: {name: a, name: b}\n", "twice"), ("a: &x 1\nb: *x\n", "alias"),
    ("appliance:\n\tname: x\n", "check.yaml:2"), ("\x00", "check.yaml"),
], ids=["empty", "list", "syntax", "twice", "alias", "tab", "NUL"])
def test_not_even_yaml(lab, text, words):
    code, said = check(lab, text=text)
    assert code != 0 and words in said, said


def test_missing_file(lab):
    done = lab.hosts.run("gate", program("casgate"), "--config", "/no/such.yaml", "--check",
                         check=False)
    assert done.returncode != 0 and "/no/such.yaml" in done.stdout + done.stderr


def test_wrong_one_does_not_start(lab):
    """The same words without --check, at once, and nothing is left."""
    config = copy.deepcopy(lab.gate.original)
    config["site"] = "Mars"
    config["appliance"]["control-socket"] = str(lab.hosts.dir / "mars.sock")
    path = lab.gate.write(config, lab.hosts.dir / "mars.yaml")
    process = lab.hosts.spawn("gate", *lab.gate.command("--config", path), log="mars")
    assert process.wait(10) != 0
    assert re.search(r"mars\.yaml:\d+:\d+: .*Mars", lab.hosts.log_text("mars"))
    assert not (lab.hosts.dir / "mars.sock").exists()


@pytest.mark.parametrize("change, words", [
    (lambda c: c["interfaces"][0].update(device="nothing0"), "nothing0"),
    (lambda c: c["interfaces"][0].update(mtu=9000), "mtu"),
])
def test_port_that_does_not_open(lab, change, words):
    """What only the machine can tell is told as clearly."""
    config = copy.deepcopy(lab.gate.original)
    change(config)
    config["appliance"].update({"control-socket": str(lab.hosts.dir / "port.sock"),
                                "name": f"{lab.hosts.name}port"})
    path = lab.gate.write(config, lab.hosts.dir / "port.yaml")
    process = lab.hosts.spawn("gate", *lab.gate.command("--config", path), log="port")
    assert process.wait(20) != 0
    assert words.lower() in lab.hosts.log_text("port").lower()


@pytest.mark.parametrize("option", ["--help", "--version", "--help-config"])
def test_informative_options(lab, option):
    done = lab.hosts.run("gate", program("casgate"), option)
    assert done.stdout.strip() and not done.stderr
