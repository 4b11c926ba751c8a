/* package - dpkg, apt and others, offline; interpreters and compilers by what they say at once. */
#include <stdlib.h>

#include "decoy/shell/command/command.h"

static const struct hin_machine_package *package_of(const struct process *p, const char *name)
{
	const struct hin_shell_machine *m = p->shell->machine;

	for (size_t i = 0; i < m->package_count; i++)
		if (strcmp(m->packages[i].name, name) == 0)
			return &m->packages[i];
	return NULL;
}

/* ---- dpkg ---- */

static void tell_package(struct process *p, const struct hin_machine_package *k)
{
	outf(p, "ii  %-30s %-28s %-12s %s\n", k->name, k->version,
	     k->architecture != NULL ? k->architecture : "amd64", k->text != NULL ? k->text : "");
}

static int do_dpkg(struct call *call)
{
	struct process *p = call->p;
	const struct hin_shell_machine *m = p->shell->machine;
	const char *what = call->argc > 1 ? call->argv[1] : "";
	int status = 0;

	if (strcmp(what, "--print-architecture") == 0) {
		outs(p, strcmp(m->hardware, "aarch64") == 0 ? "arm64\n" : "amd64\n");
		return 0;
	}
	if (strcmp(what, "-l") == 0 || strcmp(what, "--list") == 0) {
		outs(p,
		     "Desired=Unknown/Install/Remove/Purge/Hold\n| "
		     "Status=Not/Inst/Conf-files/Unpacked/halF-conf/Half-inst/trig-aWait/"
		     "Trig-pend\n|/ "
		     "Err?=(none)/Reinst-required (Status,Err: uppercase=bad)\n||/ Name            "
		     "    "
		     "           Version                      Architecture Description\n+++-======"
		     "========================-============================-============-=========="
		     "=======================\n");
		for (size_t i = 0; i < m->package_count && call->argc < 3; i++)
			tell_package(p, &m->packages[i]);
		for (int i = 2; i < call->argc; i++) {
			const struct hin_machine_package *k = package_of(p, call->argv[i]);

			if (k != NULL) {
				tell_package(p, k);
				continue;
			}
			errf(p, "dpkg-query: no packages found matching %s\n", call->argv[i]);
			status = 1;
		}
		return status;
	}
	if ((strcmp(what, "-s") == 0 || strcmp(what, "--status") == 0) && call->argc > 2) {
		const struct hin_machine_package *k = package_of(p, call->argv[2]);

		if (k == NULL) {
			errf(p,
			     "dpkg-query: package '%s' is not installed and no information is "
			     "available\nUse dpkg --info (= dpkg-deb --info) to examine archive "
			     "files.\n",
			     call->argv[2]);
			return 1;
		}
		outf(p, "Package: %s\nStatus: install ok installed\nVersion: %s\n", k->name,
		     k->version);
		return 0;
	}
	if (strcmp(what, "-i") == 0 || strcmp(what, "-r") == 0 || strcmp(what, "--purge") == 0) {
		if (p->user.uid != 0)
			return complain(call,
					"error: requested operation requires superuser privilege") +
			       1;
		return complain(call,
				"error: cannot access archive '%s': No such file or directory",
				call->argc > 2 ? call->argv[2] : "") +
		       1;
	}
	errf(p,
	     "dpkg: error: need an action option\n\nType dpkg --help for help about installing and "
	     "deinstalling packages [*];\n");
	return 2;
}

/* ---- apt: nothing answers ---- */

static int apt_update(struct process *p)
{
	static const char *const lists[] = {
		"http://deb.debian.org/debian bookworm InRelease",
		"http://deb.debian.org/debian bookworm-updates InRelease",
		"http://deb.debian.org/debian-security bookworm-security "
		"InRelease"
	};

	for (size_t i = 0; i < HIN_COUNT(lists); i++) {
		wait_ms(p, 4000);
		outf(p, "Err:%zu %s\n  Temporary failure resolving 'deb.debian.org'\n", i + 1,
		     lists[i]);
	}
	outs(p, "Reading package lists... Done\n");
	for (size_t i = 0; i < HIN_COUNT(lists); i++)
		errf(p, "W: Failed to fetch %.*s  Temporary failure resolving 'deb.debian.org'\n",
		     (int)strcspn(lists[i], " "), lists[i]);
	errf(p, "W: Some index files failed to download. They have been ignored, or old ones used "
		"instead.\n");
	return 0;
}

static int apt_install(struct call *call, int at)
{
	struct process *p = call->p;
	unsigned missing = 0;

	outs(p, "Reading package lists... Done\nBuilding dependency tree... Done\nReading state "
		"information... Done\n");
	for (; at < call->argc; at++) {
		const struct hin_machine_package *k =
			call->argv[at][0] != '-' ? package_of(p, call->argv[at]) : NULL;

		if (k != NULL) {
			outf(p, "%s is already the newest version (%s).\n", k->name, k->version);
		} else if (call->argv[at][0] != '-') {
			errf(p, "E: Unable to locate package %s\n", call->argv[at]);
			missing++;
		}
	}
	if (missing > 0)
		return 100;
	outs(p, "0 upgraded, 0 newly installed, 0 to remove and 0 not upgraded.\n");
	return 0;
}

