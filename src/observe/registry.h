/*
 * registry - the words of observations: kinds, tools, rules, tags and the rest.
 *
 * Made at build time from schema/registry by script/registry: constants such as
 * HIN_KIND_TELESCOPE_SCAN, and for each number its name and its meaning in English and Japanese. A
 * number that is in no registry is legal everywhere and shown as a number.
 *
 * Ownership: all that is returned is constant and lives as long as the program.
 * Threads:   pure functions.
 */
#pragma once
#include "base/error.h"
#include "observe/registry_numbers.h"

#define HIN_KIND_PRIVATE 60000u /* kinds from here on are private: no registry, every field */

struct hin_word {
	uint64_t number;
	const char *name; /* letters, digits and . _ - (in products also : and /) */
	uint8_t name_size;
	const char *en, *ja; /* meaning; no quotes, backslashes or control characters */
};

struct hin_kind_info {
	uint16_t number;
	char sensor;		 /* R road, T telescope, D decoy, E endpoint, S survey, L select */
	bool urgent;		 /* leaves within 200 ms */
	const char *stix;	 /* STIX 2.1 type, or NULL */
	uint64_t fields;	 /* bit 1 << HIN_FIELD_...: may be filled */
	enum hin_registry rules; /* where the numbers in `rule` come from */
};

/* SHA-256 of all registries this program was built with. */
extern const uint8_t hin_registry_digest[32];

/* The word for `number`, or NULL. */
const struct hin_word *hin_registry_find(enum hin_registry registry, uint64_t number);

/* The word of this exact name, or NULL. */
const struct hin_word *hin_registry_named(enum hin_registry registry, const char *name,
					  size_t size);

/* All words of a registry in order of number; returns how many. */
size_t hin_registry_words(enum hin_registry registry, const struct hin_word **out);

/* The name of a registry, as its file has it. */
const char *hin_registry_name(enum hin_registry registry);

/* What is known of a kind, or NULL for an unknown or private one. */
const struct hin_kind_info *hin_kind_find(uint16_t kind);
