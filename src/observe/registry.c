/* registry - look up words; see registry.h */
#include "observe/observe_priv.h"

const struct hin_word *hin_registry_find(enum hin_registry registry, uint64_t number)
{
	const struct hin_registry_table *t = &hin_registry_tables[registry];
	size_t low = 0, high = t->count;

	if (number < t->direct_count) {
		size_t at = t->direct[number];

		return at > 0 ? &t->words[at - 1] : NULL;
	}
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (t->words[middle].number == number)
			return &t->words[middle];
		if (t->words[middle].number < number)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

const struct hin_word *hin_registry_named(enum hin_registry registry, const char *name, size_t size)
{
	const struct hin_registry_table *t = &hin_registry_tables[registry];
	size_t low = 0, high = t->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct hin_word *w = &t->words[t->by_name[middle]];
		int order = w->name_size < size ? -1 : w->name_size > size;

		if (order == 0)
			order = memcmp(w->name, name, size);
		if (order == 0)
			return w;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

size_t hin_registry_words(enum hin_registry registry, const struct hin_word **out)
{
	*out = hin_registry_tables[registry].words;
	return hin_registry_tables[registry].count;
}

const char *hin_registry_name(enum hin_registry registry)
{
	return hin_registry_tables[registry].name;
}

const struct hin_kind_info *hin_kind_find(uint16_t kind)
{
	const struct hin_registry_table *t = &hin_registry_tables[HIN_REGISTRY_KINDS];
	const struct hin_word *w = hin_registry_find(HIN_REGISTRY_KINDS, kind);

	return w != NULL ? &hin_kind_infos[w - t->words] : NULL;
}
