/*
 * hinomi-verify - check a log, a proof, the growth of a log, or a notice, offline.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "verify/verify.h"

bool wrong(const char *format, ...)
{
	char line[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	for (char *c = line; *c != '\0'; c++)
		if (*c < 0x20 || *c > 0x7e)
			*c = '?';
	fprintf(stderr, "hinomi-verify: %s\n", line);
	return false;
}

static const char help[] =
	"usage: hinomi-verify log FOLDER --key=KEY [--witness=KEY ...]\n"
	"       hinomi-verify proof PROOF --key=KEY [--witness=KEY ...]\n"
	"       hinomi-verify notice TEXT PROOF --key=KEY [--witness=KEY ...]\n"
	"       hinomi-verify growth OLD NEW FOLDER --key=KEY [--witness=KEY ...]\n"
	"\n"
	"Check what a log of acts says, without asking who wrote it.\n"
	"\n"
	"  log       read all entries and tiles of a log, and its checkpoint\n"
	"  proof     is this act in the log?\n"
	"  notice    is this text, byte by byte, what an act in the log is about?\n"
	"  growth    does the log of the checkpoint NEW begin with that of OLD?\n"
	"\n"
	"Status: 0 all is well, 1 it is not (the reason is said), 2 wrong usage.\n"
	"\n"
	"Options:\n"
	"  -k, --key=KEY         the log's key, as name+id+base64 (required)\n"
	"  -w, --witness=KEY     the key of a witness (repeatable)\n"
	"  -n, --quorum=N        how many witnesses must have signed (default: all given)\n"
	"  -c, --checkpoint=FILE read the log's checkpoint from here\n"
	"      --after=FILE      the log must also go on from this older checkpoint\n"
	"  -q, --quiet           say only what is wrong\n"
	"  -h, --help            show this help\n"
	"      --version         show the version\n";

struct arguments {
	struct policy policy;
	const char *checkpoint, *after;
	bool quiet;
};

static void say_time(const char *what, uint64_t seconds, unsigned micros, int digits)
{
	time_t t = (time_t)seconds;
	struct tm parts;
	char text[40];

	if (gmtime_r(&t, &parts) == NULL || strftime(text, sizeof(text), "%F %T", &parts) == 0)
		return;
	printf("%s%s", what, text);
	if (digits > 0)
		printf(".%06u", micros);
	puts("Z");
}

static void say_head(const struct arguments *a, const struct head *head, uint64_t cosigned)
{
	if (a->quiet)
		return;
	printf("log         %s\nentries     %" PRIu64 "\n", a->policy.log.name, head->size);
	if (cosigned > 0)
		say_time("witnessed   ", cosigned, 0, 0);
}

/* ---- log, growth ---- */

static bool run_log(const struct arguments *a, char *const *operands)
{
	const char *folder = operands[0];
	struct head head, old;
	uint64_t cosigned;
	char path[4096];

	snprintf(path, sizeof(path), "%s/checkpoint", folder);
	if (!check_head_file(&head, a->checkpoint != NULL ? a->checkpoint : path, &a->policy,
			     &cosigned))
		return false;
	if (!check_log(folder, &head))
		return false;
	if (a->after != NULL) {
		struct policy alone = a->policy;

		alone.quorum = 0; /* the witnesses' word is wanted for the newest one */
		if (!check_head_file(&old, a->after, &alone, NULL) ||
		    !check_growth(folder, &old, &head))
			return false;
	}
	say_head(a, &head, cosigned);
	if (!a->quiet)
		puts("whole: nothing was changed, dropped or re-ordered");
	return true;
}

static bool run_growth(const struct arguments *a, char *const *operands)
{
	struct policy alone = a->policy;
	struct head old, head;
	uint64_t cosigned;

	alone.quorum = 0;
	if (!check_head_file(&old, operands[0], &alone, NULL) ||
	    !check_head_file(&head, operands[1], &a->policy, &cosigned) ||
	    !check_growth(operands[2], &old, &head))
		return false;
	say_head(a, &head, cosigned);
	if (!a->quiet)
		printf("grew: its first %" PRIu64 " entries are those of the old checkpoint\n",
		       old.size);
	return true;
}

/* ---- proof, notice ---- */

static uint64_t big_endian(const uint8_t *bytes, unsigned count)
{
	uint64_t n = 0;

	while (count-- > 0)
		n = n << 8 | *bytes++;
	return n;
}

static void say_act(const struct proof *p)
{
	uint64_t when = big_endian(p->extra + 12, 8);
	static const uint8_t none[32];

	printf("act         %" PRIu64 "\nkind        %u\nwho         ", p->index,
	       (unsigned)big_endian(p->extra + 2, 2));
	if (big_endian(p->extra + 4, 8) == 0)
		puts("the system");
	else
		printf("account %" PRIu64 "\n", big_endian(p->extra + 4, 8));
	say_time("when        ", when / 1000000, (unsigned)(when % 1000000), 6);
	if (memcmp(p->extra + 20, none, 32) != 0) {
		printf("authority   ");
		for (unsigned i = 0; i < 32; i++)
			printf("%02x", p->extra[20 + i]);
		puts("");
	}
}

