#include "base/value.h"

#include <float.h>
#include <inttypes.h>

#include "base/number.h"
#include "base/suggest.h"

static bool is_bounded(const struct hin_value_rule *rule)
{
	return rule->min != 0 || rule->max != 0;
}

static enum hin_code read_bool(bool *out, const char *what, const char *text, struct hin_error *err)
{
	static const char *const names[] = { "false", "no", "off", "true", "yes", "on" };

	for (size_t i = 0; i < HIN_COUNT(names); i++) {
		if (strcmp(text, names[i]) == 0) {
			*out = i >= 3;
			return HIN_OK;
		}
	}
	return hin_fail(err, HIN_EFORMAT, "%s \"%.60s\" is not yes or no", what, text);
}

static enum hin_code read_choice(const struct hin_value_rule *rule, int *out, const char *what,
				 const char *text, struct hin_error *err)
{
	struct hin_suggest near = { .wanted = text };
	char memory[100];
	struct hin_buffer all = hin_buffer_over(memory, sizeof(memory));

	for (int i = 0; rule->choices[i] != NULL; i++) {
		if (strcmp(text, rule->choices[i]) == 0) {
			*out = i;
			return HIN_OK;
		}
		hin_suggest_offer(&near, rule->choices[i]);
	}
	hin_value_describe(&all, rule);
	if (!all.failed)
		return hin_fail(err, HIN_EFORMAT, "%s \"%.60s\" is not %s", what, text, memory);
	return hin_fail(err, HIN_EFORMAT, "%s \"%.60s\" is none of its values%s%s%s", what, text,
			near.best != NULL ? "; did you mean \"" : "",
			near.best != NULL ? near.best : "", near.best != NULL ? "\"?" : "");
}

enum hin_code hin_value_read(const struct hin_value_rule *rule, void *target, const char *what,
			     const char *text, struct hin_error *err)
{
	bool bounded = is_bounded(rule), between = rule->low != 0 || rule->high != 0;
	int64_t max = bounded ? rule->max : INT64_MAX;
	uint64_t most = bounded ? (uint64_t)rule->max : UINT64_MAX;

	switch (rule->type) {
	case HIN_VALUE_BOOL:
		return read_bool(target, what, text, err);
	case HIN_VALUE_U64:
		return hin_number_u64(target, what, text, (uint64_t)rule->min, most, err);
	case HIN_VALUE_I64:
		return hin_number_i64(target, what, text, bounded ? rule->min : INT64_MIN, max,
				      err);
	case HIN_VALUE_DOUBLE:
		return hin_number_double(target, what, text, between ? rule->low : -DBL_MAX,
					 between ? rule->high : DBL_MAX, err);
	case HIN_VALUE_SIZE:
		return hin_number_size(target, what, text, (uint64_t)rule->min, most, err);
	case HIN_VALUE_DURATION:
		return hin_number_duration(target, what, text, rule->min, max, err);
	case HIN_VALUE_CHOICE:
		return read_choice(rule, target, what, text, err);
	case HIN_VALUE_TEXT:
	case HIN_VALUE_LIST:
	case HIN_VALUE_PREFIXES:
		break;
	}
	return hin_fail(err, HIN_EUNSUPPORTED, "%s is no single value", what);
}

void hin_value_write(struct hin_buffer *out, const struct hin_value_rule *rule, const void *target)
{
	char text[HIN_NUMBER_TEXT];

	switch (rule->type) {
	case HIN_VALUE_BOOL:
		hin_buffer_puts(out, *(const bool *)target ? "yes" : "no");
		break;
	case HIN_VALUE_U64:
	case HIN_VALUE_SIZE:
		hin_buffer_printf(out, "%llu", (unsigned long long)*(const uint64_t *)target);
		break;
	case HIN_VALUE_I64:
		hin_buffer_printf(out, "%lld", (long long)*(const int64_t *)target);
		break;
	case HIN_VALUE_DOUBLE:
		hin_buffer_printf(out, "%.15g", *(const double *)target);
		break;
	case HIN_VALUE_DURATION:
		hin_buffer_puts(out, hin_number_format_duration(text, *(const int64_t *)target));
		break;
	case HIN_VALUE_CHOICE:
		hin_buffer_puts(out, rule->choices[*(const int *)target]);
		break;
	default:
		break;
	}
}

static void describe_choices(struct hin_buffer *out, const char *const *choices)
{
	for (size_t i = 0; choices[i] != NULL; i++) {
		if (i > 0)
			hin_buffer_puts(out, choices[i + 1] == NULL ? " or " : ", ");
		hin_buffer_puts(out, choices[i]);
	}
}

static void describe_bounds(struct hin_buffer *out, const struct hin_value_rule *rule)
{
	char low[HIN_NUMBER_TEXT], high[HIN_NUMBER_TEXT];

	if (rule->type == HIN_VALUE_SIZE)
		hin_buffer_printf(out, "%s-%s", hin_number_format_size(low, (uint64_t)rule->min),
				  hin_number_format_size(high, (uint64_t)rule->max));
	else if (rule->type == HIN_VALUE_DURATION)
		hin_buffer_printf(out, "%s-%s", hin_number_format_duration(low, rule->min),
				  hin_number_format_duration(high, rule->max));
	else
		hin_buffer_printf(
			out, rule->min < 0 ? "%" PRId64 " to %" PRId64 : "%" PRId64 "-%" PRId64,
			rule->min, rule->max);
}

void hin_value_describe(struct hin_buffer *out, const struct hin_value_rule *rule)
{
	static const char *const any[] = {
		[HIN_VALUE_BOOL] = "yes or no",
		[HIN_VALUE_U64] = "a whole number",
		[HIN_VALUE_I64] = "a whole number",
		[HIN_VALUE_DOUBLE] = "a number",
		[HIN_VALUE_SIZE] = "a size like 256M",
		[HIN_VALUE_DURATION] = "a duration like 90s or 6h",
		[HIN_VALUE_TEXT] = "text",
		[HIN_VALUE_LIST] = "a list",
		[HIN_VALUE_PREFIXES] = "prefixes or files of them",
	};

	if (rule->type == HIN_VALUE_CHOICE)
		describe_choices(out, rule->choices);
	else if (rule->type == HIN_VALUE_DOUBLE && (rule->low != 0 || rule->high != 0))
		hin_buffer_printf(out, "%g to %g", rule->low, rule->high);
	else if (rule->type != HIN_VALUE_DOUBLE && is_bounded(rule))
		describe_bounds(out, rule);
	else
		hin_buffer_puts(out, any[rule->type]);
}
