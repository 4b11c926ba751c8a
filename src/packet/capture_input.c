#include "packet/capture_input_priv.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "packet/capture_digest_priv.h"

static void note_progress(struct hin_input *in)
{
	struct hin_capture_input *info = in->info;

	/* hin_capture_progress() may look from another thread */
	__atomic_store_n(&info->file_bytes, hin_source_done(&in->source), __ATOMIC_RELAXED);
	info->skipped = in->walk.skipped;
	info->clamped = in->walk.clamped;
}

/* The first fault of an input is the one it tells; of one that is followed, the last. */
static void HIN_PRINTF(3, 4)
	note_fault(struct hin_input *in, enum hin_capture_fault fault, const char *fmt, ...)
{
	struct hin_capture_input *info = in->info;
	size_t used;
	va_list args;

	if (info->fault != HIN_FAULT_NONE && !in->source.follow)
		return;
	info->fault = fault;
	info->fault_offset = hin_source_offset(&in->source);
	va_start(args, fmt);
	vsnprintf(info->fault_text, sizeof(info->fault_text), fmt, args);
	va_end(args);
	used = strlen(info->fault_text);
	snprintf(info->fault_text + used, sizeof(info->fault_text) - used,
		 ", at byte %" PRIu64 "%s", info->fault_offset,
		 in->source.packing != HIN_INFLATE_NONE ? " of the unpacked data" : "");
}

static enum hin_input_result end(struct hin_input *in)
{
	struct hin_source *s = &in->source;

	note_progress(in);
	in->state = HIN_INPUT_ENDED;
	if (s->digest != NULL && (s->pipe ? s->raw_whole : hin_source_digest_rest(s)))
		in->info->digested = hin_digest_end(s->digest, in->info->sha256);
	return HIN_INPUT_END;
}

/* The source has nothing more to give, or not now. */
static enum hin_input_result out_of_bytes(struct hin_input *in, enum hin_fill why)
{
	struct hin_source *s = &in->source;
	size_t left = (size_t)(s->end - s->pos);

	note_progress(in);
	switch (why) {
	case HIN_FILL_OK:
	case HIN_FILL_WAIT:
		return HIN_INPUT_WAIT;
	case HIN_FILL_NOMEM:
		return HIN_INPUT_NOMEM;
	case HIN_FILL_AGAIN:
		note_fault(in, s->fault, "%s", s->reason);
		hin_source_rewind(s);
		hin_walk_reset(&in->walk);
		in->found = false;
		return HIN_INPUT_WAIT;
	case HIN_FILL_FAULT:
		note_fault(in, s->fault, "%s", s->reason);
		return end(in);
	case HIN_FILL_LAST:
		if (left > 0)
			note_fault(in, HIN_FAULT_CUT, "ends inside a record: %zu bytes of %zu",
				   left, in->walk.want);
		return end(in);
	}
	return HIN_INPUT_WAIT;
}

static void say_what_it_is(struct hin_input *in)
{
	const struct hin_source *s = &in->source;

	if (s->packing != HIN_INFLATE_NONE)
		hin_walk_say(&in->walk, HIN_WALK_BAD,
			     "%s data without a capture (pcap, pcapng or ERF) inside",
			     hin_inflate_name(s->packing));
	else if (s->pos == s->end)
		hin_walk_say(&in->walk, HIN_WALK_BAD, "empty, not a capture file");
	else
		hin_walk_say(&in->walk, HIN_WALK_BAD, "not a capture file (pcap, pcapng or ERF)");
}

/* Find the format: GOT, or as out_of_bytes(). Anything that is no capture ends the input. */
static enum hin_input_result find_format(struct hin_input *in)
{
	struct hin_source *s = &in->source;
	enum hin_fill fill = HIN_FILL_OK;