/* Is it an act of those whose text is given away: a notice, or an answer about silence? */
static bool is_notice(const struct proof *p, const char *name)
{
	unsigned kind = (unsigned)big_endian(p->extra + 2, 2);

	return kind == NOTICE_MADE || kind == SILENCE_ANSWERED ||
	       wrong("%s: its act is no notice but of kind %u (schema/registry/acts)", name, kind);
}

/* Check the proof in `file`, and with it the text, when there is one; then say what it is. */
static bool check_file(const struct arguments *a, const char *name, struct bytes *file,
		       const char *text_name, struct bytes *text)
{
	struct proof p = { .index = 0 };
	size_t size = text != NULL ? text->size : 0;
	struct head head;
	uint64_t cosigned;

	(void)undo_mail(file);
	if (!read_proof(&p, name, file) || (text != NULL && !is_notice(&p, name)) ||
	    !check_proof(&p, name, &a->policy, text_name, text, &head, &cosigned))
		return false;
	say_head(a, &head, cosigned);
	if (!a->quiet) {
		say_act(&p);
		puts(text == NULL	  ? "real: the act is in the log"
		     : text->size == size ? "real: the text is that of an act in the log"
					  : "real: the text is that of an act in the log; its "
					    "line ends were changed on the way");
	}
	return true;
}

static bool run_proof(const struct arguments *a, char *const *operands)
{
	struct bytes file;
	bool good = read_file(&file, operands[0], false);

	if (!good)
		return false;
	good = check_file(a, operands[0], &file, NULL, NULL);
	free(file.data);
	return good;
}

static bool run_notice(const struct arguments *a, char *const *operands)
{
	struct bytes text, file;
	bool good;

	if (!read_file(&text, operands[0], false))
		return false;
	good = read_file(&file, operands[1], false);
	if (good) {
		good = check_file(a, operands[1], &file, operands[0], &text);
		free(file.data);
	}
	free(text.data);
	return good;
}

/* ---- the command line ---- */

static int usage(const char *what)
{
	if (what != NULL)
		wrong("%s (--help shows more)", what);
	return 2;
}

/* Read the options; -1 to go on, else the exit status. */
static int read_options(struct arguments *a, int argc, char *argv[])
{
	static const struct option options[] = {
		{ "key", 1, NULL, 'k' },    { "witness", 1, NULL, 'w' },
		{ "quorum", 1, NULL, 'n' }, { "checkpoint", 1, NULL, 'c' },
		{ "after", 1, NULL, 'a' },  { "quiet", 0, NULL, 'q' },
		{ "help", 0, NULL, 'h' },   { "version", 0, NULL, 'v' },
		{ NULL, 0, NULL, 0 },
	};
	bool has_key = false, has_quorum = false;
	uint64_t quorum = 0;
	int c;

	while ((c = getopt_long(argc, argv, "k:w:n:c:qh", options, NULL)) != -1) {
		if (c == 'h')
			return fputs(help, stdout) < 0;
		if (c == 'v')
			return puts("hinomi-verify " HIN_VERSION) < 0;
		if (c == 'k' && !(has_key = read_key(&a->policy.log, optarg, 1)))
			return 2;
		if (c == 'w' && a->policy.witness_count == KEYS)
			return usage("too many witnesses");
		if (c == 'w' &&
		    !read_key(&a->policy.witnesses[a->policy.witness_count++], optarg, 4))
			return 2;
		if (c == 'n' && !(has_quorum = read_number(&quorum, optarg, strlen(optarg))))
			return usage("the quorum is no number");
		if (c == 'c')
			a->checkpoint = optarg;
		if (c == 'a')
			a->after = optarg;
		if (c == 'q')
			a->quiet = true;
		if (c == '?')
			return usage(NULL);
	}
	for (unsigned i = 0; i < a->policy.witness_count; i++)
		for (unsigned k = 0; k < i; k++)
			if (memcmp(a->policy.witnesses[i].bytes, a->policy.witnesses[k].bytes,
				   32) == 0)
				return usage("a witness was given twice");
	a->policy.quorum = has_quorum ? (unsigned)quorum : a->policy.witness_count;
	if (quorum > a->policy.witness_count)
		return usage("the quorum is more than the witnesses that were given");
	return has_key || optind == argc ? -1 : usage("the log's key is needed: --key");
}

int main(int argc, char *argv[])
{
	static const struct {
		const char *name;
		int operands;
		bool (*run)(const struct arguments *a, char *const *operands);
	} commands[] = {
		{ "log", 1, run_log },
		{ "proof", 1, run_proof },
		{ "notice", 2, run_notice },
		{ "growth", 3, run_growth },
	};
	static struct arguments a;
	int status = read_options(&a, argc, argv);

	if (status >= 0)
		return status;
	if (optind == argc) {
		fputs(help, stderr);
		return 2;
	}
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(argv[optind], commands[i].name) != 0)
			continue;
		if (argc - optind - 1 != commands[i].operands)
			return usage("that command needs other operands");
		return commands[i].run(&a, argv + optind + 1) ? 0 : 1;
	}
	return usage("the command is none of log, proof, notice and growth");
}
