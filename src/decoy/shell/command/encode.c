/* encode - digests and encodings of files: what droppers check and unpack with. */
#include <ctype.h>
#include <stdlib.h>

#include <openssl/evp.h>

#include "decoy/shell/command/command.h"

static const EVP_MD *digest_of(const char *name)
{
	return strncmp(name, "md5", 3) == 0	 ? EVP_md5()
	       : strncmp(name, "sha1", 4) == 0	 ? EVP_sha1()
	       : strncmp(name, "sha224", 6) == 0 ? EVP_sha224()
	       : strncmp(name, "sha384", 6) == 0 ? EVP_sha384()
	       : strncmp(name, "sha512", 6) == 0 ? EVP_sha512()
						 : EVP_sha256();
}

/* The digest of a file in hexadecimal; NULL when it cannot be read. */
static const char *digest_text(struct call *call, const char *name)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned size = 0;
	size_t length;
	const char *data = slurp_name(call, name, &length);
	struct growing g = { 0 };

	if (data == NULL ||
	    EVP_Digest(data, length, digest, &size, digest_of(call->argv[0]), NULL) != 1)
		return NULL;
	for (unsigned i = 0; i < size; i++)
		grow_format(call->p, &g, "%02x", digest[i]);
	return g.data;
}

/* -c: lines of a digest and a name. */
static int check_digests(struct call *call, char **names)
{
	struct process *p = call->p;
	struct lines l;
	unsigned wrong = 0, missing = 0;

	lines_begin(&l, call, names);
	while (lines_next(&l)) {
		char *line = text_of(p, l.line.data, l.line.size);
		size_t size = strcspn(line, " ");
		const char *name = line + size + strspn(line + size, " *"), *is;

		if (line[size] == '\0')
			continue;
		line[size] = '\0';
		is = digest_text(call, name);
		if (is == NULL) {
			missing++;
			outf(p, "%s: FAILED open or read\n", name);
		} else if (strcasecmp(is, line) != 0) {
			wrong++;
			outf(p, "%s: FAILED\n", name);
		} else {
			outf(p, "%s: OK\n", name);
		}
	}
	if (missing > 0 && !is_busybox(p))
		errf(p, "%s: WARNING: %u listed file%s could not be read\n", call->argv[0], missing,
		     missing > 1 ? "s" : "");
	if (wrong > 0 && !is_busybox(p))
		errf(p, "%s: WARNING: %u computed checksum%s did NOT match\n", call->argv[0], wrong,
		     wrong > 1 ? "s" : "");
	if (wrong + missing > 0 && is_busybox(p))
		errf(p, "%s: WARNING: %u of %u computed checksums did NOT match\n", call->argv[0],
		     wrong + missing, wrong + missing);
	return wrong + missing > 0;
}

static int do_digest(struct call *call)
{
	static char minus[] = "-";
	struct process *p = call->p;
	struct options o = { .call = call, .names = "check=c binary=b text=t quiet=q status=s" };
	char *only[] = { minus, NULL }, **names;
	int status = 0;

	if (!options_read(&o, "btcwsqa:"))
		return 1;
	names = o.at < call->argc ? call->argv + o.at : only;
	if (option_has(&o, 'c'))
		return check_digests(call, names);
	for (; *names != NULL; names++) {
		struct piece *mark = p->pieces;
		const char *text = digest_text(call, *names);

		if (text != NULL)
			outf(p, "%s  %s\n", text, *names);
		else
			status = 1;
		memory_back(p, mark);
	}
	return status;
}

