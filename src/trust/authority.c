/* authority - its text, its signatures, and what it permits; see authority.h */
#include "trust/authority.h"

#include <netinet/in.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/number.h"
#include "base/time.h"
#include "trust/authority_priv.h"

#define HEAD "hinomi authority 1"

/* ---- values in their one spelling ---- */

bool authority_hex(uint8_t out[32], const char *text)
{
	size_t used = 0;

	return strlen(text) == 64 && strspn(text, "0123456789abcdef") == 64 &&
	       sodium_hex2bin(out, 32, text, 64, NULL, &used, NULL) == 0 && used == 32;
}

bool authority_u64(uint64_t *out, const char *text)
{
	return (text[0] != '0' || text[1] == '\0') &&
	       hin_number_u64(out, "number", text, 0, INT64_MAX, NULL) == HIN_OK;
}

bool authority_key(struct hin_note_verifier *out, const char *text)
{
	char again[HIN_NOTE_KEY_TEXT];

	return hin_note_verifier_parse(out, text, NULL) == HIN_OK &&
	       strcmp(hin_note_verifier_format(out, again), text) == 0;
}

static bool read_time(int64_t *out_s, const char *text)
{
	char again[HIN_TIME_TEXT];
	int64_t ns;

	if (hin_time_parse(&ns, text, 0, NULL) != HIN_OK || ns < 0 ||
	    strcmp(hin_time_format_iso(again, ns, HIN_TIME_S), text) != 0)
		return false;
	*out_s = ns / HIN_NS_PER_S;
	return true;
}

