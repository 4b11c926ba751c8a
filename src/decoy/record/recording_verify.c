/* recording_verify - chains, seals and signatures checked; see recording_reader.h */
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/number.h"
#include "decoy/record/recording_reader_priv.h"

struct checked { /* one session of a segment, by its chunks */
	uint32_t slot;
	uint8_t chain[32];
	uint64_t chunks; /* seen */
	uint64_t next;	 /* the sequence number that must come */
	uint64_t most;	 /* the highest one */
	bool out_of_order;
	bool wrong_key;
	bool sealed;
};

struct signature { /* one group */
	uint64_t number, segment, before_segment;
	uint8_t before[32], digest[32];
	bool foreign;
};

struct verify {
	struct hin_recordings *recordings;
	const uint8_t *public_key;
	bool every;
	hin_recording_finding_fn fn;
	void *into;
	struct hin_recording_check *out;
	struct signature *signatures;
	size_t count, room;
	/* of the segment that is looked at */
	struct recording_segment *segment;
	struct checked *sessions;
	size_t session_count, session_room;
	struct recording_slots slots;
	uint64_t texts;
	uint8_t text_chain[32];
	uint8_t (*text_chains)[32]; /* after each string */
	size_t text_room;
	bool damaged;
};

__attribute__((format(printf, 4, 5))) static void tell(struct verify *v, uint32_t slot,
						       enum hin_recording_verdict verdict,
						       const char *fmt, ...)
{
	struct hin_recording_finding finding = { .verdict = verdict };
	va_list args;

	finding.number = recording_number(v->segment != NULL ? v->segment->number : 0, slot);
	va_start(args, fmt);
	vsnprintf(finding.text, sizeof(finding.text), fmt, args);
	va_end(args);
	if (slot == 0)
		v->damaged = true;
	if (v->fn != NULL)
		v->fn(v->into, &finding);
}

/* ---- chunks ---- */

static struct checked *session_of(struct verify *v, uint32_t slot)
{
	uint32_t *place = recording_slots_at(&v->slots, slot);

	if (place == NULL)
		return NULL;
	if (*place == 0) {
		if (v->session_count == v->session_room) {
			size_t room = v->session_room > 0 ? v->session_room * 2 : 256;
			struct checked *more = reallocarray(v->sessions, room, sizeof(*more));

			if (more == NULL)
				return NULL;
			v->sessions = more;
			v->session_room = room;
		}
		v->sessions[v->session_count] = (struct checked){ .slot = slot };
		*place = (uint32_t)++v->session_count;
	}
	return &v->sessions[*place - 1];
}

/* Does the key of a session open its first chunk? */
static bool key_fits(struct recording_segment *s, const struct recording_record *record)
{
	struct recording_secret secret;
	uint8_t check[RECORDING_CHECK];
	bool fits;

	if (!s->has_master || recording_segment_secret(s, record->slot, &secret, NULL) != HIN_OK)
		return true; /* nobody can tell */
	if (record->size < sizeof(check))
		return false;
	recording_cipher(check, record->body, sizeof(check), &secret, 0);
	fits = memcmp(check, secret.check, sizeof(check)) == 0;
	explicit_bzero(&secret, sizeof(secret));
	return fits;
}

static bool check_chunk(struct verify *v, const struct recording_record *record)
{
	struct checked *session = session_of(v, record->slot);

	if (session == NULL)
		return false;
	if (session->chunks == 0)
		recording_chain_begin(session->chain, v->segment->head_bytes, record->slot);
	if (record->seq != session->next)
		session->out_of_order = true;
	if (record->seq == 0 && !key_fits(v->segment, record))
		session->wrong_key = true;
	recording_chain_add(session->chain, record->start, record->whole);
	session->chunks++;
	session->next = record->seq + 1;
	if (record->seq > session->most)
		session->most = record->seq;
	return true;
}

static bool check_text(struct verify *v, const struct recording_record *record)
{
	if (v->texts >= RECORDING_STRINGS)
		return true;
	if (v->texts == v->text_room) {
		size_t room = v->text_room > 0 ? v->text_room * 2 : 64;
		uint8_t(*more)[32] = reallocarray(v->text_chains, room, 32);

		if (more == NULL)
			return false;
		v->text_chains = more;
		v->text_room = room;
	}
	recording_chain_add(v->text_chain, record->start, record->whole);
	memcpy(v->text_chains[v->texts++], v->text_chain, 32);
	return true;
}

static enum hin_code check_frames(struct verify *v, struct hin_error *err)
{
	struct recording_segment *s = v->segment;
	struct hin_buffer frame = { 0 };
	uint64_t at = RECORDING_HEAD;
	enum hin_code code;
	bool holds;

