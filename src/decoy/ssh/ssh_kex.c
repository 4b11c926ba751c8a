/* ssh_kex - key exchange and what follows from it; see ssh_priv.h */
#include <openssl/evp.h>
#include <stdlib.h>
#include <sys/random.h>

#include "decoy/ssh/ssh_priv.h"

#define COOKIE 16
#define LISTS 10 /* of KEXINIT */
#define HASH_MAX 64
#define EXT_INFO_C "ext-info-c"
#define KEXGUESS2 "kexguess2@matt.ucc.asn.au"
#define STRICT_C "kex-strict-c-v00@openssh.com"
#define STRICT_S "kex-strict-s-v00@openssh.com"

/* The name-lists of KEXINIT in order (RFC 4253, 7.1). */
enum { KEX, HOST_KEY, CIPHER_IN, CIPHER_OUT, MAC_IN, MAC_OUT, COMPRESSION_IN, COMPRESSION_OUT };

/* What one direction agreed on. */
struct agreed {
	const struct hin_ssh_cipher *cipher;
	const struct hin_ssh_mac *mac;
	bool zlib, delayed;
};

struct ssh_kex {
	struct hin_buffer ours, theirs; /* payloads of KEXINIT, with their type */
	const struct hin_ssh_exchange *exchange;
	const char *host_key; /* algorithm, of the profile */
	struct agreed in, out;
	struct hin_ssh_keys rx, tx; /* the new keys */
	struct hin_ssh_group *group;
	uint32_t least, wanted, most; /* of GEX_REQUEST */
	struct hin_buffer value;      /* the client's, while the host key is made */
	bool sent;		      /* our KEXINIT */
	bool keys_sent;		      /* our NEWKEYS */
};

/* ---- KEXINIT ---- */

bool ssh_list_has(const struct hin_config_list *list, const char *name)
{
	for (size_t i = 0; i < list->count; i++) {
		if (strcmp(list->items[i], name) == 0)
			return true;
	}
	return false;
}

static const struct hin_config_list *other(const struct hin_config_list *to_client,
					   const struct hin_config_list *both)
{
	return to_client->count > 0 ? to_client : both;
}

/* The list of a profile that stands at `index` in its KEXINIT. */
static const struct hin_config_list *own_list(const struct hin_ssh_profile *p, unsigned index)
{
	switch (index) {
	case KEX:
		return &p->kex;
	case HOST_KEY:
		return &p->host_keys;
	case CIPHER_IN:
		return &p->ciphers;
	case CIPHER_OUT:
		return other(&p->ciphers_to_client, &p->ciphers);
	case MAC_IN:
		return &p->macs;
	case MAC_OUT:
		return other(&p->macs_to_client, &p->macs);
	case COMPRESSION_IN:
		return &p->compression;
	case COMPRESSION_OUT:
		return other(&p->compression_to_client, &p->compression);
	case COMPRESSION_OUT + 1:
		return &p->languages;
	default:
		return other(&p->languages_to_client, &p->languages);
	}
}

/* Is a name kept from this client? */
static bool is_hidden(const struct ssh_connection *c, const char *name)
{
	if (c->compat & SSH_COMPAT_NO_CURVE25519)
		return strcmp(name, "curve25519-sha256@libssh.org") == 0;
	if (c->compat & SSH_COMPAT_NO_GROUP_EXCHANGE)
		return strncmp(name, "diffie-hellman-group-exchange-", 30) == 0;
	return false;
}

/* Append a name-list; its length is put in when it is known. */
static void put_list(const struct ssh_connection *c, struct hin_buffer *out,
		     const struct hin_config_list *list)
{
	size_t at = out->used;
	uint32_t size;

	hin_ssh_put_u32(out, 0);
	for (size_t i = 0; i < list->count; i++) {
		if (is_hidden(c, list->items[i]))
			continue;
		if (out->used > at + 4)
			hin_buffer_putc(out, ',');
		hin_buffer_puts(out, list->items[i]);
	}
	if (out->failed)
		return;
	size = HIN_BE32((uint32_t)(out->used - at - 4));
	memcpy(out->data + at, &size, sizeof(size));
}

static struct ssh_kex *kex_of(struct ssh_connection *c)
{
	if (c->kex == NULL)
		c->kex = calloc(1, sizeof(*c->kex));
	if (c->kex == NULL)
		ssh_broken(c, "no memory");
	return c->kex;
}

