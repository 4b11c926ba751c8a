/* recording_summary - sessions without a seal, and folders; see recording_priv.h */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decoy/record/recording_priv.h"

/* ---- sessions without a seal ---- */

/* Read one chunk into seal and chain. */
static enum hin_code add_chunk(struct recording_decoder *decoder,
			       const struct recording_record *record, struct recording_seal *seal)
{
	struct hin_recording_item item;
	enum hin_code code = recording_decoder_chunk(decoder, record);

	if (code != HIN_OK)
		return code;
	if (seal->entry.chunks == 0) {
		seal->entry.about = decoder->about;
		seal->entry.end_us = decoder->about.time_us;
		seal->host = decoder->host;
		seal->persona = decoder->persona;
	}
	while ((code = recording_decoder_next(decoder, &item)) == HIN_OK)
		recording_count(seal, &decoder->secret, &item);
	if (decoder->last_us > seal->entry.end_us)
		seal->entry.end_us = decoder->last_us;
	return code == HIN_EOF ? HIN_OK : code;
}

enum hin_code recording_segment_summary(struct recording_segment *s,
					const struct recording_seen *seen,
					struct recording_seal *out, struct hin_error *err)
{
	struct recording_decoder decoder = { 0 };
	struct hin_buffer bytes = { 0 };
	uint64_t *chunks = NULL;
	struct recording_record record;
	enum hin_code code;

	*out = (struct recording_seal){ .slot = seen->slot, .first = seen->first };
	out->entry.number = recording_number(s->number, seen->slot);
	out->entry.flags = HIN_RECORDING_CUT;
	out->entry.why = HIN_CLOSE_STOP;
	recording_chain_begin(out->entry.digest, s->head_bytes, seen->slot);
	code = recording_segment_chunks(s, seen->slot, seen->last, seen->chunks, &chunks, err);
	if (code == HIN_OK)
		code = recording_segment_decoder(s, seen->slot, &decoder, err);
	for (uint64_t k = 0; code == HIN_OK && k < seen->chunks; k++) {
		code = recording_segment_record(s, &bytes, chunks[k], &record, err);
		if (code != HIN_OK)
			break;
		code = add_chunk(&decoder, &record, out);
		if (code != HIN_OK)
			code = hin_fail(err, code, "chunk %llu of %llu.%u cannot be read",
					(unsigned long long)k, (unsigned long long)s->number,
					seen->slot);
		recording_chain_add(out->entry.digest, record.start, record.whole);
		out->last = chunks[k];
		out->entry.chunks++;
	}
	if (decoder.ended) {
		out->entry.flags &= ~(unsigned)HIN_RECORDING_CUT;
		out->entry.why = decoder.why;
	}
	out->entry.about.host = recording_segment_name(s, out->host);
	out->entry.about.persona = recording_segment_name(s, out->persona);
	recording_decoder_fini(&decoder);
	hin_buffer_fini(&bytes);
	free(chunks);
	return code;
}

/* ---- folders ---- */

static int by_number(const void *a, const void *b)
{
	uint64_t x = ((const struct recording_file_name *)a)->number;
	uint64_t y = ((const struct recording_file_name *)b)->number;

	return x < y ? -1 : x > y;
}

/* The number of "00000012-20261122.hrec"; 0 when it is no such name. */
static uint64_t number_of(const char *name)
{
	uint64_t number = 0;
	size_t k = 0;

	for (; isdigit((unsigned char)name[k]) && k < 13; k++)
		number = number * 10 + (uint64_t)(name[k] - '0');
	if (k < 8 || name[k] != '-' || number >> 40 != 0)
		return 0;
	name += k + 1;
	return strspn(name, "0123456789") == 8 && strcmp(name + 8, ".hrec") == 0 ? number : 0;
}

static enum hin_code add_name(struct recording_folder *out, size_t *room, const char *folder,
			      const char *name, uint64_t number)
{
	char *path;

	if (out->count == *room) {
		size_t more = *room > 0 ? *room * 2 : 16;
		struct recording_file_name *items = reallocarray(out->items, more, sizeof(*items));

		if (items == NULL)
			return HIN_ENOMEM;
		out->items = items;
		*room = more;
	}
	if (asprintf(&path, "%s/%.*s", folder, (int)(strlen(name) - strlen(".hrec")), name) < 0)
		return HIN_ENOMEM;
	out->items[out->count++] = (struct recording_file_name){ number, path };
	return HIN_OK;
}

enum hin_code recording_folder_read(struct recording_folder *out, const char *folder,
				    struct hin_error *err)
{
	enum hin_code code = HIN_OK;
	struct dirent *entry;
	size_t room = 0;
	DIR *dir = opendir(folder);

	*out = (struct recording_folder){ 0 };
	if (dir == NULL)
		return errno == ENOENT ? hin_fail(err, HIN_ENOENT, "%s does not exist", folder)
				       : hin_fail(err, HIN_ESYS, "open folder %s", folder);
	while (code == HIN_OK && (entry = readdir(dir)) != NULL) {
		uint64_t number = number_of(entry->d_name);

		if (number > 0)
			code = add_name(out, &room, folder, entry->d_name, number);
	}
	closedir(dir);
	if (code != HIN_OK) {
		recording_folder_fini(out);
		return hin_fail(err, code, "folder %s", folder);
	}
	if (out->count > 1)
		qsort(out->items, out->count, sizeof(*out->items), by_number);
	return HIN_OK;
}

void recording_folder_fini(struct recording_folder *folder)
{
	for (size_t k = 0; k < folder->count; k++)
		free(folder->items[k].path);
	free(folder->items);
	*folder = (struct recording_folder){ 0 };
}
