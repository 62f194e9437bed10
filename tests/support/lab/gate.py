# SPDX-License-Identifier: BSD-3-Clause
"""casgate itself: its configuration for the lab, the daemon, and what
casgatectl says."""
import copy
import json
import os
import pathlib
import signal
import subprocess

import yaml

from . import pki, topology
from .audit import Auditor
from .hosts import SNAT4, SNAT6, VIP4, VIP6, wait_until

ROOT = pathlib.Path(__file__).resolve().parents[3]


def program(name):
    """A built program; CASGATE_BUILD names the build directory."""
    build = pathlib.Path(os.environ.get("CASGATE_BUILD", ROOT / "build"))
    for path in (build / "app" / name, build / "app" / name / name):
        if path.is_file() and os.access(path, os.X_OK):
            return path
    raise FileNotFoundError(f"{name} is not built in {build} (set CASGATE_BUILD)")


class Plain(yaml.SafeDumper):
    """Writes what is used twice out twice: casgate takes no YAML aliases."""

    def ignore_aliases(self, data):
        return True


def dump(config):
    return yaml.dump(config, Dumper=Plain, sort_keys=False)


class ControlError(Exception):
    """casgatectl refused; .code is its exit status, .words what it said."""

    def __init__(self, command, code, words):
        super().__init__(f"casgatectl {' '.join(map(str, command))}: exit {code}: {words.strip()}")
        self.code, self.words = code, words


def base_config(hosts, authority, certificate, pairs, mailbox_csv, workers, driver):
    """The whole configuration as a dict; tests change what they are about."""
    def server(s):
        trust = {"ca": str(authority.cert)}
        if s.tls[0] == "TLSv1":     # so old a server is known by its very certificate
            trust = {"pin": pki.fingerprint(pairs[s.name].chain), "min": "1.0"}
        row = {"name": s.name, "fqdn": s.fqdn, "address": s.address, "version": s.version,
               "site": s.site, "tls": trust}
        if s in (topology.ORIGIN, topology.IMPOSTOR):
            row["probes"] = False   # tests count what comes there
        if s.external_url:
            # A server with the mapping has the directories named there only.
            row["virtual-directories"] = {
                v: {"external-url": s.external_url[v]} if v in s.external_url else {}
                for v in ("owa", "eas", "rpc", "ews", "autodiscover", "oab")}
        return row

    def listener(protocol, port, address, family):
        row = {"name": f"{protocol}-{family}", "address": address, "port": port,
               "protocol": protocol}
        if protocol == "https":
            row["certificates"] = ["mail"]
        return row

    def device(link):
        return f"tap-{link}" if driver == "tap" else link

    return {
        "appliance": {"name": hosts.name, "workers": workers, "idle": "balanced", "memory": "256M",
                      "control-socket": str(hosts.dir / "control.sock"), "log-level": "info",
                      "drain-max": "1s"},
        "interfaces": [
            {"name": "front", "driver": driver, "device": device("front0"), "mtu": hosts.mtu,
             "addresses": [f"{VIP4}/24", f"{VIP6}/64"]},
            {"name": "back", "driver": driver, "device": device("back0"), "mtu": hosts.mtu,
             "addresses": [f"{SNAT4}/24", f"{SNAT6}/64"]},
        ],
        "namespaces": list(topology.NAMESPACES),
        "certificates": [{"name": "mail", "chain": str(certificate.chain),
                          "key": str(certificate.key)}],
        "listeners": [listener(protocol, port, address, family)
                      for protocol, port in (("https", 443), ("http", 80))
                      for address, family in ((VIP4, "v4"), (VIP6, "v6"))],
        "site": topology.HOME_SITE,
        "sites": list(topology.SITES),
        "servers": [server(s) for s in topology.SERVERS],
        "mailboxes": {"csv": str(mailbox_csv)},
    }


