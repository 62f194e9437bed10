/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nic_kernel.c - what the kernel says about an interface that AF_XDP or
 * AF_PACKET drives: the drivers themselves do not look. Control thread only.
 */
#include "nic/nic_priv.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static int ask(const char *iface, unsigned long request, struct ifreq *ifr)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), rc;

	if (fd < 0)
		return -1;
	snprintf(ifr->ifr_name, sizeof(ifr->ifr_name), "%s", iface);
	rc = ioctl(fd, request, ifr);
	close(fd);
	return rc;
}

bool nic_kernel_exists(const char *iface)
{
	return strlen(iface) < IFNAMSIZ && if_nametoindex(iface) != 0;
}

unsigned nic_kernel_queues(const char *iface, unsigned *combined)
{
	struct ethtool_channels ch = { .cmd = ETHTOOL_GCHANNELS };
	struct ifreq ifr = { .ifr_data = (void *)&ch };

	*combined = 0;
	if (ask(iface, SIOCETHTOOL, &ifr))
		return 1;
	*combined = ch.combined_count;
	return max(ch.combined_count + ch.rx_count, 1u);
}

bool nic_kernel_running(const char *iface)
{
	struct ethtool_value link = { .cmd = ETHTOOL_GLINK };
	struct ifreq ifr = { .ifr_data = (void *)&link };

	/* The carrier itself; IFF_RUNNING follows it up to a second later. */
	if (!ask(iface, SIOCETHTOOL, &ifr))
		return link.data != 0;
	memset(&ifr, 0, sizeof(ifr));
	return !ask(iface, SIOCGIFFLAGS, &ifr) && ifr.ifr_flags & IFF_RUNNING;
}
