/* technique - see technique.h */
#include "decoy/technique.h"

#include <ctype.h>

#include "base/addr.h"
#include "base/buffer.h"
#include "observe/registry.h"

/* ---- techniques ---- */

struct hint {
	const char *command; /* the command's name; NULL: any */
	const char *among;   /* stands somewhere in the words behind it; NULL: nothing need */
	uint16_t technique;
};

/* One command may show several. The most telling words of sensors' logs stand here. */
static const struct hint hints[] = {
	{ "wget", NULL, HIN_TECHNIQUE_T1105 },
	{ "curl", NULL, HIN_TECHNIQUE_T1105 },
	{ "tftp", NULL, HIN_TECHNIQUE_T1105 },
	{ "ftpget", NULL, HIN_TECHNIQUE_T1105 },
	{ "scp", NULL, HIN_TECHNIQUE_T1105 },
	{ "ftpput", NULL, HIN_TECHNIQUE_T1041 },
	{ "chmod", NULL, HIN_TECHNIQUE_T1222_002 },
	{ "chattr", NULL, HIN_TECHNIQUE_T1222_002 },
	{ "chown", NULL, HIN_TECHNIQUE_T1222_002 },
	{ "chmod", "u+s", HIN_TECHNIQUE_T1548_001 },
	{ "chmod", "4755", HIN_TECHNIQUE_T1548_001 },
	{ "rm", NULL, HIN_TECHNIQUE_T1070_004 },
	{ "shred", NULL, HIN_TECHNIQUE_T1070_004 },
	{ "history", "-c", HIN_TECHNIQUE_T1070_003 },
	{ "unset", "HIST", HIN_TECHNIQUE_T1070_003 },
	{ "export", "HISTFILE", HIN_TECHNIQUE_T1070_003 },
	{ NULL, ".bash_history", HIN_TECHNIQUE_T1070_003 },
	{ NULL, "/var/log/", HIN_TECHNIQUE_T1070 },
	{ "crontab", NULL, HIN_TECHNIQUE_T1053_003 },
	{ NULL, "/etc/cron", HIN_TECHNIQUE_T1053_003 },
	{ NULL, "authorized_keys", HIN_TECHNIQUE_T1098_004 },
	{ "chpasswd", NULL, HIN_TECHNIQUE_T1098 },
	{ "passwd", NULL, HIN_TECHNIQUE_T1098 },
	{ "useradd", NULL, HIN_TECHNIQUE_T1136_001 },
	{ "adduser", NULL, HIN_TECHNIQUE_T1136_001 },
	{ "systemctl", "enable", HIN_TECHNIQUE_T1543_002 },
	{ NULL, "/etc/systemd/", HIN_TECHNIQUE_T1543_002 },
	{ NULL, ".bashrc", HIN_TECHNIQUE_T1546_004 },
	{ NULL, "/etc/profile", HIN_TECHNIQUE_T1546_004 },
	{ "insmod", NULL, HIN_TECHNIQUE_T1547_006 },
	{ "modprobe", NULL, HIN_TECHNIQUE_T1547_006 },
	{ NULL, "ld.so.preload", HIN_TECHNIQUE_T1574_006 },
	{ "base64", "-d", HIN_TECHNIQUE_T1140 },
	{ "xxd", "-r", HIN_TECHNIQUE_T1140 },
	{ "openssl", "enc", HIN_TECHNIQUE_T1140 },
	{ "systemctl", "stop", HIN_TECHNIQUE_T1562_001 },
	{ "service", "stop", HIN_TECHNIQUE_T1562_001 },
	{ "setenforce", NULL, HIN_TECHNIQUE_T1562_001 },
	{ "killall", NULL, HIN_TECHNIQUE_T1562_001 },
	{ "pkill", NULL, HIN_TECHNIQUE_T1562_001 },
	{ "iptables", "-F", HIN_TECHNIQUE_T1562_004 },
	{ "iptables", "ACCEPT", HIN_TECHNIQUE_T1562_004 },
	{ "ufw", "disable", HIN_TECHNIQUE_T1562_004 },
	{ "sudo", NULL, HIN_TECHNIQUE_T1548_003 },
	{ NULL, "/etc/shadow", HIN_TECHNIQUE_T1003_008 },
	{ NULL, "/etc/passwd", HIN_TECHNIQUE_T1087_001 },
	{ NULL, "id_rsa", HIN_TECHNIQUE_T1552_004 },
	{ NULL, "id_ed25519", HIN_TECHNIQUE_T1552_004 },
	{ "grep", "passw", HIN_TECHNIQUE_T1552_001 },
	{ "find", "passw", HIN_TECHNIQUE_T1552_001 },
	{ "uname", NULL, HIN_TECHNIQUE_T1082 },
	{ "nproc", NULL, HIN_TECHNIQUE_T1082 },
	{ "lscpu", NULL, HIN_TECHNIQUE_T1082 },
	{ "free", NULL, HIN_TECHNIQUE_T1082 },
	{ "df", NULL, HIN_TECHNIQUE_T1082 },
	{ "uptime", NULL, HIN_TECHNIQUE_T1082 },
	{ NULL, "/proc/cpuinfo", HIN_TECHNIQUE_T1082 },
	{ NULL, "/proc/meminfo", HIN_TECHNIQUE_T1082 },
	{ NULL, "/proc/version", HIN_TECHNIQUE_T1082 },
	{ NULL, "/etc/issue", HIN_TECHNIQUE_T1082 },
	{ NULL, "os-release", HIN_TECHNIQUE_T1082 },
	{ "id", NULL, HIN_TECHNIQUE_T1033 },
	{ "whoami", NULL, HIN_TECHNIQUE_T1033 },
	{ "w", NULL, HIN_TECHNIQUE_T1033 },
	{ "who", NULL, HIN_TECHNIQUE_T1033 },
	{ "last", NULL, HIN_TECHNIQUE_T1033 },
	{ "ps", NULL, HIN_TECHNIQUE_T1057 },
	{ "top", NULL, HIN_TECHNIQUE_T1057 },
	{ "pgrep", NULL, HIN_TECHNIQUE_T1057 },
	{ "netstat", NULL, HIN_TECHNIQUE_T1049 },
	{ "ss", NULL, HIN_TECHNIQUE_T1049 },
	{ "ifconfig", NULL, HIN_TECHNIQUE_T1016 },
	{ "ip", NULL, HIN_TECHNIQUE_T1016 },
	{ "route", NULL, HIN_TECHNIQUE_T1016 },
	{ "arp", NULL, HIN_TECHNIQUE_T1018 },
	{ "ping", NULL, HIN_TECHNIQUE_T1018 },
	{ "nmap", NULL, HIN_TECHNIQUE_T1046 },
	{ "masscan", NULL, HIN_TECHNIQUE_T1046 },
	{ "tcpdump", NULL, HIN_TECHNIQUE_T1040 },
	{ "ssh", NULL, HIN_TECHNIQUE_T1021_004 },
	{ "nc", NULL, HIN_TECHNIQUE_T1095 },
	{ "python", NULL, HIN_TECHNIQUE_T1059_006 },
	{ "python3", NULL, HIN_TECHNIQUE_T1059_006 },
	{ "ls", NULL, HIN_TECHNIQUE_T1083 },
	{ "find", NULL, HIN_TECHNIQUE_T1083 },
};

