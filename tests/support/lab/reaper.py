#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Removes what a lab made, when the lab's process is gone for whatever reason.

Started before anything else is made. Its standard input is a pipe whose other
end only the lab holds: end of file means the lab was closed or killed. Lines
on it tell what else there is to give back:

    pid N           started by the lab
    hugepages N     reserved beyond what there was
    mount PATH      mounted by the lab
"""
import fcntl
import glob
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

NAMESPACES = ("client", "gate", "back", "dc")
HUGEPAGES = pathlib.Path("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages")


def add_hugepages(count):
    """Change the system's number of 2 MB pages by `count`, one at a time
    among all labs; returns by how much it really changed."""
    lock = os.open("/run", os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        before = int(HUGEPAGES.read_text())
        HUGEPAGES.write_text(str(max(0, before + count)))
        return int(HUGEPAGES.read_text()) - before
    finally:
        os.close(lock)


def pids_in(namespace):
    out = subprocess.run(["ip", "netns", "pids", namespace], text=True,
                         capture_output=True, check=False).stdout
    return [int(p) for p in out.split() if int(p) != os.getpid()]


def end_processes(namespace):
    """Every process in a namespace that the lab made is the lab's."""
    for sig, patience in ((signal.SIGTERM, 4.0), (signal.SIGKILL, 2.0)):
        end = time.monotonic() + patience
        for pid in pids_in(namespace):
            try:
                os.kill(pid, sig)
            except ProcessLookupError:
                pass
        while pids_in(namespace) and time.monotonic() < end:
            time.sleep(0.02)
        if not pids_in(namespace):
            return


def reap(name, directory, notes):
    for suffix in NAMESPACES:
        namespace = f"{name}-{suffix}"
        if os.path.exists(f"/run/netns/{namespace}"):
            end_processes(namespace)
            subprocess.run(["ip", "netns", "del", namespace], check=False)
        shutil.rmtree(f"/etc/netns/{namespace}", ignore_errors=True)
    try:
        os.rmdir("/etc/netns")
    except OSError:
        pass
    for word, value in notes:
        if word == "pid":   # DPDK's run-time directory bears it
            for path in glob.glob(f"/var/run/dpdk/*-{value}"):
                shutil.rmtree(path, ignore_errors=True)
        elif word == "mount":
            subprocess.run(["umount", value], check=False)
        elif word == "hugepages":
            add_hugepages(-int(value))
    if os.environ.get("CASGATE_KEEP"):
        print(f"kept: {directory}", file=sys.stderr)
    else:
        shutil.rmtree(directory, ignore_errors=True)


def main():
    name, directory = sys.argv[1:3]
    # Ctrl-C is for the lab; its end is what is waited for here.
    for sig in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(sig, signal.SIG_IGN)
    notes = [line.split(maxsplit=1) for line in sys.stdin.read().splitlines()]
    reap(name, directory, [(n[0], n[1]) for n in notes if len(n) == 2])


if __name__ == "__main__":
    main()
