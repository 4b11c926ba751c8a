/* batch_reader - rows out of hostile bytes; see batch_reader.h and schema/observation.proto */
#include "observe/batch_reader.h"

#include "observe/observe_priv.h"
#include "observe/wire_priv.h"

#define COLUMN_FIELD 16 /* the .proto's field of the column of bit 0 */
#define SIGNATURE_FIELD 2047
#define MESSAGE_FIELDS 4 /* most fields of a column's message */

/* A number of a field above the columns. */
static uint64_t header_number(struct hin_reader *in, uint32_t wire, uint64_t max, const char *name,
			      enum hin_code *code, struct hin_error *err)
{
	uint64_t value;

	if (wire != WIRE_VARINT) {
		*code = hin_fail(err, HIN_EFORMAT, "batch: %s is no number", name);
		return 0;
	}
	value = read_varint(in);
	if (value > max)
		*code = hin_fail(err, HIN_ERANGE, "batch: %s is %llu, at most %llu may be", name,
				 (unsigned long long)value, (unsigned long long)max);
	return value;
}

static void header_bytes(struct hin_reader *in, uint32_t wire, uint8_t *out, size_t size,
			 const char *name, enum hin_code *code, struct hin_error *err)
{
	struct hin_reader sub = { 0 };

	if (wire == WIRE_BYTES)
		sub = read_delimited(in);
	if (wire != WIRE_BYTES || (!in->failed && sub.left != size)) {
		*code = hin_fail(err, HIN_EFORMAT, "batch: %s is not %zu bytes", name, size);
		return;
	}
	hin_read_copy(&sub, out, size);
}

/* Read one field above the columns into the header. */
static enum hin_code read_header_field(struct hin_batch_reader *r, struct hin_reader *in,
				       uint32_t field, uint32_t wire, struct hin_error *err)
{
	struct hin_batch_header *h = &r->header;
	enum hin_code code = HIN_OK;
	uint64_t n;

	switch (field) {
	case 1:
		h->schema = (uint32_t)header_number(in, wire, UINT32_MAX, "schema", &code, err);
		break;
	case 2:
		header_bytes(in, wire, h->sensor, sizeof(h->sensor), "sensor", &code, err);
		break;
	case 3:
		if (wire != WIRE_64)
			return hin_fail(err, HIN_EFORMAT, "batch: epoch is not 8 bytes");
		h->epoch = hin_read_le64(in);
		break;
	case 4:
		h->sequence = header_number(in, wire, UINT64_MAX, "sequence", &code, err);
		break;
	case 5:
		header_bytes(in, wire, h->previous, sizeof(h->previous), "previous", &code, err);
		break;
	case 6:
		header_bytes(in, wire, h->authority, sizeof(h->authority), "authority", &code, err);
		break;
	case 7:
		n = header_number(in, wire, UINT32_MAX, "clock_offset", &code, err);
		h->clock_offset_us = (int32_t)(int64_t)unzigzag(n);
		break;
	case 8:
		h->clock_state =
			(uint8_t)header_number(in, wire, UINT8_MAX, "clock_state", &code, err);
		break;
	case 9:
		h->dark_addresses =
			header_number(in, wire, UINT64_MAX, "dark_addresses", &code, err);
		break;
	case 10:
		header_bytes(in, wire, h->registry, sizeof(h->registry), "registry", &code, err);
		break;
	case 11:
		h->rows = (uint32_t)header_number(in, wire, HIN_BATCH_ROWS, "rows", &code, err);
		break;
	case 12:
		n = header_number(in, wire, UINT64_MAX, "time_base", &code, err);
		r->time_base = (int64_t)unzigzag(n);
		break;
	default:
		r->unknown_fields++;
		skip_value(in, wire);
	}
	return code;
}

