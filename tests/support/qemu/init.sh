#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# The guest's first process: the host's root, read-only under a tmpfs, and in it
# the script of the kernel argument guestcmd=, under /host.
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
while read -r m; do
	case $m in vfio* | uio* | irqbypass*) ;; *) insmod "/m/$m" 2>/dev/null ;; esac
done </m/order
mount -t tmpfs tmp /upper
mkdir -p /upper/u /upper/w
mount -t 9p -o trans=virtio,version=9p2000.L,msize=262144,ro,cache=loose host /lower || poweroff -f
mount -t overlay -o lowerdir=/lower,upperdir=/upper/u,workdir=/upper/w ov /new || poweroff -f
for d in proc sys dev; do mount --bind /$d /new/$d; done
for d in run tmp; do mount -t tmpfs $d /new/$d; done
mkdir -p /new/run/m /new/host /new/dev/hugepages
cp /m/* /new/run/m/
cp /bin/busybox /new/run/m/
mount --bind /lower /new/host
mount -t hugetlbfs h /new/dev/hugepages
command=$(sed -n 's/.*guestcmd=\([^ ]*\).*/\1/p' /proc/cmdline)
echo "guest up"
chroot /new /bin/bash "/host$command"
echo "guest rc=$?"
poweroff -f
