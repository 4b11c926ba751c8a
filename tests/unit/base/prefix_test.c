#include "../test.h"

#include <stdio.h>
#include <unistd.h>

#include "base/prefix.h"

static struct hin_prefix prefix_of(const char *text)
{
	struct hin_prefix p;
	struct hin_error err;

	if (hin_prefix_parse(&p, text, &err) != HIN_OK)
		fail_msg("%s", err.text);
	return p;
}

static struct hin_addr addr_of(const char *text)
{
	return prefix_of(text).addr;
}

static void insert(struct hin_prefix_tree *tree, const char *text, uint32_t value)
{
	struct hin_prefix p = prefix_of(text);

	assert_int_equal(hin_prefix_tree_insert(tree, &p, value, NULL), HIN_OK);
}

static void finds_the_longest(void **state)
{
	static const char *const prefixes[] = {
		"0.0.0.0/0",
		"10.0.0.0/8",
		"10.1.0.0/16",
		"10.1.2.0/24",
		"10.1.2.3",
		"10.1.2.4/31",
		"255.255.255.255",
		"128.0.0.0/1",
		"192.0.2.0/25",
		"2001:db8::/32",
		"2001:db8::1",
		"2001:db8:0:1::/64",
		"::/1",
		"ffff::/16",
		"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
		"2001:db8:0:1:8000::/65",
	};
	static const struct {
		const char *addr;
		uint32_t want; /* index of the prefix */
	} cases[] = {
		{ "1.2.3.4", 0 },
		{ "10.2.3.4", 1 },
		{ "10.1.3.4", 2 },
		{ "10.1.2.2", 3 },
		{ "10.1.2.3", 4 },
		{ "10.1.2.4", 5 },
		{ "10.1.2.5", 5 },
		{ "10.1.2.6", 3 },
		{ "255.255.255.255", 6 },
		{ "255.255.255.254", 7 },
		{ "192.0.2.127", 8 },
		{ "192.0.2.128", 7 },
		{ "0.0.0.0", 0 },
		{ "127.255.255.255", 0 },
		{ "2001:db8::", 9 },
		{ "2001:db8::1", 10 },
		{ "2001:db8::2", 9 },
		{ "2001:db8:0:1::2", 11 },
		{ "2001:db8:0:2::2", 9 },
		{ "2001:db9::", 12 },
		{ "::1", 12 },
		{ "8000::", HIN_PREFIX_NONE },
		{ "ffff::", 13 },
		{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 14 },
		{ "fffe::", HIN_PREFIX_NONE },
		{ "2001:db8:0:1:8000::", 15 },
		{ "2001:db8:0:1:7fff:ffff:ffff:ffff", 11 },
		{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe", 13 },
	};
	struct hin_prefix_tree *tree = hin_prefix_tree_new();

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(prefixes); i++)
		insert(tree, prefixes[i], (uint32_t)i);
	assert_int_equal(hin_prefix_tree_build(tree, NULL), HIN_OK);
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		struct hin_addr a = addr_of(cases[i].addr);
		uint32_t got = hin_prefix_tree_find(tree, &a);

		if (got != cases[i].want)
			fail_msg("%s: %u, not %u", cases[i].addr, got, cases[i].want);
		if (hin_addr_is_v4(&a))
			assert_int_equal(hin_prefix_tree_find_v4(tree, hin_addr_v4(&a)), got);
	}
	hin_prefix_tree_free(tree);
}

static void empty_and_edge_trees(void **state)
{
	struct hin_prefix_tree *tree = hin_prefix_tree_new();
	struct hin_addr v6 = addr_of("2001:db8::1");
	struct hin_prefix p = prefix_of("::/0");
	uint32_t value;

	(void)state;
	assert_int_equal(hin_prefix_tree_find_v4(tree, 0), HIN_PREFIX_NONE);
	assert_int_equal(hin_prefix_tree_find_v4(tree, UINT32_MAX), HIN_PREFIX_NONE);
	assert_int_equal(hin_prefix_tree_find(tree, &v6), HIN_PREFIX_NONE);
	assert_int_equal(hin_prefix_tree_insert(tree, &p, HIN_PREFIX_VALUE_MAX + 1, NULL),
			 HIN_ERANGE);
	assert_int_equal(hin_prefix_tree_insert(tree, &p, HIN_PREFIX_VALUE_MAX, NULL), HIN_OK);
	insert(tree, "192.0.2.0/24", 7);
	insert(tree, "192.0.2.0/24", 8); /* the last one counts */
	assert_int_equal(hin_prefix_tree_build(tree, NULL), HIN_OK);
	assert_int_equal(hin_prefix_tree_build(tree, NULL), HIN_OK);
	assert_int_equal(hin_prefix_tree_find(tree, &v6), HIN_PREFIX_VALUE_MAX);
	assert_int_equal(hin_prefix_tree_find_v4(tree, 0x01020304), HIN_PREFIX_NONE);
	assert_int_equal(hin_prefix_tree_find_v4(tree, 0xc0000200), 8);
	assert_true(hin_prefix_tree_at(tree, 0, &p, &value));
	assert_int_equal(value, 8);
	assert_true(hin_prefix_tree_at(tree, 1, &p, NULL));
	assert_int_equal(p.len, 0);
	assert_false(hin_prefix_tree_at(tree, 2, &p, NULL));
	hin_prefix_tree_free(tree);
	hin_prefix_tree_free(NULL);
}

