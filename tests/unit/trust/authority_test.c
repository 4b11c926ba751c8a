/* Authorities: who must sign, what is refused, what the ledger has to say. */
#include "folder.h"

#include <netinet/in.h>
#include <sodium.h>

#include "base/file.h"
#include "base/time.h"
#include "trust/authority.h"

#define FROM 1796083200	 /* 2026-12-01T00:00:00Z */
#define UNTIL 1798761600 /* 2027-01-01T00:00:00Z */
#define NOW_US ((int64_t)(FROM + 60) * 1000000)

static char folder[64], path[128];
static struct hin_note_signer a, b, c, stranger, log_signer;
static struct hin_signers roster;

static struct hin_note_signer signer_of(const char *name, uint8_t n)
{
	uint8_t seed[32] = { n };
	struct hin_note_signer out;

	assert_int_equal(hin_note_signer_of(&out, name, seed, NULL), HIN_OK);
	return out;
}

/* Sign a text by each of `signers`. */
static void sign(struct hin_buffer *out, const struct hin_buffer *text,
		 const struct hin_note_signer *const *signers, size_t count)
{
	struct hin_error err = { 0 };

	hin_buffer_reset(out);
	hin_buffer_add(out, text->data, text->used);
	for (size_t i = 0; i < count; i++) {
		struct hin_buffer next = { 0 };

		if (hin_authority_sign(&next, out->data, out->used, signers[i], &err) != HIN_OK)
			fail_msg("%s", err.text);
		hin_buffer_fini(out);
		*out = next;
	}
}

static int begin(void **state)
{
	struct hin_signers wish = { .number = 1, .need = 2, .count = 3 };
	struct hin_buffer text = { 0 }, note = { 0 };

	(void)state;
	folder_make(folder);
	snprintf(path, sizeof(path), "%s/ledger", folder);
	a = signer_of("commission.example/a", 1);
	b = signer_of("commission.example/b", 2);
	c = signer_of("commission.example/c", 3);
	stranger = signer_of("stranger.example", 4);
	log_signer = signer_of("hub.example/ledger", 5);
	wish.keys[0] = a.verifier;
	wish.keys[1] = b.verifier;
	wish.keys[2] = c.verifier;
	hin_signers_format(&text, &wish);
	sign(&note, &text, (const struct hin_note_signer *[]){ &a, &b }, 2);
	assert_int_equal(hin_signers_open(&roster, note.data, note.used, NULL, NULL), HIN_OK);
	hin_buffer_fini(&text);
	hin_buffer_fini(&note);
	return 0;
}

static int end(void **state)
{
	(void)state;
	folder_remove(folder);
	return 0;
}

static struct hin_prefix prefix_of(const char *text)
{
	struct hin_prefix p;

	assert_int_equal(hin_prefix_parse(&p, text, NULL), HIN_OK);
	return p;
}

static struct hin_authority plan(void)
{
	struct hin_authority out = { .number = "2027-000123",
				     .kind = HIN_AUTHORITY_SURVEY_PLAN,
				     .from_s = FROM,
				     .until_s = UNTIL,
				     .prefix_count = 2,
				     .port_count = 2,
				     .rate = 100,
				     .uses = 2 };

	memcpy(out.signers, roster.digest, 32);
	out.prefixes[0] = prefix_of("203.0.113.0/24");
	out.prefixes[1] = prefix_of("2001:db8::/33");
	out.ports[0] = (struct hin_authority_ports){ IPPROTO_TCP, 22, 23 };
	out.ports[1] = (struct hin_authority_ports){ IPPROTO_UDP, 53, 53 };
	return out;
}

static const char text_of_plan[] = "hinomi authority 1\n"
				   "number 2027-000123\n"
				   "kind survey-plan\n"
				   "signers %s\n"
				   "from 2026-12-01T00:00:00Z\n"
				   "until 2027-01-01T00:00:00Z\n"
				   "prefix 203.0.113.0/24\n"
				   "prefix 2001:db8::/33\n"
				   "port tcp/22-23\n"
				   "port udp/53\n"
				   "rate 100\n"
				   "uses 2\n";

