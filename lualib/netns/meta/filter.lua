-- SPDX-License-Identifier: MIT
---@meta

-- Filters of qdiscs: which packets go into which class, or what else is done with them: `ns.filter`. Words are those of tc(8), tc-u32(8),
-- tc-flower(8), tc-mirred(8), tc-police(8); units as in `ns.qdisc`. Raises ENOENT for a kind that this kernel lacks.

---What is done with a packet that a filter finds; several are done one after the other.
---@class netns.filter.Action
---@field kind string "gact", "mirred", "police"
---@field action? "pass"|"drop"|"pipe"|"reclassify"|"continue"|integer of gact, required; of police: with what is over the rate ("drop"); of mirred that mirrors: "pipe"
---@field mode? "redirect"|"mirror"|integer of mirred, required
---@field direction? "egress"|"ingress"|integer of mirred: sent by that link ("egress", unless given), or as if it came in there
---@field dev? string|integer of mirred, required: the link
---@field rate? number|string of police, required
---@field burst? number|string of police, required: bytes

---What basic and matchall add: they find every packet.
---@class netns.filter.MatchallData
---@field classid? string the class that a packet goes to, "1:10"
---@field actions? netns.filter.Action[]

---@alias netns.filter.BasicData netns.filter.MatchallData

---What fw adds: it finds packets with the mark that is its `handle`.
---@class netns.filter.FwData
---@field classid? string
---@field actions? netns.filter.Action[]
---@field mask? integer the bits of the mark that count

---What flower adds.
---@class netns.filter.FlowerData
---@field classid? string
---@field actions? netns.filter.Action[]
---@field src_ip? string an address or a prefix
---@field dst_ip? string
---@field ip_proto? "icmp"|"tcp"|"udp"|"ipv6-icmp"|"sctp"|integer
---@field src_port? integer of tcp, udp or sctp
---@field dst_port? integer

---What u32 adds. Ports are found behind headers without options only. None of it but `classid` and `actions` can be changed.
---@class netns.filter.U32Data
---@field classid? string
---@field actions? netns.filter.Action[]
---@field src_ip? string an address or a prefix
---@field dst_ip? string
---@field ip_proto? "icmp"|"tcp"|"udp"|"ipv6-icmp"|"sctp"|integer
---@field src_port? integer
---@field dst_port? integer
---@field match? netns.filter.Word[] what else is looked for

---A word of the packet, counted from its network header.
---@class netns.filter.Word
---@field at integer bytes
---@field value integer
---@field mask integer

---@alias netns.filter.Data netns.filter.MatchallData|netns.filter.FwData|netns.filter.FlowerData|netns.filter.U32Data

---One filter, as it is listed; the same fields are a spec for the other verbs.
---@class netns.filter.Spec
---@field dev? string|integer the link's name (or index)
---@field kind? string "u32", "flower", "matchall", "fw", "basic"
---@field parent? string "1:", "1:10"; "ingress", "egress"; the root's qdisc unless given
---@field prio? integer 1 to 65535: the order in which filters are asked; the kernel's choice unless given
---@field protocol? "all"|"ip"|"ipv6"|"arp"|"802.1Q"|"802.1ad"|integer that of what is looked for unless given
---@field handle? integer of fw: the mark; of others which of those of one prio: u32's own choice
---@field chain? integer
---@field data? netns.filter.Data|netns.Exact what the kind adds

---What of it is always listed.
---@class netns.filter.Entry : netns.filter.Spec
---@field dev string|integer the link
---@field kind string
---@field parent string "1:", "ingress" ...
---@field prio integer
---@field protocol "all"|"ip"|"ipv6"|"arp"|"802.1Q"|"802.1ad"|integer
---@field data? netns.filter.Data what the kind adds

---@alias netns.filter.Specs netns.filter.Spec|netns.Exact|(netns.filter.Spec|netns.Exact)[]

---`ns.filter`: the filters of one namespace. The kernel lists u32 filters of one prio on both sides of clsact as each side's.
---@class netns.Filter
local filter = {}

---Add filters. Raises EEXIST, ENOENT without the qdisc.
---@param spec netns.filter.Specs
function filter:add(spec) end

---Add them, or change those of the same handle; what is there just so is passed over. Of u32 one more is added.
---@param spec netns.filter.Specs
function filter:replace(spec) end

---Change filters, by `prio` and `handle`. Raises ENOENT.
---@param spec netns.filter.Specs
function filter:set(spec) end

---Remove filters by a spec with `dev`: the first that fits. Raises EADDRNOTAVAIL where none does.
---@param spec string|netns.filter.Specs|(string|netns.filter.Spec|netns.Exact)[]
function filter:delete(spec) end

---Filters of `filter.dev`, which is required: those of the root, of ingress and of egress; those of a class with its `parent`.
---@param filter? netns.filter.Spec|netns.Exact
---@return netns.filter.Entry[]
function filter:list(filter) end

---The first that fits; nil when none does.
---@param key string|netns.filter.Spec|netns.Exact
---@return netns.filter.Entry?
function filter:get(key) end

---Remove those of `filter.dev`.
---@param filter? netns.filter.Spec|netns.Exact
function filter:flush(filter) end

return filter
