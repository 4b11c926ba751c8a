/* dropper - settings of the rule "dropper": an intruder that brings or wants to fetch a program. */
#pragma once
#include "base/config.h"
#include "base/time.h"

struct hin_rule_dropper {
	bool on;
	int64_t idle_ns;
};

/* Rows of hub.yaml; `base` is where the struct lies. */
#define HIN_RULE_DROPPER_ROWS(base)                                                                \
	{ "rule.dropper.on",                                                                       \
	  { HIN_VALUE_BOOL },                                                                      \
	  (base) + offsetof(struct hin_rule_dropper, on),                                          \
	  "yes",                                                                                   \
	  "an intruder that brings or wants to fetch a program",                                   \
	  "プログラムを持ち込む侵入者を見つける",                                                  \
	  "ours" },                                                                                \
		{ "rule.dropper.idle",                                                             \
		  { HIN_VALUE_DURATION, HIN_NS_PER_MIN, 366 * HIN_NS_PER_DAY },                    \
		  (base) + offsetof(struct hin_rule_dropper, idle_ns),                             \
		  "24h",                                                                           \
		  "a finding that was not seen for so long is over",                               \
		  "この間見えなければ終息とみなす",                                                \
		  "ours" },