	v->texts = 0;
	recording_chain_begin(v->text_chain, s->head_bytes, 0);
	for (;;) {
		uint64_t begin = at;
		struct recording_record record;
		struct hin_reader in;
		enum hin_code got;
		bool room = true;

		code = recording_segment_frame(s, &frame, &at, &holds, err);
		if (code != HIN_OK)
			break;
		if (!holds)
			tell(v, 0, HIN_RECORDING_CHANGED, "bytes of the frame at %llu were changed",
			     (unsigned long long)begin);
		in = hin_reader_of(frame.data, frame.used);
		while ((got = recording_record_get(&in, &record)) == HIN_OK && room) {
			if (record.type == RECORDING_CHUNK)
				room = check_chunk(v, &record);
			else if (record.type == RECORDING_TEXT)
				room = check_text(v, &record);
		}
		if (!room) {
			code = hin_fail(err, HIN_ENOMEM, "check of %s", s->path);
			break;
		}
		if (got != HIN_EOF)
			tell(v, 0, HIN_RECORDING_CHANGED,
			     "the frame at %llu cannot be read to its end",
			     (unsigned long long)begin);
	}
	v->out->bytes += at;
	if (code == HIN_EOF && s->closed && at < s->rec_size)
		tell(v, 0, HIN_RECORDING_TRUNCATED, "from byte %llu of %llu on nothing can be read",
		     (unsigned long long)at, (unsigned long long)s->rec_size);
	else if (code == HIN_EOF && s->closed && at > s->rec_size)
		tell(v, 0, HIN_RECORDING_CHANGED, "%llu bytes were put behind its end",
		     (unsigned long long)(at - s->rec_size));
	hin_buffer_fini(&frame);
	return code == HIN_EOF ? HIN_OK : code;
}

/* ---- seals ---- */

static void count_verdict(struct verify *v, uint32_t slot, enum hin_recording_verdict verdict,
			  const char *text)
{
	v->out->sessions++;
	if (verdict == HIN_RECORDING_WHOLE)
		v->out->whole++;
	else if (verdict == HIN_RECORDING_UNSEALED && !v->segment->closed)
		v->out->unsealed++;
	else
		v->out->bad++;
	if (verdict != HIN_RECORDING_WHOLE || v->every)
		tell(v, slot, verdict, "%s", text);
}

static void check_seal(struct verify *v, struct hin_reader one, bool is_signed)
{
	static const struct checked nothing;
	const struct checked *have = &nothing;
	struct recording_seal seal;
	uint64_t chunks;
	uint32_t place;

	if (recording_seal_get(&seal, one.pos, one.left, &v->segment->head) != HIN_OK) {
		tell(v, 0, HIN_RECORDING_UNSIGNED, "it holds a seal that cannot be read");
		return;
	}
	place = recording_slots_find(&v->slots, seal.slot);
	if (place > 0) {
		v->sessions[place - 1].sealed = true;
		have = &v->sessions[place - 1];
	}
	chunks = seal.entry.chunks;
	if (!is_signed)
		count_verdict(v, seal.slot, HIN_RECORDING_UNSIGNED,
			      "its seal is not what the sensor signed");
	else if (have->chunks > chunks)
		count_verdict(v, seal.slot, HIN_RECORDING_CHANGED,
			      "it has chunks that were not sealed");
	else if (have->chunks < chunks && (have->chunks == 0 || have->most + 1 < chunks))
		count_verdict(v, seal.slot, HIN_RECORDING_TRUNCATED,
			      have->chunks == 0 ? "all of it is missing" : "its end is missing");
	else if (have->chunks < chunks)
		count_verdict(v, seal.slot, HIN_RECORDING_DROPPED,
			      "chunks in the middle are missing");
	else if (have->out_of_order)
		count_verdict(v, seal.slot, HIN_RECORDING_REORDERED,
			      "its chunks are not in their order");
	else if (memcmp(have->chain, seal.entry.digest, 32) != 0)
		count_verdict(v, seal.slot, HIN_RECORDING_CHANGED,
			      "its bytes are not those that were sealed");
	else if (have->wrong_key)
		count_verdict(v, seal.slot, HIN_RECORDING_CHANGED,
			      "its key in the .hkey is not the one it was written with");
	else
		count_verdict(v, seal.slot, HIN_RECORDING_WHOLE, "whole");
}

