/*
 * block_priv - up to 65,536 rows as columns: collected, written, read.
 *
 * A block is a head and the pieces of its columns. The head has a checksum of its own and says of
 * each part its shape, least and greatest value, sum, place and checksums, so that a question reads
 * heads, then what it needs. A field that no row fills has no part. A part with an id that a
 * reader does not know is skipped; parts may grow at their end.
 *
 * All rows of a block are of one UTC day, and of one batch all or none of those that belong there.
 *
 * Ownership: the caller's storage, with memory until fini.
 * Threads:   one thread at a time for each.
 */
#pragma once
#include "store/column_priv.h"
#include "store/store.h"

#define HIN_BLOCK_MAGIC 0x314b4248u /* "HBK1" */
#define HIN_BLOCK_VERSION 2	    /* 1: without stretches; still written where there are none */
#define HIN_BLOCK_ROWS HIN_COLUMN_ROWS
#define HIN_BLOCK_FIXED 64	  /* bytes of a head before its parts */
#define HIN_BLOCK_HEAD_MAX 32768u /* bytes of a head */
#define HIN_BLOCK_MAX (64u << 20) /* bytes of a block */
#define HIN_PIECE_MAX (48u << 20) /* bytes of a piece when unpacked */
#define HIN_BLOCK_BATCH 96	  /* bytes of a batch in a block */
#define HIN_DAY_US INT64_C(86400000000)

static_assert(HIN_BLOCK_ROWS == HIN_BATCH_ROWS, "a batch fits a block");

/* Ids of parts: field * 3, and what of it; then those that are no field. Never re-used. */
#define HIN_PART_OF(field, what) ((unsigned)(field)*3u + (what))
enum {
	HIN_PART_NUMBER = 0, /* the number; or the family of an address, 0 or 1 for a digest or */
			     /* version that is given, how many tags */
	HIN_PART_DATA = 1,   /* IPv4 addresses (0 where there is none); digests and so on, dense */
	HIN_PART_V6 = 2,     /* IPv6 addresses, dense */
	HIN_PART_BATCHES = 120,	   /* where the rows come from, HIN_BLOCK_BATCH bytes each */
	HIN_PART_FILTER_SRC = 121, /* which IPv4 sources there are */
	HIN_PART_FILTER_DST = 122,
	HIN_PART_WEIGHT = 123, /* of a rollup: how many rows a row stands for */
	HIN_PART_SKETCH = 124, /* of a rollup: distinct sources */
	HIN_PARTS_KNOWN = 125,
};

/* Where the rows of one batch begin in a block, and how many follow. */
struct hin_block_batch {
	struct hin_store_batch batch;
	uint32_t rows;
};

/* ---- collecting ---- */

#define HIN_RARE_SIZE (sizeof(struct hin_observation) - offsetof(struct hin_observation, rule))

struct hin_rare {
	uint32_t row;
	uint64_t words[HIN_RARE_SIZE / 8]; /* of the row, from `rule` on */
};

/* How a field lies in a row; tables of the block's own, so that files need nothing else. */
enum hin_form { HIN_FORM_NUMBER, HIN_FORM_ADDR, HIN_FORM_BYTES, HIN_FORM_TAGS };

struct hin_form_info {
	uint8_t form;
	uint8_t size;	 /* of the number or the bytes */
	uint16_t offset; /* in struct hin_observation */
};

extern const struct hin_form_info hin_forms[HIN_FIELDS];

struct hin_builder {
	int64_t day;   /* since 1970 */
	uint32_t rows; /* so far */
	uint32_t room; /* rows that the arrays hold */
	uint64_t *time, *duration, *packets, *bytes;
	uint32_t *src4, *dst4, *sample;
	uint16_t *sport, *dport, *kind, *tool;
	uint8_t *src_family, *dst_family; /* 0, 4, 6 */
	uint8_t *proto, *tcp_flags, *confidence;
	struct hin_addr *v6[2]; /* of src and dst, dense */
	size_t v6_count[2], v6_room[2];
	struct hin_rare *rare;
	size_t rare_count, rare_room;
	struct hin_block_batch *batches;
	size_t batch_count, batch_room;
	int64_t time_min, time_max;
	bool rollup;
	/* of a rollup only, else NULL */
	uint64_t *weight;
	struct hin_buffer sketches; /* one for each row */
};