/* cksum: POSIX's CRC. */
static int do_cksum(struct call *call)
{
	static char minus[] = "-";
	struct process *p = call->p;
	char *only[] = { minus, NULL }, **names = call->argc > 1 ? call->argv + 1 : only;
	int status = 0;

	for (; *names != NULL; names++) {
		size_t size;
		const unsigned char *data = (const unsigned char *)slurp_name(call, *names, &size);
		uint32_t crc = 0;

		if (data == NULL) {
			status = 1;
			continue;
		}
		for (uint64_t i = 0, left = size; i < size || left > 0; i++) {
			uint32_t byte = i < size ? data[i] : left & 255;

			if (i >= size)
				left >>= 8;
			crc ^= byte << 24;
			for (int k = 0; k < 8; k++)
				crc = crc << 1 ^ (crc & 0x80000000u ? 0x04c11db7u : 0);
			if (i % 65536 == 0)
				step(p);
		}
		outf(p, "%u %zu%s%s\n", ~crc, size, strcmp(*names, "-") != 0 ? " " : "",
		     strcmp(*names, "-") != 0 ? *names : "");
	}
	return status;
}

static int base64_value(char c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *found = c != '\0' ? strchr(digits, c) : NULL;

	return found != NULL ? (int)(found - digits) : -1;
}

static int encode_base64(struct process *p, const unsigned char *text, size_t size,
			 unsigned long wrap)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	struct growing made = { 0 };
	size_t column = 0;

	for (size_t i = 0; i < size; i += 3) {
		uint32_t word = (uint32_t)text[i] << 16 |
				(i + 1 < size ? (uint32_t)text[i + 1] << 8 : 0) |
				(i + 2 < size ? text[i + 2] : 0);

		for (unsigned k = 0; k < 4; k++) {
			grow_char(p, &made, k > size - i ? '=' : digits[word >> (18 - 6 * k) & 63]);
			if (wrap > 0 && ++column == wrap) {
				grow_char(p, &made, '\n');
				column = 0;
			}
		}
	}
	if (column > 0)
		grow_char(p, &made, '\n');
	out(p, 1, made.data, made.size);
	return 0;
}

/* What is no digit ends it with an error, but for -i. */
static int decode_base64(struct call *call, const unsigned char *text, size_t size, bool ignores)
{
	struct process *p = call->p;
	struct growing made = { 0 };
	uint32_t word = 0;
	unsigned count = 0;
	bool wrong = false;

	for (size_t i = 0; i < size && !wrong; i++) {
		int value = base64_value((char)text[i]);

		if (text[i] == '=' || text[i] == '\n' || text[i] == '\r')
			continue;
		if (value < 0) {
			wrong = !ignores;
			continue;
		}
		word = word << 6 | (uint32_t)value;
		if (++count < 4)
			continue;
		grow_char(p, &made, (char)(word >> 16));
		grow_char(p, &made, (char)(word >> 8));
		grow_char(p, &made, (char)word);
		count = 0;
		word = 0;
	}
	if (!wrong && count >= 2)
		grow_char(p, &made, (char)(word >> (count == 2 ? 4 : 10)));
	if (!wrong && count == 3)
		grow_char(p, &made, (char)(word >> 2));
	out(p, 1, made.data, made.size);
	if (!wrong)
		return 0;
	return complain(call, is_busybox(p) ? "truncated input" : "invalid input");
}

static int do_base64(struct call *call)
{
	struct options o = { .call = call, .names = "decode=d wrap=w ignore-garbage=i" };
	unsigned long wrap = 76;
	const unsigned char *text;
	size_t size;
	int letter;

	while ((letter = option_next(&o, "dDiw:")) != -1) {
		if (letter == '?')
			return 1;
		if (letter == 'w')
			wrap = strtoul(o.value, NULL, 10);
	}
	text = (const unsigned char *)slurp_name(call, o.at < call->argc ? call->argv[o.at] : "-",
						 &size);
	if (text == NULL)
		return 1;
	if (option_has(&o, 'd') || option_has(&o, 'D'))
		return decode_base64(call, text, size, option_has(&o, 'i'));
	return encode_base64(call->p, text, size, wrap);
}

const struct command encode_commands[] = {
	{ "base64", do_base64, false },
	{ "cksum", do_cksum, false },
	{ "sha224sum", do_digest, false },
	{ "sha384sum", do_digest, false },
	{ "md5sum", do_digest, false },
	{ "sha1sum", do_digest, false },
	{ "sha256sum", do_digest, false },
	{ "sha512sum", do_digest, false },
	{ NULL, NULL, false },
};