static void plan_text(struct hin_buffer *out)
{
	char hex[65];

	hin_buffer_reset(out);
	sodium_bin2hex(hex, sizeof(hex), roster.digest, 32);
	/* "%s" once */
	hin_buffer_add(out, text_of_plan, (size_t)(strstr(text_of_plan, "%s") - text_of_plan));
	hin_buffer_puts(out, hex);
	hin_buffer_puts(out, strstr(text_of_plan, "%s") + 2);
}

static struct hin_authority opened_plan(void)
{
	static struct hin_authority out;
	struct hin_buffer text = { 0 }, note = { 0 };

	plan_text(&text);
	sign(&note, &text, (const struct hin_note_signer *[]){ &a, &c }, 2);
	assert_int_equal(hin_authority_open(&out, note.data, note.used, &roster, NULL), HIN_OK);
	hin_buffer_fini(&text);
	hin_buffer_fini(&note);
	return out;
}

static void text_has_one_form(void **state)
{
	struct hin_authority want = plan(), got;
	struct hin_buffer text = { 0 }, expected = { 0 };

	(void)state;
	plan_text(&expected);
	hin_authority_format(&text, &want);
	assert_string_equal(text.data, expected.data);
	assert_int_equal(hin_authority_parse(&got, text.data, text.used, NULL), HIN_OK);
	crypto_hash_sha256(want.digest, (const uint8_t *)text.data, text.used);
	assert_memory_equal(&got, &want, sizeof(want));
	hin_buffer_fini(&text);
	hin_buffer_fini(&expected);
}

/* The text of the plan with `from` replaced by `to`. */
static void edited(struct hin_buffer *out, const char *from, const char *to)
{
	struct hin_buffer text = { 0 };
	char *at;

	plan_text(&text);
	at = strstr(text.data, from);
	assert_non_null(at);
	hin_buffer_reset(out);
	hin_buffer_add(out, text.data, (size_t)(at - text.data));
	hin_buffer_puts(out, to);
	hin_buffer_puts(out, at + strlen(from));
	hin_buffer_fini(&text);
}

static void refuses_what_it_does_not_know(void **state)
{
	static const struct {
		const char *name, *from, *to;
	} cases[] = {
		{ "a later version", "authority 1\n", "authority 2\n" },
		{ "an unknown field", "rate 100\n", "rate 100\npayload yes\n" },
		{ "an unknown field first", "number ", "secret x\nnumber " },
		{ "an unknown kind", "survey-plan", "survey-plans" },
		{ "a kind by number", "survey-plan", "1" },
		{ "no number", "number 2027-000123\n", "" },
		{ "no kind", "kind survey-plan\n", "" },
		{ "no period", "until 2027-01-01T00:00:00Z\n", "" },
		{ "a field twice", "rate 100\n", "rate 100\nrate 200\n" },
		{ "out of order", "rate 100\nuses 2\n", "uses 2\nrate 100\n" },
		{ "prefix after a port", "port udp/53\n", "port udp/53\nprefix 192.0.2.0/24\n" },
		{ "ends before it begins", "until 2027", "until 2025" },
		{ "longer than a year", "until 2027", "until 2029" },
		{ "a date that is none", "2026-12-01", "2026-02-30" },
		{ "another spelling of time", "12-01T00", "12-01 00" },
		{ "a time zone", "2026-12-01T00:00:00Z", "2026-12-01T09:00:00+09:00" },
		{ "host bits", "203.0.113.0/24", "203.0.113.1/24" },
		{ "another spelling of a prefix", "2001:db8::/33", "2001:0db8::/33" },
		{ "no prefix length", "203.0.113.0/24", "203.0.113.0" },
		{ "a port of 65536", "tcp/22-23", "tcp/22-65536" },
		{ "ports backwards", "tcp/22-23", "tcp/23-22" },
		{ "a port with a zero before", "udp/53", "udp/053" },
		{ "ports that are one", "udp/53", "udp/53-53" },
		{ "a protocol", "udp/53", "sctp/53" },
		{ "a rate of zero", "rate 100", "rate 0" },
		{ "a rate with a sign", "rate 100", "rate +100" },
		{ "no uses", "uses 2", "uses 0" },
		{ "a space at the end", "uses 2", "uses 2 " },
		{ "two spaces", "uses 2", "uses  2" },
		{ "CRLF", "uses 2\n", "uses 2\r\n" },
		{ "an empty line", "uses 2\n", "\nuses 2\n" },
		{ "an open line", "uses 2\n", "uses 2" },
		{ "upper case", "uses 2", "Uses 2" },
		{ "a digest that is short", "signers ", "signers 0" },
	};
	struct hin_buffer text = { 0 };
	struct hin_authority out;

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		uint8_t *in;

		edited(&text, cases[i].from, cases[i].to);
		in = hin_test_copy(text.data, text.used);
		if (hin_authority_parse(&out, (char *)in, text.used, NULL) != HIN_EFORMAT)
			fail_msg("%s", cases[i].name);
		free(in);
	}
	plan_text(&text);
	for (size_t cut = 0; cut < text.used; cut++) {
		uint8_t *in = hin_test_copy(text.data, cut);
		enum hin_code code = hin_authority_parse(&out, (char *)in, cut, NULL);

		/* whole lines may go from the end: fewer limits, fewer permissions, another digest
		 */
		if (code == HIN_OK && (text.data[cut - 1] != '\n' || cut < 181))
			fail_msg("cut at %zu", cut);
		free(in);
	}
	hin_buffer_fini(&text);
}

