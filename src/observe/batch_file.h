/*
 * batch_file - batches one behind the other in a file or a pipe.
 *
 * Each batch is framed by a magic, its length and a CRC-32, so that a torn end (a crash, a full
 * disk) is told from damage and every whole batch before it is read. The frame proves nothing; the
 * signature within the batch does.
 *
 * Ownership: the caller owns a file and closes it; bytes read belong to the file, until the next
 *            call on it.
 * Threads:   one thread at a time for each.
 */
#pragma once
#include "observe/batch.h"

#define HIN_BATCH_FRAME 12 /* bytes before each batch: "HNB1", length and CRC-32, little-endian */

struct hin_batch_file;

/*
 * Open `path` to append ("-" is standard output). A file that is there is read through: a torn end
 * is cut off and `*cut_bytes` (may be NULL) says how much, 0 for none; damage before the end is
 * HIN_EFORMAT or HIN_EVERIFY and the file stays as it is.
 */
HIN_MUST_USE enum hin_code hin_batch_file_append(struct hin_batch_file **out, const char *path,
						 uint64_t *cut_bytes, struct hin_error *err);

/* Open `path` to read ("-" is standard input). */
HIN_MUST_USE enum hin_code hin_batch_file_open(struct hin_batch_file **out, const char *path,
					       struct hin_error *err);

/* The same over a descriptor, which the file closes; `name` is for messages. */
HIN_MUST_USE enum hin_code hin_batch_file_of_fd(struct hin_batch_file **out, int fd,
						const char *name, struct hin_error *err);

/*
 * Append one batch, whole or not at all: after HIN_ESYS (a full disk) the part written is cut off
 * again. Where that cannot be (a pipe) every later write is HIN_ETRUNCATED.
 */
HIN_MUST_USE enum hin_code hin_batch_file_write(struct hin_batch_file *file, const void *bytes,
						size_t size, struct hin_error *err);

/* Bring what was written to the disk. */
HIN_MUST_USE enum hin_code hin_batch_file_sync(struct hin_batch_file *file, struct hin_error *err);

/*
 * Read the next batch. HIN_EOF at a clean end, HIN_ETRUNCATED when the file ends within a frame,
 * HIN_EFORMAT for bytes that are no frame, HIN_ELIMIT for a length over HIN_BATCH_BYTES,
 * HIN_EVERIFY for a wrong CRC; `err` names file and offset. All but HIN_EVERIFY are final.
 */
HIN_MUST_USE enum hin_code hin_batch_file_read(struct hin_batch_file *file, const uint8_t **bytes,
					       size_t *size, struct hin_error *err);

/* Offset of the next frame. */
uint64_t hin_batch_file_offset(const struct hin_batch_file *file);

/* Close and free `file`. NULL is fine. What was written is synced by hin_batch_file_sync() alone.
 */
void hin_batch_file_close(struct hin_batch_file *file);
