#include "packet/capture_merge_priv.h"

#include <fcntl.h>
#include <stdlib.h>

#include "packet/capture_digest_priv.h"

#define AHEAD 64 /* frames read ahead of an input that is merged */

bool hin_merge_init(struct hin_merge *m, struct hin_input *inputs, size_t count, bool follow)
{
	*m = (struct hin_merge){ .inputs = inputs, .count = count, .follow = follow };
	m->heap = calloc(count > 0 ? count : 1, sizeof(struct hin_input *));
	m->dry = calloc(count > 0 ? count : 1, sizeof(struct hin_input *));
	return m->heap != NULL && m->dry != NULL;
}

void hin_merge_fini(struct hin_merge *m)
{
	free(m->heap);
	free(m->dry);
	m->heap = m->dry = NULL;
	m->heap_count = m->dry_count = 0;
}

/* Have the whole file hashed beside the reading. Without that it is read all the same. */
static void begin_digest(struct hin_merge *m, struct hin_input *in)
{
	int fd, own;

	if (m->digester == NULL || in->source.digest != NULL || in->source.follow)
		return;
	fd = hin_source_lend(&in->source);
	own = fd == -1 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 3);
	hin_source_return(&in->source, fd);
	if (own != -1)
		hin_digester_add(m->digester, own, in->source.file_size, in->info);
}

static void begin_next(struct hin_merge *m)
{
	struct hin_input *in = &m->inputs[m->next++];

	in->state = HIN_INPUT_READING;
	begin_digest(m, in);
	m->dry[m->dry_count++] = in;
}

static inline const struct hin_frame *head(const struct hin_input *in)
{
	return &in->ahead[in->ahead_at];
}

/* By time; ties in the order of the inputs. */
static inline bool before(const struct hin_input *a, const struct hin_input *b)
{
	int64_t left = head(a)->time_ns, right = head(b)->time_ns;

	return left != right ? left < right : a < b;
}

static void sift_down(struct hin_merge *m)
{
	struct hin_input *in = m->heap[0];
	size_t at = 0;

	for (;;) {
		size_t child = 2 * at + 1;

		if (child >= m->heap_count)
			break;
		if (child + 1 < m->heap_count && before(m->heap[child + 1], m->heap[child]))
			child++;
		if (!before(m->heap[child], in))
			break;
		m->heap[at] = m->heap[child];
		at = child;
	}
	m->heap[at] = in;
}

