#include "packet/capture_digest_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#define PIECE ((size_t)256 * 1024)
#define QUEUE 32 /* files waiting, each with a descriptor; then the reader waits */

struct hin_digest {
	EVP_MD_CTX *context;
	bool failed;
};

struct job {
	struct job *next;
	int fd;
	uint64_t size;
	struct hin_capture_input *out;
};

struct hin_digester {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t change; /* of the queue, `ending` or `cancel` */
	struct job *first, **last;
	size_t queued;
	bool ending; /* no job will be added */
	_Atomic bool cancel;
	uint8_t *piece;
};

struct hin_digest *hin_digest_new(void)
{
	struct hin_digest *d = calloc(1, sizeof(*d));

	if (d == NULL)
		return NULL;
	d->context = EVP_MD_CTX_new();
	if (d->context == NULL || EVP_DigestInit_ex(d->context, EVP_sha256(), NULL) != 1) {
		hin_digest_free(d);
		return NULL;
	}
	return d;
}

void hin_digest_add(struct hin_digest *d, const void *data, size_t size)
{
	if (EVP_DigestUpdate(d->context, data, size) != 1)
		d->failed = true;
}

bool hin_digest_end(struct hin_digest *d, uint8_t out[32])
{
	return !d->failed && EVP_DigestFinal_ex(d->context, out, NULL) == 1;
}

void hin_digest_free(struct hin_digest *d)
{
	if (d == NULL)
		return;
	EVP_MD_CTX_free(d->context);
	free(d);
}

static void run_job(struct hin_digester *d, const struct job *job)
{
	struct hin_digest *digest = hin_digest_new();
	uint64_t done = 0;

	if (digest == NULL)
		return;
	while (done < job->size && !d->cancel) {
		size_t want = job->size - done < PIECE ? (size_t)(job->size - done) : PIECE;
		ssize_t got = pread(job->fd, d->piece, want, (off_t)done);

		if (got == -1 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		hin_digest_add(digest, d->piece, (size_t)got);
		done += (uint64_t)got;
	}
	if (done == job->size)
		job->out->digested = hin_digest_end(digest, job->out->sha256);
	hin_digest_free(digest);
}

static void *work(void *arg)
{
	struct hin_digester *d = arg;

	pthread_mutex_lock(&d->lock);
	for (;;) {
		struct job *job = d->first;

		if (job == NULL) {
			if (d->ending)
				break;
			pthread_cond_wait(&d->change, &d->lock);
			continue;
		}
		d->first = job->next;
		d->queued--;
		pthread_cond_signal(&d->change);
		if (d->first == NULL)
			d->last = &d->first;
		pthread_mutex_unlock(&d->lock);
		run_job(d, job);
		close(job->fd);
		free(job);
		pthread_mutex_lock(&d->lock);
	}
	pthread_mutex_unlock(&d->lock);
	return NULL;
}

struct hin_digester *hin_digester_start(void)
{
	struct hin_digester *d = calloc(1, sizeof(*d));
	sigset_t all, before;
	int failed;

	if (d == NULL)
		return NULL;
	pthread_mutex_init(&d->lock, NULL);
	pthread_cond_init(&d->change, NULL);
	d->last = &d->first;
	d->piece = malloc(PIECE);
	/* signals are for the program's own threads */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	failed = d->piece == NULL || pthread_create(&d->thread, NULL, work, d) != 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (failed) {
		pthread_cond_destroy(&d->change);
		pthread_mutex_destroy(&d->lock);
		free(d->piece);
		free(d);
		return NULL;
	}
	return d;
}

void hin_digester_add(struct hin_digester *d, int fd, uint64_t size, struct hin_capture_input *out)
{
	struct job *job = malloc(sizeof(*job));

	if (job == NULL) {
		close(fd); /* this file goes without */
		return;
	}
	*job = (struct job){ .fd = fd, .size = size, .out = out };
	pthread_mutex_lock(&d->lock);
	while (d->queued >= QUEUE)
		pthread_cond_wait(&d->change, &d->lock);
	d->queued++;
	*d->last = job;
	d->last = &job->next;
	pthread_cond_signal(&d->change);
	pthread_mutex_unlock(&d->lock);
}

void hin_digester_end(struct hin_digester *d, bool cancel)
{
	if (d == NULL)
		return;
	pthread_mutex_lock(&d->lock);
	d->ending = true;
	if (cancel)
		d->cancel = true;
	pthread_cond_signal(&d->change);
	pthread_mutex_unlock(&d->lock);
	pthread_join(d->thread, NULL);
	pthread_cond_destroy(&d->change);
	pthread_mutex_destroy(&d->lock);
	free(d->piece);
	free(d);
}
