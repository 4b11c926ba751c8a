/* admin - crontab, services, modules, attributes of files, and the machine's end. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "decoy/shell/command/command.h"
#include "decoy/machine/proc.h"

/* ---- crontab ---- */

static const char *crontab_path(struct process *p, const char *user)
{
	if (user == NULL)
		user = user_name(p, p->user.uid);
	return format_of(p, "/var/spool/cron/crontabs/%s", user != NULL ? user : "root");
}

/* Put a table; the folder is made where it is missing. */
static int crontab_write(struct call *call, const char *path, const char *text)
{
	struct process *p = call->p;
	struct hin_fs_user user = p->user;
	struct file *file;
	int fault;

	p->user = (struct hin_fs_user){ 0, 0 };
	(void)make_folder(p, "/var/spool/cron", 0755);
	(void)make_folder(p, "/var/spool/cron/crontabs", 01730);
	fault = file_open(p, path, OPEN_WRITE | OPEN_CREATE | OPEN_TRUNCATE, 0600, &file);
	if (fault == 0) {
		(void)file_owned(p, file);
		fault = file_write(p, file, text, strlen(text));
		file_done(p, file);
	}
	p->user = user;
	return fault == 0 ? 0 : complain(call, "%s: %s", path, error_text(fault));
}

static int crontab_list(struct call *call, const char *path, bool remove)
{
	struct process *p = call->p;
	struct hin_fs_user user = p->user;
	char name[HIN_FS_NAME_MAX + 1];
	uint32_t folder, ino = 0;
	struct hin_buffer text = { .limit = 65536 };

	p->user = (struct hin_fs_user){ 0, 0 };
	if (path_parent(p, path, &folder, name, &ino) != 0)
		ino = 0;
	if (ino != 0 && remove)
		(void)hin_fs_unlink(p->shell->fs, folder, name, now_s(p));
	p->user = user;
	if (ino == 0) {
		if (is_busybox(p))
			return complain(call, "can't open '%s': No such file or directory",
					name_of(path));
		errf(p, "no crontab for %s\n", name_of(path));
		return 1;
	}
	if (!remove) {
		char *copy;

		hin_shell_generate(p->shell->fs, p->shell->machine, ino, &text);
		copy = text_of(p, hin_buffer_text(&text), text.used);
		hin_buffer_fini(&text);
		outs(p, copy);
	}
	return 0;
}

static int do_crontab(struct call *call)
{
	struct process *p = call->p;
	struct options o = { .call = call };
	const char *user = NULL, *path, *text;
	size_t size;
	int letter;

	while ((letter = option_next(&o, "u:lreic:")) != -1) {
		if (letter == '?')
			return 1;
		if (letter == 'u')
			user = o.value;
	}
	path = crontab_path(p, user);
	if (option_has(&o, 'l') || option_has(&o, 'r'))
		return crontab_list(call, path, option_has(&o, 'r'));
	if (option_has(&o, 'e')) {
		errf(p, "no crontab for %s - using an empty one\n", name_of(path));
		return 0;
	}
	if (o.at >= call->argc && is_terminal(p, 0) && !is_busybox(p)) {
		errf(p, "crontab: usage error: file name or - (for stdin) must be specified\n");
		return 1;
	}
	text = slurp_name(call, o.at < call->argc ? call->argv[o.at] : "-", &size);
	return text != NULL ? crontab_write(call, path, text) : 1;
}

static int do_at(struct call *call)
{
	struct process *p = call->p;

	if (strcmp(call->argv[0], "atq") == 0)
		return 0;
	(void)file_slurp(p, p->fds[0], &(size_t){ 0 });
	errf(p, "warning: commands will be executed using /bin/sh\njob 1 at %s\n",
	     call->argc > 1 ? call->argv[1] : "now");
	return 0;
}

/* ---- services ---- */

