/* account - users of the machine: /etc/passwd and its kin, passwd, su, sudo, useradd. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

#include <openssl/evp.h>

#include "decoy/shell/command/command.h"

/* ---- the files ---- */

/* The text of a file of the machine, whoever asks; NULL: none. */
static char *system_file(struct process *p, const char *path)
{
	static const struct hin_fs_user root;
	struct hin_buffer made = { .limit = (size_t)1 << 20 };
	uint32_t ino;
	char *text;

	if (hin_fs_find(p->shell->fs, &root, HIN_FS_ROOT, path, true, &ino) != 0)
		return NULL;
	hin_shell_generate(p->shell->fs, p->shell->machine, ino, &made);
	text = text_of(p, hin_buffer_text(&made), made.used);
	hin_buffer_fini(&made);
	return text;
}

/* Put the text of such a file. */
static int system_write(struct process *p, const char *path, const char *text)
{
	struct hin_fs_user user = p->user;
	struct file *file;
	int fault;

	p->user = (struct hin_fs_user){ 0, 0 };
	fault = file_open(p, path, OPEN_WRITE | OPEN_CREATE | OPEN_TRUNCATE, 0644, &file);
	if (fault == 0) {
		(void)file_owned(p, file);
		fault = file_write(p, file, text, strlen(text));
		file_done(p, file);
	}
	p->user = user;
	return fault;
}

/* Cut a line of fields between colons in place; returns how many. */
static unsigned split(char *line, char *fields[], unsigned most)
{
	unsigned count = 0;

	while (count < most) {
		fields[count++] = line;
		line = strchr(line, ':');
		if (line == NULL)
			break;
		*line++ = '\0';
	}
	return count;
}

/* The account for which `is` holds: by name, or by number where name is NULL. */
static bool account_find(struct process *p, const char *name, uint32_t uid, struct account *out)
{
	char *at = system_file(p, "/etc/passwd"), *line;
	char *f[7] = { NULL };

	while (at != NULL && *at != '\0') {
		line = at;
		at += strcspn(at, "\n");
		if (*at != '\0')
			*at++ = '\0';
		if (split(line, f, 7) < 7)
			continue;
		if (name != NULL ? strcmp(f[0], name) != 0 : strtoul(f[2], NULL, 10) != uid)
			continue;
		*out = (struct account){ .name = f[0],
					 .password = f[1],
					 .uid = (uint32_t)strtoul(f[2], NULL, 10),
					 .gid = (uint32_t)strtoul(f[3], NULL, 10),
					 .text = f[4],
					 .home = f[5],
					 .shell = f[6] };
		return true;
	}
	if ((name != NULL ? strcmp(name, "root") == 0 : uid == 0) &&
	    system_file(p, "/etc/passwd") == NULL) {
		*out = (struct account){ "root", "x", "root", "/root", "/bin/sh", 0, 0 };
		return true;
	}
	return false;
}

bool account_by_name(struct process *p, const char *name, struct account *out)
{
	return account_find(p, name, 0, out);
}

bool account_by_uid(struct process *p, uint32_t uid, struct account *out)
{
	return account_find(p, NULL, uid, out);
}

const char *user_name(struct process *p, uint32_t uid)
{
	struct account account;

	return account_by_uid(p, uid, &account) ? account.name : NULL;
}

static const char *group_find(struct process *p, const char *name, uint32_t *gid)
{
	char *at = system_file(p, "/etc/group"), *line;
	char *f[4] = { NULL };

	while (at != NULL && *at != '\0') {
		line = at;
		at += strcspn(at, "\n");
		if (*at != '\0')
			*at++ = '\0';
		if (split(line, f, 4) < 3)
			continue;
		if (name != NULL ? strcmp(f[0], name) != 0 : strtoul(f[2], NULL, 10) != *gid)
			continue;
		*gid = (uint32_t)strtoul(f[2], NULL, 10);
		return f[0];
	}
	return NULL;
}

const char *group_name(struct process *p, uint32_t gid)
{
	const char *name = group_find(p, NULL, &gid);

	return name != NULL ? name : gid == 0 ? "root" : NULL;
}

