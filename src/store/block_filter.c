/* block_filter - which addresses may be in a block; see block_priv.h */
#include <stdlib.h>

#include "store/block_priv.h"

#define LINE 64u       /* bytes: what is read to answer for one address */
#define LINE_BITS 480u /* of them; the last four bytes are a checksum of the others */
#define HEAD 12u       /* bytes before the lines: kind, first address, lines */
#define KEY_BITS 10u   /* of the filter for each key: about one in a hundred is wrongly there */
#define PROBES 6u      /* bits of a line that a key sets */
#define NETWORK (UINT64_C(1) << 40) /* marks the key of a network of 24 bits */
#define MAP_PER_ROW 4u		    /* bits a row that a map may cost */
#define ASK_NETWORKS 8u		    /* most networks that are asked for one by one */
#define ASK_LINES 64u		    /* most lines of a map that are read for one question */

/* KEYS has networks too; a program that knows ADDRESSES not takes all for there */
enum { KIND_MAP = 1, KIND_KEYS = 2, KIND_ADDRESSES = 3 };

static void set_bit(uint8_t *lines, size_t bit)
{
	uint8_t *at = lines + bit / LINE_BITS * LINE;

	at[bit % LINE_BITS / 8] = (uint8_t)(at[bit % LINE_BITS / 8] | 1u << bit % LINE_BITS % 8);
}

static bool has_bit(const uint8_t *line, size_t bit)
{
	return line[bit / 8] >> bit % 8 & 1;
}

/* Where a key is looked for: a line, and PROBES numbers of nine bits. */
static uint32_t line_of(uint64_t key, uint32_t lines, uint64_t *probes)
{
	uint64_t hash = hin_mix(key * UINT64_C(0x9e3779b97f4a7c15) + 1);

	*probes = hin_mix(hash + UINT64_C(0x632be59bd9b4e019));
	return (uint32_t)((hash >> 32) * lines >> 32);
}

static uint32_t probe_bit(uint64_t probes, unsigned i)
{
	return (uint32_t)((probes >> 10 * i & 1023) * LINE_BITS >> 10);
}

static void add_key(uint8_t *lines, uint32_t count, uint64_t key)
{
	uint64_t probes;
	size_t line = line_of(key, count, &probes);

	for (unsigned i = 0; i < PROBES; i++)
		set_bit(lines, line * LINE_BITS + probe_bit(probes, i));
}

static bool has_key(const uint8_t *line, uint64_t probes)
{
	for (unsigned i = 0; i < PROBES; i++)
		if (!has_bit(line, probe_bit(probes, i)))
			return false;
	return true;
}

/* The addresses of the column loaded, and their networks. */
static void add_keys(const struct hin_coder *c, bool networks, uint8_t *lines, uint32_t count)
{
	uint64_t last = UINT64_MAX;

	for (size_t i = 0; i < c->distinct; i++) {
		uint64_t address = c->base + c->dict[i], network = address >> 8;

		add_key(lines, count, address);
		if (networks && network != last)
			add_key(lines, count, network | NETWORK);
		last = network;
	}
}

static size_t count_keys(const struct hin_coder *c, bool networks)
{
	uint64_t last = UINT64_MAX;
	size_t keys = c->distinct;

	for (size_t i = 0; i < c->distinct && networks; i++) {
		uint64_t network = (c->base + c->dict[i]) >> 8;

		keys += network != last;
		last = network;
	}
	return keys;
}

void hin_block_filter_write(struct hin_coder *c, bool networks, struct hin_buffer *out,
			    struct hin_part *part)
{
	uint8_t kind = networks ? KIND_KEYS : KIND_ADDRESSES;
	uint64_t range = c->max - c->base;
	bool map = range < MAP_PER_ROW * c->count;
	size_t bits = map ? (size_t)range + 1 : count_keys(c, networks) * KEY_BITS;
	uint32_t lines = (uint32_t)(bits / LINE_BITS + 1);
	uint8_t *bytes = calloc(1, HEAD + (size_t)lines * LINE);
	struct hin_writer head = hin_writer_of(bytes, HEAD);

