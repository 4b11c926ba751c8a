/* who - who is there: uptime, w, who, users, last, and history. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "decoy/shell/command/command.h"

/* ---- those who are logged in ---- */

/* The intruder's own log-in, where there is a terminal. */
static bool own_login(struct process *p, struct hin_machine_login *out)
{
	const struct hin_shell *shell = p->shell;
	const char *name = shell->settings.login;

	if (!shell->settings.terminal.is_terminal)
		return false;
	if (name == NULL)
		name = user_name(p, shell->settings.user.uid);
	*out = (struct hin_machine_login){ .user = name != NULL ? name : "root",
					   .tty = shell->settings.terminal.name,
					   .from = shell->settings.from,
					   .from_s = shell->began_us / 1000000 };
	return true;
}

/* All who are logged in: the machine's, then the intruder. */
static size_t logins_of(struct process *p, struct hin_machine_login *out, size_t most)
{
	const struct hin_shell_machine *m = p->shell->machine;
	size_t count = 0;

	for (size_t i = m->login_count; i-- > 0;)
		if (m->logins[i].until_s == 0 && count + 1 < most)
			out[count++] = m->logins[i];
	if (own_login(p, &out[count]))
		count++;
	return count;
}

void tell_uptime(struct process *p)
{
	const struct hin_shell_machine *m = p->shell->machine;
	struct hin_machine_login logins[64];
	size_t count = logins_of(p, logins, HIN_COUNT(logins));
	struct tm tm = machine_time(m, now_s(p));
	int64_t minutes = machine_up_us(m) / 60000000;

	outf(p, " %02d:%02d:%02d up ", tm.tm_hour, tm.tm_min, tm.tm_sec);
	if (minutes >= 1440)
		outf(p, "%lld day%s, ", (long long)minutes / 1440, minutes >= 2880 ? "s" : "");
	if (minutes % 1440 >= 60)
		outf(p, "%2lld:%02lld, ", (long long)minutes % 1440 / 60, (long long)minutes % 60);
	else
		outf(p, "%lld min, ", (long long)minutes % 60);
	outf(p, " %zu user%s,  load average: %u.%02u, %u.%02u, %u.%02u\n", count,
	     count == 1 || (count == 0 && !is_busybox(p)) ? "" : "s", machine_load(m, 0) / 100,
	     machine_load(m, 0) % 100, machine_load(m, 1) / 100, machine_load(m, 1) % 100,
	     machine_load(m, 2) / 100, machine_load(m, 2) % 100);
}

static int do_uptime(struct call *call)
{
	struct process *p = call->p;
	const struct hin_shell_machine *m = p->shell->machine;
	struct options o = { .call = call, .names = "pretty=p since=s" };
	int64_t minutes = machine_up_us(m) / 60000000;

	if (!options_read(&o, "ps"))
		return 1;
	if (option_has(&o, 's')) {
		struct tm tm = machine_time(m, machine_boot_s(m));
		char text[32];

		strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
		outf(p, "%s\n", text);
	} else if (option_has(&o, 'p')) {
		outf(p, "up %lld days, %lld hours, %lld minutes\n", (long long)minutes / 1440,
		     (long long)minutes % 1440 / 60, (long long)minutes % 60);
	} else {
		tell_uptime(p);
	}
	return 0;
}

static int do_w(struct call *call)
{
	struct process *p = call->p;
	struct hin_machine_login logins[64];
	size_t count = logins_of(p, logins, HIN_COUNT(logins));
	bool titled = call->argc < 2 || strchr(call->argv[1], 'h') == NULL;

	if (titled && !is_busybox(p)) {
		tell_uptime(p);
		outs(p, "USER     TTY      FROM             LOGIN@   IDLE   JCPU   PCPU WHAT\n");
	} else if (titled) {
		outs(p, "USER\t\tTTY\t\tIDLE\tTIME\t\t HOST\n");
	}
	for (size_t i = 0; i < count; i++) {
		const struct hin_machine_login *l = &logins[i];
		struct tm tm = machine_time(p->shell->machine, l->from_s);
		bool own = i + 1 == count;
		char when[32];

		if (is_busybox(p)) {
			strftime(when, sizeof(when), "%b %e %H:%M", &tm);
			outf(p, "%-15.15s %-15.15s %-7s %-16s %s\n", l->user, l->tty, "00:00", when,
			     l->from != NULL ? l->from : "");
			continue;
		}
		strftime(when, sizeof(when), now_s(p) - l->from_s > 64800 ? "%d%b" : "%H:%M", &tm);
		outf(p, "%-8.8s %-8.8s %-16.16s %-7s  %5s   0.02s  0.00s %s\n", l->user, l->tty,
		     l->from != NULL ? l->from : "-", when, own ? "0.00s" : "2days",
		     own ? call->argv[0] : "-bash");
	}
	return 0;
}

