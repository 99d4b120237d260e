-- SPDX-License-Identifier: MIT
---@meta

-- Rules that choose the routing table: `ns.rule`. Words are those of ip-rule(8); include/uapi/linux/fib_rules.h.

---One rule, as it is listed; the same fields are a spec for `add`, `set`, `replace` and `delete`.
---@class netns.rule.Spec
---@field priority? integer lower ones come first; the kernel chooses one below the lowest unless given
---@field family? "inet"|"inet6" that of the addresses, else "inet"
---@field from? string source prefix
---@field to? string destination prefix
---@field tos? integer
---@field iif? string the link it came in by ("lo": sent by this namespace)
---@field oif? string the link that the sender's socket is bound to
---@field fwmark? integer
---@field fwmask? integer
---@field ipproto? "icmp"|"tcp"|"udp"|"gre"|"esp"|"ah"|"ipv6-icmp"|"sctp"|integer
---@field sport? integer|string a port, or "80-90"
---@field dport? integer|string likewise
---@field uidrange? integer|string the sender's user id, or "0-99"
---@field table? "main"|"local"|"default"|integer looked up: "main" unless given
---@field action? "lookup"|"goto"|"nop"|"blackhole"|"unreachable"|"prohibit" "lookup" unless given, or "goto" where that is
---@field goto? integer the priority to go on with
---@field suppress_prefixlength? integer 0 to 128: routes with prefixes as long or shorter do not count
---@field l3mdev? boolean the table of the VRF that the link belongs to
---@field proto? "unspec"|"redirect"|"kernel"|"boot"|"static"|"ra"|"mrt"|"zebra"|"bird"|"dhcp"|"keepalived"|"babel"|"bgp"|"isis"|"ospf"|"rip"|"eigrp"|integer who made it: "boot" unless given
---@field invert? boolean whatever does not fit

---What of it is always listed.
---@class netns.rule.Entry : netns.rule.Spec
---@field priority integer lower ones come first
---@field family "inet"|"inet6"
---@field action "lookup"|"goto"|"nop"|"blackhole"|"unreachable"|"prohibit"

---@alias netns.rule.Specs netns.rule.Spec|netns.Exact|(netns.rule.Spec|netns.Exact)[]

---`ns.rule`: the rules of one namespace. They have no key: several may have one priority, and the kernel changes none.
---@class netns.Rule
local rule = {}

---Add rules. Raises EEXIST for the very same one.
---@param spec netns.rule.Specs
function rule:add(spec) end

---Add those that are not there; the kernel's own are passed over.
---@param spec netns.rule.Specs
function rule:replace(spec) end

---Find a rule by `priority`, add the new one and remove the old one. Raises ENOENT.
---@param spec netns.rule.Specs
function rule:set(spec) end

---Remove rules, by priority or spec. Raises EADDRNOTAVAIL for a priority that is not there, ENOENT for a spec, EINVAL for a spec that
---names nothing beside the family.
---@param spec integer|netns.rule.Specs|(integer|netns.rule.Spec|netns.Exact)[]
function rule:delete(spec) end

---Rules of both families, or those that fit.
---@param filter? netns.rule.Spec|netns.Exact
---@return netns.rule.Entry[]
function rule:list(filter) end

---The first that fits; nil when none does.
---@param key integer|netns.rule.Spec|netns.Exact
---@return netns.rule.Entry?
function rule:get(key) end

---Remove all rules but the kernel's own (local, main, default), or those that fit.
---@param filter? netns.rule.Spec|netns.Exact
function rule:flush(filter) end

return rule
