/* ndjson - rows as lines of JSON; see ndjson.h */
#include "observe/ndjson.h"

#include <jansson.h>

#include "observe/observe_priv.h"

#define SAFE_INTEGER ((UINT64_C(1) << 53) - 1) /* the largest that a double surely holds */
#define TIME_SIZE 27			       /* "2026-11-22T02:28:54.123456Z" */
#define TIME_SECONDS 19			       /* of it, before the point */
#define US_PER_S 1000000

/* "0" to "255" and their lengths, so that an address is four stores. */
#define OCTET(n)                                                                                   \
	{ '0' + ((n) >= 100  ? (n) / 100                                                           \
		 : (n) >= 10 ? (n) / 10                                                            \
			     : (n)),                                                               \
	  '0' + ((n) >= 100 ? (n) / 10 % 10 : (n) % 10), '0' + (n) % 10,                           \
	  (n) >= 100  ? 3                                                                          \
	  : (n) >= 10 ? 2                                                                          \
		      : 1 },
#define OCTET4(n) OCTET(n) OCTET(n + 1) OCTET(n + 2) OCTET(n + 3)
#define OCTET16(n) OCTET4(n) OCTET4(n + 4) OCTET4(n + 8) OCTET4(n + 12)
#define OCTET64(n) OCTET16(n) OCTET16(n + 16) OCTET16(n + 32) OCTET16(n + 48)
static const uint8_t octets[256][4] = { OCTET64(0) OCTET64(64) OCTET64(128) OCTET64(192) };

static const char pairs[201] =
	"00010203040506070809101112131415161718192021222324252627282930313233"
	"34353637383940414243444546474849505152535455565758596061626364656667"
	"6869707172737475767778798081828384858687888990919293949596979899";

/* Put a literal, without its NUL. */
#define PUT(at, text) (memcpy(at, text, sizeof(text) - 1), (at) + sizeof(text) - 1)

static inline char *put_pair(char *at, uint32_t below_100)
{
	memcpy(at, pairs + 2 * (size_t)below_100, 2);
	return at + 2;
}

static char *put_decimal(char *at, uint64_t n)
{
	char digits[20], *end = digits + sizeof(digits), *from = end;

	if (n < 10) {
		*at = (char)('0' + n);
		return at + 1;
	}
	for (; n >= 100; n /= 100)
		memcpy(from -= 2, pairs + n % 100 * 2, 2);
	if (n >= 10)
		memcpy(from -= 2, pairs + n * 2, 2);
	else
		*--from = (char)('0' + n);
	memcpy(at, from, (size_t)(end - from));
	return at + (end - from);
}

static inline char *put_octet(char *at, uint8_t n)
{
	memcpy(at, octets[n], 4); /* the fourth is overwritten */
	return at + octets[n][3];
}

static char *put_address(char *at, const struct hin_addr *a)
{
	if (!hin_addr_is_v4(a))
		return at + strlen(hin_addr_format(a, at));
	at = put_octet(at, a->b[12]);
	*at++ = '.';
	at = put_octet(at, a->b[13]);
	*at++ = '.';
	at = put_octet(at, a->b[14]);
	*at++ = '.';
	return put_octet(at, a->b[15]);
}

static char *put_hex(char *at, const uint8_t *bytes, size_t size)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < size; i++) {
		*at++ = digits[bytes[i] >> 4];
		*at++ = digits[bytes[i] & 15];
	}
	return at;
}

/* The text of a second without its fraction (H. Hinnant, "chrono-compatible low-level date
 * algorithms"). */
static void put_date(char text[20], int64_t second)
{
	uint32_t days = (uint32_t)(second / 86400), rest = (uint32_t)(second % 86400);
	uint32_t z = days + 719468, era = z / 146097, doe = z % 146097;
	uint32_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	uint32_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
	uint32_t month = mp < 10 ? mp + 3 : mp - 9;
	uint32_t year = yoe + era * 400 + (month <= 2);
	char *at = put_pair(put_pair(text, year / 100), year % 100);

	*at++ = '-';
	at = put_pair(at, month);
	*at++ = '-';
	at = put_pair(at, doy - (153 * mp + 2) / 5 + 1);
	*at++ = 'T';
	at = put_pair(at, rest / 3600);
	*at++ = ':';
	at = put_pair(at, rest / 60 % 60);
	*at++ = ':';
	at = put_pair(at, rest % 60);
	*at = '.';
}

