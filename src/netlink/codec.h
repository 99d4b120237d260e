/* SPDX-License-Identifier: MIT */
/*
 * codec.h - one row describes one field of the kernel's interface, and serves to encode, decode, check and document it
 *
 * Theory. A user's spec is a flat Lua table; the kernel's message is a fixed header and a tree of attributes. A row ties one key to one
 * place: a member of the header (attr 0, `off` and `width`), or an attribute, perhaps inside nests that the user does not see (INLINE) or
 * that is a table of its own (NEST). Since the same row reads and writes, what is listed can be added again.
 */
#ifndef NETNS_NETLINK_CODEC_H
#define NETNS_NETLINK_CODEC_H

#include "attrs.h"
#include "socket.h"

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum codec_type {
	CODEC_END,    /* of the rows */
	CODEC_U8,
	CODEC_U16,
	CODEC_U32,
	CODEC_S32,
	CODEC_U64,
	CODEC_BE16,   /* network byte order */
	CODEC_BE32,
	CODEC_BOOL,   /* u8: true or false */
	CODEC_FLAG,   /* an attribute without content: true when there */
	CODEC_WORD,   /* the value that is names[0], else for another row of the same key: a flag, or the bits `mask` */
	CODEC_BIT,    /* the bit `mask` of a member; INVERT for IFF_NOARP and the like */
	CODEC_BITS,   /* all named bits of a number, as an array of names */
	CODEC_STRING,
	CODEC_IFNAME,
	CODEC_LLADDR, /* "02:00:00:00:00:01", any length */
	CODEC_BRIDGE, /* "8000.02:00:00:00:00:01", a bridge's priority and address; read only */
	CODEC_ADDR,   /* "10.0.0.1", "fd00::1": the family is the message's, or sets it; IPv6 in `attr6` where it has one of its own */
	CODEC_PREFIX, /* "10.0.0.0/8": an address attribute and the length in the header (`off`) */
	CODEC_LINK,   /* a link's name (or index), an ifindex for the kernel */
	CODEC_NETNS,  /* a namespace, a descriptor for the kernel; only written */
	CODEC_NEST,   /* a table of its own (`sub`), behind `header` bytes of a nested message header */
	CODEC_INLINE, /* a nest whose fields stand among ours */
	CODEC_UNION,  /* a nest whose rows (`choices`) depend on the value of the key `by` */
	CODEC_LIST,   /* an array: a nest of attributes that are all of the one row in `sub`; numbered from 1 where that has no `attr` */
	CODEC_MEMBER, /* members of a struct of `size` bytes inside an attribute: `sub` with attr 0, as a table */
	CODEC_TIME,   /* seconds, "10s", or "forever"; only as the look of a CUSTOM one */
	CODEC_RATE,     /* bits a second, "10mbit"; this and those below likewise (units.h) */
	CODEC_SIZE,     /* bytes, "10kb" */
	CODEC_FRACTION, /* 0 to 1, "1%" */
	CODEC_HANDLE,   /* "1:", "1:10", "root" */
	CODEC_RANGE,    /* 80, "80-90" */
	CODEC_KEY,      /* 32 bytes, in base 64; this and the next two: keys.h */
	CODEC_ENDPOINT, /* "10.0.0.1:51820" */
	CODEC_SUBNET,   /* "10.0.0.0/8": a nest of its own, not a member of the header */
	CODEC_CUSTOM, /* known to the documentation and to the check of keys; the object's own functions do the rest; it looks like `as` */
};

