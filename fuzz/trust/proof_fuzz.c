/* Proofs: whatever is read, nothing is proved that was not logged. */
#include <stdlib.h>

#include "trust/proof.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t seed[32] = { 0x5a, 1, 2, 3 }; /* nobody signs with it */
	struct hin_note_signer signer;
	struct hin_proof proof;
	struct hin_error err;
	struct hin_hash leaf, root = { { 0 } };

	if (hin_proof_parse(&proof, data, size, &err) != HIN_OK)
		return 0;
	if (proof.checkpoint < (const char *)data || proof.checkpoint_size > size ||
	    hin_note_signer_of(&signer, "fuzz", seed, NULL) != HIN_OK)
		abort();
	if (hin_proof_check(&proof, &signer.verifier, NULL, NULL) == HIN_OK)
		abort();
	hin_tree_leaf(&leaf, proof.entry, sizeof(proof.entry));
	for (uint64_t n = 1; n != 0; n *= 2)
		if (hin_tree_check(&leaf, proof.index, n, &proof.path, &root, NULL) == HIN_OK ||
		    hin_tree_check_growth(proof.index, &leaf, n, &root, &proof.path, NULL) ==
			    HIN_OK)
			if (proof.index != 0)
				abort();
	(void)!hin_proof_check_object(&proof, data, size, NULL);
	return 0;
}
