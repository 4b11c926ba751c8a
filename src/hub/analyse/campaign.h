/* campaign - settings of the rule "campaign": many sources that begin the same new pattern
 * together. */
#pragma once
#include "base/config.h"
#include "base/time.h"

struct hin_rule_campaign {
	bool on;
	int64_t idle_ns;
	uint64_t sources;
	int64_t window_ns;
	double score;
	uint64_t overlap;
	int64_t past_ns;
};

/* Rows of hub.yaml; `base` is where the struct lies. */
#define HIN_RULE_CAMPAIGN_ROWS(base)                                                               \
	{ "rule.campaign.on",                                                                      \
	  { HIN_VALUE_BOOL },                                                                      \
	  (base) + offsetof(struct hin_rule_campaign, on),                                         \
	  "yes",                                                                                   \
	  "many sources that begin the same new pattern together",                                 \
	  "一斉に始まる新しい活動を見つける",                                                      \
	  "ours" },                                                                                \
		{ "rule.campaign.sources",                                                         \
		  { HIN_VALUE_U64, 3, 1000000 },                                                   \
		  (base) + offsetof(struct hin_rule_campaign, sources),                            \
		  "20",                                                                            \
		  "sources that must begin within the window",                                     \
		  "期間内に活動を始める送信元数",                                                  \
		  "NICT Dark-GLASSO: a port is named from 20 hosts on" },                          \
		{ "rule.campaign.window",                                                          \
		  { HIN_VALUE_DURATION, HIN_NS_PER_MIN, HIN_NS_PER_DAY },                          \
		  (base) + offsetof(struct hin_rule_campaign, window_ns),                          \
		  "10m",                                                                           \
		  "how near to each other they must begin",                                        \
		  "同時とみなす期間",                                                              \
		  "NICT Dark-GLASSO: windows of 10 minutes" },                                     \
		{ "rule.campaign.score",                                                           \
		  { HIN_VALUE_DOUBLE, .low = 1, .high = 1000 },                                    \
		  (base) + offsetof(struct hin_rule_campaign, score),                              \
		  "5",                                                                             \
		  "standard deviations above what the pattern's own past led to expect",           \
		  "過去からの隔たり (標準偏差)",                                                   \
		  "the telescope's rising.score" },                                                \
		{ "rule.campaign.overlap",                                                         \
		  { HIN_VALUE_U64, 1, 100 },                                                       \
		  (base) + offsetof(struct hin_rule_campaign, overlap),                            \
		  "50",                                                                            \
		  "percent of them that must be at work at one time",                              \
		  "同時に活動中であるべき割合 (%)",                                                \
		  "ours" },                                                                        \
		{ "rule.campaign.past",                                                            \
		  { HIN_VALUE_DURATION, 0, 30 * HIN_NS_PER_DAY },                                  \
		  (base) + offsetof(struct hin_rule_campaign, past_ns),                            \
		  "1h",                                                                            \
		  "the stream must be this old before anything is called new",                     \
		  "新規と判断するまでに必要な観測期間",                                            \
		  "ours: six windows" },                                                           \
		{ "rule.campaign.idle",                                                            \
		  { HIN_VALUE_DURATION, HIN_NS_PER_MIN, 366 * HIN_NS_PER_DAY },                    \
		  (base) + offsetof(struct hin_rule_campaign, idle_ns),                            \
		  "6h",                                                                            \
		  "a finding that was not seen for so long is over",                               \
		  "この間見えなければ終息とみなす",                                                \
		  "the telescope's longest event" },