	if (bytes == NULL) {
		out->failed = true;
		return;
	}
	hin_write_le32(&head, map ? KIND_MAP : kind);
	hin_write_le32(&head, (uint32_t)c->base);
	hin_write_le32(&head, lines);
	if (map)
		for (size_t i = 0; i < c->distinct; i++)
			set_bit(bytes + HEAD, c->dict[i]);
	else
		add_keys(c, networks, bytes + HEAD, lines);
	for (uint32_t i = 0; i < lines; i++) {
		uint8_t *line = bytes + HEAD + (size_t)i * LINE;
		uint32_t sum = HIN_LE32(hin_sum(line, LINE - 4));

		memcpy(line + LINE - 4, &sum, sizeof(sum));
	}
	hin_coder_write_blob(c, out, part, bytes, HEAD + (size_t)lines * LINE, lines, false);
	/* what is asked before a block is opened stands in its head */
	part->base = c->base;
	part->max = c->max;
	part->width = map ? KIND_MAP : kind;
	free(bytes);
}

/* Read lines; false when they cannot be trusted. */
static enum hin_code read_lines(struct hin_block_reader *r, const struct hin_part *part,
				size_t first, size_t count, uint8_t *out, bool *good,
				struct hin_error *err)
{
	enum hin_code code = hin_block_peek(r, part, HEAD + first * LINE, out, count * LINE, err);

	*good = code == HIN_OK;
	for (size_t i = 0; *good && i < count; i++) {
		uint32_t sum;

		memcpy(&sum, out + i * LINE + LINE - 4, sizeof(sum));
		*good = HIN_LE32(sum) == hin_sum(out + i * LINE, LINE - 4);
	}
	return code;
}

static enum hin_code ask_map(struct hin_block_reader *r, const struct hin_part *part, uint32_t low,
			     uint32_t high, bool *maybe, struct hin_error *err)
{
	size_t from = low - (uint32_t)part->base, to = high - (uint32_t)part->base;
	size_t first = from / LINE_BITS, count = to / LINE_BITS - first + 1;
	uint8_t lines[ASK_LINES * LINE];
	enum hin_code code;
	bool good;

	*maybe = true;
	if (count > ASK_LINES)
		return HIN_OK;
	code = read_lines(r, part, first, count, lines, &good, err);
	if (code != HIN_OK || !good)
		return code;
	*maybe = false;
	for (size_t bit = from; bit <= to && !*maybe; bit++)
		*maybe = has_bit(lines + (bit / LINE_BITS - first) * LINE, bit % LINE_BITS);
	return HIN_OK;
}

static enum hin_code ask_key(struct hin_block_reader *r, const struct hin_part *part, uint64_t key,
			     bool *maybe, struct hin_error *err)
{
	uint8_t line[LINE];
	uint64_t probes;
	enum hin_code code;
	bool good;

	code = read_lines(r, part, line_of(key, part->count, &probes), 1, line, &good, err);
	*maybe = !good || has_key(line, probes);
	return code;
}

enum hin_code hin_block_filter_ask(struct hin_block_reader *r, const struct hin_part *part,
				   uint32_t low, uint32_t high, bool *maybe, struct hin_error *err)
{
	enum hin_code code = HIN_OK;

	*maybe = false;
	if (low > part->max || high < part->base)
		return HIN_OK;
	*maybe = true;
	if (part->bytes < HEAD + (uint64_t)part->count * LINE || part->count == 0)
		return HIN_OK;
	low = low < part->base ? (uint32_t)part->base : low;
	high = high > part->max ? (uint32_t)part->max : high;
	if (part->width == KIND_MAP)
		return part->max - part->base < (uint64_t)part->count * LINE_BITS
			       ? ask_map(r, part, low, high, maybe, err)
			       : HIN_OK;
	if (part->width != KIND_KEYS && part->width != KIND_ADDRESSES)
		return HIN_OK;
	if (low == high)
		return ask_key(r, part, low, maybe, err);
	if (part->width == KIND_ADDRESSES || (high >> 8) - (low >> 8) >= ASK_NETWORKS)
		return HIN_OK;
	*maybe = false;
	for (uint32_t net = low >> 8; net <= high >> 8 && !*maybe && code == HIN_OK; net++)
		code = ask_key(r, part, net | NETWORK, maybe, err);
	return code;
}
