/*
 * telnet_bsd - telnetd of BSD's line: inetutils 2.4 as Debian 12 has it, netkit before it.
 *
 * It asks for what it wants to know of the client, and shows nothing before each question has an
 * answer: first terminal type, speed, display and environment, then echo, line mode and window
 * size. Only then the log-in begins. For each side of an option it remembers what is so, what it
 * wants, and how many answers are still to come (the method that D. Borman described, RFC 1143
 * after him); so there is no loop.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "decoy/telnet/telnet_priv.h"

enum { DATA, COMMAND, AFTER_CR, SUB, SUB_IAC, VERB };

enum phase {
	ASKS_WHO,    /* terminal type and its like */
	ASKS_VALUES, /* what they are */
	ASKS_HOW,    /* echo, window size */
	SERVES,
};

enum { IS = 1, WANTED = 2 };

struct side {
	uint8_t flags[256];   /* IS, WANTED */
	uint8_t answers[256]; /* to come */
};

enum { LINEMODE_NONE, LINEMODE_KLUDGE, LINEMODE_REAL };

struct bsd {
	struct side ours, theirs;
	enum phase phase;
	uint8_t to_hear; /* questions of ASKS_VALUES without an answer: a bit each */
	uint8_t types;	 /* terminal types that were asked for */
	uint8_t linemode;
	char *first_type;
};

enum { HEAR_TTYPE = 1, HEAR_TSPEED = 2, HEAR_XDISPLOC = 4, HEAR_NEW = 8, HEAR_OLD = 16 };

static bool is(const struct side *side, uint8_t option)
{
	return (side->flags[option] & IS) != 0;
}

static bool is_wanted(const struct side *side, uint8_t option)
{
	return (side->flags[option] & WANTED) != 0;
}

static bool is_changing(const struct side *side, uint8_t option)
{
	return is(side, option) != is_wanted(side, option);
}

static void set(struct side *side, uint8_t option, uint8_t flag, bool on)
{
	if (on)
		side->flags[option] |= flag;
	else
		side->flags[option] &= (uint8_t)~flag;
}

static void say(struct telnet *t, uint8_t verb, uint8_t option)
{
	uint8_t bytes[3] = { IAC, verb, option };

	telnet_raw(t, bytes, sizeof(bytes));
}

/* Ask for a change of our own accord. */
static void ask(struct telnet *t, struct side *side, uint8_t verb, uint8_t option)
{
	bool on = verb == IAC_WILL || verb == IAC_DO;

	if ((side->answers[option] == 0 && is(side, option) == on) || is_wanted(side, option) == on)
		return;
	/* A timing mark is asked for again and again. */
	set(side, option, WANTED, on && option != OPTION_TM);
	side->answers[option]++;
	say(t, verb, option);
}

/* ---- phases ---- */

static void ask_value(struct telnet *t, uint8_t option, uint8_t bit)
{
	uint8_t bytes[] = { IAC, IAC_SB, option, 1, IAC, IAC_SE };

	t->bsd->to_hear |= bit;
	telnet_raw(t, bytes, sizeof(bytes));
}

static void ask_values(struct telnet *t)
{
	struct side *theirs = &t->bsd->theirs;

	t->bsd->phase = ASKS_VALUES;
	if (is(theirs, OPTION_TSPEED))
		ask_value(t, OPTION_TSPEED, HEAR_TSPEED);
	if (is(theirs, OPTION_XDISPLOC))
		ask_value(t, OPTION_XDISPLOC, HEAR_XDISPLOC);
	if (is(theirs, OPTION_NEW_ENVIRON))
		ask_value(t, OPTION_NEW_ENVIRON, HEAR_NEW);
	else if (is(theirs, OPTION_OLD_ENVIRON))
		ask_value(t, OPTION_OLD_ENVIRON, HEAR_OLD);
	if (is(theirs, OPTION_OLD_ENVIRON))
		t->bsd->to_hear |= HEAR_OLD; /* it waits for one that it may not have asked for */
	if (is(theirs, OPTION_TTYPE))
		ask_value(t, OPTION_TTYPE, HEAR_TTYPE);
}

