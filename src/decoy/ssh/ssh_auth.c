/* ssh_auth - log-in (RFC 4252, 4256); see ssh_priv.h */
#include <openssl/evp.h>
#include <stdlib.h>
#include <sys/random.h>

#include "decoy/ssh/ssh_priv.h"
#include "decoy/ssh/ssh_pubkey.h"

#define ATTEMPTS_MAX 1024 /* requests, as OpenSSH has it */
#define PASSWORD_MAX 1024 /* bytes that OpenSSH looks at */
#define DROPBEAR_PASSWORD_MAX 100
#define DROPBEAR_USER_MAX 100
#define NAME_TOLD 1024 /* bytes of a user's name that are kept */
#define HOSTBOUND "publickey-hostbound-v00@openssh.com"
#define SPREAD_US 4295 /* OpenSSH: up to 4.2 ms more, by the user's name */

struct ssh_auth {
	char *user, *service; /* of the first request; without what follows a colon */
	size_t user_size;
	unsigned attempts, failures;
	bool banner_sent, none_tried, asked, change_asked;
	/* The request that is being answered: */
	bool accepted, postponed, penalty;
	int64_t begun_us, work_us; /* when it came, and how long its check takes */
};

void ssh_auth_free(struct ssh_connection *c)
{
	if (c->auth == NULL)
		return;
	free(c->auth->user);
	free(c->auth->service);
	free(c->auth);
	c->auth = NULL;
}

void ssh_auth_begin(struct ssh_connection *c)
{
	c->auth = calloc(1, sizeof(*c->auth));
	if (c->auth == NULL) {
		ssh_broken(c, "no memory");
		return;
	}
	if (c->dropbear) {
		ssh_dispatch_range(c, SSH_USERAUTH_REQUEST, 255, SSH_ON_UNKNOWN);
		c->dispatch[SSH_USERAUTH_REQUEST] = SSH_ON_USERAUTH;
	} else {
		ssh_dispatch_all(c, SSH_ON_UNKNOWN);
		if (c->profile->version >= 906 && c->ext_info)
			c->dispatch[SSH_EXT_INFO] = SSH_ON_EXT_INFO;
	}
	c->dispatch[SSH_SERVICE_REQUEST] = SSH_ON_SERVICE;
}

void ssh_on_service(struct ssh_connection *c, uint8_t type, struct hin_reader *in)
{
	struct hin_ssh_string name = ssh_get_cstring(in);
	struct hin_buffer *out;
	bool connection =
		c->dropbear && c->authenticated && hin_ssh_string_is(name, "ssh-connection");

	(void)type;
	if (in->failed || (!c->dropbear && !ssh_at_end(in))) {
		ssh_broken(c, "SERVICE_REQUEST without its fields");
		return;
	}
	if (!hin_ssh_string_is(name, "ssh-userauth") && !connection) {
		if (c->dropbear)
			ssh_broken(c, "a service that is none");
		else
			ssh_disconnect(c, SSH_DISCONNECT_PROTOCOL_ERROR, "bad service request %.*s",
				       (int)name.size, (const char *)name.data);
		return;
	}
	if (!c->dropbear)
		c->dispatch[SSH_USERAUTH_REQUEST] = SSH_ON_USERAUTH;
	out = ssh_begin(c, SSH_SERVICE_ACCEPT);
	hin_ssh_put_string(out, name.data, name.size);
	ssh_finish(c);
}

/* ---- how long an answer takes ---- */

static int64_t random_below(int64_t most)
{
	uint32_t value = 0;

	if (most <= 0 || getrandom(&value, sizeof(value), 0) != sizeof(value))
		return 0;
	return (int64_t)(value % (uint64_t)most);
}

