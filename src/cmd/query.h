/*
 * query - what the parts of `hinomi query` share.
 *
 * Threads: the program's first, before there are others.
 */
#pragma once
#include <stdio.h>

#include "base/number.h"
#include "base/options.h"
#include "store/answer.h"
#include "store/export.h"
#include "text/progress.h"
#include "text/style.h"
#include "text/words.h"

/* The order of --sum's words. */
enum hin_query_sum { HIN_SUM_PACKETS, HIN_SUM_BYTES, HIN_SUM_ROWS };

struct hin_query {
	/* the command line */
	const char *store_path, *since, *until, *by, *distinct, *export_path;
	uint64_t top, limit, memory_bytes;
	int sum, format, colour;
	bool limited; /* --limit was given */
	int64_t series_ns;
	bool json, csv, quiet;
	/* made of it */
	const struct hin_program *program;
	enum hin_lang lang;
	int64_t now_ns;
	struct hin_store *store;
	struct hin_filter *filter;
	struct hin_export *export;
	struct hin_store_range range;
	struct hin_store_question question;
	bool grouped;
	struct hin_answer_lengths lengths;
	struct hin_progress progress;
	uint64_t notes;	  /* of damage, told by the store */
	bool flows_alone; /* the filter was narrowed to them, lest packets count twice */
	/* known at the end */
	int64_t from_us, to_us;	      /* what `watched` is of */
	int64_t oldest_us, newest_us; /* rows of the store; both 0 without */
	struct hin_store_watched watched;
	struct hin_store_effort effort;
	int64_t start_ns; /* monotonic */
};

#define HIN_QUERY_WORDS(X)                                                                         \
	X(HIN_QW_ROWS, "Rows", "行数")                                                             \
	X(HIN_QW_SHARE, "Share", "割合")                                                           \
	X(HIN_QW_TIME, "Time, UTC", "時刻 (UTC)")                                                  \
	X(HIN_QW_PORT, "Port", "ポート")                                                           \
	X(HIN_QW_DETAIL, "What", "内容")                                                           \
	X(HIN_QW_ALL, "all", "全体")                                                               \
	X(HIN_QW_NOTHING, "nothing matches", "該当なし")                                           \
	X(HIN_QW_MORE_ROWS, "more follow; --limit shows them", "続きあり (--limit で表示)")        \
	X(HIN_QW_FLOWS,                                                                            \
	  "of flows alone; \"kind ...\" or --by kind also counts events, which tell of the same "  \
	  "packets",                                                                               \
	  "フローだけを集計した (同じパケットを示すイベントは kind ... や --by kind で)")          \
	X(HIN_QW_APPROXIMATE,                                                                      \
	  "numbers of distinct values over 10,000 are estimates, by about 1 %",                    \
	  "1万を超える異なる値の数は約1 %の誤差を含む推定値")

enum { HIN_QUERY_WORDS(HIN_WORD_NAME) };

/* One of the words above. */
const char *hin_query_word(const struct hin_query *q, unsigned word);

/* Answer with a table of groups, JSON or CSV. */
HIN_MUST_USE enum hin_code hin_query_groups(struct hin_query *q, struct hin_error *err);

/* List rows. */
HIN_MUST_USE enum hin_code hin_query_rows(struct hin_query *q, struct hin_error *err);

/* Write rows to the file that is open as `export`. */
HIN_MUST_USE enum hin_code hin_query_export(struct hin_query *q, struct hin_error *err);

/* Ask the store how much of the time was watched; for the end of an answer. */
HIN_MUST_USE enum hin_code hin_query_watch(struct hin_query *q, struct hin_error *err);

/* The end of an answer, for people; to standard error when standard output is for programs. */
void hin_query_foot(const struct hin_query *q, struct hin_buffer *out);

/* The same as members of a JSON object, with a comma before them. */
void hin_query_foot_json(const struct hin_query *q, struct hin_buffer *out);

/* Write out what the buffer holds and empty it. A reader that has gone is no failure: HIN_EOF. */
HIN_MUST_USE enum hin_code hin_query_flush(struct hin_buffer *out, struct hin_error *err);
