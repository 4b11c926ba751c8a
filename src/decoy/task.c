/* task - coroutines of a shell: stages of pipelines, jobs, and the shell itself. */
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "decoy/shell_priv.h"

#ifdef __has_feature /* clang's way to tell */
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#define FORGET(stack, size) __asan_unpoison_memory_region(stack, size)
#define ENTER(fake, bottom, size) __sanitizer_start_switch_fiber(fake, bottom, size)
#define ENTERED(fake, bottom, size) __sanitizer_finish_switch_fiber(fake, bottom, size)
#else
#define FORGET(stack, size) ((void)(stack), (void)(size))
#define ENTER(fake, bottom, size) ((void)(fake), (void)(bottom), (void)(size))
#define ENTERED(fake, bottom, size) ((void)(fake), (void)(bottom), (void)(size))
#endif

#define STACK ((size_t)512 * 1024) /* touched only as far as it is used */
#define GUARD ((size_t)4096)
#define SLICE 256 /* steps after which another task has its turn */

struct task {
	ucontext_t here, back;
	uint8_t *stack;
	void *fake_here, *fake_back; /* of the sanitizer */
	const void *back_bottom;
	size_t back_size;
	void (*body)(struct process *p, const struct hin_node *node);
	const struct hin_node *node;
	struct process *p; /* the innermost one that runs */
	uint32_t pid;
	enum task_state state;
	const struct file *file;
	int64_t until_us;
	int status, killed_by;
	bool forgotten; /* nobody will ask for its status */
	unsigned slice;
	struct task *next;
};

/* The first function on a task's stack. */
static void begin(unsigned high, unsigned low)
{
	struct task *task = (struct task *)(uintptr_t)((uint64_t)high << 32 | low);
	struct process *p = task->p;

	ENTERED(NULL, &task->back_bottom, &task->back_size);
	if (setjmp(p->out) == 0)
		task->body(p, task->node);
	task->status = p->status;
	process_free(p);
	task->p = NULL;
	task->state = TASK_ENDED;
	ENTER(NULL, task->back_bottom, task->back_size);
	swapcontext(&task->here, &task->back);
}

