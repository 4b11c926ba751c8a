/* segments_sources - the indices of sources of a store's files; see sources_priv.h */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "store/segments_house_priv.h"

/* Bytes on their way behind the end of a file. */
struct writing {
	struct hin_store *store;
	int fd;
	const char *name;
	uint64_t at;
};

static enum hin_code put(void *user, const void *bytes, size_t size, struct hin_error *err)
{
	struct writing *w = user;
	const char *from = bytes;

	while (size > 0) {
		ssize_t n = pwrite(w->fd, from, size, (off_t)w->at);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return hin_fail(err, HIN_ESYS, "write %s at offset %llu", w->name,
					(unsigned long long)w->at);
		from += n;
		w->at += (uint64_t)n;
		size -= (size_t)n;
	}
	return HIN_OK;
}

static bool stopped(void *user)
{
	struct writing *w = user;

	return hin_beside_stopped(w->store);
}

/* Does the file lack what it should have? */
static enum hin_code is_missing(struct hin_store *s, const struct hin_segment *segment, int fd,
				const char *name, bool *missing, struct hin_error *err)
{
	struct hin_sources index;
	struct hin_error what = { 0 };
	enum hin_code code = hin_sources_open(&index, fd, name, segment, &what);

	*missing = code != HIN_OK;
	if (code == HIN_OK)
		hin_sources_close(&index);
	/* what is damaged is said, and another one takes its place behind it */
	if (hin_is_damage(code))
		hin_store_note(s, &what);
	if (code == HIN_OK || code == HIN_ENOENT || hin_is_damage(code))
		return HIN_OK;
	if (err != NULL)
		*err = what;
	return code;
}

enum hin_code hin_store_add_sources(struct hin_store *s, struct hin_segment *segment,
				    struct hin_error *err)
{
	struct hin_heads heads = { 0 };
	struct writing w = { .store = s, .at = segment->length };
	struct hin_sources_out out = { .put = put, .stopped = stopped, .user = &w };
	char name[4096];
	bool missing = true;
	enum hin_code code;

	if (!segment->sealed || !hin_segment_is_detail(segment->kind) ||
	    segment->blocks < s->sources_least || segment->blocks > HIN_SOURCES_BLOCKS)
		return HIN_OK;
	w.name = name;
	code = hin_store_dirty_file(s, segment, false, &w.fd, name, err);
	if (code == HIN_OK)
		code = is_missing(s, segment, w.fd, name, &missing, err);
	if (code != HIN_OK || !missing)
		return code;
	code = hin_segment_heads(&heads, w.fd, name, segment, hin_store_note_damage, s, err);
	/* one with damage stays as it is */
	if (code == HIN_OK && heads.count == segment->blocks && heads.damaged == 0) {
		code = hin_sources_write(&out, &s->reader, &heads, w.fd, name, segment->length,
					 err);
		if (code == HIN_OK) {
			segment->length = w.at;
			segment->dirty = true;
		} else if (ftruncate(w.fd, (off_t)segment->length) != 0) {
			/* what stands behind the end is nobody's; the next one goes over it */
		}
	}
	hin_heads_fini(&heads);
	return code;
}

enum hin_code hin_house_sources(struct hin_store *s, int64_t day, struct hin_error *err)
{
	enum hin_code code = HIN_OK;

	for (size_t i = 0; i < s->catalog.segment_count && code == HIN_OK; i++) {
		struct hin_segment *x = &s->catalog.segments[i];
		uint64_t length = x->length;

		if (x->day != day)
			continue;
		if (hin_beside_stopped(s))
			return hin_fail(err, HIN_EDENIED, "store %s: stopped", s->path);
		code = hin_store_add_sources(s, x, err);
		if (code == HIN_OK && x->length > length) {
			x->dirty = false;
			code = hin_beside_hand_over_longer(s, x, err);
		}
	}
	return code;
}

enum hin_code hin_store_check_sources(struct hin_store *s, const struct hin_segment *segment,
				      bool *good, struct hin_error *err)
{
	struct hin_heads heads = { 0 };
	struct hin_sources index;
	struct hin_error what = { 0 };
	char name[4096];
	uint64_t end;
	int fd;
	enum hin_code code;

	*good = true;
	/* a file that cannot be opened was noted when its blocks were read */
	if (!segment->sealed ||
	    hin_store_open_segment(s, segment, O_RDONLY, &fd, name, &what) != HIN_OK)
		return HIN_OK;
	code = hin_sources_open(&index, fd, name, segment, &what);
	if (code == HIN_ENOENT) {
		code = hin_segment_index_end(fd, name, segment, &end, &what);
		if (code == HIN_OK && end != segment->length)
			code = hin_fail(&what, HIN_EFORMAT,
					"%s: offset %llu: the end of the file is damaged", name,
					(unsigned long long)end);
	} else if (code == HIN_OK) {
		code = hin_segment_heads(&heads, fd, name, segment, hin_store_note_damage, s,
					 &what);
		if (code == HIN_OK)
			code = hin_sources_check(&index, &heads, &what);
		hin_heads_fini(&heads);
		hin_sources_close(&index);
	}
	close(fd);
	*good = code == HIN_OK;
	if (hin_is_damage(code)) {
		hin_store_note(s, &what);
		return HIN_OK;
	}
	if (code != HIN_OK && err != NULL)
		*err = what;
	return code;
}
