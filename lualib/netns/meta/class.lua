-- SPDX-License-Identifier: MIT
---@meta

-- Classes of a qdisc: `ns.class`. Words are those of tc(8), tc-htb(8); units as in `ns.qdisc`.

---@class netns.class.HtbData
---@field rate? number|string required
---@field ceil? number|string what it may borrow up to; the rate unless given
---@field burst? number|string bytes
---@field cburst? number|string bytes
---@field prio? integer
---@field quantum? number|string bytes

---One class, as it is listed; the same fields are a spec for the other verbs.
---@class netns.class.Spec
---@field dev? string|integer the link's name (or index)
---@field kind? string "htb"
---@field parent? string "1:", "1:1"; the qdisc itself unless given
---@field classid? string "1:10"
---@field data? netns.class.HtbData|netns.Exact what the kind adds
---@field stats? netns.qdisc.Stats only listed

---What of it is always listed.
---@class netns.class.Entry : netns.class.Spec
---@field dev string|integer the link
---@field kind string
---@field classid string "1:10"
---@field data? netns.class.HtbData what the kind adds

---@alias netns.class.Specs netns.class.Spec|netns.Exact|(netns.class.Spec|netns.Exact)[]

---`ns.class`: the classes of one namespace; the kernel lists those of one link.
---@class netns.Class
local class = {}

---Add classes. Raises EEXIST, ENOENT without the qdisc.
---@param spec netns.class.Specs
function class:add(spec) end

---Add them, or change those that are there. Those that a qdisc has by itself (tbf's) are passed over.
---@param spec netns.class.Specs
function class:replace(spec) end

---Change classes. Raises ENOENT.
---@param spec netns.class.Specs
function class:set(spec) end

---Remove classes by a spec with `dev`. Raises ENOENT.
---@param spec string|netns.class.Specs|(string|netns.class.Spec|netns.Exact)[]
function class:delete(spec) end

---Classes of `filter.dev`, which is required.
---@param filter? netns.class.Spec|netns.Exact
---@return netns.class.Entry[]
function class:list(filter) end

---The first that fits; nil when none does.
---@param key string|netns.class.Spec|netns.Exact
---@return netns.class.Entry?
function class:get(key) end

---Remove those of `filter.dev`.
---@param filter? netns.class.Spec|netns.Exact
function class:flush(filter) end

return class
