/*
 * Any bytes as a file of prefixes. What was read goes into a tree, and the tree must agree with a
 * search through the prefixes, at their first and last addresses and next to them.
 */
#include <stdlib.h>

#include "base/prefix.h"

#define MOST 300

struct seen {
	struct hin_prefix_tree *tree;
	struct hin_prefix prefixes[MOST];
	uint32_t count;
};

static enum hin_code take(void *user, const struct hin_prefix *prefix, const char *rest,
			  size_t line, struct hin_error *err)
{
	struct seen *seen = user;

	if (line == 0 || strlen(rest) > HIN_PREFIX_LINE_LIMIT)
		abort();
	if (seen->count == MOST)
		return hin_fail(err, HIN_ELIMIT, "enough");
	seen->prefixes[seen->count] = *prefix;
	return hin_prefix_tree_insert(seen->tree, prefix, seen->count++, err);
}

static void check(const struct seen *seen, const struct hin_addr *addr)
{
	uint32_t best = HIN_PREFIX_NONE;

	for (uint32_t i = 0; i < seen->count; i++)
		if (hin_prefix_holds(&seen->prefixes[i], addr) &&
		    (best == HIN_PREFIX_NONE || seen->prefixes[i].len >= seen->prefixes[best].len))
			best = i;
	if (hin_prefix_tree_find(seen->tree, addr) != best)
		abort();
}

static void check_around(const struct seen *seen, const struct hin_prefix *prefix)
{
	unsigned from = hin_addr_is_v4(&prefix->addr) ? 96u + prefix->len : prefix->len;
	struct hin_addr addr = prefix->addr;

	check(seen, &addr);
	for (unsigned bit = from; bit < 128; bit++)
		addr.b[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	check(seen, &addr);
	if (from > 0)
		addr.b[(from - 1) / 8] ^= (uint8_t)(0x80 >> (from - 1) % 8);
	check(seen, &addr);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seen seen = { .tree = hin_prefix_tree_new() };
	char *copy = malloc(size + 1);
	struct hin_error err = { 0 };
	struct hin_prefix prefix;
	FILE *in;

	if (seen.tree == NULL || copy == NULL || size == 0)
		goto out;
	memcpy(copy, data, size);
	in = fmemopen(copy, size, "r");
	if (in == NULL)
		goto out;
	if (hin_prefix_stream_read(in, "fuzz", take, &seen, &err) != HIN_OK &&
	    strncmp(err.text, "fuzz:", 5) != 0)
		abort();
	fclose(in);
	if (hin_prefix_tree_build(seen.tree, &err) != HIN_OK)
		abort();
	for (uint32_t i = 0; i < seen.count; i++)
		check_around(&seen, &seen.prefixes[i]);
	for (size_t i = 0; hin_prefix_tree_at(seen.tree, i, &prefix, NULL); i++) {
		char text[HIN_PREFIX_TEXT];
		struct hin_prefix back;

		if (hin_prefix_parse(&back, hin_prefix_format(&prefix, text), NULL) != HIN_OK ||
		    !hin_addr_equal(&back.addr, &prefix.addr) || back.len != prefix.len)
			abort();
	}
	if (seen.count > 0 && hin_prefix_tree_size(seen.tree).addresses == 0)
		abort();
out:
	free(copy);
	hin_prefix_tree_free(seen.tree);
	return 0;
}
