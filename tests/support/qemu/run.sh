#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# run.sh DIR GUEST-SCRIPT KERNEL-ARGUMENTS [QEMU-ARGUMENT...]: boots what make.sh
# made, runs the script as root with the serial console as its terminal, ends.
set -eu
dir=$1 script=$(readlink -f "$2") args=$3
shift 3
cd "$dir"
exec timeout 300 qemu-system-x86_64 -M q35,kernel-irqchip=off \
	-accel tcg,thread=multi -cpu max -smp 2 -m 1536 -nodefaults -no-reboot \
	-display none -serial stdio -kernel k/boot/vmlinuz-* -initrd initrd.gz \
	-append "console=ttyS0 quiet panic=-1 hugepagesz=2M hugepages=256 $args guestcmd=$script" \
	-fsdev local,id=h,path=/,security_model=none,readonly=on,multidevs=remap \
	-device virtio-9p-pci,fsdev=h,mount_tag=host "$@"