static const struct hin_machine_service *service_of(const struct process *p, const char *name)
{
	const struct hin_shell_machine *m = p->shell->machine;
	size_t size = strlen(name);

	if (size > 8 && strcmp(name + size - 8, ".service") == 0)
		size -= 8;
	for (size_t i = 0; i < m->service_count; i++)
		if (strlen(m->services[i].name) == size &&
		    strncmp(m->services[i].name, name, size) == 0)
			return &m->services[i];
	return NULL;
}

static int list_units(struct process *p)
{
	const struct hin_shell_machine *m = p->shell->machine;

	outs(p, "  UNIT                        LOAD   ACTIVE SUB     DESCRIPTION\n");
	for (size_t i = 0; i < m->service_count; i++)
		outf(p, "  %-27s loaded %-6s %-7s %s\n",
		     format_of(p, "%s.service", m->services[i].name),
		     m->services[i].stopped ? "inactive" : "active",
		     m->services[i].stopped ? "dead" : "running", m->services[i].text);
	outf(p,
	     "\nLOAD   = Reflects whether the unit definition was properly loaded.\nACTIVE = The "
	     "high-level unit activation state, i.e. generalization of SUB.\nSUB    = The "
	     "low-level "
	     "unit activation state, values depend on unit type.\n%zu loaded units listed.\n",
	     m->service_count);
	return 0;
}

static int tell_service(struct process *p, const char *name, const struct hin_machine_service *s)
{
	if (s == NULL) {
		errf(p, "Unit %s.service could not be found.\n", name);
		return 4;
	}
	outf(p,
	     "%s %s.service - %s\n     Loaded: loaded (/lib/systemd/system/%s.service; %s; preset: "
	     "enabled)\n     Active: %s\n",
	     s->stopped ? "\xe2\x97\x8b" : "\xe2\x97\x8f", s->name, s->text, s->name,
	     s->disabled ? "disabled" : "enabled",
	     s->stopped ? "inactive (dead)" : "active (running)");
	if (s->pid != 0)
		outf(p, "   Main PID: %u (%s)\n", s->pid, s->name);
	return s->stopped ? 3 : 0;
}

static int do_systemctl(struct call *call)
{
	struct process *p = call->p;
	const char *verb = NULL, *name = NULL;
	const struct hin_machine_service *s;

	for (int i = 1; i < call->argc; i++)
		if (call->argv[i][0] != '-') {
			if (verb == NULL)
				verb = call->argv[i];
			else if (name == NULL)
				name = call->argv[i];
		}
	if (verb == NULL || strncmp(verb, "list-", 5) == 0)
		return list_units(p);
	if (strcmp(verb, "reboot") == 0 || strcmp(verb, "poweroff") == 0 ||
	    strcmp(verb, "halt") == 0) {
		struct call inner = { p, 1, (char *[]){ text_of(p, verb, strlen(verb)), NULL } };

		return applet_find(verb)->run(&inner);
	}
	if (strcmp(verb, "daemon-reload") == 0)
		return 0;
	if (name == NULL) {
		errf(p, "Too few arguments.\n");
		return 1;
	}
	s = service_of(p, name);
	if (strcmp(verb, "status") == 0)
		return tell_service(p, name, s);
	if (strcmp(verb, "is-active") == 0) {
		outs(p, s != NULL && !s->stopped ? "active\n" : "inactive\n");
		return s != NULL && !s->stopped ? 0 : 3;
	}
	if (strcmp(verb, "is-enabled") == 0) {
		if (s == NULL)
			errf(p,
			     "Failed to get unit file state for %s.service: No such file or "
			     "directory\n",
			     name);
		else
			outs(p, s->disabled ? "disabled\n" : "enabled\n");
		return s != NULL && !s->disabled ? 0 : 1;
	}
	if (s == NULL) {
		if (strcmp(verb, "enable") == 0 || strcmp(verb, "disable") == 0)
			errf(p, "Failed to %s unit: Unit file %s.service does not exist.\n", verb,
			     name);
		else
			errf(p, "Failed to %s %s.service: Unit %s.service not found.\n", verb, name,
			     name);
		return strcmp(verb, "enable") == 0 || strcmp(verb, "disable") == 0 ? 1 : 5;
	}
	if (p->user.uid != 0) {
		errf(p, "Failed to %s %s.service: Interactive authentication required.\n", verb,
		     name);
		return 1;
	}
	if ((strcmp(verb, "stop") == 0 || strcmp(verb, "kill") == 0) && s->pid != 0)
		process_end(p->shell, s->pid);
	return 0;
}