void ssh_send_kexinit(struct ssh_connection *c)
{
	struct ssh_kex *kex = kex_of(c);
	uint8_t cookie[COOKIE];
	struct hin_buffer *out;

	if (kex == NULL || kex->sent)
		return;
	if (getrandom(cookie, sizeof(cookie), 0) != sizeof(cookie)) {
		ssh_broken(c, "no random bytes");
		return;
	}
	hin_ssh_put_u8(&kex->ours, SSH_KEXINIT);
	hin_buffer_add(&kex->ours, cookie, sizeof(cookie));
	for (unsigned i = 0; i < LISTS; i++)
		put_list(c, &kex->ours, own_list(c->profile, i));
	hin_ssh_put_u8(&kex->ours, 0); /* no guess follows */
	hin_ssh_put_u32(&kex->ours, 0);
	if (kex->ours.failed) {
		ssh_broken(c, "no memory");
		return;
	}
	out = ssh_begin(c, SSH_KEXINIT);
	hin_buffer_add(out, kex->ours.data + 1, kex->ours.used - 1);
	ssh_finish(c);
	kex->sent = true;
}

bool ssh_kex_holds(const struct ssh_connection *c)
{
	return c->kex != NULL && c->kex->sent && !c->kex->keys_sent;
}

void ssh_kex_free(struct ssh_connection *c)
{
	struct ssh_kex *kex = c->kex;

	if (kex == NULL)
		return;
	hin_buffer_fini(&kex->ours);
	hin_buffer_fini(&kex->theirs);
	hin_buffer_fini(&kex->value);
	hin_ssh_keys_clear(&kex->rx);
	hin_ssh_keys_clear(&kex->tx);
	free(kex->group);
	free(kex);
	c->kex = NULL;
}

/* ---- agreeing ---- */

/* Take the next name of a list: false at its end, or at an empty name, as OpenSSH has it; dropbear
 * goes on behind that. */
static bool next_name(const struct ssh_connection *c, struct hin_ssh_string *list,
		      struct hin_ssh_string *name)
{
	bool any = list->size > 0;

	const uint8_t *comma = memchr(list->data, ',', list->size);
	size_t size = comma != NULL ? (size_t)(comma - list->data) : list->size;

	*name = (struct hin_ssh_string){ list->data, size };
	if (comma != NULL)
		size++;
	list->data += size;
	list->size -= size;
	return name->size > 0 || (c->dropbear && any);
}

static bool contains(const struct ssh_connection *c, struct hin_ssh_string list, const char *wanted)
{
	struct hin_ssh_string name;

	for (unsigned i = 0; i < SSH_NAMES_MAX && next_name(c, &list, &name); i++) {
		if (hin_ssh_string_is(name, wanted))
			return true;
	}
	return false;
}

/* The client's first name that we have, or NULL. */
static const char *choose(const struct ssh_connection *c, struct hin_ssh_string list,
			  const struct hin_config_list *ours)
{
	struct hin_ssh_string name;

	for (unsigned i = 0; i < SSH_NAMES_MAX && next_name(c, &list, &name); i++) {
		for (size_t k = 0; k < ours->count; k++) {
			if (hin_ssh_string_is(name, ours->items[k]) &&
			    !is_hidden(c, ours->items[k]))
				return ours->items[k];
		}
	}
	return NULL;
}

/* Was the client's first name the one that was chosen, and by dropbear's rule of old ours, too? */
static bool guessed(const struct ssh_connection *c, struct hin_ssh_string list,
		    const struct hin_config_list *ours, bool any)
{
	struct hin_ssh_string name;

	next_name(c, &list, &name);
	for (size_t i = 0; i < ours->count && (any || i == 0); i++) {
		if (hin_ssh_string_is(name, ours->items[i]))
			return true;
	}
	return false;
}

