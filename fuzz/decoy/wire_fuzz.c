/* Any bytes as messages of a worker: each is read and written back as it was, and becomes rows. */
#include <stdlib.h>
#include <string.h>

#include "decoy/tell.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void want(bool good)
{
	if (!good)
		abort();
}

/* Every row may be sent, whatever the worker said. */
static void on_row(void *user, const struct hin_observation *row)
{
	struct hin_error err = { 0 };

	(void)user;
	want(hin_observation_check(row, &err) == HIN_OK || row->time_us > HIN_TIME_MAX);
}

static void tell(struct hin_story *story, const struct hin_wire_message *m)
{
	const struct hin_teller_of to = { .row = on_row };

	switch (m->type) {
	case HIN_WIRE_BEGIN:
		hin_story_begin(story, &m->about, m->session, m->time_us);
		break;
	case HIN_WIRE_EVENT:
		hin_story_event(story, &m->event, &to);
		break;
	case HIN_WIRE_END:
		hin_story_end(story, m, NULL, &to);
		break;
	case HIN_WIRE_REFUSED:
		hin_story_refused(m, &to);
		break;
	default:
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hin_reader in = hin_reader_of(data, size);
	struct hin_story story = { 0 };
	struct hin_wire_message m;
	const uint8_t *start = in.pos;

	while (hin_wire_read(&in, &m) == HIN_OK) {
		struct hin_buffer again = { 0 };

		hin_wire_write(&again, &m);
		want(!again.failed && again.used == (size_t)(in.pos - start));
		hin_buffer_fini(&again);
		tell(&story, &m);
		start = in.pos;
	}
	return 0;
}
