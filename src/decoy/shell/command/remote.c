/* remote - nc, telnet, ssh, scp, sftp, ftp, ping, nslookup: they reach for hosts that do not
 * answer. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

#include "decoy/shell/command/far.h"

/* ---- nc and telnet ---- */

static void tell_connect(struct process *p, const char *tool, const char *scheme, const char *host,
			 uint16_t port)
{
	struct far_url url = {
		.text = host, .scheme = scheme, .host = host, .port = port, .path = "/"
	};

	far_tell(p, HIN_SHELL_CONNECT, tool, &url, NULL);
}

/* A port by its number or name. */
static uint16_t port_of(const char *text)
{
	return isdigit((unsigned char)text[0]) ? (uint16_t)strtoul(text, NULL, 10) : far_port(text);
}

/* Wait for somebody to connect: nobody does. */
static int listen_for_ever(struct call *call, const char *port, bool verbose)
{
	struct process *p = call->p;

	if (verbose)
		errf(p, is_busybox(p) ? "listening on [::]:%s ...\n" : "Listening on 0.0.0.0 %s\n",
		     port != NULL ? port : "0");
	wait_ms(p, INT64_C(86400000));
	return 1;
}

static int do_nc(struct call *call)
{
	struct process *p = call->p;
	struct options o = { .call = call };
	const char *host, *address, *port = NULL;
	double seconds = 0;
	int letter, fault;

	while ((letter = option_next(&o, "lnvzukp:w:e:i:s:q:o:c:46CdDtNx:X:")) != -1) {
		if (letter == '?')
			return 1;
		if (letter == 'w')
			seconds = strtod(o.value, NULL);
		if (letter == 'p')
			port = o.value;
	}
	if (option_has(&o, 'l')) {
		if (port == NULL && o.at < call->argc)
			port = call->argv[call->argc - 1];
		return listen_for_ever(call, port, option_has(&o, 'v'));
	}
	if (o.at + 1 >= call->argc) {
		if (is_busybox(p))
			return tell_usage(call, false);
		errf(p,
		     "usage: nc [-46CDdFhklNnrStUuvZz] [-I length] [-i interval] [-M ttl]\n\t  [-m "
		     "minttl] [-O length] [-P proxy_username] [-p source_port]\n\t  [-q seconds] "
		     "[-s sourceaddr] [-T keyword] [-V rtable] [-W recvlimit]\n\t  [-w timeout] "
		     "[-X proxy_protocol] [-x proxy_address[:port]]\n\t  [destination] [port]\n");
		return 1;
	}
	host = call->argv[o.at];
	port = call->argv[o.at + 1];
	tell_connect(p, "nc", option_has(&o, 'u') ? "udp" : "tcp", host, port_of(port));
	address = far_address(p, host);
	if (address == NULL)
		return is_busybox(p) ? complain(call, "bad address '%s'", host)
				     : complain(call,
						"getaddrinfo for host \"%s\" port %s: Temporary "
						"failure in "
						"name resolution",
						host, port);
	fault = far_connect(p, address, port_of(port), seconds);
	if (is_busybox(p))
		return complain(call, "can't connect to remote host (%s): %s", address,
				error_text(fault));
	if (option_has(&o, 'v'))
		errf(p, "nc: connect to %s port %s (tcp) %s: %s\n", host, port,
		     fault == -ETIMEDOUT ? "timed out" : "failed", error_text(fault));
	return 1;
}

