/* recordings: whoever changes, drops, re-orders or cuts is found out; erasing is not changing */
#include "recording_kit.h"

#include "base/bytes.h"
#include "decoy/record/recording_priv.h"

struct found {
	unsigned count;
	unsigned by_verdict[HIN_RECORDING_UNSIGNED + 1]; /* of sessions */
	unsigned segments;
};

static void note(void *into, const struct hin_recording_finding *finding)
{
	struct found *found = into;

	found->count++;
	if ((finding->number & 0xffffff) == 0)
		found->segments++;
	else
		found->by_verdict[finding->verdict]++;
}

/* Three sessions of several chunks each, in one segment that is closed. */
static void three_sessions(struct kit *kit, uint64_t numbers[3])
{
	kit_begin(kit);
	for (unsigned k = 0; k < 3; k++)
		numbers[k] = kit_session(kit, k, NOON + k);
	for (unsigned round = 0; round < 4; round++) {
		for (unsigned k = 0; k < 3; k++) {
			char text[80];

			snprintf(text, sizeof(text), "a prompt that all of them have said %u-%u", k,
				 round);
			kit_say(kit, numbers[k], NOON + 10 + round, HIN_TO_CLIENT, text);
		}
		(void)hin_recorder_run(kit->recorder, NOON + round * 600000);
	}
	for (unsigned k = 0; k < 3; k++)
		kit_over(kit, numbers[k], NOON + 3000000);
	kit_close(kit, NOON + 4000000);
}

/* Not one byte of the .hrec and the .hseal may be changed unseen. */
static void any_byte(void **state)
{
	static const char *const endings[] = { ".hrec", ".hseal" };
	struct hin_buffer file = { 0 };
	uint64_t numbers[3];
	struct kit kit;

	(void)state;
	three_sessions(&kit, numbers);
	for (unsigned k = 0; k < HIN_COUNT(endings); k++) {
		char path[PATH_MAX];

		kit_file(&kit, endings[k], 0, path);
		kit_load(path, &file);
		for (size_t at = 0; at < file.used; at++) {
			struct hin_recording_check check;
			struct found found = { 0 };

			file.data[at] ^= 0x10;
			kit_store(path, file.data, file.used);
			kit_check(&kit, &check, note, &found);
			if (check.bad + check.damaged_segments == 0 || found.count == 0)
				fail_msg("%s: byte %zu", endings[k], at);
			file.data[at] ^= 0x10;
		}
		/* nor may it be cut */
		for (size_t size = 0; size < file.used; size += size < 64 ? 16 : 1) {
			struct hin_recording_check check;

			kit_store(path, file.data, size);
			kit_check(&kit, &check, NULL, NULL);
			/* an end without its final signature is as of a recorder that runs */
			if (k == 0 && check.bad + check.damaged_segments == 0)
				fail_msg("%s: cut at %zu", endings[k], size);
			if (k == 1 && check.whole == 3 && check.head == 2)
				fail_msg("%s: cut at %zu", endings[k], size);
		}
		kit_store(path, file.data, file.used);
	}
	hin_buffer_fini(&file);
	kit_remove(kit.folder);
}

/* Take a .hrec apart, and put it together again in another way, with lengths and CRCs that fit. */
struct apart {
	struct hin_buffer bytes;
	struct piece {
		size_t at, size;
		uint32_t slot; /* 0 = no chunk */
		uint64_t seq;
	} pieces[64];
	size_t count;
};

static void take_apart(struct apart *a, const char *path)
{
	size_t at = RECORDING_HEAD;

	kit_load(path, &a->bytes);
	while (at < a->bytes.used) {
		const uint8_t *frame = (const uint8_t *)a->bytes.data + at;
		size_t size = recording_frame_size(frame, a->bytes.used - at);
		struct hin_reader in = hin_reader_of(frame + RECORDING_FRAME_HEAD, size);
		struct recording_record r;

		assert_true(size > 0);
		while (recording_record_get(&in, &r) == HIN_OK) {
			bool chunk = r.type == RECORDING_CHUNK;

			assert_true(a->count < HIN_COUNT(a->pieces));
			a->pieces[a->count++] =
				(struct piece){ (size_t)(r.start - (uint8_t *)a->bytes.data),
						r.whole, chunk ? r.slot : 0, r.seq };
		}
		at += RECORDING_FRAME_HEAD + size;
	}
}

static void put_together(const struct apart *a, const size_t *order, size_t count, const char *path)
{
	struct hin_buffer out = { 0 };

	hin_buffer_add(&out, a->bytes.data, RECORDING_HEAD);
	for (size_t k = 0; k < count; k++) {
		const struct piece *piece = &a->pieces[order[k]];
		size_t begin = out.used;

		hin_buffer_fill(&out, '\0', RECORDING_FRAME_HEAD);
		hin_buffer_add(&out, a->bytes.data + piece->at, piece->size);
		recording_frame_finish(out.data + begin, piece->size);
	}
	kit_store(path, out.data, out.used);
	hin_buffer_fini(&out);
}

