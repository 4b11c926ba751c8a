/* answer - values as text; see answer.h. */
#include "store/answer.h"

#include <assert.h>
#include <stdio.h>
#include <time.h>

#include "base/suggest.h"
#include "store/filter_priv.h"
#include "store/port_names.h"

enum hin_code hin_answer_field(unsigned *out, const char *name, struct hin_error *err)
{
	struct hin_suggest s = { .wanted = name };

	for (unsigned i = 0; i <= HIN_STORE_SENSOR; i++) {
		const char *known = hin_answer_field_name(i);

		if (strcmp(name, known) == 0) {
			*out = i;
			return HIN_OK;
		}
		hin_suggest_offer(&s, known);
	}
	return hin_suggest_fail(&s, HIN_EUSAGE, "field", "", err);
}

const char *hin_answer_field_name(unsigned field)
{
	return field == HIN_STORE_SENSOR ? "sensor" : hin_field_name((enum hin_field)field);
}

const char *hin_answer_title(unsigned field, enum hin_lang lang)
{
	static const struct {
		unsigned field;
		const char *title[2];
	} rows[] = {
		{ HIN_FIELD_TIME, { "Time, UTC", "時刻 (UTC)" } },
		{ HIN_FIELD_KIND, { "Kind", "種類" } },
		{ HIN_FIELD_DURATION, { "For", "継続" } },
		{ HIN_FIELD_SRC, { "Source", "送信元" } },
		{ HIN_FIELD_DST, { "Destination", "宛先" } },
		{ HIN_FIELD_SPORT, { "Source port", "送信元ポート" } },
		{ HIN_FIELD_DPORT, { "Port", "ポート" } },
		{ HIN_FIELD_PROTO, { "Protocol", "プロトコル" } },
		{ HIN_FIELD_SERVICE, { "Service", "サービス" } },
		{ HIN_FIELD_TCP_FLAGS, { "Flags", "フラグ" } },
		{ HIN_FIELD_PACKETS, { "Packets", "パケット" } },
		{ HIN_FIELD_BYTES, { "Bytes", "バイト" } },
		{ HIN_FIELD_TARGETS, { "Targets", "対象数" } },
		{ HIN_FIELD_PORTS, { "Ports", "ポート数" } },
		{ HIN_FIELD_TOOL, { "Tool", "ツール" } },
		{ HIN_FIELD_RULE, { "Rule", "規則" } },
		{ HIN_FIELD_CONFIDENCE, { "Confidence", "確信度" } },
		{ HIN_FIELD_TECHNIQUE, { "Technique", "技法" } },
		{ HIN_FIELD_VERDICT, { "Verdict", "結果" } },
		{ HIN_FIELD_PRODUCT, { "Product", "製品" } },
		{ HIN_FIELD_VERSION, { "Version", "版" } },
		{ HIN_FIELD_TAGS, { "Tag", "印" } },
		{ HIN_FIELD_DEVICE, { "Device", "機器" } },
		{ HIN_FIELD_ARTIFACT, { "Artifact", "ダイジェスト" } },
		{ HIN_FIELD_EVIDENCE, { "Evidence", "証拠" } },
		{ HIN_STORE_SENSOR, { "Sensor", "センサー" } },
	};

	for (size_t i = 0; i < HIN_COUNT(rows); i++)
		if (rows[i].field == field)
			return rows[i].title[lang];
	return hin_answer_field_name(field);
}

bool hin_answer_is_number(unsigned field)
{
	switch (field) {
	case HIN_FIELD_DURATION:
	case HIN_FIELD_SRC_LEN:
	case HIN_FIELD_DST_LEN:
	case HIN_FIELD_SPORT:
	case HIN_FIELD_DPORT:
	case HIN_FIELD_PACKETS:
	case HIN_FIELD_BYTES:
	case HIN_FIELD_TARGETS:
	case HIN_FIELD_PORTS:
	case HIN_FIELD_SAMPLE:
	case HIN_FIELD_CONFIDENCE:
		return true;
	default:
		return false;
	}
}

static_assert(HIN_SENSOR_ID == 16, "as long as the id of a device");

