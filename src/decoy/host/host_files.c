/* host_files - the files that only this host has, over its persona's image. */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

#include "decoy/host/organisation_priv.h"

#define QUOTA_BYTES (UINT64_C(16) << 20) /* of an intruder, and of the host's own files */
#define QUOTA_INODES 4096u
#define KEPT 256 /* hosts whose own files are kept for the next who comes */

static const struct hin_fs_quota quota = { QUOTA_BYTES, QUOTA_INODES };

/* Files on their way. */
struct setup {
	const struct hin_host *host;
	struct hin_fs *fs;
	int64_t now_s; /* how old they are */
	bool failed;
};

static const struct hin_fs_user root = { 0, 0 };

/* The folder of `path`, made where it is not there; 0 when it cannot be. */
static uint32_t make_folders(struct setup *s, const char *path, const struct hin_host_user *owner,
			     const char **name)
{
	const struct hin_fs_stat stat = { .type = HIN_FS_DIRECTORY,
					  .mode = 0755,
					  .uid = owner != NULL ? owner->uid : 0,
					  .gid = owner != NULL ? owner->gid : 0 };
	char part[HIN_FS_PATH_MAX];

	*name = strrchr(path, '/') + 1;
	for (const char *at = strchr(path + 1, '/'); at != NULL; at = strchr(at + 1, '/')) {
		uint32_t folder, ino;
		char last[HIN_FS_NAME_MAX + 1];

		if ((size_t)(at - path) >= sizeof(part))
			return 0;
		memcpy(part, path, (size_t)(at - path));
		part[at - path] = '\0';
		if (hin_fs_find(s->fs, &root, HIN_FS_ROOT, part, true, &ino) == 0)
			continue;
		if (hin_fs_find_parent(s->fs, &root, HIN_FS_ROOT, part, &folder, last, &ino) != 0 ||
		    hin_fs_make(s->fs, folder, last, &stat, NULL, s->now_s, &ino) != 0)
			return 0;
	}
	if (*name - path < 2)
		return HIN_FS_ROOT;
	uint32_t ino = 0;

	memcpy(part, path, (size_t)(*name - path));
	part[*name - path - 1] = '\0';
	return hin_fs_find(s->fs, &root, HIN_FS_ROOT, part, true, &ino) == 0 ? ino : 0;
}

/* The file at `path`, new and empty, or the one that is there. */
static uint32_t make_file(struct setup *s, const char *path, const struct hin_host_user *owner,
			  uint32_t mode)
{
	const struct hin_fs_stat stat = { .type = HIN_FS_FILE,
					  .mode = mode,
					  .uid = owner != NULL ? owner->uid : 0,
					  .gid = owner != NULL ? owner->gid : 0 };
	const char *name;
	uint32_t folder = make_folders(s, path, owner, &name), ino;

	if (folder == 0)
		return 0;
	ino = hin_fs_child(s->fs, folder, name);
	if (ino == 0 && hin_fs_make(s->fs, folder, name, &stat, NULL, s->now_s, &ino) != 0)
		return 0;
	return ino;
}

static void put(struct setup *s, const char *path, const struct hin_host_user *owner, uint32_t mode,
		const struct hin_buffer *text)
{
	uint32_t ino = s->failed || text->failed ? 0 : make_file(s, path, owner, mode);

	if (ino == 0 || hin_fs_truncate(s->fs, ino, 0, s->now_s) != 0 ||
	    (text->used > 0 && hin_fs_write(s->fs, ino, 0, text->data, text->used, s->now_s) != 0))
		s->failed = true;
}

/* A file whose bytes are made when it is read. */
static void put_tagged(struct setup *s, const char *path, const struct hin_host_user *owner,
		       uint32_t mode, uint32_t tag)
{
	uint32_t ino = s->failed ? 0 : make_file(s, path, owner, mode);
	struct hin_buffer text = { 0 };

	s->host->machine.generate(s->host->machine.user, tag, &text);
	if (ino == 0 || text.failed || hin_fs_truncate(s->fs, ino, text.used, s->now_s) != 0)
		s->failed = true;
	else
		hin_fs_set_tag(s->fs, ino, tag);
	hin_buffer_fini(&text);
}

/* ---- accounts ---- */

/* A salted hash as crypt(3) writes it, of no password at all: nobody cracks it. */
static void put_hash(struct hin_buffer *out, uint64_t *random, bool yescrypt)
{
	static const char letters[] =
		"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	size_t salt = yescrypt ? 22 : 8, hash = yescrypt ? 43 : 22;

	hin_buffer_puts(out, yescrypt ? "$y$j9T$" : "$1$");
	for (size_t i = 0; i < salt + hash; i++) {
		if (i == salt)
			hin_buffer_putc(out, '$');
		hin_buffer_putc(out, letters[host_random(random) % 64]);
	}
}

