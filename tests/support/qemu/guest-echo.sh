#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Guest side: bind the first Ethernet card with drivers-config/host/bind.sh and
# serve TCP echo on it until a line comes in on the console. Kernel arguments:
# driver= to bind, profile=, workers=, echo= and tree= (paths on the host).
argument() {
	sed -n "s/.* $1=\([^ ]*\).*/\1/p" /proc/cmdline
}
stty -echo 2>/dev/null
for m in $(cat /run/m/order); do
	case $m in vfio* | uio* | irqbypass*) /run/m/busybox insmod "/run/m/$m" ;; esac
done
profiles=/host$(argument tree)/drivers-config
card=$(for d in /sys/bus/pci/devices/*; do
	[ "$(cat "$d/class")" != 0x020000 ] || { basename "$d"; break; }
done)
sh "$profiles/host/bind.sh" status
sh "$profiles/host/bind.sh" bind --driver "$(argument driver)" "$card" || exit 1
workers=$(argument workers)
lcores=0@0
for i in $(seq "$workers"); do lcores=$lcores,$i@$((i % 2)); done
"/host$(argument echo)" --pci "$profiles/$(argument profile).yaml" "$card" \
	"$workers" "$lcores" 10.99.0.2/24 fd99::2/64 &
read -r _
kill -TERM $!
wait $!
rc=$?
sh "$profiles/host/bind.sh" unbind "$card"
exit $rc
