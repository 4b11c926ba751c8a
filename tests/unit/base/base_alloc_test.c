/* base_alloc_test - memory that runs out in prefix trees, settings and command lines. */
#include "../failing.h"

#include <stdio.h>
#include <unistd.h>

#include "base/config.h"
#include "base/options.h"
#include "base/prefix.h"

static char path[64];

/* ---- prefix trees ---- */

/* Deep and wide: all forms of a built node. */
static enum hin_code fill_tree(struct hin_prefix_tree *tree)
{
	enum hin_code code = HIN_OK;

	for (uint32_t n = 0; n < 3000 && code == HIN_OK; n++) {
		struct hin_prefix p = { .addr = hin_addr_of_v4(n * 2654435761u & 0xfffffff0u),
					.len = 28 };

		if (n % 3 == 0) {
			memset(&p.addr, 0, sizeof(p.addr));
			p.addr.b[0] = 0x2a;
			p.addr.b[4] = (uint8_t)n;
			p.addr.b[5] = (uint8_t)(n >> 8);
			p.len = 48;
		}
		code = hin_prefix_tree_insert(tree, &p, n, NULL);
	}
	return code;
}

static enum hin_code tree(void *user)
{
	struct hin_prefix_tree *tree = hin_prefix_tree_new();
	enum hin_code code;

	(void)user;
	if (tree == NULL)
		return HIN_ENOMEM;
	code = fill_tree(tree);
	if (code == HIN_OK)
		code = hin_prefix_tree_build(tree, NULL);
	if (code == HIN_OK)
		assert_int_equal(hin_prefix_tree_find_v4(tree, 2654435761u & 0xfffffff0u), 1);
	else if (code == HIN_ENOMEM && hin_prefix_tree_build(tree, NULL) == HIN_OK)
		(void)hin_prefix_tree_size(tree); /* a second try is good */
	hin_prefix_tree_free(tree);
	return code;
}

static enum hin_code tree_of_file(void *user)
{
	struct hin_prefix_tree *tree = hin_prefix_tree_new();
	enum hin_code code;

	(void)user;
	if (tree == NULL)
		return HIN_ENOMEM;
	code = hin_prefix_tree_load(tree, path, 7, NULL);
	hin_prefix_tree_free(tree);
	return code;
}

/* ---- settings ---- */

struct settings {
	uint64_t port;
	char *name;
	struct hin_config_list tags, dark;
};

static const struct hin_setting rows[] = {
	{ .name = "port",
	  .rule = { HIN_VALUE_U64, 1, 65535 },
	  .offset = offsetof(struct settings, port),
	  .text = "443",
	  .help = "where to listen" },
	{ .name = "sensor.name",
	  .rule = { HIN_VALUE_TEXT },
	  .offset = offsetof(struct settings, name),
	  .text = "tower",
	  .help = "its name" },
	{ .name = "sensor.tags",
	  .rule = { HIN_VALUE_LIST },
	  .offset = offsetof(struct settings, tags),
	  .text = "a,b",
	  .help = "labels" },
	{ .name = "sensor.dark",
	  .rule = { HIN_VALUE_PREFIXES },
	  .offset = offsetof(struct settings, dark),
	  .help = "unused space" },
};

static const struct hin_config_table table = { rows, HIN_COUNT(rows) };

static enum hin_code config(void *user)
{
	static const char text[] = "port: 80\nsensor:\n  name: lighthouse\n  tags: [x, y, z]\n"
				   "  dark:\n    - 198.18.0.0/16\n    - 2001:db8::/32\n";
	struct settings settings = { 0 };
	enum hin_code code = hin_config_init(&table, &settings, NULL);

	(void)user;
	if (code != HIN_OK)
		return code; /* nothing is held */
	code = hin_config_parse(&table, &settings, "sensor.yaml", text, sizeof(text) - 1, NULL);
	if (code == HIN_OK)
		code = hin_config_set(&table, &settings, "sensor.tags=q,r", NULL);
	if (code == HIN_OK) {
		assert_int_equal(settings.port, 80);
		assert_string_equal(settings.name, "lighthouse");
		assert_int_equal(settings.tags.count, 2);
		assert_int_equal(settings.dark.count, 2);
	}
	hin_config_fini(&table, &settings);
	return code;
}

static enum hin_code template(void *user) {
	struct hin_buffer out = { 0 }; bool failed;

	(void)user;
	hin_config_template(&table, HIN_EN, &out);
	hin_config_print(&table, HIN_JA, &out);
	hin_config_manual(&table, HIN_EN, &out);
	failed = out.failed;
	hin_buffer_fini(&out);
	return failed ? HIN_ENOMEM : HIN_OK;
}

/* ---- command lines ---- */

static const struct hin_option options[] = {
	{ .section = "Input", .section_ja = "入力" },
	{ "port",
	  'p',
	  "N",
	  HIN_OPTION_VALUE,
	  offsetof(struct settings, port),
	  { HIN_VALUE_U64, 1, 65535 },
	  .help = "where to listen",
	  .help_ja = "ポート" },
	{ "name", 'n', "TEXT", HIN_OPTION_TEXT, offsetof(struct settings, name), .help = "its name",
	  .help_ja = "名前" },
};

static const struct hin_program program = { .name = "hinomi test",
					    .args = "[FILE ...]",
					    .about = "a test",
					    .about_ja = "試験",
					    .options = options,
					    .option_count = HIN_COUNT(options) };

static enum hin_code command_line(void *user)
{
	char a[] = "test", b[] = "--port=5", c[] = "file", d[] = "-n", e[] = "lighthouse";
	char *argv[] = { a, b, c, d, e, NULL };
	struct settings settings = { 0 };
	struct hin_standard standard = { 0 };
	struct hin_buffer out = { 0 };
	int argc = 5;
	struct hin_error err;
	enum hin_code code = hin_options_parse(&program, &settings, &standard, &argc, argv, &err);

	(void)user;
	if (code == HIN_OK) {
		assert_int_equal(settings.port, 5);
		assert_ptr_equal(settings.name, e);
		assert_int_equal(argc, 2);
		hin_program_help(&program, HIN_JA, &out);
		hin_program_manual(&program, HIN_EN, &out);
		code = out.failed ? HIN_ENOMEM : HIN_OK;
	}
	hin_buffer_fini(&out);
	return code;
}

static void trees(void **state)
{
	(void)state;
	failing_each("tree", tree, NULL);
	failing_each("tree of a file", tree_of_file, NULL);
}

static void settings_from_yaml(void **state)
{
	(void)state;
	failing_each("config", config, NULL);
	failing_each("template", template, NULL);
}

static void command_lines(void **state)
{
	(void)state;
	failing_each("command line", command_line, NULL);
}

static int setup(void **state)
{
	FILE *out;

	(void)state;
	snprintf(path, sizeof(path), "/tmp/hinomi-base-alloc-%d", (int)getpid());
	out = fopen(path, "we");
	if (out == NULL)
		return -1;
	for (unsigned n = 0; n < 300; n++)
		fprintf(out, "10.%u.%u.0/24 x # y\n2001:db8:%x::/48\n", n / 256, n % 256, n);
	return fclose(out);
}

static int teardown(void **state)
{
	(void)state;
	return unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(trees),
		cmocka_unit_test(settings_from_yaml),
		cmocka_unit_test(command_lines),
	};

	return cmocka_run_group_tests_name("base_alloc", tests, setup, teardown);
}
