/* recording_erase - what one session said, erased; see recording.h */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "decoy/record/recording_priv.h"

/* ---- keys of strings that nobody refers to ---- */

struct sweep {
	struct recording_segment *segment;
	bool *needed;
};

static void note_reference(void *user, uint64_t ordinal)
{
	struct sweep *sweep = user;

	if (ordinal < sweep->segment->texts_count)
		sweep->needed[ordinal] = true;
}

/* All that one session refers to. Its bytes are not put together. */
static enum hin_code note_session(struct sweep *sweep, const struct recording_seal *seal,
				  struct hin_error *err)
{
	struct recording_segment *s = sweep->segment;
	struct recording_decoder decoder = { 0 };
	struct hin_buffer bytes = { 0 };
	struct recording_record record;
	struct hin_recording_item item;
	uint64_t *chunks = NULL;
	enum hin_code code = recording_segment_decoder(s, seal->slot, &decoder, err);

	if (code == HIN_EDENIED) /* erased: it needs nothing */
		return HIN_OK;
	decoder.refer = note_reference;
	decoder.user = sweep;
	if (code == HIN_OK)
		code = recording_segment_chunks(s, seal->slot, seal->last, seal->entry.chunks,
						&chunks, err);
	for (uint64_t k = 0; code == HIN_OK && k < seal->entry.chunks; k++) {
		code = recording_segment_record(s, &bytes, chunks[k], &record, err);
		if (code == HIN_OK)
			code = recording_decoder_chunk(&decoder, &record);
		while (code == HIN_OK)
			code = recording_decoder_next(&decoder, &item);
		if (code == HIN_EOF)
			code = HIN_OK;
	}
	recording_decoder_fini(&decoder);
	hin_buffer_fini(&bytes);
	free(chunks);
	return code;
}

static enum hin_code erase_texts(struct recording_segment *s, const bool *needed,
				 struct hin_error *err)
{
	static const uint8_t nothing[RECORDING_SALT];
	struct hin_buffer bytes = { 0 };
	struct recording_record record;
	enum hin_code code = HIN_OK;
	char path[PATH_MAX];
	int fd;

	if (snprintf(path, sizeof(path), "%s.hkey", s->path) >= (int)sizeof(path))
		return hin_fail(err, HIN_ELIMIT, "path of %zu bytes is too long", strlen(s->path));
	fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd == -1)
		return hin_fail(err, HIN_ESYS, "open %s", path);
	for (size_t k = 0; k < s->texts_count && code == HIN_OK; k++) {
		if (needed[k])
			continue;
		code = recording_segment_record(s, &bytes, s->texts[k].at, &record, err);
		if (code != HIN_OK || record.type != RECORDING_TEXT)
			continue;
		if (pwrite(fd, nothing, sizeof(nothing),
			   RECORDING_HEAD + (off_t)record.slot * RECORDING_SALT) !=
		    (ssize_t)sizeof(nothing))
			code = hin_fail(err, HIN_ESYS, "write %s", path);
	}
	if (code == HIN_OK && fdatasync(fd) != 0)
		code = hin_fail(err, HIN_ESYS, "sync %s", path);
	close(fd);
	hin_buffer_fini(&bytes);
	return code;
}

enum hin_code recording_sweep(struct recording_segment *s, struct hin_error *err)
{
	struct sweep sweep = { .segment = s };
	struct recording_seal seal;
	enum hin_code code = HIN_OK;

	if (s->texts_count == 0)
		return HIN_OK;
	sweep.needed = calloc(s->texts_count, sizeof(*sweep.needed));
	if (sweep.needed == NULL)
		return hin_fail(err, HIN_ENOMEM, "strings of %s", s->path);
	for (size_t k = 0; k < s->seal_count && code == HIN_OK; k++) {
		if (recording_segment_seal(s, k, &seal))
			code = note_session(&sweep, &seal, err);
		/* what of a damaged session can be read no more cannot be needed */
		if (code == HIN_EFORMAT || code == HIN_ETRUNCATED)
			code = HIN_OK;
	}
	if (code == HIN_OK)
		code = erase_texts(s, sweep.needed, err);
	free(sweep.needed);
	return code;
}

/* ---- the key of a session ---- */

static enum hin_code erase_key(const struct recording_segment *s, uint32_t slot,
			       struct hin_error *err)
{
	static const uint8_t nothing[RECORDING_SALT];
	enum hin_code code = HIN_OK;
	char path[PATH_MAX];
	int fd;

	if (snprintf(path, sizeof(path), "%s.hkey", s->path) >= (int)sizeof(path))
		return hin_fail(err, HIN_ELIMIT, "path of %zu bytes is too long", strlen(s->path));
	fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd == -1)
		return hin_fail(err, HIN_ESYS, "open %s", path);
	if (pwrite(fd, nothing, sizeof(nothing), RECORDING_HEAD + (off_t)slot * RECORDING_SALT) !=
		    (ssize_t)sizeof(nothing) ||
	    fdatasync(fd) != 0)
		code = hin_fail(err, HIN_ESYS, "write %s", path);
	close(fd);
	return code;
}

enum hin_code hin_recording_erase(const char *folder, uint64_t number, struct hin_error *err)
{
	uint32_t slot = (uint32_t)(number & (RECORDING_SLOTS - 1));
	char text[HIN_RECORDING_NUMBER_TEXT];
	struct recording_folder names = { 0 };
	struct recording_segment *s = NULL;
	uint8_t master[RECORDING_KEY];
	struct recording_seal seal;
	enum hin_code code = recording_key_open(master, folder, false, err);

	hin_recording_number_format(text, number);
	if (code == HIN_OK)
		code = recording_folder_read(&names, folder, err);
	if (code != HIN_OK)
		return code;
	code = hin_fail(err, HIN_ENOENT, "there is no session %s in %s", text, folder);
	for (size_t k = 0; k < names.count; k++) {
		if (names.items[k].number == number >> 24)
			code = recording_segment_open(&s, names.items[k].path, master, err);
	}
	if (code == HIN_OK)
		code = recording_segment_refresh(s, true, err);
	if (code == HIN_OK && !recording_segment_find(s, slot, &seal))
		code = recording_segment_seen(s, slot) != NULL
			       ? hin_fail(err, HIN_EAGAIN,
					  "session %s has no seal yet: again when it is over", text)
			       : hin_fail(err, HIN_ENOENT, "there is no session %s in %s", text,
					  folder);
	if (code == HIN_OK)
		code = erase_key(s, slot, err);
	/* strings of a segment that still grows are swept by the recorder that closes it */
	if (code == HIN_OK && s->closed)
		code = recording_sweep(s, err);
	recording_segment_close(s);
	recording_folder_fini(&names);
	explicit_bzero(master, sizeof(master));
	return code;
}