static bool note_signature(struct verify *v, const struct recording_group *group,
			   const uint8_t before[32], const uint8_t digest[32])
{
	struct signature *one;

	if (v->count == v->room) {
		size_t room = v->room > 0 ? v->room * 2 : 256;

		one = reallocarray(v->signatures, room, sizeof(*one));
		if (one == NULL)
			return false;
		v->signatures = one;
		v->room = room;
	}
	one = &v->signatures[v->count++];
	*one = (struct signature){ .number = group->number,
				   .segment = v->segment->number,
				   .before_segment = group->flags & RECORDING_GROUP_FOREIGN
							     ? group->before_segment
							     : v->segment->number,
				   .foreign = (group->flags & RECORDING_GROUP_FOREIGN) != 0 };
	memcpy(one->before, before, 32);
	memcpy(one->digest, digest, 32);
	return true;
}

/* Are the strings those that were there when this group was signed? */
static void check_texts(struct verify *v, const struct recording_group *group, uint64_t *texts)
{
	if (!(group->flags & RECORDING_GROUP_TEXTS))
		return;
	*texts += group->texts_count;
	if (*texts == 0 || *texts > v->texts ||
	    memcmp(v->text_chains[*texts - 1], group->texts_chain, 32) != 0)
		tell(v, 0, HIN_RECORDING_CHANGED,
		     "byte strings that sessions share were changed before number %llu",
		     (unsigned long long)*texts);
}

static enum hin_code check_groups(struct verify *v, struct hin_error *err)
{
	struct recording_segment *s = v->segment;
	const uint8_t *bytes = (const uint8_t *)hin_buffer_text(&s->seal_bytes);
	const uint8_t *key = v->public_key != NULL ? v->public_key : s->head.public_key;
	uint8_t digest[32] = { 0 }, before[32];
	uint64_t at = RECORDING_HEAD, texts = 0;
	struct recording_group group;
	struct hin_reader one;

	if (v->public_key != NULL && memcmp(v->public_key, s->head.public_key, 32) != 0)
		tell(v, 0, HIN_RECORDING_UNSIGNED, "it names another key than the sensor's");
	while (at < s->seal_used) {
		size_t size = recording_frame_size(bytes + at, s->seal_used - at);
		bool is_signed;

		if (recording_group_get(&group, bytes + at + RECORDING_FRAME_HEAD, size,
					&s->head) != HIN_OK)
			break;
		memcpy(before, group.flags & RECORDING_GROUP_FOREIGN ? group.before_digest : digest,
		       32);
		is_signed = recording_group_digest(digest, before, s->head_bytes, group.start,
						   group.meta, group.seals,
						   group.seals_count) == HIN_OK &&
			    recording_group_signed(group.signature, digest, key);
		v->out->seals++;
		if (!is_signed)
			tell(v, 0, HIN_RECORDING_UNSIGNED,
			     "signature %llu is not the sensor's, or what it signs was changed",
			     (unsigned long long)group.number);
		check_texts(v, &group, &texts);
		if (!note_signature(v, &group, before, digest))
			return hin_fail(err, HIN_ENOMEM, "check of %s", s->path);
		while (recording_group_next(&group.seals, &one))
			check_seal(v, one, is_signed);
		at += RECORDING_FRAME_HEAD + size;
	}
	if (s->seal_damaged || s->seal_used < s->seal_bytes.used)
		tell(v, 0, HIN_RECORDING_UNSIGNED, "its seals cannot be read from byte %llu on",
		     (unsigned long long)s->seal_used);
	return HIN_OK;
}

static void check_rest(struct verify *v)
{
	for (size_t k = 0; k < v->session_count; k++) {
		const struct checked *have = &v->sessions[k];

		if (have->sealed)
			continue;
		if (have->out_of_order)
			count_verdict(v, have->slot, HIN_RECORDING_REORDERED,
				      "it has no seal, and chunks are missing or out of order");
		else
			count_verdict(v, have->slot, HIN_RECORDING_UNSEALED,
				      v->segment->closed ? "its seal is missing"
							 : "it has no seal yet");
	}
}

#define TRIES 4 /* to open a segment that may just be made */

/* A recorder is just making its files: there is a head at the most, and no seal's file yet. */
static bool has_not_begun(const char *path)
{
	const struct {
		int file;
		off_t most;
	} parts[] = { { RECORDING_REC, RECORDING_HEAD }, { RECORDING_SEALS, 0 } };

	for (size_t i = 0; i < HIN_COUNT(parts); i++) {
		char name[PATH_MAX];
		struct stat st;

		if (snprintf(name, sizeof(name), "%s%s", path, recording_endings[parts[i].file]) >=
			    (int)sizeof(name) ||
		    (stat(name, &st) == 0 && st.st_size > parts[i].most))
			return false;
	}
	return true;
}

