#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Give a PCI network card to casgate (vfio-pci), or back to the kernel.
set -eu

usage() {
	cat <<EOF
usage: bind.sh status
       bind.sh bind [--force] [--driver DRIVER] PCI-ADDRESS|INTERFACE...
       bind.sh unbind PCI-ADDRESS...
       bind.sh --help

status  every network card: address, driver, interface, what it is
bind    take the card from the kernel; DRIVER is vfio-pci (default) or
        uio_pci_generic. Refused for a card that carries the default route or an
        address that somebody is logged in over, unless --force: you would cut
        the branch you sit on.
unbind  give the card back to the kernel's own driver

The binding does not outlive a reboot: let a oneshot unit ordered before casgate's
repeat it.
mlx5 cards are never bound: they work while the kernel has them.
EOF
}

SYS=${SYS:-/sys} # a copy of the tree, for tests

fail() {
	echo "bind.sh: $*" >&2
	exit 1
}

# What was named, as 0000:01:00.0.
address_of() {
	case $1 in
	*:*:*.*) a=$1 ;;
	*:*.*) a=0000:$1 ;;
	*)
		[ -e "$SYS/class/net/$1/device" ] ||
			fail "'$1' is neither a PCI address nor an interface on a PCI card"
		# virtio-net hangs one level below its PCI device.
		d=$(readlink -f "$SYS/class/net/$1/device")
		while [ -n "$d" ] && [ ! -e "$SYS/bus/pci/devices/${d##*/}" ]; do d=${d%/*}; done
		a=${d##*/}
		[ -n "$a" ] || fail "interface $1 is on no PCI card"
		;;
	esac
	[ -e "$SYS/bus/pci/devices/$a" ] || fail "there is no PCI device $a"
	case $(cat "$SYS/bus/pci/devices/$a/class") in
	0x02*) ;;
	*) fail "$a is not a network card" ;;
	esac
	echo "$a"
}

driver_of() {
	d=$SYS/bus/pci/devices/$1/driver
	if [ -e "$d" ]; then basename "$(readlink -f "$d")"; else echo -; fi
}

# Of a card, virtio-net's one level deeper included.
interfaces_of() {
	for n in "$SYS/bus/pci/devices/$1/net"/* "$SYS/bus/pci/devices/$1"/virtio*/net/*; do
		[ ! -e "$n" ] || basename "$n"
	done
}

# Whatever stands upon an interface (VLAN, bridge, bond) falls with it.
with_uppers() {
	for i in "$@"; do
		echo "$i"
		for u in "$SYS/class/net/$i"/upper_*; do
			[ ! -e "$u" ] || with_uppers "${u##*/upper_}"
		done
	done
}

# Why an interface must not be taken; nothing when it may.
precious() {
	for i in $(with_uppers "$1"); do
		if { ip -4 route show default; ip -6 route show default; } 2>/dev/null |
			grep -qE " dev $i( |\$)"; then
			echo "the default route goes over $i"
			return
		fi
		# The fourth word is the local address of the login's connection.
		if [ -n "${SSH_CONNECTION:-}" ]; then
			local_ip=$(echo "$SSH_CONNECTION" | cut -d' ' -f3)
			if ip -o addr show dev "$i" 2>/dev/null | grep -qF " $local_ip/"; then
				echo "you are logged in over $i"
				return
			fi
		fi
	done
}

status() {
	for dev in "$SYS"/bus/pci/devices/*; do
		[ -e "$dev/class" ] || continue
		case $(cat "$dev/class") in 0x02*) ;; *) continue ;; esac
		a=$(basename "$dev")
		i=$(interfaces_of "$a" | paste -sd, -)
		what=$(lspci -s "$a" 2>/dev/null | cut -d' ' -f2- || true)
		printf '%-13s driver=%-16s interface=%-12s %s\n' \
			"$a" "$(driver_of "$a")" "${i:--}" \
			"${what:-$(cat "$dev/vendor"):$(cat "$dev/device")}"
	done
}

probe() {
	echo "$1" >"$SYS/bus/pci/drivers_probe"
}

bind_one() {
	a=$(address_of "$1")
	[ "$(driver_of "$a")" != "$driver" ] || { echo "$a has $driver already"; return; }
	[ "$(driver_of "$a")" != mlx5_core ] || fail "$a is an mlx5 card; leave it with the kernel"
	if [ -z "$force" ]; then
		for i in $(interfaces_of "$a"); do
			why=$(precious "$i")
			[ -z "$why" ] || fail "$a is not taken: $why (--force overrides)"
		done
	fi
	modprobe "$driver" 2>/dev/null || true
	[ -e "$SYS/bus/pci/drivers/$driver" ] || fail "the kernel has no driver $driver; modprobe $driver"
	if [ "$driver" = vfio-pci ] && [ ! -e "$SYS/bus/pci/devices/$a/iommu_group" ]; then
		noiommu=$SYS/module/vfio/parameters/enable_unsafe_noiommu_mode
		[ "$(cat "$noiommu" 2>/dev/null)" = Y ] || fail \
			"$a has no IOMMU; switch it on (firmware, intel_iommu=on), or accept that the card can write anywhere: echo Y > $noiommu"
	fi
	[ ! -e "$SYS/bus/pci/devices/$a/driver" ] || echo "$a" >"$SYS/bus/pci/devices/$a/driver/unbind"
	echo "$driver" >"$SYS/bus/pci/devices/$a/driver_override"
	probe "$a"
	[ "$(driver_of "$a")" = "$driver" ] || fail "$driver did not take $a; see dmesg"
	echo "$a has $driver now"
}

unbind_one() {
	a=$(address_of "$1")
	[ ! -e "$SYS/bus/pci/devices/$a/driver" ] || echo "$a" >"$SYS/bus/pci/devices/$a/driver/unbind"
	echo >"$SYS/bus/pci/devices/$a/driver_override"
	probe "$a"
	echo "$a has $(driver_of "$a") now"
}

command=${1:---help}
[ $# -eq 0 ] || shift
driver=vfio-pci force=
case $command in
-h | --help) usage ;;
status) status ;;
bind | unbind)
	while [ $# -gt 0 ]; do
		case $1 in
		--force) force=1 ;;
		--driver)
			[ $# -gt 1 ] || fail "--driver wants a name"
			driver=$2
			shift
			;;
		-*) fail "unknown option $1" ;;
		*) break ;;
		esac
		shift
	done
	[ $# -gt 0 ] || fail "which card? 'bind.sh status' lists them"
	for dev in "$@"; do "${command}_one" "$dev"; done
	;;
*)
	usage >&2
	exit 2
	;;
esac
