/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nic_device.c - the ethdev behind a port: what the administrator wrote is
 * judged, then the device is made (vdev) or found (PCI). Control thread only.
 */
#include "nic/nic_priv.h"

#include <ctype.h>
#include <errno.h>
#include <rte_dev.h>
#include <rte_eal.h>
#include <stdio.h>

/* Drivers that sit on an interface the kernel goes on showing. */
static bool on_kernel_interface(const struct nic_profile *p)
{
	return strcmp(p->driver, "net_af_xdp") == 0 ||
	       strcmp(p->driver, "net_af_packet") == 0;
}

/* ROLE:PATH[:ID] */
static struct bytes device_part(const char *device, unsigned which)
{
	struct bytes rest = BYTES(device), part = { 0 };

	for (unsigned i = 0; i <= which; i++)
		part = bytes_cut(&rest, ':');
	return part;
}

/* Value of one placeholder, written to `out`; false for an unknown one. */
static bool placeholder(struct bytes word, const char *name, const char *device,
			unsigned queues, char *out, size_t cap)
{
	static const char *const parts[] = { "role", "path", "id" };
	struct bytes part;

	if (bytes_eq(word, BYTES("interface")))
		return snprintf(out, cap, "%s", device) < (int)cap;
	if (bytes_eq(word, BYTES("name")))
		return snprintf(out, cap, "%s", name) < (int)cap;
	if (bytes_eq(word, BYTES("queues")))
		return snprintf(out, cap, "%u", queues) < (int)cap;
	for (unsigned i = 0; i < ARRAY_LEN(parts); i++) {
		if (!bytes_eq(word, BYTES(parts[i])))
			continue;
		part = device_part(device, i);
		if (!part.n && i == 2)
			part = BYTES("0");
		return part.n && bytes_str(part, out, cap);
	}
	return false;
}

int nic_devargs(const char *format, const char *name, const char *device,
		unsigned queues, char *out, size_t cap)
{
	size_t n = 0;

	for (const char *p = format; *p; p++) {
		const char *end = *p == '{' ? strchr(p, '}') : NULL;
		char value[256];
		size_t len;

		if (*p == '{') {
			struct bytes word = { (const uint8_t *)p + 1,
					      end ? (size_t)(end - p - 1) : 0 };

			if (!placeholder(word, name, device, queues, value,
					 sizeof(value)))
				return -EINVAL;
			p = end;
		} else {
			value[0] = *p;
			value[1] = '\0';
		}
		len = strlen(value);
		if (n + len >= cap)
			return -E2BIG;
		memcpy(out + n, value, len);
		n += len;
	}
	out[n] = '\0';
	return 0;
}

/*
 * AF_XDP fills an XDP socket a queue, and what arrives on a queue without one
 * goes to the kernel and is lost to us. The driver takes combined queues, and
 * one of an interface that has none (veth).
 */
static int check_xdp(struct opening *o)
{
	const char *iface = o->port->device;
	unsigned combined, has = nic_kernel_queues(iface, &combined);
	unsigned need = o->mtu + 18U + RTE_PKTMBUF_HEADROOM + NIC_XDP_HEADROOM;

	o->queues = (uint16_t)min((unsigned)o->queues, max(combined, 1U));
	if (has > o->queues)
		return nic_fail(
			o,
			"interface '%s' has %u receive queues and only "
			"%u can be served, so packets would be lost; "
			"run `ethtool -L %s %s %u`%s",
			iface, has, o->queues, iface,
			combined ? "combined" : "rx", o->queues,
			combined ? " or start more workers"
				 : " (and `tx 1` at a veth's other end)");
	for (unsigned i = 0; i < o->queues; i++) {
		if (o->pools[i]->nb_mem_chunks != 1)
			return nic_fail(
				o,
				"the packet pool of worker %u lies in %u "
				"pieces and AF_XDP needs one; reserve more "
				"hugepages or lower appliance.packets",
				i, o->pools[i]->nb_mem_chunks);
		if (rte_pktmbuf_data_room_size(o->pools[i]) < need)
			return nic_fail(
				o,
				"packet buffers of %u bytes do not hold an MTU "
				"of %u under AF_XDP; they need %u",
				rte_pktmbuf_data_room_size(o->pools[i]), o->mtu,
				need);
	}
	return 0;
}

static int check_kernel(struct opening *o)
{
	const char *iface = o->port->device;

	if (!nic_kernel_exists(iface))
		return nic_fail(o,
				"there is no interface '%s' in this network "
				"namespace; name one that `ip link` shows",
				iface);
	o->port->kernel = true;
	return strcmp(o->profile->driver, "net_af_xdp") ? 0 : check_xdp(o);
}

