/* fetch - wget, curl, tftp, ftpget and ftpput: what they would bring is told; nothing is fetched.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "decoy/shell/command/far.h"

/* ---- wget ---- */

struct wget {
	struct call *call;
	const char *output, *folder, *list, *log;
	bool quiet, verbose, spider;
	unsigned tries; /* 0: for ever */
	double timeout;
};

static bool read_wget(struct wget *w, struct options *o)
{
	int letter;

	while ((letter = option_next(o, "O:o:a:P:qvcSnbtT:U:i:e:rNkpEmlx46Y:h:C:Z:")) != -1) {
		switch (letter) {
		case '?':
			return false;
		case 'O':
			w->output = o->value;
			break;
		case 'P':
			w->folder = o->value;
			break;
		case 'i':
			w->list = o->value;
			break;
		case 'T':
			w->timeout = strtod(o->value, NULL);
			break;
		case 'q':
			w->quiet = true;
			break;
		case 't': /* of GNU's alone it has a value */
			if (o->at < w->call->argc && o->inside == 0)
				w->tries = (unsigned)strtoul(w->call->argv[o->at++], NULL, 10);
			break;
		case 'Z':
			w->tries = (unsigned)strtoul(o->value, NULL, 10);
			break;
		default:
			break;
		}
	}
	return true;
}

/* Where it would be kept. */
static const char *wget_file(const struct wget *w, const struct far_url *url)
{
	struct process *p = w->call->p;
	const char *name = strrchr(url->path, '/');

	if (w->output != NULL)
		return w->output;
	name = name != NULL && name[1] != '\0' ? name + 1 : "index.html";
	name = is_busybox(p) ? text_of(p, name, strcspn(name, "?")) : name;
	return w->folder != NULL ? joined(p, w->folder, name) : name;
}

/* As busybox' wget fails. */
static int wget_box(const struct wget *w, const struct far_url *url)
{
	struct process *p = w->call->p;
	const char *address;
	int fault;

	if (strcmp(url->scheme, "http") != 0 && strcmp(url->scheme, "https") != 0 &&
	    strcmp(url->scheme, "ftp") != 0)
		return complain(w->call, "not an http or ftp url: %s", url->text);
	address = far_address(p, url->host);
	if (address == NULL)
		return complain(w->call, "bad address '%s'", url->host);
	if (!w->quiet)
		errf(p, "Connecting to %s (%s:%u)\n", url->host, address, url->port);
	fault = far_connect(p, address, url->port, w->timeout);
	return complain(w->call, "can't connect to remote host (%s): %s", address,
			error_text(fault));
}

static void tell_try(const struct wget *w, const struct far_url *url, unsigned number)
{
	struct process *p = w->call->p;
	struct tm tm = machine_time(p->shell->machine, now_s(p));
	char when[32];
	bool plain = strstr(url->text, "://") != NULL;

	strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", &tm);
	errf(p, "--%s--  ", when);
	if (number > 1)
		errf(p, "(try:%2u)  ", number);
	errf(p, "%s%s%s\n", plain ? "" : "http://", url->text,
	     strchr(plain ? strstr(url->text, "://") + 3 : url->text, '/') != NULL ? "" : "/");
}

/* As GNU's wget fails: it tries again where nobody answers. */
static int wget_gnu(const struct wget *w, const struct far_url *url)
{
	struct process *p = w->call->p;
	const char *address = url->host;

	for (unsigned number = 1; w->tries == 0 || number <= w->tries; number++) {
		int fault;

		if (!w->quiet)
			tell_try(w, url, number);
		if (!far_is_address(url->host)) {
			if (!w->quiet)
				errf(p, "Resolving %s (%s)... ", url->host, url->host);
			address = far_address(p, url->host);
			if (address == NULL) {
				if (!w->quiet)
					errf(p,
					     "failed: Temporary failure in name resolution.\nwget: "
					     "unable to resolve host address %s%s%s\n",
					     quote_open(p), url->host, quote_close(p));
				return 4;
			}
			if (!w->quiet)
				errf(p, "%s\n", address);
		}
		if (!w->quiet && address != url->host)
			errf(p, "Connecting to %s (%s)|%s|:%u... ", url->host, url->host, address,
			     url->port);
		else if (!w->quiet)
			errf(p, "Connecting to %s:%u... ", address, url->port);
		fault = far_connect(p, address, url->port, w->timeout);
		if (!w->quiet)
			errf(p, "failed: %s.\n", error_text(fault));
		if (fault != -ETIMEDOUT)
			return 4;
		if (w->tries == 0 || number < w->tries) {
			if (!w->quiet)
				errf(p, "Retrying.\n\n");
			wait_ms(p, (number < 10 ? number : 10) * INT64_C(1000));
		} else if (!w->quiet) {
			errf(p, "Giving up.\n\n");
		}
	}
	return 4;
}

