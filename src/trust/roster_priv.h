/* roster_priv - what the files of the roster share. */
#pragma once
#include "base/buffer.h"
#include "trust/roster.h"
#include "trust/roster_share.h"

#define ROSTER_LINE 512		/* longest line, with its newline */
#define ROSTER_MARK ((size_t)8) /* bytes of the digest that a line shows */

/* Positions of sensors or codes by id: open addressing. Ids are digests or drawn at random. */
struct id_index {
	uint32_t *slots; /* position + 1, 0 = free */
	size_t size;	 /* a power of two, or 0 */
};

struct hin_roster {
	char *path;
	int fd;
	uint64_t offset; /* read so far, whole lines */
	size_t line;	 /* number of the last of them */
	uint8_t chain[32];

	struct hin_roster_sensor *sensors;
	size_t sensor_count, sensor_room;
	struct hin_roster_code *codes;
	size_t code_count, code_room;
	struct id_index by_sensor, by_code;

	/* for others' questions: marks of all lines, and the line that changed each sensor last */
	uint8_t (*marks)[ROSTER_MARK];
	size_t mark_room;
	uint64_t *changed;
	size_t changed_room;
};

/* ---- roster_table ---- */

/* NULL: there is none. */
struct hin_roster_sensor *roster_find_sensor(const struct hin_roster *r, const uint8_t id[16]);
struct hin_roster_code *roster_find_code(const struct hin_roster *r, const uint8_t id[HIN_CODE_ID]);

/* A new one, which is not known yet; without memory or room NULL and false. */
struct hin_roster_sensor *roster_new_sensor(struct hin_roster *r, const uint8_t id[16]);
bool roster_new_code(struct hin_roster *r, const struct hin_roster_code *code);

/* ---- roster_line ---- */

bool roster_read_hex(uint8_t *out, size_t size, const char *text);

/* Do what a line says, without its digest; `text` is cut into words. False for what is no act. */
bool roster_take_act(struct hin_roster *r, char *text);

/* ---- roster_file ---- */

/* Lock, and read what others wrote; what a crash tore is cut off. */
HIN_MUST_USE enum hin_code roster_begin(struct hin_roster *r, struct hin_error *err);

/* Write a line and sync it, and only then do what it says. Ends what roster_begin() began. */
HIN_MUST_USE enum hin_code roster_finish(struct hin_roster *r, const char *text,
					 struct hin_error *err);

/* The same for many lines, each with its newline, and one sync. */
HIN_MUST_USE enum hin_code roster_finish_all(struct hin_roster *r, const char *lines, size_t size,
					     struct hin_error *err);

/* End it without a line; gives `code`. */
enum hin_code roster_give_up(struct hin_roster *r, enum hin_code code);

/* ---- roster_share ---- */

/* "ID KEY NAME SERIAL JOINED RENEWED EXPIRES REVOKED", as it stands in lines and in notes. */
#define ROSTER_ENTRY_WORDS 8
bool roster_read_entry(struct hin_roster_sensor *out, char *const words[ROSTER_ENTRY_WORDS]);
void roster_write_entry(struct hin_buffer *out, const struct hin_roster_sensor *sensor);

/* Bring what another hub knows of a sensor into ours; true when that changed it. */
bool roster_merge_entry(struct hin_roster_sensor *ours, const struct hin_roster_sensor *theirs);
