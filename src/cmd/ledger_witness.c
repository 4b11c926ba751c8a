/* ledger_witness - a witness as a program; see trust/witness.h */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/log.h"
#include "base/sandbox.h"
#include "cmd/ledger.h"
#include "trust/certificate.h"
#include "trust/ledger.h"
#include "trust/witness_net.h"

#define LISTEN "[::]:8446"
#define PASSPHRASE ((size_t)512)

/* The first line of the file; "" in `out` without one. */
static enum hin_code read_passphrase(struct hin_buffer *out, const char *path,
				     struct hin_error *err)
{
	enum hin_code code =
		path != NULL ? hin_file_read_private(out, path, PASSPHRASE, err) : HIN_OK;

	if (code == HIN_OK && out->data != NULL)
		out->data[strcspn(out->data, "\r\n")] = '\0';
	return code;
}

static enum hin_code load_signer(const struct ledger_arguments *a, struct hin_note_signer *signer,
				 struct hin_error *err)
{
	struct hin_buffer passphrase = { 0 };
	char path[PATH_MAX];
	enum hin_code code = read_passphrase(&passphrase, a->passphrase_file, err);

	if (code == HIN_OK && mkdir(a->dir, 0700) != 0 && errno != EEXIST)
		code = hin_fail(err, HIN_ESYS, "make %s", a->dir);
	if (code == HIN_OK && snprintf(path, sizeof(path), "%s/witness.key", a->dir) >= PATH_MAX)
		code = hin_fail(err, HIN_ELIMIT, "the path of %.60s is too long", a->dir);
	if (code == HIN_OK)
		code = hin_ledger_key_load(signer, path, a->name,
					   a->passphrase_file != NULL ? passphrase.data : NULL,
					   true, err);
	hin_secret_fini(&passphrase);
	return code;
}

static enum hin_code open_witness(const struct ledger_arguments *a, struct hin_witness **out,
				  struct hin_error *err)
{
	struct hin_note_verifier logs[HIN_WITNESS_LOGS];
	struct hin_note_signer signer = { 0 };
	char seen[PATH_MAX];
	enum hin_code code = HIN_OK;

	for (size_t i = 0; code == HIN_OK && i < a->log_count; i++)
		code = hin_note_verifier_parse(&logs[i], a->logs[i], err);
	if (code == HIN_OK)
		code = load_signer(a, &signer, err);
	if (code == HIN_OK && snprintf(seen, sizeof(seen), "%s/seen", a->dir) >= PATH_MAX)
		code = hin_fail(err, HIN_ELIMIT, "the path of %.60s is too long", a->dir);
	if (code == HIN_OK)
		code = hin_witness_open(out, seen, &signer, logs, a->log_count, err);
	hin_note_signer_fini(&signer);
	return code;
}

static enum hin_code open_server(const struct ledger_arguments *a, struct hin_witness *witness,
				 struct hin_http_server **out, struct hin_error *err)
{
	struct hin_http_route routes[HIN_WITNESS_ROUTES];
	struct hin_http_server_settings settings;
	struct hin_buffer certificate = { 0 }, key = { 0 };
	enum hin_code code = HIN_OK;

	hin_http_server_settings_default(&settings);
	hin_witness_routes(routes, witness);
	settings.listen = a->listen != NULL ? a->listen : LISTEN;
	settings.plain = a->plain;
	settings.routes = routes;
	settings.route_count = HIN_WITNESS_ROUTES;
	if (!a->plain) {
		code = hin_file_read(&certificate, a->certificate, HIN_PEM_SIZE, err);
		if (code == HIN_OK)
			code = hin_file_read_private(&key, a->tls_key, HIN_PEM_SIZE, err);
		settings.certificate_pem = hin_buffer_text(&certificate);
		settings.key_pem = hin_buffer_text(&key);
	}
	if (code == HIN_OK)
		code = hin_http_server_open(out, &settings, err);
	hin_buffer_fini(&certificate);
	hin_secret_fini(&key);
	return code;
}

static enum hin_code check_arguments(const struct ledger_arguments *a, struct hin_error *err)
{
	if (a->dir == NULL || a->name == NULL || a->log_count == 0)
		return hin_fail(err, HIN_EUSAGE, "a witness needs --dir, --name and --log");
	if (a->plain ? a->certificate != NULL || a->tls_key != NULL
		     : a->certificate == NULL || a->tls_key == NULL)
		return hin_fail(err, HIN_EUSAGE,
				"a witness needs --certificate with --tls-key, or --plain");
	return HIN_OK;
}

/* What it does not need any more goes; a stranger's request is all that it reads from here on. */
static enum hin_code close_the_door(const struct ledger_arguments *a, struct hin_error *err)
{
	const char *const write[] = { a->dir }, *const read[] = { a->certificate, a->tls_key };
	struct hin_sandbox box = { 0 };
	struct hin_buffer text = { 0 };
	enum hin_code code = hin_sandbox_no_dump(&box, err);

	if (code == HIN_OK)
		code = hin_sandbox_drop_caps(&box, err);
	if (code == HIN_OK)
		code = hin_sandbox_limit_files(&box, read, a->plain ? 0 : 2, write, 1, err);
	hin_sandbox_describe(&box, &text);
	if (code == HIN_OK)
		hin_log(HIN_LOG_INFO, "witness.sandbox",
			hin_log_text("in_force", hin_buffer_text(&text)));
	hin_buffer_fini(&text);
	return code;
}

/* Tell where it is and by which key, then wait for a signal. */
static void serve(struct hin_witness *witness, struct hin_http_server *server, const sigset_t *set)
{
	struct hin_witness_counters n;
	struct hin_cosigner key;
	char text[HIN_NOTE_KEY_TEXT];
	int which;

	hin_witness_key(witness, &key);
	printf("%s\n", hin_cosigner_format(&key, text));
	fflush(stdout);
	hin_log(HIN_LOG_INFO, "witness.start", hin_log_text("name", key.verifier.name),
		hin_log_u64("port", hin_http_server_port(server)));
	(void)sigwait(set, &which);
	hin_witness_count(witness, &n);
	hin_log(HIN_LOG_INFO, "witness.stop", hin_log_u64("cosigned", n.cosigned),
		hin_log_u64("inconsistent", n.inconsistent), hin_log_u64("forged", n.forged),
		hin_log_u64("failed", n.failed));
}

enum hin_code ledger_witness(const struct ledger_arguments *a, struct hin_error *err)
{
	struct hin_http_server *server = NULL;
	struct hin_witness *witness = NULL;
	enum hin_code code = check_arguments(a, err);
	sigset_t set;

	if (code != HIN_OK)
		return code;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	code = open_witness(a, &witness, err);
	if (code == HIN_OK)
		code = close_the_door(a, err);
	if (code == HIN_OK)
		code = open_server(a, witness, &server, err);
	if (code == HIN_OK)
		serve(witness, server, &set);
	hin_http_server_close(server);
	hin_witness_close(witness);
	return code;
}