/* The command's name, without its folder; "busybox" and the like lead to what stands behind. */
static const char *name_of(const char *words, size_t *size, const char **rest, size_t *rest_size)
{
	static const char *const leads[] = { "busybox", "nohup", "exec", "command", "env" };
	const char *end = memchr(words, ' ', *size);
	size_t length = end != NULL ? (size_t)(end - words) : *size;
	const char *slash = memrchr(words, '/', length);
	const char *name = slash != NULL ? slash + 1 : words;
	size_t name_size = length - (size_t)(name - words);

	*rest = words + length;
	*rest_size = *size - length;
	*size = name_size;
	for (size_t i = 0; i < HIN_COUNT(leads); i++)
		if (*rest_size > 1 && strlen(leads[i]) == name_size &&
		    memcmp(leads[i], name, name_size) == 0 && (*rest)[1] != '-') {
			*size = *rest_size - 1;
			return name_of(*rest + 1, size, rest, rest_size);
		}
	return name;
}

void hin_techniques_of(const char *words, size_t size,
		       void (*found)(void *user, uint16_t technique), void *user)
{
	size_t name_size = size, rest_size, told = 0;
	const char *rest, *name = name_of(words, &name_size, &rest, &rest_size);
	uint16_t before[8];

	for (size_t i = 0; i < HIN_COUNT(hints); i++) {
		const struct hint *h = &hints[i];
		bool known = false;

		if (h->command != NULL &&
		    (strlen(h->command) != name_size || memcmp(h->command, name, name_size) != 0))
			continue;
		if (h->among != NULL && memmem(rest, rest_size, h->among, strlen(h->among)) == NULL)
			continue;
		for (size_t k = 0; k < told; k++)
			known = known || before[k] == h->technique;
		if (known || told == HIN_COUNT(before))
			continue;
		before[told++] = h->technique;
		found(user, h->technique);
	}
	if (name_size == 4 && memcmp(name, "sudo", 4) == 0 && rest_size > 1)
		hin_techniques_of(rest + 1, rest_size - 1, found, user);
}

