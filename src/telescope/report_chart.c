#include "telescope/report_priv.h"
#include "text/words.h"

#define BINS 200	/* most columns of a chart; longer series are averaged */
#define PLOT_TOP 16	/* pixels above the area */
#define PLOT_HEIGHT 220 /* of the area */
#define SCALE 1000	/* units of the area's height */
#define TICKS 5		/* most labels below */

/* A series averaged into at most BINS columns: packets an interval, by kind. */
struct columns {
	double kinds[BINS][HIN_PACKET_KIND_COUNT];
	int64_t time_us[BINS];
	size_t count;
	size_t per; /* points in a column */
	double most;
};

void hin_report_markup(struct hin_buffer *out, const char *text)
{
	for (const char *at = text; *at != '\0'; at++) {
		switch (*at) {
		case '&':
			hin_buffer_puts(out, "&amp;");
			break;
		case '<':
			hin_buffer_puts(out, "&lt;");
			break;
		case '>':
			hin_buffer_puts(out, "&gt;");
			break;
		case '"':
			hin_buffer_puts(out, "&quot;");
			break;
		case '\'':
			hin_buffer_puts(out, "&#39;");
			break;
		default:
			hin_buffer_putc(out, *at);
		}
	}
}

void hin_report_bar(struct hin_buffer *out, double share)
{
	double percent = share > 0 && share <= 1 ? share * 100 : 0;

	if (percent > 0 && percent < 0.5)
		percent = 0.5; /* what is there can be seen */
	hin_buffer_printf(out,
			  "<svg class=\"bar\" aria-hidden=\"true\"><rect width=\"%.1f%%\" "
			  "height=\"12\" rx=\"2\"/></svg>",
			  percent);
}

static void average(struct columns *c, const struct hin_picture *p)
{
	memset(c, 0, sizeof(*c));
	c->per = (p->series_count + BINS - 1) / BINS;
	c->count = (p->series_count + c->per - 1) / c->per;
	for (size_t i = 0; i < p->series_count; i++) {
		size_t at = i / c->per;
		size_t rest = p->series_count - at * c->per;
		double points = (double)(rest < c->per ? rest : c->per);

		if (i % c->per == 0)
			c->time_us[at] = p->series[i].time_us;
		for (size_t kind = 0; kind < HIN_PACKET_KIND_COUNT; kind++)
			c->kinds[at][kind] += (double)p->series[i].by_kind[kind] / points;
	}
	for (size_t at = 0; at < c->count; at++) {
		double sum = 0;

		for (size_t kind = 0; kind < HIN_PACKET_KIND_COUNT; kind++)
			sum += c->kinds[at][kind];
		c->most = sum > c->most ? sum : c->most;
	}
}

/* The step between grid lines: 1, 2, 2.5 or 5 times a power of ten, at most five of them to `most`.
 */
static double grid_step(double most)
{
	static const double steps[] = { 1, 2, 2.5, 5, 10 };
	double unit = 1;

	while (most / unit > 50)
		unit *= 10;
	for (size_t i = 0; i < HIN_COUNT(steps); i++) {
		if (most <= 5 * unit * steps[i])
			return floor(unit * steps[i]) < 1 ? 1 : unit * steps[i];
	}
	return unit * 10;
}

static void put_grid(struct hin_buffer *out, double top, double step, enum hin_lang lang)
{
	for (unsigned line = 0; line * step <= top * 1.0001; line++) {
		double value = line * step;
		double y = PLOT_TOP + PLOT_HEIGHT * (1 - value / top);

		hin_buffer_printf(out, "<line%s x1=\"0\" x2=\"100%%\" y1=\"%.1f\" y2=\"%.1f\"/>",
				  value > 0 ? "" : " class=\"base\"", y, y);
	}
	(void)lang;
}

/* The grid's numbers lie over the areas, so they come after them. */
static void put_scale(struct hin_buffer *out, double top, double step, enum hin_lang lang)
{
	for (unsigned line = 1; line * step <= top * 1.0001; line++) {
		double value = line * step;

		hin_buffer_printf(out, "<text class=\"y\" x=\"0\" y=\"%.1f\">",
				  PLOT_TOP + PLOT_HEIGHT * (1 - value / top) - 3);
		if (value < 0x1p63)
			hin_report_count(out, (uint64_t)value, lang);
		else
			hin_report_estimate(out, value, lang);
		hin_buffer_puts(out, "</text>");
	}
}

/* "17:52", or with the day when the series is longer than one. */
static void put_tick(struct hin_buffer *out, int64_t time_us, bool days)
{
	char text[HIN_TIME_TEXT];

	hin_time_format(text, hin_report_ns(time_us), HIN_TIME_S);
	if (strlen(text) < 16)
		return;
	hin_buffer_add(out, text + (days ? 5 : 11), days ? 11 : 5);
}

