/* about - what the machine and the user are: uname, hostname, id, date. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "decoy/shell/command/command.h"

/* ---- the machine ---- */

static int do_uname(struct call *call)
{
	struct process *p = call->p;
	const struct hin_shell_machine *m = p->shell->machine;
	static const char letters[] = "snrvmpio";
	const char *fields[] = { m->system,   m->hostname, m->release, m->version,
				 m->hardware, "unknown",   "unknown",  "GNU/Linux" };
	struct options o = { .call = call,
			     .names = "all=a kernel-name=s nodename=n kernel-release=r "
				      "kernel-version=v machine=m operating-system=o processor=p" };
	bool all, first = true;

	if (strcmp(call->argv[0], "arch") == 0) {
		outf(p, "%s\n", m->hardware);
		return 0;
	}
	if (!options_read(&o, "snrvmpioa"))
		return 1;
	if (o.at < call->argc)
		return is_busybox(p) ? tell_usage(call, false)
				     : complain_usage(call, "extra operand '%s'", call->argv[o.at]);
	all = option_has(&o, 'a');
	if (o.seen[0] == 0 && o.seen[1] == 0)
		o.seen['s' / 64] |= UINT64_C(1) << 's' % 64;
	for (unsigned i = 0; i < HIN_COUNT(fields); i++) {
		/* what is not known is left out of all that is */
		if (!option_has(&o, letters[i]) &&
		    !(all && (letters[i] == 'o' || strcmp(fields[i], "unknown") != 0)))
			continue;
		outf(p, "%s%s", first ? "" : " ", fields[i]);
		first = false;
	}
	outs(p, "\n");
	return 0;
}

static int do_hostname(struct call *call)
{
	struct process *p = call->p;
	const struct hin_shell_machine *m = p->shell->machine;
	struct options o = { .call = call, .names = "fqdn=f short=s domain=d ip-address=i" };
	size_t count;
	const struct hin_machine_interface *all = machine_interfaces(m, &count);

	if (!options_read(&o, "fsdiIyaF:b"))
		return 1;
	if (o.at < call->argc && strcmp(call->argv[0], "hostname") == 0)
		return p->user.uid == 0
			       ? 0
			       : complain(call,
					  is_busybox(p)
						  ? "sethostname: Operation not permitted"
						  : "you must be root to change the host name");
	if (option_has(&o, 'i') || option_has(&o, 'I')) {
		for (size_t i = 0; i < count; i++)
			if (all[i].address != NULL && strcmp(all[i].name, "lo") != 0)
				outf(p, "%s%s", all[i].address, option_has(&o, 'I') ? " " : "");
		outs(p, "\n");
	} else if (option_has(&o, 'd') || strcmp(call->argv[0], "dnsdomainname") == 0) {
		outf(p, "%s\n", m->domain != NULL ? m->domain : "");
	} else if (option_has(&o, 'f') && m->domain != NULL) {
		outf(p, "%s.%s\n", m->hostname, m->domain);
	} else {
		outf(p, "%s\n", m->hostname);
	}
	return 0;
}

static int do_hostnamectl(struct call *call)
{
	struct process *p = call->p;
	const struct hin_shell_machine *m = p->shell->machine;

	outf(p,
	     " Static hostname: %s\n       Icon name: computer-vm\n         Chassis: vm\n"
	     "  Virtualization: kvm\nOperating System: %s\n          Kernel: %s %s\n"
	     "    Architecture: %s\n",
	     m->hostname, machine_distribution(m), m->system, m->release,
	     strcmp(m->hardware, "x86_64") == 0 ? "x86-64" : m->hardware);
	return 0;
}

static int do_nproc(struct call *call)
{
	outf(call->p, "%u\n", machine_cpus(call->p->shell->machine));
	return 0;
}

