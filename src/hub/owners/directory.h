/*
 * directory - who must be told: organisations, their contacts, and what they answer for.
 *
 * A directory in memory is read from a file or from the desk. Files are CSV of ours (columns by
 * name, hinomi-directory(1)), RPSL as RIPE, APNIC and JPNIC write it, RDAP (RFC 9083), and what
 * JPNIC's whois answers. What is
 * wrong in a file is refused line by line, "file:line: ...", and told by `note`; what a file has
 * besides (remarks, maintainers) is passed over.
 *
 * An import compares a directory with the desk's, then writes the differences with one act. Within
 * one source the newest file's word about a range counts: a range that it gives to somebody else
 * moves. Ranges that two organisations hold are told as conflicts, and stay.
 *
 * Ownership: the caller owns a directory and ends it with hin_directory_free(); texts belong to it.
 * Threads:   one thread at a time for each.
 */
#pragma once
#include "base/arena.h"
#include "base/buffer.h"
#include "hub/desk.h"

#define HIN_DIRECTORY_FILE ((size_t)1 << 30) /* bytes of a file */
#define HIN_DIRECTORY_ORGANISATIONS 1000000u
#define HIN_DIRECTORY_CONTACTS 2000000u
#define HIN_DIRECTORY_HOLDINGS 4000000u
#define HIN_DIRECTORY_TEXT 256	  /* bytes of a name or label */
#define HIN_DIRECTORY_ADDRESS 500 /* bytes of a mail address or URL */
#define HIN_DIRECTORY_HANDLE 64
#define HIN_DIRECTORY_LINE 65536  /* bytes of a line */
#define HIN_DIRECTORY_WIDEST_V4 8 /* shorter prefixes are registries, nobody's own */
#define HIN_DIRECTORY_WIDEST_V6 12

enum hin_directory_format {
	HIN_DIRECTORY_CSV,
	HIN_DIRECTORY_RPSL,
	HIN_DIRECTORY_RDAP,
	HIN_DIRECTORY_JPNIC,
	HIN_DIRECTORY_FORMATS,
};

extern const char *const hin_directory_formats[HIN_DIRECTORY_FORMATS + 1]; /* ends with NULL */

enum hin_holding_kind { HIN_HOLDING_PREFIX, HIN_HOLDING_AS, HIN_HOLDING_NAME };

/* Texts are never NULL. `given` has a bit for each of HIN_ORGANISATION_... that the input had. */
struct hin_directory_organisation {
	int64_t id; /* in the desk; 0 = not from there */
	const char *handle, *name, *name_ja, *country, *language, *sector, *tlp, *source;
	bool member;
	uint8_t given;
};

enum {
	HIN_ORGANISATION_NAME = 1,
	HIN_ORGANISATION_NAME_JA = 2,
	HIN_ORGANISATION_COUNTRY = 4,
	HIN_ORGANISATION_LANGUAGE = 8,
	HIN_ORGANISATION_SECTOR = 16,
	HIN_ORGANISATION_TLP = 32,
	HIN_ORGANISATION_MEMBER = 64,
};

struct hin_directory_contact {
	int64_t id;
	uint32_t organisation; /* index */
	const char *role, *channel, *address, *language, *quiet, *digest, *source;
	const char *state; /* of the desk: "ok", "bounced", ... */
};

struct hin_directory_holding {
	int64_t id;
	uint32_t organisation; /* index */
	uint32_t asn;	       /* of HIN_HOLDING_AS */
	enum hin_holding_kind kind;
	struct hin_addr low, high; /* of HIN_HOLDING_PREFIX */
	const char *name;	   /* of HIN_HOLDING_NAME: "city.example", small letters */
	const char *label, *source;
	int64_t from_us, until_us; /* 0: always */
};

struct hin_directory {
	struct hin_directory_organisation *organisations;
	struct hin_directory_contact *contacts;
	struct hin_directory_holding *holdings;
	size_t organisation_count, contact_count, holding_count;
	int64_t version; /* of the desk's directory that was read */
	/* for the functions below only */
	size_t organisation_room, contact_room, holding_room;
	struct hin_arena arena;
	uint32_t *by_handle, *by_contact; /* open hash tables: index + 1 */
	size_t by_handle_size, by_contact_size;
	const char *last_source; /* sources come again and again */
};

HIN_MUST_USE struct hin_directory *hin_directory_new(void); /* NULL without memory */
void hin_directory_free(struct hin_directory *d);	    /* NULL is fine */

/* What reading a file came upon. `refused` lines spoil a strict import. */
struct hin_directory_notes {
	void (*note)(void *user, const char *line); /* told of each refusal; NULL is fine */
	void *user;
	uint64_t refused; /* lines or objects that are wrong */
	uint64_t skipped; /* right and not for us: registries' blocks, no owner; or a lease that is
			     being written at the end of its file */
};

/*
 * Read `size` bytes of a file called `name` into `d`. What is refused is noted, the rest is taken.
 * Fails only for what spoils the whole file: HIN_EFORMAT (not that format at all), HIN_ELIMIT,
 * HIN_ENOMEM. `source` names where it is from, in every object.
 */