static int do_telnet(struct call *call)
{
	struct process *p = call->p;
	struct options o = { .call = call };
	const char *host, *address;
	uint16_t port = 23;
	int letter, fault;

	while ((letter = option_next(&o, "al:EKLdn:468e:b:")) != -1)
		if (letter == '?')
			return 1;
	if (o.at >= call->argc) {
		if (is_busybox(p))
			return tell_usage(call, false);
		outs(p, "telnet> ");
		return 0;
	}
	host = call->argv[o.at];
	if (o.at + 1 < call->argc)
		port = port_of(call->argv[o.at + 1]);
	tell_connect(p, "telnet", "telnet", host, port);
	address = far_address(p, host);
	if (address == NULL) {
		if (is_busybox(p))
			return complain(call, "bad address '%s'", host);
		errf(p, "telnet: could not resolve %s/%s: Temporary failure in name resolution\n",
		     host, o.at + 1 < call->argc ? call->argv[o.at + 1] : "telnet");
		return 1;
	}
	if (!is_busybox(p))
		outf(p, "Trying %s...\n", address);
	fault = far_connect(p, address, port, 0);
	if (is_busybox(p))
		return complain(call, "can't connect to remote host (%s): %s", address,
				error_text(fault));
	errf(p, "telnet: Unable to connect to remote host: %s\n", error_text(fault));
	return 1;
}

/* ---- ssh and its kin ---- */

/* Fail to reach "user@host" as ssh does; its status. */
static int ssh_fails(struct call *call, const char *target, uint16_t port, double seconds)
{
	struct process *p = call->p;
	const char *sign = strrchr(target, '@'), *host = sign != NULL ? sign + 1 : target;
	const char *address = far_address(p, host);
	int fault;

	if (address == NULL) {
		errf(p,
		     "ssh: Could not resolve hostname %s: Temporary failure in name resolution\n",
		     host);
		return 255;
	}
	fault = far_connect(p, address, port, seconds);
	if (is_busybox(p))
		errf(p, "\nssh: Exited: Error connecting: %s\n", error_text(fault));
	else
		errf(p, "ssh: connect to host %s port %u: %s\n", host, port, error_text(fault));
	return is_busybox(p) ? 1 : 255;
}

static void tell_ssh(struct process *p, const char *target, uint16_t port)
{
	const char *sign = strrchr(target, '@'), *host = sign != NULL ? sign + 1 : target;
	struct far_url url = { .text = target,
			       .scheme = "ssh",
			       .host = host,
			       .port = port,
			       .path = "/",
			       .user = sign != NULL ? text_of(p, target, (size_t)(sign - target))
						    : NULL };

	far_tell(p, HIN_SHELL_CONNECT, "ssh", &url, NULL);
}

static int do_ssh(struct call *call)
{
	struct process *p = call->p;
	const struct hin_shell_machine *m = p->shell->machine;
	struct options o = { .call = call };
	uint16_t port = 22;
	double seconds = 0;
	int letter;

	while ((letter = option_next(&o,
				     "46AaCfGgKkMNnqsTtVvXxYyB:b:c:D:E:e:F:I:i:J:L:l:m:O:o:p:Q:R:"
				     "S:W:w:")) != -1) {
		if (letter == '?')
			return 255;
		if (letter == 'p')
			port = (uint16_t)strtoul(o.value, NULL, 10);
		if (letter == 'o' && strncasecmp(o.value, "ConnectTimeout", 14) == 0)
			seconds = strtod(o.value + 14 + strspn(o.value + 14, "= "), NULL);
		if (letter == 'V') {
			errf(p, "%s\n",
			     m->ssh != NULL  ? m->ssh
			     : is_busybox(p) ? "Dropbear v2020.81"
					     : "OpenSSH_9.2p1 Debian-2+deb12u2, OpenSSL 3.0.11 19 "
					       "Sep 2023");
			return 0;
		}
	}
	if (o.at >= call->argc) {
		errf(p,
		     "usage: ssh [-46AaCfGgKkMNnqsTtVvXxYy] [-B bind_interface]\n           [-b "
		     "bind_address] [-c cipher_spec] [-D [bind_address:]port]\n           [-E "
		     "log_file] [-e escape_char] [-F configfile] [-I pkcs11]\n           [-i "
		     "identity_file] [-J [user@]host[:port]] [-L address]\n           [-l "
		     "login_name] [-m mac_spec] [-O ctl_cmd] [-o option] [-p port]\n           [-Q "
		     "query_option] [-R address] [-S ctl_path] [-W host:port]\n           [-w "
		     "local_tun[:remote_tun]] destination [command [argument ...]]\n");
		return 255;
	}
	tell_ssh(p, call->argv[o.at], port);
	return ssh_fails(call, call->argv[o.at], port, seconds);
}