bool task_start(struct process *p, void (*body)(struct process *p, const struct hin_node *node),
		const struct hin_node *node)
{
	struct hin_shell *shell = p->shell;
	struct task *task, **last = &shell->tasks;
	uintptr_t address;

	if (shell->task_count >= shell->settings.limits.tasks)
		return false;
	task = calloc(1, sizeof(*task));
	if (task == NULL)
		return false;
	task->stack = mmap(NULL, STACK + GUARD, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
	if (task->stack == MAP_FAILED || mprotect(task->stack, GUARD, PROT_NONE) != 0 ||
	    getcontext(&task->here) != 0) {
		if (task->stack != MAP_FAILED)
			munmap(task->stack, STACK + GUARD);
		free(task);
		return false;
	}
	task->here.uc_stack.ss_sp = task->stack + GUARD;
	task->here.uc_stack.ss_size = STACK;
	address = (uintptr_t)task;
	makecontext(&task->here, (void (*)(void))(void *)begin, 2, (unsigned)(address >> 32),
		    (unsigned)address);
	task->body = body;
	task->node = node;
	task->p = p;
	task->pid = p->pid;
	p->task = task;
	while (*last != NULL)
		last = &(*last)->next;
	*last = task;
	shell->task_count++;
	return true;
}

/* Go on with the task until it has nothing to do. */
static void resume(struct task *task)
{
	task->slice = SLICE;
	ENTER(&task->fake_back, task->stack + GUARD, STACK);
	swapcontext(&task->back, &task->here);
	ENTERED(task->fake_back, NULL, NULL);
}

static void leave(struct task *task)
{
	ENTER(&task->fake_here, task->back_bottom, task->back_size);
	swapcontext(&task->here, &task->back);
	ENTERED(task->fake_here, &task->back_bottom, &task->back_size);
}

/* Who was killed from outside dies when it has its turn again: all of the task's processes. */
static void die_if_killed(struct process *p)
{
	struct task *task = p->task;

	if (task->killed_by == 0)
		return;
	process_die(p, 128 + task->killed_by);
}

void task_block(struct process *p, enum task_state state, const struct file *file, int64_t until_us)
{
	struct task *task = p->task;

	task->p = p;
	task->state = state;
	task->file = file;
	task->until_us = until_us;
	leave(task);
	die_if_killed(p);
}

void step(struct process *p)
{
	struct hin_shell *shell = p->shell;

	if (++shell->steps > shell->settings.limits.steps) {
		shell->killed++;
		process_die(p, 128 + 9);
	}
	if (shell->slice > 0)
		shell->slice--;
	if (p->task->slice-- == 0 || shell->slice == 0)
		task_block(p, TASK_RUNS, NULL, 0);
}

bool task_is_alive(const struct hin_shell *shell, uint32_t pid, int *status)
{
	for (const struct task *t = shell->tasks; t != NULL; t = t->next)
		if (t->pid == pid) {
			*status = t->status;
			return t->state != TASK_ENDED;
		}
	return false;
}

bool wait_any(struct process *p)
{
	for (struct task *t = p->shell->tasks; t != NULL; t = t->next)
		if (t->state != TASK_ENDED && t->p != NULL && t != p->task &&
		    t != p->shell->tasks) {
			task_block(p, TASK_WAITS, NULL, t->pid);
			return true;
		}
	return false;
}

void task_forget(struct hin_shell *shell, uint32_t pid)
{
	for (struct task *t = shell->tasks; t != NULL; t = t->next)
		if (t->pid == pid)
			t->forgotten = true;
}

void task_kill(struct hin_shell *shell, uint32_t pid, int signal_number)
{
	for (struct task *t = shell->tasks; t != NULL; t = t->next)
		if (t->pid == pid && t->state != TASK_ENDED)
			t->killed_by = signal_number;
}

static void task_free(struct hin_shell *shell, struct task *task)
{
	while (task->p != NULL) { /* it did not come to its end */
		struct process *p = task->p;

		task->p = p->outer;
		process_free(p);
	}
	FORGET(task->stack + GUARD, STACK);
	munmap(task->stack, STACK + GUARD);
	shell->task_count--;
	free(task);
}

void tasks_end(struct hin_shell *shell)
{
	while (shell->tasks != NULL) {
		struct task *task = shell->tasks;

		shell->tasks = task->next;
		task_free(shell, task);
	}
}

/* Can the task go on? */
static bool is_ready(const struct hin_shell *shell, const struct task *task)
{
	const struct channel *c = task->file != NULL ? task->file->channel : NULL;
	int status;

	if (task->killed_by != 0)
		return task->state != TASK_ENDED;
	switch (task->state) {
	case TASK_RUNS:
		return true;
	case TASK_READS:
		return c->data.used > c->at || c->writers == 0;
	case TASK_WRITES:
		return c->data.used - c->at < PIPE_ROOM || c->readers == 0;
	case TASK_SLEEPS:
		return shell->machine->now_us(shell->machine->user) >= task->until_us;
	case TASK_WAITS:
		return !task_is_alive(shell, (uint32_t)task->until_us, &status);
	case TASK_ENDED:
		break;
	}
	return false;
}

/* What all of them wait for. */
static enum hin_shell_state waits_for(const struct hin_shell *shell)
{
	enum hin_shell_state state = HIN_SHELL_READS;

	for (const struct task *t = shell->tasks; t != NULL; t = t->next)
		if (t->state == TASK_SLEEPS)
			state = HIN_SHELL_SLEEPS;
	return state;
}

/* Those that ended stay until somebody asked for their status: the shell itself is the first. */
static void drop_ended(struct hin_shell *shell)
{
	for (struct task **at = &shell->tasks; *at != NULL;) {
		struct task *task = *at;

		if (task->state == TASK_ENDED && task->forgotten && task != shell->tasks) {
			*at = task->next;
			task_free(shell, task);
		} else {
			at = &task->next;
		}
	}
}

enum hin_shell_state hin_shell_run(struct hin_shell *shell, uint64_t steps)
{
	bool any = true;

	shell->slice = steps;
	while (shell->slice > 0 && any) {
		any = false;
		for (struct task *t = shell->tasks; t != NULL && shell->slice > 0; t = t->next) {
			if (t->state == TASK_ENDED || !is_ready(shell, t))
				continue;
			t->state = TASK_RUNS;
			resume(t);
			any = true;
			if (t == shell->tasks && t->state == TASK_ENDED) {
				shell->done = true; /* its jobs may go on for as long as they can */
				shell->status = t->status;
			}
		}
		drop_ended(shell);
	}
	if (shell->done)
		return HIN_SHELL_DONE;
	return any ? HIN_SHELL_RUNS : waits_for(shell);
}

int64_t hin_shell_wakes_us(const struct hin_shell *shell)
{
	int64_t first = INT64_MAX;

	for (const struct task *t = shell->tasks; t != NULL; t = t->next)
		if (t->state == TASK_SLEEPS && t->until_us < first)
			first = t->until_us;
	return first;
}
