/*
 * telnet_busybox - how telnetd of busybox takes what comes (1.35.0; the same since 1.2x).
 *
 * It answers no option. A piece of the stream is taken as it arrives, and what is cut by its end is
 * treated as the real one does: of a command with an option whose option has not come both bytes
 * are dropped, so that the option is read as a key. CR LF and CR NUL are CR.
 */
#include <string.h>

#include "decoy/telnet/telnet_priv.h"

/* Keys up to the next IAC: written to the pty one line end at a time. */
static size_t keys(struct telnet *t, const uint8_t *data, size_t size)
{
	const uint8_t *iac = memchr(data, IAC, size), *cr;
	size_t run = iac != NULL ? (size_t)(iac - data) : size;

	cr = memchr(data, '\r', run);
	if (cr == NULL) {
		telnet_keys(t, data, run);
		return run;
	}
	telnet_keys(t, data, (size_t)(cr - data) + 1);
	if ((size_t)(cr - data) + 1 < run && (cr[1] == '\n' || cr[1] == '\0'))
		return (size_t)(cr - data) + 2;
	return (size_t)(cr - data) + 1;
}

/* "Are you there" with something else on its way is not answered. */
static void here(struct telnet *t)
{
	static const uint8_t bytes[] = { IAC, IAC, IAC_NOP }; /* its own IAC is doubled, too */

	telnet_raw(t, bytes, sizeof(bytes));
}

/* What stands behind an IAC; returns how many bytes of it are done with. */
static size_t command(struct telnet *t, const uint8_t *data, size_t size)
{
	static const uint8_t iac = IAC;

	if (data[0] == IAC) {
		telnet_keys(t, &iac, 1);
		return 1;
	}
	if (data[0] >= IAC_SE && data[0] <= IAC_GA)
		return 1;
	if (size < 2)
		return 1;
	if (data[0] != IAC_SB || data[1] != OPTION_NAWS)
		return 2;
	if (size < 6)
		return size;
	telnet_size(t, (unsigned)data[2] << 8 | data[3], (unsigned)data[4] << 8 | data[5]);
	return 6; /* IAC SE comes as a command of its own */
}

static bool is_question(const uint8_t *data, size_t size)
{
	return size > 1 && data[0] == IAC && data[1] == IAC_AYT;
}

/* Where the keys at `data` end, with the rest of their line end. */
static size_t keys_end(const uint8_t *data, size_t size)
{
	const uint8_t *iac = memchr(data, IAC, size);
	size_t run = iac != NULL ? (size_t)(iac - data) : size;
	const uint8_t *cr = memchr(data, '\r', run);

	if (cr == NULL)
		return run;
	run = (size_t)(cr - data) + 1;
	return run + (run < size && (data[run] == '\n' || data[run] == '\0'));
}

/* One step of its loop: returns the bytes that are done with. */
static size_t step(struct telnet *t, const uint8_t *data, size_t size)
{
	size_t end;

	if (is_question(data, size)) {
		here(t);
		return is_question(data + 2, size - 2) ? 4 : 2;
	}
	if (data[0] == IAC)
		return 1 + command(t, data + 1, size - 1);
	end = keys_end(data, size);
	if (end < size && is_question(data + end, size - end)) {
		here(t); /* the pty has not echoed by then */
		keys(t, data, end);
		return end + 2;
	}
	return keys(t, data, size);
}

void telnet_busybox_receive(struct telnet *t, const uint8_t *data, size_t size)
{
	size_t at = 0;

	if (data[size - 1] == '\0') /* a NUL that ends a piece is dropped */
		size--;
	if (t->pending_iac && size > 0) {
		t->pending_iac = false;
		if (data[0] == IAC_AYT) {
			here(t);
			at = 1;
		} else {
			at = command(t, data, size);
		}
	}
	while (at < size && t->stage != STAGE_OVER) {
		if (data[at] == IAC && at + 1 == size) {
			t->pending_iac = true;
			return;
		}
		at += step(t, data + at, size - at);
	}
}
