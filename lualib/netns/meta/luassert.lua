-- SPDX-License-Identifier: MIT
---@meta netns.luassert

-- Assertions for busted: `require "netns.luassert"` adds `assert.reaches` and `assert.isolated` to luassert (and their `is_not` forms).
-- Between nodes of a lab they are rows of its truth table; between bare namespaces, probes of every address of the target.

-- What luassert's own annotations (LuaCATS/luassert) call `assert` is told of them.

---@class luassert.internal
---@field reaches fun(from: netns.ns, to: netns.ns, what: string) every probe is `open`
---@field isolated fun(from: netns.ns, to: netns.ns, what: string) every probe has a verdict that is isolation

local luassert = {}

---`assert.reaches(from, to, "tcp/5432")`: every probe is `open`.
---@param state table luassert's
---@param arguments any[] from, to, what
---@return boolean
function luassert.reaches(state, arguments) end

---`assert.isolated(from, to, "tcp/22")`: every probe has a verdict that is isolation; `inconclusive` is none.
---@param state table luassert's
---@param arguments any[] from, to, what
---@return boolean
function luassert.isolated(state, arguments) end

return luassert
