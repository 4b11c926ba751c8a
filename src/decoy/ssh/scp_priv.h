/* scp_priv - shared by scp.c, scp_sink.c and scp_source.c; see scp.h */
#pragma once
#include "decoy/ssh/scp.h"

#define SCP_WORDS_MAX 64

enum scp_wait {
	SCP_LINE,     /* a control line of the client */
	SCP_DATA,     /* bytes of a file */
	SCP_RESPONSE, /* one byte, with a line of text behind it when it is not 0 */
};

/* A folder that is being sent: names that are left, each with its inode before and a NUL behind. */
struct scp_folder {
	struct hin_buffer entries;
	size_t taken;
};

struct hin_scp {
	struct hin_scp_settings settings;
	struct hin_fs *fs;
	struct hin_fs_user user;
	uint32_t home;
	bool sinks, recursive, times, target_is_folder; /* -t, -r, -p, -d */
	char *words[SCP_WORDS_MAX];			/* what is to be sent, or where to */
	size_t word_count, words_sent;
	struct hin_buffer in;
	size_t taken; /* of `in` */
	bool input_ended, over;
	unsigned errors;
	enum scp_wait wait;

	/* sink: */
	char *targets[HIN_SCP_DEPTH]; /* the folders that we are in, the outermost first */
	size_t depth;
	uint32_t ino; /* the file that is being written; 0: what comes is dropped */
	char *path;
	uint64_t offset, left;
	int write_error;
	int64_t mtime_s; /* of a line T; -1: none */
	bool first;

	/* source: */
	struct scp_folder folders[HIN_SCP_DEPTH];
	size_t folder_count;
	enum { SCP_NEXT, SCP_HEADER, SCP_SEND, SCP_SENT } step;
	struct hin_buffer generated;
	bool is_generated;
};

/* ---- scp.c ---- */

void scp_send(struct hin_scp *s, const void *data, size_t size);
void scp_accept(struct hin_scp *s);					  /* a NUL */
void scp_error(struct hin_scp *s, const char *fmt, ...) HIN_PRINTF(2, 3); /* told and counted */
void scp_end(struct hin_scp *s);
int64_t scp_now_s(const struct hin_scp *s);

/* Take a line without its end to `out`; false when there is none yet. */
bool scp_take_line(struct hin_scp *s, char out[HIN_SCP_LINE]);

/* Take a response: 0 good, 1 an error that was counted, -1 not there yet. */
int scp_take_response(struct hin_scp *s);

/* ---- scp_sink.c, scp_source.c ---- */

void scp_sink_begin(struct hin_scp *s);
bool scp_sink_run(struct hin_scp *s);
bool scp_source_run(struct hin_scp *s);
