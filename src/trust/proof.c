/* proof - see proof.h */
#include "trust/proof.h"

#include <sodium.h>

#include "base/number.h"

#define HEAD "c2sp.org/tlog-proof@v1"
#define EXTRA (HIN_ACT_BYTES + HIN_ACT_SALT)
#define BASE64 sodium_base64_VARIANT_ORIGINAL

enum hin_code hin_proof_make(struct hin_buffer *out, struct hin_tiles *tiles, uint64_t index,
			     const uint8_t *salt, const void *note, size_t size,
			     const struct hin_checkpoint *head, struct hin_error *err)
{
	uint8_t extra[EXTRA];
	char base64[sodium_base64_ENCODED_LEN(EXTRA, BASE64)];
	size_t extra_size = HIN_ACT_BYTES, entry_size = 0;
	const uint8_t *entry = NULL;
	struct hin_path path;
	struct hin_hash leaf;
	enum hin_code code;

	hin_tiles_resize(tiles, head->size);
	code = hin_tiles_entry(tiles, index, &entry, &entry_size, err);
	if (code == HIN_OK && entry_size != HIN_ACT_BYTES)
		code = hin_fail(err, HIN_EFORMAT, "leaf %llu of the log is no act",
				(unsigned long long)index);
	if (code != HIN_OK)
		return code;
	memcpy(extra, entry, HIN_ACT_BYTES);
	hin_tree_leaf(&leaf, entry, entry_size);
	code = hin_tree_prove(&path, index, head->size, hin_tiles_fetch, tiles, err);
	if (code == HIN_OK)
		code = hin_tree_check(&leaf, index, head->size, &path, &head->root, err);
	if (code != HIN_OK)
		return code;
	if (salt != NULL) {
		memcpy(extra + HIN_ACT_BYTES, salt, HIN_ACT_SALT);
		extra_size = EXTRA;
	}
	sodium_bin2base64(base64, sizeof(base64), extra, extra_size, BASE64);
	hin_buffer_printf(out, HEAD "\nextra %s\nindex %llu\n", base64, (unsigned long long)index);
	for (unsigned i = 0; i < path.count; i++) {
		sodium_bin2base64(base64, sizeof(base64), path.hashes[i].bytes, 32, BASE64);
		hin_buffer_printf(out, "%s\n", base64);
	}
	hin_buffer_putc(out, '\n');
	hin_buffer_add(out, note, size);
	return out->failed ? hin_fail(err, HIN_ENOMEM, "no memory for a proof") : HIN_OK;
}

/* Take the next line of `in` into `line`, with a NUL instead of its newline; false without one. */
static bool take_line(struct hin_reader *in, char *line, size_t room)
{
	const uint8_t *newline = in->left > 0 ? memchr(in->pos, '\n', in->left) : NULL;
	size_t size = newline != NULL ? (size_t)(newline - in->pos) : 0;

	if (newline == NULL || size >= room || memchr(in->pos, '\0', size) != NULL)
		return false;
	memcpy(line, in->pos, size);
	line[size] = '\0';
	hin_read_skip(in, size + 1);
	return true;
}

/* Exactly `size` bytes in base64. */
static bool unbase64(uint8_t *out, size_t size, const char *text)
{
	size_t used = 0;

	return sodium_base642bin(out, size, text, strlen(text), NULL, &used, NULL, BASE64) == 0 &&
	       used == size;
}

static bool read_extra(struct hin_proof *p, const char *line)
{
	uint8_t bytes[EXTRA];

	if (strncmp(line, "extra ", 6) != 0)
		return false;
	p->has_salt = unbase64(bytes, EXTRA, line + 6);
	if (!p->has_salt && !unbase64(bytes, HIN_ACT_BYTES, line + 6))
		return false;
	memcpy(p->entry, bytes, HIN_ACT_BYTES);
	if (p->has_salt)
		memcpy(p->salt, bytes + HIN_ACT_BYTES, HIN_ACT_SALT);
	return true;
}

static bool read_index(struct hin_proof *p, const char *line)
{
	return strncmp(line, "index ", 6) == 0 && (line[6] != '0' || line[7] == '\0') &&
	       hin_number_u64(&p->index, "index", line + 6, 0, HIN_TREE_LEAVES, NULL) == HIN_OK;
}

enum hin_code hin_proof_parse(struct hin_proof *out, const void *data, size_t size,
			      struct hin_error *err)
{
	struct hin_reader in = hin_reader_of(data, size);
	struct hin_proof p = { 0 };
	char line[256];
	enum hin_code code;

	if (size > HIN_PROOF_SIZE)
		return hin_fail(err, HIN_ELIMIT, "a proof has at most %zu bytes", HIN_PROOF_SIZE);
	if (!take_line(&in, line, sizeof(line)) || strcmp(line, HEAD) != 0)
		return hin_fail(err, HIN_EFORMAT, "this is no proof: line 1 is not " HEAD);
	if (!take_line(&in, line, sizeof(line)) || !read_extra(&p, line))
		return hin_fail(err, HIN_EFORMAT,
				"this is no proof of an act: line 2 is not "
				"\"extra\" with an act");
	if (!take_line(&in, line, sizeof(line)) || !read_index(&p, line))
		return hin_fail(err, HIN_EFORMAT, "this is no proof: line 3 is no index");
	while (take_line(&in, line, sizeof(line)) && line[0] != '\0') {
		if (p.path.count == HIN_TREE_PATH ||
		    !unbase64(p.path.hashes[p.path.count].bytes, 32, line))
			return hin_fail(err, HIN_EFORMAT, "this is no proof: line %u is no hash",
					p.path.count + 4);
		p.path.count++;
		line[0] = 'x';
	}
	if (line[0] != '\0' || in.left == 0)
		return hin_fail(err, HIN_EFORMAT, "this is no proof: no checkpoint follows");
	p.checkpoint = (const char *)in.pos;
	p.checkpoint_size = in.left;
	code = hin_act_decode(&p.act, p.entry, sizeof(p.entry), err);
	if (code == HIN_OK)
		*out = p;
	return code;
}

enum hin_code hin_proof_check(const struct hin_proof *p, const struct hin_note_verifier *log,
			      struct hin_checkpoint *head, struct hin_error *err)
{
	struct hin_checkpoint c;
	struct hin_hash leaf;
	enum hin_code code;

	code = hin_checkpoint_open(&c, p->checkpoint, p->checkpoint_size, log, err);
	if (code != HIN_OK)
		return code;
	hin_tree_leaf(&leaf, p->entry, sizeof(p->entry));
	code = hin_tree_check(&leaf, p->index, c.size, &p->path, &c.root, err);
	if (code == HIN_OK && head != NULL)
		*head = c;
	return code;
}

enum hin_code hin_proof_check_object(const struct hin_proof *p, const void *object, size_t size,
				     struct hin_error *err)
{
	uint8_t digest[HIN_ACT_DIGEST];

	if (!p->has_salt)
		return hin_fail(err, HIN_ENOENT,
				"the proof has no salt, so no object can be checked");
	hin_act_digest(digest, p->salt, object, size);
	if (memcmp(digest, p->act.object, sizeof(digest)) != 0)
		return hin_fail(err, HIN_EVERIFY,
				"the act is about another object: it was changed, "
				"or the proof belongs to something else");
	return HIN_OK;
}