static int wget_one(const struct wget *w, const char *text)
{
	struct process *p = w->call->p;
	struct far_url url;
	struct file *file;

	if (!far_url(p, text, "http", &url)) {
		if (is_busybox(p))
			return complain(w->call, "not an http or ftp url: %s", text);
		errf(p, "%s: Invalid URL %s: Invalid host name.\n", text, text);
		return 1;
	}
	far_tell(p, HIN_SHELL_DOWNLOAD, "wget", &url, wget_file(w, &url));
	/* GNU's opens what -O names before it connects */
	if (w->output != NULL && strcmp(w->output, "-") != 0 && !is_busybox(p)) {
		int fault = file_open(p, w->output, OPEN_WRITE | OPEN_CREATE | OPEN_TRUNCATE, 0666,
				      &file);

		if (fault != 0)
			return complain(w->call, "%s: %s", w->output, error_text(fault)) + 2;
		file_close(p->shell, file);
	}
	return is_busybox(p) ? wget_box(w, &url) : wget_gnu(w, &url);
}

static int do_wget(struct call *call)
{
	struct process *p = call->p;
	struct wget w = { .call = call, .tries = 20 };
	struct options o = { .call = call,
			     .names = "output-document=O output-file=o quiet=q timeout=T tries=Z "
				      "no-check-certificate=v directory-prefix=P user-agent=U "
				      "continue=c spider=v no-verbose=v header=h post-data=C "
				      "no-cache=v passive-ftp=v user=h password=h ftp-user=h "
				      "ftp-password=h limit-rate=h recursive=r mirror=m "
				      "no-parent=v input-file=i no-proxy=v connect-timeout=T "
				      "read-timeout=h dns-timeout=h waitretry=h post-file=h "
				      "show-progress=v progress=h secure-protocol=h" };
	int status = 0;

	if (call->argc > 1 && strcmp(call->argv[1], "--version") == 0 && !is_busybox(p)) {
		outs(p, "GNU Wget 1.21.3 built on linux-gnu.\n");
		return 0;
	}
	if (!read_wget(&w, &o))
		return is_busybox(p) ? 1 : 2;
	if (o.at >= call->argc) {
		if (is_busybox(p))
			return tell_usage(call, false);
		errf(p, "wget: missing URL\nUsage: wget [OPTION]... [URL]...\n\nTry `wget --help' "
			"for more options.\n");
		return 1;
	}
	for (; o.at < call->argc; o.at++) {
		int one = wget_one(&w, call->argv[o.at]);

		status = one != 0 ? one : status;
	}
	return status;
}

/* ---- curl ---- */

struct curl {
	struct call *call;
	const char *output, *upload, *user;
	bool silent, errors, remote, head;
	double timeout;
};

static bool read_curl(struct curl *c, struct options *o)
{
	int letter;

	while ((letter = option_next(o, "o:OsSfLkvIi#gGjlnN46aA:b:c:C:d:D:e:E:F:H:K:m:P:Q:r:T:u:U:"
					"w:x:X:Y:y:z:Z:")) != -1) {
		switch (letter) {
		case '?':
			return false;
		case 'o':
			c->output = o->value;
			break;
		case 'O':
			c->remote = true;
			break;
		case 'T':
			c->upload = o->value;
			break;
		case 's':
			c->silent = true;
			break;
		case 'S':
			c->errors = true;
			break;
		case 'm':
		case 'Y':
			c->timeout = strtod(o->value, NULL);
			break;
		default:
			break;
		}
	}
	return true;
}

/* What curl shows of a transfer that did not begin. */
static void tell_progress(const struct curl *c)
{
	if (c->silent || (c->output == NULL && !c->remote))
		return;
	errf(c->call->p,
	     "  %% Total    %% Received %% Xferd  Average Speed   Time    Time     Time  Current\n"
	     "                                 Dload  Upload   Total   Spent    Left  Speed\n"
	     "\r  0     0    0     0    0     0      0      0 --:--:-- --:--:-- --:--:--     0");
}

static int curl_fails(const struct curl *c, int status, const char *text)
{
	if (!c->silent && (c->output != NULL || c->remote))
		errf(c->call->p, "\n");
	if (!c->silent || c->errors)
		errf(c->call->p, "curl: (%d) %s\n", status, text);
	return status;
}

