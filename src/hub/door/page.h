/* page - the plain page: HTML from the server, no script; what its files share. */
#pragma once
#include "hub/door/api_people.h"
#include "hub/door/api_priv.h"
#include "hub/case/case.h"

/* The text in the language of the one who reads. */
#define PAGE_TEXT(call, en, ja) ((call)->lang == HIN_JA ? (ja) : (en))

/* Begin and end a page; `here` is the path of its place in the menu, or "". */
void page_begin(struct api_call *call, const char *title, const char *here);
void page_end(struct api_call *call);

/* Append text of our own, as it is. */
void page_put(struct api_call *call, const char *html);
void page_putf(struct api_call *call, const char *fmt, ...) HIN_PRINTF(2, 3);

/* Append text of anybody, escaped. */
void page_text(struct api_call *call, const char *text);

/* "2026-11-22 02:10 UTC", or a dash for 0. */
void page_time(struct api_call *call, int64_t time_us);

/* A number with commas. */
void page_count(struct api_call *call, uint64_t value);

/* The hidden field that proves that a form is ours. */
void page_token(struct api_call *call);

/* A row of a list of terms: its term; the caller writes what follows and "</dd>". */
void page_term(struct api_call *call, const char *term);

/* Go there with GET (303). */
void page_go(struct api_call *call, const char *path);

/* Words of the desk for people. */
const char *page_severity(const struct api_call *call, enum hin_severity severity);

/* ---- handlers ---- */

void page_front(struct api_call *call);
void page_style(struct api_call *call);
void page_sign_in(struct api_call *call);
void page_post_sign_in(struct api_call *call);
void page_post_sign_out(struct api_call *call);
void page_link(struct api_call *call);
void page_post_link(struct api_call *call);
void page_me(struct api_call *call);
void page_post_password(struct api_call *call);
void page_factor(struct api_call *call);
void page_post_factor(struct api_call *call);
void page_cases(struct api_call *call);
void page_case(struct api_call *call);
void page_post_case(struct api_call *call);
void page_find(struct api_call *call);
void page_address(struct api_call *call);
void page_ledger(struct api_call *call);
void page_seen(struct api_call *call);
void page_verify(struct api_call *call);