static int do_service(struct call *call)
{
	struct process *p = call->p;
	const struct hin_shell_machine *m = p->shell->machine;
	const struct hin_machine_service *s;

	if (call->argc > 1 && strcmp(call->argv[1], "--status-all") == 0) {
		for (size_t i = 0; i < m->service_count; i++)
			outf(p, " [ %c ]  %s\n", m->services[i].stopped ? '-' : '+',
			     m->services[i].name);
		return 0;
	}
	if (call->argc < 3) {
		errf(p, "Usage: service < option > | --status-all | [ service_name [ command | "
			"--full-restart ] ]\n");
		return 1;
	}
	s = service_of(p, call->argv[1]);
	if (s == NULL) {
		errf(p, "%s: unrecognized service\n", call->argv[1]);
		return 1;
	}
	if (strcmp(call->argv[2], "status") == 0)
		return tell_service(p, s->name, s);
	if (strcmp(call->argv[2], "stop") == 0 && s->pid != 0 && p->user.uid == 0)
		process_end(p->shell, s->pid);
	return 0;
}

static int do_update_rc(struct call *call)
{
	return call->p->user.uid == 0 ? 0 : complain(call, "error: Permission denied");
}

static int do_journalctl(struct call *call)
{
	outs(call->p, "-- No entries --\n");
	return 0;
}

/* ---- the machine's end: it is the session's ---- */

static int do_reboot(struct call *call)
{
	struct process *p = call->p;
	struct hin_shell *shell = p->shell;
	struct hin_shell_event event = { .kind = HIN_SHELL_END_SESSION,
					 .tool = name_of(call->argv[0]) };

	for (int i = 1; i < call->argc; i++)
		if (strcmp(call->argv[i], "-c") == 0) /* shutdown -c */
			return 0;
	if (p->user.uid != 0) {
		if (is_busybox(p))
			return complain(call, "Operation not permitted");
		errf(p,
		     "Failed to set wall message, ignoring: Interactive authentication required.\n"
		     "Failed to call %s: Interactive authentication required.\n",
		     name_of(call->argv[0]));
		return 1;
	}
	tell(p, &event);
	wait_ms(p, 900);
	if (!is_busybox(p) && shell->settings.terminal.is_terminal)
		outf(p,
		     "\nBroadcast message from root@%s on pts/0:\n\nThe system will reboot "
		     "now!\n\n",
		     shell->machine->hostname);
	shell->done = true;
	shell->status = 0;
	shell->slice = 0;
	wait_ms(p, 3600000); /* nothing comes behind it */
	return 0;
}

/* ---- modules, attributes, logs ---- */

static int do_insmod(struct call *call)
{
	struct options o = { .call = call };

	if (!options_read(&o, "arvfnq") || operands(&o) == NULL)
		return 1;
	if (call->p->user.uid != 0)
		return complain(call, "ERROR: could not insert module %s: Operation not permitted",
				call->argv[o.at]);
	if (strcmp(call->argv[0], "rmmod") == 0)
		return complain(call, "ERROR: Module %s is not currently loaded", call->argv[o.at]);
	if (strcmp(call->argv[0], "modprobe") == 0)
		return complain(call, "FATAL: Module %s not found in directory /lib/modules/%s",
				call->argv[o.at], call->p->shell->machine->release);
	return complain(call, "ERROR: could not insert module %s: Invalid module format",
			call->argv[o.at]);
}

