/* filter_value - the values that follow a word: numbers, names, addresses, flags. */
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/number.h"
#include "base/time.h"
#include "store/filter_priv.h"
#include "store/port_names.h"

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static uint64_t most_of(const struct hin_filter_word *word)
{
	switch ((enum hin_field)word->field) {
	case HIN_FIELD_CONFIDENCE:
		return 100;
	case HIN_FIELD_SRC_LEN:
	case HIN_FIELD_DST_LEN:
		return 128;
	case HIN_FIELD_PROTO:
	case HIN_FIELD_TCP_FLAGS:
	case HIN_FIELD_VERDICT:
	case HIN_FIELD_DEVICE_BASIS:
	case HIN_FIELD_ARTIFACT_TYPE:
		return UINT8_MAX;
	case HIN_FIELD_SPORT:
	case HIN_FIELD_DPORT:
		return word->class == HIN_CLASS_ICMP ? UINT8_MAX : UINT16_MAX;
	case HIN_FIELD_KIND:
	case HIN_FIELD_SERVICE:
	case HIN_FIELD_TOOL:
	case HIN_FIELD_TECHNIQUE:
	case HIN_FIELD_TAGS:
		return UINT16_MAX;
	case HIN_FIELD_RULE:
	case HIN_FIELD_TARGETS:
	case HIN_FIELD_PORTS:
	case HIN_FIELD_SAMPLE:
		return UINT32_MAX;
	default:
		return UINT64_MAX;
	}
}

/* "1500", "10k": a thousand, as nfdump counts. */
static enum hin_code read_count(uint64_t *out, const char *what, const char *text, uint64_t most,
				struct hin_error *err)
{
	static const char units[] = "kmgt";
	char digits[HIN_FILTER_WORD + 1];
	size_t n = strlen(text);
	uint64_t scale = 1, value;
	enum hin_code code;

	memcpy(digits, text, n + 1);
	for (size_t i = 0; n > 1 && i < sizeof(units) - 1; i++)
		if ((digits[n - 1] | 32) == units[i]) {
			for (size_t k = 0; k <= i; k++)
				scale *= 1000;
			digits[n - 1] = '\0';
			break;
		}
	code = hin_number_u64(&value, what, digits, 0, UINT64_MAX, err);
	if (code != HIN_OK)
		return code;
	if (__builtin_mul_overflow(value, scale, &value) || value > most)
		return hin_fail(err, HIN_ERANGE, "%s \"%s\" is not in 0-%llu", what, text,
				(unsigned long long)most);
	*out = value;
	return HIN_OK;
}

/* "00000000deadbeef" of exactly 16 digits, "0x1f". False when it is neither. */
static bool read_hex(uint64_t *out, const char *text, bool bare)
{
	bool prefixed = text[0] == '0' && (text[1] | 32) == 'x';
	const char *digits = prefixed ? text + 2 : text;
	size_t n = strlen(digits);

	if (n == 0 || n > 16 || digits[strspn(digits, "0123456789abcdefABCDEF")] != '\0' ||
	    (!prefixed && !(bare && n == 16)))
		return false;
	*out = strtoull(digits, NULL, 16);
	return true;
}

static enum hin_code read_duration(uint64_t *out, const char *text, struct hin_error *err)
{
	int64_t ns;
	enum hin_code code;

	if (text[0] != '\0' && text[strspn(text, "0123456789")] == '\0' && strcmp(text, "0") != 0)
		return hin_fail(err, HIN_EFORMAT,
				"duration \"%s\" needs a unit: %sms as nfdump has it, or %ss", text,
				text, text);
	code = hin_number_duration(&ns, "duration", text, 0, INT64_MAX, err);
	if (code == HIN_OK)
		*out = (uint64_t)(ns / HIN_NS_PER_US);
	return code;
}