static size_t bytes_of(unsigned field)
{
	switch (field) {
	case HIN_STORE_SENSOR:
	case HIN_FIELD_DEVICE:
		return 16;
	case HIN_FIELD_ARTIFACT:
	case HIN_FIELD_EVIDENCE:
		return 32;
	default:
		return 0;
	}
}

static void set_digest(struct hin_store_value *out, const uint8_t *bytes, size_t size)
{
	static const uint8_t nothing[32];

	memcpy(out->bytes, bytes, size);
	out->given = memcmp(bytes, nothing, size) != 0;
}

void hin_answer_value_of(struct hin_store_value *out, const struct hin_observation *row,
			 const uint8_t *sensor, unsigned field)
{
	*out = (struct hin_store_value){ .given = true };
	switch (field) {
	case HIN_STORE_SENSOR:
		out->given = sensor != NULL;
		if (sensor != NULL)
			memcpy(out->bytes, sensor, HIN_SENSOR_ID);
		return;
	case HIN_FIELD_SRC:
		out->given = (row->has & HIN_HAS_SRC) != 0;
		memcpy(out->bytes, row->src.b, 16);
		return;
	case HIN_FIELD_DST:
		out->given = (row->has & HIN_HAS_DST) != 0;
		memcpy(out->bytes, row->dst.b, 16);
		return;
	case HIN_FIELD_TAGS:
		out->given = row->tag_count > 0;
		out->number = row->tags[0];
		return;
	case HIN_FIELD_VERSION:
		out->given = row->version[0] != '\0';
		memcpy(out->bytes, row->version, sizeof(out->bytes));
		return;
	case HIN_FIELD_DEVICE:
		set_digest(out, row->device, sizeof(row->device));
		return;
	case HIN_FIELD_ARTIFACT:
		set_digest(out, row->artifact, sizeof(row->artifact));
		return;
	case HIN_FIELD_EVIDENCE:
		set_digest(out, row->evidence, sizeof(row->evidence));
		return;
	default:
		out->number = hin_filter_number(row, (enum hin_field)field);
	}
}

static void add_hex(struct hin_buffer *out, const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		hin_buffer_printf(out, "%02x", bytes[i]);
}

static void add_address(struct hin_buffer *out, const uint8_t *bytes,
			struct hin_answer_lengths lengths)
{
	char text[HIN_ADDR_TEXT];
	struct hin_addr a;
	uint8_t length;

	memcpy(a.b, bytes, sizeof(a.b));
	length = hin_addr_is_v4(&a) ? lengths.v4 : lengths.v6;
	hin_buffer_puts(out, hin_addr_format(&a, text));
	if (length > 0 && length < (hin_addr_is_v4(&a) ? 32 : 128))
		hin_buffer_printf(out, "/%u", length);
}

/* A value that is no number: address, digest, version. False when it is a number. */
static bool add_bytes(struct hin_buffer *out, unsigned field, const struct hin_store_value *value,
		      struct hin_answer_lengths lengths)
{
	if (field == HIN_FIELD_SRC || field == HIN_FIELD_DST)
		add_address(out, value->bytes, lengths);
	else if (field == HIN_FIELD_VERSION)
		hin_buffer_add(out, value->bytes,
			       strnlen((const char *)value->bytes, sizeof(value->bytes)));
	else if (bytes_of(field) > 0)
		add_hex(out, value->bytes, bytes_of(field));
	else
		return false;
	return true;
}

/* The registry's name of a number, or NULL. */
static const char *name_of(unsigned field, uint64_t number)
{
	enum hin_registry registry;
	const struct hin_word *word;

	if (field >= HIN_FIELDS)
		return NULL;
	registry = hin_filter_registry((enum hin_field)field);
	if (registry == HIN_REGISTRY_FIELDS)
		return NULL;
	word = hin_registry_find(registry, number);
	return word != NULL ? word->name : NULL;
}

static bool is_id(unsigned field)
{
	return field == HIN_FIELD_LINK || field == HIN_FIELD_PARENT || field == HIN_FIELD_PRODUCT;
}

void hin_answer_protocol(struct hin_buffer *out, uint8_t proto)
{
	const char *name = hin_protocol_word(proto);

	if (name != NULL)
		hin_buffer_puts(out, name);
	else
		hin_buffer_printf(out, "%u", proto);
}

