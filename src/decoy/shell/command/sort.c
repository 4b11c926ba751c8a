/* sort - sort and uniq. */
#include <ctype.h>
#include <stdlib.h>

#include "decoy/shell/command/command.h"

struct sorting {
	bool numeric, reverse, fold, blanks;
	unsigned long key, key_end;
	char separator;
};

/* Where the key of a line begins and ends. */
static const char *key_of(const struct sorting *s, const char *line, size_t *size)
{
	const char *at = line;

	if (s->key > 1) {
		for (unsigned long field = 1; field < s->key && *at != '\0'; field++) {
			if (s->separator != '\0') {
				at += strcspn(at, (char[2]){ s->separator, '\0' });
				at += *at != '\0';
			} else {
				at += strspn(at, " \t");
				at += strcspn(at, " \t");
			}
		}
	}
	*size = strlen(at);
	if (s->key_end >= s->key && s->key_end > 0) {
		const char *end = at;

		for (unsigned long field = s->key; field <= s->key_end && *end != '\0'; field++) {
			if (s->separator != '\0') {
				end += strcspn(end, (char[2]){ s->separator, '\0' });
				if (field < s->key_end && *end != '\0')
					end++;
			} else {
				end += strspn(end, " \t");
				end += strcspn(end, " \t");
			}
		}
		*size = (size_t)(end - at);
	}
	return at;
}

static int compare_keys(const struct sorting *s, const char *a, const char *b)
{
	size_t x_size, y_size, n;
	const char *x = key_of(s, a, &x_size), *y = key_of(s, b, &y_size);
	int order;

	if (s->numeric) {
		double i = strtod(x, NULL), k = strtod(y, NULL);

		return i < k ? -1 : i > k;
	}
	while (s->blanks && x_size > 0 && isblank((unsigned char)*x)) {
		x++;
		x_size--;
	}
	while (s->blanks && y_size > 0 && isblank((unsigned char)*y)) {
		y++;
		y_size--;
	}
	n = x_size < y_size ? x_size : y_size;
	order = s->fold ? strncasecmp(x, y, n) : memcmp(x, y, n);
	return order != 0 ? order : x_size < y_size ? -1 : x_size > y_size;
}

static int by_key(const void *a, const void *b, void *sorting)
{
	const struct sorting *s = sorting;
	const char *x = *(char *const *)a, *y = *(char *const *)b;
	int order = compare_keys(s, x, y);

	if (order == 0)
		order = strcmp(x, y);
	return s->reverse ? -order : order;
}

static int do_sort(struct call *call)
{
	struct process *p = call->p;
	struct options o = { .call = call };
	struct sorting s = { 0 };
	struct fields all = { 0 };
	struct file *into = NULL;
	const char *target = NULL;
	bool unique = false;
	struct lines l;
	int letter;

	while ((letter = option_next(&o, "nrufbk:t:o:ghdsVcm")) != -1) {
		switch (letter) {
		case '?':
			return 2;
		case 'n':
		case 'g':
		case 'h':
			s.numeric = true;
			break;
		case 'r':
			s.reverse = true;
			break;
		case 'u':
			unique = true;
			break;
		case 'f':
			s.fold = true;
			break;
		case 'b':
			s.blanks = true;
			break;
		case 'k': {
			char *end;

			s.key = strtoul(o.value, &end, 10);
			if (*end == '.')
				end += strspn(end, ".0123456789");
			for (; *end != '\0' && *end != ','; end++) {
				s.numeric |= *end == 'n' || *end == 'g' || *end == 'h';
				s.reverse |= *end == 'r';
			}
			if (*end == ',') {
				s.key_end = strtoul(end + 1, &end, 10);
				for (; *end != '\0'; end++) {
					s.numeric |= *end == 'n';
					s.reverse |= *end == 'r';
				}
			}
			break;
		}
		case 't':
			s.separator = o.value[0];
			break;
		case 'o':
			target = o.value;
			break;
		default:
			break;
		}
	}
	lines_begin(&l, call, call->argv + o.at);
	while (lines_next(&l))
		fields_add(p, &all,
			   text_of(p, l.line.data != NULL ? l.line.data : "", l.line.size));
	if (l.status != 0)
		return 2;
	if (all.count > 0)
		qsort_r(all.items, all.count, sizeof(*all.items), by_key, &s);
	if (target != NULL) {
		int fault =
			file_open(p, target, OPEN_WRITE | OPEN_CREATE | OPEN_TRUNCATE, 0666, &into);

		if (fault != 0)
			return complain(call, "%s: %s", target, error_text(fault)) + 1;
		(void)file_owned(p, into);
	}
	for (size_t i = 0; i < all.count; i++) {
		struct file *to = into != NULL ? into : p->fds[1];

		if (unique && i > 0 && compare_keys(&s, all.items[i - 1], all.items[i]) == 0)
			continue;
		(void)file_write(p, to, all.items[i], strlen(all.items[i]));
		(void)file_write(p, to, "\n", 1);
	}
	file_done(p, into);
	return 0;
}

static int do_uniq(struct call *call)
{
	struct process *p = call->p;
	struct options o = { .call = call };
	bool counts = false, repeated = false, single = false, fold = false, any = false;
	unsigned long skip = 0;
	struct growing before = { 0 };
	unsigned long times = 0;
	struct lines l;
	int letter;

	while ((letter = option_next(&o, "cduif:s:w:")) != -1) {
		switch (letter) {
		case '?':
			return 1;
		case 'c':
			counts = true;
			break;
		case 'd':
			repeated = true;
			break;
		case 'u':
			single = true;
			break;
		case 'i':
			fold = true;
			break;
		case 'f':
			skip = strtoul(o.value, NULL, 10);
			break;
		default:
			break;
		}
	}
	if (o.at + 1 < call->argc)
		call->argv[o.at + 1] = NULL;
	lines_begin(&l, call, call->argv + o.at);
	for (;;) {
		bool more = lines_next(&l), same;
		const char *a = before.data != NULL ? before.data : "";
		const char *b = l.line.data != NULL ? l.line.data : "";

		for (unsigned long i = 0; i < skip; i++) {
			a += strspn(a, " \t");
			a += strcspn(a, " \t");
			b += strspn(b, " \t");
			b += strcspn(b, " \t");
		}
		same = more && any && (fold ? strcasecmp(a, b) : strcmp(a, b)) == 0;
		if (same) {
			times++;
			continue;
		}
		if (any && !(repeated && times < 2) && !(single && times > 1)) {
			if (counts)
				outf(p, "%7lu ", times);
			grow_char(p, &before, '\n');
			out(p, 1, before.data, before.size);
		}
		if (!more)
			break;
		before.size = 0;
		grow(p, &before, l.line.data, l.line.size);
		times = 1;
		any = true;
	}
	return l.status;
}

const struct command sort_commands[] = {
	{ "sort", do_sort, false },
	{ "uniq", do_uniq, false },
	{ NULL, NULL, false },
};
