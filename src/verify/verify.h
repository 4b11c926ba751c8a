/*
 * verify - checking a log without trusting who wrote it.
 *
 * These files share no code with the ledger that writes logs, nor with anything else of hinomi, so
 * that a mistake there is not repeated here; they need a C library and OpenSSL's libcrypto, and
 * are short enough to be read in an afternoon. Formats: C2SP signed-note, tlog-checkpoint,
 * tlog-cosignature, tlog-tiles and tlog-proof; hashes as of RFC 9162, section 2.1.
 *
 * Functions return false after they have said on standard error what is wrong.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KEYS 64		/* most witnesses */
#define NAME 256	/* longest name, with its NUL */
#define PATH_HASHES 64	/* most hashes of a proof */
#define TILE 256	/* hashes of a whole tile */
#define ACT 84		/* bytes of an act */
#define SALT 16		/* bytes of a salt */
#define NOTICE_MADE 300 /* kinds of acts whose text is given away (schema/registry/acts) */
#define SILENCE_ANSWERED 412
#define FILE_MOST (17 << 20) /* bytes of a file that is read; a bundle has 16,777,728 at most */

struct hash {
	uint8_t b[32];
};

/* ---- verify.c ---- */

/* Say what is wrong, as "hinomi-verify: ...", with unprintable bytes as '?'; returns false. */
bool wrong(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ---- text.c: files, base64, lines ---- */

struct bytes {
	uint8_t *data; /* from malloc(), with a NUL behind */
	size_t size;
};

/* Read a whole file. With `quiet` one that does not exist is not said, and a pipe is no file. */
bool read_file(struct bytes *out, const char *path, bool quiet);

/* Take off what programs add on the way, a byte order mark and CR before LF; true if any was. */
bool undo_mail(struct bytes *text);

/* Decode `size` characters of strict base64; the count of bytes, or -1. */
long unbase64(uint8_t *out, size_t room, const char *text, size_t size);

/* The next line from `*at` on, without its newline, and `*at` behind it; NULL when none is left. */
const char *line_of(const char **at, const char *end, size_t *size);

/* Decimal without leading zeros, below 2^62. */
bool read_number(uint64_t *out, const char *text, size_t size);

/* ---- note.c: keys, signatures, checkpoints ---- */

struct key {
	char name[NAME];
	uint8_t id[4];
	uint8_t type; /* 1: of a log, 4: of a witness */
	uint8_t bytes[32];
};

struct head {
	char origin[NAME];
	uint64_t size;
	struct hash root;
};

struct policy {
	struct key log, witnesses[KEYS];
	unsigned witness_count, quorum;
};

bool read_key(struct key *out, const char *text, uint8_t type);

/* Check a checkpoint by the policy; `where` names it. `cosigned` (or NULL) gets the last time. */
bool check_head(struct head *out, const char *where, const void *data, size_t size,
		const struct policy *policy, uint64_t *cosigned);

/* The same for the file at `path`. */
bool check_head_file(struct head *out, const char *path, const struct policy *policy,
		     uint64_t *cosigned);

/* ---- tree.c: hashes and proofs ---- */

struct path {
	struct hash hashes[PATH_HASHES];
	unsigned count;
};

struct hash leaf_of(const void *entry, size_t size);
struct hash node_of(const struct hash *left, const struct hash *right);
struct hash root_of_tile(const struct hash *hashes, unsigned count); /* of 1-256 leaves */
struct hash root_of_nothing(void);
bool same(const struct hash *a, const struct hash *b);

/* Where a proof leads from a leaf; false when its length is wrong. */
bool climb(struct hash *out, const struct hash *leaf, uint64_t index, uint64_t size,
	   const struct path *path);

/* Does the tree of `size` begin with that of `old` > 0? */
bool grew(uint64_t old, const struct hash *old_root, uint64_t size, const struct hash *root,
	  const struct path *path);

/* ---- proof.c: an act, as C2SP's tlog-proof has it ---- */

struct proof {
	uint64_t index;
	uint8_t extra[ACT + SALT]; /* the act, then the salt of its object */
	bool has_salt;
	struct path path;
	const char *checkpoint; /* in the file that was read */
	size_t checkpoint_size;
};

/* Read a proof, its form only; `name` is the file's. */
bool read_proof(struct proof *out, const char *name, const struct bytes *file);

/*
 * Is the act in the log and, with `text`, about it? A text that only programs on its way changed
 * (undo_mail) is put back as it was.
 */
bool check_proof(const struct proof *p, const char *name, const struct policy *policy,
		 const char *text_name, struct bytes *text, struct head *head, uint64_t *cosigned);

/* ---- log.c: a folder of tiles ---- */

/* Read all entries and tiles and hold them against the checkpoint. */
bool check_log(const char *folder, const struct head *head);

/* Make the proof of growth from tiles, and check it. */
bool check_growth(const char *folder, const struct head *old, const struct head *head);