bool group_by_name(struct process *p, const char *name, uint32_t *gid)
{
	return group_find(p, name, gid) != NULL;
}

/* ---- who one is ---- */

static int do_whoami(struct call *call)
{
	const char *name = user_name(call->p, call->p->user.uid);

	if (name == NULL)
		return is_busybox(call->p) ? complain(call, "unknown uid %u", call->p->user.uid)
					   : complain(call, "cannot find name for user ID %u",
						      call->p->user.uid);
	outf(call->p, "%s\n", name);
	return 0;
}

/* A number with its name behind: "0(root)". */
static void tell_number(struct process *p, const char *what, uint32_t id, const char *name)
{
	if (name != NULL)
		outf(p, "%s%u(%s)", what, id, name);
	else
		outf(p, "%s%u", what, id);
}

static int do_id(struct call *call)
{
	struct process *p = call->p;
	struct options o = { .call = call, .names = "user=u group=g groups=G name=n real=r" };
	struct account account;
	uint32_t uid = p->user.uid, gid = p->user.gid;
	const char *user, *group;

	if (!options_read(&o, "ugnGraz"))
		return 1;
	if (o.at < call->argc) {
		if (!account_by_name(p, call->argv[o.at], &account))
			return complain(call,
					is_busybox(p) ? "unknown user %s" : "'%s': no such user",
					call->argv[o.at]);
		uid = account.uid;
		gid = account.gid;
	}
	user = user_name(p, uid);
	group = group_name(p, gid);
	if (option_has(&o, 'u') || option_has(&o, 'g') || option_has(&o, 'G')) {
		uint32_t id = option_has(&o, 'u') ? uid : gid;
		const char *name = option_has(&o, 'u') ? user : group;

		if (option_has(&o, 'n') && name != NULL)
			outf(p, "%s\n", name);
		else
			outf(p, "%u\n", id);
		return 0;
	}
	tell_number(p, "uid=", uid, user);
	tell_number(p, " gid=", gid, group);
	tell_number(p, " groups=", gid, group);
	outs(p, "\n");
	return 0;
}

static int do_groups(struct call *call)
{
	struct process *p = call->p;
	const char *group = group_name(p, p->user.gid);

	if (group != NULL)
		outf(p, "%s\n", group);
	else
		outf(p, "%u\n", p->user.gid);
	return 0;
}

static int do_getent(struct call *call)
{
	struct process *p = call->p;
	const char *file = call->argc > 1 ? call->argv[1] : "";
	char *text = system_file(p, format_of(p, "/etc/%s", file));
	int status = call->argc > 2 ? 2 : 0;

	if (text == NULL || strchr(file, '/') != NULL)
		return complain(call, "Unknown database: %s", file);
	while (*text != '\0') {
		size_t size = strcspn(text, "\n");

		if (call->argc <= 2) {
			out(p, 1, text, size + (text[size] == '\n'));
		} else if (strcspn(text, ": \t") == strlen(call->argv[2]) &&
			   strncmp(text, call->argv[2], strlen(call->argv[2])) == 0) {
			out(p, 1, text, size + (text[size] == '\n'));
			status = 0;
		}
		text += size + (text[size] == '\n');
	}
	return status;
}

/* ---- passwords ---- */

static void tell_credential(struct process *p, const char *tool, const char *user,
			    const char *password)
{
	struct hin_shell_event event = {
		.kind = HIN_SHELL_CREDENTIAL, .tool = tool, .user = user, .password = password
	};

	tell(p, &event);
}

/* Switch the terminal's echo. */
static void set_echo(struct process *p, bool on)
{
	p->shell->modes.echo = on;
	if (p->shell->settings.modes != NULL && is_terminal(p, 0))
		p->shell->settings.modes(p->shell->settings.user_data, &p->shell->modes);
}

static void read_secret(struct process *p, void *what)
{
	struct growing *line = what;
	char c;

	while (file_read(p, p->fds[0], &c, 1) > 0) {
		if (c == '\n')
			return;
		if (c != '\0' && c != '\r' && line->size < 256)
			grow_char(p, line, c);
	}
	if (line->size == 0)
		process_die(p, 1);
}

