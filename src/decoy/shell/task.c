/* task - coroutines of a shell: command lines, stages of pipelines, and jobs. */
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "decoy/shell/shell_priv.h"

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
#define KEPT ((size_t)32 * 1024) /* of a stack that waits for its next task */
#define POOL 16			 /* stacks that wait */
#define SLICE 256		 /* steps after which another task has its turn */

/* Stacks for the next tasks, of any shell of this thread. */
static _Thread_local struct {
	uint8_t *stacks[POOL];
	unsigned count;
} pool;

struct task {
	ucontext_t here, back;
	uint8_t *stack;
	void *fake_here, *fake_back; /* of the sanitizer */
	const void *back_bottom;
	size_t back_size;
	void (*body)(struct process *p, void *what);
	void *what;
	struct process *p; /* the innermost one that runs */
	uint32_t pid;
	enum task_state state;
	const struct file *file;
	int64_t until_us;
	uint32_t child;	 /* that it waits for, for some time */
	uint64_t budget; /* steps that are left to the command that runs */
	int status, killed_by;
	bool forgotten; /* nobody will ask for its status */
	bool background;
	bool keeps; /* its process lives on when it ends */
	unsigned slice;
	struct task *next;
};

/* ---- stacks ---- */

static uint8_t *stack_take(void)
{
	uint8_t *stack;

	if (pool.count > 0)
		return pool.stacks[--pool.count];
	stack = mmap(NULL, STACK + GUARD, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
	if (stack == MAP_FAILED)
		return NULL;
	if (mprotect(stack, GUARD, PROT_NONE) != 0) {
		munmap(stack, STACK + GUARD);
		return NULL;
	}
	return stack;
}

static void stack_give(uint8_t *stack)
{
	FORGET(stack + GUARD, STACK);
	if (pool.count == POOL) {
		munmap(stack, STACK + GUARD);
		return;
	}
	/* what a deep recursion touched goes back to the system */
	(void)madvise(stack + GUARD, STACK - KEPT, MADV_DONTNEED);
	pool.stacks[pool.count++] = stack;
}

/* ---- tasks ---- */

/* The first function on a task's stack. */
static void begin(unsigned high, unsigned low)
{
	struct task *task = (struct task *)(uintptr_t)((uint64_t)high << 32 | low);
	struct process *p = task->p;

	ENTERED(NULL, &task->back_bottom, &task->back_size);
	(void)process_try(p, task->body, task->what);
	task->status = p->status;
	p->task = NULL;
	if (!task->keeps)
		process_free(p);
	task->p = NULL;
	task->state = TASK_ENDED;
	ENTER(NULL, task->back_bottom, task->back_size);
	swapcontext(&task->here, &task->back);
}

bool task_start(struct process *p, void (*body)(struct process *p, void *what), void *what,
		unsigned how)
{
	struct hin_shell *shell = p->shell;
	struct task *task, **last = &shell->tasks;
	uintptr_t address;

	if (shell->task_count >= shell->settings.limits.tasks)
		return false;
	task = calloc(1, sizeof(*task));
	if (task == NULL)
		return false;
	task->stack = stack_take();
	if (task->stack == NULL || getcontext(&task->here) != 0) {
		if (task->stack != NULL)
			stack_give(task->stack);
		free(task);
		return false;
	}
	task->here.uc_stack.ss_sp = task->stack + GUARD;
	task->here.uc_stack.ss_size = STACK;
	address = (uintptr_t)task;
	makecontext(&task->here, (void (*)(void))(void *)begin, 2, (unsigned)(address >> 32),
		    (unsigned)address);
	task->body = body;
	task->what = what;
	task->p = p;
	task->pid = p->pid;
	task->keeps = (how & TASK_KEEPS) != 0;
	task->background = (how & TASK_BACKGROUND) != 0 || (p->task != NULL && p->task->background);
	task->budget = shell->settings.limits.line_steps;
	p->task = task;
	while (*last != NULL)
		last = &(*last)->next;
	*last = task;
	shell->task_count++;
	return true;
}

/* Go on with the task until it has nothing to do. */
static void resume(struct hin_shell *shell, struct task *task)
{
	task->slice = SLICE;
	shell->asking = task->p;
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
	if (p->task->killed_by != 0)
		process_die(p, 128 + p->task->killed_by);
}

void task_block(struct process *p, enum task_state state, const struct file *file, int64_t until_us)
{
	struct task *task = p->task;

	task->p = p;
	task->state = state;
	task->file = file;
	task->until_us = until_us;
	leave(task);
	p->shell->asking = p;
	die_if_killed(p);
}

bool task_wait_until(struct process *p, uint32_t pid, int64_t until_us)
{
	int status;

	p->task->child = pid;
	if (task_is_alive(p->shell, pid, &status) && now_us(p) < until_us)
		task_block(p, TASK_WAITS_UNTIL, NULL, until_us);
	return !task_is_alive(p->shell, pid, &status);
}

void step(struct process *p)
{
	struct hin_shell *shell = p->shell;
	struct task *task = p->task;

	shell->asking = p;
	if (++shell->steps > shell->settings.limits.steps) {
		shell->killed++;
		shell->over = true;
		for (struct task *t = shell->tasks; t != NULL; t = t->next)
			t->killed_by = 9;
	}
	die_if_killed(p);
	if (shell->settings.limits.line_steps > 0) {
		if (task->budget == 0) {
			task->budget =
				shell->settings.limits.line_steps; /* for what it still says */
			shell->killed++;
			process_die(p, 128 + 9);
		}
		task->budget--;
	}
	if (shell->slice > 0)
		shell->slice--;
	if (task->slice-- == 0 || shell->slice == 0)
		task_block(p, TASK_RUNS, NULL, 0);
}

uint64_t task_budget(struct process *p, uint64_t budget)
{
	uint64_t before = p->task->budget;

	p->task->budget = budget;
	return before;
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
		if (t->state != TASK_ENDED && t->p != NULL && t != p->task && t->background) {
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

/* The innermost process of a task: of the one that runs now, who has asked last. */
static struct process *innermost(const struct hin_shell *shell, const struct task *task)
{
	return shell->asking != NULL && shell->asking->task == task ? shell->asking : task->p;
}

/* The process `pid` of a task, which may be its innermost, another, or the command it runs. */
static struct process *process_in(const struct hin_shell *shell, const struct task *task,
				  uint32_t pid)
{
	for (struct process *p = innermost(shell, task); p != NULL; p = p->outer)
		if (p->pid == pid || (p->call != NULL && p->call_pid == pid))
			return p;
	return NULL;
}

/* A signal for one process: it is ignored, its trap shall run, or its task ends. */
static void signal_process(struct task *task, struct process *p, int number)
{
	const char *trap = p->traps != NULL && number < TRAPS ? p->traps[number] : NULL;

	if (trap == NULL || number == 9)
		task->killed_by = number;
	else if (trap[0] != '\0')
		p->pending |= UINT64_C(1) << number;
}

bool task_kill(struct hin_shell *shell, uint32_t pid, int number)
{
	for (struct task *t = shell->tasks; t != NULL; t = t->next) {
		struct process *p = t->state != TASK_ENDED ? process_in(shell, t, pid) : NULL;

		if (p == NULL)
			continue;
		if (number != 0 && number != 18)
			signal_process(t, p, number);
		return true;
	}
	return false;
}

void tasks_signal(struct hin_shell *shell, int number)
{
	for (struct task *t = shell->tasks; t != NULL; t = t->next)
		if (!t->background && t->state != TASK_ENDED && t->p != NULL)
			signal_process(t, t->p, number);
}

void tasks_each(const struct hin_shell *shell,
		void (*each)(void *user, const struct process *p, enum task_state state),
		void *user)
{
	for (const struct task *t = shell->tasks; t != NULL; t = t->next)
		if (t->state != TASK_ENDED && t->p != NULL)
			each(user, innermost(shell, t), t->state);
}

int task_spare(struct process *p)
{
	int number = p->task->killed_by;

	p->task->killed_by = 0;
	p->task->budget = p->shell->settings.limits.line_steps;
	return number;
}

bool task_is_background(const struct process *p)
{
	return p->task != NULL && p->task->background;
}

static void task_free(struct hin_shell *shell, struct task *task)
{
	while (task->p != NULL) { /* it did not come to its end */
		struct process *p = task->p;

		p->task = NULL;
		task->p = p->outer;
		if (task->p != NULL || !task->keeps)
			process_free(p);
	}
	stack_give(task->stack);
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
		return c->data.used > c->at || c->writers == 0 ||
		       (c == &shell->input && shell->input_ended);
	case TASK_WRITES:
		return c->data.used - c->at < PIPE_ROOM || c->readers == 0;
	case TASK_SLEEPS:
		return shell->machine->now_us(shell->machine->user) >= task->until_us;
	case TASK_READS_UNTIL:
		return c->data.used > c->at || c->writers == 0 ||
		       (c == &shell->input && shell->input_ended) ||
		       shell->machine->now_us(shell->machine->user) >= task->until_us;
	case TASK_WAITS:
		return !task_is_alive(shell, (uint32_t)task->until_us, &status) ||
		       (task->p != NULL && task->p->pending != 0);
	case TASK_WAITS_UNTIL:
		return !task_is_alive(shell, task->child, &status) ||
		       shell->machine->now_us(shell->machine->user) >= task->until_us;
	case TASK_ENDED:
		break;
	}
	return false;
}

/* Those that ended stay until somebody asked for their status. */
static void drop_ended(struct hin_shell *shell)
{
	for (struct task **at = &shell->tasks; *at != NULL;) {
		struct task *task = *at;

		if (task->state == TASK_ENDED && task->forgotten) {
			*at = task->next;
			task_free(shell, task);
		} else {
			at = &task->next;
		}
	}
}

bool tasks_run(struct hin_shell *shell)
{
	bool any = false;

	for (struct task *t = shell->tasks; t != NULL && shell->slice > 0; t = t->next) {
		if (t->state == TASK_ENDED || !is_ready(shell, t))
			continue;
		t->state = TASK_RUNS;
		resume(shell, t);
		any = true;
	}
	drop_ended(shell);
	return any;
}

/* Is there a time when it goes on anyway? */
static bool sleeps(const struct task *task)
{
	return task->state == TASK_SLEEPS || task->state == TASK_READS_UNTIL ||
	       task->state == TASK_WAITS_UNTIL;
}

enum hin_shell_state tasks_wait(const struct hin_shell *shell)
{
	enum hin_shell_state state = HIN_SHELL_READS;

	for (const struct task *t = shell->tasks; t != NULL; t = t->next)
		if (sleeps(t))
			state = HIN_SHELL_SLEEPS;
	return state;
}

int64_t hin_shell_wakes_us(const struct hin_shell *shell)
{
	int64_t first = INT64_MAX;

	for (const struct task *t = shell->tasks; t != NULL; t = t->next)
		if (sleeps(t) && t->until_us < first)
			first = t->until_us;
	return first;
}
