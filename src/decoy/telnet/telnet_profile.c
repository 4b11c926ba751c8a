#include "decoy/telnet/telnet_profile.h"

#include <iconv.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"

const char *const hin_telnet_engines[] = { "busybox", "bsd", "plain", NULL };
const char *const hin_telnet_logins[] = { "busybox", "shadow", "router", "password", "none", NULL };
const char *const hin_telnet_insides[] = { "shell", "menu", NULL };
const char *const hin_telnet_encodings[] = { "utf-8", "shift_jis", "euc-jp", NULL };
const char *const hin_telnet_editors[] = { "none", "ash", "bash", NULL };

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Two digits a byte, spaces between bytes as one likes. */
static enum hin_code read_opening(struct hin_telnet_profile *profile, struct hin_error *err)
{
	const char *at = profile->opening != NULL ? profile->opening : "";

	profile->opening_size = 0;
	while (*at != '\0') {
		if (*at == ' ') {
			at++;
			continue;
		}
		if (digit(at[0]) < 0 || digit(at[1]) < 0)
			return hin_fail(err, HIN_EFORMAT,
					"telnet.opening: \"%s\" is not hexadecimal, two digits a "
					"byte",
					profile->opening);
		if (profile->opening_size == HIN_TELNET_OPENING)
			return hin_fail(err, HIN_EFORMAT, "telnet.opening: over %d bytes",
					HIN_TELNET_OPENING);
		profile->opening_bytes[profile->opening_size++] =
			(uint8_t)(digit(at[0]) << 4 | digit(at[1]));
		at += 2;
	}
	return HIN_OK;
}

static enum hin_code read_options(uint32_t bits[8], const char *name,
				  const struct hin_config_list *list, struct hin_error *err)
{
	memset(bits, 0, 8 * sizeof(bits[0]));
	for (size_t i = 0; i < list->count; i++) {
		uint64_t option = 0;
		enum hin_code code = hin_number_u64(&option, name, list->items[i], 0, 254, err);

		if (code != HIN_OK)
			return code;
		bits[option / 32] |= (uint32_t)1 << (option % 32);
	}
	return HIN_OK;
}

/* Replace `*text` by itself in the encoding of `to`. */
static enum hin_code convert(iconv_t to, char **text, const char *name, struct hin_error *err)
{
	size_t left, room, size;
	char *in, *out, *made;

	if (*text == NULL)
		return HIN_OK;
	in = *text;
	left = strlen(in);
	size = room = 2 * left; /* a letter of JIS X 0212 has three bytes, two in UTF-8 */
	made = out = malloc(size + 1);
	if (made == NULL)
		return hin_fail(err, HIN_ENOMEM, "%s", name);
	if (iconv(to, &in, &left, &out, &room) == (size_t)-1) {
		free(made);
		return hin_fail(err, HIN_EFORMAT,
				"%s: a character is not in the encoding that telnet.encoding names",
				name);
	}
	made[size - room] = '\0';
	free(*text);
	*text = made;
	return HIN_OK;
}

static enum hin_code convert_all(struct hin_telnet_profile *profile, iconv_t to,
				 struct hin_error *err)
{
	const struct {
		char **text;
		const char *name;
	} texts[] = {
		{ &profile->banner, "telnet.banner" },
		{ &profile->login_prompt, "telnet.login_prompt" },
		{ &profile->password_prompt, "telnet.password_prompt" },
		{ &profile->incorrect, "telnet.incorrect" },
		{ &profile->welcome, "telnet.welcome" },
		{ &profile->locked, "telnet.locked" },
		{ &profile->timeout_text, "telnet.timeout_text" },
		{ &profile->mask, "telnet.mask" },
		{ &profile->menu_prompt, "telnet.menu.prompt" },
		{ &profile->menu_unknown, "telnet.menu.unknown" },
	};
	enum hin_code code = HIN_OK;

	for (size_t i = 0; code == HIN_OK && i < HIN_COUNT(texts); i++)
		code = convert(to, texts[i].text, texts[i].name, err);
	for (size_t i = 0; code == HIN_OK && i < profile->menu.count; i++)
		code = convert(to, &profile->menu.items[i], "telnet.menu.commands", err);
	return code;
}

static enum hin_code encode(struct hin_telnet_profile *profile, struct hin_error *err)
{
	static const char *const names[] = { "UTF-8", "CP932", "EUC-JP" };
	enum hin_code code;
	iconv_t to;

	if (profile->encoding == HIN_TELNET_UTF8)
		return HIN_OK;
	to = iconv_open(names[profile->encoding], "UTF-8");
	if (to == (iconv_t)-1)
		return hin_fail(err, HIN_ESYS, "telnet.encoding: the C library has no %s",
				names[profile->encoding]);
	code = convert_all(profile, to, err);
	iconv_close(to);
	return code;
}

enum hin_code hin_telnet_profile_prepare(struct hin_telnet_profile *profile, struct hin_error *err)
{
	enum hin_code code = HIN_OK;

	if (profile->prepared)
		return HIN_OK;
	for (size_t i = 0; code == HIN_OK && i < profile->menu.count; i++)
		if (strchr(profile->menu.items[i], '\n') == NULL)
			code = hin_fail(err, HIN_EFORMAT,
					"telnet.menu.commands: \"%s\" has no line end and answer",
					profile->menu.items[i]);
	if (code == HIN_OK)
		code = read_opening(profile, err);
	if (code == HIN_OK)
		code = read_options(profile->will_bits, "telnet.will", &profile->will, err);
	if (code == HIN_OK)
		code = read_options(profile->accept_bits, "telnet.accept", &profile->accept, err);
	if (code == HIN_OK)
		code = encode(profile, err);
	profile->prepared = code == HIN_OK;
	return code;
}
