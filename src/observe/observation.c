/* observation - what a row may hold; see observation.h */
#include "observe/observation.h"

#include <assert.h>
#include <string.h>

#include "observe/observe_priv.h"

#define FIELDS_ALL ((UINT64_C(1) << HIN_FIELDS) - 1)
static_assert(HIN_FIELDS < 64, "a mask of fields is 64 bits");
/* Batches compare rows in words of eight bytes and split them at `rule`. */
static_assert(sizeof(struct hin_observation) == 272, "no holes");
static_assert(offsetof(struct hin_observation, rule) == 80, "no holes");

const char *hin_field_name(enum hin_field field)
{
	return hin_field_infos[field].name;
}

uint64_t hin_kind_fields(uint16_t kind)
{
	const struct hin_kind_info *info = hin_kind_find(kind);

	return info != NULL ? info->fields : FIELDS_ALL;
}

enum hin_registry hin_field_registry(enum hin_field field, uint16_t kind)
{
	if (field == HIN_FIELD_RULE) {
		const struct hin_kind_info *info = hin_kind_find(kind);

		if (info != NULL)
			return info->rules;
	}
	return hin_field_infos[field].registry;
}

bool hin_observation_tag(struct hin_observation *o, uint16_t tag)
{
	size_t at = o->tag_count;

	while (at > 0 && o->tags[at - 1] > tag)
		at--;
	if (at > 0 && o->tags[at - 1] == tag)
		return true;
	if (o->tag_count == HIN_TAGS_MAX)
		return false;
	memmove(o->tags + at + 1, o->tags + at, (o->tag_count - at) * sizeof(o->tags[0]));
	o->tags[at] = tag;
	o->tag_count++;
	return true;
}

static bool any_byte(const uint8_t *bytes, size_t size)
{
	static const uint8_t zeros[32];

	return memcmp(bytes, zeros, size) != 0;
}

/* One line a field, no loop over the table: a hub does this for every row it takes in. */
uint64_t hin_observation_fields(const struct hin_observation *o)
{
	uint64_t mask = 1u << HIN_FIELD_TIME | 1u << HIN_FIELD_KIND;

#define FILLED(field, filled) mask |= (uint64_t)(filled) << HIN_FIELD_##field
	FILLED(DURATION, o->duration_us != 0);
	FILLED(SRC, (o->has & HIN_HAS_SRC) != 0);
	FILLED(DST, (o->has & HIN_HAS_DST) != 0);
	FILLED(SRC_LEN, o->src_len != 0);
	FILLED(DST_LEN, o->dst_len != 0);
	FILLED(SPORT, o->sport != 0);
	FILLED(DPORT, o->dport != 0);
	FILLED(PROTO, o->proto != 0);
	FILLED(SERVICE, o->service != 0);
	FILLED(TCP_FLAGS, o->tcp_flags != 0);
	FILLED(PACKETS, o->packets != 0);
	FILLED(BYTES, o->bytes != 0);
	FILLED(TARGETS, o->targets != 0);
	FILLED(PORTS, o->ports != 0);
	FILLED(SAMPLE, o->sample != 0);
	FILLED(TOOL, o->tool != 0);
	FILLED(RULE, o->rule != 0);
	FILLED(CONFIDENCE, o->confidence != 0);
	FILLED(TECHNIQUE, o->technique != 0);
	FILLED(VERDICT, o->verdict != 0);
	FILLED(PRODUCT, o->product != 0);
	FILLED(VERSION, o->version[0] != '\0');
	FILLED(TAGS, o->tag_count != 0);
	FILLED(LINK, o->link != 0);
	FILLED(PARENT, o->parent != 0);
	FILLED(DEVICE, any_byte(o->device, sizeof(o->device)));
	FILLED(DEVICE_BASIS, o->device_basis != 0);
	FILLED(ARTIFACT, any_byte(o->artifact, sizeof(o->artifact)));
	FILLED(ARTIFACT_TYPE, o->artifact_type != 0);
	FILLED(EVIDENCE, any_byte(o->evidence, sizeof(o->evidence)));
#undef FILLED
	static_assert(HIN_FIELDS == 32, "a new field has its line here");
	return mask;
}

/* Name the first field of `denied` in a message for the operator. */
static enum hin_code fail_denied(const struct hin_observation *o, uint64_t denied,
				 struct hin_error *err)
{
	const struct hin_word *kind = hin_registry_find(HIN_REGISTRY_KINDS, o->kind);

	return hin_fail(err, HIN_EDENIED, "a row of kind %s may not fill %s",
			kind != NULL ? kind->name : "?",
			hin_field_infos[__builtin_ctzll(denied)].name);
}

static enum hin_code check_prefix(const char *name, bool present, const struct hin_addr *a,
				  uint8_t len, struct hin_error *err)
{
	unsigned int width, bits;

	if (len == 0)
		return HIN_OK;
	if (!present)
		return hin_fail(err, HIN_ERANGE, "%s_len is given without %s", name, name);
	width = hin_addr_is_v4(a) ? 32 : 128;
	if (len > width)
		return hin_fail(err, HIN_ERANGE, "%s_len %u is not in 0-%u", name, len, width);
	for (bits = 128 - width + len; bits < 128; bits++)
		if (a->b[bits / 8] & 0x80 >> bits % 8)
			return hin_fail(err, HIN_ERANGE, "%s has bits behind its length of %u",
					name, len);
	return HIN_OK;
}