enum hin_code hin_filter_read_number(uint64_t *out, const struct hin_filter_word *word,
				     const char *text, struct hin_error *err)
{
	uint64_t most = most_of(word);

	switch (word->class) {
	case HIN_CLASS_DURATION:
		return read_duration(out, text, err);
	case HIN_CLASS_COUNT:
		return read_count(out, word->name, text, most, err);
	case HIN_CLASS_ID:
		if (read_hex(out, text, true))
			return HIN_OK;
		break;
	case HIN_CLASS_NAME:
		if (word->field == HIN_FIELD_PRODUCT && read_hex(out, text, true))
			return HIN_OK;
		break;
	case HIN_CLASS_FIELD:
	case HIN_CLASS_FLAGS:
		if (read_hex(out, text, false) && *out <= most)
			return HIN_OK;
		break;
	default:
		break;
	}
	return hin_number_u64(out, word->name, text, 0, most, err);
}

/* ---- names ---- */

/* Add all words of `registry` that `text` names, which may end in *; how many were there. */
static enum hin_code add_words(struct hin_filter_parser *p, enum hin_registry registry,
			       const char *text, size_t *found)
{
	const struct hin_word *words;
	size_t count = hin_registry_words(registry, &words), n = strlen(text);
	bool open = n > 0 && text[n - 1] == '*';
	enum hin_code code = HIN_OK;

	for (size_t i = 0; i < count && code == HIN_OK; i++) {
		const char *name = words[i].name;
		bool whole = strcasecmp(name, text) == 0;
		bool part = open && strncasecmp(name, text, n - 1) == 0;
		/* "kind telescope" stands for all its kinds */
		bool block = registry == HIN_REGISTRY_KINDS && strncasecmp(name, text, n) == 0 &&
			     name[n] == '.';

		if (!whole && !part && !block)
			continue;
		(*found)++;
		code = hin_filter_add_numbers(&p->b, words[i].number, words[i].number, p->err);
	}
	return code;
}

static bool names_word(enum hin_registry registry, const char *text)
{
	const struct hin_word *words;
	size_t count = hin_registry_words(registry, &words), n = strlen(text);

	for (size_t i = 0; i < count; i++)
		if (strcasecmp(words[i].name, text) == 0 ||
		    (n > 1 && text[n - 1] == '*' && strncasecmp(words[i].name, text, n - 1) == 0))
			return true;
	return false;
}

static enum hin_code fail_name(struct hin_filter_parser *p, const struct hin_filter_word *word)
{
	enum hin_registry registry = hin_filter_registry((enum hin_field)word->field);
	struct hin_suggest s = { .wanted = p->token.text };
	const struct hin_word *words;
	size_t count = hin_registry_words(registry, &words);

	for (size_t i = 0; i < count; i++)
		hin_suggest_offer(&s, words[i].name);
	return hin_filter_fail_word(p, p->token.at, &s, word->name);
}

/* Names that `word` knows; `*found` stays 0 when the token is none. */
static enum hin_code add_names(struct hin_filter_parser *p, const struct hin_filter_word *word,
			       size_t *found)
{
	const char *text = p->token.text;
	uint16_t ports[64];
	enum hin_code code = HIN_OK;
	int proto;

	switch (word->class) {
	case HIN_CLASS_NAME:
	case HIN_CLASS_TAG:
		code = add_words(p, hin_filter_registry((enum hin_field)word->field), text, found);
		if (code == HIN_OK && *found == 0 && word->field == HIN_FIELD_RULE)
			code = add_words(p, HIN_REGISTRY_KINDS, text, found); /* of road.loss */
		return code;
	case HIN_CLASS_PROTOCOL:
		proto = hin_filter_protocol(p->token.small);
		if (proto < 0)
			return HIN_OK;
		*found = 1;
		return hin_filter_add_numbers(&p->b, (uint64_t)proto, (uint64_t)proto, p->err);
	case HIN_CLASS_PORT:
		*found = hin_ports_named(p->token.small, ports, HIN_COUNT(ports));
		for (size_t i = 0; i < *found && i < HIN_COUNT(ports) && code == HIN_OK; i++)
			code = hin_filter_add_numbers(&p->b, ports[i], ports[i], p->err);
		return code;
	default:
		return HIN_OK;
	}
}

/* What is neither number nor name: say what would be. */
static enum hin_code fail_value(struct hin_filter_parser *p, const struct hin_filter_word *word,
				enum hin_code code, const struct hin_error *why)
{
	struct hin_suggest s = { .wanted = p->token.small };

