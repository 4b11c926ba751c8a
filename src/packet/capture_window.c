#include "packet/capture_window_priv.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "packet/hold_priv.h"

/*
 * Mapped windows at one time. More than that (very many files that overlap in time) are read into
 * the heap instead, so this bounds the search of the handler, not the number of files.
 */
#define MAP_SLOTS 1024

/* Read by the signal handler, hence atomic: `start` 0 marks a free slot, and is written last. */
static struct map_slot {
	_Atomic uintptr_t start;
	_Atomic size_t size;
	_Atomic size_t whole;
} slots[MAP_SLOTS];

static pthread_mutex_t slots_lock = PTHREAD_MUTEX_INITIALIZER;
static size_t slots_next; /* where to look for a free one first */
static struct sigaction older;
static size_t page_size;

/* Not our memory: do what was to be done before we came. */
static void hand_on(int number, siginfo_t *info, void *context)
{
	if ((older.sa_flags & SA_SIGINFO) != 0) {
		older.sa_sigaction(number, info, context);
	} else if (older.sa_handler == SIG_DFL || older.sa_handler == SIG_IGN) {
		signal(number, SIG_DFL); /* the access is repeated and ends the process */
	} else {
		older.sa_handler(number);
	}
}

/* Runs on the thread that touched the page. It holds the window, so its slot cannot go away. */
static void on_sigbus(int number, siginfo_t *info, void *context)
{
	uintptr_t at = (uintptr_t)info->si_addr;

	for (size_t i = 0; i < MAP_SLOTS; i++) {
		struct map_slot *slot = &slots[i];
		uintptr_t start = atomic_load(&slot->start);
		uintptr_t page = at & ~(uintptr_t)(page_size - 1);
		size_t whole;

		if (start == 0 || at < start || at - start >= atomic_load(&slot->size) ||
		    atomic_load(&slot->start) != start)
			continue;
		/* mmap() is a bare system call: safe here, and the only way to go on. */
		if (mmap((void *)page, page_size, PROT_READ,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
			break;
		whole = atomic_load(&slot->whole);
		while (page - start < whole &&
		       !atomic_compare_exchange_weak(&slot->whole, &whole, page - start))
			;
		return;
	}
	hand_on(number, info, context);
}

static void install_handler(void)
{
	struct sigaction action = { .sa_sigaction = on_sigbus,
				    .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART };

	page_size = (size_t)sysconf(_SC_PAGESIZE);
	sigemptyset(&action.sa_mask);
	sigaction(SIGBUS, &action, &older);
}

/* Enter a mapping into the table; -1 when it is full. */
static int slot_take(uint8_t *start, size_t size)
{
	int found = -1;

	pthread_mutex_lock(&slots_lock);
	for (size_t i = 0; i < MAP_SLOTS && found == -1; i++) {
		size_t at = (slots_next + i) % MAP_SLOTS;

		if (atomic_load(&slots[at].start) != 0)
			continue;
		atomic_store(&slots[at].size, size);
		atomic_store(&slots[at].whole, size);
		atomic_store(&slots[at].start, (uintptr_t)start);
		found = (int)at;
		slots_next = at + 1;
	}
	pthread_mutex_unlock(&slots_lock);
	return found;
}

struct hin_window *hin_window_new(size_t size, uint64_t offset)
{
	struct hin_window *w = malloc(sizeof(*w));

	if (w == NULL)
		return NULL;
	*w = (struct hin_window){ .refs = 1, .slot = -1, .size = size, .offset = offset };
	w->start = malloc(size > 0 ? size : 1);
	if (w->start == NULL) {
		free(w);
		return NULL;
	}
	return w;
}

struct hin_window *hin_window_map(int fd, uint64_t offset, size_t size, bool populate)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct hin_window *w = malloc(sizeof(*w));

	if (w == NULL)
		return NULL;
	pthread_once(&once, install_handler);
	*w = (struct hin_window){ .refs = 1, .slot = -1, .size = size, .offset = offset };
	w->start = mmap(NULL, size, PROT_READ, MAP_PRIVATE | (populate ? MAP_POPULATE : 0), fd,
			(off_t)offset);
	if (w->start == MAP_FAILED) {
		free(w);
		return NULL;
	}
	w->slot = slot_take(w->start, size);
	if (w->slot == -1) {
		munmap(w->start, size);
		free(w);
		return NULL;
	}
	return w;
}

size_t hin_window_whole(const struct hin_window *w)
{
	return w->slot != -1 ? atomic_load_explicit(&slots[w->slot].whole, memory_order_relaxed)
			     : w->size;
}

void hin_window_ref(struct hin_window *w)
{
	atomic_fetch_add_explicit(&w->refs, 1, memory_order_relaxed);
}

void hin_window_unref(struct hin_window *w)
{
	/* Release: our reads are done; acquire, paired with it, before the memory goes. */
	if (w == NULL || atomic_fetch_sub_explicit(&w->refs, 1, memory_order_acq_rel) != 1)
		return;
	if (w->slot != -1) {
		atomic_store(&slots[w->slot].start, 0);
		munmap(w->start, w->size);
	} else {
		free(w->start);
	}
	free(w);
}

/* What a batch of ours holds: each window has at least one of its frames. */
struct window_hold {
	struct hin_hold base;
	size_t count;
	struct hin_window *windows[HIN_BATCH_FRAMES];
};

static void hold_drop(struct window_hold *hold)
{
	for (size_t i = 0; i < hold->count; i++)
		hin_window_unref(hold->windows[i]);
	hold->count = 0;
}

static void hold_end(struct hin_hold *base)
{
	struct window_hold *hold = (struct window_hold *)base;

	hold_drop(hold);
	free(hold);
}

bool hin_window_batch_start(struct hin_batch *batch)
{
	struct window_hold *hold;

	batch->count = 0;
	if (batch->hold != NULL && batch->hold->end == hold_end) {
		hold_drop((struct window_hold *)batch->hold);
		return true;
	}
	hin_batch_release(batch);
	hold = malloc(sizeof(*hold));
	if (hold == NULL)
		return false;
	hold->base.end = hold_end;
	hold->count = 0;
	batch->hold = &hold->base;
	return true;
}

void hin_window_batch_keep(struct hin_batch *batch, struct hin_window *w, uint64_t fill)
{
	struct window_hold *hold = (struct window_hold *)batch->hold;

	if (w->held == fill)
		return;
	w->held = fill;
	hin_window_ref(w);
	hold->windows[hold->count++] = w;
}

void hin_batch_release(struct hin_batch *batch)
{
	if (batch == NULL)
		return;
	if (batch->hold != NULL)
		batch->hold->end(batch->hold);
	batch->hold = NULL;
	batch->count = 0;
}
