/* rollup_sketch - distinct sources of a rollup's rows; see rollup_priv.h */
#include <stdlib.h>

#include "store/rollup_priv.h"

enum hin_code hin_grouping_sketches(struct hin_grouping *g, struct hin_view_block *b,
				    struct hin_error *err)
{
	size_t limit = (size_t)(g->store->options.memory_bytes / 2 / g->open_count);
	const struct hin_column_data *c;
	struct hin_sketch_reader in;
	enum hin_code code = hin_block_column(b->reader, HIN_PART_SKETCH, &c, err);
	uint32_t e = 0;

	if (code != HIN_OK || c == NULL)
		return code;
	in = hin_sketch_reader_of(c->bytes, c->part.bytes_raw);
	for (uint32_t row = 0; row < b->head->rows && e < g->entry_count; row++) {
		struct hin_groups *t = NULL;
		uint32_t group = 0;
		uint8_t level;
		uint16_t count;

		if (!hin_sketch_next(&in, &level, &count))
			return hin_fail(err, HIN_EFORMAT, "%s: offset %llu: sketches are damaged",
					b->reader->name, (unsigned long long)b->reader->offset);
		if (g->entries[e] == row) {
			size_t at =
				g->tables[g->interval.codes != NULL ? g->interval.codes[row] : 0];

			t = &g->open[at];
			group = g->group[g->ids[e++]];
			hin_groups_raise(t, group, level);
		}
		while (count-- > 0) {
			uint64_t hash = hin_sketch_hash(&in);

			if (t != NULL && !hin_groups_values(t, group, &hash, 1, limit))
				return hin_fail(err, HIN_ENOMEM, "no room for groups");
		}
	}
	return HIN_OK;
}