static bool take_number(struct hin_authority *a, const char *text)
{
	size_t size = strlen(text);

	if (size == 0 || size >= sizeof(a->number) ||
	    strspn(text, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-./") !=
		    size)
		return false;
	memcpy(a->number, text, size + 1);
	return true;
}

static bool take_kind(struct hin_authority *a, const char *text)
{
	const struct hin_act_word *word = hin_act_word_named(&hin_authorities, text);

	a->kind = word != NULL ? word->number : 0;
	return word != NULL;
}

static bool take_signers(struct hin_authority *a, const char *text)
{
	return authority_hex(a->signers, text);
}

static bool take_from(struct hin_authority *a, const char *text)
{
	return read_time(&a->from_s, text);
}

static bool take_until(struct hin_authority *a, const char *text)
{
	return read_time(&a->until_s, text) && a->until_s > a->from_s &&
	       a->until_s - a->from_s <= HIN_AUTHORITY_PERIOD_S;
}

static bool take_requester(struct hin_authority *a, const char *text)
{
	a->has_requester = true;
	return authority_key(&a->requester, text);
}

static bool take_statement(struct hin_authority *a, const char *text)
{
	a->has_statement = true;
	return authority_hex(a->statement, text);
}

static bool take_prefix(struct hin_authority *a, const char *text)
{
	char again[HIN_PREFIX_TEXT];
	struct hin_prefix *p = &a->prefixes[a->prefix_count];

	if (a->prefix_count == HIN_AUTHORITY_PREFIXES ||
	    hin_prefix_parse(p, text, NULL) != HIN_OK ||
	    strcmp(hin_prefix_format(p, again), text) != 0)
		return false;
	a->prefix_count++;
	return true;
}

static char *format_ports(char out[32], const struct hin_authority_ports *p)
{
	const char *protocol = p->protocol == IPPROTO_TCP ? "tcp" : "udp";

	if (p->low == p->high)
		snprintf(out, 32, "%s/%u", protocol, p->low);
	else
		snprintf(out, 32, "%s/%u-%u", protocol, p->low, p->high);
	return out;
}

/* A port in its one spelling: `size` digits at `text`. */
static bool read_port(uint16_t *out, const char *text, size_t size)
{
	char digits[6];
	uint64_t n = 0;

	if (size == 0 || size >= sizeof(digits))
		return false;
	memcpy(digits, text, size);
	digits[size] = '\0';
	if (!authority_u64(&n, digits) || n > UINT16_MAX)
		return false;
	*out = (uint16_t)n;
	return true;
}

enum hin_code hin_authority_ports_parse(struct hin_authority_ports *out, const char *text,
					struct hin_error *err)
{
	struct hin_authority_ports p = { .protocol = text[0] == 't' ? IPPROTO_TCP : IPPROTO_UDP };
	bool named = strncmp(text, "tcp/", 4) == 0 || strncmp(text, "udp/", 4) == 0;
	const char *low = named ? text + 4 : text, *dash = strchr(low, '-');
	const char *high = dash != NULL ? dash + 1 : low;
	size_t low_size = dash != NULL ? (size_t)(dash - low) : strlen(low);

	if (!named || !read_port(&p.low, low, low_size) ||
	    !read_port(&p.high, high, strlen(high)) || (dash != NULL && p.low >= p.high))
		return hin_fail(err, HIN_EFORMAT, "\"%.40s\" are no ports, as tcp/22-23 or udp/53",
				text);
	*out = p;
	return HIN_OK;
}

static bool take_port(struct hin_authority *a, const char *text)
{
	if (a->port_count == HIN_AUTHORITY_PORTS ||
	    hin_authority_ports_parse(&a->ports[a->port_count], text, NULL) != HIN_OK)
		return false;
	a->port_count++;
	return true;
}

static bool take_rate(struct hin_authority *a, const char *text)
{
	return authority_u64(&a->rate, text) && a->rate > 0;
}

static bool take_uses(struct hin_authority *a, const char *text)
{
	return authority_u64(&a->uses, text) && a->uses > 0;
}

/* The lines, in their order. */
static const struct field {
	const char *name;
	bool required, repeats;
	bool (*take)(struct hin_authority *a, const char *text);
} fields[] = {
	{ "number", true, false, take_number },
	{ "kind", true, false, take_kind },
	{ "signers", true, false, take_signers },
	{ "from", true, false, take_from },
	{ "until", true, false, take_until },
	{ "requester", false, false, take_requester },
	{ "statement", false, false, take_statement },
	{ "prefix", false, true, take_prefix },
	{ "port", false, true, take_port },
	{ "rate", false, false, take_rate },
	{ "uses", false, false, take_uses },
};

/* ---- text ---- */

bool authority_line(struct hin_reader *in, char *line, size_t room)
{
	const uint8_t *newline = in->left > 0 ? memchr(in->pos, '\n', in->left) : NULL;
	size_t size = newline != NULL ? (size_t)(newline - in->pos) : 0;

	if (newline == NULL || size >= room || memchr(in->pos, '\0', size) != NULL)
		return false;
	memcpy(line, in->pos, size);
	line[size] = '\0';
	hin_read_skip(in, size + 1);
	return true;
}

/* The row of this line from row `at` on, with its value; NULL when it is not permitted there. */
static const struct field *find_field(size_t at, const char *line, const char **value)
{
	for (; at < HIN_COUNT(fields); at++) {
		size_t size = strlen(fields[at].name);

		if (strncmp(line, fields[at].name, size) == 0 && line[size] == ' ') {
			*value = line + size + 1;
			return &fields[at];
		}
		if (fields[at].required)
			return NULL;
	}
	return NULL;
}

static enum hin_code parse_into(struct hin_authority *a, struct hin_reader *in,
				struct hin_error *err)
{
	char line[HIN_NOTE_KEY_TEXT + 32];
	unsigned number = 1;
	size_t next = 0;

	if (!authority_line(in, line, sizeof(line)) || strcmp(line, HEAD) != 0)
		return hin_fail(err, HIN_EFORMAT,
				"this is no authority: line 1 is not \"" HEAD "\"");
	while (in->left > 0) {
		const struct field *field;
		const char *value = "";

		number++;
		if (!authority_line(in, line, sizeof(line)))
			return hin_fail(err, HIN_EFORMAT, "authority, line %u: too long or open",
					number);
		field = find_field(next, line, &value);
		if (field == NULL)
			return hin_fail(err, HIN_EFORMAT,
					"authority, line %u: \"%.40s\" is not known or not in its "
					"place",
					number, line);
		if (!field->take(a, value))
			return hin_fail(err, HIN_EFORMAT,
					"authority, line %u: \"%.60s\" is no good value", number,
					line);
		next = (size_t)(field - fields) + (field->repeats ? 0 : 1);
	}
	for (; next < HIN_COUNT(fields); next++)
		if (fields[next].required)
			return hin_fail(err, HIN_EFORMAT, "authority: it has no %s",
					fields[next].name);
	return HIN_OK;
}

enum hin_code hin_authority_parse(struct hin_authority *out, const char *text, size_t size,
				  struct hin_error *err)
{
	struct hin_reader in = hin_reader_of(text, size);
	struct hin_authority *a;
	enum hin_code code;

	if (size > HIN_AUTHORITY_SIZE)
		return hin_fail(err, HIN_ELIMIT, "an authority has more than %zu bytes",
				HIN_AUTHORITY_SIZE);
	a = calloc(1, sizeof(*a));
	if (a == NULL)
		return hin_fail(err, HIN_ENOMEM, "no memory for an authority");
	code = parse_into(a, &in, err);
	crypto_hash_sha256(a->digest, (const uint8_t *)text, size);
	if (code == HIN_OK)
		*out = *a;
	free(a);
	return code;
}

static void put_hex(struct hin_buffer *out, const char *name, const uint8_t digest[32])
{
	char hex[65];

	hin_buffer_printf(out, "%s %s\n", name, sodium_bin2hex(hex, sizeof(hex), digest, 32));
}

void hin_authority_format(struct hin_buffer *out, const struct hin_authority *a)
{
	const struct hin_act_word *kind = hin_act_word(&hin_authorities, a->kind);
	char text[HIN_NOTE_KEY_TEXT], from[HIN_TIME_TEXT], until[HIN_TIME_TEXT];

	hin_buffer_printf(out, HEAD "\nnumber %s\nkind %s\n", a->number,
			  kind != NULL ? kind->name : "unknown");
	put_hex(out, "signers", a->signers);
	hin_buffer_printf(out, "from %s\nuntil %s\n",
			  hin_time_format_iso(from, a->from_s * HIN_NS_PER_S, HIN_TIME_S),
			  hin_time_format_iso(until, a->until_s * HIN_NS_PER_S, HIN_TIME_S));
	if (a->has_requester)
		hin_buffer_printf(out, "requester %s\n",
				  hin_note_verifier_format(&a->requester, text));
	if (a->has_statement)
		put_hex(out, "statement", a->statement);
	for (size_t i = 0; i < a->prefix_count; i++)
		hin_buffer_printf(out, "prefix %s\n", hin_prefix_format(&a->prefixes[i], text));
	for (size_t i = 0; i < a->port_count; i++)
		hin_buffer_printf(out, "port %s\n", format_ports(text, &a->ports[i]));
	if (a->rate > 0)
		hin_buffer_printf(out, "rate %llu\n", (unsigned long long)a->rate);
	if (a->uses > 0)
		hin_buffer_printf(out, "uses %llu\n", (unsigned long long)a->uses);
}

/* ---- signatures ---- */

enum hin_code hin_authority_open(struct hin_authority *out, const void *note, size_t size,
				 const struct hin_signers *signers, struct hin_error *err)
{
	struct hin_authority *a = calloc(1, sizeof(*a));
	unsigned counted = 0;
	struct hin_note opened;
	enum hin_code code;

	if (a == NULL)
		return hin_fail(err, HIN_ENOMEM, "no memory for an authority");
	code = hin_note_open(&opened, note, size, signers->keys, signers->count, err);
	if (code == HIN_OK)
		code = hin_authority_parse(a, opened.text, opened.size, err);
	if (code == HIN_OK && memcmp(a->signers, signers->digest, 32) != 0)
		code = hin_fail(err, HIN_EVERIFY,
				"authority %s names another roster of signers than number %llu",
				a->number, (unsigned long long)signers->number);
	if (code != HIN_OK)
		goto out;
	for (unsigned i = 0; i < signers->count; i++)
		if ((opened.signed_by >> i & 1) &&
		    (!a->has_requester ||
		     memcmp(a->requester.key, signers->keys[i].key, 32) != 0)) {
			a->signed_by |= (uint64_t)1 << i;
			counted++;
		}
	if (counted < signers->need)
		code = hin_fail(err, HIN_EVERIFY, "authority %s: %u have signed, %u are needed",
				a->number, counted, signers->need);
	if (code == HIN_OK)
		*out = *a;
out:
	free(a);
	return code;
}

/* ---- what it permits ---- */

/* Does `outer` hold all of `inner`? Families are apart. */
static bool holds(const struct hin_prefix *outer, const struct hin_prefix *inner)
{
	bool v4 = hin_addr_is_v4(&outer->addr) && outer->len <= 32;
	unsigned bits = outer->len + (v4 ? 96u : 0u), bytes = bits / 8, rest = bits % 8;

	if (hin_addr_is_v4(&outer->addr) != hin_addr_is_v4(&inner->addr) ||
	    inner->len < outer->len || memcmp(outer->addr.b, inner->addr.b, bytes) != 0)
		return false;
	return rest == 0 || ((outer->addr.b[bytes] ^ inner->addr.b[bytes]) >> (8 - rest)) == 0;
}

static enum hin_code check_addresses(const struct hin_authority *a,
				     const struct hin_authority_request *r, struct hin_error *err)
{
	char text[HIN_PREFIX_TEXT];

	for (size_t i = 0; i < a->prefix_count; i++)
		if (holds(&a->prefixes[i], r->prefix))
			return HIN_OK;
	return hin_fail(err, HIN_EDENIED, "authority %s does not cover %s", a->number,
			hin_prefix_format(r->prefix, text));
}

static enum hin_code check_ports(const struct hin_authority *a,
				 const struct hin_authority_request *r, struct hin_error *err)
{
	struct hin_authority_ports asked = { r->protocol, r->port_low, r->port_high };
	char text[32];

	for (size_t i = 0; i < a->port_count && r->port_low <= r->port_high; i++)
		if (a->ports[i].protocol == r->protocol && a->ports[i].low <= r->port_low &&
		    a->ports[i].high >= r->port_high)
			return HIN_OK;
	return hin_fail(err, HIN_EDENIED, "authority %s does not cover port %s", a->number,
			format_ports(text, &asked));
}

static enum hin_code check_state(const struct hin_authority *a,
				 const struct hin_authority_state *state, int64_t now_s, bool use,
				 struct hin_error *err)
{
	char text[HIN_TIME_TEXT];

	if (state->revoked)
		return hin_fail(
			err, HIN_EDENIED, "authority %s was revoked at %s", a->number,
			hin_time_format(text, state->revoked_us * HIN_NS_PER_US, HIN_TIME_S));
	if (!state->made)
		return hin_fail(err, HIN_EDENIED,
				"authority %s is not in force: the ledger does "
				"not know it",
				a->number);
	if (now_s < a->from_s)
		return hin_fail(err, HIN_EDENIED, "authority %s begins at %s", a->number,
				hin_time_format(text, a->from_s * HIN_NS_PER_S, HIN_TIME_S));
	if (now_s >= a->until_s)
		return hin_fail(err, HIN_EDENIED, "authority %s ended at %s", a->number,
				hin_time_format(text, a->until_s * HIN_NS_PER_S, HIN_TIME_S));
	/* what goes on is not stopped by its own last use; one more is */
	if (a->uses > 0 && (state->uses > a->uses || (use && state->uses == a->uses)))
		return hin_fail(err, HIN_EDENIED, "authority %s is used up: %llu of %llu",
				a->number, (unsigned long long)state->uses,
				(unsigned long long)a->uses);
	return HIN_OK;
}

enum hin_code hin_authority_check(const struct hin_authority *a,
				  const struct hin_authority_state *state, int64_t now_s,
				  const struct hin_authority_request *r, struct hin_error *err)
{
	enum hin_code code;

	if (a->signed_by == 0)
		return hin_fail(err, HIN_EDENIED, "authority %s was not checked by its signers",
				a->number);
	code = check_state(a, state, now_s, r->use, err);
	if (code != HIN_OK)
		return code;
	if (r->kind != a->kind)
		return hin_fail(err, HIN_EDENIED, "authority %s is no %s", a->number,
				hin_act_word(&hin_authorities, r->kind) != NULL
					? hin_act_word(&hin_authorities, r->kind)->name
					: "known kind");
	if (r->prefix != NULL)
		code = check_addresses(a, r, err);
	if (code == HIN_OK && (r->protocol != 0 || r->port_low != 0 || r->port_high != 0))
		code = check_ports(a, r, err);
	if (code == HIN_OK && r->rate > a->rate)
		code = hin_fail(err, HIN_EDENIED,
				"authority %s permits %llu packets a second, not "
				"%llu",
				a->number, (unsigned long long)a->rate,
				(unsigned long long)r->rate);
	return code;
}
