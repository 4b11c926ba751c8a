/* scanner - settings of the rule "scanner": who scans, by tool and target. */
#pragma once
#include "base/config.h"
#include "base/time.h"

struct hin_rule_scanner {
	bool on;
	int64_t idle_ns;
	uint64_t targets;
	uint64_t ports;
	bool research;
};

/* Rows of hub.yaml; `base` is where the struct lies. */
#define HIN_RULE_SCANNER_ROWS(base)                                                                \
	{ "rule.scanner.on",                                                                       \
	  { HIN_VALUE_BOOL },                                                                      \
	  (base) + offsetof(struct hin_rule_scanner, on),                                          \
	  "yes",                                                                                   \
	  "who scans, by tool and target",                                                         \
	  "スキャンを行う者を道具と対象で見つける",                                                \
	  "ours" },                                                                                \
		{ "rule.scanner.targets",                                                          \
		  { HIN_VALUE_U64, 1, 100000000 },                                                 \
		  (base) + offsetof(struct hin_rule_scanner, targets),                             \
		  "100",                                                                           \
		  "distinct unused addresses from which a source is a finding",                    \
		  "所見とする宛先アドレス数",                                                      \
		  "Durumeric 2014: 100 distinct dark addresses" },                                 \
		{ "rule.scanner.ports",                                                            \
		  { HIN_VALUE_U64, 1, 65535 },                                                     \
		  (base) + offsetof(struct hin_rule_scanner, ports),                               \
		  "20",                                                                            \
		  "or distinct ports of one address",                                              \
		  "または一つのアドレスのポート数",                                                \
		  "ours" },                                                                        \
		{ "rule.scanner.research",                                                         \
		  { HIN_VALUE_BOOL },                                                              \
		  (base) + offsetof(struct hin_rule_scanner, research),                            \
		  "no",                                                                            \
		  "known research scanners too",                                                   \
		  "既知の調査スキャナーも対象にする",                                              \
		  "ours: they scan every day" },                                                   \
		{ "rule.scanner.idle",                                                             \
		  { HIN_VALUE_DURATION, HIN_NS_PER_MIN, 366 * HIN_NS_PER_DAY },                    \
		  (base) + offsetof(struct hin_rule_scanner, idle_ns),                             \
		  "6h",                                                                            \
		  "a finding that was not seen for so long is over",                               \
		  "この間見えなければ終息とみなす",                                                \
		  "the telescope's longest event" },