static void ask_how(struct telnet *t)
{
	struct bsd *b = t->bsd;

	b->phase = ASKS_HOW;
	ask(t, &b->ours, IAC_WILL, OPTION_SGA);
	ask(t, &b->theirs, IAC_DO, OPTION_ECHO);
	if (!is(&b->theirs, OPTION_LINEMODE))
		ask(t, &b->theirs, IAC_DO, OPTION_LINEMODE);
	ask(t, &b->theirs, IAC_DO, OPTION_NAWS);
	ask(t, &b->ours, IAC_WILL, OPTION_STATUS);
	ask(t, &b->theirs, IAC_DO, OPTION_LFLOW);
}

static void serve(struct telnet *t)
{
	struct bsd *b = t->bsd;
	struct hin_buffer ahead = t->line;

	b->phase = SERVES;
	if (is_wanted(&b->theirs, OPTION_ECHO)) { /* no answer: as if it did echo */
		b->theirs.answers[OPTION_ECHO] = 0;
		ask(t, &b->theirs, IAC_DONT, OPTION_ECHO);
	}
	if (!is(&b->ours, OPTION_ECHO))
		ask(t, &b->ours, IAC_WILL, OPTION_ECHO);
	if (b->linemode < LINEMODE_REAL)
		ask(t, &b->theirs, IAC_DO, OPTION_TM);
	ask(t, &b->theirs, IAC_DO, OPTION_BINARY);
	t->line = (struct hin_buffer){ 0 };
	telnet_login_start(t);
	if (ahead.used > 0)
		telnet_keys(t, (const uint8_t *)ahead.data, ahead.used);
	hin_buffer_fini(&ahead);
}

static void go_on(struct telnet *t)
{
	static const uint8_t who[] = { OPTION_TTYPE, OPTION_TSPEED, OPTION_XDISPLOC,
				       OPTION_NEW_ENVIRON, OPTION_OLD_ENVIRON };
	struct bsd *b = t->bsd;

	if (b->phase == ASKS_WHO) {
		if (is_changing(&b->ours, OPTION_ENCRYPT))
			return;
		for (size_t i = 0; i < HIN_COUNT(who); i++)
			if (is_changing(&b->theirs, who[i]))
				return;
		ask_values(t);
	}
	if (b->phase == ASKS_VALUES) {
		if (b->to_hear != 0)
			return;
		ask_how(t);
	}
	if (b->phase == ASKS_HOW) {
		if (is_changing(&b->theirs, OPTION_NAWS) ||
		    (is_wanted(&b->theirs, OPTION_ECHO) && is(&b->theirs, OPTION_NAWS) &&
		     is_changing(&b->theirs, OPTION_ECHO)))
			return;
		serve(t);
	}
}

bool telnet_bsd_open(struct telnet *t)
{
	struct bsd *b = calloc(1, sizeof(*b));

	if (b == NULL)
		return false;
	t->bsd = b;
	t->stage = STAGE_NEGOTIATES;
	ask(t, &b->ours, IAC_WILL, OPTION_AUTHENTICATION);
	ask(t, &b->ours, IAC_WILL, OPTION_ENCRYPT);
	ask(t, &b->theirs, IAC_DO, OPTION_TTYPE);
	ask(t, &b->theirs, IAC_DO, OPTION_TSPEED);
	ask(t, &b->theirs, IAC_DO, OPTION_XDISPLOC);
	ask(t, &b->theirs, IAC_DO, OPTION_NEW_ENVIRON);
	ask(t, &b->theirs, IAC_DO, OPTION_OLD_ENVIRON);
	return true;
}

void telnet_bsd_free(struct bsd *b)
{
	if (b == NULL)
		return;
	free(b->first_type);
	free(b);
}