/* "S.A.." reads badly in a table: the letters of the flags that are set. */
static void add_flags(struct hin_buffer *out, uint64_t flags)
{
	static const char letters[] = "FSRPAUEC";

	for (size_t i = 0; i < 8; i++)
		if (flags >> i & 1)
			hin_buffer_putc(out, letters[i]);
}

void hin_answer_text(struct hin_buffer *out, unsigned field, const struct hin_store_value *value,
		     struct hin_answer_lengths lengths)
{
	const char *name;

	if (!value->given) {
		hin_buffer_putc(out, '-');
		return;
	}
	if (add_bytes(out, field, value, lengths))
		return;
	name = name_of(field, value->number);
	if (name != NULL)
		hin_buffer_puts(out, name);
	else if (value->number == 0 && !hin_answer_is_number(field) && field != HIN_FIELD_PROTO)
		hin_buffer_putc(out, '-');
	else if (field == HIN_FIELD_PROTO)
		hin_answer_protocol(out, (uint8_t)value->number);
	else if (field == HIN_FIELD_TCP_FLAGS)
		add_flags(out, value->number);
	else if (is_id(field))
		hin_buffer_printf(out, "%016llx", (unsigned long long)value->number);
	else
		hin_buffer_printf(out, "%llu", (unsigned long long)value->number);
}

void hin_answer_json(struct hin_buffer *out, unsigned field, const struct hin_store_value *value,
		     struct hin_answer_lengths lengths)
{
	const char *name;

	if (!value->given) {
		hin_buffer_puts(out, "null");
		return;
	}
	name = bytes_of(field) == 0 ? name_of(field, value->number) : NULL;
	if (field == HIN_FIELD_SRC || field == HIN_FIELD_DST || field == HIN_FIELD_VERSION ||
	    bytes_of(field) > 0) {
		hin_buffer_putc(out, '"');
		(void)add_bytes(out, field, value, lengths);
		hin_buffer_putc(out, '"');
	} else if (name != NULL) {
		hin_buffer_printf(out, "\"%s\"", name);
	} else if (is_id(field)) {
		hin_buffer_printf(out, "\"%016llx\"", (unsigned long long)value->number);
	} else if (value->number >= UINT64_C(1) << 53) { /* more than doubles hold */
		hin_buffer_printf(out, "\"%llu\"", (unsigned long long)value->number);
	} else {
		hin_buffer_printf(out, "%llu", (unsigned long long)value->number);
	}
}

void hin_answer_csv(struct hin_buffer *out, unsigned field, const struct hin_store_value *value,
		    struct hin_answer_lengths lengths)
{
	const char *name;

	/* no value has a comma, a quote or a line break: names, numbers, addresses, versions */
	if (!value->given || add_bytes(out, field, value, lengths))
		return;
	name = name_of(field, value->number);
	if (name != NULL)
		hin_buffer_puts(out, name);
	else if (is_id(field))
		hin_buffer_printf(out, "%016llx", (unsigned long long)value->number);
	else
		hin_buffer_printf(out, "%llu", (unsigned long long)value->number);
}

/* Nanoseconds in 64 bits, as base/time.h has them, end in 2262. */
char *hin_answer_time(char out[HIN_ANSWER_TIME], int64_t time_us, enum hin_answer_form form)
{
	int64_t micros = time_us % 1000000;
	time_t seconds = (time_t)(time_us / 1000000 - (micros < 0));
	struct tm tm = { 0 };
	int n;

	(void)gmtime_r(&seconds, &tm);
	n = snprintf(out, HIN_ANSWER_TIME, "%04d-%02d-%02d%c%02d:%02d:%02d", tm.tm_year + 1900,
		     tm.tm_mon + 1, tm.tm_mday, form == HIN_ANSWER_PLAIN ? ' ' : 'T', tm.tm_hour,
		     tm.tm_min, tm.tm_sec);
	if (n < 0 || n >= HIN_ANSWER_TIME)
		return out;
	if (form == HIN_ANSWER_ISO)
		snprintf(out + n, HIN_ANSWER_TIME - (size_t)n, "Z");
	if (form == HIN_ANSWER_ISO_US)
		snprintf(out + n, HIN_ANSWER_TIME - (size_t)n, ".%06dZ",
			 (int)(micros < 0 ? micros + 1000000 : micros));
	return out;
}
