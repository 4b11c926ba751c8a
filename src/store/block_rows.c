/* block_rows - rows out of the columns of a block; see block_priv.h */
#include <stdlib.h>

#include "store/block_priv.h"

static void set_number(struct hin_observation *o, const struct hin_form_info *form, uint64_t value)
{
	char *at = (char *)o + form->offset;
	uint16_t u16 = (uint16_t)value;
	uint32_t u32 = (uint32_t)value;

	switch (form->size) {
	case 1:
		*(uint8_t *)at = (uint8_t)value;
		break;
	case 2:
		memcpy(at, &u16, sizeof(u16));
		break;
	case 4:
		memcpy(at, &u32, sizeof(u32));
		break;
	default:
		memcpy(at, &value, sizeof(value));
	}
}

/* Where the dense items of each row begin; false when there are others than the column says. */
static bool place_items(const struct hin_column_data *counts, uint32_t rows, uint64_t only,
			size_t items, uint32_t *out)
{
	uint32_t at = 0;

	for (uint32_t i = 0; i < rows; i++) {
		uint64_t n = hin_column_at(counts, i);

		out[i] = at;
		if (only == 0)
			at += (uint32_t)n;
		else
			at += n == only;
	}
	return at == items;
}

static enum hin_code bad_items(const struct hin_block_reader *r, unsigned field,
			       struct hin_error *err)
{
	return hin_fail(err, HIN_EFORMAT, "%s: offset %llu: values of %s do not fit their rows",
			r->name, (unsigned long long)r->offset, hin_field_name(field));
}

/* Read the numbers of field `f`, or of its data: all, or those of the list. */
static enum hin_code open_numbers(struct hin_block_rows *rows, unsigned id, uint32_t count,
				  const struct hin_column_data **column, uint64_t **picked,
				  uint64_t *memory, struct hin_error *err)
{
	enum hin_code code;

	if (rows->list == NULL)
		return hin_block_column(rows->reader, id, column, err);
	code = hin_block_pick(rows->reader, id, rows->list, count, memory, column, err);
	*picked = memory;
	return code;
}

/* Items that lie one behind the other: where those of each row begin. */
static enum hin_code open_items(struct hin_block_rows *rows, unsigned f, bool addr,
				struct hin_error *err)
{
	struct hin_block_reader *r = rows->reader;
	const struct hin_column_data **items = addr ? &rows->v6[f] : &rows->data[f], *all;
	enum hin_code code;

	code = hin_block_column(r, HIN_PART_OF(f, addr ? HIN_PART_V6 : HIN_PART_DATA), items, err);
	/* the rows before have a say in it */
	if (code == HIN_OK)
		code = hin_block_column(r, HIN_PART_OF(f, HIN_PART_NUMBER), &all, err);
	if (code != HIN_OK)
		return code;
	rows->dense[f] = malloc((size_t)r->head->rows * sizeof(*rows->dense[f]));
	if (rows->dense[f] == NULL)
		return hin_fail(err, HIN_ENOMEM, "no room for the rows of a block");
	if (*items == NULL ||
	    !place_items(all, r->head->rows, addr ? 6 : 0, (*items)->part.count, rows->dense[f]))
		return bad_items(r, f, err);
	return HIN_OK;
}

static enum hin_code open_field(struct hin_block_rows *rows, unsigned f, uint32_t count,
				struct hin_error *err)
{
	const struct hin_block_head *head = rows->reader->head;
	bool addr = hin_forms[f].form == HIN_FORM_ADDR;
	uint64_t *memory = rows->memory != NULL ? rows->memory + (size_t)f * 2 * count : NULL;
	enum hin_code code;

	code = open_numbers(rows, HIN_PART_OF(f, HIN_PART_NUMBER), count, &rows->numbers[f],
			    &rows->picked[f], memory, err);
	if (code != HIN_OK || hin_forms[f].form == HIN_FORM_NUMBER || rows->numbers[f] == NULL)
		return code;
	if (addr)
		code = open_numbers(rows, HIN_PART_OF(f, HIN_PART_DATA), count, &rows->data[f],
				    &rows->picked_data[f], memory != NULL ? memory + count : NULL,
				    err);
	if (code != HIN_OK || (addr && rows->numbers[f]->part.max < 6 &&
			       hin_block_part(head, HIN_PART_OF(f, HIN_PART_V6)) == NULL))
		return code;
	return open_items(rows, f, addr, err);
}

static enum hin_code open_fields(struct hin_block_rows *rows, uint64_t fields, uint32_t count,
				 struct hin_error *err)
{
	enum hin_code code = HIN_OK;

