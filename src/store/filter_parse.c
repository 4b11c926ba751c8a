/* filter_parse - the grammar of filters. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buffer.h"
#include "store/filter_priv.h"

enum { TCP = 6, ICMP = 1, ICMP6 = 58 };

static enum hin_code parse_or(struct hin_filter_parser *p, bool negate, uint16_t *at);
static enum hin_code parse_primary(struct hin_filter_parser *p, bool negate, uint16_t *at);

void hin_filter_next(struct hin_filter_parser *p)
{
	struct hin_filter_token next;

	hin_filter_lex(&next, p->text, p->size, p->token.at + p->token.size);
	p->token = next;
}

enum hin_code hin_filter_fail(struct hin_filter_parser *p, size_t at, enum hin_code code,
			      const char *fmt, ...)
{
	char text[200];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	p->column = at + 1;
	return hin_fail(p->err, code, "column %zu: %s", at + 1, text);
}

enum hin_code hin_filter_fail_word(struct hin_filter_parser *p, size_t at,
				   const struct hin_suggest *s, const char *what)
{
	struct hin_error why;
	enum hin_code code = hin_suggest_fail(s, HIN_EFORMAT, what, "", &why);

	return hin_filter_fail(p, at, code, "%s", why.text);
}

/* Fail because of the token, where `wanted` should be. */
enum hin_code hin_filter_fail_token(struct hin_filter_parser *p, const char *wanted)
{
	const struct hin_filter_token *t = &p->token;
	unsigned char byte = t->at < p->size ? (unsigned char)p->text[t->at] : 0;

	if (t->type == HIN_TOKEN_END)
		return hin_filter_fail(p, t->at, HIN_EFORMAT, "ends where %s is wanted", wanted);
	if (t->type == HIN_TOKEN_LONG)
		return hin_filter_fail(p, t->at, HIN_ELIMIT, "a word has more than %d characters",
				       HIN_FILTER_WORD);
	if (t->type == HIN_TOKEN_BAD && byte > ' ' && byte < 0x7f)
		return hin_filter_fail(p, t->at, HIN_EFORMAT, "'%c' has no meaning here", byte);
	if (t->type == HIN_TOKEN_BAD)
		return hin_filter_fail(p, t->at, HIN_EFORMAT, "byte 0x%02x has no meaning here",
				       byte);
	return hin_filter_fail(p, t->at, HIN_EFORMAT, "\"%s\" stands where %s is wanted", t->text,
			       wanted);
}

/* What comes behind the token. */
static struct hin_filter_token look_ahead(const struct hin_filter_parser *p)
{
	struct hin_filter_token next;

	hin_filter_lex(&next, p->text, p->size, p->token.at + p->token.size);
	return next;
}

bool hin_filter_is_word(const struct hin_filter_token *t, const char *word)
{
	return t->type == HIN_TOKEN_WORD && strcmp(t->small, word) == 0;
}

/* ---- tests ---- */

static enum hin_code add_test(struct hin_filter_parser *p, enum hin_filter_type type,
			      unsigned field, bool negate, uint16_t *at)
{
	struct hin_filter_node node = { .type = (uint8_t)type,
					.field = (uint8_t)field,
					.negated = negate };

	return hin_filter_add_node(&p->b, &node, at, p->err);
}

/* A test of the set in the making over one field or two. */
static enum hin_code add_pair(struct hin_filter_parser *p, enum hin_filter_type type,
			      const struct hin_filter_word *word, bool negate, uint16_t *at)
{
	enum hin_code code = add_test(p, type, word->field, negate, at);
	uint16_t right = 0;

	if (code != HIN_OK || word->field2 == word->field)
		return code;
	code = add_test(p, type, word->field2, negate, &right);
	if (code != HIN_OK)
		return code;
	return hin_filter_join(&p->b, word->both != negate ? HIN_FILTER_AND : HIN_FILTER_OR, *at,
			       right, at, p->err);
}

/* Let the test at `*at`, which was made with `negate`, be one of these protocols alone. */
enum hin_code hin_filter_only(struct hin_filter_parser *p, uint8_t first, uint8_t second,
			      bool others, bool negate, uint16_t *at)
{
	uint16_t left = *at, right = 0;
	enum hin_code code;

	hin_filter_reset_sets(&p->b);
	code = hin_filter_add_numbers(&p->b, first, first, p->err);
	if (code == HIN_OK)
		code = hin_filter_add_numbers(&p->b, second, second, p->err);
	if (code == HIN_OK)
		code = add_test(p, HIN_FILTER_NUMBERS, HIN_FIELD_PROTO, others != negate, &right);
	if (code != HIN_OK)
		return code;
	return hin_filter_join(&p->b, negate ? HIN_FILTER_OR : HIN_FILTER_AND, left, right, at,
			       p->err);
}

