/*
 * telnet_plain - a server that agrees to some options and refuses the others, by RFC 854 and 1143.
 *
 * Each side of each option is off or on; what it asked for itself is taken as asked, so that an
 * answer is no new question and no loop can be: a client that asks for what is so gets no answer.
 */
#include <stdlib.h>
#include <string.h>

#include "decoy/telnet/telnet_priv.h"

enum { ON = 1, ASKED = 2 };

enum { DATA, COMMAND, VERB, SUB, SUB_IAC };

struct plain {
	uint8_t ours[256], theirs[256]; /* ON, ASKED */
};

static bool has(const uint32_t bits[8], uint8_t option)
{
	return (bits[option / 32] >> (option % 32) & 1) != 0;
}

bool telnet_plain_open(struct telnet *t)
{
	const uint8_t *at = t->profile->opening_bytes;

	t->plain = calloc(1, sizeof(*t->plain));
	if (t->plain == NULL)
		return false;
	for (size_t i = 0; i + 2 < t->profile->opening_size; i++) {
		if (at[i] != IAC)
			continue;
		if (at[i + 1] == IAC_WILL)
			t->plain->ours[at[i + 2]] = ASKED;
		else if (at[i + 1] == IAC_DO)
			t->plain->theirs[at[i + 2]] = ASKED;
		else
			continue;
		i += 2;
	}
	return true;
}

bool telnet_plain_binary(const struct telnet *t)
{
	return t->plain->ours[OPTION_BINARY] == ON;
}

static void say(struct telnet *t, uint8_t verb, uint8_t option)
{
	uint8_t bytes[3] = { IAC, verb, option };

	telnet_raw(t, bytes, sizeof(bytes));
}

static void ask_type(struct telnet *t)
{
	static const uint8_t bytes[] = { IAC, IAC_SB, OPTION_TTYPE, 1, IAC, IAC_SE };

	telnet_raw(t, bytes, sizeof(bytes));
}

/* One side of an option is wished on or off. */
static void wish(struct telnet *t, uint8_t *side, bool on, bool may, uint8_t yes, uint8_t no,
		 uint8_t option)
{
	bool asked = *side == ASKED;

	if (on == (*side == ON))
		return;
	*side = on && (asked || may) ? ON : 0;
	if (asked)
		return; /* it is the answer */
	say(t, *side == ON ? yes : no, option);
}

static void verb(struct telnet *t, uint8_t option)
{
	struct plain *p = t->plain;
	bool was = p->theirs[option] == ON;

	switch (t->command) {
	case IAC_DO:
	case IAC_DONT:
		wish(t, &p->ours[option], t->command == IAC_DO, has(t->profile->will_bits, option),
		     IAC_WILL, IAC_WONT, option);
		break;
	default:
		wish(t, &p->theirs[option], t->command == IAC_WILL,
		     has(t->profile->accept_bits, option), IAC_DO, IAC_DONT, option);
		if (option == OPTION_TTYPE && !was && p->theirs[option] == ON)
			ask_type(t);
	}
}

static void subnegotiation(struct telnet *t)
{
	const uint8_t *at = (const uint8_t *)t->sub.data;
	size_t size = t->sub.used;

	if (size == 5 && at[0] == OPTION_NAWS)
		telnet_size(t, (unsigned)at[1] << 8 | at[2], (unsigned)at[3] << 8 | at[4]);
	else if (size > 2 && at[0] == OPTION_TTYPE && at[1] == 0)
		telnet_terminal_type(t, at + 2, size - 2);
	hin_buffer_fini(&t->sub);
}

static void sub_byte(struct telnet *t, uint8_t byte)
{
	if (t->sub.used < TELNET_SUB) /* what is longer is cut */
		hin_buffer_putc(&t->sub, (char)byte);
}

static void command(struct telnet *t, uint8_t byte)
{
	static const uint8_t erase = 127, kill = 21, interrupt = 3, iac = IAC;

	t->state = DATA;
	switch (byte) {
	case IAC:
		telnet_keys(t, &iac, 1);
		break;
	case IAC_WILL:
	case IAC_WONT:
	case IAC_DO:
	case IAC_DONT:
		t->command = byte;
		t->state = VERB;
		break;
	case IAC_SB:
		hin_buffer_fini(&t->sub);
		t->state = SUB;
		break;
	case IAC_AYT:
		telnet_data(t, "\r\n[Yes]\r\n", 9);
		break;
	case IAC_EC:
		telnet_keys(t, &erase, 1);
		break;
	case IAC_EL:
		telnet_keys(t, &kill, 1);
		break;
	case IAC_IP:
	case IAC_BRK:
		telnet_keys(t, &interrupt, 1);
		break;
	default:
		break;
	}
}

static void protocol_byte(struct telnet *t, uint8_t byte)
{
	switch (t->state) {
	case COMMAND:
		command(t, byte);
		break;
	case VERB:
		t->state = DATA;
		verb(t, byte);
		break;
	case SUB:
		if (byte == IAC)
			t->state = SUB_IAC;
		else
			sub_byte(t, byte);
		break;
	default: /* SUB_IAC */
		if (byte == IAC) {
			sub_byte(t, byte);
			t->state = SUB;
			break;
		}
		subnegotiation(t);
		t->state = DATA;
		if (byte != IAC_SE) /* RFC 855 knows nothing else here: a command of its own */
			command(t, byte);
	}
}

/* NVT keys: the LF or NUL behind a CR is part of it. */
static size_t keys(struct telnet *t, const uint8_t *data, size_t size)
{
	const uint8_t *iac = memchr(data, IAC, size), *cr;
	size_t run = iac != NULL ? (size_t)(iac - data) : size;

	if (t->line_before == '\r' && t->terminal != NULL && (data[0] == '\n' || data[0] == '\0')) {
		t->line_before = 0;
		return 1;
	}
	cr = memchr(data, '\r', run);
	if (cr != NULL)
		run = (size_t)(cr - data) + 1;
	if (t->terminal != NULL)
		t->line_before = cr != NULL ? '\r' : 0;
	telnet_keys(t, data, run);
	return run;
}

void telnet_plain_receive(struct telnet *t, const uint8_t *data, size_t size)
{
	for (size_t at = 0; at < size && t->stage != STAGE_OVER;) {
		if (t->state != DATA) {
			protocol_byte(t, data[at++]);
		} else if (data[at] == IAC) {
			t->state = COMMAND;
			at++;
		} else {
			at += keys(t, data + at, size - at);
		}
	}
}
