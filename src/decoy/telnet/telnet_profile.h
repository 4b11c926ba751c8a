/*
 * telnet_profile - all in which Telnet servers differ, as a persona's file says it.
 *
 * Texts are UTF-8 in the file, with "\n" at line ends; the server sends CR LF, and the encoding
 * that the profile names. %h in a text is the host's name, %t the terminal's ("pts/0"), %% a
 * per cent sign.
 *
 * Ownership: the struct is the caller's, a target of base/config.h; texts in it belong to it.
 * Threads:   read-only after hin_telnet_profile_prepare().
 */
#pragma once
#include "base/config.h"

/* How options are treated. */
enum hin_telnet_engine {
	HIN_TELNET_BUSYBOX, /* answers nothing but AYT; heeds NAWS */
	HIN_TELNET_BSD,	    /* telnetd of BSD's line: inetutils, netkit. Asks, waits, answers */
	HIN_TELNET_PLAIN,   /* each option is agreed to or refused, once (RFC 1143) */
};

/* Who asks for the name. */
enum hin_telnet_login {
	HIN_TELNET_LOGIN_BUSYBOX,  /* login of busybox */
	HIN_TELNET_LOGIN_SHADOW,   /* login of Debian, PAM */
	HIN_TELNET_LOGIN_ROUTER,   /* a program of its own that reads keys: name and password */
	HIN_TELNET_LOGIN_PASSWORD, /* the same, a password alone */
	HIN_TELNET_LOGIN_NONE,	   /* nobody: whoever comes is in */
};

/* What one gets who is in. */
enum hin_telnet_inside { HIN_TELNET_SHELL, HIN_TELNET_MENU };

enum hin_telnet_encoding { HIN_TELNET_UTF8, HIN_TELNET_SHIFT_JIS, HIN_TELNET_EUC_JP };

enum hin_telnet_editor { HIN_TELNET_EDITOR_NONE, HIN_TELNET_EDITOR_ASH, HIN_TELNET_EDITOR_BASH };

#define HIN_TELNET_OPENING 64 /* bytes */

struct hin_telnet_profile {
	int engine, login, inside, encoding, editor;
	char *opening;			     /* hexadecimal */
	struct hin_config_list will, accept; /* option numbers */
	char *banner, *login_prompt, *password_prompt, *incorrect, *welcome;
	char *locked, *timeout_text, *mask, *user;
	int64_t start_ns, delay_ns, jitter_ns, timeout_ns, idle_ns;
	uint64_t tries;
	bool expand_tabs, asks_cursor;
	char *term;
	char *menu_prompt, *menu_unknown;
	/* Each is a command, a line end, and its answer. */
	struct hin_config_list menu;

	/* made by hin_telnet_profile_prepare() */
	bool prepared;
	uint8_t opening_size;
	uint8_t opening_bytes[HIN_TELNET_OPENING];
	uint32_t will_bits[8], accept_bits[8]; /* one bit an option */
};

extern const char *const hin_telnet_engines[], *const hin_telnet_logins[],
						       *const hin_telnet_insides[],
							       *const hin_telnet_encodings[],
								       *const hin_telnet_editors[];

#define HIN_TELNET_ROW(TYPE, MEMBER, field, name, rule, text, help, help_ja)                       \
	{                                                                                          \
		"telnet." name, rule,                                                              \
			offsetof(TYPE, MEMBER) + offsetof(struct hin_telnet_profile, field), text, \
			help, help_ja, NULL                                                        \
	}
#define HIN_TELNET_RULE(...)                                                                       \
	{                                                                                          \
		__VA_ARGS__                                                                        \
	}