static bool choose_direction(struct ssh_connection *c, const struct hin_ssh_string lists[LISTS],
			     unsigned out, struct agreed *agreed)
{
	const struct hin_ssh_profile *p = c->profile;
	const char *cipher = choose(c, lists[CIPHER_IN + out], own_list(p, CIPHER_IN + out));
	const char *mac = choose(c, lists[MAC_IN + out], own_list(p, MAC_IN + out));
	const char *zip = choose(c, lists[COMPRESSION_IN + out], own_list(p, COMPRESSION_IN + out));

	agreed->cipher = cipher != NULL ? hin_ssh_cipher_find(cipher) : NULL;
	if (agreed->cipher == NULL || zip == NULL)
		return false;
	agreed->zlib = strcmp(zip, "zlib") == 0;
	agreed->delayed = strcmp(zip, "zlib@openssh.com") == 0;
	if (agreed->cipher->tag_size > 0)
		return true;
	agreed->mac = mac != NULL ? hin_ssh_mac_find(mac) : NULL;
	return agreed->mac != NULL;
}

/* HASSH: the MD5 of what the client offers for the way to us. */
static void tell_fingerprint(struct ssh_connection *c, const struct hin_ssh_string lists[LISTS])
{
	static const uint8_t used[] = { KEX, CIPHER_IN, MAC_IN, COMPRESSION_IN };
	struct hin_buffer text = { 0 };
	uint8_t digest[EVP_MAX_MD_SIZE];
	size_t size;

	for (size_t i = 0; i < HIN_COUNT(used); i++) {
		if (i > 0)
			hin_buffer_putc(&text, ';');
		hin_buffer_add(&text, lists[used[i]].data, lists[used[i]].size);
	}
	if (!text.failed &&
	    EVP_Q_digest(NULL, "MD5", NULL, text.data, text.used, digest, &size) == 1)
		hin_session_tell(c->session, (struct hin_event){ .type = HIN_EVENT_FINGERPRINT,
								 .a = text.data,
								 .a_size = text.used,
								 .b = digest,
								 .b_size = size });
	hin_buffer_fini(&text);
}

/* What the first KEXINIT says of the client itself. */
static bool note_client(struct ssh_connection *c, const struct hin_ssh_string lists[LISTS])
{
	tell_fingerprint(c, lists);
	c->ext_info = contains(c, lists[KEX], EXT_INFO_C);
	c->rsa_256 = contains(c, lists[HOST_KEY], "rsa-sha2-256");
	c->rsa_512 = contains(c, lists[HOST_KEY], "rsa-sha2-512");
	c->strict = contains(c, lists[KEX], STRICT_C) && ssh_list_has(&c->profile->kex, STRICT_S);
	if (c->strict && c->number != 0) {
		if (c->dropbear)
			ssh_broken(c, "KEXINIT was not the first packet");
		else
			ssh_disconnect(c, SSH_DISCONNECT_PROTOCOL_ERROR,
				       "strict KEX violation: KEXINIT was not the first packet");
		return false;
	}
	return true;
}

static void expect_exchange(struct ssh_connection *c)
{
	if (c->kex->exchange->kind == HIN_SSH_EXCHANGE_GROUP)
		c->dispatch[SSH_GEX_REQUEST] = SSH_ON_GEX_REQUEST;
	else
		c->dispatch[SSH_KEX_INIT] = SSH_ON_KEX_INIT;
	if (c->dropbear) /* nothing else may come now */
		ssh_dropbear_awaits(c);
}

static bool agree(struct ssh_connection *c, const struct hin_ssh_string lists[LISTS], bool follows)
{
	struct ssh_kex *kex = c->kex;
	const char *exchange = choose(c, lists[KEX], &c->profile->kex);

	kex->exchange = exchange != NULL ? hin_ssh_exchange_find(exchange) : NULL;
	kex->host_key = choose(c, lists[HOST_KEY], &c->profile->host_keys);
	if (kex->exchange == NULL || kex->host_key == NULL ||
	    hin_ssh_hostkey_type(kex->host_key) == HIN_SSH_KEY_TYPES ||
	    !choose_direction(c, lists, 0, &kex->in) || !choose_direction(c, lists, 1, &kex->out)) {
		ssh_broken(c, "no algorithm in common");
		return false;
	}
	if (follows) {
		bool any = c->dropbear && contains(c, lists[KEX], KEXGUESS2);

		c->skip = !guessed(c, lists[KEX], &c->profile->kex, any) ||
			  !guessed(c, lists[HOST_KEY], &c->profile->host_keys, any);
	}
	return true;
}

