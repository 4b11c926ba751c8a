/* filter_flags - tests of TCP flags, in nfdump's words and in tcpdump's. */
#include "store/filter_priv.h"

enum { TCP = 6 };

/* (flags & mask) == bits, of TCP alone where that is true of rows without flags. */
static enum hin_code add_bits(struct hin_filter_parser *p, uint64_t mask, uint64_t bits,
			      bool turned, bool negate, uint16_t *at)
{
	struct hin_filter_node node = { .type = HIN_FILTER_BITS,
					.field = HIN_FIELD_TCP_FLAGS,
					.negated = turned != negate,
					.mask = mask,
					.bits = bits };
	enum hin_code code = hin_filter_add_node(&p->b, &node, at, p->err);

	if (code == HIN_OK && (bits == 0) != turned)
		code = hin_filter_only(p, TCP, TCP, false, negate, at);
	return code;
}

/*
 * "flags SA": these are set; "flags = S": just these. "not flags AF" right behind "not" is as
 * nfdump has it: none of these is set.
 */
enum hin_code hin_filter_parse_flags(struct hin_filter_parser *p, bool negate, bool after_not,
				     uint16_t *at)
{
	bool exact = p->token.type == HIN_TOKEN_EQ || p->token.type == HIN_TOKEN_NE;
	bool turned = p->token.type == HIN_TOKEN_NE;
	uint64_t bits;
	enum hin_code code;

	if (exact)
		hin_filter_next(p);
	else if (hin_filter_is_comparison(p->token.type))
		return hin_filter_fail_token(p, "flags such as S, SA or tcp-syn");
	code = hin_filter_read_flags(p, &bits);
	if (code != HIN_OK)
		return code;
	if (exact || bits == 0)
		return add_bits(p, 0xff, bits, turned, negate, at);
	if (after_not) {
		struct hin_filter_node node = { .type = HIN_FILTER_BITS,
						.field = HIN_FIELD_TCP_FLAGS,
						.negated = !negate,
						.mask = bits };

		return hin_filter_add_node(&p->b, &node, at, p->err);
	}
	return add_bits(p, bits, bits, false, negate, at);
}

enum hin_code hin_filter_add_bits(struct hin_filter_parser *p, uint64_t mask, uint64_t bits,
				  bool negate, uint16_t *at)
{
	return add_bits(p, mask, bits, false, negate, at);
}

/* "tcp-syn|tcp-ack", "(tcp-syn|tcp-ack)", 18. */
static enum hin_code parse_flag_sum(struct hin_filter_parser *p, uint64_t *out)
{
	bool open = p->token.type == HIN_TOKEN_OPEN;
	enum hin_code code;
	uint64_t bits;

	if (open)
		hin_filter_next(p);
	code = hin_filter_read_flags(p, out);
	while (code == HIN_OK && p->token.type == HIN_TOKEN_BIT_OR) {
		hin_filter_next(p);
		code = hin_filter_read_flags(p, &bits);
		*out |= bits;
	}
	if (code == HIN_OK && open && p->token.type != HIN_TOKEN_CLOSE)
		return hin_filter_fail_token(p, "\")\"");
	if (code == HIN_OK && open)
		hin_filter_next(p);
	return code;
}

/* tcpdump's "tcp[tcpflags] & (tcp-syn|tcp-ack) == tcp-syn", behind "tcp". */
enum hin_code hin_filter_parse_tcp(struct hin_filter_parser *p, bool negate, uint16_t *at)
{
	uint64_t mask = 0xff, bits;
	enum hin_code code = HIN_OK;
	bool turned;

	hin_filter_next(p);
	if (!hin_filter_is_word(&p->token, "tcpflags") && !hin_filter_is_word(&p->token, "13"))
		return hin_filter_fail_token(p,
					     "\"tcpflags\", the only bytes of TCP that are kept,");
	hin_filter_next(p);
	if (p->token.type != HIN_TOKEN_LIST_END)
		return hin_filter_fail_token(p, "\"]\"");
	hin_filter_next(p);
	if (p->token.type == HIN_TOKEN_BIT_AND) {
		hin_filter_next(p);
		code = parse_flag_sum(p, &mask);
	}
	if (code != HIN_OK)
		return code;
	if (p->token.type != HIN_TOKEN_EQ && p->token.type != HIN_TOKEN_NE)
		return hin_filter_fail_token(p, "= or !=");
	turned = p->token.type == HIN_TOKEN_NE;
	hin_filter_next(p);
	code = parse_flag_sum(p, &bits);
	return code == HIN_OK ? add_bits(p, mask, bits, turned, negate, at) : code;
}
