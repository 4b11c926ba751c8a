/* persona_table - the settings of a persona's file. */
#include "base/time.h"
#include "decoy/host/persona_priv.h"

static const char *const others[] = { "refused", "silent", "open", NULL };
static const char *const dialects[] = { "dash", "ash", NULL };
static const char *const fars[] = { "silent", "refuses", "unreachable", NULL };
static const char *const binaries[] = { "format", "crashes", "silent", NULL };

#define KIB ((int64_t)1 << 40)

/* clang-format off: one row after the other */
#define ROW(NAME, FIELD, VALUE, EN, JA, ...)                                                       \
	{                                                                                          \
		NAME, { __VA_ARGS__ }, offsetof(struct persona_settings, FIELD), VALUE, EN, JA,    \
			NULL                                                                       \
	}
#define TEXT(NAME, FIELD, VALUE, EN, JA) ROW(NAME, FIELD, VALUE, EN, JA, .type = HIN_VALUE_TEXT)
#define LIST(NAME, FIELD, EN, JA) ROW(NAME, FIELD, NULL, EN, JA, .type = HIN_VALUE_LIST)
#define COUNT(NAME, FIELD, VALUE, MAX, EN, JA)                                                     \
	ROW(NAME, FIELD, VALUE, EN, JA, .type = HIN_VALUE_U64, .min = 0, .max = (MAX))
#define ONE_OF(NAME, FIELD, VALUE, CHOICES, EN, JA)                                                \
	ROW(NAME, FIELD, VALUE, EN, JA, .type = HIN_VALUE_CHOICE, .choices = (CHOICES))
#define TIME(NAME, FIELD, VALUE, MAX, EN, JA)                                                      \
	ROW(NAME, FIELD, VALUE, EN, JA, .type = HIN_VALUE_DURATION, .min = 0, .max = (MAX))

