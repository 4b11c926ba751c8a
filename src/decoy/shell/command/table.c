/* table - all commands of an imitated machine, by name. */
#include <pthread.h>
#include <stdlib.h>

#include "decoy/shell/command/command.h"

#define COMMANDS 320

static const struct command *sorted[COMMANDS];
static size_t command_count;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static const struct command *const families[] = {
#define FAMILY(name) name##_commands,
	FAMILIES(FAMILY)
#undef FAMILY
};

static int by_name(const void *a, const void *b)
{
	const struct command *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

static void sort_all(void)
{
	for (size_t f = 0; f < HIN_COUNT(families); f++)
		for (const struct command *c = families[f]; c->name != NULL; c++)
			if (command_count < COMMANDS)
				sorted[command_count++] = c;
	qsort(sorted, command_count, sizeof(sorted[0]), by_name);
}

static int by_its_name(const void *name, const void *command)
{
	const struct command *const *c = command;

	return strcmp(name, (*c)->name);
}

const struct command *applet_find(const char *name)
{
	const struct command *const *found;

	pthread_once(&once, sort_all);
	found = bsearch(name, sorted, command_count, sizeof(sorted[0]), by_its_name);
	return found != NULL ? *found : NULL;
}

const struct command *applet_at(size_t index)
{
	pthread_once(&once, sort_all);
	return index < command_count ? sorted[index] : NULL;
}

size_t applet_index(const struct command *command)
{
	size_t at = 0;

	pthread_once(&once, sort_all);
	while (at < command_count && sorted[at] != command)
		at++;
	return at;
}

const char *hin_shell_applet(size_t index)
{
	const struct command *c = applet_at(index);

	return c != NULL ? c->name : NULL;
}