/* ---- the same script ---- */

static bool is_address(const char *word, size_t size)
{
	struct hin_addr address;
	char text[HIN_ADDR_TEXT];

	if (size == 0 || size >= sizeof(text))
		return false;
	memcpy(text, word, size);
	text[size] = '\0';
	return hin_addr_parse(&address, text) == HIN_OK;
}

/* Does it look like chance: a mark that a script makes anew each time? */
static bool is_random(const char *word, size_t size)
{
	size_t upper = 0, digits = 0, lower = 0, turns = 0;

	for (size_t i = 0; i < size; i++) {
		unsigned char c = (unsigned char)word[i];

		if (!isalnum(c))
			return false;
		upper += isupper(c) != 0;
		lower += islower(c) != 0;
		digits += isdigit(c) != 0;
		turns += i > 0 && (isdigit(c) != 0) != (isdigit((unsigned char)word[i - 1]) != 0);
	}
	if (size >= 5 && upper == size) /* /bin/busybox ECCHI */
		return true;
	return (size >= 8 && digits > 0 && turns >= 2) ||
	       (size >= 6 && upper >= 2 && lower >= 2 && digits >= 1);
}

static void normalise_word(const char *word, size_t size, struct hin_buffer *out)
{
	const char *scheme = memmem(word, size, "://", 3);

	if (scheme != NULL && (size_t)(scheme - word) < 10) {
		hin_buffer_puts(out, "URL");
	} else if (is_address(word, size)) {
		hin_buffer_puts(out, "ADDRESS");
	} else if (is_random(word, size)) {
		hin_buffer_puts(out, "RANDOM");
	} else {
		for (size_t i = 0; i < size; i++) {
			bool again = i > 0 && isdigit((unsigned char)word[i - 1]) != 0;

			if (!isdigit((unsigned char)word[i]))
				hin_buffer_add(out, &word[i], 1);
			else if (!again)
				hin_buffer_puts(out, "0");
		}
	}
}

void hin_command_normalise(const char *words, size_t size, struct hin_buffer *out)
{
	while (size > 0) {
		const char *space = memchr(words, ' ', size);
		size_t length = space != NULL ? (size_t)(space - words) : size;

		normalise_word(words, length, out);
		hin_buffer_puts(out, space != NULL ? " " : "\n");
		length += space != NULL;
		words += length;
		size -= length;
	}
}