/* What must stand above the columns. `seen` has a bit for each field that did. */
static enum hin_code check_header(const struct hin_batch_header *h, uint64_t seen,
				  struct hin_error *err)
{
	if (h->schema == 0)
		return hin_fail(err, HIN_EFORMAT, "batch: no schema");
	if (!(seen >> 2 & 1) || !(seen >> 10 & 1))
		return hin_fail(err, HIN_EFORMAT, "batch: no %s",
				seen >> 2 & 1 ? "registry" : "sensor");
	if (h->sequence == 0)
		return hin_fail(err, HIN_EFORMAT, "batch: sequence begins with 1");
	if ((h->sequence > 1) != (seen >> 5 & 1))
		return hin_fail(err, HIN_EFORMAT, "batch: sequence %llu %s a batch before it",
				(unsigned long long)h->sequence,
				h->sequence > 1 ? "must name" : "cannot have");
	return HIN_OK;
}

/* Split a message into its fields 1 to MESSAGE_FIELDS, all of bytes; a field left out is empty. */
static enum hin_code split_message(struct hin_batch_reader *r, struct hin_reader in,
				   struct hin_reader out[MESSAGE_FIELDS])
{
	uint64_t last = 0;

	for (size_t i = 0; i < MESSAGE_FIELDS; i++)
		out[i] = hin_reader_of(NULL, 0);
	while (in.left > 0) {
		uint64_t key = read_varint(&in), field = key >> 3;

		if (in.failed || field <= last)
			return HIN_EFORMAT;
		last = field;
		if (field > MESSAGE_FIELDS) {
			r->unknown_fields++;
			skip_value(&in, key & 7);
		} else if ((key & 7) == WIRE_BYTES) {
			out[field - 1] = read_delimited(&in);
		} else {
			return HIN_EFORMAT;
		}
		if (in.failed)
			return HIN_ETRUNCATED;
	}
	return HIN_OK;
}

/* Words are a repeated field of their own: find the runs and leave the rest in `values`. */
static enum hin_code split_words(struct hin_batch_column *c, struct hin_reader in)
{
	struct hin_reader peek = in;
	uint64_t key = read_varint(&peek);

	c->values = in;
	if (peek.failed || key != (1 << 3 | WIRE_BYTES))
		return HIN_OK;
	c->runs = read_delimited(&peek);
	c->values = peek;
	return peek.failed ? HIN_ETRUNCATED : HIN_OK;
}

/* Point the readers of `c` at the parts of its message. */
static enum hin_code split_column(struct hin_batch_reader *r, struct hin_batch_column *c,
				  struct hin_reader in)
{
	struct hin_reader part[MESSAGE_FIELDS], none = hin_reader_of(NULL, 0);
	enum hin_code code;

	*c = (struct hin_batch_column){ .field = c->field,
					.runs = none,
					.values = none,
					.runs2 = none,
					.values2 = none,
					.present = true,
					.present2 = true };
	if (hin_field_infos[c->field].type == HIN_TYPE_TEXT) {
		code = split_words(c, in);
		c->all = c->runs.left == 0;
		return code;
	}
	code = split_message(r, in, part);
	if (code == HIN_OK && hin_field_infos[c->field].type == HIN_TYPE_TAGS) {
		c->values2 = part[1];
		code = split_message(r, part[0], part);
	}
	if (code != HIN_OK)
		return code;
	c->runs = part[0];
	c->values = part[1];
	if (hin_field_infos[c->field].type == HIN_TYPE_ADDR) {
		c->runs2 = part[1];
		c->values = part[2];
		c->values2 = part[3];
	}
	c->all = c->runs.left == 0;
	c->all2 = c->runs2.left == 0;
	return HIN_OK;
}

/* Read all fields before the signature; columns are split, not yet checked. */
static enum hin_code read_fields(struct hin_batch_reader *r, struct hin_error *err)
{
	struct hin_reader in = r->body;
	uint64_t last = 0, seen = 0;
	enum hin_code code = HIN_OK;