static enum hin_code check_version(const char *version, struct hin_error *err)
{
	size_t size = strnlen(version, HIN_VERSION_MAX + 1);

	if (size > HIN_VERSION_MAX)
		return hin_fail(err, HIN_EFORMAT, "version is longer than %d", HIN_VERSION_MAX);
	for (size_t i = 0; i < size; i++) {
		char c = version[i];

		if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
		      c == '.' || c == '_' || c == '+' || c == '-'))
			return hin_fail(err, HIN_EFORMAT,
					"version has byte 0x%02x, only 0-9 A-Z a-z . _ + - may be",
					(unsigned char)c);
	}
	return HIN_OK;
}

static enum hin_code check_tags(const struct hin_observation *o, struct hin_error *err)
{
	if (o->tag_count > HIN_TAGS_MAX)
		return hin_fail(err, HIN_ERANGE, "%u tags, at most %d may be", o->tag_count,
				HIN_TAGS_MAX);
	for (size_t i = 0; i < o->tag_count; i++) {
		if (o->tags[i] == 0)
			return hin_fail(err, HIN_ERANGE, "tag 0 is none");
		if (i > 0 && o->tags[i] <= o->tags[i - 1])
			return hin_fail(err, HIN_ERANGE, "tag %u after tag %u does not ascend",
					o->tags[i], o->tags[i - 1]);
	}
	return HIN_OK;
}

static enum hin_code check_ranges(const struct hin_observation *o, struct hin_error *err)
{
	enum hin_code code;

	if (o->time_us < HIN_TIME_MIN || o->time_us > HIN_TIME_MAX)
		return hin_fail(err, HIN_ERANGE, "time %lld us is not in the years 1970-9999",
				(long long)o->time_us);
	if (o->kind == 0)
		return hin_fail(err, HIN_ERANGE, "kind 0 is none");
	if (o->confidence > 100)
		return hin_fail(err, HIN_ERANGE, "confidence %u is not in 0-100", o->confidence);
	if (o->has & ~(HIN_HAS_SRC | HIN_HAS_DST))
		return hin_fail(err, HIN_ERANGE, "presence bits 0x%02x are unknown", o->has);
	code = check_prefix("src", o->has & HIN_HAS_SRC, &o->src, o->src_len, err);
	if (code == HIN_OK)
		code = check_prefix("dst", o->has & HIN_HAS_DST, &o->dst, o->dst_len, err);
	if (code == HIN_OK && o->version[0] != '\0')
		code = check_version(o->version, err);
	if (code == HIN_OK && o->tag_count > 0)
		code = check_tags(o, err);
	return code;
}

/* A digest and what it is of come together. */
static enum hin_code check_pairs(uint64_t fields, struct hin_error *err)
{
	static const enum hin_field pairs[][2] = {
		{ HIN_FIELD_DEVICE, HIN_FIELD_DEVICE_BASIS },
		{ HIN_FIELD_ARTIFACT, HIN_FIELD_ARTIFACT_TYPE },
	};

	for (size_t i = 0; i < HIN_COUNT(pairs); i++) {
		bool first = fields >> pairs[i][0] & 1, second = fields >> pairs[i][1] & 1;

		if (first != second)
			return hin_fail(err, HIN_ERANGE, "%s is given without %s",
					hin_field_name(pairs[i][first ? 0 : 1]),
					hin_field_name(pairs[i][first ? 1 : 0]));
	}
	return HIN_OK;
}

static enum hin_code check_values(const struct hin_observation *o, uint64_t fields,
				  struct hin_error *err)
{
	enum hin_code code = check_ranges(o, err);

	return code == HIN_OK ? check_pairs(fields, err) : code;
}

enum hin_code hin_observation_check_values(const struct hin_observation *o, struct hin_error *err)
{
	return check_values(o, hin_observation_fields(o), err);
}

enum hin_code hin_observation_check(const struct hin_observation *o, struct hin_error *err)
{
	uint64_t fields = hin_observation_fields(o);
	uint64_t denied = fields & ~hin_kind_fields(o->kind);

	if (denied != 0)
		return fail_denied(o, denied, err);
	return check_values(o, fields, err);
}

bool hin_observation_equal(const struct hin_observation *a, const struct hin_observation *b)
{
	uint64_t fields = hin_observation_fields(a);

	if (fields != hin_observation_fields(b))
		return false;
	for (enum hin_field i = 0; i < HIN_FIELDS; i++) {
		const struct hin_field_info *f = &hin_field_infos[i];
		size_t size = f->size;

		if (!(fields >> i & 1))
			continue;
		if (f->type == HIN_TYPE_TEXT)
			size = strnlen(a->version, sizeof(a->version) - 1) + 1;
		if (f->type == HIN_TYPE_TAGS) {
			size = a->tag_count * sizeof(a->tags[0]);
			if (a->tag_count != b->tag_count || a->tag_count > HIN_TAGS_MAX)
				return false;
		}
		if (memcmp((const char *)a + f->offset, (const char *)b + f->offset, size) != 0)
			return false;
	}
	return true;
}
