#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Data-path objects must not even be able to allocate, lock, sleep, print or
tell the time: nothing in them references such a function."""
import pathlib
import re
import subprocess
import sys

DATA_PATH = ["base", "stats", "tick", "http", "rpch", "mail", "exchange", "health", "ip", "tcp", "stream", "worker", "proxy"]
BANNED = {
    "malloc", "calloc", "realloc", "free", "aligned_alloc", "posix_memalign", "strdup",
    "printf", "fprintf", "puts", "fputs", "fwrite", "perror", "vprintf", "vfprintf",
    "sleep", "usleep", "nanosleep", "clock_nanosleep", "poll", "select", "epoll_wait",
    "read", "write", "send", "recv", "open", "fopen",
    "time", "gettimeofday", "clock_gettime",
    "pthread_mutex_lock", "pthread_rwlock_rdlock", "pthread_rwlock_wrlock",
    "pthread_cond_wait", "sem_wait", "synchronize_rcu", "mem_new", "mem_free", "log_write",
    "rte_malloc", "rte_zmalloc", "rte_free", "rand", "random",
}
# Files that run before the first packet or on control threads, or that are the
# one place for what they do. Each with its reason.
SETUP = {
    "base/log.c": "the log is for start-up and control threads",
    "base/mem.c": "memory taken at start",
    "base/slab_setup.c": "pools are made at start",
    "base/spsc.c": "rings are made at start",
    "ip/ip_setup.c": "stacks are made at start",
    "tcp/tcp_setup.c": "stacks are made at start",
    "health/health_setup.c": "the board is made at start",
    "stream/stream_setup.c": "buffers are made at start",
    "worker/worker_setup.c": "workers are made at start",
    "worker/worker_idle.c": "the idle ladder is where a worker may sleep",
    "proxy/proxy_log.c": "records are made at start",
    "proxy/proxy_setup.c": "the proxy is made at start",
}

root, build = map(pathlib.Path, sys.argv[1:3])
bad, seen = [], 0
for name in DATA_PATH:
    archive = build / "lib" / f"lib{name}.a"
    out = subprocess.run(["nm", "-uA", archive], capture_output=True, text=True, check=True)
    for line in out.stdout.splitlines():
        found = re.search(r"([\w-]+)\.c\.o:\s+[UwW]\s+(\S+)$", line)
        if not found:
            continue
        source, symbol = found[1].replace("_", "/", 1) + ".c", found[2].split("@")[0]
        seen += 1
        if symbol in BANNED and source not in SETUP:
            bad.append(f"lib/{source}: uses {symbol}()")
bad += [f"{s} is exempt but does not exist" for s in SETUP if not (root / "lib" / s).exists()]
if not seen:
    bad.append("no symbol was looked at: are the libraries built?")
print("\n".join(bad) or f"{seen} references in {len(DATA_PATH)} libraries, none banned")
sys.exit(bool(bad))