	fields |= 1u << HIN_FIELD_TIME | 1u << HIN_FIELD_KIND;
	for (unsigned f = 0; f < HIN_FIELDS && code == HIN_OK; f++) {
		if (!(fields >> f & 1))
			continue;
		code = open_field(rows, f, count, err);
		if (rows->numbers[f] != NULL)
			rows->fields |= UINT64_C(1) << f;
	}
	if (code != HIN_OK)
		hin_block_rows_fini(rows);
	return code;
}

enum hin_code hin_block_rows_open(struct hin_block_rows *rows, struct hin_block_reader *r,
				  uint64_t fields, struct hin_error *err)
{
	*rows = (struct hin_block_rows){ .reader = r };
	return open_fields(rows, fields, r->head->rows, err);
}

enum hin_code hin_block_rows_pick(struct hin_block_rows *rows, struct hin_block_reader *r,
				  uint64_t fields, const uint32_t *list, uint32_t count,
				  struct hin_error *err)
{
	*rows = (struct hin_block_rows){ .reader = r, .list = list };
	rows->memory = malloc(((size_t)HIN_FIELDS * 2 * count + 1) * sizeof(*rows->memory));
	if (rows->memory == NULL)
		return hin_fail(err, HIN_ENOMEM, "no room for the rows of a block");
	return open_fields(rows, fields, count, err);
}

/* Number `i` of a field, or of its data; the column is there. */
static uint64_t number_of(const struct hin_column_data *column, const uint64_t *picked, uint32_t i)
{
	return picked != NULL ? picked[i] : hin_column_at(column, i);
}

/* Where the items of row `i` begin. */
static const uint8_t *items_of(const struct hin_block_rows *rows,
			       const struct hin_column_data *items, unsigned f, uint32_t i,
			       size_t size)
{
	uint32_t row = rows->list != NULL ? rows->list[i] : i;

	return items->bytes + rows->dense[f][row] * size;
}

static void set_address(const struct hin_block_rows *rows, unsigned f, uint32_t i,
			struct hin_observation *out)
{
	uint64_t family = number_of(rows->numbers[f], rows->picked[f], i);
	struct hin_addr a;

	if (family == 0)
		return;
	if (family == 6)
		memcpy(a.b, items_of(rows, rows->v6[f], f, i, 16), 16);
	else
		a = hin_addr_of_v4(
			rows->data[f] != NULL
				? (uint32_t)number_of(rows->data[f], rows->picked_data[f], i)
				: 0);
	if (f == HIN_FIELD_SRC)
		hin_observation_set_src(out, &a);
	else
		hin_observation_set_dst(out, &a);
}

static void set_tags(const struct hin_block_rows *rows, uint32_t i, struct hin_observation *out)
{
	const uint8_t *at = items_of(rows, rows->data[HIN_FIELD_TAGS], HIN_FIELD_TAGS, i, 2);

	out->tag_count =
		(uint8_t)number_of(rows->numbers[HIN_FIELD_TAGS], rows->picked[HIN_FIELD_TAGS], i);
	for (uint8_t t = 0; t < out->tag_count; t++, at += 2)
		out->tags[t] = (uint16_t)(at[0] | at[1] << 8);
}

void hin_block_row(const struct hin_block_rows *rows, uint32_t i, struct hin_observation *out)
{
	*out = (struct hin_observation){ 0 };
	for (uint64_t left = rows->fields; left != 0; left &= left - 1) {
		unsigned f = (unsigned)__builtin_ctzll(left);
		const struct hin_form_info *form = &hin_forms[f];

		switch (form->form) {
		case HIN_FORM_NUMBER:
			set_number(out, form, number_of(rows->numbers[f], rows->picked[f], i));
			break;
		case HIN_FORM_ADDR:
			set_address(rows, f, i, out);
			break;
		case HIN_FORM_TAGS:
			set_tags(rows, i, out);
			break;
		default:
			if (number_of(rows->numbers[f], rows->picked[f], i) == 1)
				memcpy((char *)out + form->offset,
				       items_of(rows, rows->data[f], f, i, form->size), form->size);
		}
	}
}

enum hin_code hin_block_each_row(const struct hin_block_rows *rows, hin_block_row_fn call,
				 void *user, struct hin_error *err)
{
	const struct hin_block_reader *r = rows->reader;
	enum hin_code code = HIN_OK;
	uint32_t at = 0;

	for (size_t b = 0; b < r->batch_count; b++)
		for (uint32_t i = 0; i < r->batches[b].rows && at < r->head->rows; i++, at++) {
			struct hin_observation o;

			hin_block_row(rows, at, &o);
			code = call(user, &r->batches[b].batch, at, &o, err);
			if (code != HIN_OK)
				return code;
		}
	return code;
}

void hin_block_rows_fini(struct hin_block_rows *rows)
{
	if (rows == NULL)
		return;
	for (unsigned f = 0; f < HIN_FIELDS; f++)
		free(rows->dense[f]);
	free(rows->memory);
	*rows = (struct hin_block_rows){ 0 };
}
