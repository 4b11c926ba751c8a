/* syntax_test - what is a whole line, what wants more, what is wrong and how it is told. */
#include "../test.h"
#include "decoy/shell/syntax.h"

struct row {
	const char *text;
	bool ash, more;
	enum hin_syntax_result result;
	const char *unexpected, *expecting, *reason;
};

static bool same(const char *a, const char *b)
{
	return (a == NULL) == (b == NULL) && (a == NULL || strcmp(a, b) == 0);
}

static void whole_more_and_wrong(void **state)
{
	static const struct row rows[] = {
		{ "echo a", .result = HIN_SYNTAX_OK },
		{ "", .result = HIN_SYNTAX_OK },
		{ "if true", .more = true, .result = HIN_SYNTAX_MORE },
		{ "echo 'a", .more = true, .result = HIN_SYNTAX_MORE },
		{ "echo a |", .more = true, .result = HIN_SYNTAX_MORE },
		{ "echo a &&\n", .more = true, .result = HIN_SYNTAX_MORE },
		{ "cat <<E\nx\n", .more = true, .result = HIN_SYNTAX_MORE },
		{ "cat <<E\nx\nE\n", .more = true, .result = HIN_SYNTAX_OK },
		{ "echo a \\\n", .more = true, .result = HIN_SYNTAX_OK },
		{ "f() {", .more = true, .result = HIN_SYNTAX_MORE },
		{ "if true", .result = HIN_SYNTAX_ERROR, .unexpected = "end of file",
		  .expecting = "then" },
		{ "fi", .result = HIN_SYNTAX_ERROR, .unexpected = "fi" },
		{ "echo )", .result = HIN_SYNTAX_ERROR, .unexpected = ")" },
		{ ";;", .result = HIN_SYNTAX_ERROR, .unexpected = ";;" },
		{ "echo 'a", .result = HIN_SYNTAX_ERROR, .reason = "Unterminated quoted string" },
		{ "echo ${a", .result = HIN_SYNTAX_ERROR, .reason = "Missing '}'" },
		{ "function f { :; }", .result = HIN_SYNTAX_ERROR, .unexpected = "}" },
		{ "function f { :; }", .ash = true, .result = HIN_SYNTAX_OK },
		{ "echo $'a\\n'", .ash = true, .result = HIN_SYNTAX_OK },
	};
	struct hin_arena arena = { 0 };

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(rows); i++) {
		struct hin_syntax s = { .ash = rows[i].ash, .more = rows[i].more };
		size_t size = strlen(rows[i].text);
		uint8_t *text = hin_test_copy(rows[i].text, size);
		enum hin_syntax_result got = hin_syntax_line(&s, &arena, (const char *)text, size);

		if (got != rows[i].result ||
		    (got == HIN_SYNTAX_ERROR &&
		     (!same(s.unexpected, rows[i].unexpected) ||
		      !same(s.expecting, rows[i].expecting) || !same(s.reason, rows[i].reason))))
			fail_msg("%s: %d %s %s %s", rows[i].text, got, s.unexpected, s.expecting,
				 s.reason);
		free(text);
		hin_arena_reset(&arena);
	}
	hin_arena_fini(&arena);
}

static void one_line_at_a_time(void **state)
{
	static const char text[] = "echo a\necho b; echo c\n";
	struct hin_arena arena = { 0 };
	struct hin_syntax s = { 0 };

	(void)state;
	assert_int_equal(hin_syntax_line(&s, &arena, text, strlen(text)), HIN_SYNTAX_OK);
	assert_int_equal(s.taken, 7);
	assert_int_equal(s.tree->type, HIN_NODE_SIMPLE);
	assert_int_equal(hin_syntax_line(&s, &arena, text + 7, strlen(text + 7)), HIN_SYNTAX_OK);
	assert_int_equal(s.tree->type, HIN_NODE_LIST);
	assert_int_equal(s.line, 3);
	hin_arena_fini(&arena);
}

static void depth_is_bounded(void **state)
{
	static const char *const openers[] = { "(", "$(", "${a-", "{ ", "if ", "\"$(", "while " };
	struct hin_arena arena = { 0 };

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(openers); i++) {
		size_t one = strlen(openers[i]), size = 10000 * one;
		char *text = malloc(size);
		struct hin_syntax s = { 0 };

		for (size_t k = 0; k < 10000; k++)
			memcpy(text + k * one, openers[i], one);
		assert_int_not_equal(hin_syntax_line(&s, &arena, text, size), HIN_SYNTAX_OK);
		free(text);
		hin_arena_reset(&arena);
	}
	hin_arena_fini(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_more_and_wrong),
		cmocka_unit_test(one_line_at_a_time),
		cmocka_unit_test(depth_is_bounded),
	};

	return cmocka_run_group_tests_name("syntax", tests, NULL, NULL);
}
