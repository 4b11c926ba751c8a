/*
 * Settings: the input is signed as a whole, and as the YAML of settings. What may be signed as
 * settings is read as such.
 */
#include <stdlib.h>

#include "trust/settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t seed[32] = { 1 };
	struct hin_sensor_settings settings = { 0 };
	struct hin_buffer note = { 0 };
	struct hin_note_signer signer;

	if (hin_note_signer_of(&signer, "fuzz", seed, NULL) != HIN_OK)
		abort();
	if (hin_note_sign(&note, (const char *)data, size, &signer, 1, NULL) == HIN_OK &&
	    hin_sensor_settings_open(&settings, note.data, note.used, &signer.verifier, 1, NULL) ==
		    HIN_OK &&
	    settings.version == 0)
		abort();
	hin_buffer_reset(&note);
	if (hin_sensor_settings_sign(&note, "fuzz", data, size, 7, 1795000000, &signer, NULL) ==
		    HIN_OK &&
	    (hin_sensor_settings_open(&settings, note.data, note.used, &signer.verifier, 1, NULL) !=
		     HIN_OK ||
	     settings.version != 7))
		abort();
	hin_sensor_settings_fini(&settings);
	hin_buffer_fini(&note);
	return 0;
}