	in->walk.want = 1;
	for (;;) {
		struct hin_span span;
		enum hin_walk_start start;

		fill = hin_source_fill(s, in->walk.want, in->opening);
		if (fill != HIN_FILL_OK && fill != HIN_FILL_LAST)
			return out_of_bytes(in, fill);
		in->info->compression = hin_inflate_name(s->packing);
		span = (struct hin_span){ s->pos, s->end, fill == HIN_FILL_LAST };
		start = hin_walk_start(&in->walk, &span);
		if (in->walk.format_name != NULL)
			in->info->format = in->walk.format_name;
		switch (start) {
		case HIN_START_FOUND:
			s->pos = span.pos;
			in->found = true;
			return HIN_INPUT_GOT;
		case HIN_START_MORE:
			continue;
		case HIN_START_NOMEM:
			return HIN_INPUT_NOMEM;
		case HIN_START_CUT:
			hin_walk_say(&in->walk, HIN_WALK_BAD, "ends inside the %s file header",
				     in->info->format);
			break;
		case HIN_START_REFUSED:
			break;
		case HIN_START_NONE:
			say_what_it_is(in);
			break;
		}
		note_fault(in, start == HIN_START_CUT ? HIN_FAULT_CUT : HIN_FAULT_BAD_RECORD, "%s",
			   in->walk.reason);
		return end(in);
	}
}

enum hin_input_result hin_input_read(struct hin_input *in, struct hin_frame *out, size_t room,
				     int64_t until, size_t *count)
{
	struct hin_source *s = &in->source;

	*count = 0;
	if (in->state == HIN_INPUT_ENDED)
		return HIN_INPUT_END;
	if (!in->found) {
		enum hin_input_result found = find_format(in);

		if (found != HIN_INPUT_GOT)
			return found;
	}
	for (;;) {
		struct hin_span span = { s->pos, s->end, false };
		enum hin_walk_stop stop = HIN_WALK_MORE;
		enum hin_fill fill;

		in->walk.want = 1;
		if (span.pos < span.end) {
			stop = hin_walk_records(&in->walk, &span, out, room, until, count);
			s->pos = span.pos;
		}
		in->info->packets += *count;
		if (*count > 0) {
			note_progress(in);
			return HIN_INPUT_GOT; /* before the window may change */
		}
		switch (stop) {
		case HIN_WALK_MORE:
			fill = hin_source_fill(s, in->walk.want, in->opening);
			if (fill != HIN_FILL_OK)
				return out_of_bytes(in, fill);
			break;
		case HIN_WALK_UNTIL:
			return HIN_INPUT_LATER;
		case HIN_WALK_NOMEM:
			return HIN_INPUT_NOMEM;
		case HIN_WALK_BAD:
		case HIN_WALK_LIMIT:
			note_fault(in,
				   stop == HIN_WALK_BAD ? HIN_FAULT_BAD_RECORD : HIN_FAULT_LIMIT,
				   "%s", in->walk.reason);
			return end(in);
		case HIN_WALK_FULL:
			break;
		}
	}
}

/* As before the first byte was read, but for what is known of the file. */
static void put_back(struct hin_input *in)
{
	struct hin_capture_input *info = in->info;

	hin_source_rewind(&in->source);
	hin_walk_reset(&in->walk);
	in->found = false;
	in->state = HIN_INPUT_IDLE;
	info->file_bytes = info->packets = info->skipped = info->clamped = 0;
	info->fault = HIN_FAULT_NONE;
	info->fault_offset = 0;
	info->fault_text[0] = '\0';
}

enum hin_code hin_input_look(struct hin_input *in, struct hin_error *err)
{
	/* A pipe cannot be put back, and a followed file may have no packet yet. */
	bool once = in->source.pipe || in->source.follow;
	struct hin_frame frame;
	enum hin_input_result result;
	size_t count = 0;

	in->opening = true;
	result = once ? find_format(in) : hin_input_read(in, &frame, 1, INT64_MAX, &count);
	in->opening = false;
	in->first_ns = once ? INT64_MIN : count > 0 ? frame.time_ns : INT64_MAX;
	if (result == HIN_INPUT_NOMEM)
		return hin_fail(err, HIN_ENOMEM, "%s", in->info->name);
	if (!in->found && result == HIN_INPUT_END)
		return hin_fail(err, HIN_EFORMAT, "%s: %s", in->info->name,
				in->source.fault != HIN_FAULT_NONE ? in->source.reason
								   : in->walk.reason);
	if (!in->found)
		return HIN_EAGAIN;
	if (!once)
		put_back(in);
	return HIN_OK;
}

void hin_input_fini(struct hin_input *in)
{
	hin_source_fini(&in->source);
	hin_walk_fini(&in->walk);
	hin_window_unref(in->ahead_window);
	free(in->ahead);
	in->ahead_window = NULL;
	in->ahead = NULL;
	in->ahead_at = in->ahead_count = 0;
}