static const struct hin_setting rows[] = {
	TEXT("title", title, NULL, "what it is, in English", "何の機器か (英語)"),
	TEXT("title_ja", title_ja, NULL, "the same in Japanese", "何の機器か (日本語)"),
	LIST("sources", sources,
	     "where it comes from: SETTINGS KIND TEXT, with KIND server, "
	     "capture, standard or made-up",
	     "出所。設定名 種別 説明 (種別は server, capture, standard, made-up)"),
	LIST("files", files, "lists of its files, in the folder files",
	     "ファイル一覧の名前 (files フォルダ内)"),
	LIST("users", users, "accounts, as lines of /etc/passwd", "アカウント (/etc/passwd の行)"),
	LIST("groups", groups, "groups, as lines of /etc/group", "グループ (/etc/group の行)"),
	LIST("logins", logins,
	     "weak pairs that let in: USER PASSWORD; * is any password, \"\" none",
	     "ログインできる弱い組。利用者 パスワード (* は任意、\"\" は空)"),
	LIST("ports.served", served, "ports with a service: PORT SERVICE",
	     "サービスのあるポート。ポート サービス"),
	LIST("ports.open", open, "ports that say their first bytes at most: PORT SERVICE BYTES",
	     "最初のバイト列だけ返すポート。ポート サービス バイト列"),
	ONE_OF("ports.other", other, "refused", others, "what all other ports do",
	       "その他のポートの動作"),
	TIME("ports.close", open_close_ns, "30s", HIN_NS_PER_HOUR,
	     "silence after which an open port closes; 0: never",
	     "開いたポートを閉じるまでの無通信時間"),

	ONE_OF("machine.shell", machine.dialect, "dash", dialects, "whose shell and commands",
	       "シェルとコマンドの実装"),
	TEXT("machine.system", machine.system, "Linux", "as uname -s says", "uname -s の値"),
	TEXT("machine.release", machine.release, NULL, "as uname -r says", "uname -r の値"),
	TEXT("machine.version", machine.version, NULL, "as uname -v says", "uname -v の値"),
	TEXT("machine.hardware", machine.hardware, "x86_64", "as uname -m says", "uname -m の値"),
	TEXT("machine.busybox", machine.busybox, NULL, "first line of busybox' help",
	     "busybox のヘルプの 1 行目"),
	LIST("machine.applets", machine.applets, "applets of its busybox; none: all that there are",
	     "busybox のコマンド。空なら全部"),
	TEXT("machine.ssh", machine.ssh, NULL, "as ssh -V says", "ssh -V の表示"),
	TEXT("machine.distribution", machine.distribution, NULL, "its name",
	     "ディストリビューション名"),
	TEXT("machine.cmdline", machine.cmdline, NULL, "of the kernel", "カーネルの起動引数"),
	TEXT("machine.cpu_vendor", machine.cpu_vendor, NULL, "who made the processor",
	     "CPU の製造者"),
	TEXT("machine.cpu_model", machine.cpu_model, NULL, "its name", "CPU の名前"),
	TEXT("machine.cpu_flags", machine.cpu_flags, NULL, "its flags", "CPU のフラグ"),
	TEXT("machine.cpuinfo", machine.cpuinfo, NULL, "all of /proc/cpuinfo, when it is no PC",
	     "/proc/cpuinfo の全文 (PC 以外)"),
	COUNT("machine.cpu_count", machine.cpu_count, "1", 4096, "processors", "CPU の数"),
	COUNT("machine.cpu_family", machine.cpu_family, "0", 4096, "family", "CPU ファミリ"),
	COUNT("machine.cpu_model_number", machine.cpu_model_number, "0", 4096, "model",
	      "CPU モデル番号"),
	COUNT("machine.cpu_stepping", machine.cpu_stepping, "0", 4096, "stepping",
	      "CPU ステッピング"),
	COUNT("machine.cpu_mhz", machine.cpu_mhz, "0", 100000, "MHz", "CPU の周波数 (MHz)"),
	COUNT("machine.cpu_cache", machine.cpu_cache_kib, "0", KIB, "cache in KiB",
	      "キャッシュ (KiB)"),
	COUNT("machine.memory", machine.memory_kib, "0", KIB, "MemTotal in KiB", "MemTotal (KiB)"),
	COUNT("machine.memory_free", machine.memory_free_kib, "0", KIB, "MemFree", "MemFree (KiB)"),
	COUNT("machine.buffers", machine.buffers_kib, "0", KIB, "Buffers", "Buffers (KiB)"),
	COUNT("machine.cached", machine.cached_kib, "0", KIB, "Cached", "Cached (KiB)"),
	COUNT("machine.shared", machine.shared_kib, "0", KIB, "Shmem", "Shmem (KiB)"),
	COUNT("machine.swap", machine.swap_kib, "0", KIB, "SwapTotal", "SwapTotal (KiB)"),
	COUNT("machine.swap_free", machine.swap_free_kib, "0", KIB, "SwapFree", "SwapFree (KiB)"),
	TEXT("machine.dmesg", machine.dmesg, NULL, "what the kernel said", "カーネルのメッセージ"),
	TEXT("machine.lspci", machine.lspci, NULL, "what lspci says", "lspci の表示"),
	TEXT("machine.lsusb", machine.lsusb, NULL, "what lsusb says", "lsusb の表示"),
	TEXT("machine.lsmod", machine.lsmod, NULL, "what lsmod says", "lsmod の表示"),
	TEXT("machine.interface", machine.interface, "eth0", "its interface",
	     "ネットワークインタフェース名"),
	TEXT("machine.mac", machine.mac, "52:54:00", "who made it: first half of the MAC address",
	     "MAC アドレスの前半 (製造者)"),
	LIST("machine.processes", machine.processes,
	     "PID PARENT UID TTY STATE START CPU_MS SIZE RESIDENT EXE COMMAND; START in seconds "
	     "after the boot, sizes in KiB, - is none",
	     "プロセス"),
	LIST("machine.mounts", machine.mounts, "DEVICE FOLDER TYPE OPTIONS [SIZE USED INODES USED]",
	     "マウント"),
	LIST("machine.disks", machine.disks, "NAME PARENT MOUNTED SIZE MAJOR MINOR KIND",
	     "ディスク"),
	LIST("machine.sockets", machine.sockets, "what listens: PROTOCOL ADDRESS PORT UID PID",
	     "待ち受けソケット"),
	LIST("machine.services", machine.services, "NAME running, stopped or disabled PID TEXT",
	     "サービス"),
	ONE_OF("machine.far", machine.far, "silent", fars, "what connections to elsewhere meet",
	       "外部への接続の結果"),
	ONE_OF("machine.binary", machine.binary, "silent", binaries,
	       "what a program of the intruder does", "侵入者のプログラムの実行結果"),
	TIME("machine.connect", machine.connect_ns, "0s", HIN_NS_PER_HOUR,
	     "until a silent far side is given up; 0: as Linux", "無応答の接続を諦めるまでの時間"),
	TIME("machine.uptime.least", machine.uptime_min_ns, "3d", 3650 * HIN_NS_PER_DAY,
	     "shortest time since the start", "最短の稼働時間"),
	TIME("machine.uptime.most", machine.uptime_max_ns, "60d", 3650 * HIN_NS_PER_DAY,
	     "longest time since the start", "最長の稼働時間"),
	HIN_SSH_PROFILE_ROWS(struct persona_settings, ssh),
	HIN_TELNET_PROFILE_ROWS(struct persona_settings, telnet),
};
/* clang-format on */

const struct hin_config_table persona_table = { rows, HIN_COUNT(rows) };