static void too_many_prefixes(void **state)
{
	struct hin_authority many = plan(), out;
	struct hin_buffer text = { 0 };

	(void)state;
	many.prefix_count = HIN_AUTHORITY_PREFIXES;
	for (unsigned i = 0; i < HIN_AUTHORITY_PREFIXES; i++)
		many.prefixes[i] = many.prefixes[0];
	hin_authority_format(&text, &many);
	assert_int_equal(hin_authority_parse(&out, text.data, text.used, NULL), HIN_OK);
	hin_buffer_fini(&text);
	edited(&text, "prefix 2001:db8::/33\n", "");
	for (unsigned i = 0; i < 200; i++) {
		struct hin_buffer more = { 0 };
		char *at = strstr(text.data, "port tcp/22-23\n");

		hin_buffer_add(&more, text.data, (size_t)(at - text.data));
		hin_buffer_puts(&more, "port tcp/22-23\n");
		hin_buffer_puts(&more, at);
		hin_buffer_fini(&text);
		text = more;
	}
	assert_int_equal(hin_authority_parse(&out, text.data, text.used, NULL), HIN_EFORMAT);
	hin_buffer_fini(&text);
}

/* ---- signatures ---- */

static enum hin_code opened_by(const struct hin_note_signer *const *signers, size_t count,
			       const char *from, const char *to)
{
	struct hin_buffer text = { 0 }, note = { 0 };
	static struct hin_authority out;
	enum hin_code code;

	edited(&text, from, to);
	sign(&note, &text, signers, count);
	code = hin_authority_open(&out, note.data, note.used, &roster, NULL);
	hin_buffer_fini(&text);
	hin_buffer_fini(&note);
	return code;
}

#define BY(...)                                                                                    \
	(const struct hin_note_signer *[]){ __VA_ARGS__ },                                         \
		sizeof((const struct hin_note_signer *[]){ __VA_ARGS__ }) / sizeof(void *)