class Gate:
    """One configured casgate. `config` may be changed before start() or
    reload()."""

    def __init__(self, hosts, workers=1, driver="af_xdp", hugepages=False):
        self._hosts, self._hugepages = hosts, hugepages
        self.profiles = ROOT / "drivers-config"
        self.authority = pki.Authority(hosts.dir / "ca")
        self.certificate = self.authority.issue("mail", topology.NAMESPACES)
        # Whose name is no good for a terminal.
        stranger = pki.Authority(hosts.dir / "stranger", "nobody's \x1b[31mCA")
        self.pairs = {s.name: (stranger if s is topology.IMPOSTOR else self.authority)
                      .issue(s.name, [s.fqdn], s.key) for s in topology.SERVERS}
        self.csv = hosts.dir / "mailboxes.csv"
        self.csv.write_text(topology.csv(topology.MAILBOXES), encoding="utf-8")
        self.file = hosts.dir / "casgate.yaml"
        self.config = base_config(hosts, self.authority, self.certificate, self.pairs,
                                  self.csv, workers, driver)
        self.original = copy.deepcopy(self.config)
        self.process = None
        self.audit = Auditor(hosts)
        hosts.hosts_file("client", [f"{VIP4} {' '.join(topology.NAMESPACES)}",
                                    f"{VIP6} {' '.join(topology.NAMESPACES)}"])

    @property
    def socket(self):
        return self.config["appliance"]["control-socket"]

    def write(self, config=None, path=None):
        path, config = path or self.file, config or self.config
        if path == self.file:
            self.audit.allow(config)
        path.write_text(dump(config))
        return path

    def command(self, *words):
        extra = [] if self._hugepages else ["--no-huge"]
        return [program("casgate"), *words, *extra, "--drivers-config", self.profiles]

    def check(self, text):
        """`casgate --check` on a configuration given as text or dict."""
        path = self._hosts.dir / "check.yaml"
        path.write_text(text if isinstance(text, str) else dump(text))
        return self._hosts.run("gate", program("casgate"), "--config", path, "--check",
                               "--drivers-config", self.profiles,
                               check=False, timeout=30)

    def start(self, seconds=30):
        self.write()
        self.audit.begin()
        self.process = self._hosts.spawn("gate", *self.command("--config", self.file),
                                         log="casgate")
        wait_until("casgate is ready", self._ready, seconds)
        for interface in self.config["interfaces"]:
            if interface["driver"] == "tap":
                self._hosts.bridge(interface["device"], interface["device"][len("tap-"):])
        return self

    def _ready(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"casgate ended with {self.process.returncode}:\n{self.log()}")
        try:
            return os.path.exists(self.socket) and self.ctl("status") is not None
        except ControlError:
            return False

    def log(self):
        return self._hosts.log_text("casgate")

    @property
    def alive(self):
        return self.process is not None and self.process.poll() is None

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        """TERM and wait: the exit status, None when it did not run."""
        if self.alive:
            self.audit.compare(self)
        return None if self.process is None else self._hosts.stop(self.process, 10)

    def cli(self, *words, **options):
        """casgatectl as people use it: the finished process."""
        return subprocess.run([str(program("casgatectl")), "--socket", self.socket, *map(str, words)],
                              capture_output=True, text=True, timeout=30, check=False, **options)

    def ctl(self, *words):
        """casgatectl --json: the answer's data, or ControlError."""
        done = self.cli("--json", *words)
        answer = json.loads(done.stdout) if done.stdout.strip() else {}
        if not answer.get("ok"):
            raise ControlError(words, done.returncode, answer.get("error") or done.stderr)
        return answer["data"]

    def ctl_any(self, *words):
        """The same, whatever the exit status judges of the data."""
        return json.loads(self.cli("--json", *words).stdout)["data"]

    def sessions(self, *words):
        return self.ctl("session", "list", *words)

    def stats(self):
        """Every counter: {"proxy.sessions": 0, ...}."""
        return {row["name"]: row["value"] for row in self.ctl("stats")}

    def dialed(self):
        """To whom it has connected, by its own account: {"10.20.0.21:443": 7}."""
        rows = self.ctl("stats", "--filter", "dialed.")
        return {row["name"].removeprefix("dialed."): row["value"] for row in rows}

    def reload(self):
        self.write()
        return self.ctl("config", "reload")


VIP = {4: VIP4, 6: VIP6}
