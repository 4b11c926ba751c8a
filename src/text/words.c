#include "text/words.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const struct hin_words common[] = { HIN_WORDS(HIN_WORD_ROW) };

const char *hin_word(enum hin_lang lang, enum hin_word_id word)
{
	return hin_words_get(common, word, lang);
}

char *hin_words_count(char out[HIN_WORDS_TEXT], uint64_t value)
{
	char digits[24];
	int n = snprintf(digits, sizeof(digits), "%" PRIu64, value);
	char *at = out;

	for (int i = 0; i < n; i++) {
		if (i > 0 && (n - i) % 3 == 0)
			*at++ = ',';
		*at++ = digits[i];
	}
	*at = '\0';
	return out;
}

/* Decimals that make three digits of `value`, which is then below 999.5 or is written whole. */
static int decimals_of(double value)
{
	return value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
}

struct scale {
	double value;
	const char *name;
};

/* The first of `scales`, largest first, that `value` reaches once it is rounded to three digits. */
static const struct scale *pick(const struct scale *scales, size_t count, double value)
{
	size_t i = 0;

	while (i + 1 < count && value < scales[i].value * 0.9995)
		i++;
	return &scales[i];
}

char *hin_words_short(char out[HIN_WORDS_TEXT], double value, enum hin_lang lang)
{
	static const struct scale si[] = { { 1e18, " E" }, { 1e15, " P" }, { 1e12, " T" },
					   { 1e9, " G" },  { 1e6, " M" },  { 1e3, " k" } };
	static const struct scale ja[] = {
		{ 1e16, "京" }, { 1e12, "兆" }, { 1e8, "億" }, { 1e4, "万" }
	};
	const struct scale *scale;
	const char *sign = value < 0 ? "-" : "";
	double size = fabs(value);

	if (!isfinite(value)) {
		memcpy(out, "-", sizeof("-"));
		return out;
	}
	if (size < 9999.5 && (size >= 99.95 || size == floor(size))) {
		char whole[HIN_WORDS_TEXT];

		snprintf(out, HIN_WORDS_TEXT, "%s%s", sign,
			 hin_words_count(whole, (uint64_t)(size + 0.5)));
		return out;
	}
	if (size < 99.95) {
		snprintf(out, HIN_WORDS_TEXT, "%s%.*f", sign, decimals_of(size), size);
		return out;
	}
	scale = lang == HIN_JA ? pick(ja, HIN_COUNT(ja), size) : pick(si, HIN_COUNT(si), size);
	size /= scale->value;
	if (size >= 1e6)
		snprintf(out, HIN_WORDS_TEXT, "%.3g", value);
	else
		snprintf(out, HIN_WORDS_TEXT, "%s%.*f%s", sign, decimals_of(size), size,
			 scale->name);
	return out;
}

char *hin_words_percent(char out[HIN_WORDS_TEXT], uint64_t part, uint64_t whole)
{
	double share = whole > 0 ? 100.0 * (double)part / (double)whole : 0;

	if (whole == 0)
		memcpy(out, "-", sizeof("-"));
	else if (part > 0 && share < 0.1)
		memcpy(out, "<0.1 %", sizeof("<0.1 %"));
	else if (part < whole && share >= 99.95)
		memcpy(out, ">99.9 %", sizeof(">99.9 %"));
	else
		snprintf(out, HIN_WORDS_TEXT, "%.1f %%", share);
	return out;
}

char *hin_words_bytes(char out[HIN_WORDS_TEXT], uint64_t bytes)
{
	static const struct scale scales[] = { { 0x1p60, " EiB" }, { 0x1p50, " PiB" },
					       { 0x1p40, " TiB" }, { 0x1p30, " GiB" },
					       { 0x1p20, " MiB" }, { 0x1p10, " KiB" } };
	const struct scale *scale;
	double size = (double)bytes;

	if (bytes < 1024) {
		snprintf(out, HIN_WORDS_TEXT, "%" PRIu64 " B", bytes);
		return out;
	}
	scale = pick(scales, HIN_COUNT(scales), size);
	size /= scale->value;
	snprintf(out, HIN_WORDS_TEXT, "%.*f%s", decimals_of(size), size, scale->name);
	return out;
}
