/* process - ps, top, pstree, lsof: what runs on the machine. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "decoy/shell/command/command.h"
#include "decoy/machine/proc.h"

/* All processes, copied into the memory of who asks. */
struct gathered {
	struct process *p;
	struct seen_process *all;
	size_t count, room;
};

static bool gather_one(void *user, const struct seen_process *s)
{
	struct gathered *g = user;

	if (g->count == g->room) {
		size_t room = g->room == 0 ? 64 : g->room * 2;
		struct seen_process *more = memory_of(g->p, room * sizeof(*more));

		if (g->count > 0)
			memcpy(more, g->all, g->count * sizeof(*more));
		g->all = more;
		g->room = room;
	}
	g->all[g->count] = *s;
	g->all[g->count].command = text_of(g->p, s->command, strlen(s->command));
	g->count++;
	return true;
}

static bool count_one(void *user, const struct seen_process *s)
{
	size_t *size = user;

	size[0]++;
	size[1] += strlen(s->command) + 1;
	return true;
}

static struct gathered gather(struct process *p)
{
	struct gathered g = { .p = p };
	size_t size[2] = { 0, 0 };
	struct piece *mark;

	/* room first, so that nothing is left when the process dies for want of memory */
	processes_each(p->shell->machine, p->shell, count_one, size);
	mark = p->pieces;
	(void)memory_of(p, size[1] + size[0] * (sizeof(*g.all) * 3 + 64) + 16384);
	memory_back(p, mark);
	processes_each(p->shell->machine, p->shell, gather_one, &g);
	return g;
}

static const char *owner_of(struct process *p, uint32_t uid)
{
	const char *name = user_name(p, uid);

	return name != NULL ? name : format_of(p, "%u", uid);
}

/* ---- ps ---- */

/* The letters behind the state: leader, in front, and so on. */
static const char *state_text(struct process *p, const struct seen_process *s)
{
	const char *kernel = s->command[0] == '[' && s->state == 'I' ? "<" : "";
	bool leader = s->pid == s->session && s->command[0] != '[';

	return format_of(p, "%c%s%s%s", s->state, kernel, leader ? "s" : "",
			 s->front && s->tty != NULL ? "+" : "");
}

/* When it began: the time today, else the day. */
static const char *start_text(struct process *p, const struct seen_process *s, bool short_day)
{
	const struct hin_shell_machine *m = p->shell->machine;
	int64_t start = machine_boot_s(m) + s->start_us / 1000000;
	struct tm tm = machine_time(m, start), now = machine_time(m, now_s(p));
	char text[16];

	strftime(text, sizeof(text),
		 tm.tm_yday == now.tm_yday && tm.tm_year == now.tm_year ? "%H:%M"
		 : tm.tm_year == now.tm_year || short_day		? "%b%d"
									: "%Y",
		 &tm);
	return text_of(p, text, strlen(text));
}

static unsigned percent_tenths(const struct process *p, const struct seen_process *s)
{
	int64_t lived_ms = (machine_up_us(p->shell->machine) - s->start_us) / 1000;

	return lived_ms > 0 ? (unsigned)(s->cpu_ms * 1000 / (uint64_t)lived_ms) : 0;
}

static void tell_user_oriented(struct process *p, const struct seen_process *s, int width)
{
	struct machine_memory r = machine_memory(p->shell->machine);
	unsigned cpu = percent_tenths(p, s);
	unsigned memory = (unsigned)(s->resident_kib * 1000 / (r.total > 0 ? r.total : 1));
	const char *user = owner_of(p, s->uid);
	char *line;

	if (strlen(user) > 8)
		user = format_of(p, "%.7s+", user);
	line = format_of(p, "%-8s %7u %2u.%u %2u.%u %6llu %5llu %-8s %-4s %-5s %3llu:%02llu %s",
			 user, s->pid, cpu / 10, cpu % 10, memory / 10, memory % 10,
			 (unsigned long long)s->size_kib, (unsigned long long)s->resident_kib,
			 s->tty != NULL ? s->tty : "?", state_text(p, s), start_text(p, s, true),
			 (unsigned long long)s->cpu_ms / 60000,
			 (unsigned long long)s->cpu_ms / 1000 % 60, s->command);
	outf(p, "%.*s\n", width, line);
}

