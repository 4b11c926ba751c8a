#include "telescope/change.h"

#include <math.h>
#include <netinet/in.h>
#include <stdlib.h>

enum {
	GAP_LIMIT = HIN_RISE_QUIET,
};

#define RISE_FORGET 0.05f /* weight of the newest interval: a memory of about 20 */

/* ---- ChangeFinder ---- */

void hin_changefinder_init(struct hin_changefinder *finder)
{
	*finder = (struct hin_changefinder){ .forget = 0.005 };
}

static void sdar_remember(struct hin_sdar *m, double x)
{
	for (int j = HIN_SDAR_ORDER - 1; j > 0; j--)
		m->past[j] = m->past[j - 1];
	m->past[0] = x;
	m->seen++;
}

/* One step of sequentially discounting AR estimation; returns the logarithmic loss. */
static double sdar_next(struct hin_sdar *m, double r, double x)
{
	double w[HIN_SDAR_ORDER] = { 0 }, det, predicted, error, loss;

	if (m->seen < HIN_SDAR_ORDER) { /* as NICT's code: the first ones are only past */
		sdar_remember(m, x);
		return 0;
	}
	m->mu = (1 - r) * m->mu + r * x;
	for (int j = 0; j <= HIN_SDAR_ORDER; j++) {
		double past = j == 0 ? x : m->past[j - 1];

		m->c[j] = (1 - r) * m->c[j] + r * (x - m->mu) * (past - m->mu);
	}
	/* Yule-Walker for order 2: [c0 c1; c1 c0] w = [c1 c2] */
	det = m->c[0] * m->c[0] - m->c[1] * m->c[1];
	if (fabs(det) > 1e-12 * m->c[0] * m->c[0] && m->c[0] > 0) {
		w[0] = (m->c[1] * m->c[0] - m->c[1] * m->c[2]) / det;
		w[1] = (m->c[0] * m->c[2] - m->c[1] * m->c[1]) / det;
	} else if (m->c[0] > 0) {
		w[0] = m->c[1] / m->c[0]; /* the pseudo-inverse's first direction */
	}
	predicted = m->mu;
	for (int j = 0; j < HIN_SDAR_ORDER; j++)
		predicted += w[j] * (m->past[j] - m->mu);
	error = x - predicted;
	m->variance = (1 - r) * m->variance + r * error * error;
	if (m->variance < 1e-9)
		m->variance = 1e-9;
	loss = 0.5 * (log(2 * M_PI * m->variance) + error * error / m->variance);
	sdar_remember(m, x);
	return loss;
}

static double smooth(double *window, size_t size, uint64_t seen, double value)
{
	size_t filled = seen + 1 < size ? (size_t)seen + 1 : size;
	double sum = 0;

	window[seen % size] = value;
	for (size_t i = 0; i < filled; i++)
		sum += window[i];
	return sum / (double)filled;
}

double hin_changefinder_next(struct hin_changefinder *f, double value)
{
	double score = sdar_next(&f->first, f->forget, value);
	double smoothed = smooth(f->window1, HIN_COUNT(f->window1), f->seen, score);
	double second = sdar_next(&f->second, f->forget, smoothed);
	double result = smooth(f->window2, HIN_COUNT(f->window2), f->seen, second);

	f->seen++;
	return result;
}

/* ---- ports ---- */

static void rise_learn(struct hin_rise *rise, float x)
{
	float weight = 1.0f / (float)(rise->seen + 1);
	float delta = x - rise->mean;

	if (weight < RISE_FORGET)
		weight = RISE_FORGET;
	rise->mean += weight * delta;
	rise->variance = (1 - weight) * (rise->variance + weight * delta * delta);
	if (rise->seen < UINT32_MAX)
		rise->seen++;
}

double hin_rise_next(struct hin_rise *rise, uint64_t count, uint64_t history, double *expected)
{
	double sigma, score = 0, x = (double)count;

	for (; rise->quiet > 0; rise->quiet--)
		rise_learn(rise, 0);
	*expected = (double)rise->mean;
	/* chance alone gives a variance of the mean; three packets' worth keeps the quietest honest
	 */
	sigma = sqrt(fmax((double)rise->variance, fmax((double)rise->mean, 3)));
	if (rise->seen >= history)
		score = (x - (double)rise->mean) / sigma;
	/* an outlier teaches at most six deviations */
	if (rise->seen >= history && x > (double)rise->mean + 6 * sigma)
		x = (double)rise->mean + 6 * sigma;
	rise_learn(rise, (float)x);
	return score;
}

static enum hin_code scale_init(struct hin_change_scale *scale, bool hourly, struct hin_error *err)
{
	scale->hourly = hourly;
	scale->step_us = hourly ? 3600000000 : 60000000;
	scale->start_us = INT64_MIN;
	scale->ports = calloc(HIN_CHANGE_PORTS, sizeof(*scale->ports));
	scale->counts = calloc(HIN_CHANGE_PORTS, sizeof(*scale->counts));
	if (scale->ports == NULL || scale->counts == NULL)
		return hin_fail(err, HIN_ENOMEM, "no room for the series of ports");
	return HIN_OK;
}

