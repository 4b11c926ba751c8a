/* host_machine - what differs between the machines of one persona: network, start, load. */
#include <stdio.h>
#include <time.h>

#include "decoy/host/organisation_priv.h"

#define DAY_S 86400
#define LOGINS 4

static int64_t clock_us(void *user)
{
	struct timespec now;

	(void)user;
	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
}

/* The bytes of a file with a tag: only honeytokens have one here. */
static void generate(void *user, uint32_t tag, struct hin_buffer *out)
{
	const struct hin_host *host = user;
	const struct hin_token *told = hin_host_token_tag(host, tag);
	const struct token *t;

	if (told == NULL)
		return;
	t = &host->organisation->tokens[tag - ORGANISATION_TAGS];
	if (told->kind == HIN_TOKEN_KEY) {
		host_token_key(t, out);
	} else if (t->document != NULL) {
		const struct person *person = NULL;

		(void)host_owner(host, t->document, &person);
		(void)host_text(host, t->document, t->document->text, person, out, NULL);
	}
}

/* ---- time ---- */

/* When its kernel was built, as uname -v tells "(2026-11-16)"; 0: it does not. */
static int64_t built_s(const char *version)
{
	int year, month, day;
	const char *at = version != NULL ? strrchr(version, '(') : NULL;
	struct tm when = { 0 };

	if (at == NULL || sscanf(at, "(%4d-%2d-%2d)", &year, &month, &day) != 3)
		return 0;
	when.tm_year = year - 1900;
	when.tm_mon = month - 1;
	when.tm_mday = day;
	return timegm(&when);
}

/*
 * It starts anew after a time of its own, always the same, as machines do that are patched; not
 * before its kernel was there.
 */
static int64_t boot_s(const struct hin_organisation *o, const struct hin_host *host)
{
	const struct persona_machine *m = &host->persona->settings.machine;
	uint64_t random = host_random_of(host, "boot");
	int64_t least = m->uptime_min_ns / 1000000000, most = m->uptime_max_ns / 1000000000;
	int64_t period = least + (int64_t)(host_random(&random) % (uint64_t)(most - least + 1));
	int64_t phase, start, built = built_s(m->version);

	period = period > 0 ? period : DAY_S;
	phase = (int64_t)(host_random(&random) % (uint64_t)period);
	start = o->now_s - ((o->now_s - phase) % period + period) % period;
	if (built > 0 && start < built + DAY_S) {
		start = built + DAY_S + (int64_t)(host_random(&random) % (3 * DAY_S));
		if (start >= o->now_s)
			start = o->now_s - (int64_t)(host_random(&random) % DAY_S) - 60;
	}
	return start;
}

int64_t host_installed_s(const struct hin_host *host)
{
	uint64_t random = host_random_of(host, "installed");

	return host->machine.boot_s - 3600 - (int64_t)(host_random(&random) % (20 * DAY_S));
}

/* ---- network ---- */

static const char *v4_text(struct hin_organisation *o, uint32_t address)
{
	char text[HIN_ADDR_TEXT];
	struct hin_addr a = hin_addr_of_v4(address);

	return hin_arena_strdup(&o->arena, hin_addr_format(&a, text));
}

static void make_mac(const struct hin_host *host, uint8_t mac[6])
{
	uint64_t random = host_random_of(host, "mac");

	memcpy(mac, host->persona->mac, 3);
	for (int i = 3; i < 6; i++)
		mac[i] = (uint8_t)host_random(&random);
}

/* The link-local address that Linux makes of a MAC (RFC 4291, appendix A). */
static const char *link_local(struct hin_organisation *o, const uint8_t mac[6])
{
	struct hin_addr a = { { 0xfe, 0x80, [8] = (uint8_t)(mac[0] ^ 2), mac[1], mac[2], 0xff, 0xfe,
				mac[3], mac[4], mac[5] } };
	char text[HIN_ADDR_TEXT];

	return hin_arena_strdup(&o->arena, hin_addr_format(&a, text));
}

static void make_traffic(const struct hin_host *host, struct hin_machine_interface *i)
{
	uint64_t random = host_random_of(host, "traffic");
	uint64_t up = (uint64_t)(host->organisation->now_s - host->machine.boot_s);

	i->rate = (uint32_t)(40 + host_random(&random) % 900);
	i->received = i->rate * up + host_random(&random) % 50000000;
	i->sent = i->received / (2 + host_random(&random) % 9);
	i->received_packets = i->received / (180 + host_random(&random) % 500) + 1;
	i->sent_packets = i->sent / (120 + host_random(&random) % 300) + 1;
}

static enum hin_code make_network(struct hin_organisation *o, struct hin_host *host,
				  struct hin_error *err)
{
	struct hin_shell_machine *m = &host->machine;
	const char *name = host->persona->settings.machine.interface;
	struct hin_machine_interface *i = hin_arena_array(&o->arena, 2, sizeof(*i));
	struct hin_machine_route *r = hin_arena_array(&o->arena, 2, sizeof(*r));
	struct hin_machine_neighbour *n = hin_arena_array(&o->arena, 1, sizeof(*n));
	char text[HIN_ADDR_TEXT];
	bool v4 = hin_addr_is_v4(&host->address), held;

