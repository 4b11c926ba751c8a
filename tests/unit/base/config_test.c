#include "../test.h"

#include <stdio.h>
#include <unistd.h>

#include "base/config.h"

struct settings {
	bool verbose;
	uint64_t port;
	int64_t offset;
	double share;
	uint64_t memory;
	int64_t timeout_ns;
	int mode;
	char *name;
	struct hin_config_list tags, dark;
	uint64_t deep, deepest;
};

static const char *const modes[] = { "fast", "exact", NULL };

static const struct hin_setting rows[] = {
	{ "verbose",
	  { HIN_VALUE_BOOL },
	  offsetof(struct settings, verbose),
	  "no",
	  "say more",
	  NULL,
	  NULL },
	{ "port",
	  { HIN_VALUE_U64, 1, 65535 },
	  offsetof(struct settings, port),
	  "443",
	  "where to listen",
	  "待ち受けるポート",
	  "RFC 9110" },
	{ "offset",
	  { HIN_VALUE_I64, -5, 5 },
	  offsetof(struct settings, offset),
	  "-1",
	  "shift",
	  NULL,
	  NULL },
	{ "event.share",
	  { HIN_VALUE_DOUBLE, .low = 0, .high = 1 },
	  offsetof(struct settings, share),
	  "0.5",
	  "share",
	  NULL,
	  NULL },
	{ "event.memory",
	  { HIN_VALUE_SIZE, 1 << 20, 1 << 30 },
	  offsetof(struct settings, memory),
	  "64M",
	  "budget",
	  NULL,
	  NULL },
	{ "event.timeout",
	  { HIN_VALUE_DURATION, 1, 86400000000000 },
	  offsetof(struct settings, timeout_ns),
	  "6h",
	  "silence that ends an event",
	  NULL,
	  "CAIDA" },
	{ "event.mode",
	  { HIN_VALUE_CHOICE, .choices = modes },
	  offsetof(struct settings, mode),
	  "exact",
	  "how",
	  NULL,
	  NULL },
	{ "sensor.name",
	  { HIN_VALUE_TEXT },
	  offsetof(struct settings, name),
	  "tower \"1\"",
	  "its name",
	  NULL,
	  NULL },
	{ "sensor.tags",
	  { HIN_VALUE_LIST },
	  offsetof(struct settings, tags),
	  "a,b",
	  "labels",
	  NULL,
	  NULL },
	{ "sensor.dark",
	  { HIN_VALUE_PREFIXES },
	  offsetof(struct settings, dark),
	  NULL,
	  "unused space",
	  NULL,
	  NULL },
	{ "a.b.c.d.e.f.g.h.i",
	  { HIN_VALUE_U64 },
	  offsetof(struct settings, deep),
	  "1",
	  "deep",
	  NULL,
	  NULL },
	{ "a.b.c.d.e.f.g.h.i2.k",
	  { HIN_VALUE_U64 },
	  offsetof(struct settings, deepest),
	  "1",
	  "too deep but for its full name",
	  NULL,
	  NULL },
};

static const struct hin_config_table table = { rows, HIN_COUNT(rows) };

static void join(struct hin_buffer *out, const struct hin_config_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		hin_buffer_printf(out, "%s%s", i > 0 ? "|" : "", list->items[i]);
}

/* All that was set, in one line. */
static void show(struct hin_buffer *out, const struct settings *s)
{
	hin_buffer_printf(out, "%d %d %d %g %lldM %llds %s %s [", s->verbose, (int)s->port,
			  (int)s->offset, s->share, (long long)s->memory >> 20,
			  (long long)s->timeout_ns / 1000000000, modes[s->mode], s->name);
	join(out, &s->tags);
	hin_buffer_puts(out, "] [");
	join(out, &s->dark);
	hin_buffer_printf(out, "] %d", (int)s->deep);
}

#define DEFAULTS "0 443 -1 0.5 64M 21600s exact tower \"1\" [a|b] [] 1"