/* Any one of the tags in the set in the making. */
static enum hin_code add_tags(struct hin_filter_parser *p, bool negate, uint16_t *at)
{
	bool first = true;

	for (size_t i = 0; i < p->b.number_count; i++)
		for (uint64_t tag = p->b.numbers[i].low; tag <= p->b.numbers[i].high; tag++) {
			struct hin_filter_node node = { .type = HIN_FILTER_TAG,
							.field = HIN_FIELD_TAGS,
							.negated = negate,
							.bits = tag };
			uint16_t right = 0;
			enum hin_code code =
				hin_filter_add_node(&p->b, &node, first ? at : &right, p->err);

			if (code == HIN_OK && !first)
				code = hin_filter_join(&p->b,
						       negate ? HIN_FILTER_AND : HIN_FILTER_OR, *at,
						       right, at, p->err);
			if (code != HIN_OK)
				return code;
			first = false;
		}
	return HIN_OK;
}

/* Make the test of `word` with the set in the making. */
static enum hin_code add_set(struct hin_filter_parser *p, const struct hin_filter_word *word,
			     bool negate, uint16_t *at)
{
	enum hin_code code;

	if (word->class == HIN_CLASS_ADDRESS)
		return add_pair(p, HIN_FILTER_ADDRESSES, word, negate, at);
	if (word->class == HIN_CLASS_TAG)
		return add_tags(p, negate, at);
	code = add_pair(p, HIN_FILTER_NUMBERS, word, negate, at);
	/* the columns of ports hold type and code of ICMP, which are no ports */
	if (code == HIN_OK && word->class == HIN_CLASS_PORT)
		code = hin_filter_only(p, ICMP, ICMP6, true, negate, at);
	if (code == HIN_OK && word->class == HIN_CLASS_ICMP)
		code = hin_filter_only(p, ICMP, ICMP6, false, negate, at);
	return code;
}

/* ---- values ---- */

bool hin_filter_is_comparison(enum hin_filter_token_type type)
{
	return type >= HIN_TOKEN_EQ && type <= HIN_TOKEN_LE;
}

/* Take "= X" or "!= X" of words that have no order; `*negate` is turned by the latter. */
static enum hin_code take_equal(struct hin_filter_parser *p, const struct hin_filter_word *word,
				bool *negate)
{
	if (!hin_filter_is_comparison(p->token.type))
		return HIN_OK;
	if (p->token.type != HIN_TOKEN_EQ && p->token.type != HIN_TOKEN_NE)
		return hin_filter_fail(p, p->token.at, HIN_EFORMAT,
				       "\"%s\" has no order; only = and != compare it", word->name);
	*negate = *negate != (p->token.type == HIN_TOKEN_NE);
	hin_filter_next(p);
	return HIN_OK;
}

/* Take one value after another: "22", "22,23", "in [22 23]", "(22 or 23)". */
static enum hin_code each_value(struct hin_filter_parser *p, const struct hin_filter_word *word,
				enum hin_code (*take)(struct hin_filter_parser *p,
						      const struct hin_filter_word *word,
						      void *user),
				void *user)
{
	enum hin_filter_token_type end = HIN_TOKEN_END;
	enum hin_code code;

	if (hin_filter_is_word(&p->token, "in")) {
		hin_filter_next(p);
		if (p->token.type != HIN_TOKEN_LIST)
			return hin_filter_fail_token(p, "a list such as [22 23]");
	}
	if (p->token.type == HIN_TOKEN_LIST)
		end = HIN_TOKEN_LIST_END;
	else if (p->token.type == HIN_TOKEN_OPEN)
		end = HIN_TOKEN_CLOSE;
	if (end != HIN_TOKEN_END)
		hin_filter_next(p);
	do {
		code = take(p, word, user);
		if (code != HIN_OK)
			return code;
		if (p->token.type == HIN_TOKEN_COMMA ||
		    (end == HIN_TOKEN_CLOSE && p->token.type == HIN_TOKEN_OR)) {
			hin_filter_next(p);
		} else if (end == HIN_TOKEN_END || p->token.type == end) {
			break;
		} else if (end == HIN_TOKEN_CLOSE) {
			return hin_filter_fail_token(p, "\"or\" or \")\"");
		} else if (p->token.type == HIN_TOKEN_END) {
			return hin_filter_fail_token(p, "\"]\"");
		}
	} while (true);
	if (end != HIN_TOKEN_END)
		hin_filter_next(p);
	return HIN_OK;
}

