#include "../test.h"

#include "text/table.h"

static void check(const struct hin_table *table, const struct hin_table_layout *layout,
		  const char *want)
{
	struct hin_buffer out = { 0 };

	assert_int_equal(hin_table_print(table, &out, layout), HIN_OK);
	assert_string_equal(hin_buffer_text(&out), want);
	hin_buffer_fini(&out);
}

static void aligns_columns(void **state)
{
	static const struct hin_column columns[] = {
		{ "source", HIN_LEFT, 0, false },
		{ "packets", HIN_RIGHT, 0, false },
		{ "what", HIN_LEFT, 10, false },
	};
	struct hin_table *table = hin_table_new(columns, HIN_COUNT(columns));

	(void)state;
	check(table, &(struct hin_table_layout){ 0 }, "source  packets  what\n");
	hin_table_cell(table, "192.0.2.1");
	hin_table_count(table, 1234567);
	hin_table_cell(table, "走査");
	hin_table_cell(table, "火の見");
	hin_table_cellf(table, "%d", 7);
	hin_table_cell(table, "far too long a text");
	hin_table_cell(table, "");
	hin_table_cell(table, "");
	hin_table_cell_styled(table, HIN_STYLE_RED, "red");
	hin_table_cell(table, "last");
	assert_int_equal(hin_table_rows(table), 4);
	hin_table_end_row(table);
	hin_table_end_row(table);
	assert_int_equal(hin_table_rows(table), 4);
	check(table, &(struct hin_table_layout){ .indent = 1 },
	      " source       packets  what\n"
	      " 192.0.2.1  1,234,567  走査\n"
	      " 火の見             7  far too ..\n"
	      "                       red\n"
	      " last\n");
	check(table, &(struct hin_table_layout){ .color = true },
	      "\x1b[1msource\x1b[0m       \x1b[1mpackets\x1b[0m  \x1b[1mwhat\x1b[0m\n"
	      "192.0.2.1  1,234,567  走査\n"
	      "火の見             7  far too ..\n"
	      "                      \x1b[31mred\x1b[0m\n"
	      "last\n");
	hin_table_free(table);
	hin_table_free(NULL);
}

static void gives_way_to_the_terminal(void **state)
{
	static const struct hin_column columns[] = {
		{ NULL, HIN_LEFT, 0, true },
		{ NULL, HIN_RIGHT, 0, false },
		{ NULL, HIN_RIGHT, 0, true },
	};
	struct hin_table *table = hin_table_new(columns, HIN_COUNT(columns));

	(void)state;
	hin_table_cell(table, "a name of some length");
	hin_table_cell(table, "1,234");
	hin_table_cell(table, "火の見櫓の上から");
	check(table, &(struct hin_table_layout){ 0 },
	      "a name of some length  1,234  火の見櫓の上から\n");
	check(table, &(struct hin_table_layout){ .width = 35 },
	      "a name of s..  1,234  火の見櫓の..\n");
	check(table, &(struct hin_table_layout){ .width = 36 },
	      "a name of s..  1,234  火の見櫓の上..\n");
	check(table, &(struct hin_table_layout){ .width = 5 }, "a name..  1,234  火の見..\n");
	hin_table_free(table);
}

static void decides_on_colours(void **state)
{
	enum hin_color color = HIN_COLOR_AUTO;

	(void)state;
	assert_int_equal(hin_color_parse(&color, "never", NULL), HIN_OK);
	assert_false(hin_color_wanted(color, 1));
	assert_int_equal(hin_color_parse(&color, "always", NULL), HIN_OK);
	assert_true(hin_color_wanted(color, -1));
	assert_int_equal(hin_color_parse(&color, "auto", NULL), HIN_OK);
	assert_false(hin_color_wanted(color, -1));
	assert_int_equal(hin_color_parse(&color, "yes", NULL), HIN_EUSAGE);
	assert_int_equal(hin_style_columns(-1), 80);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(aligns_columns),
		cmocka_unit_test(gives_way_to_the_terminal),
		cmocka_unit_test(decides_on_colours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