int nic_device_check(struct opening *o)
{
	const struct nic_profile *p = o->profile;
	const char *device = o->port->device;
	unsigned room, q = p->max_queues ? p->max_queues : o->workers;

	if (o->workers < 1 || o->workers > NIC_QUEUES)
		return nic_fail(o, "%u workers; there can be 1 to %u",
				o->workers, NIC_QUEUES);
	o->queues = (uint16_t)min(q, o->workers);
	if (o->mtu < 1280 || (p->max_mtu && o->mtu > p->max_mtu))
		return nic_fail(o,
				"an MTU of %u is outside what profile %s "
				"allows (1280 to %u); set mtu accordingly",
				o->mtu, p->name,
				p->max_mtu ? p->max_mtu : 9216U);
	/* A device ends up in a comma-separated list of arguments. */
	for (const char *c = device; *c; c++)
		if (!isgraph((unsigned char)*c) || strchr(",\"'{}[]", *c))
			return nic_fail(o,
					"device '%s' has a character that no "
					"device name has",
					device);
	if (!*device)
		return nic_fail(o, "no device is named; set device");
	room = rte_pktmbuf_data_room_size(o->pools[0]);
	if (!p->multi_seg && room < o->mtu + 18U + RTE_PKTMBUF_HEADROOM)
		return nic_fail(o,
				"packet buffers of %u bytes do not hold an MTU "
				"of %u; they need %u",
				room, o->mtu,
				o->mtu + 18U + RTE_PKTMBUF_HEADROOM);
	return on_kernel_interface(p) ? check_kernel(o) : 0;
}

/* A vdev's name begins with its driver's: that is how the bus finds it. */
static int create_vdev(struct opening *o, char *ethdev, size_t cap)
{
	const struct nic_profile *p = o->profile;
	struct nic_port *port = o->port;
	char devargs[512];
	int rc;

	snprintf(ethdev, cap, "%s_%s", p->driver, port->name);
	rc = nic_devargs(p->devargs, port->name, port->device, o->queues,
			 devargs, sizeof(devargs));
	if (rc)
		return nic_fail(o,
				"device '%s' does not fit devargs \"%s\" of "
				"profile %s%s",
				port->device, p->devargs, p->name,
				strstr(p->devargs, "{path}")
					? "; write ROLE:PATH[:ID], ROLE being "
					  "server or client"
					: "");
	rc = rte_eal_hotplug_add("vdev", ethdev, devargs);
	if (rc)
		return nic_fail(o,
				"driver %s refuses \"%s\": %s; it may lack a "
				"privilege (CAP_NET_ADMIN, CAP_NET_RAW, "
				"CAP_BPF), or another program has '%s'",
				p->driver, devargs, strerror(-rc),
				port->device);
	port->vdev = true;
	return 0;
}

static int find_pci(struct opening *o, char *ethdev, size_t cap)
{
	const char *address = o->port->device;
	uint16_t id;

	snprintf(ethdev, cap, "%.63s", address);
	if (rte_eth_dev_get_port_by_name(address, &id) == 0 ||
	    rte_eal_hotplug_add("pci", address, o->profile->devargs) == 0)
		return 0;
	return nic_fail(o,
			"no driver takes PCI device %s; bind it to vfio-pci "
			"(drivers-config/host/bind.sh) and check that the "
			"address is right",
			address);
}

int nic_device_create(struct opening *o)
{
	struct rte_eth_dev_owner owner = { 0 };
	struct nic_port *port = o->port;
	char ethdev[RTE_ETH_NAME_MAX_LEN];
	int rc;

	if (strcmp(o->profile->driver, "net_ring") == 0) {
		rc = nic_wire_open(o);
		snprintf(ethdev, sizeof(ethdev), "net_ring_%s", port->name);
	} else if (o->profile->bus == NIC_VDEV) {
		rc = create_vdev(o, ethdev, sizeof(ethdev));
	} else {
		rc = find_pci(o, ethdev, sizeof(ethdev));
	}
	if (rc)
		return rc;
	if (rte_eth_dev_get_port_by_name(ethdev, &port->id))
		return nic_fail(o, "device %s made no port", ethdev);
	/* Two ports upon one device would each empty its queues. */
	rte_eth_dev_owner_new(&owner.id);
	snprintf(owner.name, sizeof(owner.name), "%s", port->name);
	if (rte_eth_dev_owner_set(port->id, &owner)) {
		port->id = RTE_MAX_ETHPORTS;
		port->vdev = false;
		return nic_fail(o, "device %s is in use by another port",
				port->device);
	}
	port->owner = owner.id;
	if (rte_eth_dev_info_get(port->id, &o->info))
		return nic_fail(o, "device %s does not say what it can do",
				port->device);
	return 0;
}

void nic_device_remove(struct nic_port *port)
{
	struct rte_eth_dev_info info;
	bool known = false;

	if (port->id != RTE_MAX_ETHPORTS) {
		known = !rte_eth_dev_info_get(port->id, &info);
		rte_eth_dev_owner_delete(port->owner);
		rte_eth_dev_close(port->id);
		if (port->vdev && known)
			rte_dev_remove(info.device);
	}
	if (port->wire >= 0)
		nic_wire_close(port);
}
