/* honeytoken - settings of the rule "honeytoken-used": a planted secret that is used. */
#pragma once
#include "base/config.h"
#include "base/time.h"

struct hin_rule_honeytoken {
	bool on;
	int64_t idle_ns;
};

/* Rows of hub.yaml; `base` is where the struct lies. */
#define HIN_RULE_HONEYTOKEN_ROWS(base)                                                             \
	{ "rule.honeytoken-used.on",                                                               \
	  { HIN_VALUE_BOOL },                                                                      \
	  (base) + offsetof(struct hin_rule_honeytoken, on),                                       \
	  "yes",                                                                                   \
	  "a planted secret that is used",                                                         \
	  "仕掛けた秘密情報の使用を見つける",                                                      \
	  "ours" },                                                                                \
		{ "rule.honeytoken-used.idle",                                                     \
		  { HIN_VALUE_DURATION, HIN_NS_PER_MIN, 366 * HIN_NS_PER_DAY },                    \
		  (base) + offsetof(struct hin_rule_honeytoken, idle_ns),                          \
		  "7d",                                                                            \
		  "a finding that was not seen for so long is over",                               \
		  "この間見えなければ終息とみなす",                                                \
		  "ours" },
