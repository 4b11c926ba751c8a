/* Merkle trees: against Go's tlog (tree_vectors.h), against the definition, and against forgers. */
#include "../test.h"

#include <sodium.h>
#include <stdio.h>

#include "trust/tree.h"
#include "tree_vectors.h"

#define LEAVES VECTOR_LEAVES

static struct hin_hash leaves[LEAVES];

static void make_leaves(void)
{
	for (unsigned i = 0; i < LEAVES; i++) {
		char text[16];
		int n = snprintf(text, sizeof(text), "entry %u", i);

		hin_tree_leaf(&leaves[i], text, (size_t)n);
	}
}

static struct hin_hash unhex(const char *text)
{
	struct hin_hash out;
	size_t used;

	if (sodium_hex2bin(out.bytes, 32, text, strlen(text), NULL, &used, NULL) != 0 || used != 32)
		abort();
	return out;
}

/* MTH of RFC 9162, section 2.1.1, as it is written there. */
static struct hin_hash definition(unsigned low, unsigned high)
{
	unsigned k = 1;
	struct hin_hash left, right;

	if (high - low == 1)
		return leaves[low];
	while (2 * k < high - low)
		k *= 2;
	left = definition(low, low + k);
	right = definition(low + k, high);
	hin_tree_node(&left, &left, &right);
	return left;
}

static enum hin_code fetch(void *user, unsigned level, uint64_t index, struct hin_hash *out,
			   struct hin_error *err)
{
	(void)user, (void)err;
	assert_true((index + 1) << level <= LEAVES);
	*out = definition((unsigned)(index << level), (unsigned)((index + 1) << level));
	return HIN_OK;
}

static void roots_are_those_of_go(void **state)
{
	struct hin_tree tree = { 0 };
	struct hin_hash root, other;

	(void)state;
	hin_tree_root(&tree, &root);
	hin_tree_empty(&other);
	assert_true(hin_hash_same(&root, &other));
	/* SHA-256 of nothing, FIPS 180-4 */
	other = unhex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	assert_true(hin_hash_same(&root, &other));
	for (unsigned n = 1; n <= LEAVES; n++) {
		struct hin_hash want = unhex(vector_roots[n - 1]);

		hin_tree_add(&tree, &leaves[n - 1]);
		hin_tree_root(&tree, &root);
		if (!hin_hash_same(&root, &want))
			fail_msg("root of %u leaves", n);
		assert_int_equal(hin_tree_root_of(&other, n, fetch, NULL, NULL), HIN_OK);
		assert_true(hin_hash_same(&root, &other));
	}
}

static void same_path(const struct vector *v, const struct hin_path *path)
{
	unsigned i = 0;

	for (; v->path[i] != NULL; i++) {
		struct hin_hash want = unhex(v->path[i]);

		if (i >= path->count || !hin_hash_same(&want, &path->hashes[i]))
			fail_msg("proof %u of %u: hash %u differs", v->a, v->b, i);
	}
	assert_int_equal(i, path->count);
}

static void proofs_are_those_of_go(void **state)
{
	(void)state;
	for (size_t i = 0; i < HIN_COUNT(vector_inclusions); i++) {
		const struct vector *v = &vector_inclusions[i];
		struct hin_path path;

		assert_int_equal(hin_tree_prove(&path, v->a, v->b, fetch, NULL, NULL), HIN_OK);
		same_path(v, &path);
	}
	for (size_t i = 0; i < HIN_COUNT(vector_growths); i++) {
		const struct vector *v = &vector_growths[i];
		struct hin_path path;

		assert_int_equal(hin_tree_prove_growth(&path, v->a, v->b, fetch, NULL, NULL),
				 HIN_OK);
		same_path(v, &path);
	}
}

/* Each leaf of each tree is proved; no other leaf, index, size or root is, nor a changed path. */
static void inclusion_of_all(void **state)
{
	(void)state;
	for (unsigned size = 1; size <= LEAVES; size++) {
		struct hin_hash root = definition(0, size), wrong = root;

		wrong.bytes[31] ^= 1;
		for (unsigned i = 0; i < size; i++) {
			struct hin_path path;
			const struct hin_hash *other = &leaves[(i + 1) % LEAVES];

			assert_int_equal(hin_tree_prove(&path, i, size, fetch, NULL, NULL), HIN_OK);
			assert_int_equal(hin_tree_check(&leaves[i], i, size, &path, &root, NULL),
					 HIN_OK);
			assert_int_equal(hin_tree_check(other, i, size, &path, &root, NULL),
					 HIN_EVERIFY);
			assert_int_equal(hin_tree_check(&leaves[i], i, size, &path, &wrong, NULL),
					 HIN_EVERIFY);
			assert_int_equal(hin_tree_check(&leaves[i], size, size, &path, &root, NULL),
					 HIN_EVERIFY);
			if (size > 1)
				assert_int_equal(hin_tree_check(&leaves[i], i ^ 1u, size, &path,
								&root, NULL),
						 HIN_EVERIFY);
			for (unsigned k = 0; k < path.count; k++) {
				path.hashes[k].bytes[k] ^= 0x80;
				assert_int_equal(
					hin_tree_check(&leaves[i], i, size, &path, &root, NULL),
					HIN_EVERIFY);
				path.hashes[k].bytes[k] ^= 0x80;
			}
			path.hashes[path.count++] = root;
			assert_int_equal(hin_tree_check(&leaves[i], i, size, &path, &root, NULL),
					 HIN_EVERIFY);
			path.count -= 2;
			if (size > 1)
				assert_int_equal(
					hin_tree_check(&leaves[i], i, size, &path, &root, NULL),
					HIN_EVERIFY);
		}
	}
}

