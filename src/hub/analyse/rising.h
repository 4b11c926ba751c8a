/* rising - settings of the rule "rising-port": ports that rise against their own past. */
#pragma once
#include "base/config.h"
#include "base/time.h"

struct hin_rule_rising {
	bool on;
	int64_t idle_ns;
	uint64_t packets;
};

/* Rows of hub.yaml; `base` is where the struct lies. */
#define HIN_RULE_RISING_ROWS(base)                                                                 \
	{ "rule.rising-port.on",                                                                   \
	  { HIN_VALUE_BOOL },                                                                      \
	  (base) + offsetof(struct hin_rule_rising, on),                                           \
	  "yes",                                                                                   \
	  "ports that rise against their own past",                                                \
	  "急増するポートを見つける",                                                              \
	  "ours" },                                                                                \
		{ "rule.rising-port.packets",                                                      \
		  { HIN_VALUE_U64, 1, 1000000000 },                                                \
		  (base) + offsetof(struct hin_rule_rising, packets),                              \
		  "100",                                                                           \
		  "packets in the interval that make a finding",                                   \
		  "所見とする区間内パケット数",                                                    \
		  "ours" },                                                                        \
		{ "rule.rising-port.idle",                                                         \
		  { HIN_VALUE_DURATION, HIN_NS_PER_MIN, 366 * HIN_NS_PER_DAY },                    \
		  (base) + offsetof(struct hin_rule_rising, idle_ns),                              \
		  "24h",                                                                           \
		  "a finding that was not seen for so long is over",                               \
		  "この間見えなければ終息とみなす",                                                \
		  "ours" },