void ssh_on_kexinit(struct ssh_connection *c, uint8_t type, struct hin_reader *in)
{
	const uint8_t *payload = in->pos;
	size_t size = in->left;
	struct hin_ssh_string lists[LISTS];
	struct ssh_kex *kex;
	bool follows;

	(void)type;
	c->dispatch[SSH_KEXINIT] = SSH_ON_KEX_UNKNOWN;
	hin_read_skip(in, COOKIE);
	for (unsigned i = 0; i < LISTS; i++)
		lists[i] = ssh_get_cstring(in);
	follows = hin_read_u8(in) != 0;
	hin_read_be32(in);
	if (!ssh_was_read(c, in)) {
		ssh_broken(c, "KEXINIT without its fields");
		return;
	}
	ssh_send_kexinit(c);
	kex = c->kex;
	if (kex == NULL)
		return;
	hin_buffer_reset(&kex->theirs);
	hin_ssh_put_u8(&kex->theirs, SSH_KEXINIT);
	hin_buffer_add(&kex->theirs, payload, size);
	if (c->initial && !note_client(c, lists))
		return;
	if (agree(c, lists, follows))
		expect_exchange(c);
}

/* ---- the exchange hash, and the keys that come of it ---- */

/* All but the exchange's own values (RFC 4253, 8). */
static void put_common(struct ssh_connection *c, struct hin_buffer *out,
		       const struct hin_buffer *host_key)
{
	hin_ssh_put_text(out, c->client_identification);
	hin_ssh_put_text(out, c->profile->identification);
	hin_ssh_put_string(out, c->kex->theirs.data, c->kex->theirs.used);
	hin_ssh_put_string(out, c->kex->ours.data, c->kex->ours.used);
	hin_ssh_put_string(out, host_key->data, host_key->used);
}

static void put_group(const struct ssh_kex *kex, struct hin_buffer *out)
{
	hin_ssh_put_u32(out, kex->least);
	hin_ssh_put_u32(out, kex->wanted);
	hin_ssh_put_u32(out, kex->most);
	hin_ssh_put_mpint(out, kex->group->prime, kex->group->size);
	hin_ssh_put_mpint(out, &kex->group->generator, 1);
}

static bool digest(const struct ssh_kex *kex, const struct hin_buffer *data, uint8_t out[HASH_MAX])
{
	size_t size;

	return !data->failed && EVP_Q_digest(NULL, kex->exchange->digest, NULL, data->data,
					     data->used, out, &size) == 1;
}

/* RFC 4253, 7.2: `size` bytes of key for the purpose `letter`. */
static bool derive(struct ssh_connection *c, const struct hin_buffer *secret, const uint8_t *hash,
		   char letter, uint8_t *out, size_t size)
{
	size_t part = c->kex->exchange->digest_size, done = 0;
	uint8_t block[HASH_MAX];
	struct hin_buffer data = { 0 };
	bool good = true;

	hin_buffer_add(&data, secret->data, secret->used);
	hin_buffer_add(&data, hash, part);
	for (size_t prefix = data.used; good && done < size; done += part) {
		if (done == 0) {
			hin_buffer_putc(&data, letter);
			hin_buffer_add(&data, c->session_id, c->session_id_size);
		}
		good = digest(c->kex, &data, block);
		if (!good)
			break;
		memcpy(out + done, block, size - done < part ? size - done : part);
		if (done == 0)
			data.used = prefix; /* K2 = HASH(K || H || K1) */
		hin_buffer_add(&data, block, part);
	}
	if (data.data != NULL)
		explicit_bzero(data.data, data.size);
	hin_buffer_fini(&data);
	explicit_bzero(block, sizeof(block));
	return good;
}

static bool derive_direction(struct ssh_connection *c, const struct hin_buffer *secret,
			     const uint8_t *hash, unsigned out, const struct agreed *agreed,
			     struct hin_ssh_keys *keys)
{
	keys->cipher = agreed->cipher;
	keys->mac = agreed->mac;
	return derive(c, secret, hash, (char)('A' + out), keys->iv, agreed->cipher->iv_size) &&
	       derive(c, secret, hash, (char)('C' + out), keys->key, agreed->cipher->key_size) &&
	       (agreed->mac == NULL ||
		derive(c, secret, hash, (char)('E' + out), keys->mac_key, agreed->mac->key_size));
}