	while (in.left > 0 && code == HIN_OK) {
		uint64_t key = read_varint(&in), field = key >> 3;
		uint32_t wire = key & 7;

		if (!in.failed && (field <= last || field >= SIGNATURE_FIELD))
			return hin_fail(err, HIN_EFORMAT, "batch: field %llu after %llu",
					(unsigned long long)field, (unsigned long long)last);
		last = field;
		if (field < COLUMN_FIELD) {
			seen |= UINT64_C(1) << field;
			code = read_header_field(r, &in, (uint32_t)field, wire, err);
		} else if (field >= COLUMN_FIELD + HIN_FIELDS) {
			r->unknown_fields++;
			skip_value(&in, wire);
		} else if (wire != WIRE_BYTES) {
			code = hin_fail(err, HIN_EFORMAT, "batch: column %s is no message",
					hin_field_name((enum hin_field)(field - COLUMN_FIELD)));
		} else {
			struct hin_batch_column *c = &r->columns[r->column_count++];

			c->field = (uint8_t)(field - COLUMN_FIELD);
			code = split_column(r, c, read_delimited(&in));
			if (code != HIN_OK)
				code = hin_fail(err, code, "batch: column %s is damaged",
						hin_field_name(c->field));
		}
		if (in.failed)
			return hin_fail(err, HIN_ETRUNCATED, "batch: ends within field %llu",
					(unsigned long long)field);
	}
	return code == HIN_OK ? check_header(&r->header, seen, err) : code;
}

/*
 * Count the rows of `rows` that runs name; without runs it is all. HIN_EFORMAT for runs that are
 * empty, not in pairs or reach too far.
 */
static enum hin_code count_runs(struct hin_reader in, bool all, uint64_t rows, uint64_t *present)
{
	uint64_t at = 0;

	*present = all ? rows : 0;
	for (bool first = true; in.left > 0; first = false) {
		uint64_t absent = read_varint(&in), run = read_varint(&in);

		if (in.failed || run == 0 || (absent == 0 && !first) || absent > rows - at ||
		    run > rows - at - absent)
			return HIN_EFORMAT;
		at += absent + run;
		*present += run;
	}
	return HIN_OK;
}

/*
 * Check a column's numbers: one for each of `present` rows, or one for all. `*sum` is their sum
 * over the rows when they are at most `max`.
 */
static enum hin_code check_numbers(struct hin_batch_column *c, uint64_t present, uint64_t max,
				   uint64_t *sum)
{
	struct hin_reader in = c->values;
	uint64_t count = 0, value = 0;

	*sum = 0;
	for (; in.left > 0; count++) {
		value = read_varint(&in);
		if (value > max)
			return HIN_ERANGE;
		*sum += value;
	}
	if (in.failed || present == 0 || (count != present && count != 1))
		return HIN_EFORMAT;
	if (count == 1) {
		c->constant = true;
		c->value = value;
		*sum = value * present;
	}
	return HIN_OK;
}

static enum hin_code check_addresses(const struct hin_batch_column *c, uint64_t present)
{
	uint64_t v6 = 0, v4_count = c->values.left / 4, v6_count = c->values2.left / 16;
	struct hin_reader in = c->values2;

	if (c->values.left % 4 != 0 || c->values2.left % 16 != 0 || present == 0 ||
	    v4_count + v6_count != present)
		return HIN_EFORMAT;
	if (c->all2 && v4_count > 0 && v6_count > 0)
		return HIN_EFORMAT;
	if (count_runs(c->runs2, false, present, &v6) != HIN_OK || (!c->all2 && v6 != v6_count))
		return HIN_EFORMAT;
	while (in.left > 0) {
		struct hin_addr a;

		hin_read_copy(&in, a.b, sizeof(a.b));
		if (hin_addr_is_v4(&a))
			return HIN_EFORMAT; /* it has a place among IPv4 */
	}
	return HIN_OK;
}

static enum hin_code check_words(const struct hin_batch_column *c, uint64_t present)
{
	struct hin_reader in = c->values;
	uint64_t count = 0;

