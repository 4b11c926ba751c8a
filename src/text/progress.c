#include "text/progress.h"

#include <stdio.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/file.h"
#include "text/style.h"
#include "text/width.h"
#include "text/words.h"

#define TERMINAL_FIRST_NS HIN_NS_PER_S
#define TERMINAL_EACH_NS (HIN_NS_PER_S / 5)
#define PLAIN_EACH_NS (30 * HIN_NS_PER_S)
#define CLEAR "\r\x1b[K"

void hin_progress_start(struct hin_progress *p, int fd, bool terminal, enum hin_lang lang,
			const char *what, const char *unit, int64_t now_ns)
{
	*p = (struct hin_progress){ .fd = fd,
				    .terminal = terminal,
				    .lang = lang,
				    .what = what,
				    .unit = unit,
				    .start_ns = now_ns,
				    .last_ns = now_ns };
}

/* Take the rate since the last time into the smoothed one. */
static void measure(struct hin_progress *p, uint64_t count, int64_t now_ns)
{
	double seconds = (double)(now_ns - p->last_ns) / 1e9;
	double rate = count > p->last_count ? (double)(count - p->last_count) / seconds : 0;

	p->rate = p->shown ? 0.7 * p->rate + 0.3 * rate : rate;
	p->last_ns = now_ns;
	p->last_count = count;
}

/* The time left if the rest goes as fast as what is done; -1 when nobody can say. */
static int64_t left_ns(const struct hin_progress *p, uint64_t done, uint64_t whole, int64_t now_ns)
{
	double left;

	if (done == 0 || done > whole)
		return -1;
	left = (double)(now_ns - p->start_ns) * ((double)whole / (double)done - 1);
	return left < 1e18 ? (int64_t)left : -1;
}

static void compose(const struct hin_progress *p, struct hin_buffer *out, uint64_t done,
		    uint64_t whole, uint64_t count, int64_t now_ns)
{
	char text[HIN_WORDS_TEXT], time[HIN_TIME_TEXT];
	int64_t left = left_ns(p, done, whole, now_ns);

	hin_buffer_puts(out, p->what);
	if (whole > 0)
		hin_buffer_printf(out, "  %s",
				  hin_words_percent(text, done < whole ? done : whole, whole));
	else
		hin_buffer_printf(out, "  %s %s", hin_words_short(text, (double)count, p->lang),
				  p->unit);
	hin_buffer_printf(out, "  %s %s/%s", hin_words_short(text, p->rate, p->lang), p->unit,
			  p->lang == HIN_JA ? "秒" : "s");
	if (left < 0)
		return;
	/* a guess to the second is no better than one to the whole second */
	hin_time_format_duration(time, left / HIN_NS_PER_S * HIN_NS_PER_S, p->lang);
	if (p->lang == HIN_JA)
		hin_buffer_printf(out, "  %s%s", hin_word(p->lang, HIN_W_LEFT), time);
	else
		hin_buffer_printf(out, "  %s %s", time, hin_word(p->lang, HIN_W_LEFT));
}

void hin_progress_update(struct hin_progress *p, uint64_t done, uint64_t whole, uint64_t count,
			 int64_t now_ns)
{
	struct hin_buffer line = { 0 }, out = { 0 };
	int64_t each = !p->terminal ? PLAIN_EACH_NS
		       : p->shown   ? TERMINAL_EACH_NS
				    : TERMINAL_FIRST_NS;

	if (p->fd == -1 || now_ns - p->last_ns < each)
		return;
	measure(p, count, now_ns);
	compose(p, &line, done, whole, count, now_ns);
	if (p->terminal) {
		hin_buffer_puts(&out, CLEAR);
		hin_width_cut(&out, hin_buffer_text(&line), hin_style_columns(p->fd) - 1);
	} else {
		hin_buffer_printf(&out, "%s\n", hin_buffer_text(&line));
	}
	p->shown = true;
	if (!line.failed && !out.failed &&
	    hin_file_write_all(p->fd, out.data, out.used, NULL) != HIN_OK)
		p->fd = -1;
	hin_buffer_fini(&line);
	hin_buffer_fini(&out);
}

void hin_progress_end(struct hin_progress *p)
{
	if (p->fd != -1 && p->terminal && p->shown &&
	    hin_file_write_all(p->fd, CLEAR, strlen(CLEAR), NULL) != HIN_OK)
		p->fd = -1;
	p->shown = false;
}
