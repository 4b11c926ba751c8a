/* recording_format - frames, records, seals and groups as bytes; see recording_priv.h */
#define OPENSSL_SUPPRESS_DEPRECATED /* the short interface: a chunk is hashed in less than a fetch \
				     */
#include <assert.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/number.h"
#include "decoy/record/recording_priv.h"

static const char magics[RECORDING_FILES][9] = { "HINREC01", "HINKEY01", "HINSEA01" };
const char *const recording_endings[RECORDING_FILES] = { ".hrec", ".hkey", ".hseal" };

static const char sign_label[] = "hinomi recording seal 1\n";
static const char chain_label[] = "hinomi recording chain 1\n";

/* ---- numbers ---- */

char *hin_recording_number_format(char out[HIN_RECORDING_NUMBER_TEXT], uint64_t number)
{
	snprintf(out, HIN_RECORDING_NUMBER_TEXT, "%llu.%llu", (unsigned long long)(number >> 24),
		 (unsigned long long)(number & (RECORDING_SLOTS - 1)));
	return out;
}

enum hin_code hin_recording_number_parse(uint64_t *out, const char *text, struct hin_error *err)
{
	char segment_text[HIN_RECORDING_NUMBER_TEXT];
	const char *dot = strchr(text, '.');
	uint64_t segment, place;
	enum hin_code code;

	if (dot == NULL || (size_t)(dot - text) >= sizeof(segment_text))
		return hin_fail(err, HIN_EFORMAT,
				"session \"%.40s\" is not a number such as 12.345", text);
	memcpy(segment_text, text, (size_t)(dot - text));
	segment_text[dot - text] = '\0';
	code = hin_number_u64(&segment, "segment of a session", segment_text, 1,
			      (UINT64_C(1) << 40) - 1, err);
	if (code == HIN_OK)
		code = hin_number_u64(&place, "place of a session", dot + 1, 1, RECORDING_SLOTS - 1,
				      err);
	if (code == HIN_OK)
		*out = recording_number(segment, (uint32_t)place);
	return code;
}

void recording_put(struct hin_buffer *out, uint64_t value)
{
	uint8_t bytes[10];
	size_t used = 0;

	for (; value >= 0x80; value >>= 7)
		bytes[used++] = (uint8_t)(value | 0x80);
	bytes[used++] = (uint8_t)value;
	hin_buffer_add(out, bytes, used);
}

uint64_t recording_get(struct hin_reader *in)
{
	uint64_t value = 0;

	for (unsigned shift = 0; shift < 70; shift += 7) {
		uint8_t byte = hin_read_u8(in);

		if (in->failed || (shift == 63 && byte > 1))
			break;
		value |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80)
			return value;
	}
	in->failed = true;
	in->left = 0;
	return 0;
}

/* A number that is at most `most`; else the reader has failed. */
static uint64_t get_most(struct hin_reader *in, uint64_t most)
{
	uint64_t value = recording_get(in);

	if (value > most) {
		in->failed = true;
		in->left = 0;
		return 0;
	}
	return value;
}

/* ---- heads ---- */

void recording_head_write(uint8_t out[RECORDING_HEAD], enum recording_file file,
			  const struct recording_head *head)
{
	struct hin_writer w = hin_writer_of(out, RECORDING_HEAD);

	hin_write_bytes(&w, magics[file], 8);
	hin_write_le64(&w, head->segment);
	hin_write_le64(&w, (uint64_t)head->made_us);
	hin_write_bytes(&w, head->public_key, sizeof(head->public_key));
	hin_write_bytes(&w, head->key_id, sizeof(head->key_id));
	assert(!w.failed && w.used == RECORDING_HEAD);
}

enum hin_code recording_head_read(struct recording_head *out, enum recording_file file,
				  const void *data, size_t size)
{
	struct hin_reader in = hin_reader_of(data, size);
	const uint8_t *magic = hin_read_bytes(&in, 8);

	*out = (struct recording_head){ .segment = hin_read_le64(&in) };
	out->made_us = (int64_t)hin_read_le64(&in);
	hin_read_copy(&in, out->public_key, sizeof(out->public_key));
	hin_read_copy(&in, out->key_id, sizeof(out->key_id));
	if (in.failed || magic == NULL)
		return HIN_ETRUNCATED;
	if (memcmp(magic, magics[file], 8) != 0 || out->segment == 0 || out->segment >> 40 != 0 ||
	    out->made_us < 0 || out->made_us > INT64_MAX / 4)
		return HIN_EFORMAT;
	return HIN_OK;
}

/* ---- frames and records ---- */

void recording_frame_finish(void *frame, size_t size)
{
	uint8_t *bytes = frame;
	struct hin_writer w = hin_writer_of(bytes, RECORDING_FRAME_HEAD);

	hin_write_le32(&w, (uint32_t)size);
	hin_write_le32(&w, (uint32_t)crc32_z(0, bytes + RECORDING_FRAME_HEAD, size));
}

