/*
 * carrier - what brings batches from a sensor to its hub: the one interface, whatever lies between.
 *
 * A carrier takes a load of batches and comes back with the hub's word: where its mark of this
 * sensor stands, durably, and what became of each batch. The mark alone decides what the sensor
 * forgets. A carrier knows its hubs and the times to wait; it keeps no batches.
 *
 * Ownership: the caller owns a carrier and ends it with hin_carrier_close().
 * Threads:   one thread at a time, but hin_carrier_stop() from any.
 */
#pragma once
#include "base/buffer.h"
#include "observe/spool.h"

/* Most bytes of a load, each batch with four for its length. */
#define HIN_CARRIER_LOAD ((size_t)16 << 20)
#define HIN_CARRIER_BATCHES 256 /* most batches of a load */

/* name, its word on the wire, meaning: what became of a batch. */
#define HIN_CARRIED(X)                                                                             \
	X(HIN_CARRIED_STORED, "stored", "it is stored")                                            \
	X(HIN_CARRIED_REPEAT, "repeat", "it was stored before; nothing has changed")               \
	X(HIN_CARRIED_EARLY, "early", "the hub lacks others that the sensor may still have")       \
	X(HIN_CARRIED_REFUSED, "refused", "it will never be taken")                                \
	X(HIN_CARRIED_FORKED, "forked", "the hub has another batch of this number")                \
	X(HIN_CARRIED_LATER, "later", "it was not stored now; send it again")

enum hin_carried {
#define X(name, word, meaning) name,
	HIN_CARRIED(X)
#undef X
};

/* The word of a verdict, and the verdict of a word (false: none). */
const char *hin_carried_word(enum hin_carried verdict);
bool hin_carried_parse(enum hin_carried *out, const char *word);

/* What is sent at once: batches in the order of the spool. */
struct hin_carrier_load {
	const void *data; /* batches, each behind its length as four bytes, little-endian */
	size_t size;
	size_t count; /* of batches; 0 only asks for the mark */
	/*
	 * What lies between this place and the first batch of the load the sensor does not have any
	 * more: the mark that the hub told last, or a batch behind it that it refused.
	 */
	struct hin_spool_place known;
	uint64_t settings; /* number of the settings that the sensor runs; 0 = none */
};

#define HIN_CARRIER_REASON 200 /* longest text of a reason, with its NUL */

struct hin_carrier_answer {
	struct hin_spool_place committed; /* the hub's mark; { 0 } = it knows nothing of us */
	uint8_t digest[32];		  /* SHA-256 of the batch at the mark, when the hub says */
	bool has_digest;
	size_t count; /* verdicts: one a batch, or none when it was asked only */
	uint8_t verdicts[HIN_CARRIER_BATCHES]; /* enum hin_carried */
	char reason[HIN_CARRIER_REASON];       /* of the first that was not stored, or "" */
	uint64_t settings; /* number of the newest settings that the hub has for us; 0 = none */
};

struct hin_carrier;

/* What makes a kind of carrier; private to those who write one. */
struct hin_carrier_ops {
	enum hin_code (*send)(struct hin_carrier *c, const struct hin_carrier_load *load,
			      struct hin_carrier_answer *answer, struct hin_error *err);
	enum hin_code (*fetch)(struct hin_carrier *c, const char *what, struct hin_buffer *out,
			       struct hin_error *err);
	int64_t (*ready_ns)(const struct hin_carrier *c);
	const char *(*hub)(const struct hin_carrier *c);
	void (*stop)(struct hin_carrier *c);
	void (*close)(struct hin_carrier *c);
};

/* The head of every carrier. */
struct hin_carrier {
	const struct hin_carrier_ops *ops;
};

/*
 * Send a load and wait for the answer. On any failure nothing is known of the load; it is sent
 * again later, not before hin_carrier_ready_ns(). HIN_EAGAIN: stopped, or the hub asks to wait;
 * HIN_EDENIED and HIN_EVERIFY: one of us is not who it should be; HIN_ESYS: not reached;
 * HIN_EFORMAT: the answer is none. `err` says which hub, and what to do.
 */
static inline HIN_MUST_USE enum hin_code hin_carrier_send(struct hin_carrier *c,
							  const struct hin_carrier_load *load,
							  struct hin_carrier_answer *answer,
							  struct hin_error *err)
{
	return c->ops->send(c, load, answer, err);
}

/*
 * Append a document of the hub's to `out`: "settings", as it is signed. HIN_ENOENT when it has none
 * for this sensor, else as hin_carrier_send().
 */
static inline HIN_MUST_USE enum hin_code hin_carrier_fetch(struct hin_carrier *c, const char *what,
							   struct hin_buffer *out,
							   struct hin_error *err)
{
	return c->ops->fetch(c, what, out, err);
}

/* Monotonic time before which a send is of no use; 0 = at once. */
static inline int64_t hin_carrier_ready_ns(const struct hin_carrier *c)
{
	return c->ops->ready_ns(c);
}

/* The hub that was spoken to last, or the first: for people. */
static inline const char *hin_carrier_hub(const struct hin_carrier *c)
{
	return c->ops->hub(c);
}

/* What is under way, and all that comes, ends soon with HIN_EAGAIN. */
static inline void hin_carrier_stop(struct hin_carrier *c)
{
	c->ops->stop(c);
}

/* Close and free; NULL is fine. */
static inline void hin_carrier_close(struct hin_carrier *c)
{
	if (c != NULL)
		c->ops->close(c);
}

/* When to try again after failures; pure, for all kinds of carriers. */
struct hin_backoff {
	int64_t first_ns, most_ns; /* the first wait, and the longest */
	unsigned failures;	   /* in a row */
};

/*
 * Count a failure and return how long to wait: doubled each time, and shortened by up to a half by
 * `dice`, so that a thousand sensors do not come back at once.
 */
int64_t hin_backoff_fail(struct hin_backoff *b, uint32_t dice);

/* It went well. */
static inline void hin_backoff_reset(struct hin_backoff *b)
{
	b->failures = 0;
}
