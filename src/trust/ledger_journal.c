/* ledger_journal - see ledger_priv.h */
#define OPENSSL_SUPPRESS_DEPRECATED /* a batch is hashed at the speed of the processor */
#include <errno.h>
#include <fcntl.h>
#include <openssl/sha.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "trust/ledger_priv.h"

#define HEAD "hinomi journal 1"
#define HEAD_SIZE 64u
#define CHECKED 20u /* bytes of a batch's header that its check covers */
#define MAGIC "hnj1"
#define LIMIT ((size_t)2 << 30) /* bytes of a journal */

static void check_of(uint8_t *out, size_t out_size, const void *a, size_t a_size, const void *b,
		     size_t b_size)
{
	uint8_t digest[32];
	SHA256_CTX ctx;

	SHA256_Init(&ctx);
	SHA256_Update(&ctx, a, a_size);
	if (b_size > 0)
		SHA256_Update(&ctx, b, b_size);
	SHA256_Final(digest, &ctx);
	memcpy(out, digest, out_size);
}

static enum hin_code open_file(struct journal *j, const char *path, struct hin_error *err)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd == -1)
		return hin_fail(err, errno == ENOENT ? HIN_ENOENT : HIN_ESYS, "open %s", path);
	journal_close(j);
	j->fd = fd;
	return HIN_OK;
}

enum hin_code journal_begin(struct journal *j, const char *path, uint64_t base,
			    const struct hin_hash *root, struct hin_error *err)
{
	uint8_t head[HEAD_SIZE];
	struct hin_writer to = hin_writer_of(head, sizeof(head));
	enum hin_code code;

	hin_write_bytes(&to, HEAD, 16);
	hin_write_be64(&to, base);
	hin_write_bytes(&to, root->bytes, 32);
	check_of(head + to.used, HEAD_SIZE - to.used, head, to.used, NULL, 0);
	code = hin_file_replace(path, head, sizeof(head), 0600, err);
	if (code == HIN_OK)
		code = open_file(j, path, err);
	if (code != HIN_OK)
		return code;
	j->base = j->next = base;
	j->root = *root;
	j->size = HEAD_SIZE;
	return HIN_OK;
}

enum hin_code journal_open(struct journal *j, const char *path, struct hin_buffer *content,
			   struct hin_error *err)
{
	uint8_t check[8];
	struct hin_reader in;
	enum hin_code code = open_file(j, path, err);

	if (code == HIN_OK)
		code = hin_file_read(content, path, LIMIT, err);
	if (code != HIN_OK)
		return code;
	in = hin_reader_of(content->data, content->used);
	hin_read_skip(&in, 16);
	j->base = j->next = hin_read_be64(&in);
	hin_read_copy(&in, j->root.bytes, 32);
	check_of(check, sizeof(check), content->data, in.failed ? 0 : 56, NULL, 0);
	if (content->used < HEAD_SIZE || memcmp(content->data, HEAD, 16) != 0 ||
	    memcmp(check, in.pos, sizeof(check)) != 0 || j->base > HIN_TREE_LEAVES)
		return hin_fail(err, HIN_EVERIFY, "%s: its head was changed or cut", path);
	j->size = HEAD_SIZE;
	return HIN_OK;
}

/* Read the batch at the start of `in`; false when there is no whole, unchanged one. */
static bool read_batch(struct hin_reader *in, struct hin_reader *entries, uint32_t *count,
		       uint64_t *first)
{
	const uint8_t *head = in->pos;
	uint8_t want[12], check[12];
	uint32_t size;

	if (in->left < JOURNAL_BATCH || memcmp(head, MAGIC, 4) != 0)
		return false;
	hin_read_skip(in, 4);
	*count = hin_read_be32(in);
	size = hin_read_be32(in);
	*first = hin_read_be64(in);
	hin_read_copy(in, want, sizeof(want));
	*entries = hin_read_sub(in, size);
	if (in->failed)
		return false;
	check_of(check, sizeof(check), head, CHECKED, entries->pos, entries->left);
	return memcmp(check, want, sizeof(check)) == 0;
}

/* Is there a whole batch behind one that is not? Then the fault is no torn end. */
static bool is_followed(const struct hin_reader *rest, uint64_t next)
{
	const uint8_t *at = rest->pos, *end = rest->pos + rest->left;

	while ((at = memmem(at, (size_t)(end - at), MAGIC, 4)) != NULL) {
		struct hin_reader in = hin_reader_of(at, (size_t)(end - at)), entries;
		uint32_t count;
		uint64_t first;

		if (read_batch(&in, &entries, &count, &first) && first >= next)
			return true;
		at++;
	}
	return false;
}

enum hin_code journal_replay(struct journal *j, const struct hin_buffer *content, journal_fn take,
			     void *user, struct hin_error *err)
{
	struct hin_reader in = hin_reader_of(content->data + HEAD_SIZE, content->used - HEAD_SIZE);

	while (in.left > 0) {
		struct hin_reader rest = in, entries;
		uint32_t count;
		uint64_t first;
		enum hin_code code;

		if (!read_batch(&in, &entries, &count, &first)) {
			if (is_followed(&rest, j->next))
				return hin_fail(err, HIN_EVERIFY,
						"the journal was changed at byte %llu, act %llu",
						(unsigned long long)j->size,
						(unsigned long long)j->next);
			break;
		}
		if (first != j->next)
			return hin_fail(err, HIN_EVERIFY,
					"the journal goes on with act %llu instead of %llu",
					(unsigned long long)first, (unsigned long long)j->next);
		code = take(user, &entries, count, err);
		if (code != HIN_OK)
			return code;
		j->next += count;
		j->size += (uint64_t)(in.pos - rest.pos);
	}
	if (j->size == content->used)
		return HIN_OK;
	if (ftruncate(j->fd, (off_t)j->size) != 0 || fsync(j->fd) != 0)
		return hin_fail(err, HIN_ESYS, "cut a torn end off the journal");
	return HIN_OK;
}

enum hin_code journal_add(struct journal *j, void *batch, uint32_t size, uint32_t count,
			  bool *broken, struct hin_error *err)
{
	uint8_t *bytes = batch;
	struct hin_writer to = hin_writer_of(bytes, JOURNAL_BATCH);
	size_t done = 0;

	hin_write_bytes(&to, MAGIC, 4);
	hin_write_be32(&to, count);
	hin_write_be32(&to, size - JOURNAL_BATCH);
	hin_write_be64(&to, j->next);
	check_of(bytes + CHECKED, JOURNAL_BATCH - CHECKED, bytes, CHECKED, bytes + JOURNAL_BATCH,
		 size - JOURNAL_BATCH);
	while (done < size) {
		ssize_t n = pwrite(j->fd, bytes + done, size - done, (off_t)(j->size + done));

		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0) {
			enum hin_code code = hin_fail(err, HIN_ESYS, "write the journal");

			*broken = ftruncate(j->fd, (off_t)j->size) != 0;
			return code;
		}
		done += (size_t)n;
	}
	if (fdatasync(j->fd) != 0) {
		*broken = true;
		return hin_fail(err, HIN_ESYS, "sync the journal");
	}
	j->size += size;
	j->next += count;
	return HIN_OK;
}

void journal_close(struct journal *j)
{
	if (j->fd != -1)
		close(j->fd);
	j->fd = -1;
}