static bool can_log_in(const struct hin_host_user *user)
{
	const char *shell = strrchr(user->shell, '/');

	return shell != NULL && strcmp(shell, "/nologin") != 0 && strcmp(shell, "/false") != 0 &&
	       strcmp(shell, "/sync") != 0;
}

static void put_accounts(struct setup *s)
{
	const struct accounts *a = s->host->accounts;
	bool debian = s->host->machine.dialect == HIN_SHELL_DASH;
	struct hin_buffer passwd = { 0 }, shadow = { 0 }, group = { 0 };
	const struct hin_config_list *groups = &a->persona->settings.groups;
	uint64_t random = host_random_of(s->host, "shadow");
	long long day = s->now_s / 86400;

	for (size_t i = 0; i < a->count; i++) {
		const struct hin_host_user *u = &a->users[i];

		hin_buffer_printf(&passwd, "%s:x:%u:%u:%s:%s:%s\n", u->name, u->uid, u->gid,
				  a->gecos[i], u->home, u->shell);
		hin_buffer_printf(&shadow, "%s:", u->name);
		if (can_log_in(u))
			put_hash(&shadow, &random, debian);
		else
			hin_buffer_puts(&shadow, "*");
		hin_buffer_printf(&shadow, ":%lld:0:99999:7:::\n", day);
	}
	for (size_t i = 0; i < groups->count; i++)
		hin_buffer_printf(&group, "%s\n", groups->items[i]);
	for (size_t i = a->persona->user_count; i < a->count; i++)
		hin_buffer_printf(&group, "%s:x:%u:\n", a->users[i].name, a->users[i].gid);
	put(s, "/etc/passwd", NULL, 0644, &passwd);
	put(s, "/etc/group", NULL, 0644, &group);
	put(s, "/etc/shadow", debian ? &(struct hin_host_user){ .uid = 0, .gid = 42 } : NULL,
	    debian ? 0640 : 0600, &shadow);
	hin_buffer_fini(&passwd);
	hin_buffer_fini(&shadow);
	hin_buffer_fini(&group);
}

/* Homes, with what adduser copies there. */
static void put_homes(struct setup *s)
{
	static const char *const skeleton[] = { ".bash_logout", ".bashrc", ".profile" };
	const struct accounts *a = s->host->accounts;

	for (size_t i = a->persona->user_count; i < a->count && !s->failed; i++) {
		const struct hin_host_user *u = &a->users[i];
		char path[HIN_FS_NAME_MAX];

		for (size_t k = 0; k < HIN_COUNT(skeleton); k++) {
			struct hin_buffer text = { 0 };
			size_t size;
			uint32_t ino;

			snprintf(path, sizeof(path), "/etc/skel/%s", skeleton[k]);
			if (hin_fs_find(s->fs, &root, HIN_FS_ROOT, path, true, &ino) != 0)
				continue;
			const uint8_t *bytes = hin_fs_bytes(s->fs, ino, &size);

			hin_buffer_add(&text, bytes, size);
			snprintf(path, sizeof(path), "%s/%s", u->home, skeleton[k]);
			put(s, path, u, 0644, &text);
			hin_buffer_fini(&text);
		}
	}
}

/* ---- /etc ---- */

static void put_line(struct setup *s, const char *path, uint32_t mode, const char *fmt, ...)
	HIN_PRINTF(4, 5);

static void put_line(struct setup *s, const char *path, uint32_t mode, const char *fmt, ...)
{
	struct hin_buffer text = { 0 };
	va_list args;

	va_start(args, fmt);
	hin_buffer_vprintf(&text, fmt, args);
	va_end(args);
	put(s, path, NULL, mode, &text);
	hin_buffer_fini(&text);
}

