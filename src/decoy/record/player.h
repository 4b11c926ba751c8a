/*
 * player - show a session on a terminal as it happened.
 *
 * What a session showed is text of strangers, with escape sequences that may do anything to the
 * terminal it is shown on: set its title, write its clipboard, answer in its user's name. So only
 * those of a list go through (colours, cursor, erasing, the alternate screen, tabs); others are
 * left out, and characters that are hidden or turn the text around are shown as U+FFFD. `raw`
 * sends all as it was.
 *
 * Ownership: the caller's.
 * Threads:   one thread at a time for each.
 */
#pragma once
#include "decoy/record/recording_reader.h"

/* ---- the filter ---- */

struct hin_player_filter {
	uint8_t state;
	uint8_t used;
	uint16_t skipped; /* bytes of a string that is left out */
	uint8_t held[64]; /* of a sequence or character that is not whole yet */
	uint64_t removed; /* sequences and characters left out */
};

/* Append what is harmless of `data` to `out`; { 0 } begins. Pieces may be cut anywhere. */
void hin_player_filter(struct hin_player_filter *filter, struct hin_buffer *out, const void *data,
		       size_t size);

/* Append what puts a terminal back in order after a session. */
void hin_player_restore(struct hin_buffer *out);

/* ---- playing ---- */

struct hin_player_settings {
	double speed;	       /* 2 = twice as fast; 0 = as fast as it goes */
	int64_t idle_limit_us; /* longer pauses last as long as this; 0 = as they were */
	int64_t from_us;       /* since its start: what is before comes at once */
	const char
		*until_text; /* come at once to where these bytes were seen or typed; NULL = no */
	uint32_t channel;    /* 0 = the first with a shell, or what there is */
	bool typed;	     /* show what was typed, in place of what was seen */
	bool events;	     /* show events as lines of their own */
	bool raw;
	bool follow; /* a session that runs: go on as it goes on */
	/* Take bytes for the terminal; false ends the playing. */
	bool (*write)(void *user, const void *data, size_t size);
	/* Wait; false ends the playing. */
	bool (*sleep)(void *user, int64_t us);
	void *user;
};

/*
 * Play a session. HIN_OK at its end, or when a callback said false;
 * HIN_ENOENT when `until_text` is not in it (then it was not played); damage as
 * hin_recording_next().
 */
HIN_MUST_USE enum hin_code hin_player_play(struct hin_recordings *recordings, uint64_t number,
					   const struct hin_player_settings *settings,
					   struct hin_error *err);

/* Append an event as a line for people, strangers' texts escaped, without a line end. */
void hin_player_event(struct hin_buffer *out, const struct hin_event *event);
