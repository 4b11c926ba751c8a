/*
 * decoy - what the files of `hinomi decoy` share: its settings and where things lie.
 *
 * Threads: the program's first.
 */
#pragma once
#include <limits.h>

#include "base/options.h"
#include "decoy/record/recording_reader.h"
#include "decoy/scribe.h"

#define DECOY_FOLDER "/var/lib/hinomi/decoy"

struct decoy_settings {
	char *organisation, *personas, *user, *vault_purpose;
	struct hin_config_list proxies, proxy_from, all;
	int log; /* enum hin_log_level */
	struct hin_decoy_limits limits;
	struct hin_recording_settings recording;
	struct hin_decoy_vault_settings vault;
};

extern const struct hin_config_table decoy_table;

/* What the options of all commands say; each has those it takes. */
struct decoy_arguments {
	const char *dir, *config, *passphrase_file;
	bool check_config, list_settings;
	const char *organisation; /* of show and check */
	/* of sessions */
	const char *source, *host, *service, *since, *until, *word, *channel;
	const char *user, *password, *format, *output, *text, *purpose;
	uint64_t most;
	double speed;
	int64_t idle_ns;
	bool logins, commands, json, typed, events, raw, every;
	/* --set and --persona, in order */
	const char *sets[64];
	size_t set_count;
};

extern struct decoy_arguments decoy_arguments;

/* The folder of --dir, or the usual one. */
const char *decoy_folder(void);

/* Read defaults, file and --set into the zeroed `s`, which ends with hin_config_fini(). */
HIN_MUST_USE enum hin_code decoy_load_settings(struct decoy_settings *s, struct hin_error *err);

/*
 * Load the organisation that the settings name, or the one shipped when they name none. `seed` may
 * be NULL: then it is all zeros, for looking at it only.
 */
HIN_MUST_USE enum hin_code decoy_load_organisation(struct hin_organisation **out,
						   const struct decoy_settings *s,
						   const uint8_t *seed, struct hin_error *err);

/* The folder of data that was installed, or lies beside the build; "data/NAME" of it. */
void decoy_data_path(char out[PATH_MAX], const char *name);

/* One row each in the tables of options: where the decoy's folder is, and one setting. */
#define DECOY_ARG(field) offsetof(struct decoy_arguments, field)
#define DECOY_DIR_OPTION                                                                           \
	{                                                                                          \
		"dir", 'd', "FOLDER", HIN_OPTION_TEXT, DECOY_ARG(dir),                             \
			.help = "the decoy's folder; " DECOY_FOLDER " if not given",               \
			.help_ja = "おとりのフォルダー (既定 " DECOY_FOLDER ")"                    \
	}

enum hin_code decoy_add_set(void *into, const char *value, struct hin_error *err);

/* Open the recordings of the folder; the session that argv[1] names. */
HIN_MUST_USE enum hin_code decoy_open_recordings(struct hin_recordings **out,
						 struct hin_error *err);
HIN_MUST_USE enum hin_code decoy_read_number(uint64_t *out, int argc, char *argv[],
					     struct hin_error *err);

/* The name of a service, or "-". */
const char *decoy_service_name(uint16_t service);

/* Append what the list tells of a session as a JSON object and a newline. */
void decoy_entry_json(struct hin_buffer *out, const struct hin_recording_entry *entry);

static inline const char *decoy_say(enum hin_lang lang, const char *en, const char *ja)
{
	return lang == HIN_JA ? ja : en;
}

/* The end of a command: print `out`, free it, or say what went wrong; the exit status. */
int decoy_finish(struct hin_buffer *out, enum hin_code code, const struct hin_program *program,
		 struct hin_error *err);

/* The commands; each is a program of its own words. */
int decoy_run(int argc, char *argv[]);
int decoy_list(int argc, char *argv[]);
int decoy_follow(int argc, char *argv[]);
int decoy_play(int argc, char *argv[]);
int decoy_export(int argc, char *argv[]);
int decoy_search(int argc, char *argv[]);
int decoy_check(int argc, char *argv[]);
int decoy_erase(int argc, char *argv[]);
int decoy_show(int argc, char *argv[]);
int decoy_block(int argc, char *argv[]);
int decoy_unblock(int argc, char *argv[]);
int decoy_files(int argc, char *argv[]);
