-- SPDX-License-Identifier: MIT
-- netns.json - JSON text (RFC 8259) to Lua values and back
--
-- What is decoded encodes to the same meaning: integers stay integers, `null` is `json.null`, and
-- arrays carry a metatable, so that an empty one is not taken for an empty object. Keys are written
-- in order, so equal values give equal text.

local core = require "netns.core"

local max_depth = 200

local null = setmetatable({}, {
	__name = "netns.json.null";
	__tostring = function() return "null" end;
})
local array_mt = { __name = "netns.json.array" }

--- Mark a table as an array; only an empty one needs it.
local function array(t)
	if t ~= nil and type(t) ~= "table" then
		core.raise { op = "json array", attr = "t", code = "EINVAL", misuse = true,
			message = "table expected, got " .. type(t) }
	end
	return setmetatable(t or {}, array_mt)
end

local function fail(op, message)
	local attr = op == "json decode" and "text" or "value"
	core.raise { op = op, attr = attr, code = "EINVAL", message = message, misuse = true }
end

-- Decoding: each parser takes the text and a position, and returns a value and the next position.

local escapes = {
	["\""] = "\"", ["\\"] = "\\", ["/"] = "/",
	b = "\b", f = "\f", n = "\n", r = "\r", t = "\t",
}

local literals = { ["true"] = true, ["false"] = false, ["null"] = null }

local function fail_at(text, at, message)
	local before = text:sub(1, at - 1)
	local _, lines = before:gsub("\n", "")
	local column = #before:match("[^\n]*$") + 1
	fail("json decode", ("line %d column %d: %s"):format(lines + 1, column, message))
end

local function skip(text, at)
	return text:find("[^ \t\r\n]", at) or #text + 1
end

local function hex4(text, at)
	local digits = text:match("^%x%x%x%x", at)
	return digits and tonumber(digits, 16) or fail_at(text, at, "four hexadecimal digits expected")
end

--- The character of "\uXXXX", or of the two that make a surrogate pair; `at` is behind the "u".
local function unicode(text, at)
	local unit = hex4(text, at)
	if unit < 0xD800 or unit > 0xDFFF then
		return utf8.char(unit), at + 4
	end
	local low = text:find("^\\u", at + 4) and hex4(text, at + 6)
	if unit > 0xDBFF or not low or low < 0xDC00 or low > 0xDFFF then
		fail_at(text, at, "half of a surrogate pair")
	end
	return utf8.char(0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00)), at + 10
end