static void tell_full(struct process *p, const struct seen_process *s, int width)
{
	unsigned long long seconds = s->cpu_ms / 1000;
	const char *user = owner_of(p, s->uid);

	if (strlen(user) > 8)
		user = format_of(p, "%.7s+", user);
	outf(p, "%.*s\n", width,
	     format_of(p, "%-8s %7u %7u  %u %-5s %-8s %02llu:%02llu:%02llu %s", user, s->pid,
		       s->parent, percent_tenths(p, s) / 10, start_text(p, s, true),
		       s->tty != NULL ? s->tty : "?", seconds / 3600, seconds / 60 % 60,
		       seconds % 60, s->command));
}

static void tell_simple(struct process *p, const struct seen_process *s, bool states)
{
	unsigned long long seconds = s->cpu_ms / 1000;
	char comm[16];

	process_comm(s, comm);
	if (states)
		outf(p, "%7u %-8s %-4s %3llu:%02llu %s\n", s->pid, s->tty != NULL ? s->tty : "?",
		     state_text(p, s), seconds / 60, seconds % 60, s->command);
	else
		outf(p, "%7u %-8s %02llu:%02llu:%02llu %s\n", s->pid, s->tty != NULL ? s->tty : "?",
		     seconds / 3600, seconds / 60 % 60, seconds % 60, comm);
}

/* A column of ps -o. */
static const char *column_text(struct process *p, const struct seen_process *s, const char *name)
{
	unsigned long long seconds = s->cpu_ms / 1000;
	char comm[16];

	process_comm(s, comm);
	if (strcmp(name, "pid") == 0)
		return format_of(p, "%7u", s->pid);
	if (strcmp(name, "ppid") == 0)
		return format_of(p, "%7u", s->parent);
	if (strcmp(name, "user") == 0 || strcmp(name, "ruser") == 0 || strcmp(name, "euser") == 0)
		return format_of(p, "%-8s", owner_of(p, s->uid));
	if (strcmp(name, "uid") == 0)
		return format_of(p, "%5u", s->uid);
	if (strcmp(name, "comm") == 0)
		return format_of(p, "%-15s", comm);
	if (strcmp(name, "args") == 0 || strcmp(name, "cmd") == 0 || strcmp(name, "command") == 0)
		return s->command;
	if (strcmp(name, "stat") == 0 || strcmp(name, "state") == 0 || strcmp(name, "s") == 0)
		return format_of(p, "%-4s", state_text(p, s));
	if (strcmp(name, "tty") == 0 || strcmp(name, "tt") == 0)
		return format_of(p, "%-8s", s->tty != NULL ? s->tty : "?");
	if (strcmp(name, "rss") == 0)
		return format_of(p, "%5llu", (unsigned long long)s->resident_kib);
	if (strcmp(name, "vsz") == 0)
		return format_of(p, "%6llu", (unsigned long long)s->size_kib);
	if (strcmp(name, "time") == 0)
		return format_of(p, "%02llu:%02llu:%02llu", seconds / 3600, seconds / 60 % 60,
				 seconds % 60);
	if (strcmp(name, "%cpu") == 0 || strcmp(name, "pcpu") == 0)
		return format_of(p, "%2u.%u", percent_tenths(p, s) / 10, percent_tenths(p, s) % 10);
	if (strcmp(name, "%mem") == 0 || strcmp(name, "pmem") == 0)
		return " 0.1";
	if (strcmp(name, "start") == 0 || strcmp(name, "stime") == 0)
		return format_of(p, "%-5s", start_text(p, s, true));
	return NULL;
}

static const char *column_title(struct process *p, const char *name)
{
	static const struct {
		const char *name, *title;
	} titles[] = {
		{ "pid", "    PID" },
		{ "ppid", "   PPID" },
		{ "user", "USER    " },
		{ "uid", "  UID" },
		{ "comm", "COMMAND        " },
		{ "args", "COMMAND" },
		{ "cmd", "CMD" },
		{ "command", "COMMAND" },
		{ "stat", "STAT" },
		{ "tty", "TT      " },
		{ "rss", "  RSS" },
		{ "vsz", "   VSZ" },
		{ "time", "    TIME" },
		{ "%cpu", "%CPU" },
		{ "%mem", "%MEM" },
		{ "pcpu", "%CPU" },
		{ "pmem", "%MEM" },
		{ "start", "START" },
	};

	for (size_t i = 0; i < HIN_COUNT(titles); i++)
		if (strcmp(titles[i].name, name) == 0)
			return titles[i].title;
	return text_of(p, name, strlen(name));
}

