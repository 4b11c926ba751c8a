/*
 * gate - the process of a decoy that accepts connections and gives them to workers.
 *
 *	strangers -> gate -> worker -> scribe -> recordings, vault, road to the hub
 *
 * The gate holds the listening sockets and nothing else. It reads no byte of a stranger but the
 * header of a proxy (PROXY protocol, version 2). It decides who is let in: blocked sources and
 * those over a cap are not. A source always comes to the same worker, which has its files. When a
 * worker dies, only its own sessions end; the scribe has what they said, and another one starts.
 *
 * Threads: a process of its own, without threads.
 */
#pragma once
#include "base/config.h"
#include "base/notify.h"
#include "decoy/host/organisation.h"

#define HIN_GATE_WORKERS 64

struct hin_decoy_limits {
	uint64_t sessions;	  /* at once */
	uint64_t source_sessions; /* at once of one source; of IPv6 a /64 */
	uint64_t source_day;	/* connections of one source a day; above it is held in a tarpit */
	int64_t session_ns;	/* longest session */
	uint64_t session_bytes; /* most that one receives, or is sent */
	uint64_t workers;
};

#define HIN_DECOY_LIMIT_ROWS(struct_type, member)                                                  \
	{ "limit.sessions",                                                                        \
	  { HIN_VALUE_U64, 1, 100000 },                                                            \
	  offsetof(struct_type, member.sessions),                                                  \
	  "10000",                                                                                 \
	  "most connections at once; more are closed at once, and counted",                        \
	  "同時接続の上限（超えた分は直ちに切断し、件数を数える）",                                \
	  NULL },                                                                                  \
		{ "limit.source_sessions",                                                         \
		  { HIN_VALUE_U64, 1, 100000 },                                                    \
		  offsetof(struct_type, member.source_sessions),                                   \
		  "64",                                                                            \
		  "most connections at once of one source (of IPv6 a /64)",                        \
		  "一つの送信元 (IPv6では/64) からの同時接続の上限",                               \
		  NULL },                                                                          \
		{ "limit.source_day",                                                              \
		  { HIN_VALUE_U64, 0, 1000000000 },                                                \
		  offsetof(struct_type, member.source_day),                                        \
		  "20000",                                                                         \
		  "connections of one source a day; more are held in a tarpit; 0: never",          \
		  "一つの送信元の一日あたりの接続数（超えた分は遅延応答にする、0で無制限）",       \
		  NULL },                                                                          \
		{ "limit.session",                                                                 \
		  { HIN_VALUE_DURATION, HIN_NS_PER_S, 30 * HIN_NS_PER_DAY },                       \
		  offsetof(struct_type, member.session_ns),                                        \
		  "6h",                                                                            \
		  "longest connection",                                                            \
		  "一つの接続の最大時間",                                                          \
		  NULL },                                                                          \
		{ "limit.session_bytes",                                                           \
		  { HIN_VALUE_SIZE, 1 << 16, (int64_t)1 << 40 },                                   \
		  offsetof(struct_type, member.session_bytes),                                     \
		  "256M",                                                                          \
		  "most bytes of one connection, each way",                                        \
		  "一つの接続で送受信できる最大バイト数（方向ごと）",                              \
		  NULL },                                                                          \
	{                                                                                          \
		"limit.workers", { HIN_VALUE_U64, 1, HIN_GATE_WORKERS },                           \
			offsetof(struct_type, member.workers), "1",                                \
			"processes that talk to strangers", "接続を処理するプロセスの数", NULL     \
	}

/* ---- listening ---- */

enum hin_gate_kind {
	HIN_GATE_HOST,	/* one port of one host */
	HIN_GATE_PROXY, /* a proxy connects here, and says who comes */
	HIN_GATE_ALL,	/* whatever nftables' tproxy sends here */
};

struct hin_gate_listener {
	int fd;
	enum hin_gate_kind kind;
	const struct hin_host *host; /* of HOST */
	uint32_t host_index;	     /* its place in the organisation */
	uint16_t port;		     /* of HOST */
};

struct hin_gate_listeners {
	struct hin_gate_listener *items;
	size_t count, room;
};

/*
 * Listen at every port that the hosts of `organisation` serve or have open, at their addresses,
 * which need not be the machine's (`ip route add local PREFIX dev lo`). HIN_ESYS, HIN_EDENIED for
 * a port below 1024 without the right to it.
 */
HIN_MUST_USE enum hin_code hin_gate_listen_hosts(struct hin_gate_listeners *list,
						 const struct hin_organisation *organisation,
						 struct hin_error *err);

/* Listen at "address:port" or "[address]:port" for PROXY or ALL. HIN_EFORMAT, HIN_ESYS. */
HIN_MUST_USE enum hin_code hin_gate_listen(struct hin_gate_listeners *list, enum hin_gate_kind kind,
					   const char *place, struct hin_error *err);
void hin_gate_listeners_close(struct hin_gate_listeners *list);

/* ---- the header of a proxy (haproxy, proxy-protocol.txt 2.2) ---- */

struct hin_proxied {
	struct hin_addr client, server;
	uint16_t client_port, server_port;
	bool is_local; /* the proxy itself asks whether we live */
};

#define HIN_PROXY_HEADER 536 /* bytes: the longest that is taken */

/*
 * Read the header at the start of `data`; `*used` is its length. HIN_EAGAIN: there is more of it to
 * come; HIN_EFORMAT: it is none, or of no use (not TCP over IP), or too long.
 */
HIN_MUST_USE enum hin_code hin_proxied_read(struct hin_proxied *out, const void *data, size_t size,
					    size_t *used);

/* ---- between gate, workers and scribe ---- */

/* What a worker gets with each connection. */
struct hin_gate_hello {
	struct hin_addr client, server;
	uint16_t client_port, server_port;
	uint32_t host; /* its place in the organisation */
	bool is_proxied, is_tarpit;
};

/* What a worker says when one has gone: its client. */
struct hin_gate_gone {
	struct hin_addr client;
};

/* What the gate says to the scribe beside refused connections, and its answer, a byte. */
struct hin_gate_ends {
	int gate;   /* the worker's end of its pair with the gate */
	int scribe; /* and with the scribe */
};

struct hin_gate_settings {
	const struct hin_organisation *organisation;
	struct hin_gate_listeners listeners;
	struct hin_decoy_limits limits;
	struct hin_prefix *proxies; /* who may connect to a PROXY listener */
	size_t proxy_count;
	int scribe;			      /* pair with the scribe */
	int worker_scribes[HIN_GATE_WORKERS]; /* the workers' ends of theirs */
	const struct hin_notify *notify;
	/* In a child process: be worker number `index`; never returns. */
	void (*worker)(void *user, unsigned index, const struct hin_gate_ends *ends);
	void *user;
	int stop_fd; /* readable: end */
};

/*
 * Start the workers and accept until `stop_fd` is readable; then let them end, for five seconds at
 * most. HIN_ESYS when workers cannot be started, or die at once again and again.
 */
HIN_MUST_USE enum hin_code hin_gate_run(struct hin_gate_settings *settings, struct hin_error *err);
