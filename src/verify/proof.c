/* proof - an act in a log, and the text that it is about; see verify.h */
#include <inttypes.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "verify/verify.h"

static bool starts(const char *line, size_t size, const char *word)
{
	return line != NULL && size > strlen(word) && memcmp(line, word, strlen(word)) == 0;
}

bool read_proof(struct proof *p, const char *name, const struct bytes *file)
{
	static const char first[] = "c2sp.org/tlog-proof@v1";
	const char *at = (const char *)file->data, *end = at + file->size, *line;
	size_t size = 0;
	long n;

	line = line_of(&at, end, &size);
	if (line == NULL || size != sizeof(first) - 1 || memcmp(line, first, size) != 0)
		return wrong("%s: this is no proof: it should begin with %s", name, first);
	line = line_of(&at, end, &size);
	n = starts(line, size, "extra ") ? unbase64(p->extra, sizeof(p->extra), line + 6, size - 6)
					 : -1;
	p->has_salt = n == ACT + SALT;
	if (n != ACT && !p->has_salt)
		return wrong("%s: this is no proof of an act: line 2 should hold it", name);
	line = line_of(&at, end, &size);
	if (!starts(line, size, "index ") || !read_number(&p->index, line + 6, size - 6))
		return wrong("%s: line 3 should be an index", name);
	while ((line = line_of(&at, end, &size)) != NULL && size > 0) {
		if (p->path.count == PATH_HASHES ||
		    unbase64(p->path.hashes[p->path.count].b, 32, line, size) != 32)
			return wrong("%s: line %u should be a hash", name, p->path.count + 4);
		p->path.count++;
	}
	p->checkpoint = at;
	p->checkpoint_size = (size_t)(end - at);
	return (line != NULL && at < end) || wrong("%s: it has no checkpoint", name);
}

/* Is the SHA-256 of the salt and the text what the act says? */
static bool is_text(const struct proof *p, const struct bytes *text)
{
	uint8_t *message = malloc(SALT + text->size), digest[32];

	if (message == NULL)
		return wrong("not enough memory");
	memcpy(message, p->extra + ACT, SALT);
	memcpy(message + SALT, text->data, text->size);
	SHA256(message, SALT + text->size, digest);
	free(message);
	return memcmp(digest, p->extra + 52, 32) == 0;
}

bool check_proof(const struct proof *p, const char *name, const struct policy *policy,
		 const char *text_name, struct bytes *text, struct head *head, uint64_t *cosigned)
{
	struct hash leaf, root;

	if (p->extra[0] != 0 || p->extra[1] != 1)
		return wrong("%s: its act is of a version that is not known here", name);
	if (!check_head(head, name, p->checkpoint, p->checkpoint_size, policy, cosigned))
		return false;
	leaf = leaf_of(p->extra, ACT);
	if (!climb(&root, &leaf, p->index, head->size, &p->path) || !same(&root, &head->root))
		return wrong("%s: act %" PRIu64
			     " is not in the log: the proof is forged or changed",
			     name, p->index);
	if (text == NULL)
		return true;
	if (!p->has_salt)
		return wrong("%s: it has no salt, so no text can be checked", name);
	if (!is_text(p, text) && !(undo_mail(text) && is_text(p, text)))
		return wrong("%s: this is not the text of the act: it was changed, or the proof is "
			     "of another",
			     text_name);
	return true;
}
