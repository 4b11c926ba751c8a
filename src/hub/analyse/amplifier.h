/* amplifier - settings of the rule "amplifier-abused": servers that are abused to amplify. */
#pragma once
#include "base/config.h"
#include "base/time.h"

struct hin_rule_amplifier {
	bool on;
	int64_t idle_ns;
	uint64_t packets;
};

/* Rows of hub.yaml; `base` is where the struct lies. */
#define HIN_RULE_AMPLIFIER_ROWS(base)                                                              \
	{ "rule.amplifier-abused.on",                                                              \
	  { HIN_VALUE_BOOL },                                                                      \
	  (base) + offsetof(struct hin_rule_amplifier, on),                                        \
	  "yes",                                                                                   \
	  "servers that are abused to amplify",                                                    \
	  "増幅に悪用されるサービスを見つける",                                                    \
	  "ours" },                                                                                \
		{ "rule.amplifier-abused.packets",                                                 \
		  { HIN_VALUE_U64, 1, 100000000 },                                                 \
		  (base) + offsetof(struct hin_rule_amplifier, packets),                           \
		  "60",                                                                            \
		  "answers that make a finding",                                                   \
		  "所見とする応答数",                                                              \
		  "the telescope's amplification.packets" },                                       \
		{ "rule.amplifier-abused.idle",                                                    \
		  { HIN_VALUE_DURATION, HIN_NS_PER_MIN, 366 * HIN_NS_PER_DAY },                    \
		  (base) + offsetof(struct hin_rule_amplifier, idle_ns),                           \
		  "1h",                                                                            \
		  "a finding that was not seen for so long is over",                               \
		  "この間見えなければ終息とみなす",                                                \
		  "ours" },