HIN_MUST_USE enum hin_code hin_directory_parse(struct hin_directory *d,
					       enum hin_directory_format format, const char *name,
					       const char *source, const void *data, size_t size,
					       struct hin_directory_notes *notes,
					       struct hin_error *err);

/* The format that a file seems to be of, by its first lines; HIN_DIRECTORY_FORMATS: of none. */
enum hin_directory_format hin_directory_detect(const void *data, size_t size);

/* Read the desk's directory into an empty `d`, as one state. */
HIN_MUST_USE enum hin_code hin_directory_read(struct hin_directory *d, struct hin_desk *desk,
					      struct hin_error *err);

#define HIN_HOLDING_TEXT 260 /* longest text of a holding, with its NUL */

/* Write what is held, "192.0.2.0/24", "AS64500" or "city.example", to `out`; returns `out`. */
char *hin_directory_holding_text(char out[HIN_HOLDING_TEXT], const struct hin_directory_holding *h);

/* Append `d` as our CSV: what was imported comes out so that it can be imported again. */
void hin_directory_export(const struct hin_directory *d, struct hin_buffer *out);

/* ---- adding, with every rule of ours ---- */

/*
 * The index of the organisation `handle` (a-z, 0-9, "-", ".", "_"; capitals become small), made if
 * it is new. HIN_EFORMAT for another handle, HIN_ELIMIT, HIN_ENOMEM.
 */
HIN_MUST_USE enum hin_code hin_directory_organisation(struct hin_directory *d, const char *handle,
						      const char *source, uint32_t *index,
						      struct hin_error *err);

/*
 * Set one field (HIN_ORGANISATION_...). HIN_EFORMAT or HIN_ERANGE when it is not what it must be,
 * HIN_EVERIFY when the input said something else before.
 */
HIN_MUST_USE enum hin_code hin_directory_set(struct hin_directory *d, uint32_t organisation,
					     uint8_t field, const char *value,
					     struct hin_error *err);

/* Add a contact; one that is there already is left as it is. */
HIN_MUST_USE enum hin_code hin_directory_add_contact(struct hin_directory *d,
						     const struct hin_directory_contact *contact,
						     struct hin_error *err);

/* Add a holding. */
HIN_MUST_USE enum hin_code hin_directory_add_holding(struct hin_directory *d,
						     const struct hin_directory_holding *holding,
						     struct hin_error *err);

/* Is this one line of visible UTF-8 of at most `most` bytes? Else `err` says what is wrong. */
HIN_MUST_USE enum hin_code hin_directory_check_text(const char *what, const char *text, size_t most,
						    struct hin_error *err);

/* Is this an address that mail can be sent to (RFC 5321, ASCII, unquoted)? */
bool hin_directory_is_mail(const char *address);

/* Is this an http(s) URL without user, spaces and control characters? */
bool hin_directory_is_url(const char *address);

/* ---- the 15 sectors, of data/sectors.csv ---- */

struct hin_sector {
	uint8_t number;
	const char *word, *text[2]; /* by enum hin_lang */
};

/* A sector by its word, or NULL; all of them. */
const struct hin_sector *hin_sector_find(const char *word);
const struct hin_sector *hin_sectors(size_t *count);

/* ---- import ---- */

struct hin_directory_change {
	uint64_t added, changed, removed, moved, same;
};

struct hin_directory_report {
	struct hin_directory_change organisations, contacts, holdings;
	uint64_t conflicts;	       /* ranges, numbers or names that two organisations hold */
	struct hin_buffer lines;       /* the first changes and conflicts, one a line, for people */
	size_t line_count, line_limit; /* set the limit before; the rest is only counted */
};

void hin_directory_report_fini(struct hin_directory_report *report); /* NULL is fine */

struct hin_directory_import {
	const char *source; /* whose word it is; the same source replaces itself */
	bool replace;	    /* what the source said before and does not say now goes */
	bool dry_run;	    /* only say what would change: nothing is written */
	int64_t account;    /* of the act */
	int64_t now_us;
	const char *name;   /* of the file, for the act; no path */
	uint8_t digest[32]; /* SHA-256 of the file, for the act */
	int64_t bit_ns;	    /* of one transaction; 0 = HIN_LOADING_BIT_NS */
};

/*
 * Bring `d` into the desk. HIN_EAGAIN when others kept changing the directory. On failure nothing
 * has changed, unless it takes longer than a moment: then it goes there bit by bit
 * (hub/owners/loading.h), snapshots see it when it is whole, and after a failure `err` says that a
 * part is in; the same again goes on.
 */
HIN_MUST_USE enum hin_code hin_directory_import(struct hin_desk *desk,
						const struct hin_directory *d,
						const struct hin_directory_import *options,
						struct hin_directory_report *report,
						struct hin_error *err);

/* Ranges, numbers and names of `d` that two organisations hold at the same time; into `report`. */
HIN_MUST_USE enum hin_code hin_directory_conflicts(const struct hin_directory *d,
						   struct hin_directory_report *report,
						   struct hin_error *err);

/*
 * In an open transaction: the directory (or with `leases` the leases) changed, so that snapshots
 * (hub/owners/owners.h) are made anew. Whoever writes to these tables calls it.
 */
HIN_MUST_USE enum hin_code hin_directory_touch(struct hin_desk *desk, bool leases,
					       struct hin_error *err);