static void put_ticks(struct hin_buffer *out, const struct columns *c, int y)
{
	size_t ticks = c->count < TICKS ? c->count : TICKS;
	bool days = hin_report_span_us(c->time_us[0], c->time_us[c->count - 1]) > 86400000000;

	for (size_t i = 0; i < ticks; i++) {
		size_t at = ticks > 1 ? i * (c->count - 1) / (ticks - 1) : 0;
		const char *anchor = i == 0 ? "start" : i + 1 == ticks ? "end" : "middle";
		double x = ((double)at + 0.5) / (double)c->count * 100;

		if (i == 0)
			x = 0;
		else if (i + 1 == ticks)
			x = 100;
		hin_buffer_printf(out, "<text%s x=\"%.2f%%\" y=\"%d\" text-anchor=\"%s\">",
				  i % 2 == 1 ? " class=\"wide\"" : "", x, y, anchor);
		put_tick(out, c->time_us[at], days);
		hin_buffer_puts(out, "</text>");
	}
}

static long scaled(double value, double top)
{
	double y = SCALE - value / top * SCALE;

	return lround(y < 0 ? 0 : y);
}

/* The sums below `kind` in column `at`. */
static double below(const struct columns *c, size_t at, size_t kind)
{
	double sum = 0;

	for (size_t k = 0; k < kind; k++)
		sum += c->kinds[at][k];
	return sum;
}

/* One kind's area: along its upper edge to the right, back along its lower edge. */
static void put_area(struct hin_buffer *out, const struct columns *c, size_t kind, double top)
{
	hin_buffer_printf(out, "<path class=\"k%zu\" d=\"M0 %ld", kind,
			  scaled(below(c, 0, kind + 1), top));
	for (size_t at = 0; at < c->count; at++)
		hin_buffer_printf(out, "V%ldH%zu", scaled(below(c, at, kind + 1), top), at + 1);
	for (size_t at = c->count; at-- > 0;)
		hin_buffer_printf(out, "V%ldH%zu", scaled(below(c, at, kind), top), at);
	hin_buffer_puts(out, "Z\"/>");
}

/* What one sees when one points at a column. */
static void put_hit(struct hin_buffer *out, const struct columns *c, size_t at, enum hin_lang lang)
{
	double sum = below(c, at, HIN_PACKET_KIND_COUNT);

	hin_buffer_printf(out, "<rect class=\"hit\" x=\"%zu\" width=\"1\" height=\"%d\"><title>",
			  at, SCALE);
	hin_report_moment(out, c->time_us[at]);
	hin_buffer_puts(out, "\n");
	hin_report_count(out, sum < 0x1p63 ? (uint64_t)(sum + 0.5) : UINT64_MAX, lang);
	hin_buffer_puts(out, either(lang, " packets", "パケット"));
	for (unsigned kind = 0; kind < HIN_PACKET_KIND_COUNT; kind++) {
		double value = c->kinds[at][kind];

		if (value <= 0)
			continue;
		hin_buffer_printf(out, "\n%s: ", hin_report_kind_word(kind, lang));
		hin_report_count(out, value < 0x1p63 ? (uint64_t)(value + 0.5) : UINT64_MAX, lang);
	}
	hin_buffer_puts(out, "</title></rect>");
}

static void put_legend(struct hin_buffer *out, const struct hin_picture *p, enum hin_lang lang)
{
	hin_buffer_puts(out, "<ul class=\"legend\">");
	for (unsigned kind = 0; kind < HIN_PACKET_KIND_COUNT; kind++) {
		if (p->kinds[kind] == 0)
			continue;
		hin_buffer_printf(out,
				  "<li><svg aria-hidden=\"true\"><rect class=\"k%u\" width=\"11\" "
				  "height=\"11\" rx=\"2\"/></svg>%s ",
				  kind, hin_report_kind_word(kind, lang));
		hin_report_count(out, p->kinds[kind], lang);
		hin_buffer_puts(out, "</li>");
	}
	hin_buffer_puts(out, "</ul>\n");
}

static void put_label(struct hin_buffer *out, const struct columns *c, enum hin_lang lang)
{
	hin_buffer_puts(out, either(lang, "Packets over time, stacked by kind, ",
				    "種別ごとに積み上げたパケット数の推移、"));
	hin_report_moment(out, c->time_us[0]);
	hin_buffer_puts(out, either(lang, " to ", " から "));
	hin_report_moment(out, c->time_us[c->count - 1]);
	hin_buffer_puts(out, either(lang, "; most: ", "。最多: "));
	hin_report_count(out, c->most < 0x1p63 ? (uint64_t)c->most : UINT64_MAX, lang);
}

