#include "../test.h"

#include "base/escape.h"

typedef void (*escape_fn)(struct hin_buffer *out, const void *data, size_t size);

static void check(const char *name, escape_fn escape, const char *in, size_t size, const char *want)
{
	uint8_t *copy = hin_test_copy(in, size);
	struct hin_buffer out = { 0 };

	escape(&out, copy, size);
	if (strcmp(hin_buffer_text(&out), want) != 0)
		fail_msg("%s: got %s, not %s", name, hin_buffer_text(&out), want);
	hin_buffer_fini(&out);
	free(copy);
}

static void makes_bytes_safe(void **state)
{
	static const struct {
		const char *name, *in;
		size_t size;
		const char *terminal, *quoted, *html, *json;
	} cases[] = {
		{ "plain", "abc", 3, "abc", "\"abc\"", "abc", "\"abc\"" },
		{ "empty", "", 0, "", "\"\"", "", "\"\"" },
		{ "backslash", "a\\x1b", 5, "a\\\\x1b", "\"a\\\\x1b\"", "a\\x1b", "\"a\\\\x1b\"" },
		{ "quotes", "\"'", 2, "\"'", "\"\\\"'\"", "&quot;&#39;", "\"\\\"'\"" },
		{ "newline, tab", "\n\t", 2, "\\x0a\\x09", "\"\\x0a\\x09\"", "\n\t", "\"\\n\\t\"" },
		{ "nul", "\0", 1, "\\x00", "\"\\x00\"", "\\x00", "\"\\u0000\"" },
		{ "terminal escape", "\x1b[31m", 5, "\\x1b[31m", "\"\\x1b[31m\"", "\\x1b[31m",
		  "\"\\u001b[31m\"" },
		{ "C1", "\xc2\x9b", 2, "\\u{9b}", "\"\\u{9b}\"", "\\u{9b}", "\"\\u009b\"" },
		{ "bidi", "\xe2\x80\xae", 3, "\\u{202e}", "\"\\u{202e}\"", "\\u{202e}",
		  "\"\\u202e\"" },
		{ "tag", "\xf3\xa0\x81\x81", 4, "\\u{e0041}", "\"\\u{e0041}\"", "\\u{e0041}",
		  "\"\\udb40\\udc41\"" },
		{ "no UTF-8", "\xff\xc3", 2, "\\xff\\xc3", "\"\\xff\\xc3\"", "\\xff\\xc3",
		  "\"\\ufffd\\ufffd\"" },
		{ "Japanese", "火", 3, "火", "\"火\"", "火", "\"火\"" },
		{ "markup", "<b>&", 4, "<b>&", "\"<b>&\"", "&lt;b&gt;&amp;", "\"\\u003cb>&\"" },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		check(cases[i].name, hin_escape, cases[i].in, cases[i].size, cases[i].terminal);
		check(cases[i].name, hin_escape_quoted, cases[i].in, cases[i].size,
		      cases[i].quoted);
		check(cases[i].name, hin_escape_html, cases[i].in, cases[i].size, cases[i].html);
		check(cases[i].name, hin_escape_json, cases[i].in, cases[i].size, cases[i].json);
	}
}

static void cuts_between_characters(void **state)
{
	static const struct {
		const char *in;
		size_t size;
		const char *want;
	} cases[] = {
		{ "abc", 4, "abc" },
		{ "abcdef", 6, "ab..." },
		{ "abcdef", 7, "abcdef" },
		{ "火の見", 10, "火の見" },
		{ "火の見", 9, "火..." },
		{ "a\x1b"
		  "b",
		  6, "a..." },
		{ "a\x1b", 6, "a\\x1b" },
		{ "abcdef", 4, "..." },
		{ "abcdef", 3, "" },
		{ "", 1, "" },
		{ "a", 1, "" },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		char *out = malloc(cases[i].size);

		assert_non_null(out);
		hin_escape_text(out, cases[i].size, cases[i].in);
		if (strcmp(out, cases[i].want) != 0)
			fail_msg("%s in %zu: %s", cases[i].in, cases[i].size, out);
		free(out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(makes_bytes_safe),
		cmocka_unit_test(cuts_between_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
