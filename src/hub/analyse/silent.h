/* silent - settings of the rule "silent-sensor": sensors that are silent, or whose batches are
 * missing. */
#pragma once
#include "base/config.h"
#include "base/time.h"

struct hin_rule_silent {
	bool on;
	int64_t idle_ns;
	uint64_t batches;
};

/* Rows of hub.yaml; `base` is where the struct lies. */
#define HIN_RULE_SILENT_ROWS(base)                                                                 \
	{ "rule.silent-sensor.on",                                                                 \
	  { HIN_VALUE_BOOL },                                                                      \
	  (base) + offsetof(struct hin_rule_silent, on),                                           \
	  "yes",                                                                                   \
	  "sensors that are silent, or whose batches are missing",                                 \
	  "沈黙するセンサーと欠番を見つける",                                                      \
	  "ours" },                                                                                \
		{ "rule.silent-sensor.batches",                                                    \
		  { HIN_VALUE_U64, 1, 1000000000 },                                                \
		  (base) + offsetof(struct hin_rule_silent, batches),                              \
		  "1",                                                                             \
		  "missing batches that make a finding",                                           \
		  "所見とする欠番の数",                                                            \
		  "ours" },                                                                        \
		{ "rule.silent-sensor.idle",                                                       \
		  { HIN_VALUE_DURATION, HIN_NS_PER_MIN, 366 * HIN_NS_PER_DAY },                    \
		  (base) + offsetof(struct hin_rule_silent, idle_ns),                              \
		  "24h",                                                                           \
		  "a finding that was not seen for so long is over",                               \
		  "この間見えなければ終息とみなす",                                                \
		  "ours" },
