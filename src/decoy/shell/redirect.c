/* redirect - where the input and output of commands go: <, >, >>, >&, here-documents. */
#include <errno.h>

#include "decoy/shell/shell_priv.h"

/* A place for what redirections change; it ends with redirect_back() or redirect_keep(). */
struct redirected *redirect_begin(struct process *p)
{
	struct redirected *r = memory_of(p, sizeof(*r));

	r->outer = p->redirected;
	p->redirected = r;
	return r;
}

static void redirect_fd(struct process *p, struct redirected *r, int fd, struct file *file)
{
	if ((r->changed & 1u << fd) == 0) {
		r->before[fd] = p->fds[fd];
		r->changed |= 1u << fd;
	} else {
		file_close(p->shell, p->fds[fd]);
	}
	p->fds[fd] = file;
}

void redirect_back(struct process *p, struct redirected *r)
{
	for (int fd = 0; fd < FDS; fd++)
		if (r->changed & 1u << fd) {
			file_close(p->shell, p->fds[fd]);
			p->fds[fd] = r->before[fd];
		}
	p->redirected = r->outer;
}

void redirect_keep(struct process *p, struct redirected *r)
{
	for (int fd = 0; fd < FDS; fd++)
		if (r->changed & 1u << fd)
			file_close(p->shell, r->before[fd]);
	p->redirected = r->outer;
}

static unsigned how_of(enum hin_redirect_type type)
{
	switch (type) {
	case HIN_REDIRECT_READ:
		return OPEN_READ;
	case HIN_REDIRECT_APPEND:
		return OPEN_WRITE | OPEN_CREATE | OPEN_APPEND;
	case HIN_REDIRECT_READ_WRITE:
		return OPEN_READ | OPEN_WRITE | OPEN_CREATE;
	default:
		return OPEN_WRITE | OPEN_CREATE | OPEN_TRUNCATE;
	}
}

/* >&2, <&- */
static bool redirect_duplicate(struct process *p, struct redirected *r,
			       const struct hin_redirect *d, int fd, const char *target)
{
	if (strcmp(target, "-") == 0) {
		redirect_fd(p, r, fd, NULL);
		return true;
	}
	if (target[0] >= '0' && target[0] <= '9' && target[1] == '\0') {
		int from = target[0] - '0';

		if (p->fds[from] == NULL) {
			shell_error(p, "%d: Bad file descriptor", from);
			return false;
		}
		if (from != fd)
			redirect_fd(p, r, fd, file_ref(p->fds[from]));
		return true;
	}
	(void)d;
	if (is_busybox(p))
		shell_error(p, "bad fd number");
	else
		shell_fail(p, 2, "Syntax error: Bad fd number");
	return false;
}

static bool redirect_file(struct process *p, struct redirected *r, const struct hin_redirect *d,
			  int fd, const char *path)
{
	struct file *file;
	struct hin_fs_stat stat;
	uint32_t ino;
	int fault;

	if (d->type == HIN_REDIRECT_WRITE && (p->options & OPTION_NOCLOBBER) &&
	    hin_fs_find(p->shell->fs, &p->user, p->folder, path, true, &ino) == 0) {
		hin_fs_stat(p->shell->fs, ino, &stat);
		if (stat.type == HIN_FS_FILE) {
			shell_error(p,
				    is_busybox(p) ? "can't create %s: File exists"
						  : "cannot create %s: File exists",
				    path);
			return false;
		}
	}
	fault = file_open(p, path, how_of(d->type), 0666, &file);
	if (fault != 0) {
		bool creates = (how_of(d->type) & OPEN_CREATE) != 0;

		if (is_busybox(p))
			shell_error(p, creates ? "can't create %s: %s" : "can't open %s: %s", path,
				    creates && fault == -ENOENT ? "nonexistent directory"
				    : fault == -ENOENT		? "no such file"
								: error_text(fault));
		else
			shell_error(p, creates ? "cannot create %s: %s" : "cannot open %s: %s",
				    path,
				    creates && fault == -ENOENT ? "Directory nonexistent"
				    : fault == -ENOENT		? "No such file"
								: error_text(fault));
		return false;
	}
	redirect_fd(p, r, fd, file);
	if (d->type == HIN_REDIRECT_BOTH)
		redirect_fd(p, r, 2, file_ref(file));
	return true;
}

/* Do what the redirections say; false, with a message, when one cannot be done. */
bool redirect(struct process *p, const struct hin_redirect *d, struct redirected *r)
{
	for (; d != NULL; d = d->next) {
		int fd = d->fd;
		char *text = expand_text(p, d->word);
		bool done;

		if (fd == -1)
			fd = d->type == HIN_REDIRECT_READ || d->type == HIN_REDIRECT_READ_WRITE ||
					     d->type == HIN_REDIRECT_DUPLICATE_IN ||
					     d->type == HIN_REDIRECT_HERE
				     ? 0
				     : 1;
		if (d->type == HIN_REDIRECT_HERE) {
			struct file *file = file_new(p, FILE_TEXT);

			file->readable = true;
			hin_buffer_puts(&file->text, text);
			redirect_fd(p, r, fd, file);
			continue;
		}
		if (d->type == HIN_REDIRECT_DUPLICATE_IN || d->type == HIN_REDIRECT_DUPLICATE_OUT)
			done = redirect_duplicate(p, r, d, fd, text);
		else
			done = redirect_file(p, r, d, fd, text);
		if (!done)
			return false;
	}
	return true;
}
