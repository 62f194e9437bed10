#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# casgate's main job on this machine, as root: sudo app/demo.sh [--once]
#
# Installs what is missing, builds, and runs casgate on AF_XDP over veth
# between a client host and stand-ins for Exchange 2013, 2010 and 2007, each a
# network namespace. Prints where every request went, moves a mailbox under
# load, and stays up until Ctrl-C (--once: ends there, exit status 0 only if
# everything was as expected). Leaves nothing behind but packages and the build.
#
#   CASGATE_BUILD   the build directory (default: build, in the tree)
set -eu
root=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)
export PATH=/usr/sbin:/usr/bin:/sbin:/bin

case " $* " in
*" --help "* | *" -h "*) sed -n '3,14s/^# \{0,1\}//p' "$0"; exit 0 ;;
esac
if [ "$(id -u)" != 0 ]; then
	echo "app/demo.sh needs root: it makes network namespaces (sudo app/demo.sh)" >&2
	exit 1
fi

"$root"/app/install-deps.sh build lab

# shellcheck source=tests/support/build.sh
. "$root"/tests/support/build.sh
: "${CASGATE_BUILD:=$root/build}"
[ -w "$root" ] || [ -d "$CASGATE_BUILD" ] || CASGATE_BUILD=/var/tmp/casgate-build
export CASGATE_BUILD
build "$CASGATE_BUILD" "casgate casgatectl"

export PYTHONPATH="$root/tests/support" PYTHONDONTWRITEBYTECODE=1
exec /usr/bin/python3 -m lab.demo "$@"