/* The rows of a table whose target is TYPE, with the profile at MEMBER. */
#define HIN_TELNET_PROFILE_ROWS(TYPE, MEMBER)                                                      \
	HIN_TELNET_ROW(TYPE, MEMBER, engine, "engine",                                             \
		       HIN_TELNET_RULE(HIN_VALUE_CHOICE, .choices = hin_telnet_engines),           \
		       "busybox", "how options are negotiated", "オプション交渉の型"),             \
		HIN_TELNET_ROW(TYPE, MEMBER, opening, "opening", HIN_TELNET_RULE(HIN_VALUE_TEXT),  \
			       "fffd01fffd1ffffb01fffb03",                                         \
			       "what is sent first, in hexadecimal; of engine bsd it is its own",  \
			       "最初に送るバイト列 (16 進)。bsd では不要"),                        \
		HIN_TELNET_ROW(TYPE, MEMBER, will, "will", HIN_TELNET_RULE(HIN_VALUE_LIST), NULL,  \
			       "options that the server does when it is asked, by number",         \
			       "求められて応じるサーバ側オプションの番号"),                        \
		HIN_TELNET_ROW(TYPE, MEMBER, accept, "accept", HIN_TELNET_RULE(HIN_VALUE_LIST),    \
			       NULL, "options that the client may do, by number",                  \
			       "クライアントに許すオプションの番号"),                              \
		HIN_TELNET_ROW(TYPE, MEMBER, banner, "banner", HIN_TELNET_RULE(HIN_VALUE_TEXT),    \
			       NULL, "what is shown before the log-in", "ログイン前に表示する文"), \
		HIN_TELNET_ROW(TYPE, MEMBER, login, "login",                                       \
			       HIN_TELNET_RULE(HIN_VALUE_CHOICE, .choices = hin_telnet_logins),    \
			       "busybox", "the program that asks who it is",                       \
			       "ログインを受けるプログラムの型"),                                  \
		HIN_TELNET_ROW(TYPE, MEMBER, login_prompt, "login_prompt",                         \
			       HIN_TELNET_RULE(HIN_VALUE_TEXT), "%h login: ", "asks for the name", \
			       "名前を尋ねる文"),                                                  \
		HIN_TELNET_ROW(TYPE, MEMBER, password_prompt, "password_prompt",                   \
			       HIN_TELNET_RULE(HIN_VALUE_TEXT),                                    \
			       "Password: ", "asks for the password", "パスワードを尋ねる文"),     \
		HIN_TELNET_ROW(TYPE, MEMBER, incorrect, "incorrect",                               \
			       HIN_TELNET_RULE(HIN_VALUE_TEXT), "Login incorrect\n",               \
			       "answers a wrong pair", "誤りのときの文"),                          \
		HIN_TELNET_ROW(TYPE, MEMBER, welcome, "welcome", HIN_TELNET_RULE(HIN_VALUE_TEXT),  \
			       NULL, "what is shown after the log-in", "ログイン後に表示する文"),  \
		HIN_TELNET_ROW(TYPE, MEMBER, locked, "locked", HIN_TELNET_RULE(HIN_VALUE_TEXT),    \
			       NULL, "what is shown after the last try",                           \
			       "最後の失敗後に表示する文"),                                        \
		HIN_TELNET_ROW(TYPE, MEMBER, timeout_text, "timeout_text",                         \
			       HIN_TELNET_RULE(HIN_VALUE_TEXT),                                    \
			       "\r\nLogin timed out after 60 seconds\r\n",                         \
			       "what is shown when nobody logged in in time",                      \
			       "時間切れのときの文"),                                              \
		HIN_TELNET_ROW(TYPE, MEMBER, mask, "mask", HIN_TELNET_RULE(HIN_VALUE_TEXT), NULL,  \
			       "shown for each key of a password, by a router",                    \
			       "パスワードの各文字の代わりに表示する文字"),                        \
		HIN_TELNET_ROW(TYPE, MEMBER, user, "user", HIN_TELNET_RULE(HIN_VALUE_TEXT),        \
			       "admin", "who it is when nobody asks for a name",                   \
			       "名前を尋ねないときの利用者"),                                      \
		HIN_TELNET_ROW(TYPE, MEMBER, start_ns, "start",                                    \
			       HIN_TELNET_RULE(HIN_VALUE_DURATION, 0, 60000000000), "20ms",        \
			       "from the first bytes until the log-in program asks",               \
			       "最初のバイト列からログイン要求までの時間"),                        \
		HIN_TELNET_ROW(TYPE, MEMBER, delay_ns, "delay",                                    \
			       HIN_TELNET_RULE(HIN_VALUE_DURATION, 0, 60000000000), "3s",          \
			       "pause after a wrong pair", "誤りの後の待ち時間"),                  \
		HIN_TELNET_ROW(TYPE, MEMBER, jitter_ns, "jitter",                                  \
			       HIN_TELNET_RULE(HIN_VALUE_DURATION, 0, 60000000000), "0s",          \
			       "up to so much more or less of it", "待ち時間の揺らぎ"),            \
		HIN_TELNET_ROW(TYPE, MEMBER, timeout_ns, "timeout",                                \
			       HIN_TELNET_RULE(HIN_VALUE_DURATION, 0, 86400000000000), "60s",      \
			       "to log in; 0s: for ever", "ログインまでの制限時間"),               \
		HIN_TELNET_ROW(TYPE, MEMBER, idle_ns, "idle",                                      \
			       HIN_TELNET_RULE(HIN_VALUE_DURATION, 0, 86400000000000), "0s",       \
			       "without a key, after it; 0s: for ever",                            \
			       "ログイン後の無操作の制限時間"),                                    \
		HIN_TELNET_ROW(TYPE, MEMBER, tries, "tries",                                       \
			       HIN_TELNET_RULE(HIN_VALUE_U64, 1, 1000), "3",                       \
			       "wrong pairs until the end", "失敗を許す回数"),                     \
		HIN_TELNET_ROW(TYPE, MEMBER, expand_tabs, "expand_tabs",                           \
			       HIN_TELNET_RULE(HIN_VALUE_BOOL), "true", "tabs are sent as spaces", \
			       "タブを空白にして送る"),                                            \
		HIN_TELNET_ROW(TYPE, MEMBER, asks_cursor, "asks_cursor",                           \
			       HIN_TELNET_RULE(HIN_VALUE_BOOL), "false",                           \
			       "busybox asks the terminal where its cursor is at each prompt",     \
			       "プロンプトごとにカーソル位置を問い合わせる"),                      \
		HIN_TELNET_ROW(TYPE, MEMBER, term, "term", HIN_TELNET_RULE(HIN_VALUE_TEXT),        \
			       "vt102", "TERM, when the client does not say",                      \
			       "クライアントが示さないときの TERM"),                               \
		HIN_TELNET_ROW(TYPE, MEMBER, inside, "inside",                                     \
			       HIN_TELNET_RULE(HIN_VALUE_CHOICE, .choices = hin_telnet_insides),   \
			       "shell", "what one gets after the log-in",                          \
			       "ログイン後に使えるもの"),                                          \
		HIN_TELNET_ROW(TYPE, MEMBER, editor, "editor",                                     \
			       HIN_TELNET_RULE(HIN_VALUE_CHOICE, .choices = hin_telnet_editors),   \
			       "ash", "who edits the line at the shell's prompt",                  \
			       "シェルの行編集の型"),                                              \
		HIN_TELNET_ROW(TYPE, MEMBER, encoding, "encoding",                                 \
			       HIN_TELNET_RULE(HIN_VALUE_CHOICE, .choices = hin_telnet_encodings), \
			       "utf-8", "of the texts, as they are sent", "送るときの文字コード"), \
		HIN_TELNET_ROW(TYPE, MEMBER, menu_prompt, "menu.prompt",                           \
			       HIN_TELNET_RULE(HIN_VALUE_TEXT), "%h> ", "prompt of the menu",      \
			       "メニューのプロンプト"),                                            \
		HIN_TELNET_ROW(TYPE, MEMBER, menu_unknown, "menu.unknown",                         \
			       HIN_TELNET_RULE(HIN_VALUE_TEXT), "Unknown command\n",               \
			       "answers a command that is none; %c is it",                         \
			       "知らないコマンドへの応答。%c はその語"),                           \
		HIN_TELNET_ROW(                                                                    \
			TYPE, MEMBER, menu, "menu.commands", HIN_TELNET_RULE(HIN_VALUE_LIST),      \
			NULL,                                                                      \
			"commands: the words, a line end, the answer; @shell and @exit are acts",  \
			"コマンドと応答。1 行目が語、以降が応答。@shell と @exit は動作")

/*
 * Check what the rows cannot (hexadecimal, option numbers, menu), turn the texts into the encoding,
 * once. After loading, before any sandbox: it may read files of the C library. HIN_EFORMAT,
 * HIN_ENOMEM; `err` names the setting.
 */
HIN_MUST_USE enum hin_code hin_telnet_profile_prepare(struct hin_telnet_profile *profile,
						      struct hin_error *err);
