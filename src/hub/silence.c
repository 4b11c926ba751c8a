/* silence - what the store has of a net and of who watched; see silence.h */
#include "hub/silence.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "observe/batch.h"

#define ROW_FIELDS                                                                                 \
	(1ull << HIN_FIELD_SRC | 1ull << HIN_FIELD_SRC_LEN | 1ull << HIN_FIELD_DST |               \
	 1ull << HIN_FIELD_DPORT | 1ull << HIN_FIELD_SPORT | 1ull << HIN_FIELD_PROTO |             \
	 1ull << HIN_FIELD_PACKETS)

struct asking {
	struct hin_silence *out;
	struct hin_error *err;
	crypto_hash_sha256_state evidence;
};

/* ---- rows ---- */

static struct hin_addr base_of(const struct hin_prefix *net, unsigned len)
{
	struct hin_addr a = net->addr;
	unsigned bits = len + (hin_addr_is_v4(&net->addr) ? 96u : 0u);

	for (unsigned at = bits; at < 128; at++)
		a.b[at / 8] &= (uint8_t) ~(0x80 >> at % 8);
	return a;
}

/*
 * Sources in the net, and the first addresses of all prefixes around it: sensors put sources
 * together into prefixes when there are too many.
 */
static enum hin_code make_filter(const struct hin_prefix *net, struct hin_filter **out,
				 struct hin_error *err)
{
	char text[HIN_PREFIX_TEXT], base[HIN_ADDR_TEXT];
	struct hin_buffer words = { 0 };
	struct hin_addr last = net->addr;
	enum hin_code code;

	hin_buffer_printf(&words, "src net %s", hin_prefix_format(net, text));
	for (unsigned len = net->len; len-- > 0;) {
		struct hin_addr a = base_of(net, len);

		/* the same address again would ask for the same rows */
		if (hin_addr_equal(&a, &last) || hin_addr_equal(&a, &net->addr))
			continue;
		hin_buffer_printf(&words, " or src host %s", hin_addr_format(&a, base));
		last = a;
	}
	code = words.failed ? hin_fail(err, HIN_ENOMEM, "no memory to ask")
			    : hin_filter_parse(out, words.data, words.used, NULL, err);
	hin_buffer_fini(&words);
	return code;
}

/* How long the prefix is that a row's source stands for. */
static unsigned source_length(const struct hin_observation *o)
{
	unsigned whole = hin_addr_is_v4(&o->src) ? 32 : 128;

	return o->src_len == 0 || o->src_len > whole ? whole : o->src_len;
}

static void take_row(struct hin_silence *s, const struct hin_observation *o)
{
	const struct hin_prefix *net = &s->question.net;
	struct hin_prefix source = { .addr = o->src, .len = (uint8_t)source_length(o) };

	if (hin_prefix_holds(net, &o->src) && source.len >= net->len) {
		s->rows++;
		s->packets += o->packets;
		if (s->shown_count < HIN_SILENCE_ROWS)
			s->shown[s->shown_count++] = *o;
	} else if (hin_prefix_holds(&source, &net->addr)) {
		s->perhaps++;
	} else {
		return;
	}
	if (s->first_us == 0 || o->time_us < s->first_us)
		s->first_us = o->time_us;
	if (o->time_us > s->last_us)
		s->last_us = o->time_us;
}

static enum hin_code take_rows(void *user, const struct hin_store_rows *rows, struct hin_error *err)
{
	const struct asking *a = user;

	(void)err;
	for (size_t i = 0; i < rows->count; i++)
		take_row(a->out, &rows->rows[i]);
	return HIN_OK;
}

static enum hin_code take_losses(void *user, const struct hin_store_rows *rows,
				 struct hin_error *err)
{
	const struct asking *a = user;

	(void)err;
	for (size_t i = 0; i < rows->count; i++)
		a->out->lost += rows->rows[i].packets;
	return HIN_OK;
}

static enum hin_code scan(struct asking *a, struct hin_store *store,
			  const struct hin_filter *filter, uint64_t fields, hin_store_rows_fn call,
			  struct hin_store_effort *effort)
{
	struct hin_store_range range = { .since_us = a->out->question.since_us,
					 .until_us = a->out->question.until_us,
					 .filter = filter };

	return hin_store_scan(store, &range, fields, 0, call, a, effort, a->err);
}

