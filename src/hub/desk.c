/* desk - SQLite with our rules: durable, bounded statements, one transaction at a time; see desk.h
 */
#include "hub/desk.h"

#include <errno.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>

#include "base/time.h"

#define SALT 16

struct prepared {
	const char *sql; /* the caller's literal */
	sqlite3_stmt *s;
};

struct hin_desk {
	sqlite3 *db;
	struct prepared prepared[HIN_DESK_STATEMENTS];
	bool in_transaction;
	int64_t waits_ns; /* for another writer, since */
};

static const char schema[] =
#include "hub/desk_schema.inc"
	;

/* ---- errors ---- */

static enum hin_code fail(struct hin_desk *desk, int result, const char *doing,
			  struct hin_error *err)
{
	enum hin_code code = HIN_ESYS;

	switch (result & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		code = HIN_EAGAIN;
		break;
	case SQLITE_FULL:
		code = HIN_ELIMIT;
		break;
	case SQLITE_NOMEM:
		code = HIN_ENOMEM;
		break;
	case SQLITE_CONSTRAINT:
		code = HIN_EVERIFY;
		break;
	case SQLITE_ERROR:
	case SQLITE_NOTADB:
	case SQLITE_CORRUPT:
		code = HIN_EFORMAT;
		break;
	case SQLITE_READONLY:
	case SQLITE_PERM:
	case SQLITE_AUTH:
		code = HIN_EDENIED;
		break;
	default:
		break;
	}
	errno = sqlite3_system_errno(desk->db);
	if (code == HIN_ESYS && errno == 0)
		errno = EIO;
	return hin_fail(err, code, "desk: %s: %s", doing, sqlite3_errmsg(desk->db));
}

static enum hin_code execute(struct hin_desk *desk, const char *sql, const char *doing,
			     struct hin_error *err)
{
	int result = sqlite3_exec(desk->db, sql, NULL, NULL, NULL);

	return result == SQLITE_OK ? HIN_OK : fail(desk, result, doing, err);
}

/* ---- opening ---- */

static enum hin_code version_of(struct hin_desk *desk, int64_t *out, struct hin_error *err)
{
	return hin_desk_number(desk, out, err, "PRAGMA user_version", "");
}

/*
 * Somebody else writes. SQLite's own way sleeps longer and longer, up to a tenth of a second, and
 * misses the moments between the transactions of a long import; we look each few milliseconds.
 */
static int wait_for_writer(void *user, int count)
{
	struct hin_desk *desk = user;
	const struct timespec time = { .tv_nsec = count < 5 ? 1000000 : 4000000 };

	if (count == 0)
		desk->waits_ns = hin_time_monotonic_ns();
	if (hin_time_monotonic_ns() - desk->waits_ns > HIN_DESK_WAIT_MS * HIN_NS_PER_MS)
		return 0;
	(void)nanosleep(&time, NULL);
	return 1;
}

/* Make the tables, unless another process was faster. */
static enum hin_code make(struct hin_desk *desk, struct hin_error *err)
{
	char set[64];
	int64_t version;
	enum hin_code code = hin_desk_begin(desk, err);

	if (code == HIN_OK)
		code = version_of(desk, &version, err);
	if (code == HIN_OK && version == 0) {
		code = execute(desk, schema, "make its tables", err);
		snprintf(set, sizeof(set), "PRAGMA user_version = %d", HIN_DESK_VERSION);
		if (code == HIN_OK)
			code = execute(desk, set, "set its version", err);
	}
	if (code == HIN_OK)
		return hin_desk_commit(desk, err);
	hin_desk_rollback(desk);
	return code;
}

static enum hin_code settle(struct hin_desk *desk, const char *path, enum hin_desk_access access,
			    struct hin_error *err)
{
	int64_t version = 0;
	enum hin_code code;

