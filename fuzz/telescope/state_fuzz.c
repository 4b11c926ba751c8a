/*
 * A saved state that somebody wrote over. The state is a real one, of a small telescope that saw
 * some of everything; each input edits what it holds. The first byte is a set of switches: the
 * digest is wrong, the file is the input itself, the rest is cut off. Then come edits: a place,
 * which is one where the state is not zero or anywhere, a length, the bytes.
 *
 * With a wrong digest nothing may be taken. What is taken must be good to go on with: more traffic,
 * all judgements, a report, and a state that comes back.
 */
#include <netinet/in.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zstd.h>

#include "telescope/report.h"
#include "telescope/tell.h"
#include "telescope/telescope.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HEADER = 40, ROOM = 64 << 20, FRAMES = 3000, BYTES = 40, EDITS = 16 };

#define START_NS INT64_C(1700000040000000000)

enum { WRONG_DIGEST = 1, RAW = 2, CUT = 4 };

static struct hin_telescope_options options;
static char path[64];
static uint8_t *good, *changed, *packed; /* a state, unpacked; the same with edits; as a file */
static size_t good_size;
static uint32_t *places; /* where the state is not zero: there the tables are filled */
static size_t place_count;
static struct hin_frame frames[FRAMES];
static uint8_t bytes[FRAMES][BYTES];
static size_t frame_at, frame_end;

static void must(bool yes)
{
	if (!yes)
		abort();
}

/* ---- the state ---- */

static void put32(uint8_t *at, uint32_t value)
{
	for (unsigned i = 0; i < 4; i++)
		at[i] = (uint8_t)(value >> (24 - 8 * i));
}

/* Scans of several ports, answers, a flood, members; over eight minutes. */
static void make_frame(unsigned n)
{
	static const uint8_t flags[] = { 2, 2, 0x12, 2, 0x10 };
	unsigned part = n % 5;
	uint32_t src = part == 1 ? 0x46000000u + n * 101 : 0x14010000u + (n / 1000 << 8) + n % 7;
	uint32_t dst = part == 1 ? 0xc6120007u : 0xc6120000u + n * 7 % 5000;
	uint8_t *at = bytes[n];

	if (part == 3)
		src = 0x09000000u + n % 4;
	at[0] = 0x45;
	at[3] = BYTES;
	at[8] = 50;
	at[9] = IPPROTO_TCP;
	put32(at + 12, src);
	put32(at + 16, dst);
	put32(at + 20, flags[part] == 0x12 ? 443u << 16 | 5000 : 40000u << 16 | (22 + n % 3));
	put32(at + 24, n * 2654435761u);
	at[32] = 0x50;
	at[33] = flags[part];
	at[34] = 4;
	frames[n] = (struct hin_frame){ .data = at,
					.size = BYTES,
					.length = BYTES,
					.time_ns = START_NS + n * INT64_C(160000000),
					.link = HIN_LINK_RAW };
}

static enum hin_code read_frames(void *user, unsigned queue, struct hin_batch *batch,
				 struct hin_error *err)
{
	(void)user;
	(void)queue;
	(void)err;
	for (batch->count = 0; batch->count < HIN_BATCH_FRAMES && frame_at < frame_end;)
		batch->frames[batch->count++] = frames[frame_at++];
	return batch->count > 0 ? HIN_OK : HIN_EOF;
}

static bool on_news(void *user, const struct hin_news *news)
{
	(void)user;
	(void)news;
	return true;
}

static void on_member(void *user, const struct hin_member_news *news)
{
	struct hin_observation row;

	(void)user;
	hin_observe_member(&row, news);
	must(row.kind != 0);
}

static struct hin_prefix_tree *tree_of(const char *text)
{
	struct hin_prefix_tree *tree = hin_prefix_tree_new();
	struct hin_prefix prefix;

	must(tree != NULL && hin_prefix_parse(&prefix, text, NULL) == HIN_OK);
	must(hin_prefix_tree_insert(tree, &prefix, 0, NULL) == HIN_OK);
	must(hin_prefix_tree_build(tree, NULL) == HIN_OK);
	return tree;
}

static struct hin_telescope *telescope_new(void)
{
	struct hin_telescope *t;

	must(hin_telescope_new(&t, &options, NULL) == HIN_OK);
	return t;
}

static void run(struct hin_telescope *t, size_t from, size_t to)
{
	frame_at = from;
	frame_end = to;
	must(hin_telescope_run(t, read_frames, NULL, NULL) == HIN_OK);
}

static size_t read_file(uint8_t *out)
{
	FILE *in = fopen(path, "re");
	size_t size;

	must(in != NULL);
	size = fread(out, 1, ROOM, in);
	fclose(in);
	return size;
}