static void parses_and_refuses(void **state)
{
	static const struct {
		const char *text, *want;
		enum hin_code code;
	} cases[] = {
		{ "", DEFAULTS, HIN_OK },
		{ "# nothing\n", DEFAULTS, HIN_OK },
		{ "---\n...\n", DEFAULTS, HIN_OK },
		{ "event:\n  # timeout: 1h\nsensor:\n", DEFAULTS, HIN_OK },
		{ "verbose: yes\nport: 80\noffset: -5\nevent:\n  share: 0.25\n  memory: 1M\n"
		  "  timeout: 90s\n  mode: fast\nsensor:\n  name: \"x: y\"\n  tags: [q, 'r,s']\n"
		  "  dark:\n    - 10.0.0.0/8\n    - 2001:db8::/32\n",
		  "1 80 -5 0.25 1M 90s fast x: y [q|r,s] [10.0.0.0/8|2001:db8::/32] 1", HIN_OK },
		{ "event.timeout: 90s\nsensor: {tags: one, name: ''}\n",
		  "0 443 -1 0.5 64M 90s exact  [one] [] 1", HIN_OK },
		{ "sensor:\n  tags: []\n", "0 443 -1 0.5 64M 21600s exact tower \"1\" [] [] 1",
		  HIN_OK },
		{ "a: {b: {c: {d: {e: {f: {g: {h: {i: 7}}}}}}}}",
		  "0 443 -1 0.5 64M 21600s exact tower \"1\" [a|b] [] 7", HIN_OK },
		{ "port: 80\nport: 81\n", "f:2: \"port\" was set in line 1 already", HIN_EFORMAT },
		{ "event:\n  mode: fast\nevent.mode: exact\n",
		  "f:3: \"event.mode\" was set in line 2 already", HIN_EFORMAT },
		{ "port: 80\nevnt:\n  timeout: 1h\n",
		  "f:2: unknown setting \"evnt\"; did you mean \"event\"?", HIN_EFORMAT },
		{ "event:\n  timeout: 1h\n  mod: fast\n",
		  "f:3: unknown setting \"mod\"; did you mean \"mode\"?", HIN_EFORMAT },
		{ "event.timeot: 1h\n",
		  "f:1: unknown setting \"event.timeot\"; did you mean \"event.timeout\"?",
		  HIN_EFORMAT },
		{ "wholly: 1\n", "f:1: unknown setting \"wholly\"", HIN_EFORMAT },
		{ "\n\nport: 70000\n", "f:3: port \"70000\" is not in 1-65535", HIN_ERANGE },
		{ "port:\n  70000\n", "f:2: port \"70000\" is not in 1-65535", HIN_ERANGE },
		{ "port: http\n", "f:1: port \"http\" is not a whole number", HIN_EFORMAT },
		{ "port:\n", "f:1: \"port\" has no value", HIN_EFORMAT },
		{ "port: [1]\n", "f:1: \"port\" takes one value, not a list", HIN_EFORMAT },
		{ "port: {a: 1}\n", "f:1: \"port\" is a setting, not a group", HIN_EFORMAT },
		{ "event: 5\n", "f:1: \"event\" is a group of settings, not a value", HIN_EFORMAT },
		{ "event: [5]\n", "f:1: \"event\" is a group of settings, not a value",
		  HIN_EFORMAT },
		{ "verbose: maybe\n", "f:1: verbose \"maybe\" is not yes or no", HIN_EFORMAT },
		{ "event: {mode: slow}\n", "f:1: event.mode \"slow\" is not fast or exact",
		  HIN_EFORMAT },
		{ "event: {timeout: 90}\n",
		  "f:1: event.timeout \"90\" is not a duration like 90s, 10m, 6h or 7d",
		  HIN_EFORMAT },
		{ "event: {memory: 2G}\n", "f:1: event.memory \"2G\" is not in 1M-1G", HIN_ERANGE },
		{ "sensor:\n  tags:\n  - a\n  - [b]\n", "f:4: sensor.tags takes plain items only",
		  HIN_EFORMAT },
		{ "sensor:\n  tags:\n  - a\n  -\n", "f:4: sensor.tags has an empty item",
		  HIN_EFORMAT },
		{ "sensor:\n  dark:\n  - 10.0.0.0/8\n  - 10.0.0.1/8\n",
		  "f:4: prefix \"10.0.0.1/8\" has host bits set; use 10.0.0.0/8", HIN_ERANGE },
		{ "sensor:\n  dark: /nonexistent\n",
		  "f:2: sensor.dark \"/nonexistent\" is neither a prefix nor a file", HIN_EFORMAT },
		{ "port: &a 80\n", "f:1: anchors and aliases are not taken", HIN_EFORMAT },
		{ "port: *a\n", "f:1: anchors and aliases are not taken", HIN_EFORMAT },
		{ "event: &a {}\n", "f:1: anchors and aliases are not taken", HIN_EFORMAT },
		{ "port: !!int 80\n", "f:1: tags are not taken", HIN_EFORMAT },
		{ "sensor: {name: \"a\\0b\"}\n", "f:1: a NUL character in a value", HIN_EFORMAT },
		{ "- port\n", "f:1: settings are wanted, as \"name: value\"", HIN_EFORMAT },
		{ "port\n", "f:1: settings are wanted, as \"name: value\"", HIN_EFORMAT },
		{ "port: 80\n---\nport: 81\n", "f:2: a second document", HIN_EFORMAT },
		{ "? [a]\n: 1\n", "f:1: a name of a setting is wanted", HIN_EFORMAT },
		{ "'': 1\n", "f:1: \"\" is no name of a setting", HIN_EFORMAT },
		{ "port: 80\n\tx: 1\n",
		  "f:2: found a tab character that violates indentation while scanning a plain "
		  "scalar",
		  HIN_EFORMAT },
		{ "event: {mode: fast\n",
		  "f:2: did not find expected ',' or '}' while parsing a flow mapping",
		  HIN_EFORMAT },
		{ "port: \xff\n", "f: byte 6: invalid leading UTF-8 octet", HIN_EFORMAT },
		{ "a: {b: {c: {d: {e: {f: {g: {h: {i2: {k: 7}}}}}}}}}",
		  "f:1: more than 8 groups in each other", HIN_ELIMIT },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		size_t size = strlen(cases[i].text);
		uint8_t *copy = hin_test_copy(cases[i].text, size);
		struct hin_buffer got = { 0 };
		struct settings s = { 0 };
		struct hin_error err = { 0 };
		enum hin_code code;

		if (hin_config_init(&table, &s, &err) != HIN_OK)
			fail_msg("%s", err.text);
		code = hin_config_parse(&table, &s, "f", copy, size, &err);
		if (code == HIN_OK)
			show(&got, &s);
		else
			hin_buffer_puts(&got, err.text);
		if (code != cases[i].code || strcmp(hin_buffer_text(&got), cases[i].want) != 0)
			fail_msg("%s: %d, %s", cases[i].text, (int)code, hin_buffer_text(&got));
		hin_buffer_fini(&got);
		hin_config_fini(&table, &s);
		free(copy);
	}
	hin_config_fini(&table, NULL);
}

