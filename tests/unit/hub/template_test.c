/* template_test - places, choices, and mistakes with their line */
#include <stdio.h>

#include "../test.h"
#include "hub/telling/template.h"

static const char *const names[] = { "a", "b", NULL };

static void renders(void **state)
{
	static const struct {
		const char *text, *a, *b, *title, *want;
	} cases[] = {
		{ "title: x\n\nhello\n", "", "", "x", "hello\n" },
		{ "# note\ntitle: {a}!\n\n# more\n{a} and {b}\n", "1", "2", "1!", "1 and 2\n" },
		{ "title: x\n{{a} {{ {a}}\n", "1", "", "x", "{a} { 1}\n" },
		{ "title: x\n{if a}\nyes\n{else}\nno\n{end}\nend\n", "1", "", "x", "yes\nend\n" },
		{ "title: x\n{if a}\nyes\n{else}\nno\n{end}\nend\n", "", "", "x", "no\nend\n" },
		{ "title: x\n{if a=1}\none\n{end}\n{if a=2}\ntwo\n{end}\n", "2", "", "x", "two\n" },
		{ "title: x\n{if a}\n{if b}\nboth\n{else}\nfirst\n{end}\n{end}\n", "1", NULL, "x",
		  "first\n" },
		{ "title: x\n{if a}\n{if b}\nboth\n{end}\n{end}\nlast", NULL, "1", "x", "last" },
		/* nothing in a value is a directive */
		{ "title: {a}\n{b}\n", "{b}", "{if a}\n{a}", "{b}", "{if a}\n{a}\n" },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		const char *values[] = { cases[i].a, cases[i].b };
		struct hin_buffer title = { 0 }, text = { 0 };
		struct hin_template *t = NULL;
		struct hin_error err = { 0 };

		if (hin_template_parse(&t, "x.txt", cases[i].text, strlen(cases[i].text), names,
				       &err) != HIN_OK)
			fail_msg("%s", err.text);
		hin_template_render(t, values, &title, &text);
		if (strcmp(hin_buffer_text(&title), cases[i].title) != 0 ||
		    strcmp(hin_buffer_text(&text), cases[i].want) != 0)
			fail_msg("case %zu: \"%s\" \"%s\"", i, hin_buffer_text(&title),
				 hin_buffer_text(&text));
		hin_buffer_fini(&title);
		hin_buffer_fini(&text);
		hin_template_free(t);
	}
}

static void refuses_with_the_line(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ "", "x.txt:1: a text begins with" },
		{ "# only\n", "x.txt:2: a text begins with" },
		{ "hello\n", "x.txt:1: a text begins with" },
		{ "title: {c}\n", "x.txt:1: nothing is called \"c\"" },
		{ "title: x\n\n{d}\n", "x.txt:3: nothing is called \"d\"" },
		{ "title: x\n{a\n", "x.txt:2: a { without its }" },
		{ "title: x\n{if c}\n{end}\n", "x.txt:2: nothing is called \"c\"" },
		{ "title: x\n\n{if a}\ny\n", "x.txt:3: {if} without its {end}" },
		{ "title: x\n{end}\n", "x.txt:2: {end} without its {if}" },
		{ "title: x\n{else}\n", "x.txt:2: {else} without its {if}" },
		{ "title: x\n{if a}\n{else}\n{else}\n{end}\n", "x.txt:4: {else} without" },
		{ "title: x\n\xff\n", "x.txt:2: a byte that is no UTF-8" },
		{ "title: x\ny\r\n", "x.txt:2: a byte that is" },
		{ "title: x\n\xe2\x80\xae\n", "x.txt:2: a byte that is" },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		struct hin_template *t = NULL;
		struct hin_error err = { 0 };
		uint8_t *in = hin_test_copy(cases[i].text, strlen(cases[i].text));
		enum hin_code code =
			hin_template_parse(&t, "x.txt", in, strlen(cases[i].text), names, &err);

		free(in);
		if (code != HIN_EFORMAT ||
		    strncmp(err.text, cases[i].want, strlen(cases[i].want)) != 0)
			fail_msg("%zu: %d %s", i, code, err.text);
		assert_null(t);
	}
}

static void limits(void **state)
{
	static char text[HIN_TEMPLATE_SIZE + 2] = "title: x\n";
	struct hin_template *t = NULL;
	size_t used = strlen(text);

	(void)state;
	for (int i = 0; i < HIN_TEMPLATE_DEPTH + 1; i++)
		used += (size_t)sprintf(text + used, "{if a}\n");
	assert_int_equal(hin_template_parse(&t, "x", text, used, names, NULL), HIN_ELIMIT);
	memset(text + 9, 'x', sizeof(text) - 9);
	assert_int_equal(hin_template_parse(&t, "x", text, sizeof(text), names, NULL), HIN_ELIMIT);
	used = 9;
	while (used + 3 < HIN_TEMPLATE_SIZE)
		used += (size_t)sprintf(text + used, "{a}");
	assert_int_equal(hin_template_parse(&t, "x", text, used, names, NULL), HIN_ELIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(renders),
		cmocka_unit_test(refuses_with_the_line),
		cmocka_unit_test(limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
