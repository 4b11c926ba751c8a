/* ledger - what the files of hinomi-ledger share. */
#pragma once
#include "base/options.h"
#include "trust/ledger_read.h"
#include "trust/witness.h"

/* What the command line said. */
struct ledger_arguments {
	const char *ledger, *key;
	bool json, witnessed;
	/* show */
	uint64_t from, last;
	bool has_from, has_who;
	uint64_t who;
	const char *kind;
	int64_t since_us, until_us;
	/* prove, check */
	const char *output, *salt, *after;
	/* witness */
	const char *dir, *name, *listen, *certificate, *tls_key, *passphrase_file;
	bool plain;
	const char *logs[HIN_WITNESS_LOGS];
	size_t log_count;
};

/* Serve as a witness until a signal comes. */
HIN_MUST_USE enum hin_code ledger_witness(const struct ledger_arguments *a, struct hin_error *err);
