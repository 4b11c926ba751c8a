/* directory - what the files of hinomi-directory share. */
#pragma once
#include "base/options.h"
#include "hub/owners/directory.h"
#include "text/table.h"
#include "text/words.h"

#define DIRECTORY_FOLDER "/var/lib/hinomi"

struct directory_arguments {
	const char *dir, *source, *account, *at, *before, *site;
	bool json, csv, quiet, replace, dry_run, skip_refused, keyed;
	uint64_t port, limit;
	bool has_port;
	int64_t lease_ns, zone_ns;
	const char *as_table; /* IP to AS */
	const char *format_name;
};

struct directory_session {
	struct directory_arguments arguments;
	enum hin_lang lang;
	struct hin_desk *desk;
	int64_t now_us;
	uint64_t notes;
};

/* A file that was read before rights were given up. */
struct directory_file {
	const char *name; /* without its folder */
	struct hin_buffer data;
	uint8_t digest[32];
};

/* Open the desk; as root, become who owns the folder. */
HIN_MUST_USE enum hin_code directory_open(struct directory_session *s, bool write,
					  struct hin_error *err);

/* The number of --account, or 0. */
HIN_MUST_USE enum hin_code directory_account(struct directory_session *s, int64_t *out,
					     struct hin_error *err);

/* Write what was said to standard output. */
HIN_MUST_USE enum hin_code directory_flush(struct hin_buffer *out, struct hin_error *err);

/* A time of the command line. */
HIN_MUST_USE enum hin_code directory_time(const struct directory_session *s, const char *option,
					  const char *text, int64_t *out_us, struct hin_error *err);

/* Tell of a refused line, the first ones only. */
void directory_note(void *user, const char *line);

/* Print a table, in the width of the terminal. */
HIN_MUST_USE enum hin_code directory_print(struct hin_table *table, struct hin_buffer *out,
					   struct hin_error *err);

/* The commands. */
enum hin_code directory_list(struct directory_session *s, int argc, char *argv[],
			     struct hin_error *err);
enum hin_code directory_show(struct directory_session *s, int argc, char *argv[],
			     struct hin_error *err);
enum hin_code directory_check(struct directory_session *s, int argc, char *argv[],
			      struct hin_error *err);
enum hin_code directory_export(struct directory_session *s, int argc, char *argv[],
			       struct hin_error *err);
enum hin_code directory_lease(struct directory_session *s, struct directory_file *file, int argc,
			      char *argv[], struct hin_error *err);