	if (!is_digit(p->token.text[0])) {
		if (word->class == HIN_CLASS_NAME || word->class == HIN_CLASS_TAG)
			return fail_name(p, word);
		if (word->class == HIN_CLASS_PROTOCOL)
			hin_filter_protocol_offer(&s);
		if (word->class == HIN_CLASS_PORT)
			hin_ports_offer(&s);
		if (word->class == HIN_CLASS_PROTOCOL || word->class == HIN_CLASS_PORT)
			return hin_filter_fail_word(p, p->token.at, &s, word->name);
	}
	return hin_filter_fail(p, p->token.at, code, "%s", why->text);
}

/* A number, a name or "100-200". */
static enum hin_code add_number(struct hin_filter_parser *p, const struct hin_filter_word *word)
{
	char first[HIN_FILTER_WORD + 1];
	const char *text = p->token.text, *dash = strchr(text, '-');
	struct hin_error why = { 0 };
	uint64_t low = 0, high = 0;
	size_t found = 0;
	enum hin_code code = add_names(p, word, &found);

	if (code != HIN_OK || found > 0)
		return code;
	if (dash != NULL && dash != text && dash[1] != '\0') {
		memcpy(first, text, (size_t)(dash - text));
		first[dash - text] = '\0';
		if (hin_filter_read_number(&low, word, first, &why) == HIN_OK &&
		    hin_filter_read_number(&high, word, dash + 1, &why) == HIN_OK) {
			if (low > high)
				return hin_filter_fail(p, p->token.at, HIN_ERANGE,
						       "range \"%s\" ends before it begins", text);
			return hin_filter_add_numbers(&p->b, low, high, p->err);
		}
		return fail_value(p, word, why.code, &why);
	}
	code = hin_filter_read_number(&low, word, text, &why);
	if (code != HIN_OK)
		return fail_value(p, word, code, &why);
	return hin_filter_add_numbers(&p->b, low, low, p->err);
}

/* ---- addresses ---- */

/* Write 10, 192.168 or 172.16/12 out in full to `out`; false when `text` is no such thing. */
static bool widen(char *out, size_t size, const char *text, bool net)
{
	size_t n = strspn(text, "0123456789."), dots = 0, digits = 0;
	struct hin_buffer b = hin_buffer_over(out, size);

	if (n == 0 || (text[n] != '\0' && text[n] != '/'))
		return false;
	for (size_t i = 0; i < n; i++) {
		dots += text[i] == '.';
		digits += text[i] != '.';
	}
	if (dots >= 3 || digits == 0 || text[n - 1] == '.' || (text[n] == '\0' && !net))
		return false;
	hin_buffer_add(&b, text, n);
	for (size_t i = dots; i < 3; i++)
		hin_buffer_puts(&b, ".0");
	if (text[n] == '\0')
		hin_buffer_printf(&b, "/%zu", 8 * (dots + 1));
	else
		hin_buffer_puts(&b, text + n);
	return !b.failed;
}

/* The first and the last address of an address or a prefix. */
static enum hin_code read_prefix(struct hin_addr *low, struct hin_addr *high, const char *text,
				 bool net, struct hin_error *err)
{
	char wide[HIN_FILTER_WORD + 16];
	struct hin_prefix prefix;
	enum hin_code code;
	unsigned bits;

	if (hin_addr_parse(low, text) == HIN_OK) {
		*high = *low;
		return HIN_OK;
	}
	if (widen(wide, sizeof(wide), text, net))
		text = wide;
	else if (strpbrk(text, ":/") == NULL && !is_digit(text[0]))
		return hin_fail(err, HIN_EFORMAT,
				"\"%s\" is not an address; names are not looked up", text);
	code = hin_prefix_parse(&prefix, text, err);
	if (code != HIN_OK)
		return code;
	*low = *high = prefix.addr;
	bits = prefix.len + (hin_addr_is_v4(low) ? 96u : 0u);
	for (; bits < 128; bits++)
		high->b[bits / 8] |= (uint8_t)(0x80 >> bits % 8);
	return HIN_OK;
}