size_t recording_frame_size(const uint8_t head[RECORDING_FRAME_HEAD], uint64_t left)
{
	struct hin_reader in = hin_reader_of(head, RECORDING_FRAME_HEAD);
	size_t size = hin_read_le32(&in);

	return size <= RECORDING_FRAME_MOST && left >= RECORDING_FRAME_HEAD &&
			       size <= left - RECORDING_FRAME_HEAD
		       ? size
		       : 0;
}

bool recording_frame_holds(const uint8_t head[RECORDING_FRAME_HEAD], const void *data, size_t size)
{
	struct hin_reader in = hin_reader_of(head, RECORDING_FRAME_HEAD);

	hin_read_skip(&in, 4);
	return hin_read_le32(&in) == (uint32_t)crc32_z(0, data, size);
}

void recording_record_put(struct hin_buffer *out, const struct recording_record *record)
{
	recording_put(out, (uint64_t)record->slot << 2 | record->type);
	if (record->type == RECORDING_CHUNK) {
		recording_put(out, record->seq);
		recording_put(out, record->back);
	}
	recording_put(out, record->size);
}

enum hin_code recording_record_get(struct hin_reader *in, struct recording_record *out)
{
	const uint8_t *start = in->pos;
	uint64_t tag;

	if (in->left == 0)
		return HIN_EOF;
	tag = recording_get(in);
	*out = (struct recording_record){ .type = (enum recording_type)(tag & 3), .start = start };
	if (tag >> 2 == 0 || tag >> 2 >= RECORDING_SLOTS || (tag & 3) > RECORDING_NAME)
		return HIN_EFORMAT;
	out->slot = (uint32_t)(tag >> 2);
	if (out->type == RECORDING_CHUNK) {
		out->seq = recording_get(in);
		out->back = recording_get(in);
	}
	out->size = get_most(in, RECORDING_FRAME_MOST);
	out->body = hin_read_bytes(in, out->size);
	if (in->failed || out->body == NULL)
		return HIN_EFORMAT;
	out->whole = (size_t)(in->pos - start);
	return HIN_OK;
}

/* ---- chains ---- */

void recording_chain_begin(uint8_t chain[32], const uint8_t head[RECORDING_HEAD], uint32_t slot)
{
	uint8_t place[4];
	struct hin_writer w = hin_writer_of(place, sizeof(place));
	SHA256_CTX ctx;

	hin_write_le32(&w, slot);
	SHA256_Init(&ctx);
	SHA256_Update(&ctx, chain_label, sizeof(chain_label) - 1);
	SHA256_Update(&ctx, head, RECORDING_HEAD);
	SHA256_Update(&ctx, place, sizeof(place));
	SHA256_Final(chain, &ctx);
}

void recording_chain_add(uint8_t chain[32], const void *record, size_t size)
{
	SHA256_CTX ctx;

	SHA256_Init(&ctx);
	SHA256_Update(&ctx, chain, 32);
	SHA256_Update(&ctx, record, size);
	SHA256_Final(chain, &ctx);
}

/* ---- seals ---- */

enum { SEAL_V4_CLIENT = 1, SEAL_V4_SERVER = 2, SEAL_HAS_MARK = 4 };

static void put_addr(struct hin_buffer *out, const struct hin_addr *addr)
{
	bool v4 = hin_addr_is_v4(addr);

	hin_buffer_add(out, addr->b + (v4 ? 12 : 0), v4 ? 4 : 16);
}

static struct hin_addr get_addr(struct hin_reader *in, bool v4)
{
	struct hin_addr addr = v4 ? hin_addr_of_v4(0) : (struct hin_addr){ 0 };

	hin_read_copy(in, addr.b + (v4 ? 12 : 0), v4 ? 4 : 16);
	return addr;
}

static uint8_t families(const struct hin_recording_about *about)
{
	return (uint8_t)((hin_addr_is_v4(&about->client) ? SEAL_V4_CLIENT : 0) |
			 (hin_addr_is_v4(&about->server) ? SEAL_V4_SERVER : 0));
}

static void put_ends(struct hin_buffer *out, const struct hin_recording_about *about)
{
	put_addr(out, &about->client);
	put_addr(out, &about->server);
	recording_put(out, about->client_port);
	recording_put(out, about->server_port);
	recording_put(out, about->service);
}

static void get_ends(struct hin_reader *in, uint8_t bits, struct hin_recording_about *about)
{
	about->client = get_addr(in, (bits & SEAL_V4_CLIENT) != 0);
	about->server = get_addr(in, (bits & SEAL_V4_SERVER) != 0);
	about->client_port = (uint16_t)get_most(in, UINT16_MAX);
	about->server_port = (uint16_t)get_most(in, UINT16_MAX);
	about->service = (uint16_t)get_most(in, UINT16_MAX);
}