/* Ask for a password with the echo off; NULL at the input's end. */
static char *ask(struct process *p, const char *prompt)
{
	struct growing line = { 0 };
	bool read;

	grow(p, &line, "", 0);
	errf(p, "%s", prompt);
	set_echo(p, false);
	read = process_try(p, read_secret, &line);
	set_echo(p, true);
	step(p); /* ^C ends the command */
	if (is_terminal(p, 0))
		errf(p, "\n");
	return read ? text_of(p, line.data, line.size) : NULL;
}

/* A crypt(3) text that looks like one: nobody can log in by it. */
static char *hash_of(struct process *p, const char *password)
{
	static const char digits[] =
		"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	const char *salt = format_of(p, "%llx%s", (unsigned long long)now_us(p), password);
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned size = 0;
	char *made = memory_of(p, 128);

	if (EVP_Digest(salt, strlen(salt), digest, &size, EVP_sha512(), NULL) != 1)
		return made;
	strcpy(made, "$6$");
	for (unsigned i = 0; i < 102; i++)
		made[3 + i] = i == 16 ? '$' : digits[(digest[i % size] + i * 7) & 63];
	return made;
}

/* Put a hash into /etc/shadow, or where there is none into /etc/passwd. */
static void change_password(struct process *p, const char *user, const char *password)
{
	const char *path = system_file(p, "/etc/shadow") != NULL ? "/etc/shadow" : "/etc/passwd";
	char *text = system_file(p, path);
	struct growing made = { 0 };
	size_t name = strlen(user);

	if (text == NULL)
		return;
	grow(p, &made, "", 0);
	while (*text != '\0') {
		size_t size = strcspn(text, "\n");

		if (strncmp(text, user, name) == 0 && text[name] == ':') {
			const char *rest = memchr(text + name + 1, ':', size - name - 1);

			grow_format(p, &made, "%s:%s", user, hash_of(p, password));
			if (rest != NULL)
				grow(p, &made, rest, size - (size_t)(rest - text));
		} else {
			grow(p, &made, text, size);
		}
		grow_char(p, &made, '\n');
		text += size + (text[size] == '\n');
	}
	(void)system_write(p, path, made.data);
}

static bool is_password(struct process *p, const char *user, const char *password)
{
	const struct hin_shell_settings *s = &p->shell->settings;

	return s->password != NULL && s->password(s->user_data, user, password);
}

/* The two new ones; NULL with passwd's words when they differ or end. */
static char *ask_new(struct call *call)
{
	struct process *p = call->p;
	bool box = is_busybox(p);
	char *one = ask(p, box ? "New password: " : "New password: "), *other;

	if (one == NULL || one[0] == '\0') {
		if (!box)
			errf(p, one == NULL ? "Password change has been aborted.\n"
					    : "No password has been supplied.\n");
		return NULL;
	}
	other = ask(p, box ? "Retype password: " : "Retype new password: ");
	if (other != NULL && strcmp(one, other) == 0)
		return one;
	errf(p, box ? "Passwords don't match\n" : "Sorry, passwords do not match.\n");
	return NULL;
}

