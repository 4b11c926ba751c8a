/* observe_priv - the tables that script/registry makes and what src/observe shares with itself. */
#pragma once
#include "observe/observation.h"

struct hin_registry_table {
	const char *name;
	const struct hin_word *words; /* ascending by number */
	size_t count;
	const uint16_t *by_name; /* indexes, ascending by length of the name, then by its bytes */
	const uint16_t *direct;	 /* number -> index + 1, or 0 */
	size_t direct_count;
};

enum hin_type {
	HIN_TYPE_U8,
	HIN_TYPE_U16,
	HIN_TYPE_U32,
	HIN_TYPE_U64,
	HIN_TYPE_I64,
	HIN_TYPE_ADDR,
	HIN_TYPE_B16,
	HIN_TYPE_B32,
	HIN_TYPE_TEXT,
	HIN_TYPE_TAGS,
};

struct hin_field_info {
	const char *name;
	uint8_t name_size;
	enum hin_type type;
	enum hin_registry registry; /* HIN_REGISTRIES: plain numbers */
	size_t offset, size;	    /* in struct hin_observation */
};

extern const struct hin_registry_table hin_registry_tables[HIN_REGISTRIES];
extern const struct hin_kind_info hin_kind_infos[]; /* as the words of kinds */
extern const struct hin_field_info hin_field_infos[HIN_FIELDS];

/* The value at `at` of a field of type u8 to u64 or i64 (as its bits). */
static inline uint64_t hin_field_number(const struct hin_field_info *f, const void *at)
{
	uint16_t u16;
	uint32_t u32;
	uint64_t u64;

	switch (f->type) {
	case HIN_TYPE_U8:
		return *(const uint8_t *)at;
	case HIN_TYPE_U16:
		memcpy(&u16, at, sizeof(u16));
		return u16;
	case HIN_TYPE_U32:
		memcpy(&u32, at, sizeof(u32));
		return u32;
	default:
		memcpy(&u64, at, sizeof(u64));
		return u64;
	}
}

/* Set such a field; `value` fits it. */
static inline void hin_field_set_number(const struct hin_field_info *f, struct hin_observation *o,
					uint64_t value)
{
	char *at = (char *)o + f->offset;
	uint16_t u16 = (uint16_t)value;
	uint32_t u32 = (uint32_t)value;

	switch (f->type) {
	case HIN_TYPE_U8:
		*(uint8_t *)at = (uint8_t)value;
		break;
	case HIN_TYPE_U16:
		memcpy(at, &u16, sizeof(u16));
		break;
	case HIN_TYPE_U32:
		memcpy(at, &u32, sizeof(u32));
		break;
	default:
		memcpy(at, &value, sizeof(value));
	}
}

/* The largest value of such a field. */
static inline uint64_t hin_field_max(const struct hin_field_info *f)
{
	switch (f->type) {
	case HIN_TYPE_U8:
		return UINT8_MAX;
	case HIN_TYPE_U16:
		return UINT16_MAX;
	case HIN_TYPE_U32:
		return UINT32_MAX;
	default:
		return UINT64_MAX;
	}
}

/* The registry that explains the numbers of `field` in a row of `kind`. */
enum hin_registry hin_field_registry(enum hin_field field, uint16_t kind);

/* hin_observation_check() without the fields that the kind allows: ranges and pairs. */
HIN_MUST_USE enum hin_code hin_observation_check_values(const struct hin_observation *o,
							struct hin_error *err);