static void sets_from_the_command_line(void **state)
{
	static const struct {
		const char *text, *want;
		enum hin_code code;
	} cases[] = {
		{ "port=80", "0 80 -1 0.5 64M 21600s exact tower \"1\" [a|b] [] 1", HIN_OK },
		{ "sensor.name=a=b", "0 443 -1 0.5 64M 21600s exact a=b [a|b] [] 1", HIN_OK },
		{ "sensor.tags=x,y,z", "0 443 -1 0.5 64M 21600s exact tower \"1\" [x|y|z] [] 1",
		  HIN_OK },
		{ "sensor.tags=", "0 443 -1 0.5 64M 21600s exact tower \"1\" [] [] 1", HIN_OK },
		{ "sensor.tags=x,,z", "sensor.tags has an empty item", HIN_EFORMAT },
		{ "port=0", "port \"0\" is not in 1-65535", HIN_ERANGE },
		{ "event=0", "\"event\" is a group of settings", HIN_EFORMAT },
		{ "evnt.mode=fast", "unknown setting \"evnt.mode\"; did you mean \"event.mode\"?",
		  HIN_EFORMAT },
		{ "port", "\"port\" is not NAME=VALUE", HIN_EFORMAT },
		{ "=5", "\"=5\" is not NAME=VALUE", HIN_EFORMAT },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		struct hin_buffer got = { 0 };
		struct settings s = { 0 };
		struct hin_error err = { 0 };
		enum hin_code code;

		assert_int_equal(hin_config_init(&table, &s, &err), HIN_OK);
		code = hin_config_set(&table, &s, cases[i].text, &err);
		if (code == HIN_OK)
			show(&got, &s);
		else
			hin_buffer_puts(&got, err.text);
		if (code != cases[i].code || strcmp(hin_buffer_text(&got), cases[i].want) != 0)
			fail_msg("%s: %d, %s", cases[i].text, (int)code, hin_buffer_text(&got));
		hin_buffer_fini(&got);
		hin_config_fini(&table, &s);
	}
}

