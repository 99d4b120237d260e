/* SPDX-License-Identifier: MIT */
/*
 * rtnl.h - the seven verbs over any object of rtnetlink
 *
 * Theory. `ip` has the same verbs for links, addresses, routes and the rest, and so have we: one engine, and for each object its rows and
 * the few functions in which it differs. A list of specs is checked whole before the first message leaves, so misuse changes nothing; it
 * stops at the first refusal. Since the kernel carries out all messages of one send, cheap objects are sent together only by `add`, whose
 * later successes can be taken back exactly; all others go one by one.
 */
#ifndef NETNS_NETLINK_RTNL_H
#define NETNS_NETLINK_RTNL_H

#include "codec.h"
#include "socket.h"

#include <lua.h>
#include <stdbool.h>
#include <stdint.h>

enum rtnl_verb { RTNL_ADD, RTNL_REPLACE, RTNL_SET, RTNL_DELETE, RTNL_VERBS };

struct rtnl;

struct rtnl_object {
	const char *name;             /* "link" */
	const char *key;              /* the field that a plain string or number stands for */
	const struct codec_row *rows;
	size_t header;
	uint16_t get, new, del, set;  /* message types; set: 0 where `new` changes, too */
	uint16_t flags[RTNL_VERBS];   /* NLM_F_ of each verb */
	bool batch;                   /* many are sent at once */
	bool by_key;                  /* a delete needs nothing but the key: what else the spec names may be gone */
	const int *families;          /* one dump for each; ended by -1 */
	/* The peculiar; each may be NULL. `spec` is a stack index. */
	void (*begin)(struct rtnl *r, int spec, enum rtnl_verb verb); /* after the header, before the rows */
	void (*end)(struct rtnl *r, int spec, enum rtnl_verb verb);   /* after the rows */
	bool (*otherwise)(struct rtnl *r, int spec, enum rtnl_verb verb); /* do it in another way than by the message; false: not this one */
	void (*done)(struct rtnl *r, int spec, enum rtnl_verb verb);  /* after the kernel's ack */
	void (*refused)(struct rtnl *r);                              /* after its refusal: take back what it did before */
	bool (*passed_over)(struct rtnl *r, int spec);                /* `replace` need not make what the kernel makes by itself */
	int (*adapt)(struct rtnl *r, int spec);                       /* what `replace` reads in place of a listed entry */
	bool (*must_wait)(struct rtnl *r, int spec, int waiting);     /* does it stand on one of the keys in the set `waiting`? That is made again first */
	void (*ask)(struct rtnl *r, int filter);                      /* narrow a dump request; filter 0: none */
	bool (*direct)(struct rtnl *r, int filter);                   /* turn it into a request for one, if the filter's key allows */
	void (*received)(struct rtnl *r, const struct nlbuf *in);     /* before what came is decoded */
	bool (*wanted)(struct rtnl *r, const struct nlmsghdr *h, int filter);
	void (*listing)(struct rtnl *r, const struct nlmsghdr *h);    /* before a message is decoded */
	void (*listed)(struct rtnl *r, const struct nlmsghdr *h);     /* complete the table on top of the stack */
	bool (*nth)(struct rtnl *r, const struct nlmsghdr *h, size_t n); /* a message is several entries: complete the n-th (from 0); false: no more */
	bool (*whole)(struct rtnl *r, int spec);                      /* can a delete be sent as it stands, or must it be looked up? */
	bool (*stays)(struct rtnl *r, int spec);                      /* `flush` leaves it */
};

/* One call of a verb. Everything that it owns is on the Lua stack. */
struct rtnl {
	struct codec codec;
	lua_State *L;
	const struct rtnl_object *object;
	struct nlsock *sock;
	const char *netns;        /* label for errors */
	struct nlbuf *answer;     /* of small questions asked on the way */
	int names;                /* stack index: ifindex -> name, and handles kept alive */
	int family;               /* of the dump that runs */
	bool lenient;             /* a link's name that is not there yet is no error (first pass over links, or one to delete) */
	/* opens a namespace reference of a spec (`netns = ...`): a descriptor and a socket that live as long as r->names does */
	int (*netns_fd)(struct rtnl *r, int idx, const char *key);
	struct nlsock *(*netns_sock)(struct rtnl *r, int idx, const char *key);
	/* likewise, of NETLINK_GENERIC (idx 0: where the call is); NULL where there is none */
	struct nlsock *(*generic)(struct rtnl *r, int idx, const char *key);
	/* the namespace itself (idx 0: the one that the call is about), and a file opened by a thread in it: a descriptor, or -errno */
	const void *(*netns_of)(struct rtnl *r, int idx, const char *key);
	int (*open_in)(const void *netns, const char *path, int flags);
	const void *home;
};

/* Prepare *r with L's stack as owner; `op` must outlive it. */
void rtnl_init(struct rtnl *r, lua_State *L, const struct rtnl_object *object, struct nlsock *sock, const char *op, const char *netns);

/* Carry out the verb for the spec, key or array at `idx`. */
void rtnl_apply(struct rtnl *r, int idx, enum rtnl_verb verb);
/* Push an array of all that fits the filter at `filter` (0: all). */
void rtnl_list(struct rtnl *r, int filter);
/* Push the first that fits, or nil. */
void rtnl_get(struct rtnl *r, int filter);
/* Push what one message of the object says: an entry of its listing. */
void rtnl_push(struct rtnl *r, const struct nlmsghdr *h);
/* Raise what is wrong with a filter: a mistake in it would look like an empty listing. */
void rtnl_check_filter(struct rtnl *r, int filter);
/* Append what `in` holds, and what fits the filter (0: all), to the array at `out`. */
void rtnl_decode(struct rtnl *r, struct nlbuf *in, int filter, int out);
/* Delete all that fits. */
void rtnl_flush(struct rtnl *r, int filter);

/* For the objects' own functions: */
/* The spec of a key: a table as it is, else a new one { [object.key] = value }; returns a stack index. */
int rtnl_spec(struct rtnl *r, int idx);
/* Append the message of one spec to the codec's buffer; returns where it begins. */
size_t rtnl_encode(struct rtnl *r, int spec, enum rtnl_verb verb);
/* Send the finished message; an error raises with `subject`. With `answer`, r->answer holds the reply. */
void rtnl_send(struct rtnl *r, size_t start, const char *subject, bool answer);
int rtnl_refuse(struct rtnl *r, const struct nlerror *error, const struct nlmsghdr *message, const char *subject);
uint32_t rtnl_ifindex(struct rtnl *r, const char *name); /* 0: not there */
/* spec[key] as a string, or NULL; valid while the spec is. */
const char *rtnl_field(struct rtnl *r, int spec, const char *key);
bool rtnl_has(struct rtnl *r, int spec, const char *key);
/* Raises "is missing" unless the spec has the key. */
void rtnl_need(struct rtnl *r, int spec, const char *key);
/* The first message of r->answer, if it has all of its header; else NULL. */
const struct nlmsghdr *rtnl_answer(const struct rtnl *r, size_t header);

extern const struct rtnl_object rtnl_link, rtnl_addr, rtnl_route, rtnl_rule, rtnl_neigh, rtnl_ntable, rtnl_fdb, rtnl_qdisc,
	rtnl_class, rtnl_filter, rtnl_vlan;

/* ns.route:lookup(addr): push the route that the kernel would take */
void rtnl_route_lookup(struct rtnl *r, int idx);

/* Push the array in the order in which `replace` can make it: order.c */
void rtnl_sort(struct rtnl *r, int array);

#endif
