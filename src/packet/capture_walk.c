#include "packet/capture_walk_priv.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum hin_walk_stop hin_walk_say(struct hin_walk *walk, enum hin_walk_stop stop, const char *fmt,
				...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(walk->reason, sizeof(walk->reason), fmt, args);
	va_end(args);
	return stop;
}

enum hin_walk_start hin_walk_start(struct hin_walk *walk, struct hin_span *in)
{
	/* ERF has no magic number, so it is tried last. */
	static const struct hin_walk_format *const formats[] = { &hin_pcap_format,
								 &hin_pcapng_format,
								 &hin_erf_format };

	for (size_t i = 0; i < HIN_COUNT(formats); i++) {
		enum hin_walk_start found = formats[i]->start(walk, in);

		if (found == HIN_START_NONE)
			continue;
		if (found == HIN_START_MORE && in->last) {
			walk->format_name = formats[i]->name;
			return HIN_START_CUT;
		}
		if (found == HIN_START_FOUND || found == HIN_START_REFUSED)
			walk->format_name = formats[i]->name;
		if (found == HIN_START_FOUND)
			walk->format = formats[i];
		if (walk->format != NULL && walk->nano)
			walk->format_name = "pcap-ns";
		return found;
	}
	return HIN_START_NONE;
}

void hin_walk_reset(struct hin_walk *walk)
{
	uint16_t input = walk->input;

	hin_walk_fini(walk);
	*walk = (struct hin_walk){ .input = input };
}

void hin_walk_fini(struct hin_walk *walk)
{
	free(walk->interfaces);
	walk->interfaces = NULL;
	walk->interface_count = walk->interface_room = 0;
}