static enum hin_code take_value(struct hin_filter_parser *p, const struct hin_filter_word *word,
				void *user)
{
	(void)user;
	return hin_filter_value(p, word);
}

/* "> 100" and its kin, into the set in the making. */
static enum hin_code take_order(struct hin_filter_parser *p, const struct hin_filter_word *word)
{
	enum hin_filter_token_type type = p->token.type;
	uint64_t value, low = 0, high = UINT64_MAX;
	struct hin_error why = { 0 };
	enum hin_code code;

	if (word->class == HIN_CLASS_NAME || word->class == HIN_CLASS_PROTOCOL)
		return hin_filter_fail(p, p->token.at, HIN_EFORMAT,
				       "\"%s\" has no order; only = and != compare it", word->name);
	hin_filter_next(p);
	if (p->token.type != HIN_TOKEN_WORD)
		return hin_filter_fail_token(p, "a number");
	code = hin_filter_read_number(&value, word, p->token.text, &why);
	if (code != HIN_OK)
		return hin_filter_fail(p, p->token.at, code, "%s", why.text);
	hin_filter_next(p);
	if (type == HIN_TOKEN_GT && value == UINT64_MAX)
		return HIN_OK; /* nothing is greater: the empty set */
	if (type == HIN_TOKEN_LT && value == 0)
		return HIN_OK;
	if (type == HIN_TOKEN_GT || type == HIN_TOKEN_GE)
		low = value + (type == HIN_TOKEN_GT);
	else
		high = value - (type == HIN_TOKEN_LT);
	return hin_filter_add_numbers(&p->b, low, high, p->err);
}

/* The values of `word` and its test. */
static enum hin_code parse_set(struct hin_filter_parser *p, const struct hin_filter_word *word,
			       bool negate, uint16_t *at)
{
	bool ordered = hin_filter_is_comparison(p->token.type) && p->token.type != HIN_TOKEN_EQ &&
		       p->token.type != HIN_TOKEN_NE && word->class != HIN_CLASS_ADDRESS &&
		       word->class != HIN_CLASS_TAG;
	enum hin_code code;

	hin_filter_reset_sets(&p->b);
	if (ordered) {
		code = take_order(p, word);
	} else {
		code = take_equal(p, word, &negate);
		if (code == HIN_OK)
			code = each_value(p, word, take_value, NULL);
	}
	if (code != HIN_OK)
		return code;
	p->last = *word;
	return add_set(p, word, negate, at);
}

/* ---- digests, sensors, versions ---- */

struct bytes_test {
	bool negate, first;
	uint16_t *at;
};

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 32);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static enum hin_code read_bytes(struct hin_filter_parser *p, const struct hin_filter_word *word,
				struct hin_filter_node *node)
{
	size_t n = strlen(p->token.text), most = 64, least = 8;

	if (word->class == HIN_CLASS_SENSOR || word->field == HIN_FIELD_DEVICE)
		most = 32;
	if (word->class == HIN_CLASS_SENSOR)
		least = 2;
	if (p->token.type != HIN_TOKEN_WORD ||
	    p->token.text[strspn(p->token.text, "0123456789abcdefABCDEF")] != '\0' || n < least ||
	    n > most || n % 2 != 0)
		return hin_filter_fail(p, p->token.at, HIN_EFORMAT,
				       "\"%s\" is not %zu to %zu hexadecimal digits in pairs, the "
				       "first of a %s",
				       p->token.text, least, most, word->name);
	for (size_t i = 0; i < n; i += 2)
		node->digest[i / 2] = (uint8_t)((unsigned)hex_value(p->token.text[i]) << 4 |
						(unsigned)hex_value(p->token.text[i + 1]));
	node->digest_size = (uint8_t)(n / 2);
	return HIN_OK;
}

static enum hin_code read_version(struct hin_filter_parser *p, struct hin_filter_node *node)
{
	static const char allowed[] =
		"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		"._+-";
	size_t n = strlen(p->token.text);