static int do_passwd(struct call *call)
{
	struct process *p = call->p;
	struct options o = { .call = call, .names = "delete=d lock=l unlock=u status=S stdin=I" };
	struct account account;
	const char *name;
	char *password;

	if (!options_read(&o, "dluSqeI"))
		return is_busybox(p) ? 1 : 6;
	name = o.at < call->argc ? call->argv[o.at] : user_name(p, p->user.uid);
	if (name == NULL || !account_by_name(p, name, &account))
		return complain(call,
				is_busybox(p) ? "unknown user %s" : "user '%s' does not exist",
				name != NULL ? name : "");
	if (p->user.uid != 0 && account.uid != p->user.uid)
		return complain(
			call,
			is_busybox(p) ? "%s can't change password for %s"
				      : "You may not view or modify password information for %s%s.",
			is_busybox(p) ? user_name(p, p->user.uid) : account.name,
			is_busybox(p) ? account.name : "");
	if (option_has(&o, 'd') || option_has(&o, 'l') || option_has(&o, 'u')) {
		outs(p, is_busybox(p) ? "" : "passwd: password changed.\n");
		return 0;
	}
	if (is_busybox(p))
		outf(p, "Changing password for %s\n", account.name);
	if (p->user.uid != 0) {
		if (!is_busybox(p))
			outf(p, "Changing password for %s.\n", account.name);
		password = ask(p, is_busybox(p) ? "Old password: " : "Current password: ");
		if (password != NULL)
			tell_credential(p, "passwd", account.name, password);
		if (password == NULL || !is_password(p, account.name, password)) {
			errf(p, is_busybox(p) ? "Incorrect password\n"
					      : "passwd: Authentication token manipulation "
						"error\npasswd: password unchanged\n");
			return is_busybox(p) ? 1 : 10;
		}
	}
	password = ask_new(call);
	if (password == NULL) {
		errf(p,
		     is_busybox(p) ? "passwd: password for %s is unchanged\n"
				   : "passwd: Authentication token manipulation error\npasswd: "
				     "password unchanged\n",
		     account.name);
		return is_busybox(p) ? 1 : 10;
	}
	tell_credential(p, "passwd", account.name, password);
	change_password(p, account.name, password);
	if (is_busybox(p))
		outf(p, "passwd: password for %s changed by %s\n", account.name,
		     user_name(p, p->user.uid));
	else
		errf(p, "passwd: password updated successfully\n");
	return 0;
}

static int do_chpasswd(struct call *call)
{
	struct process *p = call->p;
	struct lines l;
	static char *none[] = { NULL };
	int status = 0;

	if (p->user.uid != 0)
		return is_busybox(p) ? complain(call, "you must be root")
				     : complain(call, "Permission denied.");
	lines_begin(&l, call, none);
	while (lines_next(&l)) {
		char *line = text_of(p, l.line.data, l.line.size), *colon = strchr(line, ':');
		struct account account;

		if (colon == NULL) {
			status = is_busybox(p) ? complain(call, "missing new password")
					       : complain(call, "line %zu: missing new password",
							  l.number);
			continue;
		}
		*colon++ = '\0';
		tell_credential(p, "chpasswd", line, colon);
		if (!account_by_name(p, line, &account)) {
			status = is_busybox(p)
					 ? complain(call, "unknown user %s", line)
					 : complain(call, "line 1: user '%s' does not exist", line);
			continue;
		}
		change_password(p, line, colon);
		if (is_busybox(p))
			outf(p, "chpasswd: password for '%s' changed\n", line);
	}
	return status;
}

/* ---- su and sudo ---- */

static int do_su(struct call *call)
{
	struct process *p = call->p;
	struct options o = { .call = call,
			     .names = "login=l command=c shell=s preserve-environment=m" };
	struct account account;
	struct shell_start start = { 0 };
	const char *name = "root", *shell = NULL;
	int letter;

	while ((letter = option_next(&o, "lc:s:mpf")) != -1) {
		if (letter == '?')
			return 1;
		start.login |= letter == 'l';
		if (letter == 'c')
			start.text = o.value;
		if (letter == 's')
			shell = o.value;
	}
	if (o.at < call->argc && strcmp(call->argv[o.at], "-") == 0) {
		start.login = true;
		o.at++;
	}
	if (o.at < call->argc)
		name = call->argv[o.at++];
	while (o.at + 1 < call->argc && strcmp(call->argv[o.at], "-c") == 0) {
		start.text = call->argv[o.at + 1];
		o.at += 2;
	}
	if (!account_by_name(p, name, &account))
		return complain(call,
				is_busybox(p) ? "unknown user %s"
					      : "user %s does not exist or the user entry does not "
						"contain all the required fields",
				name);
	if (p->user.uid != 0) {
		char *password = ask(p, "Password: ");

		if (password != NULL)
			tell_credential(p, "su", name, password);
		wait_ms(p, 1800);
		if (password == NULL || !is_password(p, name, password)) {
			errf(p, is_busybox(p) ? "su: incorrect password\n"
					      : "su: Authentication failure\n");
			return 1;
		}
	}
	start.account = &account;
	shell = shell != NULL ? shell : account.shell[0] != '\0' ? account.shell : "/bin/sh";
	if (strstr(shell, "nologin") != NULL) {
		outs(p, "This account is currently not available.\n");
		return 1;
	}
	if (strcmp(name_of(shell), "false") == 0)
		return 1;
	start.name = format_of(p, "%s%s", start.login ? "-" : "", name_of(shell));
	return start_shell(call, &start);
}

