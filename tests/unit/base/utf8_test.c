#include "../test.h"

#include "base/utf8.h"

static void reads_and_refuses(void **state)
{
	static const struct {
		const char *name, *bytes;
		size_t size;
		uint32_t want;
		size_t consumed;
	} cases[] = {
		{ "ascii", "a", 1, 'a', 1 },
		{ "nul", "\0", 1, 0, 1 },
		{ "two bytes", "\xc3\xa9", 2, 0xe9, 2 },
		{ "three bytes", "\xe7\x81\xab", 3, 0x706b, 3 },
		{ "four bytes", "\xf0\x9f\x94\xa5", 4, 0x1f525, 4 },
		{ "last character", "\xf4\x8f\xbf\xbf", 4, 0x10ffff, 4 },
		{ "beyond the last", "\xf4\x90\x80\x80", 4, HIN_UTF8_BAD, 1 },
		{ "lone continuation", "\x80", 1, HIN_UTF8_BAD, 1 },
		{ "overlong slash", "\xc0\xaf", 2, HIN_UTF8_BAD, 1 },
		{ "overlong of three", "\xe0\x9f\xbf", 3, HIN_UTF8_BAD, 1 },
		{ "overlong of four", "\xf0\x8f\xbf\xbf", 4, HIN_UTF8_BAD, 1 },
		{ "surrogate", "\xed\xa0\x80", 3, HIN_UTF8_BAD, 1 },
		{ "cut", "\xe7\x81", 2, HIN_UTF8_BAD, 1 },
		{ "broken inside", "\xe7\x41\xab", 3, HIN_UTF8_BAD, 1 },
		{ "not a byte of UTF-8", "\xff", 1, HIN_UTF8_BAD, 1 },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		uint8_t *copy = hin_test_copy(cases[i].bytes, cases[i].size);
		struct hin_reader in = hin_reader_of(copy, cases[i].size);
		uint32_t cp = hin_utf8_read(&in);

		if (cp != cases[i].want || in.failed ||
		    in.left != cases[i].size - cases[i].consumed)
			fail_msg("%s: %x, %zu left", cases[i].name, cp, in.left);
		free(copy);
	}
}

static void writes_what_it_reads(void **state)
{
	char out[4];

	(void)state;
	for (uint32_t cp = 0; cp <= 0x110000; cp++) {
		size_t n = hin_utf8_write(out, cp);
		struct hin_reader in = hin_reader_of(out, n);
		bool is_none = (cp >= 0xd800 && cp <= 0xdfff) || cp > 0x10ffff;

		assert_int_equal(n == 0, is_none);
		if (n > 0 && (hin_utf8_read(&in) != cp || in.left > 0))
			fail_msg("U+%04X does not come back", cp);
	}
}

static void knows_hidden_ones(void **state)
{
	static const uint32_t hidden[] = { 0,	   0x1b,   0x7f,   0x85,    0x9b,   0xad,
					   0x61c,  0x200b, 0x200e, 0x2028,  0x202e, 0x2066,
					   0xfeff, 0xffff, 0xfff9, 0xe0041, 0x1ffff };
	static const uint32_t shown[] = { ' ', '~', 0xa0, 0xe9, 0x3042, 0x706b, 0x1f525, 0x301 };

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(hidden); i++)
		if (!hin_utf8_is_hidden(hidden[i]))
			fail_msg("U+%04X is hidden", hidden[i]);
	for (size_t i = 0; i < HIN_COUNT(shown); i++)
		if (hin_utf8_is_hidden(shown[i]))
			fail_msg("U+%04X is shown", shown[i]);
}

static void measures(void **state)
{
	static const struct {
		uint32_t cp;
		unsigned want;
	} cases[] = {
		{ 'a', 1 },    { 0xe9, 1 },    { 0x301, 0 },   { 0x3042, 2 }, { 0x706b, 2 },
		{ 0xff71, 1 }, { 0xff21, 2 },  { 0x1f525, 2 }, { 0x2588, 1 }, { 0x2026, 1 },
		{ 0x3099, 0 }, { 0x20000, 2 }, { 0x2fffd, 2 }, { 0x200d, 0 }, { 0xac00, 2 },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++)
		if (hin_utf8_width(cases[i].cp) != cases[i].want)
			fail_msg("U+%04X", cases[i].cp);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_and_refuses),
		cmocka_unit_test(writes_what_it_reads),
		cmocka_unit_test(knows_hidden_ones),
		cmocka_unit_test(measures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