/* "a-b", two addresses of one family. */
static enum hin_code read_span(struct hin_addr *low, struct hin_addr *high, const char *text,
			       const char *dash, struct hin_error *err)
{
	char first[HIN_FILTER_WORD + 1];

	memcpy(first, text, (size_t)(dash - text));
	first[dash - text] = '\0';
	if (hin_addr_parse(low, first) != HIN_OK || hin_addr_parse(high, dash + 1) != HIN_OK)
		return hin_fail(err, HIN_EFORMAT, "\"%s\" is not a range of two addresses", text);
	if (hin_addr_is_v4(low) != hin_addr_is_v4(high))
		return hin_fail(err, HIN_ERANGE, "range \"%s\" mixes IPv4 and IPv6", text);
	if (hin_addr_compare(low, high) > 0)
		return hin_fail(err, HIN_ERANGE, "range \"%s\" ends before it begins", text);
	return HIN_OK;
}

static enum hin_code read_addresses(struct hin_addr *low, struct hin_addr *high, const char *text,
				    bool net, struct hin_error *err)
{
	const char *dash = strchr(text, '-');

	if (dash != NULL && (strchr(text, ':') != NULL || is_digit(text[0])))
		return read_span(low, high, text, dash, err);
	return read_prefix(low, high, text, net, err);
}

/* Length of a mask of ones, then zeros; -1 for any other. */
static int mask_length(const char *text)
{
	struct hin_addr mask;
	uint32_t bits;

	if (hin_addr_parse(&mask, text) != HIN_OK || !hin_addr_is_v4(&mask))
		return -1;
	bits = hin_addr_v4(&mask);
	if ((~bits & (~bits + 1)) != 0)
		return -1;
	return __builtin_popcount(bits);
}

static enum hin_code add_address(struct hin_filter_parser *p, const struct hin_filter_word *word)
{
	char text[HIN_FILTER_WORD + 8];
	struct hin_filter_token value = p->token, next;
	struct hin_addr low, high;
	struct hin_error why = { 0 };
	enum hin_code code;

	memcpy(text, value.text, strlen(value.text) + 1);
	hin_filter_lex(&next, p->text, p->size, value.at + value.size);
	if (next.type == HIN_TOKEN_WORD && strcmp(next.small, "mask") == 0) {
		size_t n = strlen(text);
		int length;

		hin_filter_next(p);
		hin_filter_next(p);
		length = mask_length(p->token.text);
		if (length < 0)
			return hin_filter_fail(p, p->token.at, HIN_EFORMAT,
					       "\"%s\" is not a mask such as 255.255.0.0",
					       p->token.text);
		snprintf(text + n, sizeof(text) - n, "/%d", length);
	}
	code = read_addresses(&low, &high, text, strcmp(word->name, "net") == 0, &why);
	if (code != HIN_OK)
		return hin_filter_fail(p, value.at, code, "%s", why.text);
	return hin_filter_add_addresses(&p->b, &low, &high, p->err);
}

/* ---- flags ---- */

static const struct {
	char letter;
	uint8_t bit;
	const char *names[2];
} flags[] = {
	{ 'F', 0x01, { "fin", "fin" } }, { 'S', 0x02, { "syn", "syn" } },
	{ 'R', 0x04, { "rst", "rst" } }, { 'P', 0x08, { "psh", "push" } },
	{ 'A', 0x10, { "ack", "ack" } }, { 'U', 0x20, { "urg", "urg" } },
	{ 'E', 0x40, { "ece", "ece" } }, { 'C', 0x80, { "cwr", "cwr" } },
};

/* "syn", "tcp-syn", "syn+ack". */
static bool flag_names(const char *text, uint64_t *out)
{
	uint64_t bits = 0;

	for (;;) {
		size_t n, i;

		if (strncmp(text, "tcp-", 4) == 0)
			text += 4;
		n = strcspn(text, "+");
		for (i = 0; i < HIN_COUNT(flags); i++)
			if ((strlen(flags[i].names[0]) == n &&
			     strncmp(flags[i].names[0], text, n) == 0) ||
			    (strlen(flags[i].names[1]) == n &&
			     strncmp(flags[i].names[1], text, n) == 0))
				break;
		if (i == HIN_COUNT(flags))
			return false;
		bits |= flags[i].bit;
		if (text[n] == '\0')
			break;
		text += n + 1;
	}
	*out = bits;
	return true;
}

