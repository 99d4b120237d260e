-- SPDX-License-Identifier: MIT
---@meta

-- Links: `ns.link`. Words are those of ip-link(8); rtnetlink(7), include/uapi/linux/if_link.h.

---One network interface, as it is listed; the same fields are a spec for `add`, `set` and `replace`.
---@class netns.link.Spec
---@field name? string 1 to 15 of `[A-Za-z0-9_.@-]`; required but in filters
---@field rename? string new name; `set` only
---@field index? integer ifindex; honoured by `add`, ignored by `set` and `replace`
---@field kind? string "veth", "bridge" ...; any that the kernel makes without `data` may be named
---@field data? netns.link.Data|netns.Exact what the kind adds (link_kinds.lua)
---@field peer? netns.link.Peer the other end of a veth or netkit pair; only when it is made
---@field up? boolean administrative state; always listed
---@field promisc? boolean promiscuous mode
---@field allmulticast? boolean receive all multicast frames
---@field arp? boolean resolve neighbours (false: IFF_NOARP)
---@field mtu? integer bytes
---@field mac? string link-layer address, "02:00:00:00:00:01"
---@field master? string|integer the bridge, bond or vrf that it belongs to; 0 takes it out. A bond takes no link that is up, and brings it up itself
---@field link? string|integer the lower link, or a veth's peer: a name where it is in this namespace, else its index there (with `link_netnsid`)
---@field link_netnsid? integer the id of the namespace that `link` is in; honoured by `add`, but for a veth
---@field netns? netns.Ref the namespace to make it in, or to move it to; never listed. Its `link` stays in this one
---@field group? integer device group
---@field alias? string up to 255 bytes
---@field altnames? string[] other names, of up to 127 characters; what is set are all of them
---@field bridge_slave? netns.link.BridgeSlave|netns.Exact what a bridge adds to its ports
---@field bond_slave? netns.link.BondSlave|netns.Exact what a bond adds to its ports
---@field vrf_slave? netns.link.VrfSlave only listed
---@field txqlen? integer packets
---@field numtxqueues? integer 1 to 4096, only when it is made; a veth has 1 unless told otherwise
---@field numrxqueues? integer likewise
---@field state? "unknown"|"notpresent"|"down"|"lowerlayerdown"|"testing"|"dormant"|"up" only listed: operational state (RFC 2863)
---@field carrier? boolean only listed
---@field stats? netns.link.Stats only listed
---@field addrgenmode? "eui64"|"none"|"stable_secret"|"random" how IPv6 makes the link-local address

---The other end of a pair (include/uapi/linux/veth.h).
---@class netns.link.Peer
---@field name string
---@field netns? netns.Ref where it is made; else beside the first end
---@field mac? string
---@field mtu? integer bytes
---@field index? integer honoured when the first end's `index` is given, too
---@field group? integer
---@field txqlen? integer packets
---@field numtxqueues? integer 1 unless told otherwise
---@field numrxqueues? integer 1 unless told otherwise
---@field up? boolean
---@field [string] netns.NoSuchField

---Counters since the link was made.
---@class netns.link.Stats
---@field rx_packets integer
---@field tx_packets integer
---@field rx_bytes integer
---@field tx_bytes integer
---@field rx_errors integer
---@field tx_errors integer
---@field rx_dropped integer
---@field tx_dropped integer
---@field multicast integer
---@field collisions integer
---@field rx_nohandler integer

---What of it is always listed.
---@class netns.link.Entry : netns.link.Spec
---@field name string
---@field index integer ifindex
---@field mtu integer bytes
---@field up boolean administrative state
---@field state "unknown"|"notpresent"|"down"|"lowerlayerdown"|"testing"|"dormant"|"up" operational state (RFC 2863)
---@field carrier boolean
---@field promisc boolean promiscuous mode
---@field arp boolean resolve neighbours
---@field group integer device group
---@field txqlen integer packets
---@field stats netns.link.Stats
---@field data? netns.link.Data what the kind adds
---@field bridge_slave? netns.link.BridgeSlave what a bridge adds to its ports
---@field bond_slave? netns.link.BondSlave what a bond adds to its ports

---@alias netns.link.Specs netns.link.Spec|netns.Exact|(netns.link.Spec|netns.Exact)[]

---`ns.link`: the links of one namespace.
---@class netns.Link
local link = {}

---Make links. A veth pair is made by one entry, with its `peer`. Raises EEXIST, EOPNOTSUPP (the kernel lacks the kind), EPERM ...;
---an array stops at the first refusal, which `err.index` names.
---@param spec netns.link.Specs
function link:add(spec) end

---Make what is not there, change what is: only what differs is sent, since some kinds refuse even what they are already. Raises EEXIST
---where a link of another kind has the name. What `list` gave can be replaced elsewhere: `lo` is passed over, a pair that is whole in the
---list is made once, masters and lower links are made first.
---@param spec netns.link.Specs
function link:replace(spec) end

---Change a link that is found by `name`. Raises ENODEV when it is not there. The kernel makes several changes one after the other; when it
---refuses one, those before it are taken back (but not what they brought about: the routes of a link that went down, its move elsewhere).
---@param spec netns.link.Specs
function link:set(spec) end

---Remove links, by name or spec. Raises ENODEV for one that is not there.
---@param spec string|netns.link.Specs|(string|netns.link.Spec|netns.Exact)[]
function link:delete(spec) end

---All links, or those that have all that the filter has (`data` likewise); `kind`, `master` and `name` are narrowed down by the kernel.
---What is not listed or never twice the same is refused: `stats`, `peer`, `netns`, `rename`.
---@param filter? netns.link.Spec|netns.Exact
---@return netns.link.Entry[]
function link:list(filter) end

---One link by name or filter; nil when there is none.
---@param key string|netns.link.Spec|netns.Exact
---@return netns.link.Entry?
function link:get(key) end

---Wait until the link of that name is there and has all that the filter has: `ns.link:wait("eth0", { state = "up" }, 5)`. The kernel tells
---when it may be so; it is asked then.
---@param name string
---@param filter? netns.link.Spec|netns.Exact as for `list`
---@param timeout? number|string seconds; without it, for ever
---@return netns.link.Entry? link as listed; nil when the time ran out
---@return "timeout"? why
function link:wait(name, filter, timeout) end

---Remove all links but `lo`, or those that fit the filter.
---@param filter? netns.link.Spec|netns.Exact
function link:flush(filter) end

return link
