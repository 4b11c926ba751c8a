/* place_priv - what kind of place an address is: of the public internet, loopback, or neither. */
#pragma once
#include <sys/socket.h>

#include "base/addr.h"

/* The address of a socket address; false when it is of another family. */
bool place_of(struct hin_addr *out, const struct sockaddr *from);

bool place_is_loopback(const struct hin_addr *a);

/* May a stranger name it as where we shall connect to? */
bool place_is_public(const struct hin_addr *a);
