/* guessing - settings of the rule "credential-guessing": who tries many passwords at decoys. */
#pragma once
#include "base/config.h"
#include "base/time.h"

struct hin_rule_guessing {
	bool on;
	int64_t idle_ns;
	uint64_t tries;
};

/* Rows of hub.yaml; `base` is where the struct lies. */
#define HIN_RULE_GUESSING_ROWS(base)                                                               \
	{ "rule.credential-guessing.on",                                                           \
	  { HIN_VALUE_BOOL },                                                                      \
	  (base) + offsetof(struct hin_rule_guessing, on),                                         \
	  "yes",                                                                                   \
	  "who tries many passwords at decoys",                                                    \
	  "おとりで多数のパスワードを試す者を見つける",                                            \
	  "ours" },                                                                                \
		{ "rule.credential-guessing.tries",                                                \
		  { HIN_VALUE_U64, 1, 1000000 },                                                   \
		  (base) + offsetof(struct hin_rule_guessing, tries),                              \
		  "10",                                                                            \
		  "passwords tried at decoys that make a finding",                                 \
		  "所見とするパスワード試行の回数",                                                \
		  "ours" },                                                                        \
		{ "rule.credential-guessing.idle",                                                 \
		  { HIN_VALUE_DURATION, HIN_NS_PER_MIN, 366 * HIN_NS_PER_DAY },                    \
		  (base) + offsetof(struct hin_rule_guessing, idle_ns),                            \
		  "24h",                                                                           \
		  "a finding that was not seen for so long is over",                               \
		  "この間見えなければ終息とみなす",                                                \
		  "ours" },
