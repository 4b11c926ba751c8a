#include "base/prefix.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

/*
 * The words start with a table of entries by the first 12 or 18 bits.
 *
 * Entries: bit 31 clear is a value in bits 0-29, or NONE. Bit 31 set leads to `words` at the offset
 * in bits 0-29: a bucket with bit 30, else a node.
 *
 * A node is two words of a bitmap of 64 slots, then the entries: a bit is set where the slot's
 * entry differs from the one before, so the entry of slot n is found by counting the bits up to n.
 *
 * A bucket is a word with the number of ranges, then their entries, then their first addresses in
 * ascending order (one word for IPv4, four for IPv6, high word first). The first range starts at or
 * below every address that leads here.
 */
#define NONE 0x7fffffffu
#define BUCKET (1u << 30)
#define OFFSET (BUCKET - 1)
#define STRIDE 6
#define SLOTS 64
#define FEW 2048 /* up to here the first table has 2^12 entries, above 2^18 */

/*
 * Where so many prefixes or fewer are left they become a bucket. In IPv4 a search costs more than
 * another node; in IPv6 a lone prefix far down would take a long chain of nodes.
 */
#define BUCKET_V4 1
#define BUCKET_V6 8
#define BUCKET_RANGES (2 * BUCKET_V6 + 1)

/* Larger tries go on huge pages: random look-ups would wait for the page tables most of the time.
 */
#define HUGE_PAGE ((size_t)2 << 20)

__extension__ typedef unsigned __int128 key; /* an address; IPv4 in the upper 32 bits */

struct hin_prefix_item {
	struct hin_prefix prefix;
	uint32_t value;
	uint32_t order; /* of insertion */
};

static const uint32_t no_entries[2] = { NONE, NONE };

static const struct hin_prefix_trie no_trie = { .words = no_entries, .shift = 31 };

struct hin_prefix_tree *hin_prefix_tree_new(void)
{
	struct hin_prefix_tree *tree = malloc(sizeof(*tree));

	if (tree != NULL)
		*tree = (struct hin_prefix_tree){ .v4 = no_trie, .v6 = no_trie };
	return tree;
}

static void trie_fini(struct hin_prefix_trie *trie)
{
	if (trie->words != no_entries)
		free((void *)(uintptr_t)trie->words); /* const for readers only */
	*trie = no_trie;
}

void hin_prefix_tree_free(struct hin_prefix_tree *tree)
{
	if (tree == NULL)
		return;
	trie_fini(&tree->v4);
	trie_fini(&tree->v6);
	free(tree->items);
	free(tree);
}

enum hin_code hin_prefix_tree_insert(struct hin_prefix_tree *tree, const struct hin_prefix *prefix,
				     uint32_t value, struct hin_error *err)
{
	assert(!tree->built);
	if (value > HIN_PREFIX_VALUE_MAX)
		return hin_fail(err, HIN_ERANGE, "prefix value %u is over %u", value,
				HIN_PREFIX_VALUE_MAX);
	if (tree->count == HIN_PREFIX_LIMIT)
		return hin_fail(err, HIN_ELIMIT, "more than %u prefixes", HIN_PREFIX_LIMIT);
	if (tree->count == tree->size) {
		size_t size = tree->size > 0 ? tree->size * 2 : 16;
		struct hin_prefix_item *items = realloc(tree->items, size * sizeof(*items));

		if (items == NULL)
			return hin_fail(err, HIN_ENOMEM, "no memory for %zu prefixes", size);
		tree->items = items;
		tree->size = size;
	}
	tree->items[tree->count] = (struct hin_prefix_item){ .prefix = *prefix,
							     .value = value,
							     .order = (uint32_t)tree->count };
	tree->count++;
	return HIN_OK;
}

static int compare_items(const void *left, const void *right)
{
	const struct hin_prefix_item *a = left, *b = right;
	int v4_first = hin_addr_is_v4(&b->prefix.addr) - hin_addr_is_v4(&a->prefix.addr);
	int order = v4_first != 0 ? v4_first : hin_addr_compare(&a->prefix.addr, &b->prefix.addr);

	if (order == 0)
		order = a->prefix.len - b->prefix.len;
	if (order == 0)
		order = (a->order > b->order) - (a->order < b->order);
	return order;
}