static size_t piece_of(const struct apart *a, uint32_t slot, uint64_t seq)
{
	for (size_t k = 0; k < a->count; k++) {
		if (a->pieces[k].slot == slot && a->pieces[k].seq == seq)
			return k;
	}
	fail_msg("no chunk %llu of %u", (unsigned long long)seq, slot);
	return 0;
}

enum change { SAME, DROP_MIDDLE, DROP_END, DROP_ALL, SWAP, TWICE };

/* What was done to the second session is told of it, and of it alone. */
static void by_session(void **state)
{
	static const struct {
		enum change change;
		enum hin_recording_verdict want;
	} cases[] = {
		{ SAME, HIN_RECORDING_WHOLE },	       { DROP_MIDDLE, HIN_RECORDING_DROPPED },
		{ DROP_END, HIN_RECORDING_TRUNCATED }, { DROP_ALL, HIN_RECORDING_TRUNCATED },
		{ SWAP, HIN_RECORDING_REORDERED },     { TWICE, HIN_RECORDING_CHANGED },
	};
	struct apart a = { 0 };
	char path[PATH_MAX];
	uint64_t numbers[3];
	uint32_t slot;
	struct kit kit;

	(void)state;
	three_sessions(&kit, numbers);
	slot = (uint32_t)(numbers[1] & 0xffffff);
	kit_file(&kit, ".hrec", 0, path);
	take_apart(&a, path);
	for (unsigned c = 0; c < HIN_COUNT(cases); c++) {
		size_t first = piece_of(&a, slot, 1), second = piece_of(&a, slot, 2);
		struct hin_recording_check check;
		struct found found = { 0 };
		size_t order[65], count = 0;

		for (size_t k = 0; k < a.count; k++) {
			const struct piece *p = &a.pieces[k];
			bool mine = p->slot == slot;

			if ((cases[c].change == DROP_MIDDLE && k == first) ||
			    (cases[c].change == DROP_END && mine && p->seq >= 2) ||
			    (cases[c].change == DROP_ALL && mine))
				continue;
			order[count++] = cases[c].change != SWAP ? k
					 : k == first		 ? second
					 : k == second		 ? first
								 : k;
			if (cases[c].change == TWICE && k == first)
				order[count++] = k;
		}
		put_together(&a, order, count, path);
		kit_check(&kit, &check, note, &found);
		if (cases[c].change == SAME) {
			assert_int_equal(check.whole, 3);
			assert_int_equal(check.bad, 0);
			continue;
		}
		assert_int_equal(check.whole, 2);
		assert_int_equal(check.bad, 1);
		if (found.by_verdict[cases[c].want] != 1)
			fail_msg("case %u", c);
	}
	hin_buffer_fini(&a.bytes);
	kit_remove(kit.folder);
}

/* A key that was exchanged, another signer, a segment taken away. */
static void other_things(void **state)
{
	static const uint8_t seed[32] = { 9 };
	struct hin_sensor_key stranger;
	struct hin_recording_check check;
	struct hin_recordings *recordings;
	struct found found = { 0 };
	struct hin_buffer keys = { 0 };
	char path[PATH_MAX];
	uint64_t numbers[3];
	struct kit kit;

	(void)state;
	three_sessions(&kit, numbers);
	kit_file(&kit, ".hkey", 0, path);
	kit_load(path, &keys);
	for (size_t k = 0; k < RECORDING_SALT; k++)
		keys.data[RECORDING_HEAD + (numbers[2] & 0xffffff) * RECORDING_SALT + k] ^= 1;
	kit_store(path, keys.data, keys.used);
	kit_check(&kit, &check, note, &found);
	assert_int_equal(check.whole, 2);
	assert_int_equal(found.by_verdict[HIN_RECORDING_CHANGED], 1);
	for (size_t k = 0; k < RECORDING_SALT; k++)
		keys.data[RECORDING_HEAD + (numbers[2] & 0xffffff) * RECORDING_SALT + k] ^= 1;
	kit_store(path, keys.data, keys.used);

	assert_int_equal(hin_sensor_key_of_seed(&stranger, seed, NULL), HIN_OK);
	recordings = kit_read(&kit);
	assert_int_equal(hin_recordings_verify(recordings, 0, stranger.public_key, false, NULL,
					       NULL, &check, NULL),
			 HIN_OK);
	assert_int_equal(check.whole, 0);
	assert_int_equal(check.bad, 3);
	hin_recordings_close(recordings);

	/* three segments, of which the middle one goes */
	for (unsigned k = 0; k < 2; k++) {
		kit_open(&kit, NOON + 10 + k);
		(void)kit_session(&kit, 1, NOON + 10 + k);
		kit_close(&kit, NOON + 20 + k);
	}
	kit_check(&kit, &check, NULL, NULL);
	assert_int_equal(check.whole, 5);
	assert_int_equal(check.segments, 3);
	assert_int_equal(check.bad + check.damaged_segments, 0);
	kit_file(&kit, ".hrec", 1, path);
	unlink(path);
	kit_check(&kit, &check, NULL, NULL);
	assert_true(check.damaged_segments >= 2); /* a segment and its signatures are missing */
	hin_buffer_fini(&keys);
	kit_remove(kit.folder);
}

