/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * base.h - what every other library stands on: units, spans of bytes, lists,
 * slabs, rings, keyed hashes, addresses and the log.
 *
 * Row 0 of the layer table: libc only. This header is the one door; the
 * headers it opens are read one by one.
 */
#pragma once

#include "base/types.h"
#include "base/bytes.h"
#include "base/hash.h"
#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/near.h"
#include "base/net.h"
#include "base/rng.h"
#include "base/slab.h"
#include "base/span.h"
#include "base/spsc.h"