/* What OpenSSH adds for a user's name, the same each time on this host. */
static int64_t user_delay_us(const struct ssh_connection *c)
{
	const struct hin_host *host = hin_session_host(c->session);
	uint8_t digest[EVP_MAX_MD_SIZE], secret[16];
	struct hin_buffer text = { 0 };
	int64_t delay = 0;
	size_t size;

	if (hin_host_derive(host, "ssh timing", secret, sizeof(secret)) != HIN_OK)
		return 0;
	hin_buffer_add(&text, secret, sizeof(secret));
	hin_buffer_add(&text, c->auth->user, c->auth->user_size);
	if (!text.failed &&
	    EVP_Q_digest(NULL, "SHA512", NULL, text.data, text.used, digest, &size) == 1)
		delay = (int64_t)(digest[0] << 8 | digest[1]) * SPREAD_US / 65536;
	hin_buffer_fini(&text);
	return delay;
}

static void check_password_takes(struct ssh_connection *c, bool good)
{
	const struct hin_ssh_profile *p = c->profile;

	c->auth->work_us =
		good ? p->success_ns / HIN_NS_PER_US
		     : (p->failure_ns + random_below(p->failure_spread_ns)) / HIN_NS_PER_US;
}

/* ---- answers ---- */

static void send_failure(struct ssh_connection *c)
{
	const struct hin_config_list *methods = &c->profile->methods;
	struct hin_buffer *out = ssh_begin(c, SSH_USERAUTH_FAILURE);
	size_t size = 0;

	for (size_t i = 0; i < methods->count; i++)
		size += strlen(methods->items[i]) + (i > 0);
	hin_ssh_put_u32(out, (uint32_t)size);
	for (size_t i = 0; i < methods->count; i++) {
		if (i > 0)
			hin_buffer_putc(out, ',');
		hin_buffer_puts(out, methods->items[i]);
	}
	hin_ssh_put_u8(out, 0); /* no part of it succeeded */
	ssh_finish(c);
}

static void begin_delayed(struct ssh_connection *c)
{
	if (c->delayed_out)
		c->deflate = ssh_deflate_new();
	if (c->delayed_in)
		c->inflate = ssh_inflate_new();
	if ((c->delayed_out && c->deflate == NULL) || (c->delayed_in && c->inflate == NULL))
		ssh_broken(c, "no memory");
	c->delayed_out = c->delayed_in = false;
}

static void succeed(struct ssh_connection *c)
{
	ssh_begin(c, SSH_USERAUTH_SUCCESS);
	ssh_finish(c);
	c->authenticated = true;
	ssh_auth_free(c);
	begin_delayed(c);
	ssh_channels_begin(c);
}

static void give_up(struct ssh_connection *c)
{
	if (c->dropbear)
		ssh_close(c, HIN_CLOSE_SERVICE);
	else
		ssh_disconnect(c, SSH_DISCONNECT_PROTOCOL_ERROR,
			       "Too many authentication failures");
}

static void answer(struct ssh_connection *c)
{
	struct ssh_auth *a = c->auth;

	if (a->accepted) {
		succeed(c);
		return;
	}
	if (a->postponed)
		return;
	if (a->penalty)
		a->failures++;
	if (a->failures >= c->profile->tries) {
		give_up(c);
		return;
	}
	send_failure(c);
}

/* An answer comes after what its check takes; OpenSSH's after the least time, doubled until it is
 * no less than that. */
static void answer_later(struct ssh_connection *c)
{
	struct ssh_auth *a = c->auth;
	int64_t took = a->work_us;

	if (hin_session_is_over(c->session))
		return;
	if (!c->dropbear) {
		int64_t least = c->profile->answer_ns / HIN_NS_PER_US;

		if (least > 0)
			least += user_delay_us(c);
		while (least > 0 && least < took)
			least *= 2;
		took = least > took ? least : took;
	}
	if (took <= 0)
		answer(c);
	else
		ssh_wait(c, a->begun_us + took, answer);
}

/* ---- methods; each true when it lets the user in ---- */

static bool try_none(struct ssh_connection *c, struct hin_reader *in)
{
	c->auth->none_tried = true;
	if (!c->dropbear && !ssh_at_end(in))
		ssh_broken(c, "a request without its fields");
	return false;
}

