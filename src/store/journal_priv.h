/*
 * journal_priv - what a store consists of, and the file that says so.
 *
 * The journal is the truth of a store: which files belong to it and how far, where each sensor
 * stands, and the rows that are not yet in a file of a day. A sync appends one record, with a
 * checksum, that holds all that has changed: it is there whole or not at all, so files, rows and
 * marks agree at any moment. When it grows long it is replaced by a new one that begins with a
 * record of everything.
 *
 * A record that is torn at the end was never acknowledged. One that is damaged while good ones
 * follow is damage, and nothing is guessed.
 *
 * Threads: one thread at a time for each.
 */
#pragma once
#include "store/block_priv.h"

#define HIN_JOURNAL_NAME "journal"
#define HIN_JOURNAL_MAGIC "HINJRNL1"
/* 1: no heads of batches, and no file leaves by a record; read, and made new by a writer */
#define HIN_JOURNAL_VERSION 2
#define HIN_JOURNAL_HEAD 64
#define HIN_RECORD_HEAD 32
#define HIN_RECORD_MAX (1u << 30)
#define HIN_EPOCHS_MAX 1024u /* of a sensor */
#define HIN_GAPS_MAX 4096u   /* ranges of an epoch */

/* What the blocks of a file hold. */
enum hin_segment_kind {
	HIN_SEGMENT_FLOWS,
	HIN_SEGMENT_EVENTS,  /* all that is no flow */
	HIN_SEGMENT_MINUTES, /* rollups */
	HIN_SEGMENT_HOURS,
	HIN_SEGMENT_BATCHES, /* heads of batches: segments_heads.c */
	HIN_SEGMENT_KINDS,
};

/* Rows as they came. */
static inline bool hin_segment_is_detail(unsigned kind)
{
	return kind <= HIN_SEGMENT_EVENTS;
}

static inline bool hin_segment_is_rollup(unsigned kind)
{
	return kind == HIN_SEGMENT_MINUTES || kind == HIN_SEGMENT_HOURS;
}

/* A file of blocks, as far as it belongs to the store. */
struct hin_segment {
	uint64_t id; /* its name; never used twice */
	int64_t day;
	uint8_t kind;
	bool sealed; /* nothing is added any more, and its index stands at `index` */
	uint64_t length, index;
	uint32_t blocks;
	uint64_t rows, weight;
	int64_t time_min, time_max;
	bool dirty;   /* changed since the last record */
	bool going;   /* another file takes its place: nothing is added */
	bool beside;  /* it is being written to take the place of others */
	bool adopted; /* it has taken it, and the journal does not say so yet */
};

/* A block in the journal itself. */
struct hin_tail {
	int64_t day;
	uint8_t kind;
	uint64_t offset;
	uint32_t size;
};

struct hin_span {
	uint64_t first, last;
};

struct hin_epoch {
	uint64_t epoch;
	uint64_t sequence; /* the highest */
	uint8_t digest[32];
	struct hin_span *spans;
	size_t span_count, span_room;
};

struct hin_sensor {
	uint8_t id[HIN_SENSOR_ID];
	int64_t first_us, last_us;
	uint64_t batches, rows, dark_addresses;
	struct hin_epoch *epochs; /* as they began */
	size_t epoch_count, epoch_room;
	struct hin_batch_mark committed;
	bool alive; /* it sends road.alive: an import, or a hub, does not */
	bool dirty;
};

struct hin_catalog {
	uint8_t store[16]; /* drawn when it was made */
	uint32_t version;  /* of the journal */
	uint32_t made;	   /* the version that the store began with */
	uint64_t commits;
	uint64_t next_id;
	uint64_t rolled_rows;	      /* that rollups stand for, ever */
	struct hin_segment *segments; /* ascending by day, then id */
	size_t segment_count, segment_room;
	struct hin_tail *tails; /* as they came */
	size_t tail_count, tail_room;
	struct hin_sensor *sensors; /* ascending by id */
	size_t sensor_count, sensor_room;
};

void hin_catalog_fini(struct hin_catalog *c);

/* ---- sensors ---- */

/* The sensor, or NULL. */
struct hin_sensor *hin_catalog_sensor(const struct hin_catalog *c, const uint8_t id[HIN_SENSOR_ID]);