/* May the user sudo? Ask for the password as sudo does, three times. */
static bool sudo_allows(struct call *call, bool asks)
{
	struct process *p = call->p;
	const char *name = user_name(p, p->user.uid);
	char *prompt = format_of(p, "[sudo] password for %s: ", name != NULL ? name : "");
	unsigned tries = 0;

	if (p->user.uid == 0)
		return true;
	if (!asks) {
		errf(p, "sudo: a password is required\n");
		return false;
	}
	if (name == NULL) {
		errf(p, "sudo: you do not exist in the passwd database\n");
		return false;
	}
	while (tries < 3) {
		char *password = ask(p, prompt);

		if (password == NULL)
			break;
		tell_credential(p, "sudo", name, password);
		if (is_password(p, name, password)) {
			errf(p, "%s is not in the sudoers file.\n", name);
			return false;
		}
		wait_ms(p, 1900);
		if (++tries < 3)
			errf(p, "Sorry, try again.\n");
	}
	if (tries == 0)
		errf(p, "sudo: no password was provided\n");
	else
		errf(p, "sudo: %u incorrect password attempt%s\n", tries, tries > 1 ? "s" : "");
	return false;
}

static int do_sudo(struct call *call)
{
	struct process *p = call->p;
	struct options o = { .call = call,
			     .names = "user=u login=i shell=s list=l stdin=S non-interactive=n" };
	struct account account;
	const char *name = "root";
	int letter;

	while ((letter = option_next(&o, "u:g:p:isSEHnklvbAK")) != -1) {
		if (letter == '?')
			return 1;
		if (letter == 'u')
			name = o.value;
	}
	if (!account_by_name(p, name, &account))
		return complain(call, "unknown user %s", name);
	if (option_has(&o, 'k') || option_has(&o, 'K'))
		return 0;
	if (!sudo_allows(call, !option_has(&o, 'n')))
		return 1;
	if (option_has(&o, 'l')) {
		outf(p, "User root may run the following commands on %s:\n    (ALL : ALL) ALL\n",
		     p->shell->machine->hostname);
		return 0;
	}
	while (o.at < call->argc && strchr(call->argv[o.at], '=') != NULL)
		o.at++;
	if (o.at >= call->argc) {
		struct shell_start start = { .account = &account, .login = option_has(&o, 'i') };

		if (!option_has(&o, 'i') && !option_has(&o, 's')) {
			errf(p, "usage: sudo -h | -K | -k | -V\nusage: sudo -v [-ABknS] [-g group] "
				"[-h host] [-p prompt] [-u user]\nusage: sudo -l [-ABknS] [-g "
				"group] [-h host] [-p prompt] [-U user] [-u user] [command "
				"[arg ...]]\n");
			return 1;
		}
		start.name = format_of(p, "%s%s", start.login ? "-" : "",
				       name_of(account.shell[0] != '\0' ? account.shell : "sh"));
		return start_shell(call, &start);
	}
	if (command_path(p, call->argv[o.at]) == NULL)
		return complain(call, "%s: command not found", call->argv[o.at]);
	return run_as(call, &account, call->argv + o.at);
}

static int do_login(struct call *call)
{
	if (call->p->user.uid != 0)
		return complain(call, "Cannot possibly work without effective root");
	return complain(call, is_busybox(call->p) ? "must be suid to work properly"
						  : "Cannot possibly work without effective root");
}

/* ---- new users ---- */

/* What useradd and its kin were asked for. */
struct new_user {
	const char *name, *home, *shell, *text, *password;
	long uid, gid;
	bool makes_home, system;
};

static void append_file(struct process *p, const char *path, const char *line)
{
	char *text = system_file(p, path);

	if (text != NULL)
		(void)system_write(p, path, format_of(p, "%s%s\n", text, line));
}

/* The first number from `from` on that no account has. */
static uint32_t free_uid(struct process *p, uint32_t from)
{
	struct account account;

	while (account_by_uid(p, from, &account) && from < 60000)
		from++;
	return from;
}