static void k_of_n(void **state)
{
	struct hin_buffer text = { 0 }, note = { 0 }, twice = { 0 };
	char requester[HIN_NOTE_KEY_TEXT], line[400];
	static struct hin_authority out;
	struct hin_error err = { 0 };
	char *at;

	(void)state;
	assert_int_equal(opened_by(BY(&a, &b), "uses 2\n", "uses 2\n"), HIN_OK);
	assert_int_equal(opened_by(BY(&c, &a), "uses 2\n", "uses 2\n"), HIN_OK);
	assert_int_equal(opened_by(BY(&a, &b, &c), "uses 2\n", "uses 2\n"), HIN_OK);
	assert_int_equal(opened_by(BY(&a), "uses 2\n", "uses 2\n"), HIN_EVERIFY);
	assert_int_equal(opened_by(BY(&a, &stranger), "uses 2\n", "uses 2\n"), HIN_EVERIFY);
	assert_int_equal(opened_by(BY(&stranger), "uses 2\n", "uses 2\n"), HIN_EVERIFY);
	/* the requester's own key never counts */
	snprintf(line, sizeof(line), "requester %s\nprefix 203",
		 hin_note_verifier_format(&a.verifier, requester));
	assert_int_equal(opened_by(BY(&a, &b), "prefix 203", line), HIN_EVERIFY);
	assert_int_equal(opened_by(BY(&a, &b, &c), "prefix 203", line), HIN_OK);
	/* the same key twice: refused when signing, and not counted when copied */
	plan_text(&text);
	sign(&note, &text, BY(&a));
	assert_int_equal(hin_authority_sign(&twice, note.data, note.used, &a, &err), HIN_EDENIED);
	hin_buffer_add(&twice, note.data, note.used);
	hin_buffer_puts(&twice, strstr(note.data, "\n\n") + 2);
	assert_int_equal(hin_authority_open(&out, twice.data, twice.used, &roster, &err),
			 HIN_EVERIFY);
	assert_non_null(strstr(err.text, "1 have signed, 2 are needed"));
	/* forged: the text changed after it was signed */
	sign(&note, &text, BY(&a, &b));
	at = strstr(note.data, "uses 2");
	at[5] = '3';
	assert_int_equal(hin_authority_open(&out, note.data, note.used, &roster, NULL),
			 HIN_EVERIFY);
	/* another roster */
	roster.digest[0] ^= 1;
	sign(&note, &text, BY(&a, &b));
	assert_int_equal(hin_authority_open(&out, note.data, note.used, &roster, NULL),
			 HIN_EVERIFY);
	hin_buffer_fini(&text);
	hin_buffer_fini(&note);
	hin_buffer_fini(&twice);
}

static void nobody_signs_what_is_odd(void **state)
{
	struct hin_buffer text = { 0 }, note = { 0 }, forged = { 0 }, signed_note = { 0 };
	char *forged_at;

	(void)state;
	edited(&text, "rate 100\n", "speed 100\n");
	assert_int_equal(hin_authority_sign(&note, text.data, text.used, &a, NULL), HIN_EFORMAT);
	assert_int_equal(hin_authority_sign(&note, "hello\n", 6, &a, NULL), HIN_EFORMAT);
	/* found by the fuzzer: what stands behind the text is no signature */
	plan_text(&text);
	hin_buffer_puts(&text, "\nport udp/53\nrate 100\n");
	assert_int_equal(hin_authority_sign(&note, text.data, text.used, &a, NULL), HIN_EFORMAT);
	/* or one of ours that is forged */
	plan_text(&forged);
	sign(&signed_note, &forged, BY(&a));
	forged_at = strstr(signed_note.data, "uses 2");
	forged_at[5] = '1';
	assert_int_equal(hin_authority_sign(&note, signed_note.data, signed_note.used, &a, NULL),
			 HIN_EVERIFY);
	hin_buffer_fini(&forged);
	hin_buffer_fini(&signed_note);
	assert_int_equal(note.used, 0);
	hin_buffer_fini(&text);
}

