/*
 * door - the hub's part that people meet: its settings, and how hub/door/api.h is opened with them.
 *
 * Threads: those of the hub that opens and closes it.
 */
#pragma once
#include "base/config.h"
#include "base/time.h"
#include "hub/door/api.h"

/* Part of the hub's settings. */
struct hin_door_settings {
	char *countries; /* "" = none */
	char *zone;	 /* of reports */
	bool ledger_public;
	char *listen, *certificate, *key; /* "" = not opened; the hub's own certificate */
	struct hin_config_list proxies, decoys;
	bool plain, forwarded, second_factor;
	int64_t idle_ns, session_ns, query_ns;
	uint64_t rate, connections, streams, query_memory;
};

#define HIN_DOOR_AT(base, field) ((base) + offsetof(struct hin_door_settings, field))
#define HIN_DOOR_ROW(base, name, field, value, en, ja, ...)                                        \
	{                                                                                          \
		name, { __VA_ARGS__ }, HIN_DOOR_AT(base, field), value, en, ja, NULL               \
	}

/* Rows of a hin_config_table; `base` is where the struct hin_door_settings lies in the target. */
#define HIN_DOOR_ROWS(base)                                                                                                     \
	HIN_DOOR_ROW(base, "people", listen, "127.0.0.1:8440",                                                                  \
		     "address and port of the page and the API for people; empty = none",                                       \
		     "人のためのページと API のアドレスとポート。空なら開かない", HIN_VALUE_TEXT),                              \
		HIN_DOOR_ROW(base, "people.plain", plain, "no",                                                                 \
			     "no TLS there: on a loopback address, behind a proxy or for oneself",                              \
			     "TLS を使わない (ループバックのみ。プロキシの背後や手元での利用)",                                 \
			     HIN_VALUE_BOOL),                                                                                   \
		HIN_DOOR_ROW(base, "people.certificate", certificate, NULL,                                                     \
			     "file of the certificate that browsers see, with those above it; "                                 \
			     "empty = the hub's own",                                                                           \
			     "ブラウザーに示す証明書 (中間証明書を含む PEM)。空ならハブの証明書",                               \
			     HIN_VALUE_TEXT),                                                                                   \
		HIN_DOOR_ROW(base, "people.key", key, NULL, "file of that certificate's key",                                   \
			     "その証明書の鍵のファイル", HIN_VALUE_TEXT),                                                       \
		HIN_DOOR_ROW(base, "people.proxies", proxies, NULL,                                                             \
			     "prefixes of proxies whose header about the client is believed",                                   \
			     "クライアントについてのヘッダーを信じるプロキシのプレフィックス",                                  \
			     HIN_VALUE_LIST),                                                                                   \
		HIN_DOOR_ROW(base, "people.forwarded", forwarded, "no",                                                         \
			     "they write Forwarded (RFC 7239); X-Forwarded-For otherwise. The "                                 \
			     "other header is not looked at",                                                                   \
			     "プロキシが書くのは Forwarded (RFC 7239)。no なら "                                    \
			     "X-Forwarded-For。他方は見ない",                                                                   \
			     HIN_VALUE_BOOL),                                                                                   \
		HIN_DOOR_ROW(base, "people.second-factor", second_factor, "no",                                                 \
			     "everybody must set up a second factor",                                                           \
			     "全員に二要素認証を必須とする", HIN_VALUE_BOOL),                                                   \
		HIN_DOOR_ROW(base, "people.idle", idle_ns, "1h",                                                                \
			     "a session ends after so long without use",                                                        \
			     "セッションは無操作でこの時間が過ぎると終わる", HIN_VALUE_DURATION,                                \
			     HIN_NS_PER_MIN, 30 * HIN_NS_PER_DAY),                                                              \
		HIN_DOOR_ROW(base, "people.session", session_ns, "12h",                                                         \
			     "and after so long in any case",                                                                   \
			     "セッションは使用中でもこの時間で終わる", HIN_VALUE_DURATION,                                      \
			     HIN_NS_PER_MIN, 366 * HIN_NS_PER_DAY),                                                             \
		HIN_DOOR_ROW(base, "people.rate", rate, "100",                                                                  \
			     "requests a second of one account, or of one address that is not "                                 \
			     "signed in; five times as many at once; 0 = any",                                                  \
			     "1 アカウント (未サインインは 1 アドレス) の毎秒の要求数。一時的には" \
			     "その 5 倍。0 は無制限",                                                                           \
			     HIN_VALUE_U64, 0, 1000000),                                                                        \
		HIN_DOOR_ROW(base, "people.connections", connections, "1024",                                                   \
			     "most connections at once", "同時接続の上限", HIN_VALUE_U64, 16,                                   \
			     65536),                                                                                            \
		HIN_DOOR_ROW(base, "people.streams", streams, "256",                                                            \
			     "most of them that listen to events",                                                              \
			     "そのうちイベントを受け続けるものの上限", HIN_VALUE_U64, 1, 65536),                                \
		HIN_DOOR_ROW(base, "people.query", query_ns, "30s", "most time of a question",                                  \
			     "一つの問い合わせの最大時間", HIN_VALUE_DURATION, HIN_NS_PER_S,                                    \
			     HIN_NS_PER_HOUR),                                                                                  \
		HIN_DOOR_ROW(base, "people.countries", countries, NULL,                                                         \
			     "addresses to countries, a MaxMind DB: for maps and groups",                                       \
			     "アドレスから国への表 (MaxMind DB)。地図と集計に使う",                                             \
			     HIN_VALUE_TEXT),                                                                                   \
		HIN_DOOR_ROW(base, "people.decoys", decoys, NULL,                                                               \
			     "folders of decoys on this machine, whose recordings the page shows",                              \
			     "この機械にあるおとりのフォルダー (記録をページに示す)",                                           \
			     HIN_VALUE_LIST),                                                                                   \
		HIN_DOOR_ROW(base, "people.zone", zone, "Asia/Tokyo",                                                           \
			     "time zone of reports by month and year",                                                          \
			     "月報・年報の暦のタイムゾーン", HIN_VALUE_TEXT),                                                   \
		HIN_DOOR_ROW(                                                                                                   \
			base, "people.ledger-public", ledger_public, "no",                                                      \
			"everybody may read the ledger's files, as C2SP's tlog-tiles has them",                                 \
			"台帳のファイルを誰でも読めるようにする (C2SP tlog-tiles)",                                             \
			HIN_VALUE_BOOL),                                                                                        \
		HIN_DOOR_ROW(base, "people.memory", query_memory, "64M",                                                        \
			     "most memory of a question; two are answered at once",                                             \
			     "一つの問い合わせの最大メモリー (同時に二つまで)", HIN_VALUE_SIZE,                                 \
			     16 << 20, INT64_MAX),

struct hin_ca;
struct hin_hub;

/* Append the hub's settings as objects of a JSON list; `user` is the hub. */
void door_write_settings(void *user, struct hin_buffer *out);
struct hin_hub_settings;

/* Open the door of `hub` by `settings`; nothing when they have no address. */
HIN_MUST_USE enum hin_code hin_door_open(struct hin_hub *hub,
					 const struct hin_hub_settings *settings,
					 struct hin_error *err);

/* End it: nothing of the hub is used by it any more. */
void hin_door_close(struct hin_hub *hub);

/*
 * Go on by other settings (hin_api_reload()), with the hub's certificate of `ca` unless they name
 * another. On failure all stays as it was.
 */
HIN_MUST_USE enum hin_code hin_door_reload(struct hin_hub *hub, const struct hin_ca *ca,
					   const struct hin_hub_settings *settings,
					   struct hin_error *err);
