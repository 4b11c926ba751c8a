/* Bytes of a client at the Telnet service, for each way of options and log-in. */
#include "../../tests/unit/decoy/telnet_kit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HOSTS 4

static void open_hosts(struct kit_host hosts[HOSTS])
{
	static const char *const settings[HOSTS][12] = {
		{ "telnet.banner=Gate\n", "telnet.asks_cursor=true" },
		{ "telnet.engine=bsd", "telnet.login=shadow", "telnet.editor=bash",
		  "telnet.banner=\nLinux (%h) (%t)\n" },
		{ "telnet.engine=plain", "telnet.login=router", "telnet.inside=menu",
		  "telnet.opening=fffb01fffd18", "telnet.will=0,1,3", "telnet.accept=0,24,31",
		  "telnet.mask=*", "telnet.menu.unknown=? %c\n",
		  "telnet.menu.commands=shell\n@shell" },
		{ "telnet.engine=plain", "telnet.login=password", "telnet.user=root",
		  "telnet.locked=bye\n" },
	};

	for (size_t i = 0; i < HOSTS; i++)
		if (!kit_open(&hosts[i], "gate", settings[i]))
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct kit_host hosts[HOSTS];
	struct hin_session *session;
	size_t piece;
	void *service;

	if (hosts[0].image == NULL)
		open_hosts(hosts);
	if (size < 2)
		return 0;
	session = kit_session(&hosts[data[0] % HOSTS]);
	session->keep_nothing = true;
	session->most_bytes = 1 << 18;
	piece = data[1] % 40 + 1u;
	service = hin_service_telnet.open(session);
	if (service == NULL)
		abort();
	hin_service_telnet.run(service, session->now_us);
	for (size_t at = 2; at < size && !session->over; at += piece) {
		hin_service_telnet.receive(service, data + at,
					   size - at < piece ? size - at : piece);
		for (int i = 0; i < 10 && !session->over; i++)
			if (hin_service_telnet.run(service, session->now_us) > session->now_us)
				break;
		session->now_us += 4000000;
	}
	if (!session->over)
		hin_service_telnet.end(service);
	hin_service_telnet.close(service);
	kit_session_free(session);
	return 0;
}