static void put_network(struct setup *s)
{
	const struct hin_shell_machine *m = &s->host->machine;
	const struct hin_machine_interface *i = &m->interfaces[1];
	const char *nameserver = m->nameserver != NULL ? m->nameserver
				 : m->route_count > 0  ? m->routes[0].gateway
						       : "127.0.0.1";

	put_line(s, "/etc/hostname", 0644, "%s\n", m->hostname);
	put_line(s, "/etc/resolv.conf", 0644, "search %s\nnameserver %s\n", m->domain, nameserver);
	if (m->dialect == HIN_SHELL_ASH) {
		put_line(s, "/etc/hosts", 0644, "127.0.0.1 localhost\n%s %s\n",
			 i->address != NULL ? i->address : "::1", m->hostname);
		return;
	}
	put_line(s, "/etc/hosts", 0644,
		 "127.0.0.1\tlocalhost\n127.0.1.1\t%s.%s\t%s\n\n"
		 "# The following lines are desirable for IPv6 capable hosts\n"
		 "::1     localhost ip6-localhost ip6-loopback\n"
		 "ff02::1 ip6-allnodes\nff02::2 ip6-allrouters\n",
		 m->hostname, m->domain, m->hostname);
	if (i->address != NULL && m->route_count > 0)
		put_line(s, "/etc/network/interfaces", 0644,
			 "# This file describes the network interfaces available on your system\n"
			 "# and how to activate them. For more information, see interfaces(5).\n\n"
			 "source /etc/network/interfaces.d/*\n\n"
			 "# The loopback network interface\nauto lo\niface lo inet loopback\n\n"
			 "# The primary network interface\nallow-hotplug %s\n"
			 "iface %s inet static\n\taddress %s/%u\n\tgateway %s\n"
			 "\tdns-nameservers %s\n\tdns-search %s\n",
			 i->name, i->name, i->address, i->prefix, m->routes[0].gateway, nameserver,
			 m->domain);
}

/* A number of 128 bits in hexadecimal, with `dashes` as a UUID. */
static void put_id(const struct hin_host *host, const char *purpose, bool dashes,
		   struct hin_buffer *out)
{
	uint8_t id[16] = { 0 };

	if (hin_host_derive(host, purpose, id, sizeof(id)) != HIN_OK)
		out->failed = true;
	id[6] = (uint8_t)((id[6] & 0x0f) | 0x40);
	id[8] = (uint8_t)((id[8] & 0x3f) | 0x80);
	for (size_t i = 0; i < sizeof(id); i++)
		hin_buffer_printf(out, "%s%02x",
				  dashes && (i == 4 || i == 6 || i == 8 || i == 10) ? "-" : "",
				  id[i]);
}

static void put_debian(struct setup *s)
{
	const struct hin_shell_machine *m = &s->host->machine;
	struct hin_buffer id = { 0 };

	put_id(s->host, "machine-id", false, &id);
	put_line(s, "/etc/machine-id", 0444, "%s\n", hin_buffer_text(&id));
	hin_buffer_reset(&id);
	put_id(s->host, "root file system", true, &id);
	put_line(s, "/etc/fstab", 0644,
		 "# /etc/fstab: static file system information.\n#\n"
		 "# <file system> <mount point>   <type>  <options>       <dump>  <pass>\n"
		 "UUID=%s /               ext4    errors=remount-ro 0       1\n",
		 hin_buffer_text(&id));
	put_line(s, "/run/motd.dynamic", 0644, "%s %s %s %s %s\n", m->system, m->hostname,
		 m->release, m->version, m->hardware);
	hin_buffer_fini(&id);
}

/* The public host key that its SSH server shows (decoy/ssh/ssh_hostkey.h derives the same). */
static void put_host_key(struct setup *s)
{
	static const uint8_t head[] = { 0,   0,	  0,   11,  's', 's', 'h', '-', 'e', 'd',
					'2', '5', '5', '1', '9', 0,   0,   0,	32 };
	uint8_t secret[32], blob[sizeof(head) + 32];
	EVP_PKEY *key = NULL;
	struct hin_buffer text = { 0 };
	size_t size = 32;

	memcpy(blob, head, sizeof(head));
	if (hin_host_derive(s->host, "ssh ed25519", secret, sizeof(secret)) == HIN_OK)
		key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, secret, sizeof(secret));
	if (key != NULL && EVP_PKEY_get_raw_public_key(key, blob + sizeof(head), &size) == 1) {
		hin_buffer_puts(&text, "ssh-ed25519 ");
		host_base64(blob, sizeof(blob), &text);
		hin_buffer_printf(&text, " root@%s\n", s->host->name);
		put(s, "/etc/ssh/ssh_host_ed25519_key.pub", NULL, 0644, &text);
	}
	EVP_PKEY_free(key);
	explicit_bzero(secret, sizeof(secret));
	hin_buffer_fini(&text);
}

/* ---- documents and honeytokens ---- */

static uint32_t tag_of(const struct hin_organisation *o, const struct document *d)
{
	for (size_t i = 0; i < o->token_count; i++)
		if (o->tokens[i].document == d)
			return ORGANISATION_TAGS + (uint32_t)i;
	return 0;
}

