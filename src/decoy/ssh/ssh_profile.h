/*
 * ssh_profile - all that differs between one SSH server and another, as settings of a persona.
 *
 * Lists are the name-lists of SSH_MSG_KEXINIT (RFC 4253, 7.1) in the server's order, byte for byte:
 * a name that we cannot do is sent all the same, and a client that insists on it is answered as if
 * there were nothing in common. What is structure and no text (when a server sends what, how it
 * takes a broken packet) follows from `like` and `version`.
 *
 * The defaults are Debian 12's openssh-server 1:9.2p1-2+deb12u10 with its own sshd_config, recorded
 * by running it.
 *
 * Ownership: whoever filled it by hin_config_init() ends it by hin_config_fini(); it outlives every
 *            session of the persona.
 * Threads:   read-only after loading.
 */
#pragma once
#include "base/config.h"
#include "base/time.h"

/* Whose behaviour: the choices of "ssh.like", which end with NULL. */
enum hin_ssh_like { HIN_SSH_LIKE_OPENSSH, HIN_SSH_LIKE_DROPBEAR };
static const char *const hin_ssh_likes[] __attribute__((unused)) = { "openssh", "dropbear", NULL };

struct hin_ssh_profile {
	int like;	  /* enum hin_ssh_like */
	uint64_t version; /* 902 = OpenSSH 9.2, 202283 = dropbear 2022.83 */
	char *identification;
	bool kexinit_first; /* sent with the identification, before the client's has come */
	char *invalid_text, *version_text;
	int64_t greeting_ns; /* from the connection to the identification */
	int64_t kexinit_ns;  /* from the client's identification to KEXINIT */

	/* KEXINIT; an empty list of the other direction is that of the first */
	struct hin_config_list kex, host_keys;
	struct hin_config_list ciphers, ciphers_to_client;
	struct hin_config_list macs, macs_to_client;
	struct hin_config_list compression, compression_to_client;
	struct hin_config_list languages, languages_to_client;

	uint64_t rsa_bits;
	uint64_t rekey_bytes;  /* 0: as the cipher's block wants it (RFC 4344) */
	int64_t rekey_time_ns; /* 0: never by time */
	bool ext_info;
	struct hin_config_list signature_algorithms; /* its server-sig-algs */
	struct hin_config_list extensions;	     /* and "name=value" behind it */
	bool host_keys_told;			     /* hostkeys-00@openssh.com after the log-in */

	/* log-in */
	char *banner; /* before it; empty: none */
	struct hin_config_list methods;
	uint64_t tries;
	int64_t login_grace_ns;
	int64_t answer_ns;	   /* the least time that a refused request takes */
	int64_t failure_ns;	   /* a wrong password takes so much longer ... */
	int64_t failure_spread_ns; /* ... and up to so much more */
	int64_t success_ns;
	bool password_change; /* a first right password has expired, and must be changed */
	char *prompt;	      /* of keyboard-interactive */
	uint64_t startups, startups_rate, startups_full; /* MaxStartups */
	char *startups_text;				 /* to whom is one too many */

	/* what comes after it */
	bool last_login;
	struct hin_config_list motd; /* files that are shown before a shell */
	struct hin_config_list accepted_env;
	bool tcp_forwarding, agent_forwarding, x11_forwarding, stream_forwarding;
	uint64_t sessions;     /* channels of type session at once */
	uint64_t window_bytes; /* of a session */
	uint64_t packet_bytes; /* largest data of one message that we take */
	int64_t shell_ns;      /* from the request to the first output of a shell or command */
	int64_t forward_ns;    /* until a forwarded connection ends, as nobody answers */
	bool forward_fails;    /* it is refused then, and not opened and silent */
	bool scp;	       /* has scp */
	bool sftp;	       /* has the subsystem */
	struct hin_config_list sftp_extensions; /* "name=value" of its VERSION */
	char *path;				/* PATH of a command without a shell's files */
};

#define HIN_SSH_ROW(TYPE, MEMBER, NAME, FIELD, VALUE, EN, JA, ...)                                 \
	{                                                                                          \
		"ssh." NAME, { __VA_ARGS__ }, offsetof(TYPE, MEMBER.FIELD), VALUE, EN, JA, NULL    \
	}