enum hin_code hin_change_init(struct hin_change *change,
			      const struct hin_telescope_settings *settings, struct hin_error *err)
{
	enum hin_code code;

	change->settings = settings;
	change->results.count = 0;
	change->results.lost = 0;
	memset(change->scales, 0, sizeof(change->scales));
	code = scale_init(&change->scales[0], false, err);
	if (code == HIN_OK)
		code = scale_init(&change->scales[1], true, err);
	if (code != HIN_OK)
		hin_change_fini(change);
	return code;
}

void hin_change_fini(struct hin_change *change)
{
	for (size_t i = 0; i < HIN_COUNT(change->scales); i++) {
		free(change->scales[i].ports);
		free(change->scales[i].counts);
		change->scales[i] = (struct hin_change_scale){ 0 };
	}
}

/* Keep the strongest rise of each port and scale. */
static void keep_result(struct hin_rise_results *results, const struct hin_rising *rising)
{
	size_t weakest = 0;

	for (size_t i = 0; i < results->count; i++) {
		struct hin_rising *r = &results->list[i];

		if (r->port == rising->port && r->proto == rising->proto &&
		    r->hourly == rising->hourly) {
			if (rising->score > r->score)
				*r = *rising;
			return;
		}
		if (r->score < results->list[weakest].score)
			weakest = i;
	}
	if (results->count < HIN_CHANGE_RESULTS) {
		results->list[results->count++] = *rising;
		return;
	}
	results->lost++;
	if (rising->score > results->list[weakest].score)
		results->list[weakest] = *rising;
}

/* Score one port's count of the running interval with, and into, its past. */
static void score_port(const struct hin_telescope_settings *s, const struct hin_change_scale *scale,
		       uint32_t i, struct hin_rise *rise, struct hin_rise_results *results)
{
	uint64_t count = scale->counts[i];
	double expected, score;

	/* a port that is seen for the first time has a past of silence */
	if (rise->seen == 0 && rise->quiet == 0)
		rise->quiet =
			(uint32_t)(scale->intervals < GAP_LIMIT ? scale->intervals : GAP_LIMIT);
	score = hin_rise_next(rise, count, s->rising_history, &expected);
	if (score < s->rising_score || count < s->rising_packets || (double)count < 2 * expected)
		return;
	keep_result(results, &(struct hin_rising){ .proto = i < 65536 ? IPPROTO_TCP : IPPROTO_UDP,
						   .port = (uint16_t)i,
						   .hourly = scale->hourly,
						   .time_us = scale->start_us,
						   .score = score,
						   .count = count,
						   .expected = expected });
}

/*
 * The running interval is over, and `gap` empty ones after it. Where nothing at all came for longer
 * than a history nobody was watching (two recordings in one run): that is no silence to rise from.
 */
static void scale_close(struct hin_change *change, struct hin_change_scale *scale, uint64_t gap)
{
	if (gap > change->settings->rising_history)
		gap = 0;
	for (uint32_t i = 0; i < HIN_CHANGE_PORTS; i++) {
		struct hin_rise *rise = &scale->ports[i];
		uint64_t quiet;

		if (scale->counts[i] > 0) {
			score_port(change->settings, scale, i, rise, &change->results);
			scale->counts[i] = 0;
			quiet = gap;
		} else {
			quiet = gap + 1;
		}
		if (rise->seen > 0 || rise->quiet > 0) {
			quiet += rise->quiet;
			rise->quiet = (uint32_t)(quiet < GAP_LIMIT ? quiet : GAP_LIMIT);
		}
	}
	scale->intervals += 1 + gap;
}

void hin_change_minute(struct hin_change *change, int64_t minute_us, const uint64_t *counts)
{
	for (size_t k = 0; k < HIN_COUNT(change->scales); k++) {
		struct hin_change_scale *scale = &change->scales[k];
		int64_t start = minute_us - minute_us % scale->step_us;

		if (minute_us % scale->step_us < 0)
			start -= scale->step_us;
		if (scale->start_us == INT64_MIN) {
			scale->start_us = start;
		} else if (start > scale->start_us) {
			scale_close(change, scale,
				    (uint64_t)((start - scale->start_us) / scale->step_us) - 1);
			scale->start_us = start;
		}
		for (uint32_t i = 0; i < HIN_CHANGE_PORTS; i++)
			scale->counts[i] += counts[i];
	}
}

void hin_change_results(const struct hin_change *change, struct hin_rise_results *out)
{
	*out = change->results;
	for (size_t k = 0; k < HIN_COUNT(change->scales); k++) {
		const struct hin_change_scale *scale = &change->scales[k];

		for (uint32_t i = 0; i < HIN_CHANGE_PORTS; i++) {
			struct hin_rise copy = scale->ports[i];

			if (scale->counts[i] > 0)
				score_port(change->settings, scale, i, &copy, out);
		}
	}
}