bool telnet_bsd_binary(const struct telnet *t)
{
	return is(&t->bsd->ours, OPTION_BINARY);
}

/* The pty's output was thrown away: a synch (RFC 854), without TCP's urgent mark. */
void telnet_bsd_flushed(struct telnet *t)
{
	static const uint8_t bytes[] = { IAC, IAC_DM };

	telnet_raw(t, bytes, sizeof(bytes));
}

/* ---- options ---- */

static void count_answer(struct side *side, uint8_t option, bool on)
{
	if (side->answers[option] == 0)
		return;
	side->answers[option]--;
	if (side->answers[option] > 0 && is(side, option) == on)
		side->answers[option]--;
}

/* Flow control is restarted by ^Q alone: RFC 1372. The NUL behind it is the real one's. */
static void tell_flow(struct telnet *t)
{
	static const uint8_t bytes[] = { IAC, IAC_SB, OPTION_LFLOW, 3, IAC, IAC_SE, 0 };

	telnet_raw(t, bytes, sizeof(bytes));
}

/* A client that marks times is one that edits lines itself, it thinks. */
static void on_timing_mark(struct telnet *t)
{
	struct bsd *b = t->bsd;

	if (b->linemode != LINEMODE_NONE)
		return;
	b->linemode = LINEMODE_KLUDGE;
	ask(t, &b->ours, IAC_WONT, OPTION_SGA);
}

/* Kerberos 5, mutual or not: RFC 2941, 2942. */
static void ask_authentication(struct telnet *t)
{
	static const uint8_t bytes[] = { IAC, IAC_SB, OPTION_AUTHENTICATION, 1, 2, 2, 2, 0,
					 IAC, IAC_SE };

	telnet_raw(t, bytes, sizeof(bytes));
}

static bool takes_will(uint8_t option)
{
	switch (option) {
	case OPTION_AUTHENTICATION:
	case OPTION_BINARY:
	case OPTION_SGA:
	case OPTION_TTYPE:
	case OPTION_NAWS:
	case OPTION_TSPEED:
	case OPTION_LFLOW:
	case OPTION_XDISPLOC:
	case OPTION_NEW_ENVIRON:
	case OPTION_OLD_ENVIRON:
		return true;
	default:
		return false;
	}
}

static void on_will(struct telnet *t, uint8_t option)
{
	struct bsd *b = t->bsd;
	struct side *s = &b->theirs;
	bool confirmed = false;

	count_answer(s, option, true);
	if (option == OPTION_TM) {
		on_timing_mark(t);
		return;
	}
	if (s->answers[option] == 0 && is_wanted(s, option)) {
		confirmed = true;
		if (option == OPTION_ECHO)
			ask(t, s, IAC_DONT, OPTION_ECHO);
	} else if (s->answers[option] == 0) {
		if (takes_will(option)) {
			set(s, option, WANTED, true);
			say(t, IAC_DO, option);
			if (option == OPTION_AUTHENTICATION)
				ask_authentication(t);
		} else {
			s->answers[option]++;
			say(t, IAC_DONT, option);
		}
	}
	set(s, option, IS, true);
	if (confirmed && option == OPTION_LFLOW)
		tell_flow(t);
}

static void on_wont(struct telnet *t, uint8_t option)
{
	static const struct {
		uint8_t option, bit;
	} waits[] = { { OPTION_TTYPE, HEAR_TTYPE },
		      { OPTION_TSPEED, HEAR_TSPEED },
		      { OPTION_XDISPLOC, HEAR_XDISPLOC },
		      { OPTION_NEW_ENVIRON, HEAR_NEW },
		      { OPTION_OLD_ENVIRON, HEAR_OLD } };
	struct bsd *b = t->bsd;
	struct side *s = &b->theirs;

	count_answer(s, option, false);
	if (option == OPTION_TM && s->answers[option] == 0) {
		ask(t, &b->ours, IAC_WILL, OPTION_SGA);
		ask(t, &b->ours, IAC_WILL, OPTION_ECHO);
	}
	if (s->answers[option] == 0 && is_wanted(s, option)) {
		for (size_t i = 0; i < HIN_COUNT(waits); i++)
			if (waits[i].option == option)
				b->to_hear &= (uint8_t)~waits[i].bit;
		set(s, option, WANTED, false);
		if (is(s, option))
			say(t, IAC_DONT, option);
	}
	set(s, option, IS, false);
}

