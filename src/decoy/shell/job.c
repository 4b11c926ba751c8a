/* job - what runs in the background of an interactive shell, and what was stopped. */
#include <stdio.h>
#include <stdlib.h>

#include "decoy/shell/shell_priv.h"

#define JOBS 64

/* ---- a command as text ---- */

static void put_word(struct process *p, struct growing *g, const struct hin_word *word)
{
	for (const struct hin_part *part = word->parts; part != NULL; part = part->next) {
		if (part->type == HIN_PART_TEXT)
			grow(p, g, part->text, part->size);
		else if (part->type == HIN_PART_PARAMETER)
			grow_format(p, g, "${%s}", part->text);
		else
			grow_text(p, g, "$(...)");
	}
}

static void put_node(struct process *p, struct growing *g, const struct hin_node *node)
{
	static const char *const kinds[] = {
		[HIN_NODE_SUBSHELL] = "(...)",	      [HIN_NODE_GROUP] = "{...; }",
		[HIN_NODE_IF] = "if ...; fi",	      [HIN_NODE_WHILE] = "while ...; done",
		[HIN_NODE_UNTIL] = "until ...; done", [HIN_NODE_FOR] = "for ...; done",
		[HIN_NODE_CASE] = "case ... esac"
	};

	if (node == NULL || g->size > 400)
		return;
	switch (node->type) {
	case HIN_NODE_SIMPLE:
		for (const struct hin_word *w = node->words; w != NULL; w = w->next) {
			put_word(p, g, w);
			if (w->next != NULL)
				grow_char(p, g, ' ');
		}
		break;
	case HIN_NODE_PIPELINE:
		for (const struct hin_node *n = node->first; n != NULL; n = n->next) {
			put_node(p, g, n);
			if (n->next != NULL)
				grow_text(p, g, " | ");
		}
		break;
	case HIN_NODE_AND:
	case HIN_NODE_OR:
		put_node(p, g, node->first);
		grow_text(p, g, node->type == HIN_NODE_AND ? " && " : " || ");
		put_node(p, g, node->second);
		break;
	default:
		if (node->type < HIN_COUNT(kinds) && kinds[node->type] != NULL)
			grow_text(p, g, kinds[node->type]);
		else
			put_node(p, g, node->first);
	}
}

/* ---- jobs ---- */

static struct job *job_add(struct process *p, uint32_t pid, const char *text)
{
	struct job **last = &p->shell->jobs, *job;
	unsigned number = 1;

	while (*last != NULL) {
		number = (*last)->number + 1;
		last = &(*last)->next;
	}
	if (number > JOBS)
		return NULL;
	job = calloc(1, sizeof(*job));
	if (job == NULL || (job->text = strdup(text)) == NULL) {
		free(job);
		return NULL;
	}
	job->number = number;
	job->pid = pid;
	*last = job;
	return job;
}

void job_begin(struct process *p, uint32_t pid, const struct hin_node *node)
{
	struct growing text = { 0 };
	const struct job *job;

	grow(p, &text, "", 0);
	put_node(p, &text, node);
	job = job_add(p, pid, text.data);
	if (job != NULL && is_bash(p))
		errf(p, "[%u] %u\n", job->number, pid);
}

/* A line about a job. */
static void tell_job(struct process *p, const struct job *job, const char *state, int fd,
		     const char *end)
{
	char mark = job->next == NULL ? '+' : job->next->next == NULL ? '-' : ' ';
	char *text;

	if (is_bash(p))
		text = format_of(p, "[%u]%c  %-24s%s%s\n", job->number, mark, state, job->text,
				 end);
	else
		text = format_of(p, "%-32s %s\n",
				 format_of(p, "[%u] %c %s", job->number, mark, state), job->text);
	out(p, fd, text, strlen(text));
}

void job_stopped(struct process *p, const char *text)
{
	const struct job *job = job_add(p, 0, text);

	errf(p, "\n");
	if (job != NULL)
		tell_job(p, job, "Stopped", 2, "");
}

static const char *state_of(struct process *p, const struct job *job)
{
	int status = 0;

	if (job->pid == 0)
		return "Stopped";
	if (task_is_alive(p->shell, job->pid, &status))
		return "Running";
	if (status == 128 + 9)
		return "Killed";
	if (status == 128 + 15)
		return "Terminated";
	if (status == 0)
		return "Done";
	return format_of(p, is_bash(p) ? "Exit %d" : "Done(%d)", status);
}

void job_forget(struct hin_shell *shell, struct job *job)
{
	struct job **at = &shell->jobs;

	while (*at != NULL && *at != job)
		at = &(*at)->next;
	if (*at == NULL)
		return;
	*at = job->next;
	if (job->pid != 0)
		task_forget(shell, job->pid);
	free(job->text);
	free(job);
}

void jobs_free(struct hin_shell *shell)
{
	while (shell->jobs != NULL)
		job_forget(shell, shell->jobs);
}

void jobs_tell_ended(struct process *p)
{
	struct job *next;
	int status;

	for (struct job *job = p->shell->jobs; job != NULL; job = next) {
		next = job->next;
		if (job->pid == 0 || task_is_alive(p->shell, job->pid, &status))
			continue;
		tell_job(p, job, state_of(p, job), 2, "");
		job_forget(p->shell, job);
	}
}

struct job *job_find(struct hin_shell *shell, const char *name)
{
	struct job *job = shell->jobs;

	if (name != NULL && name[0] == '%')
		name++;
	if (name == NULL || name[0] == '\0' || strcmp(name, "%") == 0 || strcmp(name, "+") == 0) {
		while (job != NULL && job->next != NULL)
			job = job->next;
		return job;
	}
	while (job != NULL && job->number != strtoul(name, NULL, 10))
		job = job->next;
	return job;
}

int do_jobs(struct call *call)
{
	struct process *p = call->p;
	bool pids = call->argc > 1 && strcmp(call->argv[1], "-p") == 0;

	for (const struct job *job = p->shell->jobs; job != NULL; job = job->next) {
		if (pids)
			outf(p, "%u\n", job->pid);
		else
			tell_job(p, job, state_of(p, job), 1,
				 strcmp(state_of(p, job), "Running") == 0 ? " &" : "");
	}
	return 0;
}

/* fg and bg: wait for a job, or let it go on. */
int do_fg(struct call *call)
{
	struct process *p = call->p;
	bool front = call->argv[0][0] == 'f';
	struct job *job = job_find(p->shell, call->argv[1]);
	int status = 0;

	if (job == NULL) {
		shell_error(p, is_bash(p) ? "%s: %s: no such job" : "%s: No current job",
			    call->argv[0], call->argc > 1 ? call->argv[1] : "current");
		return is_bash(p) ? 1 : 2;
	}
	if (!front) {
		outf(p, "[%u]+ %s &\n", job->number, job->text);
		return 0;
	}
	outf(p, "%s\n", job->text);
	if (job->pid != 0) {
		if (task_is_alive(p->shell, job->pid, &status))
			task_block(p, TASK_WAITS, NULL, job->pid);
		(void)task_is_alive(p->shell, job->pid, &status);
	}
	job_forget(p->shell, job);
	return status;
}
