/* flood - settings of the rule "flood-target": what many packets are sent to. */
#pragma once
#include "base/config.h"
#include "base/time.h"

struct hin_rule_flood {
	bool on;
	int64_t idle_ns;
	uint64_t packets;
};

/* Rows of hub.yaml; `base` is where the struct lies. */
#define HIN_RULE_FLOOD_ROWS(base)                                                                  \
	{ "rule.flood-target.on",                                                                  \
	  { HIN_VALUE_BOOL },                                                                      \
	  (base) + offsetof(struct hin_rule_flood, on),                                            \
	  "yes",                                                                                   \
	  "what many packets are sent to",                                                         \
	  "洪水攻撃の標的を見つける",                                                              \
	  "ours" },                                                                                \
		{ "rule.flood-target.packets",                                                     \
		  { HIN_VALUE_U64, 1, 1000000000 },                                                \
		  (base) + offsetof(struct hin_rule_flood, packets),                               \
		  "300",                                                                           \
		  "packets that make a finding",                                                   \
		  "所見とするパケット数",                                                          \
		  "the telescope's flood.packets" },                                               \
		{ "rule.flood-target.idle",                                                        \
		  { HIN_VALUE_DURATION, HIN_NS_PER_MIN, 366 * HIN_NS_PER_DAY },                    \
		  (base) + offsetof(struct hin_rule_flood, idle_ns),                               \
		  "1h",                                                                            \
		  "a finding that was not seen for so long is over",                               \
		  "この間見えなければ終息とみなす",                                                \
		  "ours" },
