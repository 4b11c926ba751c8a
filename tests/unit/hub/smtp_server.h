/* smtp_server - a mail server for tests: keeps what it is given, and says what it is told to say */
#pragma once
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SMTP_MAILS 64

struct smtp_mail {
	char from[256], to[256], *text;
};

struct smtp_server {
	int fd;
	uint16_t port;
	pthread_t thread;
	pthread_mutex_t lock;
	struct smtp_mail mails[SMTP_MAILS];
	_Atomic size_t count;
	const char *_Atomic to_answer;	/* to RCPT; NULL = 250 */
	const char *_Atomic end_answer; /* behind the message */
};

struct smtp_client {
	struct smtp_server *server;
	int fd;
};

static inline void smtp_say(int fd, const char *line)
{
	char text[300];
	int size = snprintf(text, sizeof(text), "%s\r\n", line);

	(void)!write(fd, text, (size_t)size);
}

/* The message behind DATA; lines as they were, without doubled dots. */
static inline char *smtp_read_message(FILE *in)
{
	size_t size = 1 << 20, used = 0;
	char *text = malloc(size), line[4096];

	text[0] = '\0';
	while (fgets(line, sizeof(line), in) != NULL && strcmp(line, ".\r\n") != 0) {
		const char *from = line[0] == '.' ? line + 1 : line;

		if (used + strlen(from) + 1 < size) {
			strcpy(text + used, from);
			used += strlen(from);
		}
	}
	return text;
}

static inline void *smtp_converse(void *user)
{
	struct smtp_client *c = user;
	struct smtp_server *s = c->server;
	FILE *in = fdopen(dup(c->fd), "r");
	char line[4096], from[256] = "", to[256] = "";

	smtp_say(c->fd, "220 test");
	while (fgets(line, sizeof(line), in) != NULL) {
		const char *answer = "250 ok";

		pthread_mutex_lock(&s->lock);
		if (strncmp(line, "MAIL FROM:<", 11) == 0)
			sscanf(line + 11, "%255[^>]", from);
		if (strncmp(line, "RCPT TO:<", 9) == 0) {
			sscanf(line + 9, "%255[^>]", to);
			answer = s->to_answer != NULL ? s->to_answer : answer;
		}
		pthread_mutex_unlock(&s->lock);
		if (strncmp(line, "QUIT", 4) == 0) {
			smtp_say(c->fd, "221 bye");
			break;
		}
		if (strncmp(line, "DATA", 4) == 0) {
			char *text;

			smtp_say(c->fd, "354 go");
			text = smtp_read_message(in);
			pthread_mutex_lock(&s->lock);
			answer = s->end_answer != NULL ? s->end_answer : "250 taken";
			if (s->count < SMTP_MAILS && answer[0] == '2') {
				struct smtp_mail *m = &s->mails[s->count++];

				strcpy(m->from, from);
				strcpy(m->to, to);
				m->text = text;
				text = NULL;
			}
			pthread_mutex_unlock(&s->lock);
			free(text);
		}
		smtp_say(c->fd, answer);
	}
	fclose(in);
	close(c->fd);
	free(c);
	return NULL;
}

static inline void *smtp_accept(void *user)
{
	struct smtp_server *s = user;
	int fd;

	while ((fd = accept(s->fd, NULL, NULL)) != -1) {
		struct smtp_client *c = malloc(sizeof(*c));
		pthread_attr_t detached;
		pthread_t thread;

		*c = (struct smtp_client){ s, fd };
		pthread_attr_init(&detached);
		pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
		pthread_create(&thread, &detached, smtp_converse, c);
		pthread_attr_destroy(&detached);
	}
	return NULL;
}

static inline void smtp_start(struct smtp_server *s)
{
	struct sockaddr_in here = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t size = sizeof(here);

	*s = (struct smtp_server){ .fd = socket(AF_INET, SOCK_STREAM, 0) };
	pthread_mutex_init(&s->lock, NULL);
	if (bind(s->fd, (struct sockaddr *)&here, sizeof(here)) != 0 || listen(s->fd, 16) != 0 ||
	    getsockname(s->fd, (struct sockaddr *)&here, &size) != 0)
		abort();
	s->port = ntohs(here.sin_port);
	pthread_create(&s->thread, NULL, smtp_accept, s);
}

/* Forget what came. */
static inline void smtp_clear(struct smtp_server *s)
{
	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < s->count; i++)
		free(s->mails[i].text);
	s->count = 0;
	pthread_mutex_unlock(&s->lock);
}

static inline void smtp_stop(struct smtp_server *s)
{
	shutdown(s->fd, SHUT_RDWR);
	pthread_join(s->thread, NULL);
	close(s->fd);
	smtp_clear(s);
}
