/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * yaml.h - what touches libyaml.
 */
#pragma once

#include <yaml.h>

#include "conf/private.h"

struct conf_pos yaml_pos(yaml_mark_t m);
/* Is the text one plain document? What is not so is in the report. */
must_check bool yaml_judge(struct load *l, struct bytes text);
