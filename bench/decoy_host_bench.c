/*
 * decoy_host_bench - what loading personas and organisations costs.
 *
 * usage: hinomi-decoy-host-bench DATA
 *
 * DATA is the folder with personas/ and organisations/. Each case runs in a process of its own, a
 * few times: the time to load it, and the anonymous memory that it holds more than before. Then how
 * long it takes to find a host, to refuse a password, and to make the files of a new intruder.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "decoy/host/organisation.h"

#define ROUNDS 5
#define LOOKUPS 1000000
#define PASSWORDS 20000
#define INTRUDERS 200

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static long anonymous_kib(void)
{
	FILE *file = fopen("/proc/self/status", "re");
	char line[200];
	long kib = 0;

	if (file == NULL)
		return 0;
	while (fgets(line, sizeof(line), file) != NULL)
		if (sscanf(line, "RssAnon: %ld", &kib) == 1)
			break;
	fclose(file);
	return kib;
}

static struct hin_organisation *load(const char *personas, const char *file)
{
	const struct hin_organisation_settings settings = {
		.file = file, .personas = personas, .seed = { 1 }, .now_s = time(NULL)
	};
	struct hin_organisation *o = NULL;
	struct hin_error err;

	if (hin_organisation_load(&o, &settings, &err) != HIN_OK) {
		fprintf(stderr, "%s\n", err.text);
		exit(1);
	}
	return o;
}

static void use(const struct hin_organisation *o)
{
	const struct hin_host *host = hin_organisation_host_at(o, 0);
	const struct hin_host_user *user;
	struct hin_fs *fs[INTRUDERS];
	double start = now_ms(), found, tried, made;
	size_t before, hosts = 0, seen = 0;

	while (hin_organisation_host_at(o, hosts) != NULL)
		hosts++;
	for (size_t i = 0; i < LOOKUPS; i++)
		seen += hin_organisation_host(
				o, &hin_organisation_host_at(o, i % hosts)->address) != NULL;
	found = now_ms();
	for (size_t i = 0; i < PASSWORDS; i++)
		(void)hin_host_password(host, "root", 4, "not it", 6, &user, NULL);
	tried = now_ms();
	before = mallinfo2().uordblks;
	for (size_t i = 0; i < INTRUDERS; i++)
		fs[i] = hin_host_files(host);
	made = now_ms();
	printf("    find %.0f ns, refuse %.1f us, files of a new intruder %.0f us and %.1f KiB\n",
	       (found - start) * 1e6 / LOOKUPS, (tried - found) * 1e3 / PASSWORDS,
	       (made - tried) * 1e3 / INTRUDERS,
	       (double)(mallinfo2().uordblks - before) / 1024 / INTRUDERS);
	for (size_t i = 0; i < INTRUDERS; i++)
		hin_fs_free(fs[i]);
	if (seen != LOOKUPS)
		printf("    lost hosts\n");
}

/* Load `file` in this process; the first time counts for memory, the fastest for time. */
static void measure(const char *name, const char *personas, const char *file)
{
	double best = 0, first = 0;
	long before = anonymous_kib(), held = 0;
	struct hin_organisation *o = NULL;

	for (int i = 0; i < ROUNDS; i++) {
		double start = now_ms(), took;

		hin_organisation_free(o);
		start = now_ms();
		o = load(personas, file);
		took = now_ms() - start;
		if (i == 0) {
			first = took;
			held = anonymous_kib() - before;
		}
		best = i == 0 || took < best ? took : best;
	}
	printf("%s: loaded in %.1f ms (first %.1f), %.2f MiB\n", name, best, first,
	       (double)held / 1024);
	use(o);
	hin_organisation_free(o);
}

static void run(const char *name, const char *personas, const char *file)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		measure(name, personas, file);
		fflush(stdout);
		_exit(0);
	}
	if (pid > 0)
		waitpid(pid, NULL, 0);
}

static void write_file(const char *path, const char *hosts)
{
	FILE *file = fopen(path, "we");

	if (file == NULL ||
	    fprintf(file, "title: x\ndepartments: [\"a 甲 A\"]\nhosts:\n%s", hosts) < 0 ||
	    fclose(file) != 0) {
		perror(path);
		exit(1);
	}
}

int main(int argc, char **argv)
{
	char folder[] = "/tmp/decoy-host-XXXXXX", one[64], many[64], personas[4096], town[4096];

	if (argc != 2) {
		fprintf(stderr, "usage: hinomi-decoy-host-bench DATA\n");
		return 2;
	}
	if (mkdtemp(folder) == NULL) {
		perror(folder);
		return 1;
	}
	snprintf(one, sizeof(one), "%s/one", folder);
	snprintf(many, sizeof(many), "%s/many", folder);
	snprintf(personas, sizeof(personas), "%s/personas", argv[1]);
	snprintf(town, sizeof(town), "%s/organisations/town-hall.yaml", argv[1]);
	write_file(one, "  - \"10.0.0.1 debian-12 h a\"\n");
	write_file(many,
		   "  - \"10.0.0.0-10.0.15.255 debian-12,debian-11,dropbear,router h%d a\"\n");
	run("one persona", personas, one);
	run("town hall", personas, town);
	run("4096 hosts", personas, many);
	unlink(one);
	unlink(many);
	rmdir(folder);
	return 0;
}