static void a_signer_ends_one(void **state)
{
	uint8_t digest[32] = { 1, 2, 3 }, got[32];
	struct hin_buffer text = { 0 }, note = { 0 };
	uint64_t signed_by = 0;

	(void)state;
	hin_revocation_format(&text, digest);
	assert_int_equal(hin_revocation_parse(got, text.data, text.used, NULL), HIN_OK);
	assert_memory_equal(got, digest, 32);
	assert_int_equal(hin_revocation_parse(got, text.data, text.used - 1, NULL), HIN_EFORMAT);
	text.data[text.used - 2] = 'G';
	assert_int_equal(hin_revocation_parse(got, text.data, text.used, NULL), HIN_EFORMAT);
	text.data[text.used - 2] = '0';
	sign(&note, &text, (const struct hin_note_signer *[]){ &b }, 1);
	memset(got, 0, sizeof(got));
	assert_int_equal(hin_revocation_open(got, &signed_by, note.data, note.used, &roster, NULL),
			 HIN_OK);
	assert_memory_equal(got, digest, 32);
	assert_int_equal(signed_by, 2);
	note.data[25]++; /* of the kind */
	assert_int_equal(hin_revocation_open(got, &signed_by, note.data, note.used, &roster, NULL),
			 HIN_EVERIFY);
	sign(&note, &text, (const struct hin_note_signer *[]){ &stranger }, 1);
	assert_int_equal(hin_revocation_open(got, &signed_by, note.data, note.used, &roster, NULL),
			 HIN_EVERIFY);
	hin_buffer_fini(&text);
	hin_buffer_fini(&note);
}

static void rosters_follow_each_other(void **state)
{
	struct hin_signers wish = { .number = 2, .need = 1, .count = 2 }, out, third;
	struct hin_buffer text = { 0 }, note = { 0 };

	(void)state;
	memcpy(wish.previous, roster.digest, 32);
	wish.keys[0] = c.verifier;
	wish.keys[1] = stranger.verifier;
	hin_signers_format(&text, &wish);
	sign(&note, &text, BY(&a, &b));
	assert_int_equal(hin_signers_open(&out, note.data, note.used, &roster, NULL), HIN_OK);
	assert_int_equal(hin_signers_open(&third, note.data, note.used, &out, NULL), HIN_EVERIFY);
	assert_int_equal(hin_signers_open(&third, note.data, note.used, NULL, NULL), HIN_EVERIFY);
	/* its own new keys have no say */
	sign(&note, &text, BY(&c, &stranger));
	assert_int_equal(hin_signers_open(&third, note.data, note.used, &roster, NULL),
			 HIN_EVERIFY);
	/* it follows another one */
	wish.previous[0] ^= 1;
	hin_buffer_reset(&text);
	hin_signers_format(&text, &wish);
	sign(&note, &text, BY(&a, &b));
	assert_int_equal(hin_signers_open(&third, note.data, note.used, &roster, NULL),
			 HIN_EVERIFY);
	hin_buffer_fini(&text);
	hin_buffer_fini(&note);
}

static void rosters_are_refused(void **state)
{
	char key[2][HIN_NOTE_KEY_TEXT], text[1200];
	struct hin_signers out;
	static const struct {
		const char *name, *format;
	} cases[] = {
		{ "one key twice", "hinomi signers 1\nnumber 1\nprevious -\nneed 2\nsigner %1$s\n"
				   "signer %1$s\n" },
		{ "more needed than there are",
		  "hinomi signers 1\nnumber 1\nprevious -\nneed 3\nsigner %1$s\nsigner %2$s\n" },
		{ "none needed", "hinomi signers 1\nnumber 1\nprevious -\nneed 0\nsigner %1$s\n" },
		{ "a first one with a previous",
		  "hinomi signers 1\nnumber 1\nprevious "
		  "0000000000000000000000000000000000000000000000000000000000000001\n"
		  "need 1\nsigner %1$s\n" },
		{ "a second one without",
		  "hinomi signers 1\nnumber 2\nprevious -\nneed 1\nsigner %1$s\n" },
		{ "number 0", "hinomi signers 1\nnumber 0\nprevious -\nneed 1\nsigner %1$s\n" },
		{ "an unknown line",
		  "hinomi signers 1\nnumber 1\nprevious -\nneed 1\nsigner %1$s\nextra x\n" },
		{ "nobody", "hinomi signers 1\nnumber 1\nprevious -\nneed 1\n" },
		{ "another head", "hinomi signers 2\nnumber 1\nprevious -\nneed 1\nsigner %1$s\n" },
	};

	(void)state;
	hin_note_verifier_format(&a.verifier, key[0]);
	hin_note_verifier_format(&b.verifier, key[1]);
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		struct hin_buffer b1 = hin_buffer_over(text, sizeof(text));
		const char *at = cases[i].format, *mark;

		while ((mark = strchr(at, '%')) != NULL) {
			hin_buffer_add(&b1, at, (size_t)(mark - at));
			hin_buffer_puts(&b1, key[mark[1] - '1']);
			at = mark + 4;
		}
		hin_buffer_puts(&b1, at);
		if (hin_signers_parse(&out, b1.data, b1.used, NULL) != HIN_EFORMAT)
			fail_msg("%s", cases[i].name);
	}
}