	if (p->token.type != HIN_TOKEN_WORD ||
	    p->token.text[strspn(p->token.text, allowed)] != '\0' || n > HIN_VERSION_MAX)
		return hin_filter_fail(p, p->token.at, HIN_EFORMAT,
				       "\"%s\" is no version: at most %d of 0-9 A-Z a-z . _ + -",
				       p->token.text, HIN_VERSION_MAX);
	memcpy(node->digest, p->token.text, n);
	node->digest_size = (uint8_t)n;
	return HIN_OK;
}

static enum hin_code take_bytes(struct hin_filter_parser *p, const struct hin_filter_word *word,
				void *user)
{
	struct bytes_test *test = user;
	struct hin_filter_node node = {
		.type = word->class == HIN_CLASS_SENSOR	   ? HIN_FILTER_SENSOR
			: word->class == HIN_CLASS_VERSION ? HIN_FILTER_VERSION
							   : HIN_FILTER_DIGEST,
		.field = word->field,
		.negated = test->negate,
	};
	uint16_t right = 0;
	enum hin_code code = word->class == HIN_CLASS_VERSION ? read_version(p, &node)
							      : read_bytes(p, word, &node);

	if (code == HIN_OK)
		code = hin_filter_add_node(&p->b, &node, test->first ? test->at : &right, p->err);
	if (code == HIN_OK && !test->first)
		code = hin_filter_join(&p->b, test->negate ? HIN_FILTER_AND : HIN_FILTER_OR,
				       *test->at, right, test->at, p->err);
	test->first = false;
	if (code == HIN_OK)
		hin_filter_next(p);
	return code;
}

static enum hin_code parse_bytes(struct hin_filter_parser *p, const struct hin_filter_word *word,
				 bool negate, uint16_t *at)
{
	struct bytes_test test = { .first = true, .at = at };
	enum hin_code code = take_equal(p, word, &negate);

	test.negate = negate;
	return code == HIN_OK ? each_value(p, word, take_bytes, &test) : code;
}

/* ---- fields by name ---- */

/* The field whose name the token is; HIN_FIELDS when it is none. */
static enum hin_field field_of(const struct hin_filter_token *t)
{
	for (unsigned i = 0; i < HIN_FIELDS; i++) {
		const char *name = hin_field_name((enum hin_field)i);
		size_t k = 0;

		while (name[k] != '\0' && (name[k] == '_' ? '-' : name[k]) == t->small[k])
			k++;
		if (name[k] == '\0' && t->small[k] == '\0')
			return (enum hin_field)i;
	}
	return HIN_FIELDS;
}

static enum hin_code fail_field(struct hin_filter_parser *p)
{
	struct hin_suggest s = { .wanted = p->token.text };

	if (p->token.type != HIN_TOKEN_WORD)
		return hin_filter_fail_token(p, "the name of a field");
	for (unsigned i = 0; i < HIN_FIELDS; i++)
		hin_suggest_offer(&s, hin_field_name((enum hin_field)i));
	return hin_filter_fail_word(p, p->token.at, &s, "field");
}

static enum hin_code parse_present(struct hin_filter_parser *p, bool negate, uint16_t *at)
{
	enum hin_field field = p->token.type == HIN_TOKEN_WORD ? field_of(&p->token) : HIN_FIELDS;

	if (field == HIN_FIELDS)
		return fail_field(p);
	hin_filter_next(p);
	return add_test(p, HIN_FILTER_PRESENT, field, negate, at);
}

/* "field sport 8", "field tcp_flags & 0x12 = 0x02": the column as it is. */
static enum hin_code parse_field(struct hin_filter_parser *p, bool negate, uint16_t *at)
{
	struct hin_filter_word word = { "field", HIN_CLASS_FIELD, 0, 0, false };
	enum hin_field field = p->token.type == HIN_TOKEN_WORD ? field_of(&p->token) : HIN_FIELDS;
	struct hin_filter_node node = { .type = HIN_FILTER_BITS };
	struct hin_filter_numbers bits;
	enum hin_code code;