	for (; in.left > 0; count++) {
		uint64_t key = read_varint(&in);
		struct hin_reader word = read_delimited(&in);

		if (in.failed || key != (2 << 3 | WIRE_BYTES))
			return HIN_EFORMAT;
		if (word.left == 0 || word.left > HIN_VERSION_MAX)
			return HIN_ERANGE;
		if (memchr(word.pos, '\0', word.left) != NULL)
			return HIN_EFORMAT;
	}
	return present > 0 && count == present ? HIN_OK : HIN_EFORMAT;
}

static enum hin_code check_tags(struct hin_batch_column *c, uint64_t present)
{
	struct hin_reader in = c->values2;
	uint64_t count = 0, sum;
	enum hin_code code = check_numbers(c, present, HIN_TAGS_MAX, &sum);

	if (code != HIN_OK)
		return code;
	for (; in.left > 0; count++)
		if (read_varint(&in) > UINT16_MAX)
			return HIN_ERANGE;
	return !in.failed && count == sum ? HIN_OK : HIN_EFORMAT;
}

static enum hin_code check_column(struct hin_batch_column *c, uint32_t rows)
{
	const struct hin_field_info *f = &hin_field_infos[c->field];
	uint64_t present, sum;
	enum hin_code code = count_runs(c->runs, c->all, rows, &present);

	if (code != HIN_OK)
		return code;
	switch (f->type) {
	case HIN_TYPE_ADDR:
		return check_addresses(c, present);
	case HIN_TYPE_B16:
	case HIN_TYPE_B32:
		return present > 0 && c->values.left == present * f->size ? HIN_OK : HIN_EFORMAT;
	case HIN_TYPE_TEXT:
		return check_words(c, present);
	case HIN_TYPE_TAGS:
		return check_tags(c, present);
	default:
		/* Differences have a sign, so that even a kind's takes more bits. */
		return check_numbers(c, present,
				     c->field == HIN_FIELD_KIND ? UINT32_MAX : hin_field_max(f),
				     &sum);
	}
}

enum hin_code hin_batch_reader_open(struct hin_batch_reader *r, const void *bytes, size_t size,
				    const uint8_t *public_key, struct hin_error *err)
{
	static const uint8_t tail[3] = { 0xfa, 0x7f, 64 }; /* field 2047, 64 bytes */
	enum hin_code code;

	if (size > HIN_BATCH_BYTES)
		return hin_fail(err, HIN_ELIMIT, "batch of %zu bytes is over %u", size,
				HIN_BATCH_BYTES);
	if (size < HIN_BATCH_SIGNATURE)
		return hin_fail(err, HIN_ETRUNCATED, "batch of %zu bytes has no signature", size);
	*r = (struct hin_batch_reader){ .body = hin_reader_of(bytes, size - HIN_BATCH_SIGNATURE) };
	if (public_key != NULL) {
		code = hin_batch_verify(bytes, size, public_key, err);
		if (code != HIN_OK)
			return code;
	}
	if (memcmp((const uint8_t *)bytes + r->body.left, tail, sizeof(tail)) != 0)
		return hin_fail(err, HIN_EFORMAT, "batch: does not end with a signature");
	code = read_fields(r, err);
	if (code != HIN_OK)
		return code;
	if (public_key != NULL) {
		uint8_t id[HIN_SENSOR_ID];

		hin_sensor_id(id, public_key);
		if (memcmp(id, r->header.sensor, sizeof(id)) != 0)
			return hin_fail(err, HIN_EVERIFY, "batch: names another sensor");
	}
	for (size_t i = 0; i < r->column_count; i++) {
		code = check_column(&r->columns[i], r->header.rows);
		if (code != HIN_OK)
			return hin_fail(err, code, "batch: column %s: %s",
					hin_field_name(r->columns[i].field),
					code == HIN_ERANGE ? "a value is out of range"
							   : "does not fit its rows");
	}
	r->time_us = r->time_base;
	return HIN_OK;
}