/* A place to go back to. */
struct hin_builder_mark {
	uint32_t rows;
	size_t v6_count[2], rare_count, batch_count;
	int64_t time_min, time_max;
	uint32_t last_batch_rows;
	size_t sketches;
};

/* Make room for `rows` more, and for one batch; then adding rows cannot fail but for rare ones. */
HIN_MUST_USE enum hin_code hin_builder_reserve(struct hin_builder *b, uint32_t rows,
					       struct hin_error *err);

/* The rows that follow are of `batch`. Room was reserved. */
void hin_builder_start_batch(struct hin_builder *b, const struct hin_store_batch *batch);

/* Add one row of the batch started last. HIN_ENOMEM. */
HIN_MUST_USE enum hin_code hin_builder_add(struct hin_builder *b, const struct hin_observation *o);

struct hin_builder_mark hin_builder_mark(const struct hin_builder *b);
void hin_builder_rewind(struct hin_builder *b, const struct hin_builder_mark *mark);

/* Forget the first `rows`, that are those of whole batches. */
void hin_builder_shift(struct hin_builder *b, uint32_t rows);

/* Forget all rows; the memory is kept when it is little. */
void hin_builder_reset(struct hin_builder *b);
void hin_builder_fini(struct hin_builder *b);

/* ---- writing ---- */

/*
 * Append the rows from `from` up to before `to` as a block to `out`. HIN_ENOMEM or HIN_ELIMIT, with
 * `out` as it was.
 */
HIN_MUST_USE enum hin_code hin_block_write(struct hin_coder *c, const struct hin_builder *b,
					   uint32_t from, uint32_t to, struct hin_buffer *out,
					   struct hin_error *err);

/* ---- reading ---- */

/* A head, as read. */
struct hin_block_head {
	uint32_t rows;
	uint32_t size;	    /* of the whole block */
	uint32_t head_size; /* of its head */
	int64_t time_min, time_max;
	uint64_t weight; /* rows that these stand for; `rows` but in rollups */
	uint16_t version;
	uint16_t part_count;
	uint16_t unknown_parts;
	struct hin_part *parts; /* the known ones, ascending by id; the caller's memory */
};

/*
 * Read the head that begins at `bytes` into `out`, with its parts into `parts` (HIN_PARTS_KNOWN of
 * them). HIN_ETRUNCATED when `size` is too little for it, and `*need` says how much it takes;
 * HIN_EFORMAT, HIN_EVERIFY (checksum), HIN_EUNSUPPORTED (a newer version).
 */
HIN_MUST_USE enum hin_code hin_block_head_read(struct hin_block_head *out, struct hin_part *parts,
					       const void *bytes, size_t size, size_t *need);

/* The part `id`, or NULL. */
const struct hin_part *hin_block_part(const struct hin_block_head *head, unsigned id);

/* Columns of one block after the other; pieces are read when they are asked for. */
struct hin_block_reader {
	ZSTD_DCtx *zstd;
	int fd;		       /* where the block lies, or -1 */
	const char *name;      /* of the file, for messages */
	uint64_t offset;       /* of the block */
	const uint8_t *memory; /* when fd is -1: the block itself, with slack behind it */
	const struct hin_block_head *head;
	uint8_t *piece;
	size_t piece_size;
	struct hin_piece plain; /* a stretch */
	uint64_t bytes_read;
	struct hin_column_data columns[HIN_PARTS_KNOWN];
	uint64_t known[2]; /* bits of `columns` that belong to this block */
	struct hin_block_batch *batches;
	size_t batch_count, batch_room;
	bool have_batches;
};

HIN_MUST_USE enum hin_code hin_block_reader_init(struct hin_block_reader *r, struct hin_error *err);
void hin_block_reader_fini(struct hin_block_reader *r);

/* The block that is read from now on; all is borrowed. */
void hin_block_reader_start(struct hin_block_reader *r, int fd, const char *name, uint64_t offset,
			    const struct hin_block_head *head);

/*
 * The column of part `id`, its summary or all of it read; `*out` is NULL when the block has no such
 * part: every row has zero. HIN_EVERIFY, HIN_EFORMAT, HIN_ETRUNCATED or HIN_ESYS name file and
 * offset.
 */
HIN_MUST_USE enum hin_code hin_block_summary(struct hin_block_reader *r, unsigned id,
					     const struct hin_column_data **out,
					     struct hin_error *err);
HIN_MUST_USE enum hin_code hin_block_column(struct hin_block_reader *r, unsigned id,
					    const struct hin_column_data **out,
					    struct hin_error *err);