static bool derive_all(struct ssh_connection *c, const struct hin_buffer *secret,
		       const uint8_t *hash)
{
	struct ssh_kex *kex = c->kex;

	if (c->initial) {
		c->session_id_size = kex->exchange->digest_size;
		memcpy(c->session_id, hash, c->session_id_size);
	}
	return derive_direction(c, secret, hash, 0, &kex->in, &kex->rx) &&
	       derive_direction(c, secret, hash, 1, &kex->out, &kex->tx);
}

/* ---- NEWKEYS ---- */

static void send_ext_info(struct ssh_connection *c)
{
	const struct hin_ssh_profile *p = c->profile;
	struct hin_buffer *out = ssh_begin(c, SSH_EXT_INFO);

	hin_ssh_put_u32(out, (uint32_t)(1 + p->extensions.count));
	hin_ssh_put_text(out, "server-sig-algs");
	put_list(c, out, &p->signature_algorithms);
	for (size_t i = 0; i < p->extensions.count; i++) {
		const char *name = p->extensions.items[i], *value = strchr(name, '=');
		size_t size = value != NULL ? (size_t)(value - name) : strlen(name);

		hin_ssh_put_string(out, name, size);
		hin_ssh_put_text(out, value != NULL ? value + 1 : "");
	}
	ssh_finish(c);
}

/* Messages that waited for new keys. */
static void flush_queue(struct ssh_connection *c)
{
	struct hin_buffer waiting = c->queue;
	struct hin_reader in = hin_reader_of(waiting.data, waiting.used);

	c->queue = (struct hin_buffer){ 0 };
	while (in.left > 0) {
		struct hin_ssh_string message = hin_ssh_get_string(&in);
		struct hin_buffer *out = ssh_begin(c, message.data[0]);

		hin_buffer_add(out, message.data + 1, message.size - 1);
		ssh_finish(c);
	}
	hin_buffer_fini(&waiting);
}

/* Take new keys for one direction; numbers go on unless key exchange is strict. */
static void take_keys(struct ssh_connection *c, struct hin_ssh_keys *keys, struct hin_ssh_keys *new)
{
	uint32_t sequence = c->strict ? 0 : keys->sequence;

	hin_ssh_keys_clear(keys);
	*keys = *new;
	keys->sequence = sequence;
	hin_ssh_keys_clear(new);
}

/* Compression of a direction begins, or goes on. */
static void take_compression(struct ssh_connection *c, const struct agreed *agreed,
			     struct ssh_zlib **z, bool *delayed, struct ssh_zlib *(*new)(void))
{
	bool wanted = agreed->zlib || (agreed->delayed && c->authenticated);

	*delayed = agreed->delayed && !wanted;
	if (!wanted) {
		ssh_zlib_free(*z);
		*z = NULL;
	} else if (*z == NULL) {
		*z = new ();
		if (*z == NULL)
			ssh_broken(c, "no memory");
	}
}

static void send_newkeys(struct ssh_connection *c)
{
	struct ssh_kex *kex = c->kex;

	ssh_dispatch_range(c, 1, SSH_KEX_LAST, SSH_ON_KEX_UNKNOWN);
	if (c->dropbear)
		ssh_dropbear_awaits(c);
	ssh_begin(c, SSH_NEWKEYS);
	ssh_finish(c);
	c->dispatch[SSH_NEWKEYS] = SSH_ON_NEWKEYS;
	take_keys(c, &c->tx, &kex->tx);
	take_compression(c, &kex->out, &c->deflate, &c->delayed_out, ssh_deflate_new);
	c->tx_blocks = c->tx_packets = 0;
	c->keyed_us = hin_session_now_us(c->session);
	kex->keys_sent = true;
	if (c->initial && c->ext_info && c->profile->ext_info)
		send_ext_info(c);
	flush_queue(c);
}

