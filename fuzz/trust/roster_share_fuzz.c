/*
 * Notes between hubs: the input as it is, and as a text that the right key has signed. What an
 * answer brings is merged into a roster, told on, and heard again without any change.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <stdio.h>
#include <unistd.h>

#include "trust/roster_share.h"

#define HEAD "hinomi roster 1\n"
#define NOW 1795000000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void tell_on(struct hin_roster *r, const struct hin_note_signer *signer)
{
	struct hin_buffer question = { 0 }, reply = { 0 };
	struct hin_roster_answer answer;
	size_t changed, known;

	if (hin_roster_ask(&question, "b:1", &(struct hin_roster_seen){ 0 }, NOW, signer, NULL) !=
		    HIN_OK ||
	    hin_roster_tell(&reply, r, "a:1", question.data, question.used, NOW, signer, NULL) !=
		    HIN_OK ||
	    hin_roster_hear(&answer, reply.data, reply.used, NOW, &signer->verifier, NULL) !=
		    HIN_OK)
		abort();
	(void)hin_roster_sensors(r, &known);
	if (!answer.more && answer.count != known)
		abort();
	if (hin_roster_merge(r, answer.sensors, answer.count, NOW, &changed, NULL) != HIN_OK ||
	    changed != 0)
		abort();
	hin_roster_answer_fini(&answer);
	hin_buffer_fini(&question);
	hin_buffer_fini(&reply);
}

static void use(struct hin_roster *r, const void *note, size_t size,
		const struct hin_note_signer *signer)
{
	struct hin_roster_answer answer;
	struct hin_buffer out = { 0 };
	size_t changed;

	(void)!hin_roster_tell(&out, r, "a:1", note, size, NOW, signer, NULL);
	hin_buffer_fini(&out);
	if (hin_roster_hear(&answer, note, size, NOW, &signer->verifier, NULL) != HIN_OK)
		return;
	if (hin_roster_merge(r, answer.sensors, answer.count, NOW, &changed, NULL) != HIN_OK ||
	    changed > answer.count)
		abort();
	tell_on(r, signer);
	hin_roster_answer_fini(&answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t seed[32] = { 1 };
	struct hin_buffer note = { 0 };
	struct hin_note_signer signer;
	struct hin_roster *r = NULL;
	char path[64];
	int fd = memfd_create("roster", MFD_CLOEXEC);

	if (fd == -1 || fchmod(fd, 0600) != 0 ||
	    write(fd, HEAD, sizeof(HEAD) - 1) != sizeof(HEAD) - 1 ||
	    hin_note_signer_of(&signer, "fuzz", seed, NULL) != HIN_OK)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (hin_roster_open(&r, path, NULL) != HIN_OK)
		abort();
	use(r, data, size, &signer);
	if (hin_note_sign(&note, (const char *)data, size, &signer, 1, NULL) == HIN_OK)
		use(r, note.data, note.used, &signer);
	hin_buffer_fini(&note);
	hin_roster_close(r);
	close(fd);
	return 0;
}