static enum hin_code ask_rows(struct asking *a, struct hin_store *store)
{
	static const char losses[] = "kind road.loss";
	struct hin_store_effort effort = { 0 };
	struct hin_filter *filter = NULL;
	enum hin_code code = make_filter(&a->out->question.net, &filter, a->err);

	if (code == HIN_OK)
		code = scan(a, store, filter, ROW_FIELDS, take_rows, &effort);
	hin_filter_free(filter);
	filter = NULL;
	a->out->damaged = effort.damaged_rows;
	if (code == HIN_OK)
		code = hin_filter_parse(&filter, losses, strlen(losses), NULL, a->err);
	if (code == HIN_OK)
		code = scan(a, store, filter, 1ull << HIN_FIELD_PACKETS, take_losses, NULL);
	hin_filter_free(filter);
	return code;
}

/* Rows that retention rolled up have no source any more. */
static enum hin_code ask_rolled(struct asking *a, struct hin_store *store)
{
	struct hin_store_question q = { .range = { .since_us = a->out->question.since_us,
						   .until_us = a->out->question.until_us } };
	struct hin_store_answer answer = { 0 };
	enum hin_code code = hin_store_group(store, &q, &answer, a->err);

	if (code == HIN_OK)
		a->out->rolled = answer.effort.rolled_rows;
	if (code == HIN_OK)
		hin_store_answer_fini(&answer);
	return code;
}

/* ---- batches ---- */

static struct hin_silence_chain *chain_of(struct asking *a, const struct hin_store_batch *b)
{
	struct hin_silence *s = a->out;
	struct hin_silence_chain *c;

	/* batches of one sensor come together: the newest chains are the likely ones */
	for (size_t i = s->chain_count; i-- > 0;)
		if (s->chains[i].epoch == b->epoch &&
		    memcmp(s->chains[i].sensor, b->sensor, HIN_SENSOR_ID) == 0)
			return &s->chains[i];
	if (s->chain_count == s->chain_room) {
		size_t room = s->chain_room > 0 ? s->chain_room * 2 : 16;

		c = reallocarray(s->chains, room, sizeof(*c));
		if (c == NULL)
			return NULL;
		s->chains = c;
		s->chain_room = room;
	}
	c = &s->chains[s->chain_count++];
	*c = (struct hin_silence_chain){ .epoch = b->epoch,
					 .first = b->sequence,
					 .dark_addresses = b->dark_addresses };
	memcpy(c->sensor, b->sensor, HIN_SENSOR_ID);
	return c;
}

static void take_batch(struct asking *a, struct hin_silence_chain *c,
		       const struct hin_store_head *head)
{
	const struct hin_silence_question *q = &a->out->question;
	const struct hin_store_batch *b = &head->batch;
	uint8_t key[HIN_KEY_PUBLIC];

	if (c->batches > 0 && b->sequence == c->last + 1 && head->is_signed &&
	    memcmp(head->previous, c->last_digest, sizeof(c->last_digest)) != 0)
		c->broken++;
	c->batches++;
	if (b->sequence < c->first)
		c->first = b->sequence;
	if (b->sequence >= c->last) {
		c->last = b->sequence;
		memcpy(c->last_digest, b->digest, sizeof(c->last_digest));
	}
	if (b->dark_addresses < c->dark_addresses)
		c->dark_addresses = b->dark_addresses;
	if (head->is_signed && q->key != NULL && q->key(q->user, b->sensor, key, c->name) &&
	    hin_batch_verify_digest(head->signed_digest, head->signature, key, NULL) == HIN_OK)
		c->verified++;
}

static void put_u64(crypto_hash_sha256_state *sha, uint64_t value)
{
	uint8_t bytes[8];

	for (unsigned i = 0; i < 8; i++)
		bytes[i] = (uint8_t)(value >> (56 - 8 * i));
	crypto_hash_sha256_update(sha, bytes, sizeof(bytes));
}

static enum hin_code take_head(void *user, const struct hin_store_head *head, struct hin_error *err)
{
	struct asking *a = user;
	struct hin_silence_chain *c = chain_of(a, &head->batch);

	if (c == NULL)
		return hin_fail(err, HIN_ENOMEM, "no memory for the sensors' chains");
	take_batch(a, c, head);
	crypto_hash_sha256_update(&a->evidence, head->batch.sensor, HIN_SENSOR_ID);
	put_u64(&a->evidence, head->batch.epoch);
	put_u64(&a->evidence, head->batch.sequence);
	crypto_hash_sha256_update(&a->evidence, head->batch.digest, 32);
	return HIN_OK;
}