const uint8_t *hin_batch_reader_signed(const struct hin_batch_reader *r, uint8_t digest[32])
{
	hin_batch_digest(digest, r->body.pos, r->body.left);
	return r->body.pos + r->body.left + HIN_BATCH_SIGNATURE - 64;
}

void hin_batch_reader_rewind(struct hin_batch_reader *r)
{
	struct hin_reader body = r->body;

	*r = (struct hin_batch_reader){ .body = body };
	if (read_fields(r, NULL) == HIN_OK) /* as it was before */
		for (size_t i = 0; i < r->column_count; i++)
			(void)check_column(&r->columns[i], r->header.rows);
	r->time_us = r->time_base;
}

/* Move one row on in runs: is that one present? */
static inline bool step(struct hin_reader *runs, uint32_t *left, bool *present)
{
	while (*left == 0) {
		if (runs->left == 0) {
			*present = false;
			return false;
		}
		*present = !*present;
		*left = (uint32_t)read_varint(runs);
	}
	--*left;
	return *present;
}

static inline uint64_t next_number(struct hin_batch_column *c)
{
	return c->constant ? c->value : read_varint(&c->values);
}

static void next_address(struct hin_batch_column *c, struct hin_addr *out)
{
	bool v6 = c->all2 ? c->values2.left > 0 : step(&c->runs2, &c->left2, &c->present2);

	if (v6)
		hin_read_copy(&c->values2, out->b, sizeof(out->b));
	else
		*out = hin_addr_of_v4(hin_read_le32(&c->values));
}

static void next_tags(struct hin_batch_column *c, struct hin_observation *out)
{
	out->tag_count = (uint8_t)next_number(c);
	for (size_t i = 0; i < out->tag_count; i++)
		out->tags[i] = (uint16_t)read_varint(&c->values2);
}

static void next_word(struct hin_batch_column *c, struct hin_observation *out)
{
	struct hin_reader word;

	(void)read_varint(&c->values); /* the key, checked before */
	word = read_delimited(&c->values);
	hin_read_copy(&word, out->version, word.left);
}

/* Read what column `c` holds of the next row. */
static void next_value(struct hin_batch_reader *r, struct hin_batch_column *c,
		       struct hin_observation *out)
{
	const struct hin_field_info *f = &hin_field_infos[c->field];

	if (!c->all && !step(&c->runs, &c->left, &c->present))
		return;
	switch (f->type) {
	case HIN_TYPE_ADDR:
		if (c->field == HIN_FIELD_SRC) {
			next_address(c, &out->src);
			out->has |= HIN_HAS_SRC;
		} else {
			next_address(c, &out->dst);
			out->has |= HIN_HAS_DST;
		}
		break;
	case HIN_TYPE_B16:
	case HIN_TYPE_B32:
		hin_read_copy(&c->values, (char *)out + f->offset, f->size);
		break;
	case HIN_TYPE_TEXT:
		next_word(c, out);
		break;
	case HIN_TYPE_TAGS:
		next_tags(c, out);
		break;
	default:
		if (c->field == HIN_FIELD_TIME)
			r->time_us = (int64_t)((uint64_t)r->time_us + unzigzag(next_number(c)));
		else if (c->field == HIN_FIELD_KIND)
			r->kind += unzigzag(next_number(c));
		else
			hin_field_set_number(f, out, next_number(c));
	}
}

enum hin_code hin_batch_reader_next(struct hin_batch_reader *r, struct hin_observation *out,
				    struct hin_error *err)
{
	if (r->row == r->header.rows)
		return HIN_EOF;
	r->row++;
	*out = (struct hin_observation){ 0 };
	for (size_t i = 0; i < r->column_count; i++)
		next_value(r, &r->columns[i], out);
	out->time_us = r->time_us;
	out->kind = r->kind <= UINT16_MAX ? (uint16_t)r->kind : 0; /* 0 is refused */
	return hin_observation_check(out, err);
}