/* scp and sftp: files from or to "user@host:path". */
static int do_scp(struct call *call)
{
	struct process *p = call->p;
	bool is_sftp = strcmp(call->argv[0], "sftp") == 0;
	struct options o = { .call = call };
	uint16_t port = 22;
	int letter, last = call->argc - 1;

	while ((letter = option_next(&o, "346ABCOpqRrTvD:c:F:i:J:l:o:P:S:X:aNfb:s:t")) != -1) {
		if (letter == '?')
			return 1;
		if (letter == 'P')
			port = (uint16_t)strtoul(o.value, NULL, 10);
	}
	if (o.at >= call->argc || (!is_sftp && o.at == last)) {
		errf(p,
		     is_sftp ? "usage: sftp [-46AaCfNpqrv] [-B buffer_size] [-b batchfile] [-c "
			       "cipher]\n          destination\n"
			     : "usage: scp [-346ABCOpqRrsTv] [-c cipher] [-D sftp_server_path] [-F "
			       "ssh_config]\n           [-i identity_file] [-J destination] [-l "
			       "limit] [-o ssh_option]\n           [-P port] [-S program] [-X "
			       "sftp_option] source ... target\n");
		return 1;
	}
	for (int i = o.at; i <= last; i++) {
		const char *colon = strchr(call->argv[i], ':'), *target, *sign;
		struct far_url url = { .scheme = "scp", .text = call->argv[i], .port = port };
		bool upload = i == last && !is_sftp;
		int status;

		if (colon == NULL && !is_sftp)
			continue;
		target = text_of(p, call->argv[i], strcspn(call->argv[i], ":"));
		sign = strrchr(target, '@');
		url.host = sign != NULL ? sign + 1 : target;
		url.user = sign != NULL ? text_of(p, target, (size_t)(sign - target)) : NULL;
		url.path = colon != NULL ? colon + 1 : "";
		far_tell(p, upload ? HIN_SHELL_UPLOAD : HIN_SHELL_DOWNLOAD, call->argv[0], &url,
			 upload	   ? call->argv[o.at]
			 : is_sftp ? NULL
				   : call->argv[last]);
		status = ssh_fails(call, target, port, 0);
		errf(p, is_sftp ? "Connection closed.  \nConnection closed\n"
				: "scp: Connection closed\n");
		return status == 255 || is_sftp ? 255 : 1;
	}
	return complain(call, "%s: No such file or directory", call->argv[o.at]);
}

static int do_ftp(struct call *call)
{
	struct process *p = call->p;
	struct options o = { .call = call };
	const char *host, *address;

	if (!options_read(&o, "46pinegvd"))
		return 1;
	if (o.at >= call->argc) {
		outs(p, "ftp> ");
		return 0;
	}
	host = call->argv[o.at];
	tell_connect(p, "ftp", "ftp", host, 21);
	address = far_address(p, host);
	if (address == NULL)
		errf(p, "ftp: Can't lookup `%s:ftp': Temporary failure in name resolution\n", host);
	else
		errf(p, "ftp: Can't connect to `%s:21': %s\nftp: Can't connect to `%s:ftp'\n",
		     address, error_text(far_connect(p, address, 21, 0)), host);
	outs(p, "ftp> ");
	return 1;
}

/* ---- ping and names ---- */