static void put_documents(struct setup *s)
{
	const struct hin_organisation *o = s->host->organisation;

	for (size_t i = 0; i < o->document_count && !s->failed; i++) {
		const struct document *d = &o->documents[i];
		const struct person *person;
		const struct hin_host_user *owner;
		struct hin_buffer path = { 0 }, text = { 0 };
		uint64_t random;

		if (!host_is_at(s->host, d->where) || !host_path(s->host, d, &path)) {
			hin_buffer_fini(&path);
			continue;
		}
		owner = host_owner(s->host, d, &person);
		random = host_random_of(s->host, hin_buffer_text(&path));
		s->now_s += (int64_t)(host_random(&random) % 86400);
		if (tag_of(o, d) != 0)
			put_tagged(s, hin_buffer_text(&path), owner, owner != NULL ? 0640 : 0644,
				   tag_of(o, d));
		else if (host_text(s->host, d, d->text, person, &text, NULL) == HIN_OK)
			put(s, hin_buffer_text(&path), owner,
			    strstr(hin_buffer_text(&path), "_history") != NULL ? 0600 : 0644,
			    &text);
		hin_buffer_fini(&path);
		hin_buffer_fini(&text);
		s->now_s = host_installed_s(s->host);
	}
}

static void put_keys(struct setup *s)
{
	const struct hin_organisation *o = s->host->organisation;

	for (size_t i = 0; i < o->token_count && !s->failed; i++) {
		const struct token *t = &o->tokens[i];
		const struct hin_host_user *owner = NULL;

		if (t->public.kind != HIN_TOKEN_KEY || !host_is_at(s->host, t->where))
			continue;
		for (size_t u = 0; u < s->host->user_count; u++) {
			size_t size = strlen(s->host->users[u].home);

			if (strncmp(s->host->users[u].home, t->public.path, size) == 0 &&
			    t->public.path[size] == '/' && size > 1)
				owner = &s->host->users[u];
		}
		put_tagged(s, t->public.path, owner, 0600, ORGANISATION_TAGS + (uint32_t)i);
	}
}

/* Homes of Debian 12 are closed to others, as adduser makes them. */
static void close_homes(struct setup *s)
{
	const struct accounts *a = s->host->accounts;

	for (size_t i = a->persona->user_count; i < a->count && !s->failed; i++) {
		uint32_t ino;

		if (hin_fs_find(s->fs, &root, HIN_FS_ROOT, a->users[i].home, true, &ino) == 0 &&
		    hin_fs_set_mode(s->fs, ino, 0700) != 0)
			s->failed = true;
	}
}

/* What the host has before anybody comes; NULL without memory. */
static struct hin_fs *make_files(const struct hin_host *host)
{
	struct setup s = { .host = host,
			   .fs = hin_fs_new(host->image, &quota),
			   .now_s = host_installed_s(host) };

	if (s.fs == NULL)
		return NULL;
	put_accounts(&s);
	put_network(&s);
	if (host->machine.dialect == HIN_SHELL_DASH) {
		put_debian(&s);
		put_homes(&s);
	}
	if (hin_persona_ssh(host->persona) != NULL &&
	    hin_persona_ssh(host->persona)->like == HIN_SSH_LIKE_OPENSSH)
		put_host_key(&s);
	put_documents(&s);
	put_keys(&s);
	close_homes(&s);
	if (s.failed) {
		hin_fs_free(s.fs);
		return NULL;
	}
	return s.fs;
}

struct hin_fs *hin_host_files(const struct hin_host *host)
{
	struct host_files *files = host->organisation->files;
	struct hin_fs **kept = &files->of[host - host->organisation->hosts], *fs;

	/* many hosts at once are only looked at: theirs are made for each intruder */
	pthread_mutex_lock(&files->mutex);
	if (*kept == NULL && files->count < KEPT) {
		*kept = make_files(host);
		files->count += *kept != NULL;
	}
	fs = *kept != NULL ? hin_fs_over(*kept, &quota) : NULL;
	pthread_mutex_unlock(&files->mutex);
	return fs != NULL ? fs : make_files(host);
}

enum hin_code host_files_new(struct hin_organisation *o, struct hin_error *err)
{
	struct host_files *files = calloc(1, sizeof(*files) + o->host_count * sizeof(*files->of));

	if (files == NULL)
		return hin_fail(err, HIN_ENOMEM, "%s: no memory for hosts", o->file);
	if (pthread_mutex_init(&files->mutex, NULL) != 0) {
		free(files);
		return hin_fail(err, HIN_ENOMEM, "%s: no lock", o->file);
	}
	o->files = files;
	return HIN_OK;
}

void host_files_free(struct hin_organisation *o)
{
	if (o->files == NULL)
		return;
	for (size_t i = 0; i < o->host_count; i++)
		hin_fs_free(o->files->of[i]);
	pthread_mutex_destroy(&o->files->mutex);
	free(o->files);
}