enum codec_flag {
	CODEC_RO = 1,      /* only listed: accepted and ignored when written */
	CODEC_CREATE = 2,  /* only at creation: ignored by `set`, and by `replace` of what is there */
	CODEC_WO = 4,      /* never listed */
	CODEC_INVERT = 8,  /* BIT: false sets it */
	CODEC_HOST = 16,   /* PREFIX: a host's prefix length is not shown, and "default" is the empty prefix (routes) */
	CODEC_QUIET = 32,  /* the `usual` value is not listed */
	CODEC_LATER = 64,  /* the kernel does not take it in a creation: skipped there, the object sends it afterwards */
	CODEC_ALWAYS = 128, /* goes with other fields of its nest also where it is so already (`present`) */
	CODEC_LOWER = 256, /* LINK: in the namespace that `link_netnsid` names, where there is one */
	CODEC_GROUP = 512, /* ADDR: multicast addresses only */
	CODEC_ONE = 1024,  /* ADDR: no multicast addresses */
	CODEC_APART = 2048, /* the kernel takes it in a message of its own only, which the object sends: always skipped */
	CODEC_STATE = 4096, /* it changes by itself: skipped by `replace` */
	CODEC_AFTER = 8192, /* LINK: it may be all there only when the rest of an array is: `replace` comes back for it */
	CODEC_FIXED = 16384, /* the kernel lets a change pass without making it: refused here */
	CODEC_OFF = 32768, /* BIT: false, where the attribute that has it is not there */
	CODEC_NETWORK = 65536, /* PREFIX: of IPv4, without bits behind it (the kernel refuses those, and does not say which field) */
	CODEC_NEEDED = 131072, /* a table without it is misuse */
};

struct codec_name {
	const char *name;
	uint32_t value;
};

/*
 * Another attribute of the same nest that goes with a row: it is written, too, and what is listed counts only where it says the same.
 * Either a string, or bits of a number, which several rows may share.
 */
struct codec_with {
	uint16_t attr;
	const char *text;
	size_t size;                      /* of the number */
	uint32_t bits;
	bool written_only;                /* the kernel does not list it */
};

struct codec_choice;

struct codec_row {
	const char *key;                  /* NULL for INLINE */
	uint16_t attr;                    /* 0: a member of the header */
	enum codec_type type, as;
	unsigned int flags;
	size_t off, width;                /* of the member, in the header or in the attribute */
	size_t size;                      /* of an attribute of which the row is only a member, shared with other rows; 0: all of it */
	uint32_t mask;                    /* BIT, WORD; a number: the bits of the member that it takes */
	size_t change;                    /* BIT: offset of the member that says which bits are meant, 0 for none */
	uint16_t attr6;                   /* ADDR */
	const struct codec_with *with;
	lua_Integer preset;               /* integers: written when a creation does not say; 0: nothing */
	lua_Integer usual;                /* QUIET */
	lua_Integer min, max;             /* integers: 0, 0 for all that the wire can hold; STRING, IFNAME: length */
	const struct codec_name *names;   /* numbers that have names; NULL-terminated */
	const struct codec_row *sub;
	size_t header;
	const struct codec_choice *choices;
	const char *by;
};

/*
 * The fields of one kind: those in the table under the union's key, and those that stand in the outer table. Either may be NULL. `whole`:
 * the kernel takes for not wanted what is not said, so what is there is said again.
 */
struct codec_choice {
	const char *name;
	const struct codec_row *rows, *outer;
	bool whole;
};

/* A named value that another row of the same key writes (WORD): this one passes over it. */
#define CODEC_ELSEWHERE UINT32_MAX

#define CODEC_HDR(type, member) .off = offsetof(struct type, member), .width = sizeof(((struct type *)0)->member)
/* A member of an attribute's struct. */
#define CODEC_PART(type, member) CODEC_HDR(type, member), .size = sizeof(struct type)

/* One encoding or decoding. The functions are the caller's knowledge of links and namespaces; they may raise. */
struct codec {
	lua_State *L;
	const char *op;
	lua_Integer index;        /* which of an array of specs; 0 for one alone */
	struct nlbuf *out;        /* the message being written, owned by a userdata */
	size_t start;             /* where it begins in out->data */
	int family;               /* of the addresses; AF_UNSPEC until one is met */
	bool create;              /* rows marked CREATE are written */
	bool replace;             /* rows marked STATE are not */
	bool may_postpone;        /* rows marked AFTER are checked only */
	bool postponed;           /* one was */
	bool may_miss;            /* the link that is asked for need not be there */
	struct codec_span present; /* what is there already, at the level that is being written: what is so already is not written; else empty */
	bool differs;             /* something at that level was written that is not so already */
	size_t level;             /* where the attributes of that level begin in out->data */
	int fields;               /* how many the entry has that was decoded last */
	bool elsewhere;           /* what is decoded has its lower link in another namespace (LOWER) */
	uint32_t (*ifindex)(struct codec *c, const char *name, const char *key);
	void (*push_ifname)(struct codec *c, uint32_t index);
	int (*netns_fd)(struct codec *c, int idx, const char *key);
	void *data;               /* the caller's */
	const char *inside;       /* the field whose table is being written: errors say "data.priority" */
	char path[64];
};