/* Sort, and keep the last value of each prefix. */
static void sort_items(struct hin_prefix_tree *tree)
{
	size_t kept = 0;

	qsort(tree->items, tree->count, sizeof(tree->items[0]), compare_items);
	for (size_t i = 1; i < tree->count; i++) {
		const struct hin_prefix *last = &tree->items[kept].prefix;

		if (!hin_addr_equal(&tree->items[i].prefix.addr, &last->addr) ||
		    tree->items[i].prefix.len != last->len)
			kept++;
		tree->items[kept] = tree->items[i];
	}
	tree->count = kept + 1;
	tree->v4_count = 0;
	while (tree->v4_count < tree->count &&
	       hin_addr_is_v4(&tree->items[tree->v4_count].prefix.addr))
		tree->v4_count++;
	for (size_t i = 0; i < tree->count; i++)
		tree->items[i].order = (uint32_t)i;
}

static key key_of(const struct hin_addr *a)
{
	uint64_t high, low;

	if (hin_addr_is_v4(a))
		return (key)hin_addr_v4(a) << 96;
	memcpy(&high, a->b, 8);
	memcpy(&low, a->b + 8, 8);
	return (key)HIN_BE64(high) << 64 | HIN_BE64(low);
}

/* What is being built: the words of one family. */
struct build {
	uint32_t *words;
	size_t used, size;
	unsigned key_words; /* of an address in a bucket: one or four */
	unsigned bucket;    /* most prefixes in a bucket */
	bool failed;	    /* no memory */
};

/* Reserve `count` words; their offset. Once it failed everything is built at 0, and dropped. */
static uint32_t reserve(struct build *b, size_t count)
{
	size_t at = b->used;

	if (b->failed)
		return 0;
	if (count > b->size - b->used) {
		size_t size = b->size * 2 + count;
		uint32_t *words = size <= OFFSET ? realloc(b->words, size * sizeof(*words)) : NULL;

		if (words == NULL) {
			b->failed = true;
			return 0;
		}
		b->words = words;
		b->size = size;
	}
	b->used += count;
	return (uint32_t)at;
}

/* Ranges of a bucket while it is made. */
struct ranges {
	key first[BUCKET_RANGES];
	uint32_t entry[BUCKET_RANGES];
	size_t count;
};

/* From `first` on the entry is `entry`: a range that would be empty or like its neighbour goes. */
static void add_range(struct ranges *r, key first, uint32_t entry)
{
	if (r->count > 0 && r->first[r->count - 1] == first)
		r->count--;
	if (r->count > 0 && r->entry[r->count - 1] == entry)
		return;
	assert(r->count < BUCKET_RANGES);
	r->first[r->count] = first;
	r->entry[r->count] = entry;
	r->count++;
}

/* Cut the nested prefixes `items` under `start` into ranges that follow each other. */
static void flatten(struct ranges *out, const struct hin_prefix_item *items, size_t count,
		    key start, uint32_t inherited)
{
	struct {
		key last;
		uint32_t entry;
	} open[BUCKET_V6 + 1] = { { .last = ~(key)0, .entry = inherited } };
	size_t depth = 1;

	out->count = 0;
	add_range(out, start, inherited);
	for (size_t i = 0; i <= count; i++) {
		key first = i < count ? key_of(&items[i].prefix.addr) : ~(key)0;

		/* close what ends before this prefix; at the end, all that ends at all */
		while (depth > 1 && open[depth - 1].last < first) {
			depth--;
			add_range(out, open[depth].last + 1, open[depth - 1].entry);
		}
		if (i == count)
			break;
		open[depth].last = first;
		if (items[i].prefix.len < 128)
			open[depth].last |= ~(key)0 >> items[i].prefix.len;
		open[depth].entry = items[i].value;
		depth++;
		add_range(out, first, items[i].value);
	}
}

