/* encode - digests and encodings of files: what droppers check and unpack with. */
#include <ctype.h>
#include <stdlib.h>

#include <openssl/evp.h>

#include "decoy/command/command.h"

static int do_digest(struct call *call)
{
	struct process *p = call->p;
	const EVP_MD *md = strncmp(call->argv[0], "md5", 3) == 0      ? EVP_md5()
			   : strncmp(call->argv[0], "sha1", 4) == 0   ? EVP_sha1()
			   : strncmp(call->argv[0], "sha512", 6) == 0 ? EVP_sha512()
								      : EVP_sha256();
	struct options o = { .call = call };
	struct lines l;
	int letter;

	while ((letter = option_next(&o, "btcw")) != -1)
		if (letter == '?')
			return 1;
	lines_begin(&l, call, call->argv + o.at);
	while (lines_file(&l)) {
		struct piece *mark = p->pieces;
		unsigned char digest[EVP_MAX_MD_SIZE];
		unsigned size = 0;
		size_t length;
		const char *text = file_slurp(p, l.file, &length);

		if (EVP_Digest(text, length, digest, &size, md, NULL) != 1)
			return 1;
		for (unsigned i = 0; i < size; i++)
			outf(p, "%02x", digest[i]);
		outf(p, "  %s\n", l.name);
		memory_back(p, mark);
	}
	return l.status;
}

static int base64_value(char c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *found = c != '\0' ? strchr(digits, c) : NULL;

	return found != NULL ? (int)(found - digits) : -1;
}

static int do_base64(struct call *call)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	struct process *p = call->p;
	struct options o = { .call = call };
	unsigned long wrap = 76;
	bool decode = false;
	struct file *file;
	struct growing made = { 0 };
	const unsigned char *text;
	size_t size;
	int letter;

	while ((letter = option_next(&o, "dDiw:")) != -1) {
		if (letter == '?')
			return 1;
		decode |= letter == 'd' || letter == 'D';
		if (letter == 'w')
			wrap = strtoul(o.value, NULL, 10);
	}
	if (o.at < call->argc && strcmp(call->argv[o.at], "--decode") == 0)
		decode = true;
	file = open_input(call, o.at < call->argc ? call->argv[o.at] : "-");
	if (file == NULL)
		return 1;
	text = (const unsigned char *)file_slurp(p, file, &size);
	file_done(p, file);
	if (!decode) {
		for (size_t i = 0, column = 0; i < size; i += 3) {
			uint32_t word = (uint32_t)text[i] << 16 |
					(i + 1 < size ? (uint32_t)text[i + 1] << 8 : 0) |
					(i + 2 < size ? text[i + 2] : 0);
			size_t count = size - i;

			for (unsigned k = 0; k < 4; k++) {
				char digit = digits[word >> (18 - 6 * k) & 63];

				if (k > count)
					digit = '=';
				grow_char(p, &made, digit);
				if (wrap > 0 && ++column == wrap) {
					grow_char(p, &made, '\n');
					column = 0;
				}
			}
			if (i + 3 >= size && wrap > 0 && column > 0)
				grow_char(p, &made, '\n');
		}
		out(p, 1, made.data, made.size);
		return 0;
	}
	{
		uint32_t word = 0;
		unsigned count = 0;

		for (size_t i = 0; i < size; i++) {
			int value = base64_value((char)text[i]);

			if (text[i] == '=' || text[i] == '\n' || text[i] == '\r')
				continue;
			if (value < 0) {
				out(p, 1, made.data, made.size);
				return complain(call, is_busybox(p) ? "truncated input"
								    : "invalid input");
			}
			word = word << 6 | (uint32_t)value;
			if (++count == 4) {
				grow_char(p, &made, (char)(word >> 16));
				grow_char(p, &made, (char)(word >> 8));
				grow_char(p, &made, (char)word);
				count = 0;
				word = 0;
			}
		}
		if (count >= 2)
			grow_char(p, &made, (char)(word >> (count == 2 ? 4 : 10)));
		if (count == 3)
			grow_char(p, &made, (char)(word >> 2));
		out(p, 1, made.data, made.size);
	}
	return 0;
}

const struct command encode_commands[] = {
	{ "base64", do_base64, false },	   { "md5sum", do_digest, false },
	{ "sha1sum", do_digest, false },   { "sha256sum", do_digest, false },
	{ "sha512sum", do_digest, false }, { NULL, NULL, false },
};