/* Seals that are not all there. */
static bool is_torn(const struct recording_segment *s)
{
	return s != NULL && (s->seal_damaged || s->seal_used < s->seal_bytes.used);
}

static enum hin_code check_segment(struct verify *v, const char *path, struct hin_error *err)
{
	const struct timespec pause = { .tv_nsec = 1000000 };
	enum hin_code code = HIN_EFORMAT;

	/* its head or its last seals may just be written: what is damaged stays so */
	for (int tries = 0; tries < TRIES && (code == HIN_EFORMAT || is_torn(v->segment));
	     tries++) {
		if (tries > 0)
			nanosleep(&pause, NULL);
		recording_segment_close(v->segment);
		v->segment = NULL;
		code = recording_segment_open(&v->segment, path, recordings_master(v->recordings),
					      err);
	}
	v->damaged = false;
	if (code == HIN_ENOENT || /* it went by age meanwhile */
	    (code == HIN_EFORMAT && has_not_begun(path)))
		return HIN_OK;
	v->out->segments++;
	if (code == HIN_EFORMAT) {
		v->out->damaged_segments++;
		tell(v, 0, HIN_RECORDING_CHANGED, "%.150s",
		     err != NULL ? err->text : "a file is no recording");
		return HIN_OK;
	}
	if (code == HIN_OK)
		code = check_frames(v, err);
	/* what was sealed since is seen, with chunks that were not: so seals are as of the open */
	if (code == HIN_OK)
		code = check_groups(v, err);
	if (code == HIN_OK)
		check_rest(v);
	v->out->damaged_segments += v->damaged;
	recording_segment_close(v->segment);
	v->segment = NULL;
	free(v->slots.table);
	v->slots = (struct recording_slots){ 0 };
	v->session_count = 0;
	return code;
}

/* ---- the chain of signatures, over all segments ---- */

static int by_number(const void *a, const void *b)
{
	const struct signature *x = a, *y = b;

	return x->number < y->number ? -1 : x->number > y->number;
}

static void check_chain(struct verify *v)
{
	uint64_t oldest = v->recordings->names.count > 0 ? v->recordings->names.items[0].number : 0;

	if (v->count > 1)
		qsort(v->signatures, v->count, sizeof(*v->signatures), by_number);
	for (size_t k = 1; k < v->count; k++) {
		const struct signature *a = &v->signatures[k - 1], *b = &v->signatures[k];

		v->damaged = false;
		if (b->number == a->number)
			tell(v, 0, HIN_RECORDING_CHANGED, "signature %llu is there twice",
			     (unsigned long long)b->number);
		else if (b->number == a->number + 1 && memcmp(b->before, a->digest, 32) != 0)
			tell(v, 0, HIN_RECORDING_CHANGED,
			     "signature %llu does not follow the one before",
			     (unsigned long long)b->number);
		else if (b->number > a->number + 1 && b->before_segment >= oldest)
			tell(v, 0, HIN_RECORDING_DROPPED, "signatures %llu to %llu are missing",
			     (unsigned long long)a->number + 1, (unsigned long long)b->number - 1);
		v->out->damaged_segments += v->damaged;
	}
	if (v->count > 0) {
		v->out->head = v->signatures[v->count - 1].number;
		memcpy(v->out->head_digest, v->signatures[v->count - 1].digest, 32);
	}
}

enum hin_code hin_recordings_verify(struct hin_recordings *r, uint64_t number,
				    const uint8_t public_key[HIN_KEY_PUBLIC], bool every,
				    hin_recording_finding_fn fn, void *into,
				    struct hin_recording_check *out, struct hin_error *err)
{
	struct verify v = { .recordings = r,
			    .public_key = public_key,
			    .every = every,
			    .fn = fn,
			    .into = into,
			    .out = out };
	uint64_t before = 0, one = number >> 24;
	enum hin_code code = HIN_OK;

	*out = (struct hin_recording_check){ 0 };
	for (size_t k = 0; code == HIN_OK && k < r->names.count; k++) {
		uint64_t here = r->names.items[k].number;

		if (one != 0 && here != one)
			continue;
		if (one == 0 && before != 0 && here != before + 1) {
			tell(&v, 0, HIN_RECORDING_DROPPED, "segments %llu to %llu are missing",
			     (unsigned long long)before + 1, (unsigned long long)here - 1);
			out->damaged_segments++;
		}
		before = here;
		code = check_segment(&v, r->names.items[k].path, err);
	}
	if (code == HIN_OK && one == 0)
		check_chain(&v);
	free(v.sessions);
	free(v.text_chains);
	free(v.signatures);
	recording_segment_close(v.segment);
	return code;
}
