/*
 * segments_view_priv - the blocks of a question, one after the other, and which rows of them count.
 *
 * Threads: one thread at a time for each store.
 */
#pragma once
#include "store/segments_priv.h"
#include "store/sources_priv.h"

/* The rows of a block that a filter and a range of time want. */
struct hin_selection {
	enum hin_filter_answer answer; /* SOME: those where `mask` is 1 */
	uint32_t count;
	const uint8_t *mask;
};

/* A filter, made ready to judge blocks. */
struct hin_matcher {
	const struct hin_filter *filter; /* NULL: all */
	int64_t since_us, until_us;
	struct hin_block_reader *reader;
	struct hin_span
		*v4; /* for each range of addresses its part within IPv4; first > last: none */
	enum hin_filter_answer *answers; /* of each node */
	uint8_t **masks;		 /* of each node, from `pool` */
	uint8_t **pool;
	size_t node_count; /* 0 without a filter: then there is a mask all the same */
	size_t pool_count, pool_room;
	uint8_t *table; /* HIN_COLUMN_ROWS, answers by code */
	bool no_flows;	/* only rows of kinds that are no flows can match */
	bool narrows;	/* only rows of some IPv4 sources can match: an index of them helps */
	struct hin_block_set *sets; /* of each node, when it does */
	struct hin_error error;
};

HIN_MUST_USE enum hin_code hin_matcher_init(struct hin_matcher *m,
					    const struct hin_store_range *range,
					    struct hin_block_reader *reader, struct hin_error *err);
void hin_matcher_fini(struct hin_matcher *m);

/* By the index of the sources of a file, when it `narrows`: the blocks in which a row may match. */
HIN_MUST_USE enum hin_code hin_matcher_narrow(struct hin_matcher *m, struct hin_sources *sources,
					      struct hin_block_set *out, struct hin_error *err);

/* By the head and the filters of addresses of the block that `reader` is at. */
HIN_MUST_USE enum hin_code hin_matcher_judge(struct hin_matcher *m, enum hin_filter_answer *out,
					     struct hin_error *err);

/* The rows, after hin_matcher_judge() of the same block said SOME or ALL. */
HIN_MUST_USE enum hin_code hin_matcher_select(struct hin_matcher *m, struct hin_selection *out,
					      struct hin_error *err);

/* A block that is asked; it is `reader`'s current one. */
struct hin_view_block {
	struct hin_block_reader *reader;
	const struct hin_block_head *head;
	unsigned kind; /* enum hin_segment_kind */
	struct hin_selection rows;
};

/*
 * Called for each block of which a row may count, in order of day and least time. Damage
 * (HIN_EVERIFY, HIN_EFORMAT, HIN_ETRUNCATED) it returns is noted and counted, and nothing of the
 * block may have been used; HIN_EOF ends the walk well; other codes end it.
 */
typedef enum hin_code (*hin_view_fn)(void *user, struct hin_view_block *block,
				     struct hin_error *err);

struct hin_view {
	struct hin_store *store;
	const struct hin_store_range *range;
	bool heads;		/* heads of batches are asked, and nothing else */
	bool rollups;		/* they are asked too */
	uint64_t rollup_fields; /* fields, in bits, that the question needs beside its filter */
	int64_t interval_us;	/* 0, or what the question groups time by */
	bool head_only;		/* `call` looks at heads itself: rows are not selected */
	hin_view_fn call;
	void *user;
	struct hin_store_effort *effort; /* not NULL */
};

HIN_MUST_USE enum hin_code hin_view_run(const struct hin_view *view, struct hin_error *err);

/* The fields that rollups keep. */
#define HIN_ROLLUP_FIELDS                                                                          \
	(UINT64_C(1) << HIN_FIELD_TIME | UINT64_C(1) << HIN_FIELD_KIND |                           \
	 UINT64_C(1) << HIN_FIELD_PROTO | UINT64_C(1) << HIN_FIELD_DPORT |                         \
	 UINT64_C(1) << HIN_FIELD_TOOL | UINT64_C(1) << HIN_FIELD_PACKETS |                        \
	 UINT64_C(1) << HIN_FIELD_BYTES)