static uint32_t build_bucket(struct build *b, const struct hin_prefix_item *items, size_t count,
			     key start, uint32_t inherited)
{
	struct ranges r;
	uint32_t at, *words;

	flatten(&r, items, count, start, inherited);
	at = reserve(b, 1 + r.count * (1 + b->key_words));
	if (b->failed)
		return NONE;
	words = b->words + at;
	*words++ = (uint32_t)r.count;
	memcpy(words, r.entry, r.count * sizeof(*words));
	words += r.count;
	for (size_t i = 0; i < r.count; i++)
		for (unsigned w = 0; w < b->key_words; w++)
			*words++ = (uint32_t)(r.first[i] >> (96 - 32 * w));
	return HIN_PREFIX_DEEP | BUCKET | at;
}

static uint32_t build_node(struct build *b, const struct hin_prefix_item *items, size_t count,
			   unsigned depth, key start, uint32_t inherited);

/* The entry for the prefixes `items`, all longer than `depth` bits and equal in those to `start`.
 */
static uint32_t build_entry(struct build *b, const struct hin_prefix_item *items, size_t count,
			    unsigned depth, key start, uint32_t inherited)
{
	if (count <= b->bucket)
		return build_bucket(b, items, count, start, inherited);
	return build_node(b, items, count, depth, start, inherited);
}

/*
 * Fill `slots` (2^bits of them, by the bits of an address from `depth` on) for the sorted prefixes
 * `items` inside `start`. A shorter prefix stands before the longer ones it holds, so that each
 * overwrites a part of what stands; those too long for the slots become one entry below each.
 */
static void fill_slots(struct build *b, uint32_t *slots, unsigned bits,
		       const struct hin_prefix_item *items, size_t count, unsigned depth, key start,
		       uint32_t inherited)
{
	size_t mask = ((size_t)1 << bits) - 1;
	unsigned down = 128 - depth - bits;

	for (size_t slot = 0; slot <= mask; slot++)
		slots[slot] = inherited;
	for (size_t i = 0; i < count;) {
		size_t slot = (size_t)(key_of(&items[i].prefix.addr) >> down) & mask;
		size_t end = i;

		if (items[i].prefix.len <= depth + bits) {
			size_t span = (size_t)1 << (depth + bits - items[i].prefix.len);

			for (size_t k = 0; k < span; k++)
				slots[slot + k] = items[i].value;
			i++;
			continue;
		}
		while (end < count && items[end].prefix.len > depth + bits &&
		       ((size_t)(key_of(&items[end].prefix.addr) >> down) & mask) == slot)
			end++;
		slots[slot] = build_entry(b, items + i, end - i, depth + bits,
					  start | (key)slot << down, slots[slot]);
		i = end;
	}
}

static uint32_t build_node(struct build *b, const struct hin_prefix_item *items, size_t count,
			   unsigned depth, key start, uint32_t inherited)
{
	uint32_t slots[SLOTS], at, *words;
	uint64_t runs = 1;
	size_t entries = 1;

	/* two bits before its end an IPv6 address has room for six prefixes: always a bucket */
	assert(depth + STRIDE <= 128);
	fill_slots(b, slots, STRIDE, items, count, depth, start, inherited);
	for (unsigned i = 1; i < SLOTS; i++)
		runs |= (uint64_t)(slots[i] != slots[i - 1]) << i;
	at = reserve(b, 2 + (size_t)__builtin_popcountll(runs));
	if (b->failed)
		return NONE;
	words = b->words + at;
	memcpy(words, &runs, sizeof(runs));
	words[2] = slots[0];
	for (unsigned i = 1; i < SLOTS; i++)
		if (slots[i] != slots[i - 1])
			words[2 + entries++] = slots[i];
	return HIN_PREFIX_DEEP | at;
}