static void on_do(struct telnet *t, uint8_t option)
{
	struct side *s = &t->bsd->ours;

	count_answer(s, option, true);
	if (s->answers[option] == 0 && !is_wanted(s, option)) {
		switch (option) {
		case OPTION_TM: /* said, and never kept */
			say(t, IAC_WILL, option);
			set(s, option, IS | WANTED, false);
			return;
		case OPTION_LOGOUT:
			say(t, IAC_WILL, option);
			telnet_over(t, HIN_CLOSE_SERVICE);
			return;
		case OPTION_ECHO:
		case OPTION_BINARY:
		case OPTION_SGA:
		case OPTION_STATUS:
		case OPTION_ENCRYPT:
			set(s, option, WANTED, true);
			say(t, IAC_WILL, option);
			break;
		default:
			s->answers[option]++;
			say(t, IAC_WONT, option);
		}
	}
	set(s, option, IS, true);
}

static void on_dont(struct telnet *t, uint8_t option)
{
	struct side *s = &t->bsd->ours;

	count_answer(s, option, false);
	if (s->answers[option] == 0 && is_wanted(s, option)) {
		set(s, option, WANTED, false);
		if (is(s, option))
			say(t, IAC_WONT, option);
	}
	set(s, option, IS, false);
}

static void on_verb(struct telnet *t, uint8_t option)
{
	switch (t->command) {
	case IAC_WILL:
		on_will(t, option);
		break;
	case IAC_WONT:
		on_wont(t, option);
		break;
	case IAC_DO:
		on_do(t, option);
		break;
	default:
		on_dont(t, option);
	}
}

/* ---- subnegotiations ---- */

/* Those that termcap knows here; another is asked for the next of its names. */
static bool is_known_type(const char *type)
{
	static const char *const known[] = { "ansi",
					     "cons25",
					     "cygwin",
					     "dumb",
					     "eterm-color",
					     "hurd",
					     "linux",
					     "mach",
					     "mach-bold",
					     "mach-color",
					     "mach-gnu",
					     "mach-gnu-color",
					     "pcansi",
					     "rxvt",
					     "rxvt-basic",
					     "screen",
					     "screen-256color",
					     "screen.xterm-256color",
					     "sun",
					     "tmux",
					     "tmux-256color",
					     "vt100",
					     "vt102",
					     "vt220",
					     "vt52",
					     "wsvt25",
					     "wsvt25m",
					     "xterm",
					     "xterm-256color",
					     "xterm-color",
					     "xterm-mono",
					     "xterm-r5",
					     "xterm-r6",
					     "xterm-vt220",
					     "xterm-xfree86" };

	for (size_t i = 0; i < HIN_COUNT(known); i++)
		if (strcmp(type, known[i]) == 0)
			return true;
	return false;
}

static void ask_type_again(struct telnet *t)
{
	t->bsd->types++;
	ask_value(t, OPTION_TTYPE, HEAR_TTYPE);
}