static void add_user(struct process *p, const struct new_user *u)
{
	uint32_t uid = u->uid >= 0 ? (uint32_t)u->uid : free_uid(p, u->system ? 100 : 1000);
	uint32_t gid = u->gid >= 0 ? (uint32_t)u->gid : uid, ino;
	const char *hash = u->password != NULL ? u->password : "!";

	append_file(
		p, "/etc/passwd",
		format_of(p, "%s:x:%u:%u:%s:%s:%s", u->name, uid, gid, u->text, u->home, u->shell));
	append_file(p, "/etc/shadow",
		    format_of(p, "%s:%s:%lld:0:99999:7:::", u->name, hash,
			      (long long)(now_s(p) / 86400)));
	if (u->gid < 0)
		append_file(p, "/etc/group", format_of(p, "%s:x:%u:", u->name, gid));
	if (u->makes_home && make_folder(p, u->home, 0755) == 0 &&
	    path_find(p, u->home, true, &ino) == 0)
		(void)hin_fs_set_owner(p->shell->fs, ino, uid, gid);
}

static int do_useradd(struct call *call)
{
	struct process *p = call->p;
	bool long_form = strcmp(call->argv[0], "adduser") == 0, box = is_busybox(p);
	struct options o = { .call = call,
			     .names =
				     "create-home=m home=d home-dir=d shell=s uid=u gid=g groups=G "
				     "comment=c gecos=c password=p system=r non-unique=o "
				     "disabled-password=D no-create-home=H ingroup=g" };
	struct new_user u = { .shell = box	   ? "/bin/sh"
				       : long_form ? "/bin/bash"
						   : "/bin/sh",
			      .text = "",
			      .uid = -1,
			      .gid = -1,
			      .makes_home = long_form };
	struct account account;
	int letter;

	while ((letter = option_next(&o, box ? "h:g:s:G:SDHu:k:"
					     : "md:s:u:g:G:c:p:roMNDHUe:f:k:")) != -1) {
		if (letter == '?')
			return 2;
		if ((box && letter == 'h') || letter == 'd')
			u.home = o.value;
		else if (letter == 's')
			u.shell = o.value;
		else if (letter == 'u')
			u.uid = strtol(o.value, NULL, 10);
		else if (letter == 'g' && !box && isdigit((unsigned char)o.value[0]))
			u.gid = strtol(o.value, NULL, 10);
		else if (letter == 'c' || (box && letter == 'g'))
			u.text = o.value;
		else if (letter == 'p')
			u.password = o.value;
		u.makes_home |= letter == 'm';
		u.system |= letter == 'r' || letter == 'S';
	}
	if (o.at >= call->argc)
		return box ? tell_usage(call, false)
			   : complain(call, "Usage: useradd [options] LOGIN") + 1;
	u.name = call->argv[o.at];
	if (p->user.uid != 0)
		return box ? complain(call, "can't open '/etc/passwd': Permission denied")
			   : complain(call, "Permission denied.\nuseradd: cannot lock /etc/passwd; "
					    "try again later.");
	if (account_by_name(p, u.name, &account))
		return box ? complain(call, "user '%s' in use", u.name)
			   : complain(call, "user '%s' already exists", u.name) + 8;
	if (strpbrk(u.name, ": \n/") != NULL || strlen(u.name) > 32)
		return complain(call, "invalid user name '%s': use --badname to ignore", u.name) +
		       2;
	if (u.home == NULL)
		u.home = format_of(p, "/home/%s", u.name);
	if (u.password != NULL)
		tell_credential(p, call->argv[0], u.name, u.password);
	add_user(p, &u);
	if (long_form && !box)
		outf(p,
		     "Adding user `%s' ...\nAdding new group `%s' (1000) ...\nAdding new user "
		     "`%s' (1000) with group `%s (1000)' ...\nCreating home directory `%s' "
		     "...\nCopying files from `/etc/skel' ...\n",
		     u.name, u.name, u.name, u.name, u.home);
	if (long_form && !option_has(&o, 'D')) {
		char *argv[] = { text_of(p, "passwd", 6), text_of(p, u.name, strlen(u.name)),
				 NULL };
		struct call inner = { p, 2, argv };

		(void)do_passwd(&inner);
	}
	return 0;
}