static void push(struct hin_merge *m, struct hin_input *in)
{
	size_t at = m->heap_count++;

	while (at > 0 && before(in, m->heap[(at - 1) / 2])) {
		m->heap[at] = m->heap[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	m->heap[at] = in;
}

/* The earliest input has no more frames read ahead. */
static void pop_dry(struct hin_merge *m)
{
	m->dry[m->dry_count++] = m->heap[0];
	m->heap[0] = m->heap[--m->heap_count];
	if (m->heap_count > 0)
		sift_down(m);
}

/* Read some frames ahead. */
static enum hin_input_result refill(struct hin_input *in)
{
	enum hin_input_result result;

	if (in->ahead == NULL) {
		in->ahead = calloc(AHEAD, sizeof(*in->ahead));
		if (in->ahead == NULL)
			return HIN_INPUT_NOMEM;
	}
	in->ahead_at = in->ahead_count = 0;
	result = hin_input_read(in, in->ahead, AHEAD, INT64_MAX, &in->ahead_count);
	if (result == HIN_INPUT_GOT && in->ahead_window != in->source.window) {
		hin_window_unref(in->ahead_window);
		in->ahead_window = in->source.window;
		hin_window_ref(in->ahead_window);
	}
	return result;
}

/* Bring the dry inputs back. WAIT when one is silent that others must wait for. */
static enum hin_input_result refill_dry(struct hin_merge *m)
{
	size_t kept = 0;
	enum hin_input_result worst = HIN_INPUT_GOT;

	for (size_t i = 0; i < m->dry_count; i++) {
		struct hin_input *in = m->dry[i];
		enum hin_input_result result =
			worst == HIN_INPUT_NOMEM ? HIN_INPUT_NOMEM : refill(in);

		if (result == HIN_INPUT_GOT) {
			push(m, in);
			continue;
		}
		if (result == HIN_INPUT_END) {
			hin_input_fini(in);
			continue;
		}
		m->dry[kept++] = in;
		if (result == HIN_INPUT_NOMEM || !m->follow)
			worst = result;
	}
	m->dry_count = kept;
	return worst;
}

/* One input alone: straight into the batch. GOT means: go on. */
static enum hin_input_result fill_alone(struct hin_merge *m, struct hin_batch *batch, uint64_t fill)
{
	struct hin_input *in = m->dry[0];
	int64_t until = m->next < m->count ? m->inputs[m->next].first_ns : INT64_MAX;
	size_t got;
	enum hin_input_result result = hin_input_read(in, batch->frames + batch->count,
						      HIN_BATCH_FRAMES - batch->count, until, &got);

	switch (result) {
	case HIN_INPUT_GOT:
		hin_window_batch_keep(batch, in->source.window, fill);
		batch->count += got;
		return HIN_INPUT_GOT;
	case HIN_INPUT_LATER:
		begin_next(m);
		return HIN_INPUT_GOT;
	case HIN_INPUT_END:
		hin_input_fini(in);
		m->dry_count = 0;
		return HIN_INPUT_GOT;
	default:
		return result;
	}
}

/* Move frames of the earliest input as long as it is that. */
static void take_run(struct hin_merge *m, struct hin_batch *batch, uint64_t fill)
{
	struct hin_input *in = m->heap[0];
	const struct hin_input *other = NULL;
	int64_t until = m->next < m->count ? m->inputs[m->next].first_ns : INT64_MAX;

	if (m->heap_count > 1)
		other = m->heap[1];
	if (m->heap_count > 2 && before(m->heap[2], other))
		other = m->heap[2];
	hin_window_batch_keep(batch, in->ahead_window, fill);
	do
		batch->frames[batch->count++] = in->ahead[in->ahead_at++];
	while (batch->count < HIN_BATCH_FRAMES && in->ahead_at < in->ahead_count &&
	       head(in)->time_ns <= until && (other == NULL || before(in, other)));
	if (in->ahead_at < in->ahead_count)
		sift_down(m);
	else
		pop_dry(m);
}

/* GOT means: go on. */
static enum hin_input_result step(struct hin_merge *m, struct hin_batch *batch, uint64_t fill)
{
	enum hin_input_result result;

	/* Those of unknown time, pipes and followed files, begin at once. */
	while (m->next < m->count && m->inputs[m->next].first_ns == INT64_MIN)
		begin_next(m);
	if (m->heap_count + m->dry_count == 0) {
		if (m->next == m->count)
			return HIN_INPUT_END;
		begin_next(m);
	}
	if (m->heap_count == 0 && m->dry_count == 1)
		return fill_alone(m, batch, fill);
	result = refill_dry(m);
	if (result != HIN_INPUT_GOT)
		return result;
	if (m->heap_count == 0)
		return m->dry_count > 0 ? HIN_INPUT_WAIT : HIN_INPUT_GOT;
	if (m->next < m->count && m->inputs[m->next].first_ns < head(m->heap[0])->time_ns) {
		begin_next(m);
		return HIN_INPUT_GOT;
	}
	take_run(m, batch, fill);
	return HIN_INPUT_GOT;
}

enum hin_input_result hin_merge_fill(struct hin_merge *m, struct hin_batch *batch, uint64_t fill)
{
	enum hin_input_result result = HIN_INPUT_GOT;

	while (batch->count < HIN_BATCH_FRAMES && result == HIN_INPUT_GOT)
		result = step(m, batch, fill);
	return batch->count > 0 ? HIN_INPUT_GOT : result;
}
