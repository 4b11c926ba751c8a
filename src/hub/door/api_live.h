/*
 * api_live - events that do not come from the desk: traffic and sensors, as texts for streams.
 *
 * Threads: that of the event streams.
 */
#pragma once
#include "hub/door/api_priv.h"
#include "hub/live.h"

struct api_live;

HIN_MUST_USE struct api_live *api_live_new(void); /* NULL without memory */
void api_live_free(struct api_live *live);	  /* NULL is fine */

/* Append the event of what came since the last one; false where nothing is known of it. */
bool api_live_traffic(struct api_live *live, struct hin_api *api, int64_t now_ns,
		      struct hin_buffer *out);

/* Tell each sensor that is not as it was at the last look, as an event. */
void api_live_sensors(struct api_live *live, struct hin_api *api,
		      void (*tell)(void *user, const struct hin_buffer *event), void *user);
