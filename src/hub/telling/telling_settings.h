/*
 * telling_settings - the rows of hub.yaml that telling understands (hub/telling/telling.h).
 *
 * HIN_TELLING_ROWS(base) are rows of a hin_config_table; `base` is where the struct
 * hin_telling_settings lies in the target.
 */
#pragma once
#include "base/time.h"
#include "hub/telling/telling.h"

#define HIN_TELLING_AT(base, field) ((base) + offsetof(struct hin_telling_settings, field))
#define HIN_TELLING_TEXT(base, name, field, value, en, ja)                                         \
	{                                                                                          \
		name, { HIN_VALUE_TEXT }, HIN_TELLING_AT(base, field), value, en, ja, NULL         \
	}

#define HIN_TELLING_ROWS(base)                                                                     \
	{ "notice.send",                                                                           \
	  { HIN_VALUE_BOOL },                                                                      \
	  HIN_TELLING_AT(base, send),                                                              \
	  "no",                                                                                    \
	  "send notices to owners; while it is no they are written, and held",                     \
	  "所有者へ通知を送る。no の間は作成して保留する",                                         \
	  NULL },                                                                                  \
		{ "notice.approve",                                                                \
		  { HIN_VALUE_BOOL },                                                              \
		  HIN_TELLING_AT(base, approve),                                                   \
		  "no",                                                                            \
		  "a person must let each new notice go",                                          \
		  "新しい通知は人が許可してから送る",                                              \
		  NULL },                                                                          \
		{ "notice.kinds",                                                                  \
		  { HIN_VALUE_LIST },                                                              \
		  HIN_TELLING_AT(base, kinds),                                                     \
		  "infected-member,intruder,dropper,honeytoken-used,credential-guessing,scanner,"  \
		  "attacked-service,flood-target,amplifier-abused",                                \
		  "findings that owners are told of",                                              \
		  "所有者に知らせる所見の種類",                                                    \
		  NULL },                                                                          \
		{ "notice.confidence",                                                             \
		  { HIN_VALUE_U64, 0, 100 },                                                       \
		  HIN_TELLING_AT(base, least_confidence),                                          \
		  "50",                                                                            \
		  "least confidence of a finding that owners are told of",                         \
		  "所有者に知らせる所見の最低の確からしさ",                                        \
		  NULL },                                                                          \
		{ "notice.gather",                                                                 \
		  { HIN_VALUE_DURATION, 0, HIN_NS_PER_HOUR },                                      \
		  HIN_TELLING_AT(base, gather_ns),                                                 \
		  "1m",                                                                            \
		  "a notice is written so long after its first finding, to say more at once",      \
		  "最初の所見から通知を作成するまでの待ち時間",                                    \
		  NULL },                                                                          \
		{ "notice.watched",                                                                \
		  { HIN_VALUE_DURATION, HIN_NS_PER_S, 366 * HIN_NS_PER_DAY },                      \
		  HIN_TELLING_AT(base, watched_ns),                                                \
		  "7d",                                                                            \
		  "not seen for so long, while sensors were alive: fixed",                         \
		  "センサー稼働中にこの間見えなければ解消とみなす",                                \
		  NULL },                                                                          \
		{ "notice.remind",                                                                 \
		  { HIN_VALUE_DURATION, 0, 366 * HIN_NS_PER_DAY },                                 \
		  HIN_TELLING_AT(base, remind_ns),                                                 \
		  "14d",                                                                           \
		  "until the first reminder, twice as long until the next; 0 = none",              \
		  "最初の再送までの期間。次からは倍。0 は再送なし",                                \
		  NULL },                                                                          \
		{ "notice.reminders",                                                              \
		  { HIN_VALUE_U64, 0, 100 },                                                       \
		  HIN_TELLING_AT(base, reminders),                                                 \
		  "3",                                                                             \
		  "most reminders of one notice",                                                  \
		  "一つの通知の再送の上限",                                                        \
		  NULL },                                                                          \
		{ "notice.per-contact",                                                            \
		  { HIN_VALUE_U64, 1, 100000 },                                                    \
		  HIN_TELLING_AT(base, per_contact),                                               \
		  "20",                                                                            \
		  "most letters to one contact in a day; more notices wait and go together",       \
		  "同じ連絡先へ一日に送る上限。超えた分はまとめて送る",                            \
		  NULL },                                                                          \
		{ "notice.per-hour",                                                               \
		  { HIN_VALUE_U64, 1, 1000000 },                                                   \
		  HIN_TELLING_AT(base, per_hour),                                                  \
		  "500",                                                                           \
		  "most letters in an hour to all together",                                       \
		  "全体で一時間に送る上限",                                                        \
		  NULL },                                                                          \
		{ "notice.retry",                                                                  \
		  { HIN_VALUE_DURATION, HIN_NS_PER_MIN, 30 * HIN_NS_PER_DAY },                     \
		  HIN_TELLING_AT(base, retry_ns),                                                  \
		  "4d",                                                                            \
		  "a letter that no server takes is given up after so long",                       \
		  "受け取られない通知をあきらめるまでの期間",                                      \
		  NULL },                                                                          \
		{ "notice.proof",                                                                  \
		  { HIN_VALUE_DURATION, 0, HIN_NS_PER_DAY },                                       \
		  HIN_TELLING_AT(base, proof_ns),                                                  \
		  "10m",                                                                           \
		  "a notice waits so long for its proof, then goes without",                       \
		  "証明を待つ最長の時間。過ぎれば証明なしで送る",                                  \
		  NULL },                                                                          \
		{ "notice.digest-hour",                                                            \
		  { HIN_VALUE_U64, 0, 23 },                                                        \
		  HIN_TELLING_AT(base, digest_hour),                                               \
		  "9",                                                                             \
		  "hour of the day at which digests go, in the zone of the contact's quiet hours", \
		  "まとめ送りの時刻 (連絡先の静音時間の時間帯で)",                                 \
		  NULL },                                                                          \
		HIN_TELLING_TEXT(base, "notice.sender", organisation, NULL,                        \
				 "name of your organisation, as notices are signed",               \
				 "通知に記す自組織の名前"),                                        \
		HIN_TELLING_TEXT(base, "notice.contact", contact, NULL,                            \
				 "where owners may ask: a mail address, telephone, page",          \
				 "所有者の問い合わせ先"),                                          \
		HIN_TELLING_TEXT(base, "notice.verify", verify_url, NULL,                          \
				 "address of /verify as people reach it",                          \
				 "/verify の公開アドレス"),                                        \
		HIN_TELLING_TEXT(base, "notice.templates", templates, NULL,                        \
				 "folder with en/ and ja/ whose texts replace our own",            \
				 "独自の文面のフォルダー (en/ と ja/)"),                           \
		HIN_TELLING_TEXT(base, "mail.server", mail_server, NULL,                           \
				 "mail server, as mail.example:587",                               \
				 "メールサーバー (例 mail.example:587)"),                          \
		{ "mail.tls",                                                                      \
		  { HIN_VALUE_CHOICE,                                                              \
		    .choices = (const char *const[]){ "starttls", "tls", "plain", NULL } },        \
		  HIN_TELLING_AT(base, mail_tls),                                                  \
		  "starttls",                                                                      \
		  "TLS with the mail server; plain is for loopback",                               \
		  "メールサーバーとの TLS。plain はループバック用",                                \
		  NULL },                                                                          \
		{ "mail.plain-anywhere",                                                           \
		  { HIN_VALUE_BOOL },                                                              \
		  HIN_TELLING_AT(base, mail_plain),                                                \
		  "no",                                                                            \
		  "allow mail.tls plain beyond loopback",                                          \
		  "ループバック以外でも plain を許す",                                             \
		  NULL },                                                                          \
		HIN_TELLING_TEXT(base, "mail.ca", mail_ca, NULL,                                   \
				 "authorities that the server's certificate may be of (PEM); the " \
				 "system's when empty",                                            \
				 "サーバー証明書の認証局 (PEM)。空ならシステムのもの"),            \
		HIN_TELLING_TEXT(base, "mail.user", mail_user, NULL,                               \
				 "name to authenticate with; empty = none",                        \
				 "認証の利用者名。空なら認証しない"),                              \
		HIN_TELLING_TEXT(base, "mail.password-file", mail_password_file, NULL,             \
				 "file whose first line is the password",                          \
				 "1 行目がパスワードのファイル"),                                  \
		HIN_TELLING_TEXT(base, "mail.hello", mail_hello, NULL,                             \
				 "own name for the mail server; the domain of mail.from when "     \
				 "empty",                                                          \
				 "EHLO の名前。空なら mail.from のドメイン"),                      \
		HIN_TELLING_TEXT(base, "mail.from", mail_from, NULL,                               \
				 "address that mail comes from; nothing is mailed without",        \
				 "差出人のアドレス。なければ送らない"),                            \
		HIN_TELLING_TEXT(base, "mail.name", mail_name, NULL, "name beside that address",   \
				 "差出人の名前"),                                                  \
		HIN_TELLING_TEXT(base, "mail.reply-to", mail_reply, NULL,                          \
				 "address for answers; mail.from when empty",                      \
				 "返信先。空なら mail.from"),                                      \
		HIN_TELLING_TEXT(base, "mail.bounce", mail_bounce, NULL,                           \
				 "address that bounces go to, with +word behind its local part; "  \
				 "mail.from when empty",                                           \
				 "不達通知の宛先 (+語を付ける)。空なら mail.from"),                \
		HIN_TELLING_TEXT(base, "mail.bounces", mail_bounces, NULL,                         \
				 "folder (Maildir, or files) where bounces arrive",                \
				 "不達通知が届くフォルダー (Maildir またはファイル)"),             \
		HIN_TELLING_TEXT(base, "mail.certificate", mail_certificate, NULL,                 \
				 "certificate to sign mail with (PEM, chain behind it)",           \
				 "メールに署名する証明書 (PEM)"),                                  \
		HIN_TELLING_TEXT(base, "mail.key", mail_key, NULL, "its key (PEM, not encrypted)", \
				 "その秘密鍵 (PEM、暗号化なし)"),                                  \
		{ "webhook.private",                                                               \
		  { HIN_VALUE_BOOL },                                                              \
		  HIN_TELLING_AT(base, hook_private),                                              \
		  "no",                                                                            \
		  "web hooks may lead to private and loopback addresses",                          \
		  "Web フックで内部アドレスを許す",                                                \
		  NULL },                                                                          \
		HIN_TELLING_TEXT(base, "webhook.secret-file", hook_secret_file, NULL,              \
				 "file whose first line signs web hooks (HMAC-SHA-256)",           \
				 "1 行目が Web フックの署名鍵のファイル"),                         \
		{ "alert.to",                                                                      \
		  { HIN_VALUE_LIST },                                                              \
		  HIN_TELLING_AT(base, alert_to),                                                  \
		  NULL,                                                                            \
		  "on-call table: mail:ADDRESS, webhook:URL or syslog:WHERE, then severity=, "     \
		  "when=, quiet=, zone=, language=",                                               \
		  "当番表: mail: webhook: syslog: の宛先と severity= when= quiet= zone= "   \
		  "language=",                                                                     \
		  NULL },                                                                          \
	{                                                                                          \
		"alert.per-hour", { HIN_VALUE_U64, 1, 100000 },                                    \
			HIN_TELLING_AT(base, alerts_per_hour), "60",                               \
			"most messages with alerts to one address in an hour; more go together, "  \
			"critical ones at once",                                                   \
			"同じ宛先への一時間の警報の上限。超えた分はまとめる (最高は即時)", NULL    \
	}