static void put_caption(struct hin_buffer *out, const struct hin_picture *p,
			const struct columns *c, enum hin_lang lang)
{
	bool hourly = p->series_step_us >= 3600000000;

	hin_buffer_puts(out, "<figcaption class=\"lead\">");
	hin_buffer_puts(out, hourly ? either(lang, "Packets an hour, by kind; times in UTC.",
					     "1時間あたりのパケット数(種別ごと)。時刻はUTC。")
				    : either(lang, "Packets a minute, by kind; times in UTC.",
					     "1分あたりのパケット数(種別ごと)。時刻はUTC。"));
	if (c->per > 1)
		SAY(out, lang, " Each column is the mean of %zu.", " 各列は%zu区間の平均です。",
		    c->per);
	hin_buffer_puts(out, "</figcaption>\n");
}

void hin_report_chart(struct hin_buffer *out, const struct hin_picture *picture, enum hin_lang lang)
{
	struct columns c;
	double step, top;

	if (picture->series_count == 0)
		return;
	average(&c, picture);
	if (!(c.most > 0))
		return;
	step = grid_step(c.most);
	top = ceil(c.most / step) * step;
	hin_buffer_puts(out, "<figure>\n");
	put_caption(out, picture, &c, lang);
	put_legend(out, picture, lang);
	hin_buffer_printf(out, "<svg class=\"plot short\" role=\"img\" height=\"%d\" aria-label=\"",
			  PLOT_TOP + PLOT_HEIGHT + 20);
	put_label(out, &c, lang);
	hin_buffer_puts(out, "\">\n");
	put_grid(out, top, step, lang);
	hin_buffer_printf(out,
			  "\n<svg y=\"%d\" width=\"100%%\" height=\"%d\" viewBox=\"0 0 %zu %d\" "
			  "preserveAspectRatio=\"none\">\n",
			  PLOT_TOP, PLOT_HEIGHT, c.count, SCALE);
	for (size_t kind = 0; kind < HIN_PACKET_KIND_COUNT; kind++) {
		if (picture->kinds[kind] > 0)
			put_area(out, &c, kind, top);
	}
	for (size_t at = 0; at < c.count; at++)
		put_hit(out, &c, at, lang);
	hin_buffer_puts(out, "</svg>\n");
	put_scale(out, top, step, lang);
	put_ticks(out, &c, PLOT_TOP + PLOT_HEIGHT + 16);
	hin_buffer_puts(out, "\n</svg>\n</figure>\n");
}

/* --- small multiples --- */

#define SMALL_HEIGHT 54

static void put_small(struct hin_buffer *out, const struct hin_picture *p,
		      const struct hin_port_series *s, enum hin_lang lang)
{
	size_t per = (p->series_count + BINS - 1) / BINS, most = 0;
	size_t bins = (p->series_count + per - 1) / per;
	double top;

	for (size_t i = 0; i < p->series_count; i++)
		most = s->counts[i] > s->counts[most] ? i : most;
	top = s->counts[most] > 0 ? (double)s->counts[most] : 1;
	hin_buffer_puts(out, "<div><h3>");
	hin_report_port(out, s->proto, s->port);
	hin_buffer_puts(out, "</h3><p>");
	hin_buffer_puts(out, either(lang, "most: ", "最多: "));
	hin_report_count(out, s->counts[most], lang);
	hin_buffer_puts(out, either(lang, ", ", "、"));
	hin_report_moment_short(out, p->series[most].time_us, p);
	hin_buffer_printf(
		out,
		"</p><svg class=\"plot\" role=\"img\" aria-label=\"%s\" height=\"%d\" "
		"viewBox=\"0 0 %zu %d\" preserveAspectRatio=\"none\"><path class=\"area\" "
		"d=\"M0 %d",
		either(lang, "packets over time", "パケット数の推移"), SMALL_HEIGHT, bins, SCALE,
		SCALE);
	for (size_t bin = 0; bin < bins; bin++) {
		uint64_t value = 0; /* the largest: a short rise must be seen */

		for (size_t i = bin * per; i < (bin + 1) * per && i < p->series_count; i++)
			value = s->counts[i] > value ? s->counts[i] : value;
		hin_buffer_printf(out, "V%ldH%zu", scaled((double)value, top), bin + 1);
	}
	hin_buffer_printf(out, "V%dZ\"/></svg></div>\n", SCALE);
}

void hin_report_multiples(struct hin_buffer *out, const struct hin_picture *picture,
			  enum hin_lang lang)
{
	if (picture->port_series_count == 0 || picture->series_count < 2)
		return;
	hin_buffer_puts(out, "<div class=\"multiples\">\n");
	for (size_t i = 0; i < picture->port_series_count; i++)
		put_small(out, picture, &picture->port_series[i], lang);
	hin_buffer_puts(out, "</div>\n");
}