	if (field == HIN_FIELDS)
		return fail_field(p);
	if ((UINT64_C(1) << field) &
	    (1u << HIN_FIELD_SRC | 1u << HIN_FIELD_DST | 1u << HIN_FIELD_VERSION |
	     1u << HIN_FIELD_TAGS | 1u << HIN_FIELD_DEVICE | 1u << HIN_FIELD_ARTIFACT |
	     UINT64_C(1) << HIN_FIELD_EVIDENCE))
		return hin_filter_fail(p, p->token.at, HIN_EFORMAT,
				       "field %s is no number; write \"%s\" alone", p->token.small,
				       p->token.small);
	word.field = word.field2 = (uint8_t)field;
	hin_filter_next(p);
	if (p->token.type != HIN_TOKEN_BIT_AND)
		return parse_set(p, &word, negate, at);
	node.field = (uint8_t)field;
	hin_filter_next(p);
	hin_filter_reset_sets(&p->b);
	code = hin_filter_value(p, &word);
	if (code != HIN_OK)
		return code;
	bits = p->b.numbers[0];
	node.mask = bits.low;
	if (p->token.type != HIN_TOKEN_EQ && p->token.type != HIN_TOKEN_NE)
		return hin_filter_fail_token(p, "= or !=");
	node.negated = negate != (p->token.type == HIN_TOKEN_NE);
	hin_filter_next(p);
	hin_filter_reset_sets(&p->b);
	code = hin_filter_value(p, &word);
	if (code != HIN_OK)
		return code;
	node.bits = p->b.numbers[0].low;
	return hin_filter_add_node(&p->b, &node, at, p->err);
}

/* ---- words ---- */

/* "any", or what no row is. */
static enum hin_code add_constant(struct hin_filter_parser *p, bool value, uint16_t *at)
{
	enum hin_code code;

	hin_filter_reset_sets(&p->b);
	code = hin_filter_add_numbers(&p->b, 0, UINT64_MAX, p->err);
	return code == HIN_OK ? add_test(p, HIN_FILTER_NUMBERS, HIN_FIELD_KIND, !value, at) : code;
}

/* Rows of IPv4, or of IPv6. */
static enum hin_code add_family(struct hin_filter_parser *p, bool v4, bool negate, uint16_t *at)
{
	static const struct hin_filter_word host = { "host", HIN_CLASS_ADDRESS, HIN_FIELD_SRC,
						     HIN_FIELD_DST, false };
	struct hin_addr low = v4 ? hin_addr_of_v4(0) : (struct hin_addr){ { 0 } };
	struct hin_addr high = hin_addr_of_v4(UINT32_MAX);
	enum hin_code code;

	if (!v4)
		memset(high.b, 0xff, sizeof(high.b));
	hin_filter_reset_sets(&p->b);
	code = hin_filter_add_addresses(&p->b, &low, &high, p->err);
	return code == HIN_OK ? add_pair(p, HIN_FILTER_ADDRESSES, &host, negate, at) : code;
}

static enum hin_code add_protocol(struct hin_filter_parser *p, int proto, bool negate, uint16_t *at)
{
	enum hin_code code;

	hin_filter_reset_sets(&p->b);
	code = hin_filter_add_numbers(&p->b, (uint64_t)proto, (uint64_t)proto, p->err);
	return code == HIN_OK ? add_test(p, HIN_FILTER_NUMBERS, HIN_FIELD_PROTO, negate, at) : code;
}

/* Behind "tcp" or "ip6": "port 23" and its kin belong to it, as tcpdump has it. */
static enum hin_code join_next(struct hin_filter_parser *p, bool family, bool negate, uint16_t *at)
{
	static const char *const words[] = { "src",  "dst",	  "host",  "net",
					     "port", "portrange", "sport", "dport" };
	bool found = family && p->token.type == HIN_TOKEN_WORD &&
		     (hin_filter_protocol(p->token.small) >= 0 ||
		      hin_filter_is_word(&p->token, "proto"));
	uint16_t left = *at, right = 0;
	enum hin_code code;

	for (size_t i = 0; i < HIN_COUNT(words); i++)
		found = found || hin_filter_is_word(&p->token, words[i]);
	if (!found)
		return HIN_OK;
	code = parse_primary(p, negate, &right);
	if (code != HIN_OK)
		return code;
	return hin_filter_join(&p->b, negate ? HIN_FILTER_OR : HIN_FILTER_AND, left, right, at,
			       p->err);
}

/* Behind "src", "dst", "src or dst": what of it is meant, and its values. */
static enum hin_code parse_direction(struct hin_filter_parser *p, bool negate, uint16_t *at)
{
	bool src = hin_filter_is_word(&p->token, "src"), pair = false;
	struct hin_filter_word word = { src ? "src" : "dst", HIN_CLASS_ADDRESS, 0, 0, false };
	struct hin_filter_token next;

