/* SPDX-License-Identifier: MIT */
/* place.c - what the engine of probes asks of a namespace: sockets, files, and its routes */
#include "place.h"

#include "../lua/handle.h"

#include <errno.h>
#include <fcntl.h>

static void go_home(struct engine *e)
{
	struct visit *visit = e->data;

	if (visit->at)
		ns_leave(&visit->home);
	visit->at = NULL;
}

static int place_file(struct engine *e, void *place, const char *path)
{
	(void)e;
	return ns_file(place, path, O_RDONLY);
}

static int place_socket(struct engine *e, void *place, int domain, int type, int protocol)
{
	struct visit *visit = e->data;
	const struct ns *ns = place;
	int fd;

	if (ns->user >= 0)
		return ns_socket(ns, domain, type, protocol);
	if (visit->at != ns) {
		go_home(e);
		fd = ns_enter(ns, &visit->home);
		if (fd < 0)
			return fd;
		visit->at = ns;
	}
	fd = socket(domain, type | SOCK_CLOEXEC, protocol);
	return fd < 0 ? -errno : handle_safefd(fd);
}

static struct nlsock *place_route(void *place)
{
	struct fault fault;

	return ns_route(place, &fault);
}

void place_callbacks(struct engine *e, struct visit *visit)
{
	*visit = (struct visit){ .at = NULL };
	e->socket = place_socket;
	e->file = place_file;
	e->route = place_route;
	e->home = go_home;
	e->data = visit;
}