	if (i == NULL || r == NULL || n == NULL)
		return hin_fail(err, HIN_ENOMEM, "no memory for hosts");
	i[0] = (struct hin_machine_interface){ .name = "lo",
					       .address = "127.0.0.1",
					       .prefix = 8,
					       .address6 = "::1",
					       .prefix6 = 128,
					       .mtu = 65536 };
	i[1].name = name;
	i[1].mtu = 1500;
	make_mac(host, i[1].mac);
	make_traffic(host, &i[1]);
	i[1].address6 = v4 ? link_local(o, i[1].mac)
			   : hin_arena_strdup(&o->arena, hin_addr_format(&host->address, text));
	i[1].prefix6 = 64;
	held = i[1].address6 != NULL;
	m->interfaces = i;
	m->interface_count = 2;
	if (v4) {
		unsigned prefix = (unsigned)o->settings.prefix;
		uint32_t own = hin_addr_v4(&host->address), mask = UINT32_MAX << (32 - prefix);
		uint32_t net = own & mask, last = net | ~mask;
		uint32_t gateway = strcmp(o->settings.gateway, "last") == 0 ? last - 1 : net + 1;

		i[1].address = v4_text(o, own);
		i[1].prefix = prefix;
		i[1].broadcast = v4_text(o, last);
		r[0] = (struct hin_machine_route){
			"0.0.0.0", 0, v4_text(o, gateway), name, NULL, 0
		};
		r[1] = (struct hin_machine_route){ v4_text(o, net), prefix, NULL, name,
						   i[1].address,    0 };
		n[0] = (struct hin_machine_neighbour){ .address = r[0].gateway,
						       .interface = name,
						       .mac = { 0x00, 0x1b, 0x54 } };
		memcpy(n[0].mac + 3, (uint8_t[]){ (uint8_t)(gateway >> 8), (uint8_t)gateway, 1 },
		       3);
		held = held && i[1].address != NULL && i[1].broadcast != NULL &&
		       r[0].gateway != NULL && r[1].network != NULL;
		m->routes = r;
		m->route_count = own == gateway ? 0 : 2;
		m->neighbours = n;
		m->neighbour_count = own == gateway ? 0 : 1;
	}
	return held ? HIN_OK : hin_fail(err, HIN_ENOMEM, "no memory for hosts");
}

/* ---- who was there ---- */

/* Log-ins of the host's own people since its start, newest first. */
static enum hin_code make_logins(struct hin_organisation *o, struct hin_host *host,
				 struct hin_error *err)
{
	const struct accounts *a = host->accounts;
	size_t first = host->persona->user_count;
	uint64_t random = host_random_of(host, "logins");
	struct hin_machine_login *logins;
	int64_t when = o->now_s - (o->now_s - host->machine.boot_s) / 16, span;
	const char *from;

	if (a->count == first)
		return HIN_OK;
	logins = hin_arena_array(&o->arena, LOGINS, sizeof(*logins));
	from = v4_text(o, ((hin_addr_is_v4(&host->address) ? hin_addr_v4(&host->address)
							   : UINT32_C(0xc0a80100)) &
			   ~UINT32_C(63)) |
				  (uint32_t)(2 + host_random(&random) % 60));
	if (logins == NULL || from == NULL)
		return hin_fail(err, HIN_ENOMEM, "no memory for hosts");
	span = (when - host->machine.boot_s) / (LOGINS + 1);
	for (size_t i = 0; i < LOGINS; i++) {
		logins[i].user = a->users[first + host_random(&random) % (a->count - first)].name;
		logins[i].tty = "pts/0";
		logins[i].from = from;
		logins[i].from_s = when - (int64_t)(host_random(&random) % 3600);
		logins[i].until_s = logins[i].from_s + 40 + (int64_t)(host_random(&random) % 900);
		when -= span;
	}
	host->machine.logins = logins;
	host->machine.login_count = LOGINS;
	return HIN_OK;
}

enum hin_code host_machine_make(struct hin_organisation *o, struct hin_host *host,
				struct hin_error *err)
{
	struct hin_shell_machine *m = &host->machine;
	const struct persona_variant *v;
	uint64_t random = host_random_of(host, "machine");
	enum hin_code code;

	*m = host->persona->machine;
	v = &host->persona->variants[host_random(&random) % PERSONA_VARIANTS];
	m->processes = v->processes;
	m->sockets = v->sockets;
	m->services = v->services;
	m->hostname = host->name;
	m->domain = o->settings.domain;
	m->zone = o->settings.zone;
	m->zone_s = (int)o->settings.zone_minutes * 60;
	m->nameserver = o->settings.nameserver != NULL && o->settings.nameserver[0] != '\0'
				? o->settings.nameserver
				: NULL;
	m->now_us = clock_us;
	m->generate = generate;
	m->boot_s = boot_s(o, host);
	/* what it had after its start, and has read since */
	if (m->memory_free_kib > 0) {
		uint64_t used = m->memory_free_kib / 8 +
				host_random(&random) % (m->memory_free_kib / 4 + 1);

		m->memory_free_kib -= used;
		m->cached_kib += used / 4 * 3;
		m->buffers_kib += used / 16;
	}
	for (int i = 0; i < 3; i++)
		m->load[i] = (unsigned)(host_random(&random) % 9);
	code = make_network(o, host, err);
	return code == HIN_OK ? make_logins(o, host, err) : code;
}
