#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Many virtual connections of Outlook Anywhere for a while, each with pings and
small calls; how long the calls took.

    python3 -m lab.rpcload 10.10.0.10 --authority ca.pem -n 500 --seconds 600

Says "open" when all are there and rests for a moment, then works, and ends with
a line of JSON: calls, failed, and the latencies' percentiles [us]. Exit status 0
only if no call failed and no answer was wrong.
"""
import argparse
import base64
import json
import random
import sys
import threading
import time

from . import rpcpdu as rpc
from .rpcclient import Fault, HttpError, RpcClient
from .wire import Ended, tls_context

PERMILLE = {"p50": 500, "p90": 900, "p99": 990, "p999": 999}
FAILURES = (OSError, Ended, Fault, HttpError, AssertionError)


def percentiles(latencies):
    """In whole microseconds, with the greatest."""
    sorted_ones = sorted(latencies) or [0]
    found = {name: sorted_ones[min(len(sorted_ones) * k // 1000, len(sorted_ones) - 1)]
             for name, k in PERMILLE.items()}
    return {n: round(s * 1e6) for n, s in {**found, "max": sorted_ones[-1]}.items()}


class Load:
    def __init__(self, options):
        self._options = options
        self._context = tls_context(options.authority)
        self._begin = threading.Barrier(options.n + 1)
        self._lock = threading.Lock()
        self.calls, self.failures, self.latencies = 0, [], []

    def _client(self, i):
        o = self._options
        who = base64.b64encode(f"{o.user.format(i % o.users)}:secret".encode()).decode()
        return RpcClient((o.address[i % len(o.address)], 443), self._context, o.name,
                         f"Authorization: Basic {who}\r\n", o.target, host=o.name, seconds=30)

    def _one(self, i):
        """The life of one; it never lets the others wait for it."""
        chance, client, opened = random.Random(i), self._client(i), False
        try:
            client.open("in" if i % 2 else "out")
            client.bind()
            opened = True
        except FAILURES as error:
            self._failed(i, error)
        self._begin.wait()
        self._begin.wait()
        try:
            if opened:
                self._work(client, chance)
            client.close()
        except FAILURES as error:
            self._failed(i, error)
        with self._lock:
            self.calls += len(client.latencies)
            self.latencies += client.latencies

    def _work(self, client, chance):
        o = self._options
        end = time.monotonic() + o.seconds
        ping = time.monotonic() + chance.uniform(0, o.ping)
        time.sleep(chance.uniform(0, o.period))
        while (now := time.monotonic()) < end:
            if now > ping:
                ping += o.ping
                client.ping()
            stub = chance.randbytes(chance.choice((16, 200, 200, 1500)))
            assert client.call(0, stub) == stub, "another answer"
            time.sleep(chance.uniform(0.5, 1.5) * o.period)

    def _failed(self, i, error):
        with self._lock:
            self.failures.append(f"{i}: {type(error).__name__}: {error}")

    def run(self):
        threads = []
        for i in range(self._options.n):
            threads.append(threading.Thread(target=self._one, args=(i,)))
            threads[-1].start()
            time.sleep(self._options.ramp)
        self._begin.wait()
        print("open", flush=True)
        time.sleep(self._options.rest)
        self._begin.wait()
        for thread in threads:
            thread.join()
        print(json.dumps({"calls": self.calls, "failed": len(self.failures),
                          "failures": self.failures[:5], **percentiles(self.latencies)}),
              flush=True)
        return 1 if self.failures or not self.calls else 0


def main():
    parser = argparse.ArgumentParser(prog="python3 -m lab.rpcload")
    parser.add_argument("address", nargs="+", help="of casgate, or of servers to compare with")
    parser.add_argument("--authority", required=True, help="PEM file of the CA")
    parser.add_argument("--name", default="mail.contoso.com", help="of their certificates")
    parser.add_argument("--target", default="RPCC:6001")
    parser.add_argument("--user", default="rpc{}@contoso.com")
    parser.add_argument("--users", type=int, default=1, help="so many, in turn")
    parser.add_argument("-n", type=int, default=50, help="virtual connections")
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--period", type=float, default=2, help="seconds between calls of one")
    parser.add_argument("--ping", type=float, default=10, help="seconds between its pings")
    parser.add_argument("--rest", type=float, default=3, help="seconds before the first call")
    parser.add_argument("--ramp", type=float, default=0.01, help="seconds between two openings")
    # Other threads come soon, or it is Python that is measured.
    sys.setswitchinterval(0.0005)
    threading.stack_size(256 << 10)
    return Load(parser.parse_args()).run()


if __name__ == "__main__":
    sys.exit(main())
