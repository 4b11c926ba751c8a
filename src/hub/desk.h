/*
 * desk - the hub's store of objects: owners, findings, cases, notices, accounts, acts (SQLite).
 *
 * schema/desk.sql says what there is. Who works with one kind of object has a module of its own
 * (hub/case/case.h, hub/owners/directory.h, ...) and uses SQL directly: a statement is prepared
 * once for each handle, bound with hin_desk_bind(), stepped, and reset by the next
 * hin_desk_statement() with the same text. Values are bound, never printed into SQL.
 *
 * Several handles and processes work on one desk at once: readers see the last commit and never
 * wait, writers wait for each other for ten seconds. What is committed is durable (WAL, synced).
 *
 * Whatever a person or the program does that matters later is an act: hin_desk_act() writes it in
 * the transaction that does it, and the hub's pump brings it to the ledger (hub/pump.h).
 *
 * Ownership: the caller owns a desk and ends it with hin_desk_close(); statements belong to it.
 * Threads:   one thread at a time for each handle; a thread opens its own.
 */
#pragma once
#include <sqlite3.h>

#include "base/addr.h"
#include "base/error.h"

#define HIN_DESK_VERSION 1	/* of schema/desk.sql */
#define HIN_DESK_STATEMENTS 256 /* most that one handle keeps prepared */
#define HIN_DESK_OBJECT 65536	/* most bytes of an act's object */
#define HIN_DESK_WAIT_MS 10000	/* for another writer */

struct hin_desk;

enum hin_desk_access {
	HIN_DESK_READ,
	HIN_DESK_WRITE,
	HIN_DESK_CREATE, /* WRITE, and made or brought to the newest version */
};

/*
 * Open the desk in the file `path`. HIN_ENOENT when there is none, HIN_EUNSUPPORTED when a newer
 * program made it or it needs HIN_DESK_CREATE first, HIN_EFORMAT when it is no desk.
 */
HIN_MUST_USE enum hin_code hin_desk_open(struct hin_desk **out, const char *path,
					 enum hin_desk_access access, struct hin_error *err);

/* Roll back what is open, close and free. NULL is fine. */
void hin_desk_close(struct hin_desk *desk);

/*
 * Copy the desk as it is now into the new file `path`, durably, while others read and write it.
 * HIN_ESYS, HIN_ELIMIT for a full disk, HIN_EAGAIN when a writer took too long.
 */
HIN_MUST_USE enum hin_code hin_desk_copy(struct hin_desk *desk, const char *path,
					 struct hin_error *err);

/*
 * Begin to write: waits for other writers, HIN_EAGAIN when that takes too long. Between begin and
 * commit all or nothing happens. Transactions do not nest.
 */
HIN_MUST_USE enum hin_code hin_desk_begin(struct hin_desk *desk, struct hin_error *err);

/* Make it durable. On failure everything since begin is rolled back. */
HIN_MUST_USE enum hin_code hin_desk_commit(struct hin_desk *desk, struct hin_error *err);

/* Undo what was done since begin; without one nothing happens. */
void hin_desk_rollback(struct hin_desk *desk);

/* Begin to read: what follows sees one state, until hin_desk_rollback() ends it. */
HIN_MUST_USE enum hin_code hin_desk_snapshot(struct hin_desk *desk, struct hin_error *err);

/*
 * A number that is another one whenever somebody else, by another handle, has committed since it
 * was asked for by this one; of the snapshot when there is one. What was read under the same number
 * by a handle that only reads is still so.
 */
HIN_MUST_USE enum hin_code hin_desk_version(struct hin_desk *desk, int64_t *out,
					    struct hin_error *err);

/*
 * The statement of `sql`, a text that stays where it is (a literal), ready to be bound. NULL and
 * `err` when it cannot be prepared.
 */
sqlite3_stmt *hin_desk_statement(struct hin_desk *desk, const char *sql, struct hin_error *err);

/*
 * Bind the values of ?1, ?2, ... in the order of `types`:
 *	i	int64_t
 *	t	const char *, NULL is SQL's NULL
 *	b	const void *, size_t; NULL is SQL's NULL
 *	a	const struct hin_addr *, as 16 bytes; NULL is SQL's NULL
 *	0	nothing: NULL
 * What it points to must stay until the statement is stepped or reset.
 */
HIN_MUST_USE enum hin_code hin_desk_bind(struct hin_desk *desk, sqlite3_stmt *s,
					 struct hin_error *err, const char *types, ...);

/*
 * The next row: HIN_OK and its columns may be read, HIN_EOF after the last one (the statement is
 * reset then), or what went wrong: HIN_EAGAIN for a writer that took too long, HIN_ELIMIT for a
 * full disk, HIN_EVERIFY for a broken rule of the schema.
 */
HIN_MUST_USE enum hin_code hin_desk_step(struct hin_desk *desk, sqlite3_stmt *s,
					 struct hin_error *err);

/* Prepare, bind and step to the end: for statements without rows. */
HIN_MUST_USE enum hin_code hin_desk_run(struct hin_desk *desk, struct hin_error *err,
					const char *sql, const char *types, ...);

/* The first column of the first row as a number into `out`; HIN_ENOENT when there is no row. */
HIN_MUST_USE enum hin_code hin_desk_number(struct hin_desk *desk, int64_t *out,
					   struct hin_error *err, const char *sql,
					   const char *types, ...);

/* The number of the row inserted last, and of rows that the last statement changed. */
int64_t hin_desk_inserted(const struct hin_desk *desk);
int64_t hin_desk_changed(const struct hin_desk *desk);

/* Column `at` as text: never NULL, "" for SQL's NULL. Valid until the next step. */
const char *hin_desk_text(sqlite3_stmt *s, int at);

/* Column `at` as an address; false when it is none. */
bool hin_desk_address(sqlite3_stmt *s, int at, struct hin_addr *out);

/* An act to be written. */
struct hin_desk_act {
	int64_t time_us;
	int64_t account;	  /* 0 = hinomi itself */
	uint16_t kind;		  /* registry/acts */
	const uint8_t *authority; /* 32 bytes, or NULL */
	const char *object;	  /* JSON: what it is about, at most HIN_DESK_OBJECT bytes */
};

/*
 * Write an act in the open transaction: its object with fresh salt, and the digest that the ledger
 * will hold. `id` may be NULL; else it gets the act's number in the desk.
 */
HIN_MUST_USE enum hin_code hin_desk_act(struct hin_desk *desk, const struct hin_desk_act *act,
					int64_t *id, struct hin_error *err);

/* The digest of an act: SHA-256 of the 16 bytes of salt, then the object's text. Pure. */
void hin_desk_act_digest(uint8_t out[32], const uint8_t salt[16], const char *object);
