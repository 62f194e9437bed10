#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# make.sh DIR: Debian's kernel, unpacked, and an initramfs whose root is this
# machine's "/" over 9p. Once; needs the archive, busybox-static, cpio, kmod.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
cd "$1"
if [ ! -d k/boot ]; then
	pkg=$(apt-cache depends linux-image-amd64 | awk '/Depends: linux-image-/ {print $2; exit}')
	apt-get download -qq "$pkg"
	rm -rf k.new
	dpkg -x "$pkg"_*.deb k.new
	rm -f ./*.deb
	mv k.new k
fi
version=$(ls k/lib/modules)
depmod -b k "$version" 2>/dev/null
rm -rf ird
mkdir -p ird/{bin,dev,proc,sys,m,lower,upper,new}
cp /bin/busybox ird/bin/
for applet in sh mount insmod mkdir echo cat chroot poweroff sed cp; do
	ln -s busybox ird/bin/$applet
done
# In an order in which each finds what it needs; those the guest binds by
# itself are last and left alone by init.
for m in virtio_pci 9p 9pnet_virtio overlay vfio-pci vfio_iommu_type1 uio_pci_generic virtio_rng; do
	modprobe -d k -S "$version" --show-depends $m 2>/dev/null | awk '/^insmod/ {print $2}'
done | awk '!seen[$0]++' >modules
: >ird/m/order
while read -r f; do
	cp "$f" ird/m/
	basename "$f" >>ird/m/order
done <modules
cp "$here/init.sh" ird/init
chmod +x ird/init
(cd ird && find . | cpio -o -H newc --quiet | gzip -1) >initrd.new
mv initrd.new initrd.gz