static char *put_time(struct hin_ndjson_writer *w, char *at, int64_t time_us)
{
	int64_t second = time_us / US_PER_S;
	uint32_t us = (uint32_t)(time_us % US_PER_S);

	if (HIN_UNLIKELY(!w->filled || second != w->second)) {
		put_date(w->text, second);
		w->second = second;
		w->filled = true;
	}
	memcpy(at, w->text, sizeof(w->text));
	at = put_pair(at + sizeof(w->text), us / 10000);
	at = put_pair(at, us / 100 % 100);
	at = put_pair(at, us % 100);
	return PUT(at, "Z\"");
}

/* A quantity: as text when a double would not hold it. */
static char *put_quantity(char *at, uint64_t n)
{
	if (HIN_LIKELY(n <= SAFE_INTEGER))
		return put_decimal(at, n);
	*at++ = '"';
	at = put_decimal(at, n);
	*at++ = '"';
	return at;
}

/* The number's name in quotes, or the number. */
static char *put_word(char *at, enum hin_registry registry, uint64_t n)
{
	const struct hin_word *w = hin_registry_find(registry, n);

	if (w == NULL)
		return put_decimal(at, n);
	*at++ = '"';
	memcpy(at, w->name, w->name_size);
	at += w->name_size;
	*at++ = '"';
	return at;
}

static char *put_identity(char *at, uint64_t n)
{
	uint64_t be = HIN_BE64(n);

	*at++ = '"';
	at = put_hex(at, (const uint8_t *)&be, sizeof(be));
	*at++ = '"';
	return at;
}

static bool version_is_clean(const struct hin_observation *o, size_t *size)
{
	*size = strnlen(o->version, HIN_VERSION_MAX);
	for (size_t i = 0; i < *size; i++)
		if (o->version[i] < '+' || o->version[i] > 'z' || o->version[i] == '\\')
			return false;
	return *size > 0;
}

static char *put_tags(char *at, const struct hin_observation *o)
{
	size_t count = o->tag_count <= HIN_TAGS_MAX ? o->tag_count : HIN_TAGS_MAX;

	at = PUT(at, ",\"tags\":[");
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			*at++ = ',';
		at = put_word(at, HIN_REGISTRY_TAGS, o->tags[i]);
	}
	*at++ = ']';
	return at;
}

static char *put_digest(char *at, const uint8_t *bytes, size_t size)
{
	at = put_hex(at, bytes, size);
	*at++ = '"';
	return at;
}

static bool is_given(const uint8_t *bytes, size_t size)
{
	static const uint8_t zeros[32];

	return memcmp(bytes, zeros, size) != 0;
}

/* The fields of a flow up to `bytes`, in the order of the registry. */
static char *put_common(char *at, const struct hin_observation *o)
{
	if (o->duration_us != 0)
		at = put_quantity(PUT(at, ",\"duration\":"), o->duration_us);
	if (o->has & HIN_HAS_SRC) {
		at = put_address(PUT(at, ",\"src\":\""), &o->src);
		*at++ = '"';
	}
	if (o->has & HIN_HAS_DST) {
		at = put_address(PUT(at, ",\"dst\":\""), &o->dst);
		*at++ = '"';
	}
	if (o->src_len != 0)
		at = put_decimal(PUT(at, ",\"src_len\":"), o->src_len);
	if (o->dst_len != 0)
		at = put_decimal(PUT(at, ",\"dst_len\":"), o->dst_len);
	if (o->sport != 0)
		at = put_decimal(PUT(at, ",\"sport\":"), o->sport);
	if (o->dport != 0)
		at = put_decimal(PUT(at, ",\"dport\":"), o->dport);
	if (o->proto != 0)
		at = put_decimal(PUT(at, ",\"proto\":"), o->proto);
	if (o->service != 0)
		at = put_word(PUT(at, ",\"service\":"), HIN_REGISTRY_SERVICES, o->service);
	if (o->tcp_flags != 0)
		at = put_decimal(PUT(at, ",\"tcp_flags\":"), o->tcp_flags);
	if (o->packets != 0)
		at = put_quantity(PUT(at, ",\"packets\":"), o->packets);
	if (o->bytes != 0)
		at = put_quantity(PUT(at, ",\"bytes\":"), o->bytes);
	return at;
}