static int do_chattr(struct call *call)
{
	struct process *p = call->p;
	int at = 1, status = 0;

	while (at < call->argc && strchr("-+=", call->argv[at][0]) != NULL)
		at++;
	if (at >= call->argc) {
		if (is_busybox(p))
			return tell_usage(call, false);
		errf(p, "Must use '-v', =, - or +\n");
		return 1;
	}
	for (; at < call->argc; at++) {
		uint32_t ino;
		int fault = path_find(p, call->argv[at], true, &ino);

		if (fault == 0 && p->user.uid != 0)
			fault = -EPERM;
		if (fault != 0)
			status = is_busybox(p) ? complain(call, "can't stat '%s': %s",
							  call->argv[at], error_text(fault))
					       : complain(call, "%s while %s %s", error_text(fault),
							  fault == -EPERM ? "setting flags on"
									  : "trying to stat",
							  call->argv[at]);
	}
	return status;
}

static int do_lsattr(struct call *call)
{
	struct process *p = call->p;
	static char dot[] = ".";
	char *here[] = { dot, NULL }, **names;
	struct options o = { .call = call };
	int status = 0;

	if (!options_read(&o, "Radvlp"))
		return 1;
	names = o.at < call->argc ? call->argv + o.at : here;
	for (; *names != NULL; names++) {
		uint32_t ino;
		struct fields in = { 0 };
		int fault = path_find(p, *names, true, &ino);

		if (fault != 0) {
			status = complain(call, "%s while trying to stat %s", error_text(fault),
					  *names);
			continue;
		}
		if (is_folder(p, ino) && !option_has(&o, 'd'))
			in = names_of(p, ino);
		else
			outf(p, "--------------e------- %s\n", *names);
		for (size_t i = 0; i < in.count; i++)
			if (in.items[i][0] != '.' || option_has(&o, 'a'))
				outf(p, "--------------e------- %s\n",
				     joined(p, *names, in.items[i]));
	}
	return status;
}

static int do_logger(struct call *call)
{
	(void)call;
	return 0;
}

static int do_sysctl(struct call *call)
{
	struct process *p = call->p;
	int status = 0;

	for (int i = 1; i < call->argc; i++) {
		char *name = text_of(p, call->argv[i], strcspn(call->argv[i], "=")), *path, *text;
		uint32_t ino;
		size_t size;

		if (call->argv[i][0] == '-')
			continue;
		if (strchr(call->argv[i], '=') != NULL) {
			if (p->user.uid != 0)
				status = complain(call, "permission denied on key \"%s\"", name);
			else
				outf(p, "%s = %s\n", name, strchr(call->argv[i], '=') + 1);
			continue;
		}
		path = format_of(p, "/proc/sys/%s", name);
		for (char *c = path; *c != '\0'; c++)
			if (*c == '.')
				*c = '/';
		if (path_find(p, path, true, &ino) != 0) {
			status = complain(call, "cannot stat %s: No such file or directory", path);
			continue;
		}
		text = slurp_name(call, path, &size);
		if (text != NULL)
			outf(p, "%s = %s", name, text);
	}
	return status;
}

const struct command admin_commands[] = {
	{ "at", do_at, false },
	{ "atq", do_at, false },
	{ "chattr", do_chattr, false },
	{ "chkconfig", do_update_rc, false },
	{ "crontab", do_crontab, false },
	{ "halt", do_reboot, false },
	{ "insmod", do_insmod, false },
	{ "journalctl", do_journalctl, false },
	{ "logger", do_logger, false },
	{ "lsattr", do_lsattr, false },
	{ "modprobe", do_insmod, false },
	{ "poweroff", do_reboot, false },
	{ "reboot", do_reboot, false },
	{ "rmmod", do_insmod, false },
	{ "service", do_service, false },
	{ "shutdown", do_reboot, false },
	{ "sysctl", do_sysctl, false },
	{ "systemctl", do_systemctl, false },
	{ "update-rc.d", do_update_rc, false },
	{ NULL, NULL, false },
};
