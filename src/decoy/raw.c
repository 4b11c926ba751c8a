/* raw - a port that is open and says nothing more than its banner: see service.h */
#include <stdlib.h>
#include <sys/random.h>

#include "decoy/host/persona.h"
#include "decoy/service.h"

#define CHANNEL 1u
#define KEPT ((size_t)64 * 1024) /* bytes of one conversation that are recorded */

struct raw {
	struct hin_session *session;
	const struct hin_persona_port *port;
	int64_t heard_us;
	size_t kept;
	bool ended;
};

static void *open_raw(struct hin_session *session)
{
	const struct hin_session_settings *about = hin_session_about(session);
	struct raw *r = calloc(1, sizeof(*r));
	uint8_t banner[HIN_PERSONA_BANNER];
	uint64_t random = 0;
	size_t size;

	if (r == NULL)
		return NULL;
	r->session = session;
	r->port = hin_persona_service(about->host->persona, about->server_port);
	r->heard_us = hin_session_now_us(session);
	hin_session_tell(session, (struct hin_event){ .type = HIN_EVENT_CHANNEL,
						      .channel = CHANNEL,
						      .number = HIN_CHANNEL_RAW });
	/* no secret: without it the salt of a server would be the same for all */
	if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
		random = (uint64_t)r->heard_us;
	size = hin_persona_banner(r->port, random, banner);
	hin_session_send(session, banner, size);
	hin_session_record(session, CHANNEL, HIN_TO_CLIENT, banner, size);
	return r;
}

static void receive(void *self, const uint8_t *data, size_t size)
{
	struct raw *r = self;

	r->heard_us = hin_session_now_us(r->session);
	if (size > KEPT - r->kept)
		size = KEPT - r->kept;
	r->kept += size;
	hin_session_record(r->session, CHANNEL, HIN_FROM_CLIENT, data, size);
}

static void end(void *self)
{
	struct raw *r = self;

	r->ended = true;
}

static int64_t run(void *self, int64_t now_us)
{
	struct raw *r = self;
	int64_t close_us = r->heard_us + (int64_t)r->port->close_ms * 1000;

	if (r->ended)
		hin_session_hang_up(r->session, HIN_CLOSE_CLIENT);
	else if (r->port->close_ms != 0 && now_us >= close_us)
		hin_session_hang_up(r->session, HIN_CLOSE_TIMEOUT);
	return r->port->close_ms != 0 ? close_us : HIN_SERVICE_NEVER;
}

const struct hin_service_type hin_service_raw = {
	.name = "raw",
	.open = open_raw,
	.receive = receive,
	.end = end,
	.run = run,
	.close = free,
};
