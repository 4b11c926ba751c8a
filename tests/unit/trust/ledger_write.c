/*
 * ledger-write - a writer for system tests: the hub's way of keeping a ledger, and nothing else.
 *
 *	ledger-write FOLDER SEED COUNT [-w URL CA KEY] [TEXT PROOF]
 *
 * Opens or makes the ledger with a key made from the number SEED, or that of the file in
 * "key:FILE", and appends COUNT acts. With -w it asks the witness at URL, whose authority is in the
 * file CA and whose key is KEY, and appends one act that the thread must get witnessed. For the
 * file TEXT it appends one more act, a notice, and puts its proof into the file PROOF. Prints the
 * log's key, then the last index of each thousand once it is durable.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/time.h"
#include "trust/witness_net.h"

#define TOGETHER 1000 /* acts that are appended at once */

/* The thread that asks by itself: what comes now is witnessed before long. */
static enum hin_code ask_on(struct hin_ledger *l, const struct hin_witness_peer *peer,
			    struct hin_error *err)
{
	struct hin_act act = { .kind = HIN_ACT_REPORT_MADE, .who = 2, .when_us = 1 };
	int64_t until = hin_time_monotonic_ns() + 60 * HIN_NS_PER_S;
	struct hin_ledger_counters n = { 0 };
	struct hin_asker *asker = NULL;
	enum hin_code code = hin_asker_open(&asker, l, peer, 1, 20 * HIN_NS_PER_MS, err);
	uint64_t index = 0;

	if (code == HIN_OK)
		code = hin_ledger_append(l, &act, &index, err);
	while (code == HIN_OK && n.witnessed <= index) {
		if (hin_time_monotonic_ns() > until)
			code = hin_fail(err, HIN_EVERIFY, "no witness has signed");
		usleep(5000);
		hin_ledger_count(l, &n);
	}
	hin_asker_close(asker);
	return code;
}

/* Ask the witness of argv[0..2] for the newest checkpoint. */
static enum hin_code ask(struct hin_ledger *l, char *const argv[3], struct hin_error *err)
{
	struct hin_witness_peer peer = { .url = argv[0] };
	struct hin_witness_result result = { 0 };
	struct hin_buffer ca = { 0 };
	enum hin_code code = hin_cosigner_parse(&peer.cosigner, argv[2], err);

	if (code == HIN_OK)
		code = hin_file_read(&ca, argv[1], 1 << 20, err);
	if (code == HIN_OK)
		code = hin_ledger_publish(l, err);
	peer.ca_pem = hin_buffer_text(&ca);
	if (code == HIN_OK && hin_witness_ask(l, &peer, 1, &result) != 1) {
		code = result.code;
		*err = result.err;
	}
	if (code == HIN_OK)
		code = ask_on(l, &peer, err);
	hin_buffer_fini(&ca);
	return code;
}

static enum hin_code notice(struct hin_ledger *l, const char *text_path, const char *proof_path,
			    char *const witness[3], struct hin_error *err)
{
	struct hin_act act = { .kind = HIN_ACT_NOTICE_MADE, .who = 3, .when_us = 1795333803000000 };
	struct hin_buffer text = { 0 }, proof = { 0 };
	uint8_t salt[HIN_ACT_SALT];
	uint64_t index;
	enum hin_code code = hin_file_read(&text, text_path, 1 << 20, err);

	if (code == HIN_OK)
		code = hin_act_salt(salt, err);
	if (code != HIN_OK)
		return code;
	hin_act_digest(act.object, salt, text.data, text.used);
	code = hin_ledger_append(l, &act, &index, err);
	if (code == HIN_OK)
		code = witness != NULL ? ask(l, witness, err) : hin_ledger_publish(l, err);
	if (code == HIN_OK)
		code = hin_ledger_prove(l, index, salt, &proof, err);
	if (code == HIN_OK)
		code = hin_file_replace(proof_path, proof.data, proof.used, 0644, err);
	hin_buffer_fini(&text);
	hin_buffer_fini(&proof);
	return code;
}

int main(int argc, char *argv[])
{
	uint8_t seed[32] = { argc > 2 ? (uint8_t)atoi(argv[2]) : 0 };
	struct hin_ledger_settings settings;
	struct hin_note_signer signer;
	struct hin_ledger *l = NULL;
	struct hin_error err = { 0 };
	char key[HIN_NOTE_KEY_TEXT];
	char *const *witness = NULL;
	int more = 4; /* where TEXT is */
	long count = argc > 3 ? atol(argv[3]) : 0;
	enum hin_code code;

	if (argc > 7 && strcmp(argv[4], "-w") == 0) {
		witness = argv + 5;
		more = 8;
	}
	if (argc != more && argc != more + 2)
		return 2;
	hin_ledger_settings_default(&settings);
	settings.folder = argv[1];
	settings.signer = &signer;
	settings.create = true;
	settings.publish_ns = 50 * HIN_NS_PER_MS;
	if (argc > 2 && strncmp(argv[2], "key:", 4) == 0)
		code = hin_ledger_key_load(&signer, argv[2] + 4, "hub.example/law", NULL, false,
					   &err);
	else
		code = hin_note_signer_of(&signer, "hub.example/ledger", seed, &err);
	if (code == HIN_OK)
		code = hin_ledger_open(&l, &settings, &err);
	if (code == HIN_OK)
		puts(hin_note_verifier_format(hin_ledger_key(l), key));
	fflush(stdout);
	for (long i = 0, n; code == HIN_OK && i < count; i += n) {
		static struct hin_act acts[TOGETHER];
		uint64_t first;

		n = count - i < TOGETHER ? count - i : TOGETHER;
		for (long k = 0; k < n; k++) {
			acts[k] = (struct hin_act){ .kind = HIN_ACT_EXPORT,
						    .who = 1,
						    .when_us = i + k };
			memset(acts[k].object, (int)((i + k) % 250 + 1), sizeof(acts[k].object));
		}
		code = hin_ledger_append_all(l, acts, (size_t)n, &first, &err);
		if (code == HIN_OK)
			printf("%llu\n", (unsigned long long)(first + (uint64_t)n - 1));
		fflush(stdout);
	}
	if (code == HIN_OK && witness != NULL)
		code = ask(l, witness, &err);
	if (code == HIN_OK && argc > more)
		code = notice(l, argv[more], argv[more + 1], witness, &err);
	hin_ledger_close(l);
	if (code != HIN_OK)
		fprintf(stderr, "ledger-write: %s\n", err.text);
	return code == HIN_OK ? 0 : 1;
}
