#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Installs the Debian packages that are missing: app/install-deps.sh SET...
#
#   build   to configure and build casgate
#   lab     what the demonstration's hosts run (nginx, curl, ...)
#   test    what tests/run.sh needs beside them
#
# Prints nothing when nothing is missing. The one list of packages there is.
set -eu

build="build-essential meson ninja-build pkg-config python3 libdpdk-dev
	libbpf-dev libxdp-dev liburcu-dev libssl-dev libyaml-dev libjansson-dev
	libsystemd-dev libcmocka-dev libkrb5-dev libwbclient-dev"
lab="nginx-light curl iproute2 iputils-ping ethtool openssl procps tcpdump
	python3 python3-yaml"
test="clang llvm libclang-rt-14-dev clang-format clang-tidy wrk
	qemu-system-x86 busybox-static cpio kmod pciutils
	dovecot-imapd dovecot-pop3d
	krb5-kdc krb5-kdc-ldap krb5-admin-server krb5-user slapd ldap-utils
	samba-ad-dc samba-ad-provision winbind smbclient ldb-tools
	apache2 libapache2-mod-auth-gssapi gss-ntlmssp libsasl2-modules-gssapi-mit
	haproxy python3-pytest python3-impacket python3-gssapi"

wanted=
for set in "$@"; do
	case $set in
	build) wanted="$wanted $build" ;;
	lab) wanted="$wanted $lab" ;;
	test) wanted="$wanted $test" ;;
	*) echo "$0: no such set of packages: $set" >&2; exit 2 ;;
	esac
done

missing=
for package in $wanted; do
	case $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) in
	installed) ;;
	*) missing="$missing $package" ;;
	esac
done
[ -n "$missing" ] || exit 0
if [ "$(id -u)" != 0 ]; then
	echo "missing packages, and only root can install them:$missing" >&2
	exit 1
fi

log=$(mktemp)
policy=/usr/sbin/policy-rc.d
made_policy=
tidy() {
	rm -f "$log"
	[ -z "$made_policy" ] || rm -f "$policy"
}
trap tidy EXIT

# All are wanted as programs; Debian would also start services.
if [ ! -e "$policy" ]; then
	made_policy=yes
	printf '#!/bin/sh\nexit 101\n' >"$policy"
	chmod +x "$policy"
fi

apt() {
	DEBIAN_FRONTEND=noninteractive apt-get -q -y \
		-o DPkg::Lock::Timeout=300 "$@" </dev/null >>"$log" 2>&1
}
# shellcheck disable=SC2086 # a list of words
install() { apt install --no-install-recommends $missing; }

# shellcheck disable=SC2086
set -- $missing
echo "Installing $# missing packages ($1 ... ${*: -1}); this may take minutes ..."
began=$SECONDS
if ! install; then
	# The package lists are old, or were never fetched.
	if ! apt update || ! install; then
		tail -n 25 "$log" >&2
		echo "apt-get could not install:$missing" >&2
		exit 1
	fi
fi
# package:service, for all that bring one
for pair in nginx-light:nginx dovecot-imapd:dovecot haproxy:haproxy apache2:apache2 \
	slapd:slapd krb5-kdc:krb5-kdc krb5-admin-server:krb5-admin-server \
	samba-ad-dc:samba-ad-dc samba-ad-dc:smbd samba-ad-dc:nmbd winbind:winbind; do
	case " $missing " in
	*" ${pair%:*} "*)
		if [ -d /run/systemd/system ]; then
			systemctl disable --quiet "${pair#*:}.service" >/dev/null 2>&1 || true
		fi ;;
	esac
done
echo "Installed in $((SECONDS - began)) s."