/* Which sensors tell of packets: one may be set not to. */
static enum hin_code ask_flows(struct asking *a, struct hin_store *store)
{
	static const char flows[] = "kind telescope.flow";
	struct hin_silence *s = a->out;
	struct hin_store_question q = { .range = { .since_us = s->question.since_us,
						   .until_us = s->question.until_us },
					.by = { HIN_STORE_SENSOR },
					.by_count = 1 };
	struct hin_store_answer answer = { 0 };
	struct hin_filter *filter = NULL;
	enum hin_code code = hin_filter_parse(&filter, flows, strlen(flows), NULL, a->err);

	q.range.filter = filter;
	if (code == HIN_OK)
		code = hin_store_group(store, &q, &answer, a->err);
	for (size_t i = 0; code == HIN_OK && i < answer.count; i++)
		for (size_t k = 0; k < s->chain_count; k++)
			if (memcmp(answer.groups[i].by[0].bytes, s->chains[k].sensor,
				   HIN_SENSOR_ID) == 0)
				s->chains[k].flows = answer.groups[i].count;
	if (code == HIN_OK)
		hin_store_answer_fini(&answer);
	hin_filter_free(filter);
	return code;
}

/* What a sensor watched is counted once, however often it began anew. */
static void sum_up(struct hin_silence *s)
{
	for (size_t i = 0; i < s->chain_count; i++) {
		const struct hin_silence_chain *c = &s->chains[i];
		uint64_t least = c->dark_addresses;
		bool first = true;

		s->batches += c->batches;
		s->verified += c->verified;
		s->broken += c->broken;
		s->missing += c->last - c->first + 1 - c->batches;
		for (size_t k = 0; k < s->chain_count; k++) {
			if (memcmp(s->chains[k].sensor, c->sensor, HIN_SENSOR_ID) != 0)
				continue;
			first &= k >= i;
			if (s->chains[k].dark_addresses < least)
				least = s->chains[k].dark_addresses;
		}
		if (!first)
			continue;
		if (least > s->dark_addresses)
			s->dark_addresses = least;
		s->quiet += c->flows == 0 && least > 0;
	}
}

/* ---- all of it ---- */

enum hin_code hin_silence_ask(struct hin_silence *out, struct hin_store *store,
			      const struct hin_silence_question *question, struct hin_error *err)
{
	struct asking a = { .out = out, .err = err };
	struct hin_store_range range = { .since_us = question->since_us,
					 .until_us = question->until_us };
	enum hin_code code;

	*out = (struct hin_silence){ .question = *question };
	if (question->since_us <= 0 || question->until_us <= question->since_us)
		return hin_fail(err, HIN_EUSAGE, "the time ends before it begins");
	if (question->until_us > question->now_us)
		return hin_fail(err, HIN_EUSAGE,
				"nobody knows of the future: --until is after now");
	crypto_hash_sha256_init(&a.evidence);
	code = ask_rows(&a, store);
	if (code == HIN_OK)
		code = ask_rolled(&a, store);
	if (code == HIN_OK)
		code = hin_store_watch(store, &range, &out->watched, err);
	/* before there was any sensor nothing was watched, and the answer is about that time too */
	if (out->watched.sensors > 0 && out->watched.from_us > question->since_us)
		out->watched.expected_us += (uint64_t)(out->watched.from_us - question->since_us);
	if (code == HIN_OK)
		code = hin_store_batches(store, NULL, question->since_us, question->until_us,
					 take_head, &a, NULL, err);
	crypto_hash_sha256_final(&a.evidence, out->evidence);
	if (code == HIN_OK)
		code = ask_flows(&a, store);
	if (code == HIN_OK)
		sum_up(out);
	return code;
}

void hin_silence_fini(struct hin_silence *s)
{
	if (s == NULL)
		return;
	free(s->chains);
	s->chains = NULL;
	s->chain_count = s->chain_room = 0;
}

bool hin_silence_is_silent(const struct hin_silence *s)
{
	return s->rows == 0 && s->perhaps == 0;
}

bool hin_silence_is_told(const struct hin_silence *s)
{
	return s->watched.watched_us > 0 && s->quiet == 0;
}
