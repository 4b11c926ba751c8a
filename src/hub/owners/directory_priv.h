/* directory_priv - what the readers of directory files and of leases share. */
#pragma once
#include "base/escape.h"
#include "hub/owners/directory.h"

#define HIN_DIRECTORY_NONE UINT32_MAX

/* Where a file is being read to. */
struct hin_directory_input {
	struct hin_directory *d;
	const char *name, *source;
	struct hin_directory_notes *notes;
};

/* One format each; see hin_directory_parse(). */
enum hin_code hin_directory_parse_csv(const struct hin_directory_input *in, const char *text,
				      size_t size, struct hin_error *err);
enum hin_code hin_directory_parse_rpsl(const struct hin_directory_input *in, const char *text,
				       size_t size, struct hin_error *err);
enum hin_code hin_directory_parse_rdap(const struct hin_directory_input *in, const char *text,
				       size_t size, struct hin_error *err);
enum hin_code hin_directory_parse_jpnic(const struct hin_directory_input *in, const char *text,
					size_t size, struct hin_error *err);

#define HIN_DIRECTORY_REFUSED 10000u /* after so many it is another kind of file */

/* Note that line `line` is refused. HIN_ELIMIT when too many were. */
enum hin_code hin_directory_refuse(struct hin_directory_notes *notes, const char *name, size_t line,
				   const char *why, struct hin_error *err);

/* A copy of a text that lives as long as `d`; "" for NULL; NULL without memory. */
const char *hin_directory_keep(struct hin_directory *d, const char *text);
const char *hin_directory_keep_source(struct hin_directory *d, const char *source);

/* The index of an organisation or a contact, or HIN_DIRECTORY_NONE. */
uint32_t hin_directory_find(const struct hin_directory *d, const char *handle);
uint32_t hin_directory_find_contact(const struct hin_directory *d, uint32_t organisation,
				    const char *channel, const char *address);

/*
 * A row is taken whole or not at all: what was there before it, and back to that. Contacts are not
 * in it: a row's contact comes last. A mark is made once the row's organisation is there, with how
 * many organisations there were before it.
 */
struct hin_directory_mark {
	uint32_t organisation;
	struct hin_directory_organisation before;
	size_t organisation_count, holding_count;
};

void hin_directory_back(struct hin_directory *d, const struct hin_directory_mark *mark);

/* Wider than any owner's own: a registry's block. */
bool hin_directory_is_too_wide(const struct hin_addr *low, const struct hin_addr *high);

/* The first and last address of a prefix. */
void hin_directory_prefix_ends(const struct hin_prefix *p, struct hin_addr *low,
			       struct hin_addr *high);

/* Are the bits behind its length zero? */
bool hin_prefix_is_whole(const struct hin_prefix *p);

/* Read what a holding is: a prefix, address or range, "AS64500", or a domain name (as given). */
enum hin_code hin_directory_read_holding(struct hin_directory_holding *h, const char *text,
					 struct hin_error *err);

/* Outside text as far as an error line shows it: escaped, cut. */
#define hin_error_text(out, size, text) hin_escape_text(out, size, text)

/* ---- CSV with titles, shared with leases ---- */

#define HIN_CSV_CELLS 64

struct hin_csv {
	const char *at, *end;
	size_t line;	  /* of the row read last: where it begins */
	size_t next_line; /* of the next one */
	struct hin_buffer memory;
	size_t offset[HIN_CSV_CELLS];
	size_t count;
	bool plain; /* a quote is a character like any other */
};

void hin_csv_init(struct hin_csv *csv, const char *text, size_t size);
void hin_csv_fini(struct hin_csv *csv);

/*
 * The next row; empty lines and those that begin with # are passed over. HIN_EOF at the end,
 * HIN_EFORMAT or HIN_ELIMIT for a row that cannot be read (the next one can), HIN_ENOMEM.
 */
enum hin_code hin_csv_next(struct hin_csv *csv, struct hin_error *err);

/* Cell `at` of the row, trimmed; "" when the row has no such cell. */
const char *hin_csv_cell(const struct hin_csv *csv, size_t at);

/* How often directory or leases changed. */
enum hin_code hin_directory_version(struct hin_desk *desk, bool leases, int64_t *out,
				    struct hin_error *err);

/* Append a cell, in quotes when it needs them. */
void hin_csv_put(struct hin_buffer *out, const char *text);

/* ---- lines ---- */

struct hin_lines {
	const char *at, *end;
	size_t number; /* of the line read last */
	char *line;    /* NUL-terminated, without its newline */
	size_t size;   /* of it */
	size_t most;   /* bytes of `line` without the NUL */
};

/* HIN_EOF at the end, HIN_ELIMIT for a line too long or HIN_EFORMAT with a NUL: it is passed. */
enum hin_code hin_lines_next(struct hin_lines *lines);