static int do_lsb_release(struct call *call)
{
	const char *name = machine_distribution(call->p->shell->machine);
	const char *word = strpbrk(name, " /"), *number = strpbrk(name, "0123456789");
	const char *code = strchr(name, '(');
	int size = word != NULL ? (int)(word - name) : (int)strlen(name);

	errf(call->p, "No LSB modules are available.\n");
	outf(call->p, "Distributor ID:\t%.*s\nDescription:\t%s\nRelease:\t%.*s\n", size, name, name,
	     number != NULL ? (int)strspn(number, "0123456789.") : 0, number != NULL ? number : "");
	if (code != NULL)
		outf(call->p, "Codename:\t%.*s\n", (int)strcspn(code + 1, ")"), code + 1);
	return 0;
}

/* ---- the terminal ---- */

static int do_tty(struct call *call)
{
	struct process *p = call->p;

	if (is_terminal(p, 0)) {
		outf(p, "/dev/%s\n", p->shell->settings.terminal.name);
		return 0;
	}
	if (call->argc < 2 || strcmp(call->argv[1], "-s") != 0)
		outs(p, "not a tty\n");
	return 1;
}

static unsigned columns_of(const struct process *p)
{
	return p->shell->settings.terminal.columns > 0 ? p->shell->settings.terminal.columns : 80;
}

static unsigned rows_of(const struct process *p)
{
	return p->shell->settings.terminal.rows > 0 ? p->shell->settings.terminal.rows : 24;
}

/* One word of stty, or two; returns how many it was, 0 for one that is not known. */
static int set_mode(struct process *p, struct hin_shell_modes *m, const char *word,
		    const char *value)
{
	static const char *const others[] = { "ixon",	"ixoff",  "echoe",   "echok",  "echoctl",
					      "iexten", "onlcr",  "opost",   "inlcr",  "igncr",
					      "brkint", "tostop", "imaxbel", "hupcl",  "cread",
					      "parenb", "cs8",	  "cs7",     "clocal", "crtscts",
					      "echonl", "noflsh", "ixany" };
	const struct {
		const char *name;
		bool *flag;
	} flags[] = { { "echo", &m->echo },
		      { "icanon", &m->canonical },
		      { "isig", &m->signals },
		      { "icrnl", &m->returns },
		      { "opost", &m->output } };
	bool on = word[0] != '-';
	const char *name = on ? word : word + 1;

	if (strcmp(name, "sane") == 0 || (strcmp(name, "raw") == 0 && !on) ||
	    (strcmp(name, "cooked") == 0 && on)) {
		*m = hin_shell_modes_cooked;
		return 1;
	}
	if (strcmp(name, "raw") == 0) {
		m->canonical = m->signals = m->returns = m->output = false;
		return 1;
	}
	if (strcmp(name, "cbreak") == 0) {
		m->canonical = !on;
		return 1;
	}
	for (size_t i = 0; i < HIN_COUNT(flags); i++)
		if (strcmp(flags[i].name, name) == 0) {
			*flags[i].flag = on;
			return 1;
		}
	for (size_t i = 0; i < HIN_COUNT(others); i++)
		if (strcmp(others[i], name) == 0)
			return 1;
	if (value != NULL && (strcmp(name, "rows") == 0 || strcmp(name, "cols") == 0 ||
			      strcmp(name, "columns") == 0)) {
		unsigned number = (unsigned)strtoul(value, NULL, 10);

		if (name[0] == 'r')
			p->shell->settings.terminal.rows = number;
		else
			p->shell->settings.terminal.columns = number;
		return 2;
	}
	if (value != NULL &&
	    (strcmp(name, "min") == 0 || strcmp(name, "time") == 0 || strcmp(name, "erase") == 0 ||
	     strcmp(name, "intr") == 0 || strcmp(name, "kill") == 0 || strcmp(name, "eof") == 0))
		return 2;
	if (name[0] >= '0' && name[0] <= '9') /* a speed, or what -g gave */
		return 1;
	return 0;
}

static int tell_modes(struct process *p, bool all)
{
	const struct hin_shell_modes *m = &p->shell->modes;

	if (all)
		outf(p,
		     "speed 38400 baud; rows %u; columns %u; line = 0;\n"
		     "intr = ^C; quit = ^\\; erase = ^?; kill = ^U; eof = ^D; eol = <undef>;\n",
		     rows_of(p), columns_of(p));
	else
		outs(p, "speed 38400 baud; line = 0;\n");
	outf(p, "%sicanon %sisig %secho %sicrnl %sopost\n", m->canonical ? "" : "-",
	     m->signals ? "" : "-", m->echo ? "" : "-", m->returns ? "" : "-",
	     m->output ? "" : "-");
	return 0;
}