/* The same, with the values of a dictionary alone, `dict`. The block has the part, and it is one.
 */
HIN_MUST_USE enum hin_code hin_block_dictionary(struct hin_block_reader *r, unsigned id,
						const struct hin_column_data **out,
						struct hin_error *err);

/*
 * The same, with codes alone of a dictionary: its values are not unpacked; hin_block_ranks() tells
 * which codes stand for the values from `first` to `last` (as kept): from `*low` to before `*end`.
 * The block has the part, and it is a dictionary.
 */
HIN_MUST_USE enum hin_code hin_block_codes(struct hin_block_reader *r, unsigned id,
					   const struct hin_column_data **out,
					   struct hin_error *err);
HIN_MUST_USE enum hin_code hin_block_ranks(struct hin_block_reader *r, unsigned id, uint64_t first,
					   uint64_t last, uint32_t *low, uint32_t *end,
					   struct hin_error *err);

/* The numbers of `count` rows, ascending, into `out`; `*column` is NULL when all rows have zero. */
HIN_MUST_USE enum hin_code hin_block_pick(struct hin_block_reader *r, unsigned id,
					  const uint32_t *rows, size_t count, uint64_t *out,
					  const struct hin_column_data **column,
					  struct hin_error *err);

/* Read `r->batches`. Their rows add up to those of the block. */
HIN_MUST_USE enum hin_code hin_block_batches(struct hin_block_reader *r, struct hin_error *err);

/* Read `size` bytes at `at` of part `id`'s codes piece, unchecked: for filters. */
HIN_MUST_USE enum hin_code hin_block_peek(struct hin_block_reader *r, const struct hin_part *part,
					  size_t at, void *out, size_t size, struct hin_error *err);

/* ---- rows ---- */

/* What row after row needs of the columns of a block: of all its rows, or of some. */
struct hin_block_rows {
	struct hin_block_reader *reader;
	const struct hin_column_data *numbers[HIN_FIELDS], *data[HIN_FIELDS], *v6[HIN_FIELDS];
	uint64_t fields;
	uint32_t *dense[HIN_FIELDS]; /* row -> place among dense items, of fields that have some */
	const uint32_t *list;	     /* the rows; NULL: all */
	uint64_t *picked[HIN_FIELDS], *picked_data[HIN_FIELDS]; /* of those listed; or NULL */
	uint64_t *memory;					/* for all of them */
};

/* Read the columns of `fields`. The same codes as hin_block_column(), HIN_ENOMEM. */
HIN_MUST_USE enum hin_code hin_block_rows_open(struct hin_block_rows *rows,
					       struct hin_block_reader *r, uint64_t fields,
					       struct hin_error *err);

/* The same for the rows of `list`, ascending; what the others have is unpacked only if need be. */
HIN_MUST_USE enum hin_code hin_block_rows_pick(struct hin_block_rows *rows,
					       struct hin_block_reader *r, uint64_t fields,
					       const uint32_t *list, uint32_t count,
					       struct hin_error *err);

/* Row `i`, or row `i` of the list, into `out`, with all the fields that were asked for. */
void hin_block_row(const struct hin_block_rows *rows, uint32_t i, struct hin_observation *out);

/* Called for each row, with the batch that it came in. A code other than HIN_OK ends the walk. */
typedef enum hin_code (*hin_block_row_fn)(void *user, const struct hin_store_batch *batch,
					  uint32_t at, const struct hin_observation *o,
					  struct hin_error *err);

/* All rows of a block that was opened whole; its batches are read. */
HIN_MUST_USE enum hin_code hin_block_each_row(const struct hin_block_rows *rows,
					      hin_block_row_fn call, void *user,
					      struct hin_error *err);

void hin_block_rows_fini(struct hin_block_rows *rows);

/* ---- filters of addresses ---- */

/*
 * Which IPv4 addresses, and with `networks` which networks of 24 bits, may be in a block: a map of
 * bits when they lie close together, else lines of 64 bytes, of which an address looks at one.
 */
void hin_block_filter_write(struct hin_coder *c, bool networks, struct hin_buffer *out,
			    struct hin_part *part);

/* May an address from `low` to `high` be there? True when it cannot be told; HIN_OK but for reads.
 */
HIN_MUST_USE enum hin_code hin_block_filter_ask(struct hin_block_reader *r,
						const struct hin_part *part, uint32_t low,
						uint32_t high, bool *maybe, struct hin_error *err);