static int curl_one(const struct curl *c, const char *text)
{
	struct process *p = c->call->p;
	struct far_url url;
	const char *address, *file = c->output;
	int64_t began;
	int fault;

	if (!far_url(p, text, "http", &url))
		return curl_fails(c, 3, "URL using bad/illegal format or missing URL");
	if (far_port(url.scheme) == 0)
		return curl_fails(c, 1,
				  format_of(p,
					    "Protocol \"%s\" not supported or disabled in libcurl",
					    url.scheme));
	if (c->remote && file == NULL) {
		file = strrchr(url.path, '/') + 1;
		if (file[0] == '\0')
			return curl_fails(c, 23, "Remote file name has no length!");
	}
	if (c->upload != NULL)
		far_tell(p, HIN_SHELL_UPLOAD, "curl", &url, c->upload);
	else
		far_tell(p, HIN_SHELL_DOWNLOAD, "curl", &url, file != NULL ? file : "-");
	tell_progress(c);
	address = far_address(p, url.host);
	if (address == NULL)
		return curl_fails(c, 6, format_of(p, "Could not resolve host: %s", url.host));
	began = now_us(p);
	fault = far_connect(p, address, url.port, c->timeout);
	if (fault == -ETIMEDOUT && c->timeout > 0)
		return curl_fails(c, 28,
				  format_of(p, "Connection timed out after %lld milliseconds",
					    (long long)(now_us(p) - began) / 1000));
	return curl_fails(
		c, fault == -ETIMEDOUT ? 28 : 7,
		format_of(
			p,
			"Failed to connect to %s port %u after %lld ms: Couldn't connect to server",
			url.host, url.port, (long long)(now_us(p) - began) / 1000));
}

static int do_curl(struct call *call)
{
	struct process *p = call->p;
	struct curl c = { .call = call };
	struct options o = {
		.call = call,
		.names = "output=o remote-name=O silent=s show-error=S fail=f location=L "
			 "insecure=k verbose=v head=I include=i max-time=m "
			 "connect-timeout=Y user-agent=A header=H data=d request=X "
			 "user=u upload-file=T retry=z retry-delay=z proxy=x url=Z "
			 "progress-bar=# compressed=g referer=e cookie=b form=F "
			 "data-binary=d data-urlencode=d tlsv1.2=1 http1.1=0 "
			 "create-dirs=j ipv4=4 ipv6=6 write-out=w"
	};
	int status = 0;

	if (call->argc > 1 &&
	    (strcmp(call->argv[1], "--version") == 0 || strcmp(call->argv[1], "-V") == 0)) {
		outs(p,
		     "curl 7.88.1 (x86_64-pc-linux-gnu) libcurl/7.88.1 OpenSSL/3.0.11 zlib/1.2.13 "
		     "brotli/1.0.9 zstd/1.5.4 libidn2/2.3.3 libpsl/0.21.2 (+libidn2/2.3.3) "
		     "libssh2/1.10.0 nghttp2/1.52.0 librtmp/2.3 OpenLDAP/2.5.13\n");
		return 0;
	}
	if (!read_curl(&c, &o))
		return 2;
	if (o.at >= call->argc) {
		errf(p, "curl: try 'curl --help' or 'curl --manual' for more information\n");
		return 2;
	}
	for (; o.at < call->argc; o.at++)
		if (call->argv[o.at][0] != '-' || call->argv[o.at][1] == '\0') {
			status = curl_one(&c, call->argv[o.at]);
		} else { /* options may stand behind the address */
			struct options more = { .call = call, .names = o.names, .at = o.at };

			if (!read_curl(&c, &more))
				return 2;
			o.at = more.at - 1;
		}
	return status;
}

/* ---- tftp, ftpget, ftpput ---- */

/* The forms of tftp: busybox' options, and the host with "-c get file" of tftp-hpa. */
struct tftp {
	const char *host, *local, *remote;
	uint16_t port;
	bool get, put;
};