/* From `targets` to `verdict`. */
static char *put_judgement(char *at, const struct hin_observation *o)
{
	if (o->targets != 0)
		at = put_decimal(PUT(at, ",\"targets\":"), o->targets);
	if (o->ports != 0)
		at = put_decimal(PUT(at, ",\"ports\":"), o->ports);
	if (o->sample != 0)
		at = put_decimal(PUT(at, ",\"sample\":"), o->sample);
	if (o->tool != 0)
		at = put_word(PUT(at, ",\"tool\":"), HIN_REGISTRY_TOOLS, o->tool);
	if (o->rule != 0)
		at = put_word(PUT(at, ",\"rule\":"), hin_field_registry(HIN_FIELD_RULE, o->kind),
			      o->rule);
	if (o->confidence != 0)
		at = put_decimal(PUT(at, ",\"confidence\":"), o->confidence);
	if (o->technique != 0)
		at = put_word(PUT(at, ",\"technique\":"), HIN_REGISTRY_TECHNIQUES, o->technique);
	if (o->verdict != 0)
		at = put_word(PUT(at, ",\"verdict\":"), HIN_REGISTRY_VERDICTS, o->verdict);
	return at;
}

/* From `product` to the end. */
static char *put_identities(char *at, const struct hin_observation *o)
{
	size_t size;

	if (o->product != 0) {
		bool known = hin_registry_find(HIN_REGISTRY_PRODUCTS, o->product) != NULL;

		at = PUT(at, ",\"product\":");
		at = known ? put_word(at, HIN_REGISTRY_PRODUCTS, o->product)
			   : put_identity(at, o->product);
	}
	if (o->version[0] != '\0' && version_is_clean(o, &size)) {
		at = PUT(at, ",\"version\":\"");
		memcpy(at, o->version, size);
		at += size;
		*at++ = '"';
	}
	if (o->tag_count != 0)
		at = put_tags(at, o);
	if (o->link != 0)
		at = put_identity(PUT(at, ",\"link\":"), o->link);
	if (o->parent != 0)
		at = put_identity(PUT(at, ",\"parent\":"), o->parent);
	if (is_given(o->device, sizeof(o->device)))
		at = put_digest(PUT(at, ",\"device\":\""), o->device, sizeof(o->device));
	if (o->device_basis != 0)
		at = put_word(PUT(at, ",\"device_basis\":"), HIN_REGISTRY_DEVICE_BASIS,
			      o->device_basis);
	if (is_given(o->artifact, sizeof(o->artifact)))
		at = put_digest(PUT(at, ",\"artifact\":\""), o->artifact, sizeof(o->artifact));
	if (o->artifact_type != 0)
		at = put_word(PUT(at, ",\"artifact_type\":"), HIN_REGISTRY_ARTIFACT_TYPE,
			      o->artifact_type);
	if (is_given(o->evidence, sizeof(o->evidence)))
		at = put_digest(PUT(at, ",\"evidence\":\""), o->evidence, sizeof(o->evidence));
	return at;
}