static void growth_of_all(void **state)
{
	(void)state;
	for (unsigned size = 1; size <= LEAVES; size++) {
		struct hin_hash root = definition(0, size);

		for (unsigned old = 1; old <= size; old++) {
			struct hin_hash before = definition(0, old), wrong = before;
			struct hin_path path;

			wrong.bytes[0] ^= 1;
			assert_int_equal(hin_tree_prove_growth(&path, old, size, fetch, NULL, NULL),
					 HIN_OK);
			assert_int_equal(
				hin_tree_check_growth(old, &before, size, &root, &path, NULL),
				HIN_OK);
			assert_int_equal(
				hin_tree_check_growth(old, &wrong, size, &root, &path, NULL),
				HIN_EVERIFY);
			if (old < size)
				assert_int_equal(hin_tree_check_growth(old, &before, size, &before,
								       &path, NULL),
						 HIN_EVERIFY);
			for (unsigned k = 0; k < path.count; k++) {
				path.hashes[k].bytes[k] ^= 4;
				assert_int_equal(hin_tree_check_growth(old, &before, size, &root,
								       &path, NULL),
						 HIN_EVERIFY);
				path.hashes[k].bytes[k] ^= 4;
			}
			path.hashes[path.count++] = root;
			assert_int_equal(
				hin_tree_check_growth(old, &before, size, &root, &path, NULL),
				HIN_EVERIFY);
			if (path.count < 2)
				continue;
			path.count -= 2;
			assert_int_equal(
				hin_tree_check_growth(old, &before, size, &root, &path, NULL),
				HIN_EVERIFY);
		}
	}
}

/* Short entries are hashed in blocks of our own making: each length, against libsodium. */
static void leaves_of_each_length(void **state)
{
	uint8_t message[300], want[32];

	(void)state;
	message[0] = 0;
	for (size_t i = 1; i < sizeof(message); i++)
		message[i] = (uint8_t)(i * 7);
	for (size_t size = 0; size < sizeof(message) - 1; size++) {
		uint8_t *entry = hin_test_copy(message + 1, size);
		struct hin_hash leaf;

		hin_tree_leaf(&leaf, entry, size);
		crypto_hash_sha256(want, message, size + 1);
		if (memcmp(leaf.bytes, want, 32) != 0)
			fail_msg("a leaf of %zu bytes", size);
		free(entry);
	}
}

static void edges(void **state)
{
	struct hin_path path = { .count = 0 };
	struct hin_hash empty, root = definition(0, 5);

	(void)state;
	hin_tree_empty(&empty);
	assert_int_equal(hin_tree_prove(&path, 5, 5, fetch, NULL, NULL), HIN_ERANGE);
	assert_int_equal(hin_tree_prove(&path, 0, 0, fetch, NULL, NULL), HIN_ERANGE);
	assert_int_equal(hin_tree_prove(&path, 0, UINT64_MAX, fetch, NULL, NULL), HIN_ERANGE);
	assert_int_equal(hin_tree_prove_growth(&path, 6, 5, fetch, NULL, NULL), HIN_ERANGE);
	assert_int_equal(hin_tree_prove_growth(&path, 0, 5, fetch, NULL, NULL), HIN_OK);
	assert_int_equal(path.count, 0);
	assert_int_equal(hin_tree_check_growth(0, &empty, 5, &root, &path, NULL), HIN_OK);
	assert_int_equal(hin_tree_check_growth(5, &root, 4, &root, &path, NULL), HIN_EVERIFY);
	assert_int_equal(hin_tree_check(&leaves[0], 0, 0, &path, &root, NULL), HIN_EVERIFY);
	path.count = HIN_TREE_PATH;
	assert_int_equal(hin_tree_check(&leaves[0], 0, UINT64_MAX, &path, &root, NULL),
			 HIN_EVERIFY);
	assert_int_equal(hin_tree_check_growth(1, &root, UINT64_MAX, &root, &path, NULL),
			 HIN_EVERIFY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(roots_are_those_of_go), cmocka_unit_test(proofs_are_those_of_go),
		cmocka_unit_test(inclusion_of_all),	 cmocka_unit_test(growth_of_all),
		cmocka_unit_test(leaves_of_each_length), cmocka_unit_test(edges),
	};

	make_leaves();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