static void note_places(void)
{
	places = malloc(good_size / 8 * sizeof(*places) + 1);
	must(places != NULL);
	for (size_t at = 0; at + 8 <= good_size; at += 8) {
		uint64_t word;

		memcpy(&word, good + at, 8);
		if (word != 0)
			places[place_count++] = (uint32_t)at;
	}
}

static void init(void)
{
	struct hin_telescope *t;
	size_t size;

	hin_telescope_settings_default(&options.settings);
	options.settings.memory_bytes = 1 << 20;
	options.settings.event_timeout_ns = INT64_C(60000000000);
	options.threads = 1;
	options.flows = true;
	options.update_us = 60000000;
	options.sink.news = on_news;
	options.sink.member = on_member;
	options.dark = tree_of("198.18.0.0/16");
	options.member = tree_of("9.0.0.0/28");
	snprintf(path, sizeof(path), "/dev/shm/hinomi-state-fuzz-%d", (int)getpid());
	for (unsigned n = 0; n < FRAMES; n++)
		make_frame(n);
	t = telescope_new();
	run(t, 0, FRAMES - 500);
	must(hin_telescope_save(t, path, NULL) == HIN_OK);
	hin_telescope_free(t);
	good = malloc(ROOM);
	changed = malloc(ROOM);
	packed = malloc(ROOM);
	must(good != NULL && changed != NULL && packed != NULL);
	size = read_file(packed);
	good_size = ZSTD_decompress(good, ROOM, packed + HEADER, size - HEADER);
	must(!ZSTD_isError(good_size));
	note_places();
}

/* ---- the edits ---- */

static void write_file(const void *head, size_t head_size, const void *body, size_t body_size)
{
	FILE *out = fopen(path, "we");

	must(out != NULL);
	must(head_size == 0 || fwrite(head, 1, head_size, out) == head_size);
	must(body_size == 0 || fwrite(body, 1, body_size, out) == body_size);
	must(fclose(out) == 0);
}

/* Apply the edits; returns the size of the state then. */
static size_t edit(const uint8_t *data, size_t size, unsigned switches)
{
	size_t at = 0;

	memcpy(changed, good, good_size);
	for (unsigned n = 0; n < EDITS && size >= 4; n++) {
		uint32_t where = (uint32_t)data[0] << 16 | (uint32_t)data[1] << 8 | data[2];
		size_t length = data[3] & 15;

		/* half of them where something is, the others anywhere */
		at = data[3] & 16 ? where % good_size
				  : places[where % place_count] + (data[3] >> 5);
		data += 4;
		size -= 4;
		if (length > size)
			length = size;
		if (length > good_size - at)
			length = good_size - at;
		memcpy(changed + at, data, length);
		data += length;
		size -= length;
	}
	return switches & CUT ? at : good_size;
}

static void write_edited(const uint8_t *data, size_t size, unsigned switches)
{
	uint8_t header[HEADER] = "HINSTAT1";
	size_t changed_size = edit(data, size, switches), packed_size;

	SHA256(changed, changed_size, header + 8);
	if (switches & WRONG_DIGEST)
		header[HEADER - 1] ^= 1;
	packed_size = ZSTD_compress(packed, ROOM, changed, changed_size, -5);
	must(!ZSTD_isError(packed_size));
	write_file(header, HEADER, packed, packed_size);
}

/* ---- what is done with it ---- */

static void take_picture(struct hin_telescope *t, bool taken)
{
	struct hin_picture picture;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	must(out != NULL);
	must(hin_telescope_picture(&picture, t, 100, NULL) == HIN_OK);
	must(taken || (picture.packets == 0 && picture.event_count == 0 && picture.sources == 0));
	must(hin_report_json(out, &picture, NULL, NULL) == HIN_OK);
	hin_picture_free(&picture);
	must(fclose(out) == 0);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hin_telescope *t;
	unsigned switches;
	bool taken;

	if (good == NULL)
		init();
	if (size < 1)
		return 0;
	switches = data[0];
	if (switches & RAW)
		write_file(data + 1, size - 1, NULL, 0);
	else
		write_edited(data + 1, size - 1, switches);
	t = telescope_new();
	taken = hin_telescope_load(t, path, NULL) == HIN_OK;
	must(!taken || (switches & (WRONG_DIGEST | RAW)) == 0);
	run(t, FRAMES - 500, FRAMES);
	take_picture(t, taken);
	if (taken) {
		must(hin_telescope_finish(t, NULL) == HIN_OK);
		must(hin_telescope_tell_open(t));
		must(hin_telescope_save(t, path, NULL) == HIN_OK);
		hin_telescope_free(t);
		t = telescope_new();
		/* numbers at the edge of what is taken may have grown past it */
		must(hin_telescope_load(t, path, NULL) == HIN_OK || size > 1);
	}
	hin_telescope_free(t);
	(void)unlink(path);
	return 0;
}