	hin_filter_next(p);
	next = look_ahead(p);
	if ((p->token.type == HIN_TOKEN_OR || p->token.type == HIN_TOKEN_AND) &&
	    hin_filter_is_word(&next, src ? "dst" : "src")) {
		pair = true;
		word.both = p->token.type == HIN_TOKEN_AND;
		hin_filter_next(p);
		hin_filter_next(p);
	}
	if (hin_filter_is_word(&p->token, "port") || hin_filter_is_word(&p->token, "portrange")) {
		word.class = HIN_CLASS_PORT;
		word.name = "port";
		hin_filter_next(p);
	} else if (hin_filter_is_word(&p->token, "net") || hin_filter_is_word(&p->token, "host") ||
		   hin_filter_is_word(&p->token, "ip") || hin_filter_is_word(&p->token, "addr")) {
		word.name = hin_filter_is_word(&p->token, "net") ? "net" : "host";
		hin_filter_next(p);
	}
	if (word.class == HIN_CLASS_PORT) {
		word.field = src && !pair ? HIN_FIELD_SPORT : HIN_FIELD_DPORT;
		word.field2 = pair ? HIN_FIELD_SPORT : word.field;
	} else {
		word.field = src && !pair ? HIN_FIELD_SRC : HIN_FIELD_DST;
		word.field2 = pair ? HIN_FIELD_SRC : word.field;
	}
	return parse_set(p, &word, negate, at);
}

/* A word of the table, which is the token. */
static enum hin_code parse_word(struct hin_filter_parser *p, const struct hin_filter_word *word,
				bool negate, bool after_not, uint16_t *at)
{
	if (word->class == HIN_CLASS_ADDRESS &&
	    (hin_filter_is_word(&p->token, "src") || hin_filter_is_word(&p->token, "dst")))
		return parse_direction(p, negate, at);
	hin_filter_next(p);
	switch (word->class) {
	case HIN_CLASS_FLAGS:
		return hin_filter_parse_flags(p, negate, after_not, at);
	case HIN_CLASS_DIGEST:
	case HIN_CLASS_SENSOR:
	case HIN_CLASS_VERSION:
		return parse_bytes(p, word, negate, at);
	case HIN_CLASS_PRESENT:
		return parse_present(p, negate, at);
	case HIN_CLASS_FIELD:
		return parse_field(p, negate, at);
	default:
		return parse_set(p, word, negate, at);
	}
}

/* Is "ip" followed by what it is to be compared with, as nfdump has it? Else it means IPv4. */
static bool ip_is_host(const struct hin_filter_parser *p)
{
	static const struct hin_filter_word host = { "host", HIN_CLASS_ADDRESS, HIN_FIELD_SRC,
						     HIN_FIELD_DST, false };
	struct hin_filter_parser next = { .token = look_ahead(p) };

	return next.token.type == HIN_TOKEN_EQ || next.token.type == HIN_TOKEN_NE ||
	       next.token.type == HIN_TOKEN_LIST || next.token.type == HIN_TOKEN_OPEN ||
	       hin_filter_is_word(&next.token, "in") || hin_filter_is_value(&next, &host);
}

/* Words that stand alone. False: the token is none. */
static bool parse_single(struct hin_filter_parser *p, bool negate, uint16_t *at,
			 enum hin_code *code)
{
	const char *small = p->token.small;
	int proto = hin_filter_protocol(small);
	bool v4 = strcmp(small, "ip4") == 0 || strcmp(small, "ipv4") == 0 ||
		  strcmp(small, "inet") == 0 || (strcmp(small, "ip") == 0 && !ip_is_host(p));
	bool v6 = strcmp(small, "ip6") == 0 || strcmp(small, "ipv6") == 0 ||
		  strcmp(small, "inet6") == 0;
	uint64_t bits;

	if (strcmp(small, "any") == 0) {
		hin_filter_next(p);
		*code = add_constant(p, !negate, at);
	} else if (proto >= 0) {
		hin_filter_next(p);
		if (proto == TCP && p->token.type == HIN_TOKEN_LIST) {
			*code = hin_filter_parse_tcp(p, negate, at);
			return true;
		}
		*code = add_protocol(p, proto, negate, at);
		if (*code == HIN_OK)
			*code = join_next(p, false, negate, at);
	} else if (v4 || v6) {
		hin_filter_next(p);
		*code = add_family(p, v4, negate, at);
		if (*code == HIN_OK)
			*code = join_next(p, true, negate, at);
	} else if (strncmp(small, "tcp-", 4) == 0 && strcmp(small, "tcp-flags") != 0) {
		*code = hin_filter_read_flags(p, &bits);
		if (*code == HIN_OK)
			*code = hin_filter_add_bits(p, bits, bits, negate, at);
	} else {
		return false;
	}
	return true;
}