/* The sensor, made when there is none. NULL without memory. */
struct hin_sensor *hin_catalog_add_sensor(struct hin_catalog *c, const uint8_t id[HIN_SENSOR_ID]);

/* The newest epoch; NULL for a sensor of which nothing was stored. */
const struct hin_epoch *hin_sensor_newest(const struct hin_sensor *sensor);

const struct hin_epoch *hin_sensor_epoch(const struct hin_sensor *sensor, uint64_t epoch);

bool hin_epoch_has(const struct hin_epoch *epoch, uint64_t sequence);

/*
 * Make room for a batch of (sensor, epoch, sequence), so that hin_sensor_take() cannot fail.
 * HIN_ENOMEM, or HIN_ELIMIT over HIN_EPOCHS_MAX or HIN_GAPS_MAX.
 */
HIN_MUST_USE enum hin_code hin_catalog_reserve(struct hin_catalog *c,
					       const struct hin_store_batch *batch,
					       struct hin_error *err);

/* Note that the batch is there, with `rows`. */
void hin_catalog_take(struct hin_catalog *c, const struct hin_store_batch *batch, uint64_t rows);

/* ---- segments ---- */

/* The file that takes more blocks of this day and kind, or NULL. */
struct hin_segment *hin_catalog_open_segment(struct hin_catalog *c, int64_t day, unsigned kind);

/* Add a file; the pointer is good until the next change. NULL without memory. */
struct hin_segment *hin_catalog_add_segment(struct hin_catalog *c, const struct hin_segment *s);

void hin_catalog_drop_segment(struct hin_catalog *c, uint64_t id);

HIN_MUST_USE enum hin_code hin_catalog_add_tail(struct hin_catalog *c, const struct hin_tail *t);

/* Forget the blocks in the journal of a day and kind. */
void hin_catalog_drop_tails(struct hin_catalog *c, int64_t day, unsigned kind);

/* ---- records ---- */

/* Begin a record in `out`; hin_record_end() completes it. Parts go between. */
void hin_record_start(struct hin_buffer *out);
void hin_record_catalog(struct hin_buffer *out, const struct hin_catalog *c);
void hin_record_segment(struct hin_buffer *out, const struct hin_segment *s);
void hin_record_sensor(struct hin_buffer *out, const struct hin_sensor *s);
/* Blocks of this day and kind before this record are in a file now. */
void hin_record_cut(struct hin_buffer *out, int64_t day, unsigned kind);
/* A block follows: bytes are appended behind this, then hin_record_tail_end(). */
size_t hin_record_tail_start(struct hin_buffer *out, int64_t day, unsigned kind);
void hin_record_tail_end(struct hin_buffer *out, size_t start);
/* This file belongs here no more. */
void hin_record_drop(struct hin_buffer *out, uint64_t id);
/* So many rows are in rollups. */
void hin_record_rolled(struct hin_buffer *out, uint64_t rows);
/* `leaves`: it drops files. */
void hin_record_end(struct hin_buffer *out, size_t start, uint64_t commit, bool leaves);

/* The head of a new journal. */
void hin_journal_head(struct hin_buffer *out, const struct hin_catalog *c);

/*
 * Read the records of `fd` from `*end` on (0: its head first) into `c`, and move `*end` behind the
 * last good one; `*torn` gets the bytes behind it. HIN_EVERIFY or HIN_EFORMAT for damage before the
 * end, HIN_EUNSUPPORTED for a newer version; `err` names `name` and offset.
 */
HIN_MUST_USE enum hin_code hin_journal_read(struct hin_catalog *c, int fd, const char *name,
					    uint64_t *end, uint64_t *torn, struct hin_error *err);

/* Do records from `from` on drop files? Whoever reads must read the journal again then. */
bool hin_journal_leaves(int fd, uint64_t from);

/* Told of bytes that are damaged. */
typedef void (*hin_salvage_fn)(void *user, uint64_t offset, uint64_t size);

/*
 * Read all good records into `c`, and jump over the others. `*headless` when the head is damaged:
 * then `c->store` is not known. HIN_EUNSUPPORTED, HIN_ESYS, HIN_ENOMEM.
 */
HIN_MUST_USE enum hin_code hin_journal_salvage(struct hin_catalog *c, int fd, const char *name,
					       uint64_t *end, bool *headless, hin_salvage_fn damage,
					       void *user, struct hin_error *err);
