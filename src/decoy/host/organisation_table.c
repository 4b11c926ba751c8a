/* organisation_table - the settings of an organisation's file. */
#include "decoy/host/organisation_priv.h"

/* clang-format off: one row after the other */
#define ROW(NAME, FIELD, VALUE, EN, JA, ...)                                                       \
	{                                                                                          \
		NAME, { __VA_ARGS__ }, offsetof(struct organisation_settings, FIELD), VALUE, EN,   \
			JA, NULL                                                                   \
	}
#define TEXT(NAME, FIELD, VALUE, EN, JA) ROW(NAME, FIELD, VALUE, EN, JA, .type = HIN_VALUE_TEXT)
#define LIST(NAME, FIELD, EN, JA) ROW(NAME, FIELD, NULL, EN, JA, .type = HIN_VALUE_LIST)

static const struct hin_setting rows[] = {
	TEXT("title", title, NULL, "what it is called, in English", "組織名 (英語)"),
	TEXT("title_ja", title_ja, NULL, "the same in Japanese", "組織名 (日本語)"),
	TEXT("domain", domain, "corp.internal", "domain of its hosts", "ホストのドメイン"),
	TEXT("zone.name", zone, "UTC", "time zone of its clocks", "時刻帯の名前"),
	ROW("zone.minutes", zone_minutes, "0", "minutes east of UTC", "UTC からの分 (東が正)",
	    .type = HIN_VALUE_I64, .min = -840, .max = 840),
	TEXT("nameserver", nameserver, NULL, "address of its name server", "DNS サーバのアドレス"),
	ROW("network.prefix", prefix, "24", "bits of the network of each host (IPv4)",
	    "各ホストの属するネットワークのビット数 (IPv4)", .type = HIN_VALUE_U64, .min = 8,
	    .max = 30),
	TEXT("network.gateway", gateway, "first", "the gateway there: first or last address",
	     "ゲートウェイ: first (最初) か last (最後) のアドレス"),
	LIST("departments", departments, "ID JAPANESE ENGLISH", "部署。ID 日本語名 英語名"),
	LIST("hosts", hosts,
	     "ADDRESSES PERSONAS NAME DEPARTMENT: an address, a range or a prefix; personas with "
	     "commas between them; of several hosts the name has %d, its number",
	     "ホスト。アドレス ペルソナ 名前 部署 (複数なら名前に番号 %d)"),
	LIST("people", people, "LOGIN NAME DEPARTMENT TITLE; department * is an administrator",
	     "人。ログイン名 氏名 部署 役職 (部署 * は管理者)"),
	LIST("documents", documents,
	     "a line WHERE PATH, then the text; WHERE is a department, persona, host or *",
	     "文書。1 行目が 場所 パス、以降が本文 (場所は部署・ペルソナ・ホスト・*)"),
	LIST("logins", logins, "pairs that let in: WHERE USER PASSWORD",
	     "ログインできる組。場所 利用者 パスワード"),
	LIST("tokens", tokens,
	     "planted: NAME password WHERE USER PASSWORD, NAME key WHERE USER PATH, or NAME file "
	     "WHERE PATH",
	     "おとり。名前 種別 場所 利用者 内容"),
};
/* clang-format on */

const struct hin_config_table organisation_table = { rows, HIN_COUNT(rows) };