static bool read_tftp(struct call *call, struct tftp *t)
{
	struct options o = { .call = call };
	int letter;

	t->port = 69;
	if (call->argc > 1 && call->argv[1][0] != '-') {
		t->host = call->argv[1];
		o.at = 2;
		if (call->argc > 2 && call->argv[2][0] != '-') {
			t->port = (uint16_t)strtoul(call->argv[2], NULL, 10);
			o.at = 3;
		}
	}
	while ((letter = option_next(&o, "gpr:l:b:c:m:v46")) != -1) {
		if (letter == '?')
			return false;
		t->get |= letter == 'g';
		t->put |= letter == 'p';
		if (letter == 'r')
			t->remote = o.value;
		if (letter == 'l')
			t->local = o.value;
		if (letter == 'c') {
			t->get |= strcmp(o.value, "get") == 0;
			t->put |= strcmp(o.value, "put") == 0;
			if (o.at < call->argc)
				t->remote = call->argv[o.at++];
			if (o.at < call->argc && call->argv[o.at][0] != '-')
				t->local = call->argv[o.at++];
		}
	}
	if (o.at < call->argc && t->host == NULL)
		t->host = call->argv[o.at++];
	if (o.at < call->argc)
		t->port = (uint16_t)strtoul(call->argv[o.at], NULL, 10);
	if (t->remote == NULL)
		t->remote = t->local;
	if (t->local == NULL && t->remote != NULL)
		t->local = name_of(t->remote);
	return true;
}

static int do_tftp(struct call *call)
{
	struct process *p = call->p;
	struct tftp t = { 0 };
	struct far_url url = { .scheme = "tftp" };

	if (!read_tftp(call, &t))
		return 1;
	if (t.host == NULL || (!t.get && !t.put) || t.remote == NULL) {
		if (is_busybox(p) && t.host == NULL)
			return tell_usage(call, false);
		if (is_busybox(p) && t.get == t.put)
			return tell_usage(call, false);
		if (is_busybox(p))
			return complain(call, "no files specified");
		if (is_terminal(p, 0) || t.host == NULL)
			outs(p, "tftp> ");
		return 0;
	}
	url.text = format_of(p, "tftp://%s/%s", t.host, t.remote);
	url.host = t.host;
	url.port = t.port;
	url.path = format_of(p, "/%s", t.remote + (t.remote[0] == '/'));
	far_tell(p, t.put ? HIN_SHELL_UPLOAD : HIN_SHELL_DOWNLOAD, "tftp", &url, t.local);
	if (far_address(p, t.host) == NULL)
		return is_busybox(p) ? complain(call, "bad address '%s'", t.host)
				     : complain(call, "%s: unknown host", t.host);
	(void)far_connect(p, t.host, t.port, 25);
	if (is_busybox(p))
		return complain(call, "timeout");
	outs(p, "Transfer timed out.\n\n");
	return 0;
}

static int do_ftpget(struct call *call)
{
	struct process *p = call->p;
	bool put = strcmp(call->argv[0], "ftpput") == 0;
	struct options o = { .call = call,
			     .names = "username=u password=p port=P verbose=v continue=c" };
	struct far_url url = { .scheme = "ftp", .port = 21 };
	const char *local, *remote, *address, *password = NULL;
	int letter;

	while ((letter = option_next(&o, "u:p:P:vc")) != -1) {
		if (letter == '?')
			return 1;
		if (letter == 'u')
			url.user = o.value;
		if (letter == 'p')
			password = o.value;
		if (letter == 'P')
			url.port = (uint16_t)strtoul(o.value, NULL, 10);
	}
	if (o.at + 1 >= call->argc)
		return tell_usage(call, false);
	url.host = call->argv[o.at];
	local = call->argv[o.at + (put && o.at + 2 < call->argc ? 2 : 1)];
	remote = call->argv[o.at + (!put && o.at + 2 < call->argc ? 2 : 1)];
	url.path = format_of(p, "/%s", remote + (remote[0] == '/'));
	url.text = format_of(p, "ftp://%s/%s", url.host, remote);
	far_tell(p, put ? HIN_SHELL_UPLOAD : HIN_SHELL_DOWNLOAD, call->argv[0], &url, local);
	if (url.user != NULL && password != NULL) {
		struct hin_shell_event event = { .kind = HIN_SHELL_CREDENTIAL,
						 .tool = call->argv[0],
						 .user = url.user,
						 .password = password,
						 .host = url.host };

		tell(p, &event);
	}
	address = far_address(p, url.host);
	if (address == NULL)
		return complain(call, "bad address '%s'", url.host);
	if (option_has(&o, 'v'))
		errf(p, "Connecting to %s (%s:%u)\n", url.host, address, url.port);
	return complain(call, "can't connect to remote host (%s): %s", address,
			error_text(far_connect(p, address, url.port, 0)));
}

const struct command fetch_commands[] = {
	{ "curl", do_curl, false }, { "ftpget", do_ftpget, false }, { "ftpput", do_ftpget, false },
	{ "tftp", do_tftp, false }, { "wget", do_wget, false },	    { NULL, NULL, false },
};