size_t hin_ndjson_write(struct hin_ndjson_writer *w, const struct hin_observation *row, char *out)
{
	char *at = out;

	if (HIN_LIKELY(row->time_us >= HIN_TIME_MIN && row->time_us <= HIN_TIME_MAX))
		at = put_time(w, PUT(at, "{\"time\":\""), row->time_us);
	else
		*at++ = '{';
	at = at - out == 1 ? PUT(at, "\"kind\":") : PUT(at, ",\"kind\":");
	at = put_word(at, HIN_REGISTRY_KINDS, row->kind);
	at = put_common(at, row);
	at = put_judgement(at, row);
	at = put_identities(at, row);
	at = PUT(at, "}\n");
	return (size_t)(at - out);
}

void hin_ndjson_add(struct hin_ndjson_writer *w, const struct hin_observation *row,
		    struct hin_buffer *out)
{
	char line[HIN_NDJSON_LINE];

	hin_buffer_add(out, line, hin_ndjson_write(w, row, line));
}

static bool digits_of(const char *text, size_t count, uint32_t *out)
{
	*out = 0;
	for (size_t i = 0; i < count; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		*out = *out * 10 + (uint32_t)(text[i] - '0');
	}
	return true;
}

/* With six digits behind the point, however many there are, nine at most; NULL when that is wrong.
 */
static const char *fill_fraction(char out[TIME_SIZE + 1], const char *given, size_t size)
{
	size_t digits = size > TIME_SECONDS + 2 ? size - TIME_SECONDS - 2 : 0;

	if (size == TIME_SIZE)
		return given;
	if (size < TIME_SECONDS + 1 || size == TIME_SECONDS + 2 || digits > 9 ||
	    given[size - 1] != 'Z' || (digits > 0 && given[TIME_SECONDS] != '.'))
		return NULL;
	for (size_t i = 0; i < digits; i++)
		if (given[TIME_SECONDS + 1 + i] < '0' || given[TIME_SECONDS + 1 + i] > '9')
			return NULL;
	memcpy(out, given, TIME_SECONDS);
	memcpy(out + TIME_SECONDS, ".000000Z", TIME_SIZE - TIME_SECONDS + 1);
	memcpy(out + TIME_SECONDS + 1, given + TIME_SECONDS + 1, digits < 6 ? digits : 6);
	return out;
}

/*
 * Read "2026-11-22T02:28:54.123456Z", or with fewer digits or none behind the point (RFC 3339):
 * what it says must come out as the same text. What is below a microsecond is cut.
 */
static bool read_time(const char *given, size_t size, int64_t *out)
{
	struct hin_ndjson_writer w = { 0 };
	char filled[TIME_SIZE + 1], again[TIME_SIZE + 1];
	const char *text = fill_fraction(filled, given, size);
	uint32_t year, month, day, hour, minute, second, us, era_year, days;

	if (text == NULL || !digits_of(text, 4, &year) || !digits_of(text + 5, 2, &month) ||
	    !digits_of(text + 8, 2, &day) || !digits_of(text + 11, 2, &hour) ||
	    !digits_of(text + 14, 2, &minute) || !digits_of(text + 17, 2, &second) ||
	    !digits_of(text + 20, 6, &us) || year < 1970 || month < 1 || month > 12 || day < 1 ||
	    day > 31 || hour > 23 || minute > 59 || second > 59)
		return false;
	era_year = month <= 2 ? year - 1 : year;
	days = 365 * era_year + era_year / 4 - era_year / 100 + era_year / 400 +
	       (153 * (month + (month > 2 ? -3u : 9u)) + 2) / 5 + day - 1 - 719468;
	*out = (((int64_t)days * 24 + hour) * 60 + minute) * 60 + second;
	*out = *out * US_PER_S + us;
	(void)put_time(&w, again, *out);
	return memcmp(again, text, TIME_SIZE) == 0;
}

static bool read_hex(const char *text, size_t size, uint8_t *out, size_t out_size)
{
	if (size != 2 * out_size)
		return false;
	for (size_t i = 0; i < size; i++) {
		char c = text[i];
		int digit = c >= '0' && c <= '9'   ? c - '0'
			    : c >= 'a' && c <= 'f' ? c - 'a' + 10
						   : -1;

		if (digit < 0)
			return false;
		out[i / 2] = (uint8_t)(i % 2 == 0 ? digit << 4 : out[i / 2] | digit);
	}
	return true;
}

