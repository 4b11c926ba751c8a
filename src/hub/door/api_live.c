/* api_live - what is live beside the desk: traffic for a map, and how sensors are */
#include "hub/door/api_live.h"

#include <stdlib.h>

#include "base/escape.h"
#include "hub/door/api_words.h"
#include "observe/registry.h"

#define ARCS 200u /* of one event: the most telling ones */

struct api_live {
	struct hin_live_look look;
	int64_t looked_ns;
	const char **words; /* of each sensor, in the order that they came */
	size_t word_count;
};

struct api_live *api_live_new(void)
{
	return calloc(1, sizeof(struct api_live));
}

void api_live_free(struct api_live *live)
{
	if (live == NULL)
		return;
	free(live->words);
	free(live);
}

static void write_word(struct hin_buffer *out, const char *name, enum hin_registry registry,
		       uint64_t number)
{
	const struct hin_word *word = number != 0 ? hin_registry_find(registry, number) : NULL;

	if (number == 0)
		api_text_or_null(out, name, NULL);
	else if (word != NULL)
		api_text(out, name, word->name);
	else
		api_number(out, name, (int64_t)number);
}

static void write_arc(struct api_call *place, struct hin_buffer *out,
		      const struct hin_live_arc *arc)
{
	place->out = *out; /* api_place() writes to a call's buffer */
	api_place(place, NULL, &arc->src);
	*out = place->out;
	api_address(out, "src", &arc->src);
	api_hex(out, "sensor", arc->sensor, sizeof(arc->sensor));
	api_number(out, "port", arc->dport);
	api_number(out, "proto", arc->proto);
	write_word(out, "tool", HIN_REGISTRY_TOOLS, arc->tool);
	api_number(out, "packets", arc->packets < INT64_MAX ? (int64_t)arc->packets : INT64_MAX);
	hin_buffer_putc(out, '}');
}

static void write_sensors(const struct hin_api *api, struct hin_buffer *out,
			  const struct hin_live_look *look)
{
	api_open(out, "sensors", '[');
	for (size_t i = 0; i < look->sensor_count; i++) {
		struct hin_sensor_state state = { .name = "" };

		if (api->settings.sensors != NULL)
			(void)hin_sensors_get(api->settings.sensors, look->sensors[i].id, &state);
		api_open(out, NULL, '{');
		api_hex(out, "id", look->sensors[i].id, HIN_SENSOR_ID);
		api_text(out, "name", state.name);
		api_number(out, "packets", (int64_t)look->sensors[i].packets);
		api_number(out, "rows", (int64_t)look->sensors[i].rows);
		hin_buffer_putc(out, '}');
	}
	hin_buffer_putc(out, ']');
}

bool api_live_traffic(struct api_live *live, struct hin_api *api, int64_t now_ns,
		      struct hin_buffer *out)
{
	struct hin_live_look *look = &live->look;
	int64_t since_ns = live->looked_ns != 0 ? now_ns - live->looked_ns : HIN_NS_PER_S;
	struct api_call place = { .api = api };

	if (api->settings.live == NULL)
		return false;
	hin_live_look(api->settings.live, look);
	live->looked_ns = now_ns;
	hin_buffer_puts(out, "event: traffic\ndata: ");
	hin_buffer_putc(out, '{');
	api_time(out, "time", hin_time_now_ns() / 1000);
	api_number(out, "milliseconds", since_ns / HIN_NS_PER_MS);
	api_number(out, "packets", (int64_t)look->packets);
	api_number(out, "rows", (int64_t)look->rows);
	api_number(out, "arcs_left_out",
		   (int64_t)(look->left_out + (look->count > ARCS ? look->count - ARCS : 0)));
	api_open(out, "arcs", '[');
	for (size_t i = 0; i < look->count && i < ARCS && !out->failed; i++)
		write_arc(&place, out, &look->arcs[i]);
	hin_buffer_putc(out, ']');
	write_sensors(api, out, look);
	hin_buffer_puts(out, "}\n\n");
	return true;
}

/* ---- sensors that are not as they were ---- */

struct watching {
	struct api_live *live;
	size_t at;
	void (*tell)(void *user, const struct hin_buffer *event);
	void *user;
};

static void tell_state(struct watching *w, const struct hin_sensor_state *s, const char *before)
{
	struct hin_buffer out = { 0 };

	hin_buffer_puts(&out, "event: sensor\ndata: ");
	hin_buffer_putc(&out, '{');
	api_hex(&out, "id", s->id, sizeof(s->id));
	api_text(&out, "name", s->name);
	api_text(&out, "state", hin_sensor_word(s));
	api_text_or_null(&out, "before", before);
	api_time(&out, "heard", s->heard_ns / 1000);
	hin_buffer_puts(&out, "}\n\n");
	if (!out.failed)
		w->tell(w->user, &out);
	hin_buffer_fini(&out);
}

static bool look_at(void *user, const struct hin_sensor_state *s)
{
	struct watching *w = user;
	struct api_live *live = w->live;
	const char *word = hin_sensor_word(s);

	if (w->at == live->word_count) {
		const char **more = reallocarray(live->words, w->at + 1, sizeof(*more));

		if (more == NULL)
			return false;
		live->words = more;
		live->words[live->word_count++] = word; /* new: how it is, not what happened */
	}
	/* words are literals of one function */
	if (live->words[w->at] != word)
		tell_state(w, s, live->words[w->at]);
	live->words[w->at++] = word;
	return true;
}

void api_live_sensors(struct api_live *live, struct hin_api *api,
		      void (*tell)(void *user, const struct hin_buffer *event), void *user)
{
	struct watching w = { .live = live, .tell = tell, .user = user };

	if (api->settings.sensors != NULL)
		hin_sensors_each(api->settings.sensors, look_at, &w);
}
