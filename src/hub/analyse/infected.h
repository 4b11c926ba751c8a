/* infected - settings of the rule "infected-member": a member that reaches unused addresses:
 * infected or misused (DAEDALUS). */
#pragma once
#include "base/config.h"
#include "base/time.h"

struct hin_rule_infected {
	bool on;
	int64_t idle_ns;
	uint64_t targets;
};

/* Rows of hub.yaml; `base` is where the struct lies. */
#define HIN_RULE_INFECTED_ROWS(base)                                                               \
	{ "rule.infected-member.on",                                                               \
	  { HIN_VALUE_BOOL },                                                                      \
	  (base) + offsetof(struct hin_rule_infected, on),                                         \
	  "yes",                                                                                   \
	  "a member that reaches unused addresses: infected or misused (DAEDALUS)",                \
	  "未使用アドレスへ通信する会員を見つける (DAEDALUS)",                                     \
	  "ours" },                                                                                \
		{ "rule.infected-member.targets",                                                  \
		  { HIN_VALUE_U64, 1, 1000000 },                                                   \
		  (base) + offsetof(struct hin_rule_infected, targets),                            \
		  "5",                                                                             \
		  "distinct unused addresses that make it certain; fewer are a doubt, unless a "   \
		  "worm's mark is there",                                                          \
		  "確実とみなす未使用アドレス数。これより少なければ疑い (ワームの特徴があれば別)", \
		  "the telescope's scan.targets" },                                                \
		{ "rule.infected-member.idle",                                                     \
		  { HIN_VALUE_DURATION, HIN_NS_PER_MIN, 366 * HIN_NS_PER_DAY },                    \
		  (base) + offsetof(struct hin_rule_infected, idle_ns),                            \
		  "6h",                                                                            \
		  "a finding that was not seen for so long is over",                               \
		  "この間見えなければ終息とみなす",                                                \
		  "the telescope's longest event" },