static bool check_password(struct ssh_connection *c, struct hin_ssh_string password)
{
	struct ssh_auth *a = c->auth;
	size_t most = c->dropbear ? DROPBEAR_PASSWORD_MAX : PASSWORD_MAX;
	bool good = false;

	if (password.size <= most && password.size > 0)
		good = hin_session_password(c->session, a->user, a->user_size,
					    (const char *)password.data, password.size);
	check_password_takes(c, good);
	return good;
}

static void ask_change(struct ssh_connection *c)
{
	struct hin_buffer *out = ssh_begin(c, SSH_USERAUTH_PK_OK); /* of a password: CHANGEREQ */

	hin_ssh_put_text(out, "Your password has expired.");
	hin_ssh_put_text(out, "");
	ssh_finish(c);
	c->auth->postponed = c->auth->change_asked = true;
}

static bool try_password(struct ssh_connection *c, struct hin_reader *in)
{
	bool change = hin_read_u8(in) != 0, good;
	struct hin_ssh_string password = { .size = 0 };

	if (c->dropbear && change && !in->failed) {
		check_password_takes(c, false);
		return false;
	}
	password = ssh_get_cstring(in);
	if (change)
		ssh_get_cstring(in);
	if (in->failed || (!c->dropbear && !ssh_at_end(in))) {
		ssh_broken(c, "a request without its fields");
		return false;
	}
	if (change && !c->auth->change_asked)
		return false; /* "password change not supported" */
	good = check_password(c, password);
	if (good && c->profile->password_change && !change) {
		ask_change(c);
		return false;
	}
	return good;
}

/* The text that the client has signed: session, request, all but the signature. */
static bool verify(struct ssh_connection *c, struct hin_ssh_string algorithm,
		   struct hin_ssh_string key, struct hin_ssh_string signature,
		   struct hin_ssh_string request)
{
	struct hin_buffer text = { 0 };
	bool good;

	hin_ssh_put_string(&text, c->session_id, c->session_id_size);
	hin_ssh_put_u8(&text, SSH_USERAUTH_REQUEST);
	hin_buffer_add(&text, request.data, request.size);
	good = !text.failed &&
	       hin_ssh_pubkey_verify(algorithm, key, signature, text.data, text.used);
	hin_buffer_fini(&text);
	return good;
}

static bool is_own_key(struct ssh_connection *c, struct hin_ssh_string key)
{
	struct hin_reader in = hin_reader_of(key.data, key.size);
	struct hin_ssh_string name = hin_ssh_get_string(&in);
	struct hin_buffer own = { 0 };
	char text[64];
	enum hin_ssh_hostkey_type type;
	bool same = false;

	if (name.size >= sizeof(text))
		return false;
	memcpy(text, name.data, name.size);
	text[name.size] = '\0';
	type = hin_ssh_hostkey_type(text);
	if (type < HIN_SSH_KEY_TYPES && hin_ssh_hostkey_make(c->hostkeys, type) == HIN_OK &&
	    hin_ssh_hostkey_public(c->hostkeys, type, &own) == HIN_OK)
		same = own.used == key.size && memcmp(own.data, key.data, key.size) == 0;
	hin_buffer_fini(&own);
	return same;
}

static void send_pk_ok(struct ssh_connection *c, struct hin_ssh_string algorithm,
		       struct hin_ssh_string key)
{
	struct hin_buffer *out = ssh_begin(c, SSH_USERAUTH_PK_OK);

	hin_ssh_put_string(out, algorithm.data, algorithm.size);
	hin_ssh_put_string(out, key.data, key.size);
	ssh_finish(c);
	c->auth->postponed = true;
}

/* `request` is the whole message, behind its type. */
static bool try_publickey(struct ssh_connection *c, struct hin_reader *in,
			  struct hin_ssh_string request, bool hostbound)
{
	struct ssh_auth *a = c->auth;
	bool is_signed = hin_read_u8(in) != 0, proved = false, good;
	struct hin_ssh_string algorithm = ssh_get_cstring(in), key = hin_ssh_get_string(in);
	struct hin_ssh_string signature = { .data = (const uint8_t *)"" };

