/* attacked - settings of the rule "attacked-service": whose answers to forged sources reach us: it
 * is under attack. */
#pragma once
#include "base/config.h"
#include "base/time.h"

struct hin_rule_attacked {
	bool on;
	int64_t idle_ns;
	uint64_t packets;
};

/* Rows of hub.yaml; `base` is where the struct lies. */
#define HIN_RULE_ATTACKED_ROWS(base)                                                               \
	{ "rule.attacked-service.on",                                                              \
	  { HIN_VALUE_BOOL },                                                                      \
	  (base) + offsetof(struct hin_rule_attacked, on),                                         \
	  "yes",                                                                                   \
	  "whose answers to forged sources reach us: it is under attack",                          \
	  "送信元を詐称した攻撃を受けるサービスを見つける",                                        \
	  "ours" },                                                                                \
		{ "rule.attacked-service.packets",                                                 \
		  { HIN_VALUE_U64, 1, 100000000 },                                                 \
		  (base) + offsetof(struct hin_rule_attacked, packets),                            \
		  "25",                                                                            \
		  "answers that make a finding",                                                   \
		  "所見とする応答数",                                                              \
		  "Corsaro dos plugin" },                                                          \
		{ "rule.attacked-service.idle",                                                    \
		  { HIN_VALUE_DURATION, HIN_NS_PER_MIN, 366 * HIN_NS_PER_DAY },                    \
		  (base) + offsetof(struct hin_rule_attacked, idle_ns),                            \
		  "1h",                                                                            \
		  "a finding that was not seen for so long is over",                               \
		  "この間見えなければ終息とみなす",                                                \
		  "ours" },
