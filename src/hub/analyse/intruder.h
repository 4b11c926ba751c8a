/* intruder - settings of the rule "intruder": somebody who got into a decoy. */
#pragma once
#include "base/config.h"
#include "base/time.h"

struct hin_rule_intruder {
	bool on;
	int64_t idle_ns;
};

/* Rows of hub.yaml; `base` is where the struct lies. */
#define HIN_RULE_INTRUDER_ROWS(base)                                                               \
	{ "rule.intruder.on",                                                                      \
	  { HIN_VALUE_BOOL },                                                                      \
	  (base) + offsetof(struct hin_rule_intruder, on),                                         \
	  "yes",                                                                                   \
	  "somebody who got into a decoy",                                                         \
	  "おとりに侵入した者を見つける",                                                          \
	  "ours" },                                                                                \
		{ "rule.intruder.idle",                                                            \
		  { HIN_VALUE_DURATION, HIN_NS_PER_MIN, 366 * HIN_NS_PER_DAY },                    \
		  (base) + offsetof(struct hin_rule_intruder, idle_ns),                            \
		  "24h",                                                                           \
		  "a finding that was not seen for so long is over",                               \
		  "この間見えなければ終息とみなす",                                                \
		  "ours" },