static int do_apt(struct call *call)
{
	struct process *p = call->p;
	const struct hin_shell_machine *m = p->shell->machine;
	int at = 1;

	while (at < call->argc && call->argv[at][0] == '-')
		at++;
	if (at >= call->argc) {
		outs(p, "apt 2.6.1 (amd64)\nUsage: apt-get [options] command\n");
		return 1;
	}
	if (strcmp(call->argv[at], "list") == 0) {
		outs(p, "Listing... Done\n");
		for (size_t i = 0; i < m->package_count; i++)
			outf(p, "%s/now %s amd64 [installed,local]\n", m->packages[i].name,
			     m->packages[i].version);
		return 0;
	}
	if (strcmp(call->argv[at], "search") == 0 || strcmp(call->argv[at], "show") == 0)
		return 0;
	if (p->user.uid != 0) {
		errf(p, "E: Could not open lock file /var/lib/dpkg/lock-frontend - open (13: "
			"Permission "
			"denied)\nE: Unable to acquire the dpkg frontend lock "
			"(/var/lib/dpkg/lock-frontend), are you root?\n");
		return 100;
	}
	if (strcmp(call->argv[at], "update") == 0)
		return apt_update(p);
	return apt_install(call, at + 1);
}

static int do_opkg(struct call *call)
{
	struct process *p = call->p;
	const struct hin_shell_machine *m = p->shell->machine;

	if (call->argc > 1 && strcmp(call->argv[1], "list-installed") == 0) {
		for (size_t i = 0; i < m->package_count; i++)
			outf(p, "%s - %s\n", m->packages[i].name, m->packages[i].version);
		return 0;
	}
	wait_ms(p, 5000);
	errf(p, "Collected errors:\n * opkg_download: Failed to download package list.\n");
	return 255;
}

/* ---- interpreters and compilers: what they are, and an error for what they would run ---- */

static const struct {
	const char *name, *option, *version;
} interpreters[] = {
	{ "gcc", "--version",
	  "gcc (Debian 12.2.0-14) 12.2.0\nCopyright (C) 2022 Free Software "
	  "Foundation, Inc.\n" },
	{ "make", "--version", "GNU Make 4.3\nBuilt for x86_64-pc-linux-gnu\n" },
	{ "perl", "-v",
	  "\nThis is perl 5, version 36, subversion 0 (v5.36.0) built for "
	  "x86_64-linux-gnu-thread-multi\n(with 60 registered patches, see perl -V for more "
	  "detail)\n\nCopyright 1987-2022, Larry Wall\n\n" },
	{ "php", "-v", "PHP 8.2.7 (cli) (built: Jun  9 2023 19:37:27) (NTS)\n" },
	{ "python", "-V", "Python 2.7.18\n" },
	{ "python2", "-V", "Python 2.7.18\n" },
	{ "python3", "-V", "Python 3.11.2\n" },
	{ "git", "--version", "git version 2.39.2\n" },
	{ "docker", "-v", "Docker version 24.0.5, build ced0996\n" },
};

static int do_interpreter(struct call *call)
{
	struct process *p = call->p;
	const char *name = name_of(call->argv[0]);

	for (size_t i = 0; i < HIN_COUNT(interpreters); i++) {
		if (strcmp(interpreters[i].name, name) != 0)
			continue;
		if (call->argc > 1 && (strcmp(call->argv[1], interpreters[i].option) == 0 ||
				       strcmp(call->argv[1], "--version") == 0)) {
			outs(p, interpreters[i].version);
			return 0;
		}
	}
	if (strcmp(name, "gcc") == 0) {
		errf(p, "gcc: fatal error: no input files\ncompilation terminated.\n");
		return 1;
	}
	if (strcmp(name, "make") == 0) {
		errf(p, "make: *** No targets specified and no makefile found.  Stop.\n");
		return 2;
	}
	if (call->argc > 1 && call->argv[1][0] != '-' && strcmp(name, "git") != 0 &&
	    strcmp(name, "docker") != 0) {
		uint32_t ino;

		if (path_find(p, call->argv[1], true, &ino) != 0) {
			if (strncmp(name, "python", 6) == 0)
				errf(p,
				     "%s: can't open file '%s': [Errno 2] No such file or "
				     "directory\n",
				     name, call->argv[1]);
			else
				errf(p, "Can't open %s script \"%s\": No such file or directory\n",
				     name, call->argv[1]);
			return 2;
		}
	}
	if (call->argc < 2)
		(void)file_slurp(p, p->fds[0], &(size_t){ 0 });
	return 0;
}

const struct command package_commands[] = {
	{ "apk", do_opkg, false },
	{ "apt", do_apt, false },
	{ "apt-get", do_apt, false },
	{ "docker", do_interpreter, false },
	{ "dpkg", do_dpkg, false },
	{ "gcc", do_interpreter, false },
	{ "git", do_interpreter, false },
	{ "make", do_interpreter, false },
	{ "opkg", do_opkg, false },
	{ "perl", do_interpreter, false },
	{ "php", do_interpreter, false },
	{ "python", do_interpreter, false },
	{ "python2", do_interpreter, false },
	{ "python3", do_interpreter, false },
	{ "yum", do_opkg, false },
	{ NULL, NULL, false },
};
