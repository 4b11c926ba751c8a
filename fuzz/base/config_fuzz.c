/* Any bytes as a configuration: an error with a line, or settings within their rules. */
#include <stdlib.h>

#include "base/config.h"

struct settings {
	bool flag;
	uint64_t number;
	int64_t offset;
	double share;
	uint64_t size;
	int64_t timeout_ns;
	int choice;
	char *text;
	struct hin_config_list list, prefixes;
};

static const char *const choices[] = { "fast", "exact", NULL };

static const struct hin_setting rows[] = {
	{ "flag", { HIN_VALUE_BOOL }, offsetof(struct settings, flag), "no", "f", NULL, NULL },
	{ "a.number",
	  { HIN_VALUE_U64, 1, 65535 },
	  offsetof(struct settings, number),
	  "443",
	  "n",
	  NULL,
	  NULL },
	{ "a.offset",
	  { HIN_VALUE_I64, -5, 5 },
	  offsetof(struct settings, offset),
	  "0",
	  "o",
	  NULL,
	  NULL },
	{ "a.share",
	  { HIN_VALUE_DOUBLE, .low = 0, .high = 1 },
	  offsetof(struct settings, share),
	  "0.5",
	  "s",
	  NULL,
	  NULL },
	{ "a.b.size", { HIN_VALUE_SIZE }, offsetof(struct settings, size), "1M", "s", NULL, NULL },
	{ "a.b.timeout",
	  { HIN_VALUE_DURATION, 1, 86400000000000 },
	  offsetof(struct settings, timeout_ns),
	  "6h",
	  "t",
	  NULL,
	  NULL },
	{ "choice",
	  { HIN_VALUE_CHOICE, .choices = choices },
	  offsetof(struct settings, choice),
	  "fast",
	  "c",
	  NULL,
	  NULL },
	{ "text", { HIN_VALUE_TEXT }, offsetof(struct settings, text), "x", "t", NULL, NULL },
	{ "list", { HIN_VALUE_LIST }, offsetof(struct settings, list), "a,b", "l", NULL, NULL },
	{ "prefixes",
	  { HIN_VALUE_PREFIXES },
	  offsetof(struct settings, prefixes),
	  NULL,
	  "p",
	  NULL,
	  NULL },
};

static const struct hin_config_table table = { rows, HIN_COUNT(rows) };

static void touch(const struct hin_config_list *list, size_t *sum)
{
	for (size_t i = 0; i < list->count; i++)
		*sum += strlen(list->items[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct settings s = { 0 };
	struct hin_error err = { 0 };
	size_t sum = 0;
	char *line;

	if (hin_config_init(&table, &s, NULL) != HIN_OK)
		abort();
	if (hin_config_parse(&table, &s, "fuzz", data, size, &err) != HIN_OK &&
	    strncmp(err.text, "fuzz", 4) != 0)
		abort();
	line = strndup((const char *)data, size);
	if (line != NULL && hin_config_set(&table, &s, line, &err) != HIN_OK && err.text[0] == '\0')
		abort();
	free(line);
	if (s.number < 1 || s.number > 65535 || s.offset < -5 || s.offset > 5 ||
	    !(s.share >= 0 && s.share <= 1) || s.choice < 0 || s.choice > 1 || s.timeout_ns < 1)
		abort();
	sum += strlen(s.text);
	touch(&s.list, &sum);
	touch(&s.prefixes, &sum);
	hin_config_fini(&table, &s);
	return sum == SIZE_MAX;
}