	if (!in->failed && hostbound && !is_own_key(c, hin_ssh_get_string(in)))
		in->failed = true;
	if (in->failed) {
		ssh_broken(c, "a request without its fields");
		return false;
	}
	if (c->dropbear)
		a->penalty = false; /* a refused key costs no try */
	good = hin_ssh_pubkey_is(algorithm, key);
	if (good && is_signed) {
		request.size -= in->left;
		signature = hin_ssh_get_string(in);
	}
	if (good && !c->dropbear && !ssh_at_end(in)) {
		ssh_broken(c, "a request without its fields");
		return false;
	}
	if (good && is_signed)
		proved = verify(c, algorithm, key, signature, request);
	good = hin_session_public_key(c->session, a->user, a->user_size, key.data, key.size,
				      proved) &&
	       good;
	if (good && !is_signed)
		send_pk_ok(c, algorithm, key);
	return good && proved;
}

/* Ask for the password as PAM does. */
static void try_keyboard(struct ssh_connection *c, struct hin_reader *in)
{
	struct hin_buffer *out;

	ssh_get_cstring(in);
	ssh_get_cstring(in);
	if (!ssh_at_end(in)) {
		ssh_broken(c, "a request without its fields");
		return;
	}
	out = ssh_begin(c, SSH_USERAUTH_INFO_REQUEST);
	hin_ssh_put_text(out, "");
	hin_ssh_put_text(out, "");
	hin_ssh_put_text(out, "");
	hin_ssh_put_u32(out, 1);
	hin_ssh_put_text(out, c->profile->prompt != NULL ? c->profile->prompt : "");
	hin_ssh_put_u8(out, 0);
	ssh_finish(c);
	c->dispatch[SSH_USERAUTH_INFO_RESPONSE] = SSH_ON_INFO_RESPONSE;
	c->auth->postponed = true;
}

void ssh_on_info_response(struct ssh_connection *c, uint8_t type, struct hin_reader *in)
{
	struct ssh_auth *a = c->auth;
	uint32_t count = hin_read_be32(in);
	struct hin_ssh_string password = ssh_get_cstring(in);

	(void)type;
	a->begun_us = hin_session_now_us(c->session);
	a->postponed = false;
	a->penalty = true;
	c->dispatch[SSH_USERAUTH_INFO_RESPONSE] = SSH_ON_NOTHING;
	if (count != 1 || !ssh_at_end(in)) {
		ssh_broken(c, "an answer without its fields");
		return;
	}
	a->accepted = check_password(c, password);
	if (a->work_us <= 0)
		answer(c);
	else
		ssh_wait(c, a->begun_us + a->work_us, answer);
}

/* ---- requests ---- */

static bool starts_with_user(const struct ssh_auth *a, struct hin_ssh_string user)
{
	return a->user_size == user.size && memcmp(a->user, user.data, user.size) == 0;
}

static void send_banner(struct ssh_connection *c)
{
	const char *banner = c->profile->banner;
	struct hin_buffer *out;

	if (c->auth->banner_sent || banner == NULL || banner[0] == '\0')
		return;
	c->auth->banner_sent = true;
	out = ssh_begin(c, SSH_USERAUTH_BANNER);
	hin_ssh_put_text(out, banner);
	hin_ssh_put_text(out, "");
	ssh_finish(c);
}

static char *copy(struct hin_ssh_string s)
{
	return strndup((const char *)s.data, s.size);
}

/* Take the names of the first request, and see that later ones have the same. */
static bool check_names(struct ssh_connection *c, struct hin_ssh_string user,
			struct hin_ssh_string service)
{
	struct ssh_auth *a = c->auth;