void ssh_on_newkeys(struct ssh_connection *c, uint8_t type, struct hin_reader *in)
{
	struct ssh_kex *kex = c->kex;
	bool initial = c->initial;

	(void)type;
	c->dispatch[SSH_NEWKEYS] = SSH_ON_KEX_UNKNOWN;
	c->dispatch[SSH_KEXINIT] = SSH_ON_KEXINIT;
	if (!ssh_was_read(c, in)) {
		ssh_broken(c, "NEWKEYS with a field");
		return;
	}
	take_keys(c, &c->rx, &kex->rx);
	take_compression(c, &kex->in, &c->inflate, &c->delayed_in, ssh_inflate_new);
	c->rx_blocks = c->rx_packets = 0;
	c->initial = false;
	ssh_kex_free(c);
	if (c->dropbear) { /* these have no place until the next KEXINIT */
		c->dispatch[SSH_NEWKEYS] = c->dispatch[SSH_KEX_INIT] = SSH_ON_NOTHING;
		c->dispatch[SSH_SERVICE_REQUEST] = SSH_ON_SERVICE;
		c->dispatch[SSH_SERVICE_ACCEPT] = SSH_ON_UNKNOWN;
	}
	if (initial)
		ssh_auth_begin(c);
}

void ssh_on_ext_info(struct ssh_connection *c, uint8_t type, struct hin_reader *in)
{
	uint32_t count = hin_read_be32(in);

	(void)type;
	c->dispatch[SSH_EXT_INFO] = SSH_ON_KEX_UNKNOWN;
	while (count-- > 0 && !in->failed) {
		ssh_get_cstring(in);
		hin_ssh_get_string(in);
	}
	if (!ssh_at_end(in))
		ssh_broken(c, "EXT_INFO without its fields");
}

/* ---- the exchanges ---- */

/* H and its signature, and all that is sent with them. */
static enum hin_code reply_with(struct ssh_connection *c, const struct hin_buffer *host_key,
				const struct hin_buffer *ours, const struct hin_buffer *secret)
{
	struct ssh_kex *kex = c->kex;
	bool by_group = kex->group != NULL;
	struct hin_buffer hashed = { 0 }, signature = { 0 };
	uint8_t hash[HASH_MAX];
	enum hin_code code = HIN_ENOMEM;

	put_common(c, &hashed, host_key);
	if (by_group)
		put_group(kex, &hashed);
	hin_buffer_add(&hashed, kex->value.data, kex->value.used);
	hin_buffer_add(&hashed, ours->data, ours->used);
	hin_buffer_add(&hashed, secret->data, secret->used);
	if (digest(kex, &hashed, hash))
		code = hin_ssh_hostkey_sign(c->hostkeys, kex->host_key, hash,
					    kex->exchange->digest_size, &signature);
	if (code == HIN_OK && !derive_all(c, secret, hash))
		code = HIN_ENOMEM;
	if (code == HIN_OK) {
		struct hin_buffer *out = ssh_begin(c, by_group ? SSH_GEX_REPLY : SSH_KEX_REPLY);

		hin_ssh_put_string(out, host_key->data, host_key->used);
		hin_buffer_add(out, ours->data, ours->used);
		hin_ssh_put_string(out, signature.data, signature.used);
		ssh_finish(c);
	}
	hin_buffer_fini(&hashed);
	hin_buffer_fini(&signature);
	explicit_bzero(hash, sizeof(hash));
	return code;
}

/* Answer the client's value, which is kept; when the host key is still to be made, go on with that
 * first. */
static void answer(struct ssh_connection *c)
{
	struct ssh_kex *kex = c->kex;
	enum hin_ssh_hostkey_type type = hin_ssh_hostkey_type(kex->host_key);
	struct hin_buffer host_key = { 0 }, ours = { 0 }, secret = { 0 };
	struct hin_reader value = hin_reader_of(kex->value.data, kex->value.used);
	struct hin_ssh_string theirs = hin_ssh_get_string(&value);
	enum hin_code code = hin_ssh_hostkey_make(c->hostkeys, type);

	if (code == HIN_EAGAIN) {
		ssh_wait(c, 0, answer);
		return;
	}
	if (code == HIN_OK)
		code = hin_ssh_hostkey_public(c->hostkeys, type, &host_key);
	if (code == HIN_OK)
		code = hin_ssh_exchange_answer(kex->exchange, kex->group, theirs.data, theirs.size,
					       &ours, &secret);
	if (code == HIN_OK)
		code = reply_with(c, &host_key, &ours, &secret);
	if (secret.data != NULL)
		explicit_bzero(secret.data, secret.size);
	hin_buffer_fini(&host_key);
	hin_buffer_fini(&ours);
	hin_buffer_fini(&secret);
	if (code == HIN_OK)
		send_newkeys(c);
	else
		ssh_broken(c, code == HIN_EFORMAT ? "a value of key exchange that is none"
						  : "no memory for key exchange");
}

