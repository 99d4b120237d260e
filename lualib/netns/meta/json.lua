-- SPDX-License-Identifier: MIT
---@meta netns.json

-- JSON text (RFC 8259) to Lua values and back: `require "netns.json"`.

local json = {}

---Stands for JSON's null, which is not nil: an array keeps its length.
json.null = {}

---The value of a JSON text. Arrays carry a metatable, so that an empty one encodes as one; integers stay integers. Raises EINVAL with
---the line and column.
---@param text string
---@return any
function json.decode(text) end

---The JSON text of a value; keys in order. Raises EINVAL for what JSON cannot say: NaN, functions, cycles, bytes that are not UTF-8.
---@param value any
---@param indent? string such as "  ": each element on a line of its own
---@return string
function json.encode(value, indent) end

---Mark a table as an array; only an empty one needs it.
---@param t? table
---@return table
function json.array(t) end

return json