/* ps -o: columns by name, "pid=" without a title. */
static int tell_columns(struct call *call, const struct gathered *g, const char *list)
{
	struct process *p = call->p;
	const char *names[16];
	size_t count = 0;
	bool titled = strchr(list, '=') == NULL;
	char *rest, *copy = text_of(p, list, strlen(list));

	for (char *name = strtok_r(copy, ", =", &rest); name != NULL && count < HIN_COUNT(names);
	     name = strtok_r(NULL, ", =", &rest))
		names[count++] = name;
	for (size_t i = 0; titled && i < count; i++)
		outf(p, "%s%s", column_title(p, names[i]), i + 1 < count ? " " : "\n");
	for (size_t k = 0; k < g->count; k++)
		for (size_t i = 0; i < count; i++) {
			const char *text = column_text(p, &g->all[k], names[i]);

			if (text == NULL)
				return complain(call,
						"error: unknown user-defined format specifier "
						"\"%s\"",
						names[i]);
			outf(p, "%s%s", text, i + 1 < count ? " " : "\n");
		}
	return 0;
}

/* What ps was asked for: BSD's letters without a dash, or those with one. */
struct listing {
	bool every, user_oriented, full, states, wide, of_terminal;
	const char *columns, *pids;
};

static void read_ps(struct call *call, struct listing *l)
{
	for (int i = 1; i < call->argc; i++) {
		const char *word = call->argv[i];
		bool dash = word[0] == '-';

		if (dash && word[1] == '-') {
			l->every |= strcmp(word, "--forest") != 0;
			continue;
		}
		for (const char *c = word + dash; *c != '\0'; c++) {
			l->every |= strchr("aexAd", *c) != NULL && !(*c == 'a' && dash);
			l->user_oriented |= *c == 'u' && !dash;
			l->full |= (*c == 'f' || *c == 'F' || *c == 'l') && dash;
			l->states |= !dash || *c == 'x';
			l->wide |= *c == 'w';
			if (*c == 'u' && dash && strchr(word, 'a') != NULL)
				l->user_oriented = l->every = true; /* -aux */
			if ((*c == 'o' || *c == 'p' || *c == 'C' || *c == 'q' || *c == 'U' ||
			     (*c == 'u' && dash && c[1] == '\0' && !l->every)) &&
			    i + (c[1] == '\0') < call->argc) {
				const char *value = c[1] != '\0' ? c + 1 : call->argv[++i];

				if (*c == 'o')
					l->columns = value;
				if (*c == 'p' || *c == 'q')
					l->pids = value;
				l->every |= *c != 'o';
				break;
			}
		}
	}
}

/* ps of busybox shows all, in four columns. */
static int ps_box(struct call *call)
{
	struct process *p = call->p;
	struct gathered g = gather(p);

	if (call->argc > 2 && strcmp(call->argv[1], "-o") == 0)
		return tell_columns(call, &g, call->argv[2]);
	outs(p, "  PID USER       VSZ STAT COMMAND\n");
	for (size_t i = 0; i < g.count; i++)
		outf(p, "%5u %-8.8s %5llu %-4.1s %s\n", g.all[i].pid, owner_of(p, g.all[i].uid),
		     (unsigned long long)g.all[i].size_kib, &g.all[i].state, g.all[i].command);
	return 0;
}

static bool is_listed(const struct seen_process *s, const struct listing *l,
		      const struct process *p)
{
	const char *at = l->pids;

	if (at == NULL) /* by default those of the terminal */
		return l->every ||
		       (s->ours && (s->tty != NULL || p->shell->settings.terminal.name == NULL ||
				    !p->shell->settings.terminal.is_terminal));
	while (*at != '\0') {
		char *end;

		if (strtoul(at, &end, 10) == s->pid)
			return true;
		at = end == at ? at + 1 : end + strspn(end, ", ");
	}
	return false;
}

static int do_ps(struct call *call)
{
	struct process *p = call->p;
	struct listing l = { 0 };
	struct gathered g;
	size_t kept = 0;
	int width = is_terminal(p, 1) ? (int)p->shell->settings.terminal.columns : 4096;

	if (is_busybox(p))
		return ps_box(call);
	read_ps(call, &l);
	if (l.wide || width <= 0)
		width = 4096;
	g = gather(p);
	for (size_t i = 0; i < g.count; i++)
		if (is_listed(&g.all[i], &l, p))
			g.all[kept++] = g.all[i];
	g.count = kept;
	if (l.columns != NULL)
		return tell_columns(call, &g, l.columns);
	if (l.user_oriented)
		outs(p, "USER         PID %CPU %MEM    VSZ   RSS TTY      STAT START   TIME "
			"COMMAND\n");
	else if (l.full)
		outs(p, "UID          PID    PPID  C STIME TTY          TIME CMD\n");
	else if (l.states)
		outs(p, "    PID TTY      STAT   TIME COMMAND\n");
	else
		outs(p, "    PID TTY          TIME CMD\n");
	for (size_t i = 0; i < g.count; i++) {
		if (l.user_oriented)
			tell_user_oriented(p, &g.all[i], width);
		else if (l.full)
			tell_full(p, &g.all[i], width);
		else
			tell_simple(p, &g.all[i], l.states);
	}
	return g.count == 0;
}