/* Begin a message: netlink header, then `header` zero bytes. */
void codec_begin(struct codec *c, uint16_t type, uint16_t flags, size_t header);
/* Write the fields of the table at `spec` by `rows`. Unknown keys raise. */
void codec_encode(struct codec *c, int spec, const struct codec_row *rows);
/* Write those fields of the table that `rows` know, whatever else it holds. */
void codec_fields(struct codec *c, int spec, const struct codec_row *rows);
/* Check the value at `idx`, of the table at `spec`, as if it were written. The message that is begun is left with scribbles in its header. */
void codec_check(struct codec *c, int spec, int idx, const struct codec_row *row);
/* Fill in the message's length; the next may follow. */
void codec_finish(struct codec *c);

/* For what is peculiar to an object, between begin and finish: */
void *codec_header(struct codec *c);
void *codec_put(struct codec *c, uint16_t attr, const void *data, size_t size); /* data NULL: zeros; the payload */
size_t codec_nest(struct codec *c, uint16_t attr);
void codec_nest_end(struct codec *c, size_t nest);
/* Parse an address or prefix (`prefix` may be NULL: then no "/") into `to` (16 bytes); returns its size, and sets or checks c->family. */
size_t codec_address(struct codec *c, int idx, const char *key, uint8_t *to, int *prefix);
/* The bits that a number, a name or an array of names means. */
uint32_t codec_bits(struct codec *c, int idx, const struct codec_row *row);
/* The index that a link's name or number at `idx` means. */
uint32_t codec_ifindex(struct codec *c, int idx, const char *key);

/* The attribute `type` as far as it is written at this level. */
struct codec_span codec_written(struct codec *c, uint16_t type);

/* Add the fields of one message (fixed header of `header` bytes) to the table on top of the stack. */
void codec_decode(struct codec *c, const struct nlmsghdr *message, size_t header, const struct codec_row *rows);
/* The attributes alone. */
void codec_decode_attrs(struct codec *c, const void *attrs, size_t size, const void *header, const struct codec_row *rows);
void codec_push_address(struct codec *c, const void *data, size_t size);
void codec_push_prefix(struct codec *c, const void *data, size_t size, uint8_t length);
void codec_push_lladdr(struct codec *c, const void *address, size_t size);

/* The row of a key, also inside INLINE nests; NULL if there is none. */
const struct codec_row *codec_find(const struct codec_row *rows, const char *key);
/* The rows that the value of the union's key, in the table at `spec`, selects; NULL for a value that has none. */
const struct codec_choice *codec_choose(struct codec *c, int spec, const struct codec_row *row);
/* Does the value `listed` fit the value `wanted` of a filter ("10.0.0.0/8" written otherwise, a link's name or index)? No tables of rows. */
bool codec_fits(struct codec *c, const struct codec_row *row, int wanted, int listed);
/* How a row's value looks: its type, or that as which a CUSTOM one looks. */
enum codec_type codec_look(const struct codec_row *row);
/* The key, as errors say it ("data.mode"), of what stands at `offset` of the message, where the kernel points; NULL if unknown. */
struct codec_path {
	char text[96];
	size_t length;
};
const char *codec_key_at(const struct nlmsghdr *message, size_t header, const struct codec_row *rows, uint32_t offset,
			 struct codec_path *path);
/* The number that a checked value means, by the row's names; -1 for none. */
lua_Integer codec_number(lua_State *L, const struct codec_row *row, int idx);
/* Push the rows as a Lua table: what documentation and property tests are made from. */
void codec_push_schema(lua_State *L, const struct codec_row *rows);

#endif