static int do_who(struct call *call)
{
	struct process *p = call->p;
	struct hin_machine_login logins[64];
	size_t count = logins_of(p, logins, HIN_COUNT(logins));

	if (is_busybox(p))
		outs(p, "USER\t\tTTY\t\tIDLE\tTIME\t\t HOST\n");
	for (size_t i = 0; i < count; i++) {
		const struct hin_machine_login *l = &logins[i];
		struct tm tm = machine_time(p->shell->machine, l->from_s);
		char when[32];

		if (strcmp(call->argv[0], "users") == 0) {
			outf(p, "%s%s", l->user, i + 1 < count ? " " : "\n");
			continue;
		}
		strftime(when, sizeof(when), is_busybox(p) ? "%b %e %H:%M" : "%Y-%m-%d %H:%M", &tm);
		if (is_busybox(p))
			outf(p, "%-15.15s %-15.15s %-7s %-16s %s\n", l->user, l->tty, "00:00", when,
			     l->from != NULL ? l->from : "");
		else if (l->from != NULL)
			outf(p, "%-8s %-12s %s (%s)\n", l->user, l->tty, when, l->from);
		else
			outf(p, "%-8s %-12s %s\n", l->user, l->tty, when);
	}
	return 0;
}

/* ---- those who were ---- */

static void tell_last(struct process *p, const struct hin_machine_login *l)
{
	const struct hin_shell_machine *m = p->shell->machine;
	struct tm from = machine_time(m, l->from_s), until = machine_time(m, l->until_s);
	char begin[32], end[16];
	int64_t minutes = (l->until_s - l->from_s) / 60;

	strftime(begin, sizeof(begin), "%a %b %e %H:%M", &from);
	strftime(end, sizeof(end), "%H:%M", &until);
	if (l->until_s == 0)
		outf(p, "%-8.8s %-12.12s %-16.16s %s   still logged in\n", l->user, l->tty,
		     l->from != NULL ? l->from : "", begin);
	else if (minutes >= 1440)
		outf(p, "%-8.8s %-12.12s %-16.16s %s - %s (%lld+%02lld:%02lld)\n", l->user, l->tty,
		     l->from != NULL ? l->from : "", begin, end, (long long)minutes / 1440,
		     (long long)minutes % 1440 / 60, (long long)minutes % 60);
	else
		outf(p, "%-8.8s %-12.12s %-16.16s %s - %s  (%02lld:%02lld)\n", l->user, l->tty,
		     l->from != NULL ? l->from : "", begin, end, (long long)minutes / 60,
		     (long long)minutes % 60);
}

static int do_last(struct call *call)
{
	struct process *p = call->p;
	const struct hin_shell_machine *m = p->shell->machine;
	struct hin_machine_login own;
	int64_t boot = machine_boot_s(m);
	struct tm tm = machine_time(m, boot);
	unsigned long most = 1000;
	char when[32];

	for (int i = 1; i < call->argc; i++)
		if (call->argv[i][0] == '-') {
			const char *number = call->argv[i] + 1 + strspn(call->argv[i] + 1, "n");

			if (number[0] == '\0' && i + 1 < call->argc)
				number = call->argv[++i];
			if (strtoul(number, NULL, 10) > 0)
				most = strtoul(number, NULL, 10);
		}
	if (strcmp(call->argv[0], "lastb") == 0) {
		outs(p, "\nbtmp begins Mon Jan  1 00:00:01 2024\n");
		return 0;
	}
	if (own_login(p, &own) && most > 0) {
		tell_last(p, &own);
		most--;
	}
	for (size_t i = 0; i < m->login_count && most > 0; i++, most--)
		tell_last(p, &m->logins[i]);
	strftime(when, sizeof(when), "%a %b %e %H:%M", &tm);
	if (most > 0)
		outf(p, "reboot   system boot  %-16.16s %s   still running\n", m->release, when);
	strftime(when, sizeof(when), "%a %b %e %H:%M:%S %Y", &tm);
	outf(p, "\nwtmp begins %s\n", when);
	return 0;
}

static int do_lastlog(struct call *call)
{
	struct process *p = call->p;
	struct hin_machine_login own;

	outs(p, "Username         Port     From                                       Latest\n");
	if (own_login(p, &own)) {
		struct tm tm = machine_time(p->shell->machine, own.from_s);
		char when[40];

		strftime(when, sizeof(when), "%a %b %e %H:%M:%S +0000 %Y", &tm);
		outf(p, "%-16s %-8.8s %-42s %s\n", own.user, own.tty,
		     own.from != NULL ? own.from : "", when);
	}
	outs(p,
	     "daemon                                                        **Never logged in**\n"
	     "bin                                                           **Never logged in**\n"
	     "sys                                                           **Never logged in**\n");
	return 0;
}

const struct command who_commands[] = {
	{ "last", do_last, false },	  { "lastb", do_last, false },
	{ "lastlog", do_lastlog, false }, { "uptime", do_uptime, false },
	{ "users", do_who, false },	  { "w", do_w, false },
	{ "who", do_who, false },	  { NULL, NULL, false },
};