/* It cycles through the names of a client until one is known or they come again. */
static void terminal_type(struct telnet *t, const uint8_t *name, size_t size)
{
	struct bsd *b = t->bsd;
	char lower[TELNET_SUB + 1];
	bool again;

	for (size_t i = 0; i < size; i++)
		lower[i] = (char)(name[i] >= 'A' && name[i] <= 'Z' ? name[i] + 32 : name[i]);
	lower[size] = '\0';
	again = b->types > 0 && t->type != NULL && strcmp(t->type, lower) == 0;
	telnet_terminal_type(t, lower, size);
	b->to_hear &= (uint8_t)~HEAR_TTYPE;
	if (b->phase != ASKS_VALUES || is_known_type(lower) || b->types > 20)
		return;
	if (b->types == 0) {
		b->first_type = strdup(lower);
		ask_type_again(t);
	} else if (!again) {
		ask_type_again(t);
	} else if (b->first_type != NULL && strcmp(b->first_type, lower) != 0) {
		telnet_terminal_type(t, b->first_type, strlen(b->first_type));
		b->types = 21;
		ask_value(t, OPTION_TTYPE, HEAR_TTYPE);
	}
}

static void send_status(struct telnet *t)
{
	const struct bsd *b = t->bsd;
	struct hin_buffer out = { 0 };
	static const uint8_t head[] = { IAC, IAC_SB, OPTION_STATUS, 0 }, tail[] = { IAC, IAC_SE };

	hin_buffer_add(&out, head, sizeof(head));
	for (unsigned option = 0; option <= OPTION_NEW_ENVIRON; option++) {
		if (is_wanted(&b->ours, (uint8_t)option)) {
			hin_buffer_putc(&out, (char)IAC_WILL);
			hin_buffer_putc(&out, (char)option);
		}
		if (is_wanted(&b->theirs, (uint8_t)option)) {
			hin_buffer_putc(&out, (char)IAC_DO);
			hin_buffer_putc(&out, (char)option);
		}
	}
	if (is_wanted(&b->theirs, OPTION_LFLOW)) {
		static const uint8_t flow[] = { IAC_SB, OPTION_LFLOW, 1, IAC_SE,
						IAC_SB, OPTION_LFLOW, 3, IAC_SE };

		hin_buffer_add(&out, flow, sizeof(flow));
	}
	hin_buffer_add(&out, tail, sizeof(tail));
	if (!out.failed)
		telnet_raw(t, out.data, out.used);
	hin_buffer_fini(&out);
}

static void heard(struct telnet *t, uint8_t bit)
{
	t->bsd->to_hear &= (uint8_t)~bit;
}

static void subnegotiation(struct telnet *t)
{
	const uint8_t *at = (const uint8_t *)t->sub.data;
	size_t size = t->sub.used;
	struct bsd *b = t->bsd;

	if (size == 0)
		return;
	switch (at[0]) {
	case OPTION_TTYPE:
		if (!is(&b->theirs, OPTION_TTYPE))
			break;
		if (size > 1 && at[1] == 0)
			terminal_type(t, at + 2, size - 2);
		else
			heard(t, HEAR_TTYPE);
		break;
	case OPTION_NAWS:
		if (is(&b->theirs, OPTION_NAWS) && size >= 5)
			telnet_size(t, (unsigned)at[1] << 8 | at[2], (unsigned)at[3] << 8 | at[4]);
		break;
	case OPTION_TSPEED:
		if (is(&b->theirs, OPTION_TSPEED))
			heard(t, HEAR_TSPEED);
		break;
	case OPTION_XDISPLOC:
		if (size > 1 && at[1] == 0)
			heard(t, HEAR_XDISPLOC);
		break;
	case OPTION_NEW_ENVIRON:
		heard(t, HEAR_NEW);
		break;
	case OPTION_OLD_ENVIRON:
		heard(t, HEAR_OLD);
		break;
	case OPTION_STATUS:
		if (size > 1 && at[1] == 1 && is(&b->ours, OPTION_STATUS))
			send_status(t);
		break;
	default:
		break;
	}
}

/* ---- the stream ---- */

/* Keys that come before the log-in program is there wait for it. */
static void key(struct telnet *t, uint8_t byte)
{
	if (t->stage != STAGE_NEGOTIATES)
		telnet_keys(t, &byte, 1);
	else if (t->line.used < HIN_TERMINAL_LINE)
		hin_buffer_putc(&t->line, (char)byte);
}