/* ---- what it permits ---- */

static void permits_what_it_says(void **state)
{
	static const struct {
		const char *name, *prefix;
		uint16_t kind;
		uint8_t protocol;
		uint16_t low, high;
		uint64_t rate;
		int64_t now_s;
		bool good;
	} cases[] = {
		{ "all of it", "203.0.113.0/24", 1, IPPROTO_TCP, 22, 23, 100, FROM, true },
		{ "one address", "203.0.113.7", 1, IPPROTO_UDP, 53, 53, 1, UNTIL - 1, true },
		{ "IPv6", "2001:db8:7fff::/48", 1, IPPROTO_TCP, 22, 22, 0, FROM, true },
		{ "nothing special", NULL, 1, 0, 0, 0, 0, FROM, true },
		{ "another kind", NULL, 2, 0, 0, 0, 0, FROM, false },
		{ "no kind", NULL, 0, 0, 0, 0, 0, FROM, false },
		{ "the next address", "203.0.114.0", 1, 0, 0, 0, 0, FROM, false },
		{ "a wider prefix", "203.0.112.0/23", 1, 0, 0, 0, 0, FROM, false },
		{ "everything", "0.0.0.0/0", 1, 0, 0, 0, 0, FROM, false },
		{ "everything of IPv6", "::/0", 1, 0, 0, 0, 0, FROM, false },
		{ "the other half", "2001:db8:8000::/48", 1, 0, 0, 0, 0, FROM, false },
		{ "another port", NULL, 1, IPPROTO_TCP, 24, 24, 0, FROM, false },
		{ "one port too many", NULL, 1, IPPROTO_TCP, 21, 23, 0, FROM, false },
		{ "ports backwards", NULL, 1, IPPROTO_TCP, 23, 22, 0, FROM, false },
		{ "another protocol", NULL, 1, IPPROTO_UDP, 22, 22, 0, FROM, false },
		{ "a port without protocol", NULL, 1, 0, 22, 22, 0, FROM, false },
		{ "too fast", NULL, 1, 0, 0, 0, 101, FROM, false },
		{ "too early", NULL, 1, 0, 0, 0, 0, FROM - 1, false },
		{ "too late", NULL, 1, 0, 0, 0, 0, UNTIL, false },
	};
	struct hin_authority p = opened_plan();
	const struct hin_authority_state made = { .made = true };

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		struct hin_prefix prefix =
			prefix_of(cases[i].prefix != NULL ? cases[i].prefix : "192.0.2.1");
		struct hin_authority_request r = { .kind = cases[i].kind,
						   .prefix =
							   cases[i].prefix != NULL ? &prefix : NULL,
						   .protocol = cases[i].protocol,
						   .port_low = cases[i].low,
						   .port_high = cases[i].high,
						   .rate = cases[i].rate };
		enum hin_code code = hin_authority_check(&p, &made, cases[i].now_s, &r, NULL);

		if (code != (cases[i].good ? HIN_OK : HIN_EDENIED))
			fail_msg("%s", cases[i].name);
	}
}