/* One test, whose first token is a word. */
static enum hin_code parse_test(struct hin_filter_parser *p, bool negate, bool after_not,
				uint16_t *at)
{
	static const struct hin_filter_word host = { "host", HIN_CLASS_ADDRESS, HIN_FIELD_SRC,
						     HIN_FIELD_DST, false };
	struct hin_suggest s = { .wanted = p->token.small };
	const struct hin_filter_word *word;
	struct hin_filter_word last = p->last;
	enum hin_code code;

	if (parse_single(p, negate, at, &code))
		return code;
	word = hin_filter_word_find(p->token.small);
	if (word != NULL)
		return parse_word(p, word, negate, after_not, at);
	if (last.class != HIN_CLASS_NONE && hin_filter_is_value(p, &last))
		return parse_set(p, &last, negate, at);
	if (hin_filter_is_value(p, &host))
		return parse_set(p, &host, negate, at);
	hin_filter_word_offer(&s);
	return hin_filter_fail_word(p, p->token.at, &s, "word");
}

/* ---- and, or, not ---- */

static enum hin_code deeper(struct hin_filter_parser *p)
{
	if (p->depth == HIN_FILTER_DEPTH)
		return hin_filter_fail(p, p->token.at, HIN_ELIMIT,
				       "brackets and nots lie more than %d deep", HIN_FILTER_DEPTH);
	p->depth++;
	hin_filter_next(p);
	return HIN_OK;
}

static enum hin_code parse_primary(struct hin_filter_parser *p, bool negate, uint16_t *at)
{
	unsigned depth = p->depth;
	bool after_not = false;
	enum hin_code code;

	while (p->token.type == HIN_TOKEN_NOT) {
		code = deeper(p);
		if (code != HIN_OK)
			return code;
		negate = !negate;
		after_not = !after_not;
	}
	if (p->token.type == HIN_TOKEN_OPEN) {
		code = deeper(p);
		if (code == HIN_OK)
			code = parse_or(p, negate, at);
		if (code == HIN_OK && p->token.type != HIN_TOKEN_CLOSE)
			return hin_filter_fail_token(p, "\"and\", \"or\" or \")\"");
		if (code == HIN_OK)
			hin_filter_next(p);
	} else if (p->token.type == HIN_TOKEN_WORD) {
		code = parse_test(p, negate, after_not, at);
	} else if (hin_filter_is_comparison(p->token.type) && p->last.class != HIN_CLASS_NONE) {
		struct hin_filter_word last = p->last;

		code = parse_set(p, &last, negate, at); /* "packets > 10 and < 20" */
	} else {
		return hin_filter_fail_token(p, "a test such as \"dst port 23\"");
	}
	p->depth = depth;
	return code;
}

static enum hin_code parse_and(struct hin_filter_parser *p, bool negate, uint16_t *at)
{
	enum hin_code code = parse_primary(p, negate, at);
	uint16_t right = 0;

	while (code == HIN_OK && p->token.type == HIN_TOKEN_AND) {
		hin_filter_next(p);
		code = parse_primary(p, negate, &right);
		if (code == HIN_OK)
			code = hin_filter_join(&p->b, negate ? HIN_FILTER_OR : HIN_FILTER_AND, *at,
					       right, at, p->err);
	}
	return code;
}

static enum hin_code parse_or(struct hin_filter_parser *p, bool negate, uint16_t *at)
{
	enum hin_code code = parse_and(p, negate, at);
	uint16_t right = 0;

	while (code == HIN_OK && p->token.type == HIN_TOKEN_OR) {
		hin_filter_next(p);
		code = parse_and(p, negate, &right);
		if (code == HIN_OK)
			code = hin_filter_join(&p->b, negate ? HIN_FILTER_AND : HIN_FILTER_OR, *at,
					       right, at, p->err);
	}
	return code;
}

/* A word stands where the filter should go on or end. */
static enum hin_code fail_rest(struct hin_filter_parser *p)
{
	struct hin_suggest s = { .wanted = p->token.small };

