/* dd - dd. */
#include <stdlib.h>

#include "decoy/shell/command/command.h"

#define BLOCK_MOST ((uint64_t)1 << 20)

struct copying {
	struct call *call;
	const char *from, *to, *conversion, *status;
	uint64_t block, count, skip, seek;
	uint64_t whole, part, bytes;
	struct file *in, *out;
	int fault;
};

/* The operands; false, with a word, for one that is none. */
static bool read_operands(struct copying *d)
{
	struct call *call = d->call;
	const struct {
		const char *name;
		const char **text;
		uint64_t *number;
	} names[] = {
		{ "if", &d->from, NULL },
		{ "of", &d->to, NULL },
		{ "conv", &d->conversion, NULL },
		{ "status", &d->status, NULL },
		{ "iflag", NULL, NULL },
		{ "oflag", NULL, NULL },
		{ "bs", NULL, &d->block },
		{ "ibs", NULL, &d->block },
		{ "obs", NULL, NULL },
		{ "count", NULL, &d->count },
		{ "skip", NULL, &d->skip },
		{ "seek", NULL, &d->seek },
	};

	for (int i = 1; i < call->argc; i++) {
		const char *equals = strchr(call->argv[i], '=');
		size_t size = equals != NULL ? (size_t)(equals - call->argv[i]) : 0, k = 0;

		while (k < HIN_COUNT(names) && (equals == NULL || strlen(names[k].name) != size ||
						memcmp(names[k].name, call->argv[i], size) != 0))
			k++;
		if (k == HIN_COUNT(names)) {
			if (is_busybox(call->p))
				(void)tell_usage(call, false);
			else
				(void)complain_usage(call, "unrecognized operand '%s'",
						     call->argv[i]);
			return false;
		}
		if (names[k].text != NULL)
			*names[k].text = equals + 1;
		if (names[k].number != NULL)
			*names[k].number = size_of(equals + 1);
	}
	if (d->block == 0)
		d->block = 512;
	if (d->block > BLOCK_MOST)
		d->block = BLOCK_MOST;
	return true;
}

static bool open_files(struct copying *d)
{
	struct call *call = d->call;
	struct process *p = call->p;
	bool keep = d->conversion != NULL && strstr(d->conversion, "notrunc") != NULL;

	if (d->from != NULL && !is_busybox(p)) {
		d->fault = file_open(p, d->from, OPEN_READ, 0, &d->in);
		if (d->fault != 0) {
			(void)complain(call, "failed to open '%s': %s", d->from,
				       error_text(d->fault));
			return false;
		}
		(void)file_owned(p, d->in);
	} else {
		d->in = open_input(call, d->from != NULL ? d->from : "-");
	}
	if (d->in == NULL)
		return false;
	d->out = p->fds[1];
	if (d->to == NULL)
		return true;
	d->fault = file_open(p, d->to,
			     OPEN_WRITE | OPEN_CREATE | (keep || d->seek > 0 ? 0u : OPEN_TRUNCATE),
			     0666, &d->out);
	if (d->fault != 0) {
		(void)complain(call,
			       is_busybox(p) ? "can't open '%s': %s" : "failed to open '%s': %s",
			       d->to, error_text(d->fault));
		return false;
	}
	(void)file_owned(p, d->out);
	d->out->offset = d->seek > UINT64_MAX / d->block ? UINT64_MAX / 2 : d->seek * d->block;
	return true;
}

static void copy(struct copying *d)
{
	struct process *p = d->call->p;
	char *data = memory_of(p, (size_t)d->block);

	if (d->in->type == FILE_FS && d->skip > 0)
		d->in->offset = d->skip > UINT64_MAX / d->block ? UINT64_MAX : d->skip * d->block;
	else
		for (; d->skip > 0; d->skip--)
			if (file_read(p, d->in, data, (size_t)d->block) <= 0)
				break;
	for (uint64_t n = 0; n < d->count; n++) {
		int64_t got = file_read(p, d->in, data, (size_t)d->block);

		if (got <= 0)
			return;
		d->whole += (uint64_t)got == d->block;
		d->part += (uint64_t)got != d->block;
		d->fault = file_write(p, d->out, data, (size_t)got);
		if (d->fault != 0) {
			(void)complain(d->call, "error writing '%s': %s",
				       d->to != NULL ? d->to : "standard output",
				       error_text(d->fault));
			return;
		}
		d->bytes += (uint64_t)got;
	}
}

static void tell_count(struct copying *d)
{
	struct process *p = d->call->p;
	double seconds = 0.0001 + (double)d->bytes / 400e6;
	char size[24];

	if (d->status != NULL && strcmp(d->status, "none") == 0)
		return;
	errf(p, "%llu+%llu records in\n%llu+%llu records out\n", (unsigned long long)d->whole,
	     (unsigned long long)d->part, (unsigned long long)d->whole,
	     (unsigned long long)d->part);
	if (d->status != NULL && strcmp(d->status, "noxfer") == 0)
		return;
	human_size(d->bytes, size);
	if (is_busybox(p))
		errf(p, "%llu bytes (%s%s) copied, %f seconds, %.1f%s/s\n",
		     (unsigned long long)d->bytes, size, d->bytes < 1024 ? "B" : "B", seconds,
		     (double)d->bytes / seconds / 1048576, "MB");
	else if (d->bytes >= 1000)
		errf(p, "%llu bytes (%.1f kB, %.1f KiB) copied, %.6g s, %.1f MB/s\n",
		     (unsigned long long)d->bytes, (double)d->bytes / 1000, (double)d->bytes / 1024,
		     seconds, (double)d->bytes / seconds / 1e6);
	else
		errf(p, "%llu bytes copied, %.6g s, %.1f kB/s\n", (unsigned long long)d->bytes,
		     seconds, (double)d->bytes / seconds / 1e3);
}

static int do_dd(struct call *call)
{
	struct copying d = { .call = call, .block = 512, .count = UINT64_MAX };

	if (!read_operands(&d) || !open_files(&d))
		return 1;
	copy(&d);
	tell_count(&d);
	return d.fault != 0;
}

const struct command dd_commands[] = {
	{ "dd", do_dd, false },
	{ NULL, NULL, false },
};