static void keeps_its_limits(void **state)
{
	struct hin_buffer text = { 0 };
	struct settings s = { 0 };
	struct hin_error err = { 0 };

	(void)state;
	assert_int_equal(hin_config_init(&table, &s, &err), HIN_OK);
	hin_buffer_fill(&text, '\n', HIN_CONFIG_SIZE);
	assert_int_equal(hin_config_parse(&table, &s, "f", text.data, text.used, &err), HIN_OK);
	hin_buffer_putc(&text, '\n');
	assert_int_equal(hin_config_parse(&table, &s, "f", text.data, text.used, &err), HIN_ELIMIT);
	hin_buffer_reset(&text);
	hin_buffer_puts(&text, "sensor: {tags: [a");
	for (size_t i = 1; i < HIN_CONFIG_ITEMS; i++)
		hin_buffer_puts(&text, ",a");
	hin_buffer_puts(&text, "]}");
	assert_int_equal(hin_config_parse(&table, &s, "f", text.data, text.used, &err), HIN_OK);
	assert_int_equal(s.tags.count, HIN_CONFIG_ITEMS);
	text.used -= 2;
	hin_buffer_puts(&text, ",a]}");
	assert_int_equal(hin_config_parse(&table, &s, "f", text.data, text.used, &err), HIN_ELIMIT);
	assert_string_equal(err.text, "f:1: sensor.tags has more than 65536 items");
	hin_buffer_reset(&text);
	hin_buffer_fill(&text, 'n', HIN_CONFIG_NAME);
	hin_buffer_puts(&text, ": 1");
	assert_int_equal(hin_config_parse(&table, &s, "f", text.data, text.used, &err),
			 HIN_EFORMAT);
	hin_buffer_reset(&text);
	hin_buffer_fill(&text, '{', 100000);
	assert_int_equal(hin_config_parse(&table, &s, "f", text.data, text.used, &err),
			 HIN_EFORMAT);
	hin_config_fini(&table, &s);
	hin_buffer_fini(&text);
}

static void loads_files(void **state)
{
	char path[] = "/tmp/hin-config-XXXXXX", want[100];
	struct settings s = { 0 };
	struct hin_error err;
	int fd = mkstemp(path);

	(void)state;
	assert_int_equal(hin_config_init(&table, &s, &err), HIN_OK);
	assert_int_equal(write(fd, "port: 99\nx: 1\n", 14), 14);
	assert_int_equal(hin_config_load(&table, &s, path, &err), HIN_EFORMAT);
	snprintf(want, sizeof(want), "%s:2: unknown setting \"x\"", path);
	assert_string_equal(err.text, want);
	assert_int_equal(s.port, 99);
	unlink(path);
	close(fd);
	assert_int_equal(hin_config_load(&table, &s, path, &err), HIN_ESYS);
	hin_config_fini(&table, &s);
}

/* The template sets nothing; without its comment marks it sets the defaults. */
static void writes_a_template(void **state)
{
	static const struct hin_config_table most = { rows, HIN_COUNT(rows) - 1 };
	struct hin_buffer text = { 0 }, got = { 0 };
	struct settings s = { 0 };
	struct hin_error err;

	(void)state;
	hin_config_template(&most, HIN_EN, &text);
	assert_non_null(strstr(text.data, "# where to listen (1-65535; RFC 9110)\n"
					  "#port: 443\n"));
	assert_non_null(strstr(text.data, "\n\nevent:\n  # share (0 to 1)\n  #share: 0.5\n"));
	assert_non_null(strstr(text.data, "\n\nsensor:\n  # its name (text)\n"
					  "  #name: \"tower \\\"1\\\"\"\n"));
	assert_int_equal(hin_config_parse(&most, &s, "f", text.data, text.used, &err), HIN_OK);
	assert_int_equal(s.port, 0);
	for (char *c = text.data; (c = strchr(c, '#')) != NULL; c++)
		if (c[1] != ' ')
			memmove(c, c + 1, strlen(c));
	if (hin_config_parse(&most, &s, "f", text.data, strlen(text.data), &err) != HIN_OK)
		fail_msg("%s", err.text);
	show(&got, &s);
	assert_string_equal(hin_buffer_text(&got), DEFAULTS);
	hin_config_fini(&table, &s);
	hin_buffer_fini(&got);
	hin_buffer_fini(&text);
}