/* Keep the client's value, as it stands in the hash, and answer it. */
static void take_value(struct ssh_connection *c, struct hin_reader *in)
{
	struct hin_ssh_string value = hin_ssh_get_string(in);

	if (!ssh_was_read(c, in)) {
		ssh_broken(c, "a value of key exchange without its fields");
		return;
	}
	hin_buffer_reset(&c->kex->value);
	hin_ssh_put_string(&c->kex->value, value.data, value.size);
	if (c->kex->value.failed)
		ssh_broken(c, "no memory");
	else
		answer(c);
}

void ssh_on_kex_init(struct ssh_connection *c, uint8_t type, struct hin_reader *in)
{
	c->dispatch[type] = SSH_ON_KEX_UNKNOWN;
	take_value(c, in);
}

void ssh_on_gex_init(struct ssh_connection *c, uint8_t type, struct hin_reader *in)
{
	c->dispatch[type] = SSH_ON_KEX_UNKNOWN;
	take_value(c, in);
}

static uint32_t within(uint32_t value, uint32_t least, uint32_t most)
{
	return value < least ? least : value > most ? most : value;
}

void ssh_on_gex_request(struct ssh_connection *c, uint8_t type, struct hin_reader *in)
{
	struct ssh_kex *kex = c->kex;
	uint32_t least, wanted, most;
	struct hin_buffer *out;

	c->dispatch[type] = SSH_ON_KEX_UNKNOWN;
	kex->least = hin_read_be32(in);
	kex->wanted = hin_read_be32(in);
	kex->most = hin_read_be32(in);
	least = within(kex->least, HIN_SSH_GROUP_LEAST, UINT32_MAX);
	wanted = within(kex->wanted, HIN_SSH_GROUP_LEAST, HIN_SSH_GROUP_MOST);
	most = within(kex->most, 0, HIN_SSH_GROUP_MOST);
	if (!ssh_at_end(in) || kex->most < kex->least || kex->wanted < kex->least ||
	    kex->most < kex->wanted || most < least || wanted < least || most < wanted) {
		ssh_broken(c, "a wish for a group that is out of range");
		return;
	}
	kex->group = calloc(1, sizeof(*kex->group));
	if (kex->group == NULL || hin_ssh_group_choose(kex->group, least, wanted, most) != HIN_OK) {
		ssh_broken(c, "no memory for a group");
		return;
	}
	out = ssh_begin(c, SSH_GEX_GROUP);
	hin_ssh_put_mpint(out, kex->group->prime, kex->group->size);
	hin_ssh_put_mpint(out, &kex->group->generator, 1);
	ssh_finish(c);
	c->dispatch[SSH_GEX_INIT] = SSH_ON_GEX_INIT;
}

/* ---- new keys of our own wish ---- */

#define PACKETS_MAX (1ull << 31) /* RFC 4344, 3.1 */
#define SMALL_BLOCKS_BYTES (1ull << 30)

/* Blocks after which a cipher wants new keys. */
static uint64_t blocks_max(const struct ssh_connection *c, const struct hin_ssh_keys *keys)
{
	uint64_t block = keys->cipher->block_size, most;

	most = block >= 16 ? 1ull << (block * 2) : SMALL_BLOCKS_BYTES / block;
	if (c->profile->rekey_bytes > 0 && c->profile->rekey_bytes / block < most)
		most = c->profile->rekey_bytes / block;
	return most;
}

void ssh_check_rekey(struct ssh_connection *c)
{
	int64_t time_ns = c->profile->rekey_time_ns;

	if (!c->authenticated || c->kex != NULL || c->rx.cipher == NULL ||
	    (c->tx_packets == 0 && c->rx_packets == 0))
		return;
	if ((time_ns > 0 &&
	     hin_session_now_us(c->session) - c->keyed_us >= time_ns / HIN_NS_PER_US) ||
	    c->tx_packets > PACKETS_MAX || c->rx_packets > PACKETS_MAX ||
	    c->tx_blocks > blocks_max(c, &c->tx) || c->rx_blocks > blocks_max(c, &c->rx))
		ssh_send_kexinit(c);
}