/* Move the words to memory of their size. */
static uint32_t *settle(struct build *b)
{
	size_t bytes = b->used * sizeof(uint32_t);
	size_t whole = (bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
	uint32_t *words;

	if (bytes < HUGE_PAGE)
		return realloc(b->words, bytes);
	words = aligned_alloc(HUGE_PAGE, whole);
	if (words == NULL)
		return NULL;
	madvise(words, whole, MADV_HUGEPAGE); /* only a wish */
	memcpy(words, b->words, bytes);
	free(b->words);
	return words;
}

static enum hin_code build_trie(struct hin_prefix_trie *out, const struct hin_prefix_item *items,
				size_t count, bool v4)
{
	struct build b = { .key_words = v4 ? 1 : 4, .bucket = v4 ? BUCKET_V4 : BUCKET_V6 };
	unsigned bits = count <= FEW ? 12 : 18;
	uint32_t *table, *words = NULL;

	if (count == 0)
		return HIN_OK;
	table = malloc(sizeof(*table) << bits);
	if (table == NULL)
		return HIN_ENOMEM;
	reserve(&b, (size_t)1 << bits);
	fill_slots(&b, table, bits, items, count, 0, 0, NONE);
	if (!b.failed) {
		memcpy(b.words, table, sizeof(*table) << bits);
		words = settle(&b);
	}
	free(table);
	if (words == NULL) {
		free(b.words);
		return HIN_ENOMEM;
	}
	*out = (struct hin_prefix_trie){ .words = words, .shift = 32 - bits };
	return HIN_OK;
}

enum hin_code hin_prefix_tree_build(struct hin_prefix_tree *tree, struct hin_error *err)
{
	if (tree->built || tree->count == 0) {
		tree->built = true;
		return HIN_OK;
	}
	sort_items(tree);
	if (build_trie(&tree->v4, tree->items, tree->v4_count, true) != HIN_OK ||
	    build_trie(&tree->v6, tree->items + tree->v4_count, tree->count - tree->v4_count,
		       false) != HIN_OK) {
		trie_fini(&tree->v4);
		return hin_fail(err, HIN_ENOMEM, "no memory for a tree of %zu prefixes",
				tree->count);
	}
	tree->built = true;
	return HIN_OK;
}

/* With `fast` the processor counts; the bare builtin would be a call, longer than this sum. */
static inline __attribute__((always_inline)) unsigned count_bits(uint64_t x, bool fast)
{
	if (fast)
		return (unsigned)__builtin_popcountll(x);
	x -= x >> 1 & 0x5555555555555555;
	x = (x & 0x3333333333333333) + (x >> 2 & 0x3333333333333333);
	x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0f;
	return (unsigned)(x * 0x0101010101010101 >> 56);
}

/* The entry of `slot` in the node at `words`. */
static inline __attribute__((always_inline)) uint32_t node_entry(const uint32_t *words,
								 unsigned slot, bool fast)
{
	uint64_t runs;

	memcpy(&runs, words, sizeof(runs));
	return words[1 + count_bits(runs & (UINT64_MAX >> (63 - slot)), fast)];
}

static inline uint32_t value_of(uint32_t entry)
{
	return entry == NONE ? HIN_PREFIX_NONE : entry;
}

static inline __attribute__((always_inline)) uint32_t walk_v4(const struct hin_prefix_trie *trie,
							      uint32_t entry,
							      uint32_t addr_host_order, bool fast)
{
	/* 64 bits, as the last node reaches over the end of an address */
	uint64_t rest = (uint64_t)addr_host_order << (64 - trie->shift);
	const uint32_t *words, *firsts;
	uint32_t count, at = 0;

	while ((entry & (HIN_PREFIX_DEEP | BUCKET)) == HIN_PREFIX_DEEP) {
		entry = node_entry(trie->words + (entry & OFFSET),
				   (unsigned)(rest >> (64 - STRIDE)), fast);
		rest <<= STRIDE;
	}
	if ((entry & HIN_PREFIX_DEEP) == 0)
		return value_of(entry);
	words = trie->words + (entry & OFFSET);
	count = words[0];
	firsts = words + 1 + count;
	for (uint32_t i = 1; i < count; i++) /* no jumps: they would be guessed wrong */
		at += firsts[i] <= addr_host_order;
	return value_of(words[1 + at]);
}

#ifdef __x86_64__
__attribute__((target("popcnt"))) static uint32_t walk_v4_popcnt(const struct hin_prefix_trie *trie,
								 uint32_t entry,
								 uint32_t addr_host_order)
{
	return walk_v4(trie, entry, addr_host_order, true);
}
#endif

uint32_t hin_prefix_trie_walk_v4(const struct hin_prefix_trie *trie, uint32_t entry,
				 uint32_t addr_host_order)
{
#ifdef __x86_64__
	if (HIN_LIKELY(__builtin_cpu_supports("popcnt")))
		return walk_v4_popcnt(trie, entry, addr_host_order);
#endif
	return walk_v4(trie, entry, addr_host_order, false);
}

static uint32_t walk_v6(const struct hin_prefix_trie *trie, const struct hin_addr *addr)
{
	key k = key_of(addr), rest = k << (32 - trie->shift);
	uint32_t entry = trie->words[(uint32_t)(k >> 96) >> trie->shift];
	const uint32_t *words, *firsts;
	uint32_t count, at = 0;

	while ((entry & (HIN_PREFIX_DEEP | BUCKET)) == HIN_PREFIX_DEEP) {
		entry = node_entry(trie->words + (entry & OFFSET),
				   (unsigned)(rest >> (128 - STRIDE)), false);
		rest <<= STRIDE;
	}
	if ((entry & HIN_PREFIX_DEEP) == 0)
		return value_of(entry);
	words = trie->words + (entry & OFFSET);
	count = words[0];
	firsts = words + 1 + count;
	for (uint32_t i = 1; i < count; i++) {
		const uint32_t *w = firsts + 4 * (size_t)i;

		at += ((key)((uint64_t)w[0] << 32 | w[1]) << 64 | (uint64_t)w[2] << 32 | w[3]) <= k;
	}
	return value_of(words[1 + at]);
}

uint32_t hin_prefix_tree_find(const struct hin_prefix_tree *tree, const struct hin_addr *addr)
{
	if (hin_addr_is_v4(addr))
		return hin_prefix_tree_find_v4(tree, hin_addr_v4(addr));
	return walk_v6(&tree->v6, addr);
}

struct hin_prefix_size hin_prefix_tree_size(const struct hin_prefix_tree *tree)
{
	struct hin_prefix_size size = { .prefixes = tree->count };
	const struct hin_prefix *outer = NULL;

	assert(tree->built || tree->count == 0);
	for (size_t i = 0; i < tree->count; i++) {
		const struct hin_prefix *p = &tree->items[i].prefix;
		bool v4 = hin_addr_is_v4(&p->addr);
		unsigned host_bits = (v4 ? 32u : 128u) - p->len;
		uint64_t more = host_bits < 64 ? 1ull << host_bits : UINT64_MAX;

		if (outer != NULL && hin_prefix_holds(outer, &p->addr))
			continue; /* counted with the one around it */
		outer = p;
		if (v4)
			size.v4 += more;
		if (__builtin_add_overflow(size.addresses, more, &size.addresses))
			size.addresses = UINT64_MAX;
	}
	return size;
}

bool hin_prefix_tree_at(const struct hin_prefix_tree *tree, size_t index, struct hin_prefix *prefix,
			uint32_t *value)
{
	assert(tree->built || tree->count == 0);
	if (index >= tree->count)
		return false;
	*prefix = tree->items[index].prefix;
	if (value != NULL)
		*value = tree->items[index].value;
	return true;
}

/* Put "name:line: " before what `err` says. */
static enum hin_code fail_at(struct hin_error *err, enum hin_code code, const char *name,
			     size_t line)
{
	struct hin_error cause;

	if (err == NULL)
		return code;
	cause = *err;
	hin_fail(err, HIN_EFORMAT, "%s:%zu: %s", name, line, cause.text);
	err->code = code;
	err->sys = cause.sys;
	return code;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* Handle one line, NUL-terminated, without its newline. */
static enum hin_code read_line(char *text, size_t line, hin_prefix_line_fn call, void *user,
			       struct hin_error *err)
{
	struct hin_prefix prefix;
	enum hin_code code;
	char *rest, *end;

	while (is_space(*text))
		text++;
	for (end = text; *end != '\0'; end++)
		if (*end == '#' && (end == text || is_space(end[-1])))
			break;
	while (end > text && is_space(end[-1]))
		end--;
	*end = '\0';
	if (*text == '\0')
		return HIN_OK;
	for (rest = text; *rest != '\0' && !is_space(*rest); rest++)
		;
	while (is_space(*rest))
		*rest++ = '\0';
	code = hin_prefix_parse(&prefix, text, err);
	return code == HIN_OK ? call(user, &prefix, rest, line, err) : code;
}

/*
 * Read the next line into `text`; false at the end of the stream. A line too long or with a NUL in
 * it gives a code.
 */
static bool next_line(FILE *in, char text[HIN_PREFIX_LINE_LIMIT + 1], enum hin_code *code,
		      struct hin_error *err)
{
	size_t used = 0;
	int c;

	while ((c = getc_unlocked(in)) != EOF && c != '\n') {
		if (c == '\0') {
			*code = hin_fail(err, HIN_EFORMAT,
					 "a NUL byte; this is no list of prefixes");
			return true;
		}
		if (used == HIN_PREFIX_LINE_LIMIT) {
			*code = hin_fail(err, HIN_ELIMIT, "the line is longer than %u bytes",
					 HIN_PREFIX_LINE_LIMIT);
			return true;
		}
		text[used++] = (char)c;
	}
	text[used] = '\0';
	return c != EOF || used > 0;
}

enum hin_code hin_prefix_stream_read(FILE *in, const char *name, hin_prefix_line_fn call,
				     void *user, struct hin_error *err)
{
	static const char byte_order_mark[] = "\xef\xbb\xbf";
	char text[HIN_PREFIX_LINE_LIMIT + 1] = "";
	enum hin_code code = HIN_OK;

	errno = 0;
	for (size_t line = 1; next_line(in, text, &code, err); line++) {
		char *start = text;

		if (code == HIN_OK && line == 1 && strncmp(text, byte_order_mark, 3) == 0)
			start += 3;
		if (code == HIN_OK)
			code = read_line(start, line, call, user, err);
		if (code != HIN_OK)
			return fail_at(err, code, name, line);
	}
	if (ferror(in))
		return hin_fail(err, HIN_ESYS, "read %s", name);
	return HIN_OK;
}

enum hin_code hin_prefix_file_read(const char *path, hin_prefix_line_fn call, void *user,
				   struct hin_error *err)
{
	FILE *in = fopen(path, "re");
	enum hin_code code;

	if (in == NULL)
		return hin_fail(err, HIN_ESYS, "open %s", path);
	code = hin_prefix_stream_read(in, path, call, user, err);
	fclose(in);
	return code;
}

struct load {
	struct hin_prefix_tree *tree;
	uint32_t value;
};

static enum hin_code load_line(void *user, const struct hin_prefix *prefix, const char *rest,
			       size_t line, struct hin_error *err)
{
	const struct load *load = user;

	(void)rest;
	(void)line;
	return hin_prefix_tree_insert(load->tree, prefix, load->value, err);
}

enum hin_code hin_prefix_tree_load(struct hin_prefix_tree *tree, const char *text, uint32_t value,
				   struct hin_error *err)
{
	struct load load = { .tree = tree, .value = value };
	struct hin_prefix prefix;
	enum hin_code code = hin_prefix_parse(&prefix, text, err);
	FILE *in;

	if (code == HIN_OK)
		return hin_prefix_tree_insert(tree, &prefix, value, err);
	if (code == HIN_ERANGE) /* clearly meant as a prefix */
		return code;
	in = fopen(text, "re");
	if (in == NULL && errno == ENOENT)
		return hin_fail(err, HIN_ENOENT, "\"%.60s\" is neither a prefix nor a file", text);
	if (in == NULL)
		return hin_fail(err, HIN_ESYS, "open %s", text);
	code = hin_prefix_stream_read(in, text, load_line, &load, err);
	fclose(in);
	return code;
}
