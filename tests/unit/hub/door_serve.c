/*
 * door-serve - the door over a folder of its own, for tests of other programs and for benches.
 *
 * usage: door-serve FOLDER [NAME=VALUE ...]
 *
 * FOLDER has desk.db (made when it is missing), and as wanted store/, ledger/ with ledger.key, and
 * cert.pem with key.pem; without a certificate it serves plainly. It prints its port, and ends when
 * its input does. A line of input wakes the event streams.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "hub/door/api.h"
#include "hub/owners/owners.h"
#include "trust/ledger.h"

struct world {
	char desk[PATH_MAX], store[PATH_MAX], ledger[PATH_MAX], key[PATH_MAX], pem[PATH_MAX];
	struct hin_buffer certificate_pem, key_pem;
	struct hin_note_signer signer;
	struct hin_ledger *log;
	struct hin_owners_box *owners;
	struct hin_desk *own;
	struct hin_api *api;
	struct hin_api_settings settings;
	const char *proxies[8];
};

static void status(void *user, struct hin_buffer *out)
{
	(void)user;
	hin_buffer_puts(out, "{\"sensors\":[]}\n");
}

static enum hin_code open_parts(struct world *w, struct hin_error *err)
{
	const struct hin_owners_settings all = { 0 };
	struct hin_ledger_settings ledger;
	enum hin_code code = hin_desk_open(&w->own, w->desk, HIN_DESK_CREATE, err);

	if (code == HIN_OK)
		code = hin_owners_box_new(&w->owners, &all, err);
	if (code == HIN_OK)
		code = hin_owners_box_refresh(w->owners, w->own, 1, NULL, err);
	if (code != HIN_OK || access(w->ledger, F_OK) != 0)
		return code;
	hin_ledger_settings_default(&ledger);
	code = hin_ledger_key_load(&w->signer, w->key, "test.example/ledger", NULL, true, err);
	ledger.folder = w->ledger;
	ledger.signer = &w->signer;
	ledger.create = true;
	return code == HIN_OK ? hin_ledger_open(&w->log, &ledger, err) : code;
}

static void set(struct world *w, const char *name, const char *value)
{
	struct hin_api_settings *s = &w->settings;
	long long number = strtoll(value, NULL, 10);

	if (strcmp(name, "rate") == 0)
		s->rate_per_s = (uint64_t)number;
	else if (strcmp(name, "idle") == 0)
		s->idle_ns = number * HIN_NS_PER_S;
	else if (strcmp(name, "query-ms") == 0)
		s->query_ns = number * HIN_NS_PER_MS;
	else if (strcmp(name, "streams") == 0)
		s->streams = (unsigned)number;
	else if (strcmp(name, "per-address") == 0)
		s->per_address = (unsigned)number;
	else if (strcmp(name, "second-factor") == 0)
		s->second_factor = number != 0;
	else if (strcmp(name, "forwarded") == 0)
		s->forwarded = number != 0;
	else if (strcmp(name, "proxy") == 0 && s->proxy_count < HIN_COUNT(w->proxies))
		w->proxies[s->proxy_count++] = value;
	else
		abort();
}

static enum hin_code open_api(struct world *w, const char *folder, struct hin_error *err)
{
	struct hin_api_settings *s = &w->settings;

	snprintf(w->pem, sizeof(w->pem), "%s/cert.pem", folder);
	s->plain = access(w->pem, F_OK) != 0;
	if (!s->plain && hin_file_read(&w->certificate_pem, w->pem, 65536, err) != HIN_OK)
		return err->code;
	snprintf(w->pem, sizeof(w->pem), "%s/key.pem", folder);
	if (!s->plain && hin_file_read(&w->key_pem, w->pem, 65536, err) != HIN_OK)
		return err->code;
	s->listen = "127.0.0.1:0";
	s->certificate_pem = hin_buffer_text(&w->certificate_pem);
	s->key_pem = hin_buffer_text(&w->key_pem);
	s->desk = w->desk;
	s->store = w->store;
	s->name = "test.example";
	s->proxies = w->proxies;
	s->status = status;
	s->owners = w->owners;
	s->ledger = w->log;
	return hin_api_open(&w->api, s, err);
}

int main(int argc, char *argv[])
{
	static struct world w;
	struct hin_error err = { 0 };
	enum hin_code code;
	char line[64];

	if (argc < 2)
		return 2;
	hin_log_setup(STDERR_FILENO, HIN_LOG_WARNING);
	snprintf(w.desk, sizeof(w.desk), "%s/desk.db", argv[1]);
	snprintf(w.store, sizeof(w.store), "%s/store", argv[1]);
	snprintf(w.ledger, sizeof(w.ledger), "%s/ledger", argv[1]);
	snprintf(w.key, sizeof(w.key), "%s/ledger.key", argv[1]);
	hin_api_settings_default(&w.settings);
	for (int i = 2; i < argc; i++) {
		char *equals = strchr(argv[i], '=');

		if (equals == NULL)
			return 2;
		*equals = '\0';
		set(&w, argv[i], equals + 1);
	}
	code = open_parts(&w, &err);
	if (code == HIN_OK)
		code = open_api(&w, argv[1], &err);
	if (code != HIN_OK)
		fprintf(stderr, "door-serve: %s\n", err.text);
	if (code == HIN_OK) {
		printf("%u\n", hin_api_port(w.api));
		fflush(stdout);
	}
	while (code == HIN_OK && fgets(line, sizeof(line), stdin) != NULL) {
		if (hin_owners_box_refresh(w.owners, w.own, hin_time_now_ns() / 1000, NULL, &err) !=
		    HIN_OK)
			fprintf(stderr, "door-serve: %s\n", err.text);
		hin_api_wake(w.api);
	}
	hin_api_close(w.api);
	hin_ledger_close(w.log);
	hin_owners_box_free(w.owners);
	hin_desk_close(w.own);
	hin_buffer_fini(&w.certificate_pem);
	hin_buffer_fini(&w.key_pem);
	return code == HIN_OK ? 0 : 1;
}