/* ---- erasing ---- */

static bool stands_in(const struct kit *kit, const char *ending, const char *text)
{
	struct hin_buffer file = { 0 };
	char path[PATH_MAX];
	bool found;

	kit_file(kit, ending, 0, path);
	kit_load(path, &file);
	found = memmem(file.data, file.used, text, strlen(text)) != NULL;
	hin_buffer_fini(&file);
	return found;
}

static uint64_t erased_slots(const struct kit *kit)
{
	static const uint8_t nothing[RECORDING_SALT];
	struct hin_buffer file = { 0 };
	char path[PATH_MAX];
	uint64_t count = 0;

	kit_file(kit, ".hkey", 0, path);
	kit_load(path, &file);
	for (size_t at = RECORDING_HEAD + RECORDING_SALT; at + RECORDING_SALT <= file.used;
	     at += RECORDING_SALT)
		count += memcmp(file.data + at, nothing, RECORDING_SALT) == 0;
	hin_buffer_fini(&file);
	return count;
}

static void erasing(void **state)
{
	static const char shared[] = "a greeting of this server that is longer than others",
			  own[] = "something that only this intruder says, and says it twice";
	struct hin_buffer text = { 0 };
	struct hin_recording_check check;
	struct hin_recordings *recordings;
	struct hin_recording_entry entry;
	struct hin_error err = { 0 };
	uint64_t numbers[4], running;
	struct kit kit;

	(void)state;
	kit_begin(&kit);
	for (unsigned k = 0; k < 4; k++) {
		numbers[k] = kit_session(&kit, k, NOON + k);
		kit_say(&kit, numbers[k], NOON + 10, HIN_TO_CLIENT, shared);
		if (k == 1)
			kit_say(&kit, numbers[k], NOON + 11, HIN_FROM_CLIENT, own);
		if (k == 1)
			kit_say(&kit, numbers[k], NOON + 12, HIN_FROM_CLIENT, own);
		kit_tell(&kit, numbers[k], NOON + 13, HIN_EVENT_CREDENTIAL, "root", "hunter2", 1,
			 1);
		kit_over(&kit, numbers[k], NOON + 20);
	}
	running = kit_session(&kit, 9, NOON + 30);
	kit_flush(&kit, NOON + 40);
	assert_false(stands_in(&kit, ".hrec", "greeting"));
	assert_false(stands_in(&kit, ".hrec", "intruder says"));
	assert_false(stands_in(&kit, ".hseal", "hunter2"));

	assert_int_equal(hin_recording_erase(kit.folder, running, &err), HIN_EAGAIN);
	assert_int_equal(hin_recording_erase(kit.folder, numbers[3] + 100, &err), HIN_ENOENT);
	assert_int_equal(hin_recording_erase(kit.folder, numbers[1], &err), HIN_OK);
	assert_int_equal(erased_slots(&kit), 1); /* its strings wait for the segment's end */
	kit_close(&kit, NOON + 50);
	assert_int_equal(erased_slots(&kit), 2); /* `own` too, `shared` not */

	recordings = kit_read(&kit);
	assert_int_equal(kit_text(recordings, numbers[1], &text), HIN_EDENIED);
	hin_buffer_reset(&text);
	assert_int_equal(kit_text(recordings, numbers[2], &text), HIN_EOF);
	assert_string_equal(hin_buffer_text(&text),
			    ">a greeting of this server that is longer than others"
			    "!5:root,hunter2");
	hin_recordings_close(recordings);
	kit_check(&kit, &check, NULL, NULL);
	assert_int_equal(check.whole, 5);
	assert_int_equal(check.bad + check.damaged_segments, 0);

	/* with the others gone too nobody needs the shared strings any more */
	assert_int_equal(hin_recording_erase(kit.folder, numbers[0], &err), HIN_OK);
	assert_int_equal(hin_recording_erase(kit.folder, numbers[2], &err), HIN_OK);
	assert_int_equal(erased_slots(&kit), 4);
	assert_int_equal(hin_recording_erase(kit.folder, numbers[3], &err), HIN_OK);
	assert_int_equal(erased_slots(&kit), 7); /* and the password that was said again */
	assert_int_equal(hin_recording_erase(kit.folder, numbers[3], &err), HIN_OK); /* again */
	kit_check(&kit, &check, NULL, NULL);
	assert_int_equal(check.whole, 5);
	assert_int_equal(check.bad + check.damaged_segments, 0);
	recordings = kit_read(&kit);
	assert_int_equal(hin_recordings_find(recordings, numbers[0], &entry, NULL), HIN_EDENIED);
	hin_recordings_close(recordings);
	hin_buffer_fini(&text);
	kit_remove(kit.folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_byte),
		cmocka_unit_test(by_session),
		cmocka_unit_test(other_things),
		cmocka_unit_test(erasing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
