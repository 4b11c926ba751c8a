/*
 * filter_priv - the pieces that make a filter of text: words, tokens, sets and nodes.
 *
 * Threads: one thread at a time for each parser; words are constant.
 */
#pragma once
#include "base/suggest.h"
#include "store/filter.h"

/* ---- words (filter_words.c) ---- */

/* How the values of a word are written. */
enum hin_filter_class {
	HIN_CLASS_NONE,	    /* no such word */
	HIN_CLASS_ADDRESS,  /* host, net, ip */
	HIN_CLASS_PORT,	    /* numbers and names of services */
	HIN_CLASS_PROTOCOL, /* numbers and names of IP protocols */
	HIN_CLASS_COUNT,    /* numbers, also 10k */
	HIN_CLASS_DURATION, /* 10s */
	HIN_CLASS_ID,	    /* 64 bits, 16 hexadecimal digits */
	HIN_CLASS_NAME,	    /* names of a registry, and numbers */
	HIN_CLASS_TAG,
	HIN_CLASS_ICMP,	 /* COUNT, of ICMP alone */
	HIN_CLASS_FLAGS, /* of TCP */
	HIN_CLASS_DIGEST,
	HIN_CLASS_SENSOR,
	HIN_CLASS_VERSION,
	HIN_CLASS_PRESENT,
	HIN_CLASS_FIELD, /* "field NAME": the bare column */
};

/* A word that tests follow, and what it looks at: one field, or one of two. */
struct hin_filter_word {
	const char *name;
	enum hin_filter_class class;
	uint8_t field;
	uint8_t field2; /* of a pair, else the same as `field` */
	bool both;	/* of a pair: both must be, not one of them */
};

/* The word of this name (small letters, - for _), or NULL. */
const struct hin_filter_word *hin_filter_word_find(const char *name);

/* Offer all words that may begin a test, names of protocols included. */
void hin_filter_word_offer(struct hin_suggest *s);

/* The number of an IP protocol by its name, or -1. */
int hin_filter_protocol(const char *name);
void hin_filter_protocol_offer(struct hin_suggest *s);

/* The registry of a field's numbers, or HIN_REGISTRY_FIELDS when it has none. */
enum hin_registry hin_filter_registry(enum hin_field field);

/* ---- sets and nodes (filter_build.c) ---- */

struct hin_filter_builder {
	struct hin_filter *filter;
	size_t node_size, number_size, address_size; /* room in the arrays */
	/* the set in the making */
	struct hin_filter_numbers *numbers;
	size_t number_count, number_room;
	struct hin_filter_addresses *addresses;
	size_t address_count, address_room;
};

HIN_MUST_USE enum hin_code hin_filter_builder_init(struct hin_filter_builder *b,
						   struct hin_error *err);
/* Free all but the filter, which hin_filter_free() ends. */
void hin_filter_builder_fini(struct hin_filter_builder *b);

/* Add a range to the set in the making. */
HIN_MUST_USE enum hin_code hin_filter_add_numbers(struct hin_filter_builder *b, uint64_t low,
						  uint64_t high, struct hin_error *err);
/* The same for addresses of one family; a range of IPv6 is split where IPv4 lies within. */
HIN_MUST_USE enum hin_code hin_filter_add_addresses(struct hin_filter_builder *b,
						    const struct hin_addr *low,
						    const struct hin_addr *high,
						    struct hin_error *err);

/* Forget the set in the making. */
void hin_filter_reset_sets(struct hin_filter_builder *b);

/*
 * Append a node; `*at` is its position. A test of NUMBERS or ADDRESSES takes the set in the making,
 * which stays as it is; a negated one of NUMBERS becomes that of the complement.
 */
HIN_MUST_USE enum hin_code hin_filter_add_node(struct hin_filter_builder *b,
					       const struct hin_filter_node *node, uint16_t *at,
					       struct hin_error *err);

/* Append AND or OR of two nodes. */
HIN_MUST_USE enum hin_code hin_filter_join(struct hin_filter_builder *b, enum hin_filter_type type,
					   uint16_t left, uint16_t right, uint16_t *at,
					   struct hin_error *err);

/* ---- tokens (filter_lex.c) ---- */

#define HIN_FILTER_WORD 127 /* longest word */