	if (a->user == NULL) {
		a->user = copy(user);
		a->service = copy(service);
		a->user_size = a->user != NULL ? strlen(a->user) : 0;
		if (a->user == NULL || a->service == NULL) {
			ssh_broken(c, "no memory");
			return false;
		}
		return true;
	}
	if (starts_with_user(a, user) && hin_ssh_string_is(service, a->service))
		return true;
	if (c->dropbear)
		ssh_broken(c, "another user's name");
	else
		ssh_disconnect(c, SSH_DISCONNECT_PROTOCOL_ERROR,
			       "Change of username or service not allowed: (%s,%s) -> (%.*s,%.*s)",
			       a->user, a->service, (int)user.size, (const char *)user.data,
			       (int)service.size, (const char *)service.data);
	return false;
}

static bool is_offered(const struct ssh_connection *c, const char *method)
{
	return ssh_list_has(&c->profile->methods, method);
}

static void try_method(struct ssh_connection *c, struct hin_ssh_string method,
		       struct hin_reader *in, struct hin_ssh_string request)
{
	struct ssh_auth *a = c->auth;
	bool hostbound =
		hin_ssh_string_is(method, HOSTBOUND) && c->profile->version >= 809 && !c->dropbear;

	if (hin_ssh_string_is(method, "none")) {
		if (a->attempts == 1 || c->dropbear)
			a->penalty = false;
		if (!a->none_tried)
			try_none(c, in);
	} else if (hin_ssh_string_is(method, "password") && is_offered(c, "password")) {
		a->accepted = try_password(c, in);
	} else if ((hin_ssh_string_is(method, "publickey") || hostbound) &&
		   is_offered(c, "publickey")) {
		a->accepted = try_publickey(c, in, request, hostbound);
	} else if (hin_ssh_string_is(method, "keyboard-interactive") &&
		   is_offered(c, "keyboard-interactive")) {
		try_keyboard(c, in);
	} else if (c->dropbear) {
		check_password_takes(c, false);
	}
}

/* What dropbear asks of a request before it looks at the method. */
static bool check_dropbear(struct ssh_connection *c, struct hin_ssh_string user,
			   struct hin_ssh_string service)
{
	if (service.size != strlen("ssh-connection") &&
	    strncmp((const char *)service.data, "ssh-connection", service.size) != 0) {
		ssh_broken(c, "a service that is none");
		return false;
	}
	return user.size <= DROPBEAR_USER_MAX;
}

void ssh_on_userauth(struct ssh_connection *c, uint8_t type, struct hin_reader *in)
{
	struct hin_ssh_string request = { in->pos, in->left };
	struct hin_ssh_string user = ssh_get_cstring(in), service = ssh_get_cstring(in);
	struct hin_ssh_string method = ssh_get_cstring(in);
	const uint8_t *style = memchr(user.data, ':', user.size);
	struct ssh_auth *a = c->auth;

	(void)type;
	if (c->authenticated)
		return; /* RFC 4252, 5.1 */
	if (in->failed) {
		ssh_broken(c, "a request without its fields");
		return;
	}
	if (style != NULL && !c->dropbear)
		user.size = (size_t)(style - user.data);
	if (user.size > NAME_TOLD && a->user == NULL)
		ssh_note(c, "limit reached: a user's name");
	a->begun_us = hin_session_now_us(c->session);
	a->work_us = 0;
	a->accepted = a->postponed = false;
	a->penalty = true;
	send_banner(c);
	if (c->dropbear && !check_dropbear(c, user, service)) {
		if (!hin_session_is_over(c->session)) {
			check_password_takes(c, false);
			answer_later(c);
		}
		return;
	}
	if (a->attempts++ >= ATTEMPTS_MAX) {
		give_up(c);
		return;
	}
	if (!check_names(c, user, service))
		return;
	if (!c->dropbear) { /* answers of methods that a request ends; Debian's has GSSAPI */
		c->dispatch[SSH_USERAUTH_INFO_RESPONSE] = SSH_ON_NOTHING;
		c->dispatch[SSH_USERAUTH_GSSAPI_COMPLETE] = SSH_ON_NOTHING;
	}
	try_method(c, method, in, request);
	answer_later(c);
}