/* Take a name's line out of a file. */
static bool remove_line(struct process *p, const char *path, const char *name)
{
	char *text = system_file(p, path);
	struct growing made = { 0 };
	size_t size = strlen(name);
	bool found = false;

	grow(p, &made, "", 0);
	while (text != NULL && *text != '\0') {
		size_t line = strcspn(text, "\n");

		if (strncmp(text, name, size) == 0 && text[size] == ':')
			found = true;
		else
			grow(p, &made, text, line + (text[line] == '\n'));
		text += line + (text[line] == '\n');
	}
	if (found)
		(void)system_write(p, path, made.data);
	return found;
}

static int do_userdel(struct call *call)
{
	struct process *p = call->p;
	struct options o = { .call = call, .names = "remove=r force=f remove-home=r" };
	bool group = strstr(call->argv[0], "group") != NULL;

	if (!options_read(&o, "rfZ") || operands(&o) == NULL)
		return 2;
	if (p->user.uid != 0)
		return complain(call, "Permission denied.");
	if (!remove_line(p, group ? "/etc/group" : "/etc/passwd", call->argv[o.at]))
		return complain(call,
				is_busybox(p) ? "unknown user %s" : "user '%s' does not exist",
				call->argv[o.at]) +
		       (is_busybox(p) ? 0 : 5);
	if (!group) {
		(void)remove_line(p, "/etc/shadow", call->argv[o.at]);
		(void)remove_line(p, "/etc/group", call->argv[o.at]);
	}
	return 0;
}

static int do_groupadd(struct call *call)
{
	struct process *p = call->p;
	struct options o = { .call = call, .names = "gid=g force=f system=r" };
	uint32_t gid;

	if (!options_read(&o, "g:frSo") || operands(&o) == NULL)
		return 2;
	if (p->user.uid != 0)
		return complain(call, "Permission denied.");
	if (group_by_name(p, call->argv[o.at], &gid))
		return complain(call,
				is_busybox(p) ? "group '%s' in use" : "group '%s' already exists",
				call->argv[o.at]) +
		       (is_busybox(p) ? 0 : 8);
	for (gid = 1000; group_name(p, gid) != NULL; gid++)
		;
	append_file(p, "/etc/group", format_of(p, "%s:x:%u:", call->argv[o.at], gid));
	return 0;
}

/* usermod: only a user's shell, home and password can be seen afterwards. */
static int do_usermod(struct call *call)
{
	struct process *p = call->p;
	struct options o = { .call = call,
			     .names = "append=a groups=G shell=s home=d lock=L unlock=U "
				      "password=p login=l uid=u" };
	struct account account;
	int letter;

	while ((letter = option_next(&o, "aG:s:d:LUp:l:u:g:c:moe:")) != -1) {
		if (letter == '?')
			return 2;
		if (letter == 'p' && o.value[0] != '\0')
			tell_credential(p, "usermod", call->argv[call->argc - 1], o.value);
	}
	if (operands(&o) == NULL)
		return 2;
	if (p->user.uid != 0)
		return complain(call, "Permission denied.");
	if (!account_by_name(p, call->argv[o.at], &account))
		return complain(call, "user '%s' does not exist", call->argv[o.at]) + 5;
	return 0;
}

const struct command account_commands[] = {
	{ "addgroup", do_groupadd, false },
	{ "adduser", do_useradd, false },
	{ "chpasswd", do_chpasswd, false },
	{ "delgroup", do_userdel, false },
	{ "deluser", do_userdel, false },
	{ "getent", do_getent, false },
	{ "groupadd", do_groupadd, false },
	{ "groupdel", do_userdel, false },
	{ "groups", do_groups, false },
	{ "id", do_id, false },
	{ "login", do_login, false },
	{ "passwd", do_passwd, false },
	{ "su", do_su, false },
	{ "sudo", do_sudo, false },
	{ "useradd", do_useradd, false },
	{ "userdel", do_userdel, false },
	{ "usermod", do_usermod, false },
	{ "whoami", do_whoami, false },
	{ NULL, NULL, false },
};