#define HIN_SSH_KEX_92                                                                             \
	"sntrup761x25519-sha512,sntrup761x25519-sha512@openssh.com,curve25519-sha256,"             \
	"curve25519-sha256@libssh.org,ecdh-sha2-nistp256,ecdh-sha2-nistp384,ecdh-sha2-nistp521,"   \
	"diffie-hellman-group-exchange-sha256,diffie-hellman-group16-sha512,"                      \
	"diffie-hellman-group18-sha512,diffie-hellman-group14-sha256,kex-strict-s-v00@openssh.com"
#define HIN_SSH_CIPHERS_92                                                                         \
	"chacha20-poly1305@openssh.com,aes128-ctr,aes192-ctr,aes256-ctr,aes128-gcm@openssh.com,"   \
	"aes256-gcm@openssh.com"
#define HIN_SSH_MACS_92                                                                            \
	"umac-64-etm@openssh.com,umac-128-etm@openssh.com,hmac-sha2-256-etm@openssh.com,"          \
	"hmac-sha2-512-etm@openssh.com,hmac-sha1-etm@openssh.com,umac-64@openssh.com,"             \
	"umac-128@openssh.com,hmac-sha2-256,hmac-sha2-512,hmac-sha1"
#define HIN_SSH_SIGNATURES_92                                                                      \
	"ssh-ed25519,sk-ssh-ed25519@openssh.com,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,"          \
	"ecdsa-sha2-nistp521,sk-ecdsa-sha2-nistp256@openssh.com,"                                  \
	"webauthn-sk-ecdsa-sha2-nistp256@openssh.com,ssh-dss,ssh-rsa,rsa-sha2-256,rsa-sha2-512"
#define HIN_SSH_SFTP_92                                                                            \
	"posix-rename@openssh.com=1,statvfs@openssh.com=2,fstatvfs@openssh.com=2,"                 \
	"hardlink@openssh.com=1,fsync@openssh.com=1,lsetstat@openssh.com=1,limits@openssh.com=1,"  \
	"expand-path@openssh.com=1,copy-data=1,home-directory=1,users-groups-by-id@openssh.com=1"