static uint64_t random_state = 88172645463325252;

static uint64_t random_u64(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

/* A prefix within few bits, so that many are nested and equal. */
static struct hin_prefix random_prefix(bool v4, unsigned spread)
{
	struct hin_prefix p = { .addr = hin_addr_of_v4(0) };
	unsigned bits = v4 ? 32 : 128, first = v4 ? 12 : 0;

	if (!v4)
		memset(p.addr.b, 0x20, 16);
	p.len = (uint8_t)(random_u64() % (bits + 1));
	for (unsigned i = 0; i < spread; i++) {
		uint64_t r = random_u64();
		unsigned bit = (unsigned)(r % bits);

		p.addr.b[first + bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
	}
	for (unsigned bit = p.len; bit < bits; bit++)
		p.addr.b[first + bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
	return p;
}

/* The slow way: the longest of all, the last among equals. */
static uint32_t search(const struct hin_prefix *prefixes, size_t count, const struct hin_addr *a)
{
	uint32_t best = HIN_PREFIX_NONE;

	for (size_t i = 0; i < count; i++)
		if (hin_prefix_holds(&prefixes[i], a) &&
		    (best == HIN_PREFIX_NONE || prefixes[i].len >= prefixes[best].len))
			best = (uint32_t)i;
	return best;
}

/* The first or last address of a prefix, or its neighbour outside. */
static struct hin_addr edge_of(const struct hin_prefix *p, uint64_t which)
{
	unsigned first = hin_addr_is_v4(&p->addr) ? 12 : 0;
	unsigned bits = first > 0 ? 32 : 128;
	struct hin_addr a = p->addr;

	if (which & 1)
		for (unsigned bit = p->len; bit < bits; bit++)
			a.b[first + bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	if (which & 2) /* flip the last bit of the prefix, or any bit of the host */
		a.b[first + (bits - 1) / 8] ^= 1;
	if ((which & 4) && p->len > 0)
		a.b[first + (p->len - 1u) / 8] ^= (uint8_t)(0x80 >> (p->len - 1) % 8);
	return a;
}

static void agrees_with_a_search(void **state)
{
	static const struct {
		size_t count;
		unsigned spread;
	} rounds[] = { { 1, 1 },   { 8, 2 },	{ 9, 1 },     { 40, 3 },
		       { 300, 3 }, { 1500, 6 }, { 3000, 40 }, { 6000, 8 } };
	struct hin_prefix *prefixes = malloc(6000 * sizeof(*prefixes));

	(void)state;
	for (size_t round = 0; round < HIN_COUNT(rounds) * 4; round++) {
		size_t count = rounds[round % HIN_COUNT(rounds)].count;
		unsigned spread = rounds[round % HIN_COUNT(rounds)].spread;
		struct hin_prefix_tree *tree = hin_prefix_tree_new();

		for (size_t i = 0; i < count; i++) {
			bool v4 = round & 8 ? i % 2 == 0 : (round & 16) == 0;

			prefixes[i] = random_prefix(v4, spread);
			assert_int_equal(
				hin_prefix_tree_insert(tree, &prefixes[i], (uint32_t)i, NULL),
				HIN_OK);
		}
		assert_int_equal(hin_prefix_tree_build(tree, NULL), HIN_OK);
		for (size_t i = 0; i < 1500; i++) {
			uint64_t r = random_u64();
			struct hin_addr a = edge_of(&prefixes[r % count], r >> 40);
			uint32_t want = search(prefixes, count, &a);
			uint32_t got = hin_prefix_tree_find(tree, &a);

			if (got != want)
				fail_msg("round %zu: %u, not %u", round, got, want);
		}
		hin_prefix_tree_free(tree);
	}
	free(prefixes);
}

static void measures_the_union(void **state)
{
	static const struct {
		const char *prefixes[5];
		uint64_t v4, addresses;
		size_t count;
	} cases[] = {
		{ { NULL }, 0, 0, 0 },
		{ { "192.0.2.0/24" }, 256, 256, 1 },
		{ { "192.0.2.0/24", "192.0.2.0/25", "192.0.2.7" }, 256, 256, 3 },
		{ { "192.0.2.0/25", "192.0.2.128/25", "10.0.0.1" }, 257, 257, 3 },
		{ { "192.0.2.0/25", "192.0.2.0/25" }, 128, 128, 1 },
		{ { "0.0.0.0/0", "10.0.0.0/8" }, 1ull << 32, 1ull << 32, 2 },
		{ { "2001:db8::/112", "10.0.0.0/24" }, 256, 65536 + 256, 2 },
		{ { "2001:db8::/65" }, 0, 1ull << 63, 1 },
		{ { "2001:db8::/64" }, 0, UINT64_MAX, 1 },
		{ { "2001:db8::/65", "2001:db9::/65" }, 0, UINT64_MAX, 2 },
		{ { "::/0", "10.0.0.1" }, 1, UINT64_MAX, 2 },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		struct hin_prefix_tree *tree = hin_prefix_tree_new();
		struct hin_prefix_size size;

		for (size_t k = 0; k < 5 && cases[i].prefixes[k] != NULL; k++)
			insert(tree, cases[i].prefixes[k], 1);
		assert_int_equal(hin_prefix_tree_build(tree, NULL), HIN_OK);
		size = hin_prefix_tree_size(tree);
		if (size.v4 != cases[i].v4 || size.addresses != cases[i].addresses ||
		    size.prefixes != cases[i].count)
			fail_msg("case %zu", i);
		hin_prefix_tree_free(tree);
	}
}

static void walks_in_order(void **state)
{
	static const char *const in[] = { "2001:db8::/32", "10.0.0.0/8", "10.0.0.0/16",
					  "9.0.0.0/8",	   "::/0",	 "10.0.0.0/8" };
	static const char *const want[] = { "9.0.0.0/8", "10.0.0.0/8", "10.0.0.0/16", "::/0",
					    "2001:db8::/32" };
	struct hin_prefix_tree *tree = hin_prefix_tree_new();
	struct hin_prefix p;
	size_t i = 0;

	(void)state;
	for (size_t k = 0; k < HIN_COUNT(in); k++)
		insert(tree, in[k], (uint32_t)k);
	assert_int_equal(hin_prefix_tree_build(tree, NULL), HIN_OK);
	for (; hin_prefix_tree_at(tree, i, &p, NULL); i++) {
		char text[HIN_PREFIX_TEXT];

		assert_true(i < HIN_COUNT(want));
		assert_string_equal(hin_prefix_format(&p, text), want[i]);
	}
	assert_int_equal(i, HIN_COUNT(want));
	hin_prefix_tree_free(tree);
}

static enum hin_code note_line(void *user, const struct hin_prefix *prefix, const char *rest,
			       size_t line, struct hin_error *err)
{
	char *out = user, text[HIN_PREFIX_TEXT];

	snprintf(out + strlen(out), 400 - strlen(out), "%zu:%s:%s;", line,
		 hin_prefix_format(prefix, text), rest);
	if (strcmp(rest, "refuse") == 0)
		return hin_fail(err, HIN_EDENIED, "refused");
	return HIN_OK;
}

static void reads_streams(void **state)
{
	static const struct {
		const char *text;
		size_t size;
		enum hin_code want;
		const char *seen, *message;
	} cases[] = {
		{ "", 0, HIN_OK, "", NULL },
		{ "10.0.0.0/8", 10, HIN_OK, "1:10.0.0.0/8:;", NULL },
		{ "10.0.0.0/8\n\n# x\n ::1  a b \t\r\n", 28, HIN_OK, "1:10.0.0.0/8:;4:::1/128:a b;",
		  NULL },
		{ "10.0.0.1#x\n", 11, HIN_EFORMAT, "",
		  "list:1: \"10.0.0.1#x\" is not an address or a prefix" },
		{ "10.0.0.1 n#1 # x\n", 17, HIN_OK, "1:10.0.0.1/32:n#1;", NULL },
		{ "\xef\xbb\xbf"
		  "10.0.0.1\n",
		  12, HIN_OK, "1:10.0.0.1/32:;", NULL },
		{ "10.0.0.1\n10.0.0.1/8\n", 20, HIN_ERANGE, "1:10.0.0.1/32:;",
		  "list:2: prefix \"10.0.0.1/8\" has host bits set; use 10.0.0.0/8" },
		{ "10.0.0.1\nfoo\x1b\n", 14, HIN_EFORMAT, "1:10.0.0.1/32:;",
		  "list:2: \"foo?\" is not an address or a prefix" },
		{ "10.0.0.1\n\0\n", 11, HIN_EFORMAT, "1:10.0.0.1/32:;",
		  "list:2: a NUL byte; this is no list of prefixes" },
		{ "10.0.0.1 refuse\n", 16, HIN_EDENIED, "1:10.0.0.1/32:refuse;",
		  "list:1: refused" },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		char seen[400] = "";
		struct hin_error err = { 0 };
		uint8_t *copy = hin_test_copy(cases[i].text, cases[i].size);
		FILE *in = fmemopen(copy, cases[i].size > 0 ? cases[i].size : 1, "r");
		enum hin_code code;

		if (cases[i].size == 0)
			(void)getc(in);
		code = hin_prefix_stream_read(in, "list", note_line, seen, &err);
		if (code != cases[i].want || strcmp(seen, cases[i].seen) != 0)
			fail_msg("case %zu: code %d, %s", i, (int)code, seen);
		if (code != HIN_OK)
			assert_string_equal(err.text, cases[i].message);
		fclose(in);
		free(copy);
	}
}

static void limits_lines(void **state)
{
	char text[HIN_PREFIX_LINE_LIMIT + 2], seen[400] = "";
	struct hin_error err;
	FILE *in;

	(void)state;
	memset(text, ' ', sizeof(text));
	memcpy(text, "10.0.0.1", 8);
	in = fmemopen(text, HIN_PREFIX_LINE_LIMIT, "r");
	assert_int_equal(hin_prefix_stream_read(in, "list", note_line, seen, NULL), HIN_OK);
	assert_string_equal(seen, "1:10.0.0.1/32:;");
	fclose(in);
	in = fmemopen(text, HIN_PREFIX_LINE_LIMIT + 1, "r");
	assert_int_equal(hin_prefix_stream_read(in, "list", note_line, seen, &err), HIN_ELIMIT);
	assert_string_equal(err.text, "list:1: the line is longer than 4096 bytes");
	fclose(in);
}

static void loads_what_an_operator_names(void **state)
{
	char path[] = "/tmp/hin-prefix-XXXXXX";
	struct hin_prefix_tree *tree = hin_prefix_tree_new();
	struct hin_error err;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd != -1);
	assert_int_equal(write(fd, "10.0.0.0/8 ours\n2001:db8::/32\n", 30), 30);
	assert_int_equal(hin_prefix_tree_load(tree, "192.0.2.0/24", 3, &err), HIN_OK);
	assert_int_equal(hin_prefix_tree_load(tree, path, 4, &err), HIN_OK);
	assert_int_equal(hin_prefix_tree_load(tree, "/tmp", 4, &err), HIN_ESYS);
	assert_string_equal(err.text, "read /tmp: Is a directory");
	assert_int_equal(hin_prefix_tree_load(tree, "192.0.2.1/24", 4, &err), HIN_ERANGE);
	assert_int_equal(hin_prefix_tree_load(tree, "192.0.2", 4, &err), HIN_ENOENT);
	assert_string_equal(err.text, "\"192.0.2\" is neither a prefix nor a file");
	assert_int_equal(hin_prefix_tree_build(tree, NULL), HIN_OK);
	assert_int_equal(hin_prefix_tree_find_v4(tree, 0xc0000201), 3);
	assert_int_equal(hin_prefix_tree_find_v4(tree, 0x0a000001), 4);
	close(fd);
	unlink(path);
	hin_prefix_tree_free(tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_the_longest),
		cmocka_unit_test(empty_and_edge_trees),
		cmocka_unit_test(agrees_with_a_search),
		cmocka_unit_test(measures_the_union),
		cmocka_unit_test(walks_in_order),
		cmocka_unit_test(reads_streams),
		cmocka_unit_test(limits_lines),
		cmocka_unit_test(loads_what_an_operator_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
