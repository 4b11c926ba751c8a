/*
 * settings - what analysis can be told: of the engine, and of each rule (in the header of its own).
 */
#pragma once
#include "hub/telling/alert.h"
#include "hub/analyse/amplifier.h"
#include "hub/analyse/attacked.h"
#include "hub/analyse/campaign.h"
#include "hub/analyse/dropper.h"
#include "hub/analyse/flood.h"
#include "hub/analyse/guessing.h"
#include "hub/analyse/honeytoken.h"
#include "hub/analyse/infected.h"
#include "hub/analyse/intruder.h"
#include "hub/analyse/rising.h"
#include "hub/analyse/scanner.h"
#include "hub/analyse/script.h"
#include "hub/analyse/silent.h"

struct hin_analyse_settings {
	bool on;
	uint64_t subjects;
	int least; /* enum hin_severity: what opens a case */
	int64_t history_ns, keep_ns, keep_closed_ns, stale_ns;
	uint64_t cases;
	struct hin_rule_infected infected;
	struct hin_rule_scanner scanner;
	struct hin_rule_campaign campaign;
	struct hin_rule_attacked attacked;
	struct hin_rule_amplifier amplifier;
	struct hin_rule_flood flood;
	struct hin_rule_rising rising;
	struct hin_rule_silent silent;
	struct hin_rule_intruder intruder;
	struct hin_rule_guessing guessing;
	struct hin_rule_dropper dropper;
	struct hin_rule_honeytoken honeytoken;
	struct hin_rule_script script;
};

extern const char *const hin_analyse_severities[]; /* choices of `least`; ends with NULL */

#define HIN_ANALYSE_AT(base, rule) ((base) + offsetof(struct hin_analyse_settings, rule))

/* All rows of hub.yaml; `base` is where the struct lies. */
#define HIN_ANALYSE_ROWS(base)                                                                            \
	{ "analyse.on",                                                                                   \
	  { HIN_VALUE_BOOL },                                                                             \
	  HIN_ANALYSE_AT(base, on),                                                                       \
	  "yes",                                                                                          \
	  "say what observations add up to: findings and cases",                                          \
	  "観測から所見と案件を作る",                                                                     \
	  "ours" },                                                                                       \
		{ "analyse.subjects",                                                                     \
		  { HIN_VALUE_U64, 1024, 16000000 },                                                      \
		  HIN_ANALYSE_AT(base, subjects),                                                         \
		  "1000000",                                                                              \
		  "most subjects in memory, 112 bytes each; the least valuable makes way",                \
		  "メモリー上の対象の最大数 (1 件 112 バイト)。超えると価値の低いものから外す",           \
		  "ours" },                                                                               \
		{ "analyse.case",                                                                         \
		  { HIN_VALUE_CHOICE, .choices = hin_analyse_severities },                                \
		  HIN_ANALYSE_AT(base, least),                                                            \
		  "medium",                                                                               \
		  "the least severity of a finding that opens a case",                                    \
		  "案件を開く所見の重大度の下限",                                                         \
		  "ours: who scans the whole Internet is no case" },                                      \
		{ "analyse.history",                                                                      \
		  { HIN_VALUE_DURATION, 0, 30 * HIN_NS_PER_DAY },                                         \
		  HIN_ANALYSE_AT(base, history_ns),                                                       \
		  "6h",                                                                                   \
		  "how much of the store is looked at after a start, to know what is usual",              \
		  "開始時に平常を知るため読み返す期間",                                                   \
		  "ours" },                                                                               \
		{ "analyse.cases",                                                                        \
		  { HIN_VALUE_U64, 1, 1000000 },                                                          \
		  HIN_ANALYSE_AT(base, cases),                                                            \
		  "1000",                                                                                 \
		  "most cases opened in an hour, the last quarter by sensors with few; what "             \
		  "comes "                                                                                \
		  "beyond waits for one, and is counted",                                                 \
		  "1時間に開く案件の上限 "                                                      \
		  "(最後の4分の1は案件の少ないセンサー用)。超えた所見は待ち、" \
		  "数えられる",                                                                           \
		  "ours: more than people can look at" },                                                 \
		{ "analyse.keep",                                                                         \
		  { HIN_VALUE_DURATION, HIN_NS_PER_DAY, INT64_MAX },                                      \
		  HIN_ANALYSE_AT(base, keep_ns),                                                          \
		  "90d",                                                                                  \
		  "findings in no case are forgotten when they were not seen for so long",                \
		  "案件に属さない所見は、この間見えなければ消す",                                         \
		  "ours" },                                                                               \
		{ "analyse.keep-closed",                                                                  \
		  { HIN_VALUE_DURATION, HIN_NS_PER_DAY, INT64_MAX },                                      \
		  HIN_ANALYSE_AT(base, keep_closed_ns),                                                   \
		  "400d",                                                                                 \
		  "how long the findings of a closed case are kept one by one; then a summary is",        \
		  "終了した案件の所見を個別に保存する期間。その後は要約だけを残す",                       \
		  "ours: a year and a month" },                                                           \
		{ "analyse.stale",                                                                        \
		  { HIN_VALUE_DURATION, 0, INT64_MAX },                                                   \
		  HIN_ANALYSE_AT(base, stale_ns),                                                         \
		  "180d",                                                                                 \
		  "an open case of which nothing was seen or done for so long closes by itself; "         \
		  "0 = never",                                                                            \
		  "この間何も観測も操作もされない案件は自動的に終了する。0 は無効",                       \
		  "ours" },                                                                               \
		HIN_RULE_INFECTED_ROWS(HIN_ANALYSE_AT(base, infected)) HIN_RULE_SCANNER_ROWS(             \
			HIN_ANALYSE_AT(base,                                                              \
				       scanner)) HIN_RULE_CAMPAIGN_ROWS(HIN_ANALYSE_AT(base,              \
										       campaign))         \
			HIN_RULE_ATTACKED_ROWS(HIN_ANALYSE_AT(base, attacked)) HIN_RULE_AMPLIFIER_ROWS(   \
				HIN_ANALYSE_AT(                                                           \
					base,                                                             \
					amplifier)) HIN_RULE_FLOOD_ROWS(HIN_ANALYSE_AT(base,              \
										       flood))            \
				HIN_RULE_RISING_ROWS(HIN_ANALYSE_AT(                                      \
					base,                                                             \
					rising)) HIN_RULE_SILENT_ROWS(HIN_ANALYSE_AT(base,                \
										     silent))             \
					HIN_RULE_INTRUDER_ROWS(HIN_ANALYSE_AT(base, intruder))            \
						HIN_RULE_GUESSING_ROWS(                                   \
							HIN_ANALYSE_AT(base, guessing))                   \
							HIN_RULE_DROPPER_ROWS(                            \
								HIN_ANALYSE_AT(base, dropper))            \
								HIN_RULE_HONEYTOKEN_ROWS(                 \
									HIN_ANALYSE_AT(                   \
										base, honeytoken))        \
									HIN_RULE_SCRIPT_ROWS(             \
										HIN_ANALYSE_AT(           \
											base,             \
											script))