/* Before there is a pty, its descriptor is the connection's: keys come back as they are. */
static void flush_pty(struct telnet *t)
{
	if (t->stage != STAGE_NEGOTIATES || t->line.used == 0)
		return;
	telnet_raw(t, t->line.data, t->line.used);
	hin_buffer_fini(&t->line);
}

static void interrupt(struct telnet *t, int number)
{
	flush_pty(t);
	if (t->terminal != NULL)
		hin_terminal_interrupt(t->terminal, number);
}

static void abort_output(struct telnet *t)
{
	flush_pty(t);
	if (t->stage == STAGE_NEGOTIATES)
		return;
	key(t, 15);
	telnet_bsd_flushed(t);
}

/* Keys of the terminal that the client names by what they do. */
static void edit_key(struct telnet *t, uint8_t byte)
{
	flush_pty(t);
	if (t->stage != STAGE_NEGOTIATES)
		key(t, byte);
}

static void command(struct telnet *t, uint8_t byte)
{
	t->state = DATA;
	switch (byte) {
	case IAC:
		key(t, IAC);
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
	case IAC_IP:
		interrupt(t, SIGINT);
		break;
	case IAC_BRK:
	case IAC_ABORT:
		interrupt(t, SIGQUIT);
		break;
	case IAC_SUSP:
		interrupt(t, SIGTSTP);
		break;
	case IAC_EOF:
		key(t, 4);
		break;
	case IAC_AYT:
		telnet_raw(t, "\r\n[Yes]\r\n", 9);
		break;
	case IAC_AO:
		abort_output(t);
		break;
	case IAC_EC:
		edit_key(t, 127);
		break;
	case IAC_EL:
		edit_key(t, 21);
		break;
	default:
		break;
	}
}

static void end_sub(struct telnet *t)
{
	subnegotiation(t);
	hin_buffer_fini(&t->sub);
	t->state = DATA;
}

static void protocol_byte(struct telnet *t, uint8_t byte)
{
	switch (t->state) {
	case COMMAND:
		command(t, byte);
		break;
	case VERB:
		t->state = DATA;
		on_verb(t, byte);
		break;
	case SUB:
		if (byte == IAC)
			t->state = SUB_IAC;
		else if (t->sub.used < TELNET_SUB)
			hin_buffer_putc(&t->sub, (char)byte);
		break;
	default: /* SUB_IAC */
		if (byte == IAC) {
			t->state = SUB;
			if (t->sub.used < TELNET_SUB)
				hin_buffer_putc(&t->sub, (char)byte);
			break;
		}
		end_sub(t);
		if (byte != IAC_SE && t->stage != STAGE_OVER)
			command(t, byte);
	}
}

static void data_byte(struct telnet *t, uint8_t byte)
{
	if (t->state == AFTER_CR) {
		t->state = DATA;
		if (byte == '\n' || byte == '\0')
			return;
	}
	if (byte == IAC) {
		t->state = COMMAND;
		return;
	}
	if (byte == '\r' && !is(&t->bsd->theirs, OPTION_BINARY))
		t->state = AFTER_CR;
	key(t, byte);
}

void telnet_bsd_receive(struct telnet *t, const uint8_t *data, size_t size)
{
	for (size_t at = 0; at < size && t->stage != STAGE_OVER; at++) {
		size_t run = at;

		while (t->state == DATA && t->stage != STAGE_NEGOTIATES && run < size &&
		       data[run] != IAC && data[run] != '\r')
			run++;
		if (run > at) { /* many at once: an editor echoes them so */
			telnet_keys(t, data + at, run - at);
			at = run - 1;
			continue;
		}
		if (t->state == DATA || t->state == AFTER_CR)
			data_byte(t, data[at]);
		else
			protocol_byte(t, data[at]);
	} /* It looks whether its questions are answered when a piece is read whole. */
	if (t->stage == STAGE_NEGOTIATES)
		go_on(t);
}
