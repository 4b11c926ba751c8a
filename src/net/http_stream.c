/*
 * http_stream - an answer that goes on: bytes wait in a bounded buffer until the client takes them.
 *
 * With nothing to send the connection sleeps. Two hold a stream: the request, as long as its
 * connection lives, and who sends. Its lock is taken under the server's lock or alone; nothing else
 * is locked under it but what libmicrohttpd locks to wake a connection.
 */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/time.h"
#include "net/http_server_priv.h"

struct hin_http_stream {
	pthread_mutex_t lock;
	_Atomic unsigned refs;
	struct MHD_Connection *mhd;
	struct hin_buffer waiting; /* `taken` bytes of it were given to the connection */
	size_t taken, most;
	int64_t since_ns; /* the client took nothing since then; 0 = nothing waits */
	bool asleep;	  /* the connection */
	bool ended;	  /* by the sender: what waits goes out, then it is over */
	bool left;	  /* by the client, or killed: nothing more goes out */
};

void hin_http_stream_unref(struct hin_http_stream *s)
{
	if (s == NULL || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
		return;
	hin_buffer_fini(&s->waiting);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

/* Under its lock: let the connection look at what there is. */
static void wake(struct hin_http_stream *s)
{
	if (!s->asleep)
		return;
	s->asleep = false;
	MHD_resume_connection(s->mhd);
}

/* For MHD_create_response_from_callback(), in the connection's thread. */
static ssize_t take(void *user, uint64_t pos, char *out, size_t most)
{
	struct hin_http_stream *s = user;
	ssize_t given = 0;
	size_t left;

	(void)pos;
	pthread_mutex_lock(&s->lock);
	left = s->waiting.used - s->taken;
	if (s->left) {
		given = MHD_CONTENT_READER_END_WITH_ERROR;
	} else if (left > 0) {
		given = (ssize_t)(left < most ? left : most);
		memcpy(out, s->waiting.data + s->taken, (size_t)given);
		s->taken += (size_t)given;
		s->since_ns = hin_time_monotonic_ns();
		if (s->taken == s->waiting.used) {
			hin_buffer_reset(&s->waiting);
			s->taken = 0;
		}
	} else if (s->ended) {
		given = MHD_CONTENT_READER_END_OF_STREAM;
	} else {
		/* all was given: the last bytes may still be on their way, which TCP sees to */
		s->since_ns = 0;
		s->asleep = true;
		MHD_suspend_connection(s->mhd);
	}
	pthread_mutex_unlock(&s->lock);
	return given;
}

static struct hin_http_stream *stream_new(struct request *r, const struct hin_http_answer *answer,
					  size_t most)
{
	struct hin_http_stream *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	pthread_mutex_init(&s->lock, NULL);
	atomic_init(&s->refs, 2);
	s->mhd = r->mhd;
	s->most = most;
	if (answer->size > 0)
		hin_buffer_add(&s->waiting, answer->body, answer->size);
	return s;
}

static struct MHD_Response *response_of(struct hin_http_stream *s,
					const struct hin_http_answer *answer)
{
	struct MHD_Response *response =
		MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 4096, take, s, NULL);

	if (response == NULL)
		return NULL;
	(void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
				      answer->type != NULL ? answer->type
							   : "text/plain; charset=utf-8");
	for (size_t i = 0; i < answer->header_count; i++)
		(void)MHD_add_response_header(response, answer->headers[i].name,
					      answer->headers[i].value);
	return response;
}

enum hin_code hin_http_answer_stream(struct hin_http_request *seen,
				     const struct hin_http_answer *answer, size_t most,
				     struct hin_http_stream **out)
{
	struct request *r = (struct request *)seen;
	struct hin_http_stream *s = stream_new(r, answer, most);
	struct MHD_Response *response = s != NULL ? response_of(s, answer) : NULL;

	if (response == NULL || s->waiting.failed) {
		if (response != NULL)
			MHD_destroy_response(response);
		if (s != NULL)
			atomic_store(&s->refs, 1); /* nobody else has it */
		hin_http_stream_unref(s);
		hin_http_answer_text(seen, 503, "not enough memory: try again");
		return HIN_ENOMEM;
	}
	if (!hin_http_request_settle(r, answer->status, response, 0, REQUEST_ANSWERED, s)) {
		s->left = true; /* answered in our place: the client gets that */
		MHD_destroy_response(response);
		hin_http_stream_unref(s);
	}
	hin_http_request_unref(r);
	*out = s;
	return HIN_OK;
}

bool hin_http_stream_send(struct hin_http_stream *s, const void *data, size_t size)
{
	bool good;

	pthread_mutex_lock(&s->lock);
	if (s->taken > 0 && s->taken >= s->waiting.used / 2) {
		memmove(s->waiting.data, s->waiting.data + s->taken, s->waiting.used - s->taken);
		s->waiting.used -= s->taken;
		s->taken = 0;
	}
	good = !s->left && !s->ended && s->waiting.used - s->taken + size <= s->most;
	if (good) {
		if (s->since_ns == 0)
			s->since_ns = hin_time_monotonic_ns();
		hin_buffer_add(&s->waiting, data, size);
		good = !s->waiting.failed;
		wake(s);
	}
	pthread_mutex_unlock(&s->lock);
	return good;
}

bool hin_http_stream_wait(struct hin_http_stream *s, size_t size, int64_t until_ns)
{
	const struct timespec pause = { .tv_nsec = 2000000 };

	for (;;) {
		bool over, fits;

		pthread_mutex_lock(&s->lock);
		over = s->left || s->ended || size > s->most;
		fits = s->waiting.used - s->taken + size <= s->most;
		pthread_mutex_unlock(&s->lock);
		if (over || fits)
			return !over;
		if (hin_time_monotonic_ns() >= until_ns)
			return false;
		(void)nanosleep(&pause, NULL);
	}
}

void hin_http_stream_cut(struct hin_http_stream *s)
{
	pthread_mutex_lock(&s->lock);
	if (!s->left) {
		s->left = true;
		wake(s);
	}
	pthread_mutex_unlock(&s->lock);
	hin_http_stream_unref(s);
}

void hin_http_stream_end(struct hin_http_stream *s)
{
	if (s == NULL)
		return;
	pthread_mutex_lock(&s->lock);
	s->ended = true;
	if (!s->left)
		wake(s);
	pthread_mutex_unlock(&s->lock);
	hin_http_stream_unref(s);
}

void hin_http_stream_leave(struct hin_http_stream *s)
{
	pthread_mutex_lock(&s->lock);
	s->left = true;
	s->asleep = false; /* the connection is not to be touched any more */
	pthread_mutex_unlock(&s->lock);
}

bool hin_http_stream_look(struct hin_http_stream *s, int fd, int64_t now_ns, int64_t patience_ns,
			  bool *slow)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLRDHUP };
	bool over;

	pthread_mutex_lock(&s->lock);
	*slow = s->since_ns != 0 && now_ns - s->since_ns > patience_ns;
	over = *slow || s->left || (s->asleep && poll(&poll_fd, 1, 0) == 1);
	if (over) {
		s->left = true;
		wake(s);
	}
	pthread_mutex_unlock(&s->lock);
	return over;
}

void hin_http_stream_kill(struct hin_http_stream *s)
{
	pthread_mutex_lock(&s->lock);
	s->left = true;
	wake(s);
	pthread_mutex_unlock(&s->lock);
}
