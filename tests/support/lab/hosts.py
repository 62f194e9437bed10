# SPDX-License-Identifier: BSD-3-Clause
"""Three hosts made of network namespaces, the links between them, and the
processes in them.

      client  eth0 ---- front0  gate  back0 ---- eth0  back

The gate's two interfaces carry no kernel address: they belong to casgate.
Names derive from the process id, so that labs do not meet; addresses are the
same in every lab, because namespaces do not see each other's.

A lab with identities has a fourth host, `dc`, and a network of ordinary kernel
interfaces that reaches it from the others (`management`):

      client mgmt0 ---+
      gate   mgmt0 ---+--- eth0  dc
      back   mgmt0 ---+
"""
import contextlib
import ctypes
import itertools
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

from . import reaper

CLIENT4, CLIENT6 = "10.10.0.2", "fd00:10::2"
VIP4, VIP6 = "10.10.0.10", "fd00:10::10"
SNAT4, SNAT6 = "10.20.0.10", "fd00:20::10"
MANAGEMENT = {"client": "10.30.0.2", "gate": "10.30.0.10", "back": "10.30.0.20"}

CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)
_serial = itertools.count()
_reapers = []       # whose pipes end with this process


def _setns(fd):
    if _libc.setns(fd, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


def wait_until(what, test, seconds=10.0, step=0.02):
    """Poll test() until it is true; its value. `what` is what failed."""
    end = time.monotonic() + seconds
    while True:
        value = test()
        if value:
            return value
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {seconds} s")
        time.sleep(step)


def _start_reaper(name, directory):
    return subprocess.Popen([sys.executable, reaper.__file__, name, str(directory)],
                            stdin=subprocess.PIPE, text=True, start_new_session=True)


def scratch(label):
    """A directory for what labs of this process share; gone with the process."""
    name = f"cg{os.getpid()}-{label}"
    directory = pathlib.Path(tempfile.mkdtemp(prefix=f"{name}-"))
    _reapers.append(_start_reaper(name, directory))
    return directory


class Hosts:
    """Namespaces and links."""

    def __init__(self, mtu=1500):
        self.name = f"cg{os.getpid()}x{next(_serial)}"
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix=f"{self.name}-"))
        self.dir.chmod(0o755)
        self.mtu = mtu
        self._reaper = _start_reaper(self.name, self.dir)
        self._processes, self._names, self._binds, self.managed = [], {}, {}, False
        try:
            self._make()
        except BaseException:
            self.close()
            raise

    # --- making -----------------------------------------------------------

    def _make(self):
        for suffix in ("client", "gate", "back"):
            self._namespace(suffix)
        self._link("client", "front0")
        self._link("back", "back0")
        self.address("client", CLIENT4, CLIENT6)

    def _namespace(self, suffix):
        self._ip("netns", "add", self.ns(suffix))
        self._ip("-n", self.ns(suffix), "link", "set", "lo", "up")

    def _link(self, host, gate_end):
        # One queue: DPDK 22.11 opens no second one on a veth, and what arrived
        # there would be lost. Workers hand over to each other.
        queues = ("numtxqueues", "1", "numrxqueues", "1")
        self._ip("link", "add", "eth0", "netns", self.ns(host), *queues, "type", "veth",
                 "peer", "name", gate_end, "netns", self.ns("gate"), *queues)
        for where, device in ((host, "eth0"), ("gate", gate_end)):
            # What leaves a veth half-made (no checksum, 64 kB segments) is
            # finished by the receiving kernel; here no kernel receives it.
            self.run(where, "ethtool", "-K", device, "tx", "off", "tso", "off",
                     "gso", "off", "gro", "off")
            settings = pathlib.Path("/proc/sys/net/ipv6/conf") / device
            with self.inside(where):
                (settings / "accept_dad").write_text("0")
                if where == "gate":
                    (settings / "disable_ipv6").write_text("1")
            self._ip("-n", self.ns(where), "link", "set", device, "mtu", str(self.mtu), "up")

    def bridge(self, tap, gate_end):
        """Plug an interface that casgate made into a link's gate end."""
        name = f"br-{gate_end}"
        where = self.ns("gate")
        wait_until(f"interface {tap}", lambda: self.run("gate", "ip", "link", "show", tap,
                                                        check=False).returncode == 0)
        self._ip("-n", where, "link", "add", name, "type", "bridge")
        for device in (tap, gate_end):
            self._ip("-n", where, "link", "set", device, "mtu", str(self.mtu), "master", name, "up")
        self._ip("-n", where, "link", "set", name, "mtu", str(self.mtu), "up")

    def address(self, host, *addresses):
        """Give a host's eth0 more addresses."""
        for a in addresses:
            prefix, flags = ("64", ["nodad"]) if ":" in a else ("24", [])
            self._ip("-n", self.ns(host), "addr", "add", f"{a}/{prefix}", "dev", "eth0", *flags)

    def management(self):
        """The host `dc` and the network to it, once."""
        if self.managed:
            return
        self.managed = True
        self._namespace("dc")
        there = self.ns("dc")
        self._ip("-n", there, "link", "add", "eth0", "type", "bridge")
        self._ip("-n", there, "link", "set", "eth0", "up")
        for host, address in MANAGEMENT.items():
            here, port = self.ns(host), f"to-{host}"
            self._ip("link", "add", "mgmt0", "netns", here, "type", "veth",
                     "peer", "name", port, "netns", there)
            self._ip("-n", here, "addr", "add", f"{address}/24", "dev", "mgmt0")
            self._ip("-n", here, "link", "set", "mgmt0", "up")
            self._ip("-n", there, "link", "set", port, "master", "eth0", "up")

    def etc(self, host, name, text):
        """What programs started in that namespace find as /etc/NAME."""
        where = pathlib.Path("/etc/netns") / self.ns(host)
        where.mkdir(parents=True, exist_ok=True)
        (where / name).write_text(text)

    def hosts_file(self, host, lines):
        """More lines of that namespace's /etc/hosts."""
        known = self._names.setdefault(host, ["127.0.0.1 localhost"])
        known += lines
        self.etc(host, "hosts", "".join(f"{l}\n" for l in known))

    def bind(self, host, source, target):
        """Programs started there from now on find `source` at `target`, which
        is a directory that there is."""
        self._binds.setdefault(host, {})[str(target)] = str(source)

    def mount(self, kind, place, options):
        """A file system of the lab's own, gone with it."""
        subprocess.run(["mount", "-t", kind, "-o", options, "none", place], check=True)
        self._note(f"mount {place}")

    def hugepages(self, count):
        """Reserve so many 2 MB pages and give casgate a place to find them;
        false when the kernel has none to give."""
        try:
            got = reaper.add_hugepages(count)
        except OSError:
            return False
        self._note(f"hugepages {got}")
        if got < count:
            return False
        if "hugetlbfs" not in pathlib.Path("/proc/mounts").read_text():
            place = self.dir / "hugepages"
            place.mkdir()
            if subprocess.run(["mount", "-t", "hugetlbfs", "none", place], check=False).returncode:
                return False
            self._note(f"mount {place}")
        return True

    def _note(self, line):
        self._reaper.stdin.write(line + "\n")
        self._reaper.stdin.flush()

    @staticmethod
    def _ip(*words):
        subprocess.run(["ip", *words], check=True)

    # --- using ------------------------------------------------------------

    def ns(self, host):
        return f"{self.name}-{host}"

    @contextlib.contextmanager
    def inside(self, host):
        """Sockets that this thread makes in the body belong to that host and
        go on belonging to it."""
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        there = os.open(f"/run/netns/{self.ns(host)}", os.O_RDONLY)
        try:
            _setns(there)
            try:
                yield
            finally:
                _setns(home)
        finally:
            os.close(home)
            os.close(there)

    def command(self, host, *argv):
        argv = [str(word) for word in argv]
        for target, source in self._binds.get(host, {}).items():
            # `ip netns exec` has given it mounts of its own.
            argv = ["sh", "-c", 'mount --bind "$0" "$1" && shift && exec "$@"',
                    source, target, *argv]
        return ["ip", "netns", "exec", self.ns(host), *argv]

    def run(self, host, *argv, check=True, **options):
        options.setdefault("capture_output", True)
        options.setdefault("text", True)
        done = subprocess.run(self.command(host, *argv), check=False, **options)
        if check and done.returncode:
            raise RuntimeError(f"{' '.join(map(str, argv))}: exit {done.returncode}\n{done.stderr}")
        return done

    def spawn(self, host, *argv, log, **options):
        """Start a program; what it prints goes to DIR/LOG.log."""
        with open(self.dir / f"{log}.log", "ab") as out:
            process = subprocess.Popen(self.command(host, *argv), stdin=subprocess.DEVNULL,
                                       stdout=out, stderr=subprocess.STDOUT, **options)
        self._processes.append(process)
        self._note(f"pid {process.pid}")
        return process

    def log_text(self, log, last=4000):
        path = self.dir / f"{log}.log"
        if not path.exists():
            return ""
        lines = path.read_text(errors="replace").splitlines(keepends=True)
        return "".join(l for l in lines if not l.startswith(("libbpf:", "libxdp:")))[-last:]

    @staticmethod
    def stop(process, seconds=5.0):
        """TERM, then KILL; the exit status."""
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(seconds)
            except subprocess.TimeoutExpired:
                process.kill()
        return process.wait()

    def close(self):
        """The reaper does it all, so that there is one way to clean up."""
        for process in self._processes:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        with contextlib.suppress(BrokenPipeError):
            self._reaper.stdin.close()
        self._reaper.wait()
        for process in self._processes:
            process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
