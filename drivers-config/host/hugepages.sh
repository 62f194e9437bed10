#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Reserve hugepages for casgate, mount them, and say what was got.
set -eu

usage() {
	cat <<EOF
usage: hugepages.sh [MB]
       hugepages.sh --help

Reserves MB megabytes (default 1024) of hugepages of the kernel's default size,
on top of none: the argument is the machine's total. Mounts hugetlbfs on
/dev/hugepages when nothing is mounted. Without an argument that can be met in
full it keeps what it got and ends with 1: memory is in pieces by now; reserve
at boot instead (isolate.sh prints how).

Prints "hugepages: ASKED MB asked, GOT MB reserved, FREE MB free".
EOF
}

case ${1:-} in
-h | --help)
	usage
	exit 0
	;;
esac
asked=${1:-1024}
case $asked in
'' | *[!0-9]*)
	usage >&2
	exit 2
	;;
esac

kb=$(awk '$1 == "Hugepagesize:" {print $2}' /proc/meminfo)
if [ -z "$kb" ]; then
	echo "hugepages: this kernel has none (CONFIG_HUGETLBFS); casgate takes ordinary memory" >&2
	exit 1
fi
pages=/sys/kernel/mm/hugepages/hugepages-${kb}kB
want=$(((asked * 1024 + kb - 1) / kb))
if [ "$(cat "$pages/nr_hugepages")" -ne "$want" ]; then
	# Pages come only out of memory in one piece: make some first.
	[ ! -w /proc/sys/vm/compact_memory ] || echo 1 >/proc/sys/vm/compact_memory
	echo "$want" >"$pages/nr_hugepages"
fi
if ! awk '$3 == "hugetlbfs" {found = 1} END {exit !found}' /proc/mounts; then
	mkdir -p /dev/hugepages
	mount -t hugetlbfs hugetlbfs /dev/hugepages
fi
got=$(($(cat "$pages/nr_hugepages") * kb / 1024))
free=$(($(cat "$pages/free_hugepages") * kb / 1024))
echo "hugepages: $asked MB asked, $got MB reserved, $free MB free"
[ "$got" -ge "$asked" ]