/* A whole number from 0, as JSON's number or, when `text_too`, as decimal text. */
static enum hin_code read_number(const json_t *value, bool text_too, uint64_t max, uint64_t *out)
{
	*out = 0;
	if (json_is_integer(value)) {
		if (json_integer_value(value) < 0)
			return HIN_ERANGE;
		*out = (uint64_t)json_integer_value(value);
	} else if (text_too && json_is_string(value)) {
		const char *text = json_string_value(value);
		size_t size = json_string_length(value);

		if (size == 0 || (size > 1 && text[0] == '0'))
			return HIN_EFORMAT;
		for (size_t i = 0; i < size; i++) {
			if (text[i] < '0' || text[i] > '9')
				return HIN_EFORMAT;
			if (__builtin_mul_overflow(*out, 10, out) ||
			    __builtin_add_overflow(*out, (uint64_t)(text[i] - '0'), out))
				return HIN_ERANGE;
		}
	} else {
		return HIN_EFORMAT;
	}
	return *out <= max ? HIN_OK : HIN_ERANGE;
}

/* A name of the registry, or a number. */
static enum hin_code read_word(const json_t *value, enum hin_registry registry, uint64_t max,
			       uint64_t *out)
{
	const struct hin_word *word;

	if (!json_is_string(value))
		return read_number(value, false, max, out);
	word = hin_registry_named(registry, json_string_value(value), json_string_length(value));
	if (word == NULL)
		return HIN_ENOENT;
	*out = word->number;
	return HIN_OK;
}

/* 16 hexadecimal digits, or for a product its name. */
static enum hin_code read_identity(const json_t *value, enum hin_registry registry, uint64_t *out)
{
	uint64_t be;

	if (!json_is_string(value))
		return HIN_EFORMAT;
	if (read_hex(json_string_value(value), json_string_length(value), (uint8_t *)&be,
		     sizeof(be))) {
		*out = HIN_BE64(be);
		return HIN_OK;
	}
	return registry == HIN_REGISTRIES ? HIN_EFORMAT
					  : read_word(value, registry, UINT64_MAX, out);
}

static enum hin_code read_address(const json_t *value, enum hin_field field,
				  struct hin_observation *row)
{
	struct hin_addr a;

	if (!json_is_string(value) || hin_addr_parse(&a, json_string_value(value)) != HIN_OK)
		return HIN_EFORMAT;
	if (field == HIN_FIELD_SRC)
		hin_observation_set_src(row, &a);
	else
		hin_observation_set_dst(row, &a);
	return HIN_OK;
}

static enum hin_code read_tags(const json_t *value, struct hin_observation *row)
{
	size_t count = json_array_size(value);

	if (!json_is_array(value))
		return HIN_EFORMAT;
	if (count > HIN_TAGS_MAX)
		return HIN_ERANGE;
	for (size_t i = 0; i < count; i++) {
		uint64_t tag;
		enum hin_code code =
			read_word(json_array_get(value, i), HIN_REGISTRY_TAGS, UINT16_MAX, &tag);

		if (code != HIN_OK)
			return code;
		row->tags[i] = (uint16_t)tag;
	}
	row->tag_count = (uint8_t)count;
	return HIN_OK;
}

static enum hin_code read_numeric(const json_t *value, enum hin_field field,
				  struct hin_observation *row)
{
	const struct hin_field_info *f = &hin_field_infos[field];
	enum hin_registry registry = hin_field_registry(field, row->kind);
	enum hin_code code;
	uint64_t n = 0;

	if (field == HIN_FIELD_LINK || field == HIN_FIELD_PARENT || field == HIN_FIELD_PRODUCT)
		code = read_identity(value, registry, &n);
	else if (registry != HIN_REGISTRIES)
		code = read_word(value, registry, hin_field_max(f), &n);
	else
		code = read_number(value, f->type == HIN_TYPE_U64, hin_field_max(f), &n);
	if (code == HIN_OK)
		hin_field_set_number(f, row, n);
	return code;
}

