/*
 * serve - a hub that is nothing but its CA, for the system tests.
 *
 * usage: trust-serve FOLDER LISTEN [PASSPHRASE]
 *
 * Prints its port, then serves the routes of trust/route.h and these, until standard input ends:
 *	GET /open	no certificate
 *	GET /sensor	a sensor's certificate; its name
 *	POST /body	up to a megabyte; its size
 *	GET /counters	the counters of the server, as JSON
 * A line on standard input makes it read hub.pem again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/time.h"
#include "trust/route.h"

static struct hin_http_server *_Atomic server; /* NULL until it is open */
static struct hin_ca *ca;

static void answer_open(void *user, struct hin_http_request *request)
{
	(void)user;
	hin_http_answer_text(request, 200, "open");
}

static void answer_sensor(void *user, struct hin_http_request *request)
{
	struct hin_roster_sensor sensor;

	(void)user;
	if (hin_trust_sensor(ca, &sensor, &request->peer, NULL) == HIN_OK)
		hin_http_answer_text(request, 200, "%s", sensor.name);
	else
		hin_http_answer_text(request, 403, "nobody");
}

static void answer_body(void *user, struct hin_http_request *request)
{
	(void)user;
	hin_http_answer_text(request, 200, "%zu", request->body.used);
}

static void answer_counters(void *user, struct hin_http_request *request)
{
	struct hin_http_counters n;
	struct hin_buffer out = { 0 };

	(void)user;
	if (server == NULL) {
		hin_http_answer_text(request, 503, "not yet");
		return;
	}
	hin_http_server_count(server, &n);
	hin_buffer_puts(&out, "{");
#define X(name, meaning) hin_buffer_printf(&out, "\"" #name "\":%llu,", (unsigned long long)n.name);
	HIN_HTTP_COUNTERS(X)
#undef X
	hin_buffer_printf(&out, "\"open\":%llu}\n", (unsigned long long)n.open);
	hin_http_answer(request, &(struct hin_http_answer){ .status = 200, .take = &out });
	hin_buffer_fini(&out);
}

static int complain(const struct hin_error *err)
{
	fprintf(stderr, "trust-serve: %s\n", err->text);
	return 1;
}

/* The hub's certificate of the folder as it is now. */
static void reload(const char *folder, const char *passphrase)
{
	struct hin_ca *fresh = NULL;
	struct hin_error err;

	if (hin_ca_open(&fresh, folder, &err) != HIN_OK ||
	    hin_ca_unlock(fresh, passphrase, &err) != HIN_OK ||
	    hin_http_server_reload(server, hin_ca_hub_pem(fresh), hin_ca_hub_key(fresh), &err) !=
		    HIN_OK)
		(void)complain(&err);
	hin_ca_close(fresh);
	puts("reloaded");
	fflush(stdout);
}

static void set_times(struct hin_http_server_settings *s)
{
	const char *ms = getenv("SERVE_MS"), *most = getenv("SERVE_CONNECTIONS");

	if (ms != NULL)
		s->request_ns = s->idle_ns = atoll(ms) * HIN_NS_PER_MS;
	if (most != NULL)
		s->connections = (unsigned)atoi(most);
}

int main(int argc, char *argv[])
{
	const char *passphrase = argc > 3 ? argv[3] : NULL;
	struct hin_http_route routes[HIN_TRUST_ROUTES + 4] = {
		{ "GET", "/open", HIN_HTTP_NO_CERTIFICATE, 0, answer_open, NULL },
		{ "GET", "/sensor", HIN_HTTP_CERTIFICATE_REQUIRED, 0, answer_sensor, NULL },
		{ "POST", "/body", HIN_HTTP_NO_CERTIFICATE, 1 << 20, answer_body, NULL },
		{ "GET", "/counters", HIN_HTTP_NO_CERTIFICATE, 0, answer_counters, NULL },
	};
	struct hin_http_server_settings settings;
	struct hin_http_server *opened = NULL;
	struct hin_error err;
	char line[16];

	if (argc < 3)
		return 2;
	if (hin_ca_open(&ca, argv[1], &err) != HIN_OK ||
	    hin_ca_unlock(ca, passphrase, &err) != HIN_OK)
		return complain(&err);
	hin_http_server_settings_default(&settings);
	hin_trust_serve(&settings, ca);
	hin_trust_routes(routes + 4, ca);
	settings.listen = argv[2];
	settings.routes = routes;
	settings.route_count = HIN_COUNT(routes);
	set_times(&settings);
	if (hin_http_server_open(&opened, &settings, &err) != HIN_OK)
		return complain(&err);
	server = opened;
	printf("%u\n", hin_http_server_port(server));
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin) != NULL)
		reload(argv[1], passphrase);
	hin_http_server_close(server);
	hin_ca_close(ca);
	return 0;
}
