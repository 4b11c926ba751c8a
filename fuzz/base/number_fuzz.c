/* Numbers, sizes, durations and times: what is read is in its range and comes back when written. */
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "base/time.h"

static void check_numbers(const char *text)
{
	char again[HIN_NUMBER_TEXT];
	uint64_t u, u2;
	int64_t i, i2;
	double d;

	if (hin_number_u64(&u, "n", text, 5, 1u << 20, NULL) == HIN_OK && (u < 5 || u > 1u << 20))
		abort();
	if (hin_number_i64(&i, "n", text, -7, 7, NULL) == HIN_OK && (i < -7 || i > 7))
		abort();
	if (hin_number_double(&d, "n", text, -1e9, 1e9, NULL) == HIN_OK && !(d >= -1e9 && d <= 1e9))
		abort();
	if (hin_number_size(&u, "n", text, 0, UINT64_MAX, NULL) == HIN_OK &&
	    (hin_number_size(&u2, "n", hin_number_format_size(again, u), 0, UINT64_MAX, NULL) !=
		     HIN_OK ||
	     u2 != u))
		abort();
	if (hin_number_duration(&i, "n", text, 0, INT64_MAX, NULL) == HIN_OK &&
	    (hin_number_duration(&i2, "n", hin_number_format_duration(again, i), 0, INT64_MAX,
				 NULL) != HIN_OK ||
	     i2 != i))
		abort();
}

static void check_time(const char *text)
{
	static const int64_t now = 1795313403123456789;
	char again[HIN_TIME_TEXT];
	struct hin_error err = { 0 };
	int64_t ns, back;

	if (hin_time_parse(&ns, text, now, &err) != HIN_OK) {
		if (err.text[0] == '\0')
			abort();
		return;
	}
	/* the very first moments have no second of their own */
	if (ns < INT64_MIN + HIN_NS_PER_S)
		return;
	if (hin_time_parse(&back, hin_time_format_iso(again, ns, HIN_TIME_NS), now, NULL) !=
		    HIN_OK ||
	    back != ns)
		abort();
	if (hin_time_parse(&back, hin_time_format(again, ns, HIN_TIME_NS), now, NULL) != HIN_OK ||
	    back != ns)
		abort();
	hin_time_format_duration(again, ns, HIN_EN);
	hin_time_format_duration(again, ns, HIN_JA);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size);
	enum hin_lang lang;

	if (text == NULL)
		return 0;
	check_numbers(text);
	check_time(text);
	if (hin_lang_parse(&lang, text, NULL) == HIN_OK && lang != HIN_EN && lang != HIN_JA)
		abort();
	free(text);
	return 0;
}
