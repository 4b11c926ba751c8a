/*
 * decoy_telnet - what the Telnet service costs: log-ins a second, memory of an idle session.
 *
 * usage: hinomi-decoy-telnet-bench [LOG-INS [SESSIONS]]
 *
 * In one process and one thread, without sockets: a log-in is open, name, password, the shell's
 * prompt, one command, exit, close. Memory is what malloc holds for sessions that wait at the
 * prompt after one command: service, terminal, shell and their view of the files.
 */
#include <malloc.h>
#include <time.h>

#include "../tests/unit/decoy/telnet_kit.h"

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

struct guest {
	struct hin_session *session;
	void *service;
};

static void turn(struct guest *g)
{
	for (int i = 0; i < 100 && !g->session->over; i++)
		if (hin_service_telnet.run(g->service, g->session->now_us) > g->session->now_us)
			return;
}

static void say(struct guest *g, const char *text)
{
	hin_service_telnet.receive(g->service, (const uint8_t *)text, strlen(text));
	turn(g);
}

static struct guest enter(struct kit_host *host)
{
	struct guest g = { .session = kit_session(host) };

	g.session->keep_nothing = true;
	g.service = hin_service_telnet.open(g.session);
	if (g.service == NULL)
		abort();
	turn(&g);
	say(&g, "root\r\n");
	say(&g, "toor\r\n");
	say(&g, "uname -a\r\n");
	if (g.session->user == NULL || g.session->over)
		abort();
	return g;
}

static void leave(struct guest *g)
{
	hin_service_telnet.close(g->service);
	kit_session_free(g->session);
}

static size_t held(void)
{
	return mallinfo2().uordblks;
}

static void measure(struct kit_host *host, const char *name, size_t log_ins, size_t sessions)
{
	struct guest *guests = calloc(sessions, sizeof(guests[0]));
	double from = seconds(), took;
	size_t before;

	if (guests == NULL)
		abort();
	for (size_t i = 0; i < log_ins; i++) {
		struct guest g = enter(host);

		say(&g, "exit\r\n");
		leave(&g);
	}
	took = seconds() - from;
	before = held();
	for (size_t i = 0; i < sessions; i++)
		guests[i] = enter(host);
	printf("%-8s %8.0f log-ins/s %8.1f us each %8.0f bytes a session\n", name,
	       (double)log_ins / took, took / (double)log_ins * 1e6,
	       (double)(held() - before) / (double)sessions);
	for (size_t i = 0; i < sessions; i++)
		leave(&guests[i]);
	printf("%-8s %8.0f bytes a session left after the end\n", name,
	       ((double)held() - (double)before) / (double)sessions);
	free(guests);
}

int main(int argc, char *argv[])
{
	static const char *const busybox[] = { NULL };
	static const char *const menu[] = { "telnet.engine=plain", "telnet.login=router", NULL };
	size_t log_ins = argc > 1 ? strtoul(argv[1], NULL, 10) : 20000;
	size_t sessions = argc > 2 ? strtoul(argv[2], NULL, 10) : 5000;
	static struct kit_host first, second;

	if (!kit_open(&first, "gate", busybox) || !kit_open(&second, "gate", menu))
		return 1;
	measure(&first, "busybox", log_ins, sessions);
	measure(&second, "router", log_ins, sessions);
	kit_close(&first);
	kit_close(&second);
	return 0;
}