/* ---- top ---- */

static void top_box(struct process *p, const struct gathered *g)
{
	const struct hin_shell_machine *m = p->shell->machine;
	struct machine_memory r = machine_memory(m);

	outf(p, "Mem: %lluK used, %lluK free, %lluK shrd, %lluK buff, %lluK cached\n",
	     (unsigned long long)(r.total - r.free), (unsigned long long)r.free,
	     (unsigned long long)r.shared, (unsigned long long)r.buffers,
	     (unsigned long long)r.cached);
	outs(p, "CPU:   1% usr   2% sys   0% nic  96% idle   0% io   0% irq   0% sirq\n");
	outf(p, "Load average: %u.%02u %u.%02u %u.%02u 1/%zu %u\n", machine_load(m, 0) / 100,
	     machine_load(m, 0) % 100, machine_load(m, 1) / 100, machine_load(m, 1) % 100,
	     machine_load(m, 2) / 100, machine_load(m, 2) % 100, g->count,
	     g->count > 0 ? g->all[g->count - 1].pid : 0);
	outs(p, is_terminal(p, 1)
			? "\033[7m  PID  PPID USER     STAT   VSZ %VSZ %CPU COMMAND\033[0m\n"
			: "  PID  PPID USER     STAT   VSZ %VSZ %CPU COMMAND\n");
	for (size_t i = 0; i < g->count; i++)
		outf(p, "%5u %5u %-8.8s %-4.1s %6llu %3llu%% %3u%% %s\n", g->all[i].pid,
		     g->all[i].parent, owner_of(p, g->all[i].uid), &g->all[i].state,
		     (unsigned long long)g->all[i].size_kib,
		     (unsigned long long)g->all[i].size_kib * 100 / (r.total > 0 ? r.total : 1),
		     percent_tenths(p, &g->all[i]) / 10, g->all[i].command);
}

static int by_use(const void *a, const void *b)
{
	const struct seen_process *x = a, *y = b;

	if ((x->state == 'R') != (y->state == 'R'))
		return x->state == 'R' ? -1 : 1;
	return x->pid < y->pid ? -1 : x->pid > y->pid;
}

static void top_procps(struct process *p, struct gathered *g)
{
	struct machine_memory r = machine_memory(p->shell->machine);
	unsigned running = 0;

	for (size_t i = 0; i < g->count; i++)
		running += g->all[i].state == 'R';
	outs(p, "top -");
	tell_uptime(p);
	outf(p, "Tasks: %3zu total, %3u running, %3zu sleeping,   0 stopped,   0 zombie\n",
	     g->count, running, g->count - running);
	outs(p,
	     "%Cpu(s):  0.7 us,  0.3 sy,  0.0 ni, 98.9 id,  0.0 wa,  0.0 hi,  0.1 si,  0.0 st \n");
	outf(p, "MiB Mem : %8.1f total, %8.1f free, %8.1f used, %8.1f buff/cache     \n",
	     (double)r.total / 1024, (double)r.free / 1024, (double)r.used / 1024,
	     (double)(r.buffers + r.cached) / 1024);
	outf(p, "MiB Swap: %8.1f total, %8.1f free, %8.1f used. %8.1f avail Mem \n\n",
	     (double)r.swap / 1024, (double)r.swap_free / 1024,
	     (double)(r.swap - r.swap_free) / 1024, (double)r.available / 1024);
	outs(p, "    PID USER      PR  NI    VIRT    RES    SHR S  %CPU  %MEM     TIME+ COMMAND\n");
	qsort(g->all, g->count, sizeof(g->all[0]), by_use);
	for (size_t i = 0; i < g->count; i++) {
		const struct seen_process *s = &g->all[i];
		unsigned memory = (unsigned)(s->resident_kib * 1000 / (r.total > 0 ? r.total : 1));
		char comm[16];

		process_comm(s, comm);
		outf(p,
		     "%7u %-8.8s  %2d %3d %7llu %6llu %6llu %c %3u.%u %3u.%u %3llu:%02llu.%02llu "
		     "%s\n",
		     s->pid, owner_of(p, s->uid), s->state == 'I' ? 0 : 20,
		     s->state == 'I' ? -20 : 0, (unsigned long long)s->size_kib,
		     (unsigned long long)s->resident_kib,
		     (unsigned long long)s->resident_kib / 4 * 3, s->state, 0u, 0u, memory / 10,
		     memory % 10, (unsigned long long)s->cpu_ms / 60000,
		     (unsigned long long)s->cpu_ms / 1000 % 60,
		     (unsigned long long)s->cpu_ms / 10 % 100, comm);
	}
}