	sqlite3_busy_handler(desk->db, wait_for_writer, desk);
	sqlite3_extended_result_codes(desk->db, 1);
	/* text of strangers must never reach the schema; limits far above what we write */
	sqlite3_db_config(desk->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(desk->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_limit(desk->db, SQLITE_LIMIT_LENGTH, 16 << 20);
	sqlite3_limit(desk->db, SQLITE_LIMIT_ATTACHED, 0);
	code = execute(desk,
		       access == HIN_DESK_READ
			       ? "PRAGMA query_only = 1; PRAGMA foreign_keys = 1"
			       : "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; "
				 "PRAGMA foreign_keys = 1",
		       "set up", err);
	if (code == HIN_OK)
		code = version_of(desk, &version, err);
	if (code != HIN_OK)
		return code;
	if (version > HIN_DESK_VERSION)
		return hin_fail(err, HIN_EUNSUPPORTED,
				"%s is of version %lld, made by a newer hinomi", path,
				(long long)version);
	if (version == 0 && access != HIN_DESK_CREATE)
		return hin_fail(err, HIN_EUNSUPPORTED, "%s has no tables: the hub makes them",
				path);
	return version == 0 ? make(desk, err) : HIN_OK;
}

enum hin_code hin_desk_open(struct hin_desk **out, const char *path, enum hin_desk_access access,
			    struct hin_error *err)
{
	struct hin_desk *desk = calloc(1, sizeof(*desk));
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, result;
	struct stat st;
	mode_t mask;
	enum hin_code code;

	if (desk == NULL)
		return hin_fail(err, HIN_ENOMEM, "desk %s", path);
	if (access == HIN_DESK_CREATE) {
		flags |= SQLITE_OPEN_CREATE;
	} else if (stat(path, &st) == -1) {
		free(desk);
		return hin_fail(err, HIN_ENOENT, "%s: there is no desk yet: the hub makes it",
				path);
	}
	mask = umask(077);
	result = sqlite3_open_v2(path, &desk->db, flags, NULL);
	code = result == SQLITE_OK ? settle(desk, path, access, err)
				   : fail(desk, result, path, err);
	umask(mask);
	if (code == HIN_OK)
		*out = desk;
	else
		hin_desk_close(desk);
	return code;
}

void hin_desk_close(struct hin_desk *desk)
{
	if (desk == NULL)
		return;
	hin_desk_rollback(desk);
	for (size_t i = 0; i < HIN_DESK_STATEMENTS; i++)
		sqlite3_finalize(desk->prepared[i].s);
	sqlite3_close(desk->db);
	free(desk);
}

enum hin_code hin_desk_copy(struct hin_desk *desk, const char *path, struct hin_error *err)
{
	struct hin_desk to = { 0 };
	sqlite3_backup *backup = NULL;
	mode_t mask = umask(077);
	int result = sqlite3_open_v2(path, &to.db,
				     SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
					     SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
				     NULL);
	enum hin_code code = HIN_OK;

	umask(mask);
	if (result == SQLITE_OK) {
		(void)sqlite3_exec(to.db, "PRAGMA synchronous = FULL", NULL, NULL, NULL);
		backup = sqlite3_backup_init(to.db, "main", desk->db, "main");
	}
	if (backup != NULL) {
		result = sqlite3_backup_step(backup, -1);
		(void)sqlite3_backup_finish(backup);
	}
	if (backup == NULL || result != SQLITE_DONE)
		code = fail(&to, result == SQLITE_OK ? SQLITE_ERROR : result, "copy it", err);
	sqlite3_close(to.db);
	return code;
}

/* ---- transactions ---- */

enum hin_code hin_desk_begin(struct hin_desk *desk, struct hin_error *err)
{
	enum hin_code code = execute(desk, "BEGIN IMMEDIATE", "begin", err);

	desk->in_transaction = code == HIN_OK;
	return code;
}

enum hin_code hin_desk_snapshot(struct hin_desk *desk, struct hin_error *err)
{
	enum hin_code code = execute(desk, "BEGIN", "begin", err);

	desk->in_transaction = code == HIN_OK;
	return code;
}

enum hin_code hin_desk_commit(struct hin_desk *desk, struct hin_error *err)
{
	enum hin_code code = execute(desk, "COMMIT", "commit", err);

	if (code != HIN_OK)
		hin_desk_rollback(desk);
	desk->in_transaction = false;
	return code;
}

void hin_desk_rollback(struct hin_desk *desk)
{
	if (desk->in_transaction)
		(void)sqlite3_exec(desk->db, "ROLLBACK", NULL, NULL, NULL);
	desk->in_transaction = false;
}

/* ---- statements ---- */

/* Literals are told apart by where they lie; a line is found from there on. */
static size_t line_of(const char *sql)
{
	uint64_t x = (uint64_t)(uintptr_t)sql * 0x9e3779b97f4a7c15u;

	return (size_t)(x >> 56) % HIN_DESK_STATEMENTS;
}

sqlite3_stmt *hin_desk_statement(struct hin_desk *desk, const char *sql, struct hin_error *err)
{
	size_t first = line_of(sql), at = first;
	struct prepared *p;
	int result;

	while (desk->prepared[at].s != NULL && desk->prepared[at].sql != sql) {
		at = (at + 1) % HIN_DESK_STATEMENTS;
		if (at == first)
			break; /* all are in use: this one makes way */
	}
	p = &desk->prepared[at];
	if (p->s != NULL && p->sql == sql) {
		sqlite3_reset(p->s);
		sqlite3_clear_bindings(p->s);
		return p->s;
	}
	sqlite3_finalize(p->s);
	*p = (struct prepared){ 0 };
	result = sqlite3_prepare_v3(desk->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &p->s, NULL);
	if (result != SQLITE_OK) {
		(void)fail(desk, result, "prepare", err);
		return NULL;
	}
	p->sql = sql;
	return p->s;
}

static int bind_one(sqlite3_stmt *s, int at, char type, va_list *values)
{
	const struct hin_addr *address;
	const void *bytes;
	size_t size;

	switch (type) {
	case 'i':
		return sqlite3_bind_int64(s, at, va_arg(*values, int64_t));
	case 't':
		return sqlite3_bind_text(s, at, va_arg(*values, const char *), -1, SQLITE_STATIC);
	case 'b':
		bytes = va_arg(*values, const void *);
		size = va_arg(*values, size_t);
		return sqlite3_bind_blob64(s, at, bytes, size, SQLITE_STATIC);
	case 'a':
		address = va_arg(*values, const struct hin_addr *);
		return address == NULL ? sqlite3_bind_null(s, at)
				       : sqlite3_bind_blob(s, at, address, 16, SQLITE_STATIC);
	default:
		return sqlite3_bind_null(s, at);
	}
}

static enum hin_code bind_all(struct hin_desk *desk, sqlite3_stmt *s, struct hin_error *err,
			      const char *types, va_list *values)
{
	for (int at = 1; types[at - 1] != '\0'; at++) {
		int result = bind_one(s, at, types[at - 1], values);

		if (result != SQLITE_OK)
			return fail(desk, result, "bind", err);
	}
	return HIN_OK;
}

enum hin_code hin_desk_bind(struct hin_desk *desk, sqlite3_stmt *s, struct hin_error *err,
			    const char *types, ...)
{
	enum hin_code code;
	va_list values;

	va_start(values, types);
	code = bind_all(desk, s, err, types, &values);
	va_end(values);
	return code;
}

enum hin_code hin_desk_step(struct hin_desk *desk, sqlite3_stmt *s, struct hin_error *err)
{
	int result = sqlite3_step(s);
	enum hin_code code;

	if (result == SQLITE_ROW)
		return HIN_OK;
	if (result == SQLITE_DONE) {
		sqlite3_reset(s);
		return HIN_EOF;
	}
	code = fail(desk, result, "step", err);
	sqlite3_reset(s);
	return code;
}

static enum hin_code start(struct hin_desk *desk, sqlite3_stmt **out, struct hin_error *err,
			   const char *sql, const char *types, va_list *values)
{
	*out = hin_desk_statement(desk, sql, err);
	return *out == NULL ? HIN_EFORMAT : bind_all(desk, *out, err, types, values);
}

enum hin_code hin_desk_run(struct hin_desk *desk, struct hin_error *err, const char *sql,
			   const char *types, ...)
{
	sqlite3_stmt *s;
	enum hin_code code;
	va_list values;

	va_start(values, types);
	code = start(desk, &s, err, sql, types, &values);
	va_end(values);
	while (code == HIN_OK)
		code = hin_desk_step(desk, s, err);
	return code == HIN_EOF ? HIN_OK : code;
}

enum hin_code hin_desk_number(struct hin_desk *desk, int64_t *out, struct hin_error *err,
			      const char *sql, const char *types, ...)
{
	sqlite3_stmt *s;
	enum hin_code code;
	va_list values;

	va_start(values, types);
	code = start(desk, &s, err, sql, types, &values);
	va_end(values);
	if (code == HIN_OK)
		code = hin_desk_step(desk, s, err);
	if (code == HIN_OK) {
		*out = sqlite3_column_int64(s, 0);
		sqlite3_reset(s);
	}
	return code == HIN_EOF ? HIN_ENOENT : code;
}

enum hin_code hin_desk_version(struct hin_desk *desk, int64_t *out, struct hin_error *err)
{
	return hin_desk_number(desk, out, err, "PRAGMA data_version", "");
}

int64_t hin_desk_inserted(const struct hin_desk *desk)
{
	return sqlite3_last_insert_rowid(desk->db);
}

int64_t hin_desk_changed(const struct hin_desk *desk)
{
	return sqlite3_changes64(desk->db);
}

const char *hin_desk_text(sqlite3_stmt *s, int at)
{
	const char *text = (const char *)sqlite3_column_text(s, at);

	return text != NULL ? text : "";
}

bool hin_desk_address(sqlite3_stmt *s, int at, struct hin_addr *out)
{
	const void *bytes = sqlite3_column_blob(s, at);

	if (bytes == NULL || sqlite3_column_bytes(s, at) != (int)sizeof(*out))
		return false;
	memcpy(out, bytes, sizeof(*out));
	return true;
}

/* ---- acts ---- */

void hin_desk_act_digest(uint8_t out[32], const uint8_t salt[SALT], const char *object)
{
	crypto_hash_sha256_state sha;

	crypto_hash_sha256_init(&sha);
	crypto_hash_sha256_update(&sha, salt, SALT);
	crypto_hash_sha256_update(&sha, (const unsigned char *)object, strlen(object));
	crypto_hash_sha256_final(&sha, out);
}

enum hin_code hin_desk_act(struct hin_desk *desk, const struct hin_desk_act *act, int64_t *id,
			   struct hin_error *err)
{
	uint8_t salt[SALT], digest[32];
	enum hin_code code;

	if (!desk->in_transaction)
		return hin_fail(err, HIN_EUSAGE, "desk: an act outside of a transaction");
	if (strlen(act->object) > HIN_DESK_OBJECT)
		return hin_fail(err, HIN_ELIMIT, "desk: an act's object is over %d bytes",
				HIN_DESK_OBJECT);
	if (getrandom(salt, sizeof(salt), 0) != (ssize_t)sizeof(salt))
		return hin_fail(err, HIN_ESYS, "getrandom");
	hin_desk_act_digest(digest, salt, act->object);
	code = hin_desk_run(
		desk, err,
		"INSERT INTO act (time_us, account, kind, authority, salt, object, digest) "
		"VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
		"iiibbtb", act->time_us, act->account, (int64_t)act->kind,
		(const void *)act->authority, act->authority != NULL ? (size_t)32 : (size_t)0,
		(const void *)salt, sizeof(salt), act->object, (const void *)digest,
		sizeof(digest));
	if (code == HIN_OK && id != NULL)
		*id = hin_desk_inserted(desk);
	return code;
}
