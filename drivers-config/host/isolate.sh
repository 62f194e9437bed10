#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Print what the kernel's command line needs for workers with cores of their own.
set -eu

usage() {
	cat <<EOF
usage: isolate.sh WORKER-CORES [HUGEPAGE-MB]
       isolate.sh --help

WORKER-CORES as the kernel writes lists: 2-5 or 2,3,6. Leave core 0 and at least
one more to the kernel, the control thread and the directory. Changes nothing:
prints the line for GRUB_CMDLINE_LINUX in /etc/default/grub (then update-grub,
reboot) and checks the cores against this machine.
EOF
}

case ${1:-} in
-h | --help)
	usage
	exit 0
	;;
'' | *[!0-9,-]*)
	usage >&2
	exit 2
	;;
esac
cores=$1
mb=${2:-}

# 2-4,6 -> 2 3 4 6
list=
for part in $(echo "$cores" | tr , ' '); do
	from=${part%-*}
	to=${part#*-}
	if [ -z "$from" ] || [ -z "$to" ] || [ "$from" -gt "$to" ]; then
		echo "isolate.sh: '$part' is no range of cores" >&2
		exit 2
	fi
	list="$list $(seq -s ' ' "$from" "$to")"
done
for c in $list; do
	dir=/sys/devices/system/cpu/cpu$c
	if [ ! -e "$dir" ]; then
		echo "isolate.sh: this machine has no core $c" >&2
		exit 1
	fi
	if [ "$c" -eq 0 ]; then
		echo "isolate.sh: core 0 belongs to the kernel" >&2
		exit 1
	fi
	siblings=$(cat "$dir/topology/thread_siblings_list" 2>/dev/null || echo "$c")
	[ "$siblings" = "$c" ] ||
		echo "# core $c shares its execution units with $siblings: leave the other idle" >&2
done
args="isolcpus=managed_irq,domain,$cores nohz_full=$cores rcu_nocbs=$cores"
[ -z "$mb" ] || args="$args hugepagesz=2M hugepages=$((mb / 2))"
if grep -qw GenuineIntel /proc/cpuinfo; then
	args="$args intel_iommu=on"
fi
echo "$args iommu=pt"