static int do_ping(struct call *call)
{
	struct process *p = call->p;
	struct options o = { .call = call };
	const char *host, *address;
	unsigned long count = 0, deadline = 0;
	int letter;

	while ((letter = option_next(&o, "46c:i:s:t:w:W:I:qnvbfAp:l:")) != -1) {
		if (letter == '?')
			return is_busybox(p) ? 1 : 2;
		if (letter == 'c')
			count = strtoul(o.value, NULL, 10);
		if (letter == 'w')
			deadline = strtoul(o.value, NULL, 10);
	}
	if (o.at >= call->argc) {
		if (is_busybox(p))
			return tell_usage(call, false);
		errf(p, "ping: usage error: Destination address required\n");
		return 1;
	}
	host = call->argv[o.at];
	tell_connect(p, "ping", "icmp", host, 0);
	address = far_address(p, host);
	if (address == NULL) {
		if (is_busybox(p))
			return complain(call, "bad address '%s'", host);
		errf(p, "ping: %s: Temporary failure in name resolution\n", host);
		return 2;
	}
	if (is_busybox(p))
		outf(p, "PING %s (%s): 56 data bytes\n", host, address);
	else
		outf(p, "PING %s (%s) 56(84) bytes of data.\n", host, address);
	wait_ms(p, INT64_C(1000) * (int64_t)(deadline > 0 ? deadline
					     : count > 0  ? count + 9
							  : 86400));
	count = count > 0 ? count : deadline > 0 ? deadline : 86400;
	if (is_busybox(p))
		outf(p,
		     "\n--- %s ping statistics ---\n%lu packets transmitted, 0 packets received, "
		     "100%% packet loss\n",
		     host, count);
	else
		outf(p,
		     "\n--- %s ping statistics ---\n%lu packets transmitted, 0 received, 100%% "
		     "packet loss, time %lums\n\n",
		     host, count, (count - 1) * 1024);
	return 1;
}

static int do_nslookup(struct call *call)
{
	struct process *p = call->p;
	struct options o = { .call = call };
	const char *server = p->shell->machine->nameserver, *host;

	while (o.at < call->argc - 1 && call->argv[o.at + 1][0] == '-')
		o.at++;
	if (o.at + 1 >= call->argc) {
		if (is_busybox(p))
			return tell_usage(call, false);
		if (strcmp(call->argv[0], "nslookup") == 0)
			outs(p, "> ");
		return 0;
	}
	host = call->argv[o.at + 1];
	if (o.at + 2 < call->argc)
		server = call->argv[o.at + 2];
	server = server != NULL ? server : "127.0.0.1";
	(void)far_address(p, host);
	if (is_busybox(p))
		outf(p,
		     "Server:\t\t%s\nAddress:\t%s:53\n\n;; connection timed out; no servers could "
		     "be reached\n\n",
		     server, server);
	else if (strcmp(call->argv[0], "dig") == 0)
		outf(p,
		     "\n; <<>> DiG 9.18.24-1-Debian <<>> %s\n;; global options: +cmd\n;; "
		     "connection "
		     "timed out; no servers could be reached\n",
		     host);
	else
		outs(p, ";; connection timed out; no servers could be reached\n\n");
	return strcmp(call->argv[0], "dig") == 0 ? 9 : 1;
}

static int do_traceroute(struct call *call)
{
	struct process *p = call->p;
	const char *host = call->argc > 1 ? call->argv[call->argc - 1] : NULL, *address;

	if (host == NULL || host[0] == '-')
		return is_busybox(p) ? tell_usage(call, false)
				     : complain(call, "Specify \"host\" missing argument.");
	tell_connect(p, "traceroute", "udp", host, 33434);
	address = far_address(p, host);
	if (address == NULL)
		return complain(call, "%s: Temporary failure in name resolution", host);
	outf(p, "traceroute to %s (%s), 30 hops max, 60 byte packets\n", host, address);
	for (unsigned i = 1; i <= 30; i++) {
		wait_ms(p, 5000);
		outf(p, "%2u  * * *\n", i);
	}
	return 0;
}

const struct command remote_commands[] = {
	{ "dbclient", do_ssh, false },
	{ "dig", do_nslookup, false },
	{ "ftp", do_ftp, false },
	{ "host", do_nslookup, false },
	{ "nc", do_nc, false },
	{ "netcat", do_nc, false },
	{ "nslookup", do_nslookup, false },
	{ "ping", do_ping, false },
	{ "ping6", do_ping, false },
	{ "scp", do_scp, false },
	{ "sftp", do_scp, false },
	{ "ssh", do_ssh, false },
	{ "telnet", do_telnet, false },
	{ "traceroute", do_traceroute, false },
	{ NULL, NULL, false },
};