/* Read the value of one key into `row`; the row's kind is known. */
static enum hin_code read_value(const json_t *value, enum hin_field field,
				struct hin_observation *row)
{
	const struct hin_field_info *f = &hin_field_infos[field];
	const char *text = json_is_string(value) ? json_string_value(value) : "";
	size_t size = json_is_string(value) ? json_string_length(value) : 0;

	switch (f->type) {
	case HIN_TYPE_ADDR:
		return read_address(value, field, row);
	case HIN_TYPE_B16:
	case HIN_TYPE_B32:
		return read_hex(text, size, (uint8_t *)row + f->offset, f->size) ? HIN_OK
										 : HIN_EFORMAT;
	case HIN_TYPE_TEXT:
		if (!json_is_string(value))
			return HIN_EFORMAT;
		if (size > HIN_VERSION_MAX)
			return HIN_ERANGE;
		memcpy(row->version, text, size);
		return HIN_OK;
	case HIN_TYPE_TAGS:
		return read_tags(value, row);
	case HIN_TYPE_I64:
		return read_time(text, size, &row->time_us) ? HIN_OK : HIN_EFORMAT;
	default:
		return read_numeric(value, field, row);
	}
}

static enum hin_code fail_value(const char *key, const json_t *value, enum hin_code code,
				struct hin_error *err)
{
	if (code == HIN_ENOENT)
		return hin_fail(err, HIN_EFORMAT, "%s \"%.60s\" is in no registry", key,
				json_string_value(value));
	if (strcmp(key, "time") == 0 && code == HIN_EFORMAT)
		return hin_fail(err, code,
				"time is not of its form, \"2026-11-22T02:28:54.123456Z\"");
	return hin_fail(err, code, "%s %s", key,
			code == HIN_ERANGE ? "is out of range" : "is not of its form");
}

static enum hin_code read_object(struct hin_observation *row, json_t *object, struct hin_error *err)
{
	const json_t *kind = json_object_get(object, "kind");
	const char *key;
	json_t *value;
	enum hin_code code;

	*row = (struct hin_observation){ 0 };
	if (kind == NULL || json_object_get(object, "time") == NULL)
		return hin_fail(err, HIN_EFORMAT, "no %s", kind == NULL ? "kind" : "time");
	code = read_value(kind, HIN_FIELD_KIND, row); /* it says what rule means */
	if (code != HIN_OK)
		return fail_value("kind", kind, code, err);
	json_object_foreach(object, key, value)
	{
		const struct hin_word *field =
			hin_registry_named(HIN_REGISTRY_FIELDS, key, strlen(key));

		if (field == NULL)
			return hin_fail(err, HIN_EFORMAT, "unknown key \"%.60s\"", key);
		code = read_value(value, (enum hin_field)field->number, row);
		if (code != HIN_OK)
			return fail_value(key, value, code, err);
	}
	return hin_observation_check(row, err);
}

enum hin_code hin_ndjson_read(struct hin_observation *row, const char *line, size_t size,
			      uint64_t line_number, struct hin_error *err)
{
	struct hin_error inner = { 0 };
	json_error_t problem;
	enum hin_code code;
	json_t *object;

	if (size > HIN_NDJSON_READ)
		return hin_fail(err, HIN_ELIMIT, "line %llu: %zu bytes, at most %d may be",
				(unsigned long long)line_number, size, HIN_NDJSON_READ);
	object = json_loadb(line, size, JSON_REJECT_DUPLICATES, &problem);
	if (object == NULL || !json_is_object(object))
		code = hin_fail(&inner, HIN_EFORMAT, "%s",
				object == NULL ? problem.text : "not a JSON object");
	else
		code = read_object(row, object, &inner);
	json_decref(object);
	if (code != HIN_OK)
		hin_fail(err, code, "line %llu: %s", (unsigned long long)line_number, inner.text);
	return code;
}