static void state_decides(void **state)
{
	struct hin_authority p = opened_plan(), bare = plan();
	const struct hin_authority_request r = { .kind = 1 }, use = { .kind = 1, .use = true };
	struct hin_authority_state s = { 0 };

	(void)state;
	assert_int_equal(hin_authority_check(&p, &s, FROM, &r, NULL), HIN_EDENIED); /* unknown */
	s.made = true;
	assert_int_equal(hin_authority_check(&bare, &s, FROM, &r, NULL), HIN_EDENIED);
	assert_int_equal(hin_authority_check(&p, &s, FROM, &use, NULL), HIN_OK);
	s.uses = 2;
	assert_int_equal(hin_authority_check(&p, &s, FROM, &use, NULL), HIN_EDENIED);
	assert_int_equal(hin_authority_check(&p, &s, FROM, &r, NULL), HIN_OK);
	s.uses = 3;
	assert_int_equal(hin_authority_check(&p, &s, FROM, &r, NULL), HIN_EDENIED);
	s.uses = 0;
	s.revoked = true;
	assert_int_equal(hin_authority_check(&p, &s, FROM, &r, NULL), HIN_EDENIED);
	/* what names no limits permits nothing of the sort */
	p.prefix_count = p.port_count = 0;
	p.rate = 0;
	s.revoked = false;
	{
		struct hin_prefix prefix = prefix_of("203.0.113.7");
		struct hin_authority_request one = { .kind = 1, .prefix = &prefix };
		struct hin_authority_request port = {
			.kind = 1, .protocol = IPPROTO_TCP, .port_low = 22, .port_high = 22
		};
		struct hin_authority_request rate = { .kind = 1, .rate = 1 };

		assert_int_equal(hin_authority_check(&p, &s, FROM, &one, NULL), HIN_EDENIED);
		assert_int_equal(hin_authority_check(&p, &s, FROM, &port, NULL), HIN_EDENIED);
		assert_int_equal(hin_authority_check(&p, &s, FROM, &rate, NULL), HIN_EDENIED);
	}
}

/* ---- with a ledger ---- */

static void ledger_remembers(void **state)
{
	struct hin_ledger_settings settings;
	struct hin_ledger *l = NULL;
	struct hin_authority_book *book = NULL, *other = NULL;
	struct hin_authority p = opened_plan();
	struct hin_authority_request r = { .kind = 1 }, wrong = { .kind = 2 };
	struct hin_authority_state s;
	struct hin_act act = { .kind = HIN_ACT_EXPORT };
	uint64_t index;

	(void)state;
	hin_ledger_settings_default(&settings);
	settings.folder = path;
	settings.signer = &log_signer;
	settings.create = true;
	assert_int_equal(hin_ledger_open(&l, &settings, NULL), HIN_OK);
	for (unsigned i = 0; i < 600; i++)
		assert_int_equal(hin_ledger_queue(l, &act, NULL, NULL, NULL), HIN_OK);
	assert_int_equal(hin_authority_book_open(&book, path, &log_signer.verifier, NULL), HIN_OK);
	assert_int_equal(hin_authority_use(book, l, &p, &r, 7, NOW_US, NULL, NULL), HIN_EDENIED);
	assert_int_equal(hin_authority_revoke(book, l, p.digest, 7, NOW_US, NULL), HIN_ENOENT);
	assert_int_equal(hin_authority_enact(book, l, &p, 7, NOW_US, NULL), HIN_OK);
	assert_int_equal(hin_authority_enact(book, l, &p, 7, NOW_US, NULL), HIN_EDENIED);
	assert_int_equal(hin_authority_use(book, l, &p, &wrong, 7, NOW_US, NULL, NULL),
			 HIN_EDENIED);
	assert_int_equal(hin_authority_use(book, l, &p, &r, 7, NOW_US, &index, NULL), HIN_OK);
	assert_int_equal(index, 603);
	assert_int_equal(hin_authority_use(book, l, &p, &r, 7, NOW_US, NULL, NULL), HIN_OK);
	assert_int_equal(hin_authority_use(book, l, &p, &r, 7, NOW_US, NULL, NULL), HIN_EDENIED);
	assert_int_equal(hin_authority_revoke(book, l, p.digest, 7, NOW_US + 5, NULL), HIN_OK);
	assert_int_equal(hin_authority_revoke(book, l, p.digest, 7, NOW_US + 9, NULL), HIN_OK);
	assert_int_equal(hin_authority_enact(book, l, &p, 7, NOW_US, NULL), HIN_EDENIED);
	hin_ledger_close(l);
	/* whoever reads the files comes to the same */
	assert_int_equal(hin_authority_book_open(&other, path, &log_signer.verifier, NULL), HIN_OK);
	assert_int_equal(hin_authority_book_read(other, NULL), HIN_OK);
	hin_authority_book_state(other, p.digest, &s);
	assert_true(s.made && s.revoked);
	assert_int_equal(s.uses, 2);
	assert_int_equal(s.made_us, NOW_US);
	assert_int_equal(s.revoked_us, NOW_US + 5);
	hin_authority_book_close(book);
	hin_authority_book_close(other);
	hin_authority_book_close(NULL);
}

