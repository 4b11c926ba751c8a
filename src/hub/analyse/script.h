/* script - settings of the rule "same-script": several sources that run the same script at decoys.
 */
#pragma once
#include "base/config.h"
#include "base/time.h"

struct hin_rule_script {
	bool on;
	int64_t idle_ns;
	uint64_t sources;
};

/* Rows of hub.yaml; `base` is where the struct lies. */
#define HIN_RULE_SCRIPT_ROWS(base)                                                                 \
	{ "rule.same-script.on",                                                                   \
	  { HIN_VALUE_BOOL },                                                                      \
	  (base) + offsetof(struct hin_rule_script, on),                                           \
	  "yes",                                                                                   \
	  "several sources that run the same script at decoys",                                    \
	  "同じスクリプトをおとりで実行する複数の送信元を見つける",                                \
	  "ours" },                                                                                \
		{ "rule.same-script.sources",                                                      \
		  { HIN_VALUE_U64, 2, 16 },                                                        \
		  (base) + offsetof(struct hin_rule_script, sources),                              \
		  "3",                                                                             \
		  "distinct sources that make a campaign of it",                                   \
		  "キャンペーンとみなす送信元の数",                                                \
		  "ours" },                                                                        \
		{ "rule.same-script.idle",                                                         \
		  { HIN_VALUE_DURATION, HIN_NS_PER_MIN, 366 * HIN_NS_PER_DAY },                    \
		  (base) + offsetof(struct hin_rule_script, idle_ns),                              \
		  "7d",                                                                            \
		  "a finding that was not seen for so long is over",                               \
		  "この間見えなければ終息とみなす",                                                \
		  "ours" },
