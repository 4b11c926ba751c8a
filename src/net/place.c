/* place - IANA's special-purpose address registries, as far as they are not the public internet */
#include <netinet/in.h>

#include "net/place_priv.h"

static const struct hin_prefix_text {
	const char *text;
} special[] = {
	{ "0.0.0.0/8" },      { "10.0.0.0/8" },	    { "100.64.0.0/10" }, { "127.0.0.0/8" },
	{ "169.254.0.0/16" }, { "172.16.0.0/12" },  { "192.0.0.0/24" },	 { "192.0.2.0/24" },
	{ "192.88.99.0/24" }, { "192.168.0.0/16" }, { "198.18.0.0/15" }, { "198.51.100.0/24" },
	{ "203.0.113.0/24" }, { "224.0.0.0/4" },    { "240.0.0.0/4" },	 { "::/128" },
	{ "::1/128" },	      { "::/96" },	    { "64:ff9b::/96" },	 { "64:ff9b:1::/48" },
	{ "100::/64" },	      { "2001::/23" },	    { "2001:db8::/32" }, { "2002::/16" },
	{ "3fff::/20" },      { "5f00::/16" },	    { "fc00::/7" },	 { "fe80::/10" },
	{ "fec0::/10" },      { "ff00::/8" },
};

bool place_of(struct hin_addr *out, const struct sockaddr *from)
{
	if (from->sa_family == AF_INET) {
		struct sockaddr_in v4;

		memcpy(&v4, from, sizeof(v4));
		*out = (struct hin_addr){ .b = { [10] = 0xff, [11] = 0xff } };
		memcpy(out->b + 12, &v4.sin_addr, 4);
		return true;
	}
	if (from->sa_family == AF_INET6) {
		struct sockaddr_in6 v6;

		memcpy(&v6, from, sizeof(v6));
		memcpy(out->b, &v6.sin6_addr, 16);
		return true;
	}
	return false;
}

static bool holds(const char *prefix, const struct hin_addr *a)
{
	struct hin_prefix p;

	return hin_prefix_parse(&p, prefix, NULL) == HIN_OK && hin_prefix_holds(&p, a);
}

bool place_is_loopback(const struct hin_addr *a)
{
	return holds("127.0.0.0/8", a) || holds("::1/128", a);
}

bool place_is_public(const struct hin_addr *a)
{
	for (size_t i = 0; i < HIN_COUNT(special); i++)
		if (holds(special[i].text, a))
			return false;
	return true;
}