local function decode_string(text, at)
	local parts, from = {}, at + 1
	while true do
		local stop = text:find("[%c\"\\]", from)
		if not stop then
			fail_at(text, at, "the string does not end")
		end
		parts[#parts + 1] = text:sub(from, stop - 1)
		local char = text:sub(stop, stop)
		if char == "\"" then
			return table.concat(parts), stop + 1
		elseif char == "\\" then
			local escape = text:sub(stop + 1, stop + 1)
			if escape == "u" then
				parts[#parts + 1], from = unicode(text, stop + 2)
			else
				parts[#parts + 1] = escapes[escape] or fail_at(text, stop, "unknown escape")
				from = stop + 2
			end
		elseif char == "\127" then
			parts[#parts + 1], from = char, stop + 1
		else
			fail_at(text, stop, "a control character in a string")
		end
	end
end

local function decode_number(text, at)
	local stop = select(2, text:find("^-?%d+", at))
	if not stop or text:find("^-?0%d", at) then
		fail_at(text, at, "a value expected")
	end
	stop = select(2, text:find("^%.%d+", stop + 1)) or stop
	stop = select(2, text:find("^[eE][+-]?%d+", stop + 1)) or stop
	return tonumber(text:sub(at, stop)), stop + 1
end

local decode_value

local function decode_array(text, at, depth)
	local result, n = array(), 0
	at = skip(text, at + 1)
	if text:sub(at, at) == "]" then
		return result, at + 1
	end
	while true do
		n = n + 1
		result[n], at = decode_value(text, at, depth)
		at = skip(text, at)
		local char = text:sub(at, at)
		if char == "]" then
			return result, at + 1
		elseif char ~= "," then
			fail_at(text, at, "',' or ']' expected")
		end
		at = skip(text, at + 1)
	end
end

local function decode_object(text, at, depth)
	local result = {}
	at = skip(text, at + 1)
	if text:sub(at, at) == "}" then
		return result, at + 1
	end
	while true do
		if text:sub(at, at) ~= "\"" then
			fail_at(text, at, "a key in quotes expected")
		end
		local key
		key, at = decode_string(text, at)
		at = skip(text, at)
		if text:sub(at, at) ~= ":" then
			fail_at(text, at, "':' expected")
		end
		result[key], at = decode_value(text, skip(text, at + 1), depth)
		at = skip(text, at)
		local char = text:sub(at, at)
		if char == "}" then
			return result, at + 1
		elseif char ~= "," then
			fail_at(text, at, "',' or '}' expected")
		end
		at = skip(text, at + 1)
	end
end

local decoders = { ["["] = decode_array, ["{"] = decode_object, ["\""] = decode_string }

function decode_value(text, at, depth)
	if depth > max_depth then
		fail_at(text, at, "nested too deep")
	end
	local decoder = decoders[text:sub(at, at)]
	if decoder then
		return decoder(text, at, depth + 1)
	end
	local name = text:match("^%l+", at)
	if name and literals[name] ~= nil then
		return literals[name], at + #name
	end
	return decode_number(text, at)
end

--- The value of a JSON text.
local function decode(text)
	if type(text) ~= "string" then
		fail("json decode", "string expected, got " .. type(text))
	end
	local valid, bad = utf8.len(text)
	if not valid then
		fail_at(text, bad, "not UTF-8")
	end
	local value, at = decode_value(text, skip(text, 1), 1)
	at = skip(text, at)
	if at <= #text then
		fail_at(text, at, "more text after the value")
	end
	return value
end

-- Encoding: each encoder appends to `out`.

local function escape(char)
	local short = { ["\""] = "\\\"", ["\\"] = "\\\\", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t" }
	return short[char] or ("\\u%04x"):format(char:byte())
end

local function encode_string(value)
	if not utf8.len(value) then
		fail("json encode", "a string that is not UTF-8: " .. core.show(value))
	end
	return "\"" .. value:gsub("[%c\"\\]", escape) .. "\""
end

local function encode_number(value)
	if math.type(value) == "integer" then
		return ("%d"):format(value)
	end
	if value ~= value or value == math.huge or value == -math.huge then
		fail("json encode", "JSON has no number for " .. tostring(value))
	end
	local text = ("%.14g"):format(value)
	if tonumber(text) ~= value then
		text = ("%.17g"):format(value)
	end
	text = text:gsub(",", ".")
	return text:find("[.e]") and text or text .. ".0"
end

--- An array's length, or nil for an object; anything else is refused.
local function length(value)
	local n = rawlen(value)
	if n == 0 and getmetatable(value) ~= array_mt then
		return nil
	end
	for key in next, value do
		if math.type(key) ~= "integer" or key < 1 or key > n then
			fail("json encode", "a table that is neither an array nor an object")
		end
	end
	return n
end

local encode_value

local function join(parts, open, close, indent, depth)
	if #parts == 0 then
		return open .. close
	end
	if not indent then
		return open .. table.concat(parts, ",") .. close
	end
	local inner, outer = "\n" .. indent:rep(depth), "\n" .. indent:rep(depth - 1)
	return open .. inner .. table.concat(parts, "," .. inner) .. outer .. close
end

local function encode_table(value, indent, depth)
	local n, parts = length(value), {}
	if n then
		for i = 1, n do
			parts[i] = encode_value(rawget(value, i), indent, depth + 1)
		end
		return join(parts, "[", "]", indent, depth)
	end
	local keys = {}
	for key in next, value do
		if type(key) ~= "string" then
			fail("json encode", "an object's key must be a string, got " .. type(key))
		end
		keys[#keys + 1] = key
	end
	table.sort(keys)
	for i, key in ipairs(keys) do
		parts[i] = encode_string(key) .. (indent and ": " or ":")
			.. encode_value(rawget(value, key), indent, depth + 1)
	end
	return join(parts, "{", "}", indent, depth)
end

function encode_value(value, indent, depth)
	local kind = type(value)
	if value == null then
		return "null"
	elseif kind == "string" then
		return encode_string(value)
	elseif kind == "number" then
		return encode_number(value)
	elseif kind == "boolean" then
		return tostring(value)
	elseif kind ~= "table" then
		fail("json encode", "a value of type " .. kind)
	elseif depth > max_depth then
		fail("json encode", "nested too deep, or a cycle")
	end
	return encode_table(value, indent, depth)
end

--- The JSON text of a value; `indent`, such as "  ", puts each element on a line of its own.
local function encode(value, indent)
	if indent ~= nil and type(indent) ~= "string" then
		core.raise { op = "json encode", attr = "indent", code = "EINVAL", misuse = true,
			message = "string expected, got " .. type(indent) }
	end
	return encode_value(value, indent, 1)
end

return { decode = decode, encode = encode, array = array, null = null }
