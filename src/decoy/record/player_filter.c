/*
 * player_filter - escape sequences of strangers, made harmless; see player.h.
 *
 * The states are those of a VT500's parser (ECMA-48 and DEC's manuals), cut down: what is not on
 * the list below is read to its end and left out.
 */
#include <string.h>

#include "base/utf8.h"
#include "decoy/record/player.h"

#define STRING_MOST 4096 /* a string without an end hides no more than this */

enum {
	GROUND,
	ESCAPE,
	ESCAPE_BETWEEN, /* after an intermediate byte */
	CONTROL,	/* CSI */
	STRING,		/* OSC, DCS, SOS, PM, APC: until ST */
	STRING_ESCAPE,
	CHARACTER, /* UTF-8 of more than one byte */
};

static const uint8_t replacement[3] = { 0xef, 0xbf, 0xbd }; /* U+FFFD */

static void hold(struct hin_player_filter *f, uint8_t byte)
{
	if (f->used < sizeof(f->held))
		f->held[f->used++] = byte;
}

/* The sequence that is held goes out, or is left out. */
static void end_sequence(struct hin_player_filter *f, struct hin_buffer *out, bool harmless)
{
	if (harmless && f->used < sizeof(f->held))
		hin_buffer_add(out, f->held, f->used);
	else
		f->removed++;
	f->used = 0;
	f->state = GROUND;
}

static void replace(struct hin_player_filter *f, struct hin_buffer *out)
{
	hin_buffer_add(out, replacement, sizeof(replacement));
	f->removed++;
}

/* Modes of a terminal that may be set: of ECMA-48, and of DEC behind "?". */
static bool mode_is_harmless(const uint8_t *text, size_t size, bool private_use)
{
	static const unsigned of_dec[] = { 6, 7, 12, 25, 47, 1047, 1048, 1049 };
	unsigned mode = 0;

	if (size == 0 || size > 5)
		return false;
	for (size_t k = 0; k < size; k++) {
		if (text[k] < '0' || text[k] > '9') /* one mode at a time */
			return false;
		mode = mode * 10 + (unsigned)(text[k] - '0');
	}
	if (!private_use)
		return mode == 4 || mode == 20;
	for (size_t k = 0; k < HIN_COUNT(of_dec); k++) {
		if (of_dec[k] == mode)
			return true;
	}
	return false;
}

/* CSI ... : held from ESC to the final byte. */
static bool control_is_harmless(const struct hin_player_filter *f)
{
	/* cursor, erasing, inserting, scrolling, tabs, margins, colours */
	static const char finals[] = "@ABCDEFGHIJKLMPSTXZ`adefgmrsu";
	const uint8_t *text = f->held + 2;
	size_t size = f->used - 3u;
	uint8_t final = f->held[f->used - 1];
	bool private_use = size > 0 && text[0] == '?';

	if (final == 'h' || final == 'l')
		return mode_is_harmless(text + private_use, size - private_use, private_use);
	if (strchr(finals, final) == NULL)
		return false;
	for (size_t k = 0; k < size; k++) {
		if ((text[k] < '0' || text[k] > '9') && text[k] != ';' &&
		    !(text[k] == ':' && final == 'm'))
			return false;
	}
	return true;
}

/* One byte in GROUND. */
static void ground(struct hin_player_filter *f, struct hin_buffer *out, uint8_t byte)
{
	if (byte == 0x1b) {
		f->state = ESCAPE;
		f->used = 0;
		hold(f, byte);
	} else if (byte >= 0x80) {
		f->used = 0;
		hold(f, byte);
		f->state = byte >= 0xc2 && byte <= 0xf4 ? CHARACTER : GROUND;
		if (f->state == GROUND)
			replace(f, out);
	} else if ((byte >= 0x20 && byte != 0x7f) || byte == '\t' || byte == '\n' || byte == '\r' ||
		   byte == '\b' || byte == 0x0e || byte == 0x0f) {
		hin_buffer_putc(out, (char)byte);
	} else {
		f->removed++; /* bells and so on */
	}
}