	if (p->token.type != HIN_TOKEN_WORD)
		return hin_filter_fail_token(p, "\"and\", \"or\" or the end");
	if (hin_filter_word_find(p->token.small) == NULL &&
	    hin_filter_protocol(p->token.small) < 0) {
		hin_suggest_offer(&s, "and");
		hin_suggest_offer(&s, "or");
		if (s.best != NULL)
			return hin_filter_fail_word(p, p->token.at, &s, "word");
	}
	return hin_filter_fail_token(p, "\"and\", \"or\" or the end");
}

/* How deep the brackets of hin_filter_print() lie: they stand around an OR within an AND. */
static enum hin_code check_depth(struct hin_filter_parser *p)
{
	const struct hin_filter *f = p->b.filter;
	uint16_t depth[HIN_FILTER_NODES];

	for (size_t i = 0; i < f->node_count; i++) {
		const struct hin_filter_node *node = &f->nodes[i];
		const uint16_t sides[2] = { node->left, node->right };

		depth[i] = 0;
		if (node->type != HIN_FILTER_AND && node->type != HIN_FILTER_OR)
			continue;
		for (size_t k = 0; k < 2; k++) {
			bool bracket = node->type == HIN_FILTER_AND &&
				       f->nodes[sides[k]].type == HIN_FILTER_OR;
			uint16_t below = (uint16_t)(depth[sides[k]] + bracket);

			if (below > depth[i])
				depth[i] = below;
		}
		if (depth[i] >= HIN_FILTER_DEPTH)
			return hin_fail(p->err, HIN_ELIMIT,
					"brackets and nots lie more than %d deep",
					HIN_FILTER_DEPTH - 1);
	}
	return HIN_OK;
}

enum hin_code hin_filter_parse(struct hin_filter **out, const char *text, size_t size,
			       size_t *column, struct hin_error *err)
{
	struct hin_filter_parser p = { .text = text, .size = size, .err = err };
	enum hin_code code;
	uint16_t root = 0;

	if (column != NULL)
		*column = 0;
	if (size > HIN_FILTER_TEXT)
		return hin_fail(err, HIN_ELIMIT, "a filter has at most %d bytes", HIN_FILTER_TEXT);
	code = hin_filter_builder_init(&p.b, err);
	if (code != HIN_OK)
		return code;
	hin_filter_lex(&p.token, text, size, 0);
	if (p.token.type != HIN_TOKEN_END) {
		struct hin_filter *f = p.b.filter;

		code = parse_or(&p, false, &root);
		if (code == HIN_OK && p.token.type != HIN_TOKEN_END)
			code = fail_rest(&p);
		if (code == HIN_OK)
			code = check_depth(&p);
		if (code == HIN_OK && f->node_count == 1 &&
		    f->nodes[0].type == HIN_FILTER_NUMBERS && f->nodes[0].count == 1 &&
		    f->numbers[0].low == 0 && f->numbers[0].high == UINT64_MAX) {
			f->node_count = 0; /* "any" */
			f->fields = 0;
		}
	}
	hin_filter_builder_fini(&p.b);
	if (code != HIN_OK) {
		hin_filter_free(p.b.filter);
		if (column != NULL)
			*column = p.column;
		return code;
	}
	*out = p.b.filter;
	return HIN_OK;
}

#define FLOWS "kind telescope.flow"

enum hin_code hin_filter_parse_volume(struct hin_filter **out, const char *text, size_t size,
				      bool kinds_apart, bool *flows_alone, size_t *column,
				      struct hin_error *err)
{
	struct hin_buffer narrower = { 0 };
	struct hin_filter *filter = NULL;
	enum hin_code code = hin_filter_parse(&filter, text, size, column, err);

	*flows_alone =
		code == HIN_OK && !kinds_apart && (filter->fields >> HIN_FIELD_KIND & 1) == 0;
	if (!*flows_alone) {
		if (code == HIN_OK)
			*out = filter;
		return code;
	}
	if (filter->node_count > 0) {
		hin_buffer_puts(&narrower, "(");
		hin_buffer_add(&narrower, text, size);
		hin_buffer_puts(&narrower, ") and ");
	}
	hin_buffer_puts(&narrower, FLOWS);
	hin_filter_free(filter);
	if (narrower.failed)
		code = hin_fail(err, HIN_ENOMEM, "no room for the filter");
	else
		code = hin_filter_parse(out, narrower.data, narrower.used, column, err);
	hin_buffer_fini(&narrower);
	return code;
}
