#include "base/utf8.h"

#include "base/utf8_priv.h"

uint32_t hin_utf8_read(struct hin_reader *in)
{
	const uint8_t *s = in->pos;
	size_t more = s[0] >= 0xf0 ? 3 : s[0] >= 0xe0 ? 2 : 1;
	uint32_t cp;

	if (s[0] < 0x80) {
		hin_read_skip(in, 1);
		return s[0];
	}
	if (s[0] < 0xc2 || s[0] > 0xf4 || in->left <= more)
		goto bad;
	cp = s[0] & (0x3fu >> more);
	for (size_t i = 1; i <= more; i++) {
		if ((s[i] & 0xc0) != 0x80)
			goto bad;
		cp = cp << 6 | (s[i] & 0x3fu);
	}
	/* overlong forms, surrogates, beyond the last plane */
	if ((more == 2 && cp < 0x800) || (more == 3 && cp < 0x10000) ||
	    (cp >= 0xd800 && cp <= 0xdfff) || cp > 0x10ffff)
		goto bad;
	hin_read_skip(in, more + 1);
	return cp;
bad:
	hin_read_skip(in, 1);
	return HIN_UTF8_BAD;
}

size_t hin_utf8_write(char out[4], uint32_t cp)
{
	if (cp < 0x80) {
		out[0] = (char)cp;
		return 1;
	}
	if (cp < 0x800) {
		out[0] = (char)(0xc0 | cp >> 6);
		out[1] = (char)(0x80 | (cp & 0x3f));
		return 2;
	}
	if ((cp >= 0xd800 && cp <= 0xdfff) || cp > 0x10ffff)
		return 0;
	if (cp < 0x10000) {
		out[0] = (char)(0xe0 | cp >> 12);
		out[1] = (char)(0x80 | (cp >> 6 & 0x3f));
		out[2] = (char)(0x80 | (cp & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | cp >> 18);
	out[1] = (char)(0x80 | (cp >> 12 & 0x3f));
	out[2] = (char)(0x80 | (cp >> 6 & 0x3f));
	out[3] = (char)(0x80 | (cp & 0x3f));
	return 4;
}

static bool in_ranges(const struct utf8_range *ranges, size_t count, uint32_t cp)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (cp > ranges[middle].last)
			low = middle + 1;
		else if (cp < ranges[middle].first)
			high = middle;
		else
			return true;
	}
	return false;
}

bool hin_utf8_is_hidden(uint32_t cp)
{
	static const struct utf8_range hidden[] = {
		{ 0x0, 0x1f },	      { 0x7f, 0x9f },	    { 0xad, 0xad },
		{ 0x61c, 0x61c },     { 0x115f, 0x1160 },   { 0x180e, 0x180e },
		{ 0x200b, 0x200f },   { 0x2028, 0x202e },   { 0x2060, 0x206f },
		{ 0x3164, 0x3164 },   { 0xd800, 0xdfff },   { 0xfdd0, 0xfdef },
		{ 0xfeff, 0xfeff },   { 0xffa0, 0xffa0 },   { 0xfff0, 0xfffb },
		{ 0xfffe, 0xffff },   { 0x1bca0, 0x1bca3 }, { 0x1d173, 0x1d17a },
		{ 0xe0000, 0xe0fff },
	};

	if (cp >= 0x20 && cp < 0x7f)
		return false;
	return in_ranges(hidden, HIN_COUNT(hidden), cp) || (cp & 0xfffe) == 0xfffe || cp > 0x10ffff;
}

unsigned hin_utf8_width(uint32_t cp)
{
	if (cp < 0x300)
		return 1;
	if (in_ranges(utf8_zero, HIN_COUNT(utf8_zero), cp))
		return 0;
	return in_ranges(utf8_wide, HIN_COUNT(utf8_wide), cp) ? 2 : 1;
}