/* "SA"; X is all of them, as nfdump has it. */
static bool flag_letters(const char *text, uint64_t *out)
{
	uint64_t bits = 0;

	for (; *text != '\0'; text++) {
		size_t i;

		for (i = 0; i < HIN_COUNT(flags); i++)
			if (flags[i].letter == (*text & ~32))
				break;
		if (i < HIN_COUNT(flags))
			bits |= flags[i].bit;
		else if ((*text & ~32) == 'X')
			bits |= 0xff;
		else
			return false;
	}
	*out = bits;
	return bits != 0;
}

enum hin_code hin_filter_read_flags(struct hin_filter_parser *p, uint64_t *out)
{
	static const struct hin_filter_word word = { "flags", HIN_CLASS_FLAGS, HIN_FIELD_TCP_FLAGS,
						     HIN_FIELD_TCP_FLAGS };
	struct hin_error why = { 0 };
	enum hin_code code;

	if (p->token.type != HIN_TOKEN_WORD)
		return hin_filter_fail(p, p->token.at, HIN_EFORMAT,
				       "flags such as S, SA or tcp-syn are missing");
	*out = 0;
	if (strcmp(p->token.small, "none") == 0 || flag_names(p->token.small, out) ||
	    flag_letters(p->token.text, out)) {
		hin_filter_next(p);
		return HIN_OK;
	}
	if (!is_digit(p->token.text[0]))
		return hin_filter_fail(p, p->token.at, HIN_EFORMAT,
				       "\"%s\" is no TCP flags: letters of FSRPAUEC, X for all, "
				       "or names such as tcp-syn",
				       p->token.text);
	code = hin_filter_read_number(out, &word, p->token.text, &why);
	if (code != HIN_OK)
		return hin_filter_fail(p, p->token.at, code, "%s", why.text);
	hin_filter_next(p);
	return HIN_OK;
}

/* ---- any value ---- */

enum hin_code hin_filter_value(struct hin_filter_parser *p, const struct hin_filter_word *word)
{
	enum hin_code code;

	if (p->token.type == HIN_TOKEN_LONG)
		return hin_filter_fail(p, p->token.at, HIN_ELIMIT,
				       "a word has more than %d characters", HIN_FILTER_WORD);
	if (p->token.type != HIN_TOKEN_WORD)
		return hin_filter_fail(p, p->token.at, HIN_EFORMAT,
				       p->token.type == HIN_TOKEN_END
					       ? "a value for \"%s\" is missing"
					       : "a value for \"%s\" is wanted here",
				       word->name);
	code = word->class == HIN_CLASS_ADDRESS ? add_address(p, word) : add_number(p, word);
	if (code == HIN_OK)
		hin_filter_next(p);
	return code;
}

bool hin_filter_is_value(const struct hin_filter_parser *p, const struct hin_filter_word *word)
{
	const char *text = p->token.text;
	struct hin_addr low, high;
	uint16_t port;

	if (p->token.type != HIN_TOKEN_WORD)
		return false;
	switch (word->class) {
	case HIN_CLASS_ADDRESS:
		return read_addresses(&low, &high, text, strcmp(word->name, "net") == 0, NULL) ==
		       HIN_OK;
	case HIN_CLASS_PORT:
		return is_digit(text[0]) || hin_ports_named(p->token.small, &port, 1) > 0;
	case HIN_CLASS_PROTOCOL:
		return is_digit(text[0]) || hin_filter_protocol(p->token.small) >= 0;
	case HIN_CLASS_COUNT:
	case HIN_CLASS_DURATION:
	case HIN_CLASS_ICMP:
		return is_digit(text[0]);
	case HIN_CLASS_NAME:
	case HIN_CLASS_TAG:
		return is_digit(text[0]) ||
		       names_word(hin_filter_registry((enum hin_field)word->field), text);
	default:
		return false;
	}
}