void recording_seal_put(struct hin_buffer *out, const struct recording_seal *seal, int64_t made_us)
{
	const struct hin_recording_entry *e = &seal->entry;
	uint8_t bits = families(&e->about) | (seal->mark != 0 ? SEAL_HAS_MARK : 0);
	uint64_t mark = HIN_LE64(seal->mark);

	recording_put(out, seal->slot);
	recording_put(out, e->chunks);
	recording_put(out, seal->first);
	recording_put(out, seal->last - seal->first);
	hin_buffer_add(out, e->digest, sizeof(e->digest));
	hin_buffer_putc(out, (char)bits);
	put_ends(out, &e->about);
	recording_put(out, recording_zigzag(e->about.time_us - made_us));
	recording_put(out, (uint64_t)(e->end_us - e->about.time_us));
	recording_put(out, seal->host);
	recording_put(out, seal->persona);
	recording_put(out, e->flags);
	recording_put(out, (uint64_t)e->why);
	recording_put(out, e->from_client);
	recording_put(out, e->to_client);
	recording_put(out, e->missing);
	recording_put(out, e->credentials);
	recording_put(out, e->commands);
	recording_put(out, e->files);
	recording_put(out, e->downloads);
	recording_put(out, e->forwards);
	if (seal->mark != 0)
		hin_buffer_add(out, &mark, sizeof(mark));
}

/* A moment of a file: far enough from the ends of the type that differences are safe. */
static int64_t get_time(struct hin_reader *in, int64_t made_us)
{
	int64_t apart = recording_unzigzag(recording_get(in));

	if (apart > INT64_MAX / 4 || apart < -(INT64_MAX / 4)) {
		in->failed = true;
		in->left = 0;
		return made_us;
	}
	return made_us + apart;
}

enum hin_code recording_seal_get(struct recording_seal *out, const void *data, size_t size,
				 const struct recording_head *head)
{
	struct hin_reader in = hin_reader_of(data, size);
	struct hin_recording_entry *e = &out->entry;
	uint64_t distance;
	uint8_t bits;

	*out = (struct recording_seal){ .slot = (uint32_t)get_most(&in, RECORDING_SLOTS - 1) };
	e->number = recording_number(head->segment, out->slot);
	e->chunks = (uint32_t)get_most(&in, UINT32_MAX);
	out->first = get_most(&in, INT64_MAX / 2);
	distance = get_most(&in, INT64_MAX / 2);
	out->last = out->first + distance;
	hin_read_copy(&in, e->digest, sizeof(e->digest));
	bits = hin_read_u8(&in);
	get_ends(&in, bits, &e->about);
	e->about.time_us = get_time(&in, head->made_us);
	e->end_us = e->about.time_us + (int64_t)get_most(&in, INT64_MAX / 4);
	out->host = (uint32_t)get_most(&in, RECORDING_NAMES);
	out->persona = (uint32_t)get_most(&in, RECORDING_NAMES);
	e->flags = (unsigned)get_most(&in, UINT16_MAX);
	e->why = (enum hin_close)get_most(&in, UINT8_MAX);
	e->from_client = recording_get(&in);
	e->to_client = recording_get(&in);
	e->missing = recording_get(&in);
	e->credentials = (uint32_t)get_most(&in, UINT32_MAX);
	e->commands = (uint32_t)get_most(&in, UINT32_MAX);
	e->files = (uint32_t)get_most(&in, UINT32_MAX);
	e->downloads = (uint32_t)get_most(&in, UINT32_MAX);
	e->forwards = (uint32_t)get_most(&in, UINT32_MAX);
	if (bits & SEAL_HAS_MARK)
		out->mark = hin_read_le64(&in);
	return in.failed || in.left > 0 || out->slot == 0 || bits > 7 ? HIN_EFORMAT : HIN_OK;
}

/* ---- groups ---- */

bool recording_group_next(struct hin_reader *list, struct hin_reader *out)
{
	uint64_t size;

	if (list->left == 0)
		return false;
	size = get_most(list, RECORDING_GROUP_MOST);
	*out = hin_read_sub(list, size);
	return !out->failed;
}

/* Pass over `count` things of a list; a reader over what they were. */
static struct hin_reader get_list(struct hin_reader *in, uint64_t count, bool numbers)
{
	struct hin_reader list = *in, one;

	for (uint64_t k = 0; k < count && !in->failed; k++) {
		if (numbers)
			(void)recording_get(in);
		else if (!recording_group_next(in, &one))
			in->failed = true;
	}
	list.left -= in->left;
	return list;
}