/* One byte of a character; what it is not is looked at anew. False: look at the byte again. */
static bool character(struct hin_player_filter *f, struct hin_buffer *out, uint8_t byte)
{
	size_t length = f->held[0] >= 0xf0 ? 4 : f->held[0] >= 0xe0 ? 3 : 2;
	struct hin_reader in;
	uint32_t c;

	if ((byte & 0xc0) != 0x80) {
		replace(f, out);
		f->state = GROUND;
		return false;
	}
	hold(f, byte);
	if (f->used < length)
		return true;
	f->state = GROUND;
	in = hin_reader_of(f->held, f->used);
	c = hin_utf8_read(&in);
	if (c == HIN_UTF8_BAD || in.left > 0 || hin_utf8_is_hidden(c))
		replace(f, out);
	else
		hin_buffer_add(out, f->held, f->used);
	return true;
}

static void escape(struct hin_player_filter *f, struct hin_buffer *out, uint8_t byte)
{
	hold(f, byte);
	switch (byte) {
	case '[':
		f->state = CONTROL;
		break;
	case ']':
	case 'P':
	case 'X':
	case '^':
	case '_':
		f->state = STRING;
		f->skipped = 0;
		break;
	case '7': /* keep and take back the cursor */
	case '8':
	case 'D': /* lines up and down, tab stops */
	case 'E':
	case 'H':
	case 'M':
		end_sequence(f, out, true);
		break;
	default:
		if (byte >= 0x20 && byte <= 0x2f)
			f->state = ESCAPE_BETWEEN;
		else
			end_sequence(f, out, false);
		break;
	}
}

/* Character sets: those of ASCII and of lines, as G0 and G1. */
static void escape_between(struct hin_player_filter *f, struct hin_buffer *out, uint8_t byte)
{
	hold(f, byte);
	if (byte >= 0x20 && byte <= 0x2f)
		return;
	end_sequence(f, out,
		     f->used == 3 && (f->held[1] == '(' || f->held[1] == ')') &&
			     (byte == '0' || byte == 'B' || byte == 'A'));
}

static void string(struct hin_player_filter *f, struct hin_buffer *out, uint8_t byte)
{
	if (byte == 0x1b) {
		f->state = STRING_ESCAPE;
		return;
	}
	if (byte == 0x07 || byte == 0x18 || byte == 0x1a || ++f->skipped >= STRING_MOST)
		end_sequence(f, out, false);
}

/* False: look at the byte again. */
static bool step(struct hin_player_filter *f, struct hin_buffer *out, uint8_t byte)
{
	switch (f->state) {
	case ESCAPE:
	case ESCAPE_BETWEEN:
	case CONTROL:
		if (byte == 0x1b || byte == 0x18 || byte == 0x1a || byte >= 0x80) {
			end_sequence(f, out, false); /* begun anew, or given up */
			return byte == 0x18 || byte == 0x1a;
		}
		if (byte < 0x20) { /* terminals do as it says, in between */
			if (byte == '\n' || byte == '\r' || byte == '\b' || byte == '\t')
				hin_buffer_putc(out, (char)byte);
			return true;
		}
		if (f->state == ESCAPE) {
			escape(f, out, byte);
		} else if (f->state == ESCAPE_BETWEEN) {
			escape_between(f, out, byte);
		} else {
			hold(f, byte);
			if (byte >= 0x40 && byte <= 0x7e)
				end_sequence(f, out,
					     f->used < sizeof(f->held) && control_is_harmless(f));
		}
		return true;
	case STRING:
		string(f, out, byte);
		return true;
	case STRING_ESCAPE:
		end_sequence(f, out, false);
		if (byte == '\\')
			return true;
		ground(f, out, 0x1b);
		return false;
	case CHARACTER:
		return character(f, out, byte);
	default:
		ground(f, out, byte);
		return true;
	}
}

void hin_player_filter(struct hin_player_filter *f, struct hin_buffer *out, const void *data,
		       size_t size)
{
	const uint8_t *bytes = data;

	for (size_t k = 0; k < size; k++) {
		while (!step(f, out, bytes[k]))
			;
	}
}

void hin_player_restore(struct hin_buffer *out)
{
	/* main screen, no margins, ASCII, no colours, cursor and wrapping on, no insert mode */
	hin_buffer_puts(out, "\033[?1049l\033[r\033[4l\033[20l\033[?6l\033[?7h\033[?25h\033(B\033)B"
			     "\017\033[m\r\n");
}