static int do_top(struct call *call)
{
	struct process *p = call->p;
	struct options o = { .call = call };
	unsigned long rounds = 0;
	bool terminal = is_terminal(p, 1);
	int letter;

	while ((letter = option_next(&o, "bn:d:p:u:U:cHiSsmw:o:")) != -1) {
		if (letter == '?')
			return 1;
		if (letter == 'n')
			rounds = strtoul(o.value, NULL, 10);
	}
	if (!terminal && !option_has(&o, 'b') && !is_busybox(p))
		return complain(call, "failed tty get");
	if (!terminal && rounds == 0)
		rounds = 1;
	for (unsigned long i = 0; rounds == 0 || i < rounds; i++) {
		struct piece *mark = p->pieces;
		struct gathered g = gather(p);

		if (terminal && !option_has(&o, 'b'))
			outs(p, "\033[H\033[J");
		if (is_busybox(p))
			top_box(p, &g);
		else
			top_procps(p, &g);
		memory_back(p, mark);
		if (i + 1 == rounds || quit_pressed(p, 3000))
			break;
	}
	return 0;
}

/* ---- pstree, lsof ---- */

static void tell_tree(struct process *p, const struct gathered *g, uint32_t parent, unsigned depth)
{
	for (size_t i = 0; i < g->count && depth < 16; i++) {
		char comm[16];

		if (g->all[i].parent != parent || g->all[i].command[0] == '[')
			continue;
		process_comm(&g->all[i], comm);
		outf(p, "%*s%s%s\n", (int)depth * 9, "", depth > 0 ? "|-" : "", comm);
		tell_tree(p, g, g->all[i].pid, depth + 1);
	}
}

static int do_pstree(struct call *call)
{
	struct gathered g = gather(call->p);

	tell_tree(call->p, &g, 0, 0);
	return 0;
}

static int do_lsof(struct call *call)
{
	struct process *p = call->p;
	struct gathered g = gather(p);
	size_t count;
	const struct hin_machine_socket *sockets = machine_sockets(p->shell->machine, &count);
	bool network = false;

	for (int i = 1; i < call->argc; i++)
		network |= call->argv[i][0] == '-' && strchr(call->argv[i], 'i') != NULL;
	if (is_busybox(p)) {
		for (size_t i = 0; i < g.count; i++)
			if (g.all[i].exe != NULL)
				outf(p, "%u\t%s\t/dev/null\n", g.all[i].pid, g.all[i].exe);
		return 0;
	}
	outs(p, "COMMAND     PID   USER   FD   TYPE DEVICE SIZE/OFF NODE NAME\n");
	for (size_t i = 0; i < g.count; i++) {
		const struct seen_process *s = &g.all[i];
		char comm[16];

		process_comm(s, comm);
		if (!network && s->command[0] != '[')
			outf(p, "%-9.9s %5u %6s  cwd    DIR    8,1     4096    2 /\n", comm, s->pid,
			     owner_of(p, s->uid));
		for (size_t k = 0; k < count; k++)
			if (sockets[k].pid == s->pid)
				outf(p, "%-9.9s %5u %6s    %zuu  IPv%c  %5u      0t0  %s %s:%u%s\n",
				     comm, s->pid, owner_of(p, s->uid), k + 3,
				     strchr(sockets[k].local, ':') != NULL ? '6' : '4',
				     12000 + (unsigned)k * 37,
				     sockets[k].protocol[0] == 't' ? "TCP" : "UDP",
				     strcmp(sockets[k].local, "0.0.0.0") == 0 ||
						     strcmp(sockets[k].local, "::") == 0
					     ? "*"
					     : sockets[k].local,
				     sockets[k].local_port,
				     sockets[k].protocol[0] == 't' ? " (LISTEN)" : "");
	}
	return 0;
}

const struct command process_commands[] = {
	{ "htop", do_top, false },	{ "lsof", do_lsof, false }, { "ps", do_ps, false },
	{ "pstree", do_pstree, false }, { "top", do_top, false },   { NULL, NULL, false },
};