enum hin_filter_token_type {
	HIN_TOKEN_END,
	HIN_TOKEN_WORD,
	HIN_TOKEN_OPEN,	 /* ( */
	HIN_TOKEN_CLOSE, /* ) */
	HIN_TOKEN_LIST,	 /* [ */
	HIN_TOKEN_LIST_END,
	HIN_TOKEN_COMMA,
	HIN_TOKEN_AND, /* and, && */
	HIN_TOKEN_OR,
	HIN_TOKEN_NOT,
	HIN_TOKEN_BIT_AND,
	HIN_TOKEN_BIT_OR,
	HIN_TOKEN_EQ,
	HIN_TOKEN_NE,
	HIN_TOKEN_GT,
	HIN_TOKEN_LT,
	HIN_TOKEN_GE,
	HIN_TOKEN_LE,
	HIN_TOKEN_BAD,	/* a byte that begins nothing */
	HIN_TOKEN_LONG, /* a word over HIN_FILTER_WORD */
};

struct hin_filter_token {
	enum hin_filter_token_type type;
	size_t at, size;		 /* where in the text */
	char text[HIN_FILTER_WORD + 1];	 /* as written */
	char small[HIN_FILTER_WORD + 1]; /* in small letters, - for _ */
};

/* The token at `at` or behind white space there. */
void hin_filter_lex(struct hin_filter_token *out, const char *text, size_t size, size_t at);

/* ---- parser (filter_parse.c, filter_value.c) ---- */

struct hin_filter_parser {
	const char *text;
	size_t size;
	struct hin_filter_token token; /* the next one */
	struct hin_filter_builder b;
	struct hin_filter_word last; /* what "22 or 23" goes on with; class NONE: nothing */
	unsigned depth;
	size_t column; /* of the mistake, from 1 */
	struct hin_error *err;
};

/* Go on to the next token. */
void hin_filter_next(struct hin_filter_parser *p);

/* Fail with "column N: ...", where the token at offset `at` stands. */
enum hin_code hin_filter_fail(struct hin_filter_parser *p, size_t at, enum hin_code code,
			      const char *fmt, ...) HIN_PRINTF(4, 5);

/* Fail with the nearest of what was offered to `s`. */
enum hin_code hin_filter_fail_word(struct hin_filter_parser *p, size_t at,
				   const struct hin_suggest *s, const char *what);

/* Take the value at the token (one, or a range of two) into the set in the making. */
HIN_MUST_USE enum hin_code hin_filter_value(struct hin_filter_parser *p,
					    const struct hin_filter_word *word);

/* Could the token be a value of `word`? */
bool hin_filter_is_value(const struct hin_filter_parser *p, const struct hin_filter_word *word);

/* Read one number of `word` from `text`; `what` names the word. */
HIN_MUST_USE enum hin_code hin_filter_read_number(uint64_t *out, const struct hin_filter_word *word,
						  const char *text, struct hin_error *err);

/* Read a number of bits of TCP flags at the token: "S", "SA", "tcp-syn", 18, 0x12. */
HIN_MUST_USE enum hin_code hin_filter_read_flags(struct hin_filter_parser *p, uint64_t *out);

/* Fail because of the token, where `wanted` should be. */
enum hin_code hin_filter_fail_token(struct hin_filter_parser *p, const char *wanted);

bool hin_filter_is_word(const struct hin_filter_token *t, const char *word);
bool hin_filter_is_comparison(enum hin_filter_token_type type);

/*
 * Let the test at `*at`, which was made with `negate`, hold of these two protocols alone, or of all
 * `others`.
 */
HIN_MUST_USE enum hin_code hin_filter_only(struct hin_filter_parser *p, uint8_t first,
					   uint8_t second, bool others, bool negate, uint16_t *at);

/*
 * "flags SA": these are set; "flags = S": just these. "not flags AF" right behind "not" is as
 * nfdump has it: none of these is set.
 */
HIN_MUST_USE enum hin_code hin_filter_parse_flags(struct hin_filter_parser *p, bool negate,
						  bool after_not, uint16_t *at);

/* tcpdump's "tcp[tcpflags] & (tcp-syn|tcp-ack) == tcp-syn", behind "tcp". */
HIN_MUST_USE enum hin_code hin_filter_parse_tcp(struct hin_filter_parser *p, bool negate,
						uint16_t *at);

/* (flags & mask) == bits. */
HIN_MUST_USE enum hin_code hin_filter_add_bits(struct hin_filter_parser *p, uint64_t mask,
					       uint64_t bits, bool negate, uint16_t *at);
