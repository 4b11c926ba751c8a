/* listen - the listening sockets of a gate: see gate.h */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/number.h"
#include "decoy/gate.h"

#define BACKLOG 1024

union place {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static socklen_t place_of(union place *out, const struct hin_addr *address, uint16_t port)
{
	*out = (union place){ 0 };
	if (hin_addr_is_v4(address)) {
		out->v4.sin_family = AF_INET;
		out->v4.sin_port = htons(port);
		memcpy(&out->v4.sin_addr, address->b + 12, 4);
		return sizeof(out->v4);
	}
	out->v6.sin6_family = AF_INET6;
	out->v6.sin6_port = htons(port);
	memcpy(&out->v6.sin6_addr, address->b, 16);
	return sizeof(out->v6);
}

static enum hin_code add(struct hin_gate_listeners *list, const struct hin_gate_listener *one,
			 struct hin_error *err)
{
	if (list->count == list->room) {
		size_t room = list->room == 0 ? 64 : list->room * 2;
		struct hin_gate_listener *items = realloc(list->items, room * sizeof(*items));

		if (items == NULL)
			return hin_fail(err, HIN_ENOMEM, "no room for %zu listeners", room);
		list->items = items;
		list->room = room;
	}
	list->items[list->count++] = *one;
	return HIN_OK;
}

static enum hin_code listen_at(struct hin_gate_listeners *list, struct hin_gate_listener one,
			       const struct hin_addr *address, uint16_t port, struct hin_error *err)
{
	const int on = 1;
	int level = hin_addr_is_v4(address) ? IPPROTO_IP : IPPROTO_IPV6;
	int transparent = level == IPPROTO_IP ? IP_TRANSPARENT : IPV6_TRANSPARENT;
	int freebind = level == IPPROTO_IP ? IP_FREEBIND : IPV6_FREEBIND;
	char text[HIN_ADDR_TEXT];
	enum hin_code code;
	union place place;
	socklen_t size = place_of(&place, address, port);
	int fd = socket(place.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd == -1)
		return hin_fail(err, HIN_ESYS, "open a socket");
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (level == IPPROTO_IPV6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	(void)setsockopt(fd, level, freebind, &on, sizeof(on)); /* the address may come later */
	if (one.kind == HIN_GATE_ALL && setsockopt(fd, level, transparent, &on, sizeof(on)) == -1) {
		code = hin_fail(err, errno == EPERM ? HIN_EDENIED : HIN_ESYS,
				"take connections to any address (this needs root)");
		close(fd);
		return code;
	}
	if (bind(fd, &place.any, size) == -1 || listen(fd, BACKLOG) == -1) {
		code = hin_fail(err, errno == EACCES ? HIN_EDENIED : HIN_ESYS,
				"listen at %s port %u%s", hin_addr_format(address, text), port,
				errno == EACCES ? " (ports below 1024 need root)" : "");
		close(fd);
		return code;
	}
	one.fd = fd;
	code = add(list, &one, err);
	if (code != HIN_OK)
		close(fd);
	return code;
}

enum hin_code hin_gate_listen_hosts(struct hin_gate_listeners *list,
				    const struct hin_organisation *organisation,
				    struct hin_error *err)
{
	const struct hin_host *host;
	enum hin_code code = HIN_OK;

	for (size_t i = 0; code == HIN_OK; i++) {
		const struct hin_persona_port *port;

		host = hin_organisation_host_at(organisation, i);
		if (host == NULL)
			break;
		for (size_t k = 0; code == HIN_OK; k++) {
			port = hin_persona_port_at(host->persona, k);
			if (port == NULL)
				break;
			if (port->answer == HIN_PORT_OPEN || port->answer == HIN_PORT_SERVED)
				code = listen_at(
					list,
					(struct hin_gate_listener){ .kind = HIN_GATE_HOST,
								    .host = host,
								    .host_index = (uint32_t)i,
								    .port = port->port },
					&host->address, port->port, err);
		}
	}
	return code;
}

enum hin_code hin_gate_listen(struct hin_gate_listeners *list, enum hin_gate_kind kind,
			      const char *text, struct hin_error *err)
{
	const char *colon = strrchr(text, ':');
	char host[HIN_ADDR_TEXT + 2];
	struct hin_addr address;
	uint64_t port = 0;
	size_t size = colon != NULL ? (size_t)(colon - text) : 0;
	const char *start = text;

	if (size >= 2 && text[0] == '[' && text[size - 1] == ']') {
		start++;
		size -= 2;
	}
	if (size == 0 || size >= sizeof(host))
		return hin_fail(err, HIN_EFORMAT, "\"%.60s\" is no address:port", text);
	memcpy(host, start, size);
	host[size] = '\0';
	if (hin_addr_parse(&address, host) != HIN_OK ||
	    hin_number_u64(&port, "a port", colon + 1, 1, 65535, NULL) != HIN_OK)
		return hin_fail(err, HIN_EFORMAT, "\"%.60s\" is no address:port", text);
	return listen_at(list, (struct hin_gate_listener){ .kind = kind }, &address, (uint16_t)port,
			 err);
}

void hin_gate_listeners_close(struct hin_gate_listeners *list)
{
	for (size_t i = 0; i < list->count; i++)
		close(list->items[i].fd);
	free(list->items);
	*list = (struct hin_gate_listeners){ 0 };
}
