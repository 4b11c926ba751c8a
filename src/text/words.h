/*
 * words - words and numbers for people, in English and Japanese.
 *
 * A part that has words keeps them in one list and makes an enum and a table of it:
 *
 *	#define SCAN_WORDS(X) X(W_SCAN, "scan", "走査") X(W_VICTIM, "victim", "被害者")
 *	enum { SCAN_WORDS(HIN_WORD_NAME) };
 *	static const struct hin_words words[] = { SCAN_WORDS(HIN_WORD_ROW) };
 *	puts(hin_words_get(words, W_SCAN, lang));
 *
 * The language comes from --lang or the environment (base/lang.h).
 *
 * Threads: pure functions.
 */
#pragma once
#include "base/lang.h"

struct hin_words {
	const char *text[2]; /* by enum hin_lang */
};

#define HIN_WORD_NAME(name, en, ja) name,
#define HIN_WORD_ROW(name, en, ja) [name] = { { en, ja } },

/* The word `index` of a part's table. */
static inline const char *hin_words_get(const struct hin_words *table, size_t index,
					enum hin_lang lang)
{
	return table[index].text[lang];
}

/* The words that every part needs. */
#define HIN_WORDS(X)                                                                               \
	X(HIN_W_YES, "yes", "はい")                                                                \
	X(HIN_W_NO, "no", "いいえ")                                                                \
	X(HIN_W_NONE, "none", "なし")                                                              \
	X(HIN_W_UNKNOWN, "unknown", "不明")                                                        \
	X(HIN_W_TOTAL, "total", "合計")                                                            \
	X(HIN_W_OTHERS, "others", "その他")                                                        \
	X(HIN_W_MORE, "more", "ほか")                                                              \
	X(HIN_W_LEFT, "left", "残り")                                                              \
	X(HIN_W_DONE, "done", "完了")                                                              \
	X(HIN_W_ERROR, "error", "エラー")                                                          \
	X(HIN_W_WARNING, "warning", "警告")

enum hin_word_id { HIN_WORDS(HIN_WORD_NAME) };

/* One of them. */
const char *hin_word(enum hin_lang lang, enum hin_word_id word);

#define HIN_WORDS_TEXT 48 /* longest text of the functions below, with its NUL */

/* "1,234,567" to `out`; returns `out`, as do all below. */
char *hin_words_count(char out[HIN_WORDS_TEXT], uint64_t value);

/*
 * A rounded number of three digits: "12.3 M" (powers of 1000: k, M, G, T, P, E), in Japanese
 * "1230万" (万, 億, 兆, 京). Whole numbers below 10,000 stand as they are: "9,999".
 */
char *hin_words_short(char out[HIN_WORDS_TEXT], double value, enum hin_lang lang);

/*
 * `part` of `whole` as "12.3 %". What is not quite nothing or all says so: "<0.1 %", ">99.9 %". "-"
 * when `whole` is 0.
 */
char *hin_words_percent(char out[HIN_WORDS_TEXT], uint64_t part, uint64_t whole);

/* "12.3 MiB" (powers of 1024), "999 B". */
char *hin_words_bytes(char out[HIN_WORDS_TEXT], uint64_t bytes);