/* Entries that were changed after their checkpoint was signed are not believed. */
static void book_believes_the_root_only(void **state)
{
	struct hin_ledger_settings settings;
	struct hin_ledger *l = NULL;
	struct hin_authority_book *book = NULL;
	struct hin_act act = { .kind = HIN_ACT_AUTHORITY_MADE, .authority = { 9 } };
	struct hin_authority_state s;
	struct hin_buffer bundle = { 0 };
	char name[200];

	(void)state;
	hin_ledger_settings_default(&settings);
	settings.folder = path;
	settings.signer = &log_signer;
	settings.create = true;
	assert_int_equal(hin_ledger_open(&l, &settings, NULL), HIN_OK);
	assert_int_equal(hin_ledger_append(l, &act, NULL, NULL), HIN_OK);
	hin_ledger_close(l);
	snprintf(name, sizeof(name), "%s/tile/entries/000.p/1", path);
	assert_int_equal(hin_file_read(&bundle, name, 1000, NULL), HIN_OK);
	bundle.data[2 + 20] ^= 1; /* the authority's digest */
	assert_int_equal(hin_file_replace(name, bundle.data, bundle.used, 0644, NULL), HIN_OK);
	assert_int_equal(hin_authority_book_open(&book, path, &log_signer.verifier, NULL), HIN_OK);
	assert_int_equal(hin_authority_book_read(book, NULL), HIN_EVERIFY);
	assert_int_equal(hin_authority_book_read(book, NULL), HIN_EVERIFY);
	hin_authority_book_close(book);
	bundle.data[2 + 20] ^= 1;
	assert_int_equal(hin_file_replace(name, bundle.data, bundle.used, 0644, NULL), HIN_OK);
	assert_int_equal(hin_authority_book_open(&book, path, &log_signer.verifier, NULL), HIN_OK);
	assert_int_equal(hin_authority_book_read(book, NULL), HIN_OK);
	hin_authority_book_state(book, act.authority, &s);
	assert_true(s.made);
	hin_authority_book_close(book);
	/* another log's key */
	assert_int_equal(hin_authority_book_open(&book, path, &stranger.verifier, NULL), HIN_OK);
	assert_int_equal(hin_authority_book_read(book, NULL), HIN_EVERIFY);
	hin_authority_book_close(book);
	hin_buffer_fini(&bundle);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(text_has_one_form),	 TEST(refuses_what_it_does_not_know),
		TEST(too_many_prefixes),	 TEST(k_of_n),
		TEST(nobody_signs_what_is_odd),	 TEST(a_signer_ends_one),
		TEST(rosters_follow_each_other), TEST(rosters_are_refused),
		TEST(permits_what_it_says),	 TEST(state_decides),
		TEST(ledger_remembers),		 TEST(book_believes_the_root_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
