#include "decoy/shell/command/far.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

#define CONNECT_MS 127000 /* six tries of Linux */
#define NAME_MS 10000	  /* two tries of the resolver */

/* ---- addresses ---- */

uint16_t far_port(const char *scheme)
{
	static const struct {
		const char *name;
		uint16_t port;
	} ports[] = {
		{ "http", 80 },	  { "https", 443 }, { "ftp", 21 },    { "ftps", 990 },
		{ "tftp", 69 },	  { "ssh", 22 },    { "scp", 22 },    { "sftp", 22 },
		{ "telnet", 23 }, { "smtp", 25 },   { "dns", 53 },    { "domain", 53 },
		{ "pop3", 110 },  { "imap", 143 },  { "rsync", 873 }, { "ldap", 389 },
		{ "smb", 445 },	  { "irc", 6667 },
	};

	for (size_t i = 0; i < HIN_COUNT(ports); i++)
		if (strcmp(ports[i].name, scheme) == 0)
			return ports[i].port;
	return 0;
}

static char *lower(struct process *p, const char *text, size_t size)
{
	char *made = text_of(p, text, size);

	for (char *c = made; *c != '\0'; c++)
		*c = (char)tolower((unsigned char)*c);
	return made;
}

bool far_url(struct process *p, const char *text, const char *scheme, struct far_url *out)
{
	const char *mark = strstr(text, "://"), *at = text, *end, *sign;
	size_t size;

	*out = (struct far_url){ .text = text, .scheme = scheme };
	if (mark != NULL && mark > text &&
	    strspn(text, "abcdefghijklmnopqrstuvwxyz"
			 "ABCDEFGHIJKLMNOPQRSTUVWXYZ+.-0123456789") == (size_t)(mark - text)) {
		out->scheme = lower(p, text, (size_t)(mark - text));
		at = mark + 3;
	}
	out->port = far_port(out->scheme);
	end = at + strcspn(at, "/?#");
	sign = memchr(at, '@', (size_t)(end - at));
	if (sign != NULL) {
		out->user = text_of(p, at, (size_t)(sign - at));
		at = sign + 1;
	}
	if (*at == '[') {
		size = strcspn(++at, "]/");
		out->host = lower(p, at, size);
		at += size + (at[size] == ']');
	} else {
		size = strcspn(at, ":/?#");
		out->host = lower(p, at, size);
		at += size;
	}
	if (*at == ':' && isdigit((unsigned char)at[1]))
		out->port = (uint16_t)strtoul(at + 1, NULL, 10);
	out->path = *end == '/'	  ? text_of(p, end, strcspn(end, "#"))
		    : *end == '?' ? format_of(p, "/%s", end)
				  : "/";
	return out->host[0] != '\0';
}

void far_tell(struct process *p, enum hin_shell_event_kind kind, const char *tool,
	      const struct far_url *url, const char *file)
{
	struct hin_shell_event event = { .kind = kind,
					 .tool = name_of(tool),
					 .text = url->text,
					 .scheme = url->scheme,
					 .host = url->host,
					 .port = url->port,
					 .path = url->path,
					 .user = url->user };

	if (file != NULL)
		event.file = strcmp(file, "-") == 0 ? file : absolute_path(p, file);
	tell(p, &event);
}

bool far_is_address(const char *host)
{
	uint8_t space[16];

	return inet_pton(AF_INET, host, space) == 1 || inet_pton(AF_INET6, host, space) == 1;
}

/* What /etc/hosts says of a name. */
static const char *address_in_hosts(struct process *p, const char *host)
{
	struct file *file;
	size_t size;
	char *text, *line, *rest;

	if (file_open(p, "/etc/hosts", OPEN_READ, 0, &file) != 0)
		return strcmp(host, "localhost") == 0 ? "127.0.0.1" : NULL;
	(void)file_owned(p, file);
	text = file_slurp(p, file, &size);
	file_done(p, file);
	for (line = strtok_r(text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
		char *more, *address;

		line[strcspn(line, "#")] = '\0';
		address = strtok_r(line, " \t", &more);
		if (address == NULL || strchr(address, ':') != NULL)
			continue;
		for (char *name = strtok_r(NULL, " \t", &more); name != NULL;
		     name = strtok_r(NULL, " \t", &more))
			if (strcasecmp(name, host) == 0)
				return address;
	}
	return strcmp(host, "localhost") == 0 ? "127.0.0.1" : NULL;
}

const char *far_address(struct process *p, const char *host)
{
	const struct hin_shell_machine *m = p->shell->machine;
	struct far_url name = { .text = host, .scheme = "dns", .host = host, .port = 53 };
	const char *found;
	uint32_t most = m->connect_ms > 0 ? m->connect_ms : CONNECT_MS;

	if (far_is_address(host))
		return host;
	found = address_in_hosts(p, host);
	if (found != NULL)
		return found;
	if (strcmp(host, m->hostname) == 0)
		return "127.0.1.1";
	far_tell(p, HIN_SHELL_CONNECT, "resolver", &name, NULL);
	if (m->far == HIN_FAR_SILENT)
		wait_ms(p, most < NAME_MS ? most : NAME_MS);
	return NULL;
}

/* Is the address the machine's own? */
static bool is_own(const struct hin_shell_machine *m, const char *address)
{
	size_t count;
	const struct hin_machine_interface *all = machine_interfaces(m, &count);

	if (strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0 ||
	    strcmp(address, "0.0.0.0") == 0)
		return true;
	for (size_t i = 0; i < count; i++)
		if (all[i].address != NULL && strcmp(all[i].address, address) == 0)
			return true;
	return false;
}

int far_connect(struct process *p, const char *address, uint16_t port, double seconds)
{
	const struct hin_shell_machine *m = p->shell->machine;
	int64_t most = m->connect_ms > 0 ? m->connect_ms : CONNECT_MS;

	(void)port;
	if (is_own(m, address))
		return -ECONNREFUSED;
	switch (m->far) {
	case HIN_FAR_REFUSES:
		wait_ms(p, 40);
		return -ECONNREFUSED;
	case HIN_FAR_UNREACHABLE:
		return -ENETUNREACH;
	default:
		break;
	}
	if (seconds > 0 && seconds * 1000 < (double)most)
		most = (int64_t)(seconds * 1000);
	wait_ms(p, most);
	return -ETIMEDOUT;
}
