/* filter_lex - the text of a filter in tokens. */
#include "store/filter_priv.h"

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* What a word may have: names, addresses, prefixes, ranges, wildcards. */
static bool is_word(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       c == '.' || c == ':' || c == '/' || c == '-' || c == '_' || c == '+' || c == '*' ||
	       c == '@' || c == '%';
}

static enum hin_filter_token_type word_type(const char *small)
{
	static const struct {
		const char *word;
		enum hin_filter_token_type type;
	} rows[] = {
		{ "and", HIN_TOKEN_AND }, { "or", HIN_TOKEN_OR }, { "not", HIN_TOKEN_NOT },
		{ "eq", HIN_TOKEN_EQ },	  { "ne", HIN_TOKEN_NE }, { "gt", HIN_TOKEN_GT },
		{ "lt", HIN_TOKEN_LT },	  { "ge", HIN_TOKEN_GE }, { "le", HIN_TOKEN_LE },
	};

	for (size_t i = 0; i < HIN_COUNT(rows); i++)
		if (strcmp(rows[i].word, small) == 0)
			return rows[i].type;
	return HIN_TOKEN_WORD;
}

static void lex_word(struct hin_filter_token *out, const char *at, size_t left)
{
	size_t n = 0;

	while (n < left && is_word(at[n]))
		n++;
	out->size = n;
	if (n > HIN_FILTER_WORD) {
		out->type = HIN_TOKEN_LONG;
		n = HIN_FILTER_WORD;
	} else {
		out->type = HIN_TOKEN_WORD;
	}
	for (size_t i = 0; i < n; i++) {
		char c = at[i];

		out->text[i] = c;
		out->small[i] = c;
		if (c == '_')
			out->small[i] = '-';
		else if (c >= 'A' && c <= 'Z')
			out->small[i] = (char)(c - 'A' + 'a');
	}
	out->text[n] = out->small[n] = '\0';
	if (out->type == HIN_TOKEN_WORD)
		out->type = word_type(out->small);
}

static void lex_sign(struct hin_filter_token *out, const char *at, size_t left)
{
	static const struct {
		char text[3];
		enum hin_filter_token_type type;
	} rows[] = {
		{ "&&", HIN_TOKEN_AND },   { "||", HIN_TOKEN_OR },	{ "==", HIN_TOKEN_EQ },
		{ "!=", HIN_TOKEN_NE },	   { "<>", HIN_TOKEN_NE },	{ ">=", HIN_TOKEN_GE },
		{ "<=", HIN_TOKEN_LE },	   { "=", HIN_TOKEN_EQ },	{ "!", HIN_TOKEN_NOT },
		{ ">", HIN_TOKEN_GT },	   { "<", HIN_TOKEN_LT },	{ "&", HIN_TOKEN_BIT_AND },
		{ "|", HIN_TOKEN_BIT_OR }, { "(", HIN_TOKEN_OPEN },	{ ")", HIN_TOKEN_CLOSE },
		{ "[", HIN_TOKEN_LIST },   { "]", HIN_TOKEN_LIST_END }, { ",", HIN_TOKEN_COMMA },
	};

	out->type = HIN_TOKEN_BAD;
	out->size = 1;
	for (size_t i = 0; i < HIN_COUNT(rows); i++) {
		size_t n = strlen(rows[i].text);

		if (n <= left && memcmp(at, rows[i].text, n) == 0) {
			out->type = rows[i].type;
			out->size = n;
			break;
		}
	}
	if (out->type != HIN_TOKEN_BAD)
		memcpy(out->text, at, out->size);
	out->text[out->type != HIN_TOKEN_BAD ? out->size : 0] = '\0';
	out->small[0] = '\0';
}

void hin_filter_lex(struct hin_filter_token *out, const char *text, size_t size, size_t at)
{
	while (at < size && is_space(text[at]))
		at++;
	out->at = at;
	out->size = 0;
	out->text[0] = out->small[0] = '\0';
	if (at >= size)
		out->type = HIN_TOKEN_END;
	else if (is_word(text[at]))
		lex_word(out, text + at, size - at);
	else
		lex_sign(out, text + at, size - at);
}