static void lists_settings(void **state)
{
	struct hin_buffer out = { 0 };

	(void)state;
	hin_config_print(&table, HIN_EN, &out);
	assert_non_null(strstr(out.data, "  port\n      where to listen (1-65535; default 443; RFC "
					 "9110)\n  offset\n"));
	hin_buffer_reset(&out);
	hin_config_print(&table, HIN_JA, &out);
	assert_non_null(strstr(out.data, "待ち受けるポート (1-65535; 既定 443; RFC 9110)"));
	hin_buffer_reset(&out);
	hin_config_manual(&table, HIN_EN, &out);
	assert_non_null(strstr(out.data, ".It Cm event.timeout\nsilence that ends an event "));
	hin_buffer_fini(&out);
}

static void refuses_a_wrong_default(void **state)
{
	static const struct hin_setting wrong[] = {
		{ "name",
		  { HIN_VALUE_TEXT },
		  offsetof(struct settings, name),
		  "x",
		  "",
		  NULL,
		  NULL },
		{ "port",
		  { HIN_VALUE_U64, 1, 5 },
		  offsetof(struct settings, port),
		  "9",
		  "",
		  NULL,
		  NULL },
	};
	static const struct hin_config_table bad = { wrong, HIN_COUNT(wrong) };
	struct settings s = { 0 };

	(void)state;
	assert_int_equal(hin_config_init(&bad, &s, NULL), HIN_ERANGE);
	assert_null(s.name);
}

static void copies_and_compares(void **state)
{
	static const char *const lines[] = { "verbose=yes",	   "port=80",
					     "offset=2",	   "event.share=0.25",
					     "event.memory=2M",	   "event.timeout=1s",
					     "event.mode=fast",	   "sensor.name=other",
					     "sensor.tags=a,b,c,d" };
	char name[32];

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(lines); i++) {
		struct settings a = { 0 }, b = { 0 };

		assert_int_equal(hin_config_init(&table, &a, NULL), HIN_OK);
		assert_int_equal(hin_config_set(&table, &a, "sensor.tags=a,b,c", NULL), HIN_OK);
		assert_int_equal(hin_config_copy(&table, &b, sizeof(b), &a, NULL), HIN_OK);
		for (size_t k = 0; k < table.count; k++)
			assert_false(hin_config_differs(&table, rows[k].name, &a, &b));
		assert_int_equal(hin_config_set(&table, &a, lines[i], NULL), HIN_OK);
		snprintf(name, sizeof(name), "%.*s", (int)strcspn(lines[i], "="), lines[i]);
		for (size_t k = 0; k < table.count; k++)
			if (hin_config_differs(&table, rows[k].name, &a, &b) !=
			    (strcmp(rows[k].name, name) == 0))
				fail_msg("%s: %s", lines[i], rows[k].name);
		hin_config_fini(&table, &a);
		assert_string_equal(b.name, "tower \"1\""); /* its own */
		assert_int_equal(b.tags.count, 3);
		assert_int_equal(hin_config_set(&table, &b, "sensor.tags=a,b,c,d,e", NULL), HIN_OK);
		hin_config_fini(&table, &b);
	}
}

static void keeps_lines_of_items(void **state)
{
	static const char text[] = "# a list\nsensor.tags:\n  - one\n\n  - |\n    two\n";
	struct settings s = { 0 }, copy;
	struct hin_error err;

	(void)state;
	assert_int_equal(hin_config_init(&table, &s, &err), HIN_OK);
	assert_null(s.tags.lines); /* defaults have none */
	assert_int_equal(hin_config_parse(&table, &s, "f", text, sizeof(text) - 1, &err), HIN_OK);
	assert_int_equal(s.tags.count, 2);
	assert_int_equal(s.tags.lines[0], 3);
	assert_int_equal(s.tags.lines[1], 5);
	assert_int_equal(hin_config_copy(&table, &copy, sizeof(s), &s, &err), HIN_OK);
	assert_int_equal(copy.tags.lines[1], 5);
	hin_config_fini(&table, &copy);
	assert_int_equal(hin_config_set(&table, &s, "sensor.tags=x", &err), HIN_OK);
	assert_null(s.tags.lines);
	hin_config_fini(&table, &s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses_and_refuses),
		cmocka_unit_test(sets_from_the_command_line),
		cmocka_unit_test(keeps_its_limits),
		cmocka_unit_test(loads_files),
		cmocka_unit_test(writes_a_template),
		cmocka_unit_test(lists_settings),
		cmocka_unit_test(keeps_lines_of_items),
		cmocka_unit_test(refuses_a_wrong_default),
		cmocka_unit_test(copies_and_compares),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