/* clang-format off: one row after the other */
/* Rows of a hin_config_table for the struct hin_ssh_profile that is MEMBER of TYPE. */
#define HIN_SSH_PROFILE_ROWS(T, M)                                                                 \
	HIN_SSH_ROW(T, M, "like", like, "openssh",                                                 \
		    "whose behaviour at protocol level, where it is no text",                      \
		    "プロトコルの振る舞いを似せる実装", .type = HIN_VALUE_CHOICE,                  \
		    .choices = hin_ssh_likes),                                                     \
		HIN_SSH_ROW(T, M, "version", version, "902",                                       \
			    "its version: 902 is OpenSSH 9.2, 202283 is dropbear 2022.83",         \
			    "その版。902 は OpenSSH 9.2、202283 は dropbear 2022.83",              \
			    .type = HIN_VALUE_U64, .min = 100, .max = 999999),                     \
		HIN_SSH_ROW(T, M, "identification", identification,                                \
			    "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u10",                             \
			    "identification, without its line end", "識別文字列 (行末を除く)",     \
			    .type = HIN_VALUE_TEXT),                                               \
		HIN_SSH_ROW(T, M, "kexinit-first", kexinit_first, "no",                            \
			    "KEXINIT goes out with the identification and waits for nothing",      \
			    "KEXINIT を相手の識別文字列を待たずに送る", .type = HIN_VALUE_BOOL),   \
		HIN_SSH_ROW(T, M, "invalid-text", invalid_text,                                    \
			    "Invalid SSH identification string.",                                  \
			    "line for a client whose identification is none; empty = none",        \
			    "識別文字列が不正なクライアントへの行。空なら送らない",                \
			    .type = HIN_VALUE_TEXT),                                               \
		HIN_SSH_ROW(T, M, "version-text", version_text, "Protocol major versions differ.", \
			    "line for a client of another version; empty = none",                  \
			    "版の異なるクライアントへの行。空なら送らない",                        \
			    .type = HIN_VALUE_TEXT),                                               \
		HIN_SSH_ROW(T, M, "greeting", greeting_ns, "8ms",                                  \
			    "from the connection to the identification",                           \
			    "接続から識別文字列までの時間", .type = HIN_VALUE_DURATION, .min = 0,  \
			    .max = HIN_NS_PER_MIN),                                                \
		HIN_SSH_ROW(T, M, "kexinit-delay", kexinit_ns, "8ms",                              \
			    "from the client's identification to KEXINIT",                         \
			    "相手の識別文字列から KEXINIT までの時間", .type = HIN_VALUE_DURATION, \
			    .min = 0, .max = HIN_NS_PER_MIN),                                      \
		HIN_SSH_ROW(                                                                       \
			T, M, "kex", kex, HIN_SSH_KEX_92,                                          \
			"key exchanges in order, with the names that are none (kex-strict-s-...)", \
			"鍵交換方式の順 (kex-strict-s などの印を含む)", .type = HIN_VALUE_LIST),   \
		HIN_SSH_ROW(T, M, "host-keys", host_keys,                                          \
			    "rsa-sha2-512,rsa-sha2-256,ecdsa-sha2-nistp256,ssh-ed25519",           \
			    "host key algorithms in order", "ホスト鍵方式の順",                    \
			    .type = HIN_VALUE_LIST),                                               \
		HIN_SSH_ROW(T, M, "ciphers", ciphers, HIN_SSH_CIPHERS_92, "ciphers in order",      \
			    "暗号方式の順", .type = HIN_VALUE_LIST),                               \
		HIN_SSH_ROW(T, M, "ciphers-to-client", ciphers_to_client, NULL,                    \
			    "those to the client; empty = the same",                               \
			    "クライアント向け。空なら同じ", .type = HIN_VALUE_LIST),               \
		HIN_SSH_ROW(T, M, "macs", macs, HIN_SSH_MACS_92, "MACs in order", "MAC 方式の順",  \
			    .type = HIN_VALUE_LIST),                                               \
		HIN_SSH_ROW(T, M, "macs-to-client", macs_to_client, NULL,                          \
			    "those to the client; empty = the same",                               \
			    "クライアント向け。空なら同じ", .type = HIN_VALUE_LIST),               \
		HIN_SSH_ROW(T, M, "compression", compression, "none,zlib@openssh.com",             \
			    "compressions in order", "圧縮方式の順", .type = HIN_VALUE_LIST),      \
		HIN_SSH_ROW(T, M, "compression-to-client", compression_to_client, NULL,            \
			    "those to the client; empty = the same",                               \
			    "クライアント向け。空なら同じ", .type = HIN_VALUE_LIST),               \
		HIN_SSH_ROW(T, M, "languages", languages, NULL, "languages in order", "言語の順",  \
			    .type = HIN_VALUE_LIST),                                               \
		HIN_SSH_ROW(T, M, "languages-to-client", languages_to_client, NULL,                \
			    "those to the client; empty = the same",                               \
			    "クライアント向け。空なら同じ", .type = HIN_VALUE_LIST),               \
		HIN_SSH_ROW(T, M, "rsa-bits", rsa_bits, "3072", "bits of the RSA host key",        \
			    "RSA ホスト鍵のビット数", .type = HIN_VALUE_U64, .min = 1024,          \
			    .max = 4096),                                                          \
		HIN_SSH_ROW(T, M, "rekey", rekey_bytes, "0",                                       \
			    "new keys after so many bytes; 0 = by the cipher's block size",        \
			    "この量ごとに鍵を更新。0 なら暗号のブロック長による",                  \
			    .type = HIN_VALUE_SIZE, .min = 0, .max = (int64_t)1 << 40),            \
		HIN_SSH_ROW(T, M, "rekey-time", rekey_time_ns, "0s",                               \
			    "and after so long; 0 = never",                                        \
			    "この時間ごとにも更新。0 なら行わない", .type = HIN_VALUE_DURATION,    \
			    .min = 0, .max = HIN_NS_PER_DAY),                                      \
		HIN_SSH_ROW(T, M, "ext-info", ext_info, "yes",                                     \
			    "sends EXT_INFO (RFC 8308) to who asks for it",                        \
			    "求めたクライアントに EXT_INFO (RFC 8308) を送る",                     \
			    .type = HIN_VALUE_BOOL),                                               \
		HIN_SSH_ROW(T, M, "signature-algorithms", signature_algorithms,                    \
			    HIN_SSH_SIGNATURES_92, "server-sig-algs in it, in order",              \
			    "その server-sig-algs の順", .type = HIN_VALUE_LIST),                  \
		HIN_SSH_ROW(T, M, "extensions", extensions, "publickey-hostbound@openssh.com=0",   \
			    "name=value behind it", "続く拡張 (名前=値)", .type = HIN_VALUE_LIST), \
		HIN_SSH_ROW(T, M, "host-keys-told", host_keys_told, "yes",                         \
			    "tells all its host keys after the log-in (hostkeys-00@openssh.com)",  \
			    "ログイン後に全ホスト鍵を知らせる (hostkeys-00@openssh.com)",          \
			    .type = HIN_VALUE_BOOL),                                               \
		HIN_SSH_ROW(T, M, "banner", banner, NULL, "text before the log-in; empty = none",  \
			    "ログイン前の文。空ならなし", .type = HIN_VALUE_TEXT),                 \
		HIN_SSH_ROW(T, M, "methods", methods, "publickey,password",                        \
			    "log-in methods in order", "認証方式の順", .type = HIN_VALUE_LIST),    \
		HIN_SSH_ROW(T, M, "tries", tries, "6", "refused log-ins until it disconnects",     \
			    "切断までのログイン失敗の回数", .type = HIN_VALUE_U64, .min = 1,       \
			    .max = 1000),                                                          \
		HIN_SSH_ROW(T, M, "login-grace", login_grace_ns, "2m",                             \
			    "time for the log-in; 0 = any",                                        \
			    "ログインまでの制限時間。0 なら無制限", .type = HIN_VALUE_DURATION,    \
			    .min = 0, .max = HIN_NS_PER_DAY),                                      \
		HIN_SSH_ROW(T, M, "answer", answer_ns, "5ms",                                      \
			    "least time that a refused request takes, and up to 4 ms more by the " \
			    "name",                                                                \
			    "拒否に要する最短の時間 (利用者名により最大 4 ms 増える)",             \
			    .type = HIN_VALUE_DURATION, .min = 0, .max = HIN_NS_PER_MIN),          \
		HIN_SSH_ROW(T, M, "failure", failure_ns, "1500ms",                                 \
			    "least time that a wrong password takes",                              \
			    "誤ったパスワードの応答に要する最短の時間",                            \
			    .type = HIN_VALUE_DURATION, .min = 0, .max = HIN_NS_PER_MIN),          \
		HIN_SSH_ROW(T, M, "failure-spread", failure_spread_ns, "1s",                       \
			    "and up to so much more", "それに加わる最大の時間",                    \
			    .type = HIN_VALUE_DURATION, .min = 0, .max = HIN_NS_PER_MIN),          \
		HIN_SSH_ROW(T, M, "success", success_ns, "0s", "time that a right password takes", \
			    "正しいパスワードの応答に要する時間", .type = HIN_VALUE_DURATION,      \
			    .min = 0, .max = HIN_NS_PER_MIN),                                      \
		HIN_SSH_ROW(T, M, "password-change", password_change, "no",                        \
			    "the password has expired: a new one is asked for",                    \
			    "パスワードが期限切れで、変更を求める", .type = HIN_VALUE_BOOL),       \
		HIN_SSH_ROW(T, M, "prompt", prompt,                                                \
			    "Password: ", "prompt of keyboard-interactive",                        \
			    "keyboard-interactive のプロンプト", .type = HIN_VALUE_TEXT),          \
		HIN_SSH_ROW(T, M, "startups", startups, "10",                                      \
			    "log-ins under way from which some are refused; 0 = any number",       \
			    "この数を超えるログイン途中の接続は一部を拒否。0 なら無制限",          \
			    .type = HIN_VALUE_U64, .min = 0, .max = 100000),                       \
		HIN_SSH_ROW(T, M, "startups-rate", startups_rate, "30",                            \
			    "so many of a hundred then", "その百分率", .type = HIN_VALUE_U64,      \
			    .min = 0, .max = 100),                                                 \
		HIN_SSH_ROW(T, M, "startups-full", startups_full, "100",                           \
			    "log-ins under way from which all are refused",                        \
			    "この数からは全て拒否", .type = HIN_VALUE_U64, .min = 0,               \
			    .max = 100000),                                                        \
		HIN_SSH_ROW(T, M, "startups-text", startups_text, "Exceeded MaxStartups",          \
			    "line for who is refused so; empty = none",                            \
			    "そのとき送る行。空ならなし", .type = HIN_VALUE_TEXT),                 \
		HIN_SSH_ROW(T, M, "last-login", last_login, "yes",                                 \
			    "tells a shell's user of the log-in before",                           \
			    "前回のログインを表示する", .type = HIN_VALUE_BOOL),                   \
		HIN_SSH_ROW(T, M, "motd", motd, "/run/motd.dynamic,/etc/motd",                     \
			    "files of the machine that are shown before a shell",                  \
			    "シェルの前に表示するファイル", .type = HIN_VALUE_LIST),               \
		HIN_SSH_ROW(T, M, "accepted-env", accepted_env, "LANG,LC_*",                       \
			    "variables that a client may set", "クライアントが設定できる変数",     \
			    .type = HIN_VALUE_LIST),                                               \
		HIN_SSH_ROW(T, M, "tcp-forwarding", tcp_forwarding, "yes",                         \
			    "opens and listens for forwarded TCP connections", "TCP 転送を許す",   \
			    .type = HIN_VALUE_BOOL),                                               \
		HIN_SSH_ROW(T, M, "agent-forwarding", agent_forwarding, "yes", "takes an agent",   \
			    "認証エージェントの転送を許す", .type = HIN_VALUE_BOOL),               \
		HIN_SSH_ROW(T, M, "x11-forwarding", x11_forwarding, "no",                          \
			    "takes X11; a machine without xauth does not", "X11 の転送を許す",     \
			    .type = HIN_VALUE_BOOL),                                               \
		HIN_SSH_ROW(T, M, "stream-forwarding", stream_forwarding, "yes",                   \
			    "opens Unix sockets", "UNIX ソケットの転送を許す",                     \
			    .type = HIN_VALUE_BOOL),                                               \
		HIN_SSH_ROW(T, M, "sessions", sessions, "10",                                      \
			    "shells and commands at once in a connection",                         \
			    "一つの接続で同時に開けるセッション数", .type = HIN_VALUE_U64,         \
			    .min = 0, .max = 100),                                                 \
		HIN_SSH_ROW(T, M, "window", window_bytes, "2M", "window of a shell or command",    \
			    "セッションのウィンドウ", .type = HIN_VALUE_SIZE, .min = 1024,         \
			    .max = 64 << 20),                                                      \
		HIN_SSH_ROW(T, M, "packet", packet_bytes, "32768", "most data of a message",       \
			    "一つのメッセージのデータの上限", .type = HIN_VALUE_U64, .min = 1024,  \
			    .max = 65536),                                                         \
		HIN_SSH_ROW(T, M, "shell-delay", shell_ns, "0s",                                   \
			    "until a shell or command begins", "シェルやコマンドの開始までの時間", \
			    .type = HIN_VALUE_DURATION, .min = 0, .max = HIN_NS_PER_MIN),          \
		HIN_SSH_ROW(T, M, "forward-time", forward_ns, "20s",                               \
			    "until a forwarded connection ends, as its far side says nothing",     \
			    "転送された接続が応答のないまま終わるまでの時間",                      \
			    .type = HIN_VALUE_DURATION, .min = 0, .max = HIN_NS_PER_HOUR),         \
		HIN_SSH_ROW(T, M, "forward-fails", forward_fails, "no",                            \
			    "it is not opened at all, after that time",                            \
			    "その時間の後、開かずに失敗とする", .type = HIN_VALUE_BOOL),           \
		HIN_SSH_ROW(T, M, "scp", scp, "yes", "the machine has scp", "scp がある",          \
			    .type = HIN_VALUE_BOOL),                                               \
		HIN_SSH_ROW(T, M, "sftp", sftp, "yes", "the machine has the subsystem sftp",       \
			    "sftp サブシステムがある", .type = HIN_VALUE_BOOL),                    \
		HIN_SSH_ROW(T, M, "sftp-extensions", sftp_extensions, HIN_SSH_SFTP_92,             \
			    "name=value of its VERSION, in order",                                 \
			    "その VERSION の拡張 (名前=値) の順", .type = HIN_VALUE_LIST),         \
		HIN_SSH_ROW(T, M, "path", path, "/usr/local/bin:/usr/bin:/bin:/usr/games",         \
			    "PATH that it gives to a shell or command",                            \
			    "シェルやコマンドに渡す PATH", .type = HIN_VALUE_TEXT)
/* clang-format on */