enum hin_code recording_group_get(struct recording_group *out, const void *data, size_t size,
				  const struct recording_head *head)
{
	struct hin_reader in = hin_reader_of(data, size);

	*out = (struct recording_group){ .start = data };
	if (size < 64)
		return HIN_EFORMAT;
	in.left -= 64;
	out->signature = out->start + size - 64;
	out->number = recording_get(&in);
	out->flags = (unsigned)get_most(&in, 7);
	out->time_us = get_time(&in, head->made_us);
	if (out->flags & RECORDING_GROUP_FOREIGN) {
		out->before_segment = get_most(&in, (UINT64_C(1) << 40) - 1);
		hin_read_copy(&in, out->before_digest, sizeof(out->before_digest));
	}
	if (out->flags & RECORDING_GROUP_FINAL)
		out->rec_size = get_most(&in, INT64_MAX);
	if (out->flags & RECORDING_GROUP_TEXTS) {
		hin_read_copy(&in, out->texts_chain, sizeof(out->texts_chain));
		out->texts_count = get_most(&in, RECORDING_STRINGS);
		out->texts = get_list(&in, out->texts_count, true);
	}
	out->names_count = get_most(&in, RECORDING_NAMES);
	out->names = get_list(&in, out->names_count, false);
	out->seals_count = get_most(&in, RECORDING_SLOTS);
	if (in.failed)
		return HIN_EFORMAT;
	out->meta = (size_t)(in.pos - out->start);
	out->seals = get_list(&in, out->seals_count, false);
	return in.failed || in.left > 0 || out->number == 0 ? HIN_EFORMAT : HIN_OK;
}

enum hin_code recording_group_digest(uint8_t out[32], const uint8_t before[32],
				     const uint8_t head[RECORDING_HEAD], const void *meta,
				     size_t meta_size, struct hin_reader seals,
				     uint64_t seals_count)
{
	struct hin_tree tree = { 0 };
	struct hin_hash leaf, root;
	struct hin_reader one;
	SHA256_CTX ctx;

	for (uint64_t k = 0; k < seals_count; k++) {
		if (!recording_group_next(&seals, &one))
			return HIN_EFORMAT;
		hin_tree_leaf(&leaf, one.pos, one.left);
		hin_tree_add(&tree, &leaf);
	}
	if (seals_count > 0)
		hin_tree_root(&tree, &root);
	else
		hin_tree_empty(&root);
	SHA256_Init(&ctx);
	SHA256_Update(&ctx, before, 32);
	SHA256_Update(&ctx, head, RECORDING_HEAD);
	SHA256_Update(&ctx, meta, meta_size);
	SHA256_Update(&ctx, root.bytes, sizeof(root.bytes));
	SHA256_Final(out, &ctx);
	return HIN_OK;
}

static void sign_message(uint8_t out[sizeof(sign_label) - 1 + 32], const uint8_t digest[32])
{
	memcpy(out, sign_label, sizeof(sign_label) - 1);
	memcpy(out + sizeof(sign_label) - 1, digest, 32);
}

void recording_group_sign(uint8_t signature[64], const uint8_t digest[32],
			  const struct hin_sensor_key *key)
{
	uint8_t message[sizeof(sign_label) - 1 + 32];

	sign_message(message, digest);
	crypto_sign_detached(signature, NULL, message, sizeof(message), key->secret);
}

bool recording_group_signed(const uint8_t signature[64], const uint8_t digest[32],
			    const uint8_t public_key[HIN_KEY_PUBLIC])
{
	uint8_t message[sizeof(sign_label) - 1 + 32];

	sign_message(message, digest);
	return crypto_sign_verify_detached(signature, message, sizeof(message), public_key) == 0;
}

/* ---- what a first chunk begins with ---- */

void recording_about_put(struct hin_buffer *out, const struct hin_recording_about *about,
			 const struct recording_secret *secret, uint32_t host, uint32_t persona,
			 int64_t made_us)
{
	hin_buffer_add(out, secret->check, sizeof(secret->check));
	hin_buffer_putc(out, (char)families(about));
	put_ends(out, about);
	recording_put(out, recording_zigzag(about->time_us - made_us));
	recording_put(out, host);
	recording_put(out, persona);
}

bool recording_about_get(struct hin_reader *in, struct hin_recording_about *about,
			 const struct recording_secret *secret, uint32_t *host, uint32_t *persona,
			 int64_t made_us)
{
	uint8_t check[RECORDING_CHECK];
	uint8_t bits;

	hin_read_copy(in, check, sizeof(check));
	if (in->failed || memcmp(check, secret->check, sizeof(check)) != 0)
		return false;
	*about = (struct hin_recording_about){ 0 };
	bits = hin_read_u8(in);
	get_ends(in, bits, about);
	about->time_us = get_time(in, made_us);
	*host = (uint32_t)get_most(in, RECORDING_NAMES);
	*persona = (uint32_t)get_most(in, RECORDING_NAMES);
	return !in->failed && bits <= 3;
}
