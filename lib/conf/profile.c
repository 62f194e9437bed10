/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * profile.c - driver profiles: a table of their own, the same binder.
 */
#include "conf/private.h"

#include <errno.h>
#include <string.h>

#define S struct conf_profile
#define AT(f) .offset = offsetof(S, f), .size = sizeof(((S *)0)->f)
#define TEXT(k, kind_, f, flags_, max_, help_)                                 \
	{                                                                      \
		.key = k, .kind = kind_, AT(f), .flags = INLINE | (flags_),    \
		.max = max_, .help = help_                                     \
	}
#define NUMBER(k, f, lo, hi, def_, help_)                                      \
	{                                                                      \
		.key = k, .kind = KIND_NUMBER, AT(f), .min = lo, .max = hi,    \
		.def = def_, .help = help_                                     \
	}
#define BOOL(k, f, def_, help_)                                                \
	{                                                                      \
		.key = k, .kind = KIND_BOOL, AT(f), .def = def_, .help = help_ \
	}

static const struct word bus_words[] = {
	{ "vdev", CONF_BUS_VDEV },
	{ "pci", CONF_BUS_PCI },
	{ 0 },
};

static const struct setting rows[] = {
	TEXT("name", KIND_NAME, name, REQUIRED, 31,
	     "what `driver` of an interface names; the file's name"),
	{ .key = "bus",
	  .kind = KIND_WORD,
	  AT(bus),
	  .words = bus_words,
	  .flags = REQUIRED,
	  .help = "vdev: made by name; pci: probed by address" },
	TEXT("driver", KIND_NAME, driver, REQUIRED, 31,
	     "DPDK driver, such as net_af_xdp"),
	TEXT("devargs", KIND_TEXT, devargs, 0, 255,
	     "its arguments; {interface} stands for the device"),
	NUMBER("rx-desc", rx_desc, 64, 8192, "1024",
	       "descriptors of a receive queue"),
	NUMBER("tx-desc", tx_desc, 64, 8192, "1024",
	       "descriptors of a transmit queue"),
	NUMBER("max-queues", max_queues, 0, 16, "0",
	       "queue pairs; 0 is as many as workers"),
	NUMBER("max-mtu", max_mtu, 1280, 9216, "1500", "largest IP packet"),
	BOOL("rss", rss, "false", "try receive-side scaling"),
	BOOL("tx-csum", tx_csum, "false", "let the port write checksums"),
	BOOL("rx-csum", rx_csum, "false", "let the port verify checksums"),
	BOOL("multi-seg", multi_seg, "false",
	     "the driver sends chained buffers"),
	BOOL("copy-tx", copy_tx, "false",
	     "the peer shares our memory: send copies"),
	BOOL("promiscuous", promiscuous, "false",
	     "the driver has no filter for MAC addresses"),
};

const struct schema conf_profile_schema = { sizeof(S), ARRAY_LEN(rows), rows,
					    NULL };

int conf_profile_parse(struct bytes text, const char *name,
		       struct conf_profile *out, struct conf_report *report)
{
	struct load l = { .report = report, .store = store_new(), .dir = "" };
	void *bound;
	int rc;

	snprintf(report->file, sizeof(report->file), "%s", name);
	if (!l.store)
		return -ENOMEM;
	rc = bind_text(&l, text, &conf_profile_schema, &bound);
	if (!rc && report->errors)
		rc = -EINVAL;
	if (!rc)
		memcpy(out, bound, sizeof(*out));
	report_sort(report);
	store_free(l.store);
	return rc;
}

int conf_profile_load(const char *path, struct conf_profile *out,
		      struct conf_report *report)
{
	struct bytes text;
	int rc = file_read(path, &text, report);

	if (rc)
		return rc;
	rc = conf_profile_parse(text, path, out, report);
	file_free(text);
	return rc;
}
