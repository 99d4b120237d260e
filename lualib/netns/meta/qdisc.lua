-- SPDX-License-Identifier: MIT
---@meta

-- Queueing disciplines: `ns.qdisc`, and their classes: `ns.class`. Words are those of tc(8), tc-netem(8), tc-tbf(8), tc-htb(8) ...;
-- include/uapi/linux/pkt_sched.h. Rates are bits a second (or "10mbit", "1mbps" being bytes), sizes bytes (or "10kb", of 1024), times
-- seconds (or "10ms"), fractions 0 to 1 (or "1%"); a listing has the numbers. Handles are text as tc has it, hexadecimal: "1:", "1:10".

---@class netns.qdisc.Stats
---@field bytes integer
---@field packets integer
---@field drops integer
---@field overlimits integer
---@field qlen integer packets that wait
---@field backlog integer bytes that wait

---@class netns.qdisc.NetemData
---@field delay? number|string
---@field jitter? number|string of the delay
---@field loss? number|string
---@field duplicate? number|string
---@field corrupt? number|string
---@field reorder? number|string what overtakes the delayed
---@field gap? integer every which may overtake
---@field rate? number|string
---@field limit? integer packets

---@class netns.qdisc.TbfData
---@field rate? number|string required
---@field burst? number|string required: bytes that may go at once
---@field limit? number|string bytes that may wait; or say the latency
---@field latency? number|string the longest wait, instead of `limit`; not listed

---@class netns.qdisc.HtbData
---@field default? integer the class (the part behind the colon) of what is in none
---@field r2q? integer

---@class netns.qdisc.PfifoData
---@field limit? integer packets

---@class netns.qdisc.BfifoData
---@field limit? integer bytes

---@class netns.qdisc.FqcodelData
---@field limit? integer packets
---@field target? number|string the wait that is accepted
---@field interval? number|string
---@field flows? integer
---@field quantum? number|string bytes
---@field ecn? boolean mark instead of dropping

---@alias netns.qdisc.Data netns.qdisc.NetemData|netns.qdisc.TbfData|netns.qdisc.HtbData|netns.qdisc.PfifoData|netns.qdisc.BfifoData|netns.qdisc.FqcodelData

---One qdisc, as it is listed; the same fields are a spec for the other verbs.
---@class netns.qdisc.Spec
---@field dev? string|integer the link's name (or index)
---@field kind? string any that the kernel makes without data may be named
---@field parent? string "root" unless given; a class ("1:10"), "ingress" for ingress and clsact
---@field handle? string "1:"; the kernel chooses one unless given
---@field data? netns.qdisc.Data|netns.Exact what the kind adds
---@field refcnt? integer only listed
---@field stats? netns.qdisc.Stats only listed

---What of it is always listed.
---@class netns.qdisc.Entry : netns.qdisc.Spec
---@field dev string|integer the link
---@field kind string
---@field parent string "root", a class ("1:10"), "ingress"
---@field handle string "1:"
---@field data? netns.qdisc.Data what the kind adds

---@alias netns.qdisc.Specs netns.qdisc.Spec|netns.Exact|(netns.qdisc.Spec|netns.Exact)[]

---`ns.qdisc`: the queueing disciplines of one namespace. Raises ENOENT ("unknown") for a kind that this kernel lacks.
---@class netns.Qdisc
local qdisc = {}

---Add qdiscs; the place (dev, parent) must be free. Raises EEXIST.
---@param spec netns.qdisc.Specs
function qdisc:add(spec) end

---Add them, in place of what is there. What a link has by itself (handle "0:") is passed over, and so is what is there
---already, since some kinds (htb, ingress) cannot be changed. Those in a class want the class to be there: roots, classes, the rest.
---@param spec netns.qdisc.Specs
function qdisc:replace(spec) end

---Change a qdisc of the same kind. Raises ENOENT, EINVAL.
---@param spec netns.qdisc.Specs
function qdisc:set(spec) end

---Remove qdiscs, by link (its root) or spec. Raises ENOENT.
---@param spec string|netns.qdisc.Specs|(string|netns.qdisc.Spec|netns.Exact)[]
function qdisc:delete(spec) end

---All qdiscs, or those that fit.
---@param filter? netns.qdisc.Spec|netns.Exact
---@return netns.qdisc.Entry[]
function qdisc:list(filter) end

---The first that fits; nil when none does.
---@param key string|netns.qdisc.Spec|netns.Exact
---@return netns.qdisc.Entry?
function qdisc:get(key) end

---Remove all but those that links have by themselves, or those that fit.
---@param filter? netns.qdisc.Spec|netns.Exact
function qdisc:flush(filter) end

return qdisc