static int do_stty(struct call *call)
{
	struct process *p = call->p;
	struct hin_shell_modes modes = p->shell->modes;

	if (!is_terminal(p, 0))
		return is_busybox(p) ? complain(call, "standard input: Not a tty")
				     : complain(call, "'standard input': Inappropriate ioctl for "
						      "device");
	if (call->argc < 2 || strcmp(call->argv[1], "-a") == 0)
		return tell_modes(p, call->argc > 1);
	if (strcmp(call->argv[1], "-g") == 0) {
		outs(p, "4500:5:bf:8a3b:3:1c:7f:15:4:0:1:0:11:13:1a:0:12:f:17:16:0:0:0:0:0:0:0:0:"
			"0:0:0:0:0:0:0:0\n");
		return 0;
	}
	if (strcmp(call->argv[1], "size") == 0) {
		outf(p, "%u %u\n", rows_of(p), columns_of(p));
		return 0;
	}
	for (int i = 1; i < call->argc;) {
		int taken = set_mode(p, &modes, call->argv[i],
				     i + 1 < call->argc ? call->argv[i + 1] : NULL);

		if (taken == 0)
			return is_busybox(p)
				       ? complain(call, "invalid argument '%s'", call->argv[i])
				       : complain_usage(call, "invalid argument '%s'",
							call->argv[i]);
		i += taken;
	}
	p->shell->modes = modes;
	if (p->shell->settings.modes != NULL)
		p->shell->settings.modes(p->shell->settings.user_data, &modes);
	return 0;
}

static int do_tput(struct call *call)
{
	static const struct {
		const char *name, *text;
	} words[] = { { "clear", "\033[H\033[2J" }, { "sgr0", "\033(B\033[m" },
		      { "bold", "\033[1m" },	    { "smul", "\033[4m" },
		      { "rmul", "\033[24m" },	    { "cnorm", "\033[?25h" },
		      { "civis", "\033[?25l" },	    { "colors", "8\n" } };
	struct process *p = call->p;

	if (call->argc < 2)
		return 2;
	if (strcmp(call->argv[1], "cols") == 0)
		outf(p, "%u\n", columns_of(p));
	else if (strcmp(call->argv[1], "lines") == 0)
		outf(p, "%u\n", rows_of(p));
	for (size_t i = 0; i < HIN_COUNT(words); i++)
		if (strcmp(call->argv[1], words[i].name) == 0)
			outs(p, words[i].text);
	if (strcmp(call->argv[1], "setaf") == 0 && call->argc > 2)
		outf(p, "\033[3%um", (unsigned)strtoul(call->argv[2], NULL, 10) % 8);
	return 0;
}

static int do_clear(struct call *call)
{
	outs(call->p, is_busybox(call->p) ? "\033[H\033[J" : "\033[H\033[2J\033[3J");
	return 0;
}

/* ---- nothing ---- */

static int do_nothing(struct call *call)
{
	(void)call;
	return 0;
}

static int do_false(struct call *call)
{
	(void)call;
	return 1;
}

const struct command about_commands[] = {
	{ "arch", do_uname, false },
	{ "clear", do_clear, false },
	{ "dnsdomainname", do_hostname, false },
	{ "false", do_false, false },
	{ "hostname", do_hostname, false },
	{ "hostnamectl", do_hostnamectl, false },
	{ "lsb_release", do_lsb_release, false },
	{ "nproc", do_nproc, false },
	{ "reset", do_clear, false },
	{ "stty", do_stty, false },
	{ "sync", do_nothing, false },
	{ "tput", do_tput, false },
	{ "true", do_nothing, false },
	{ "tty", do_tty, false },
	{ "uname", do_uname, false },
	{ NULL, NULL, false },
};
