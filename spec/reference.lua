-- SPDX-License-Identifier: MIT
-- reference.lua - reads lualib/netns/meta: the part of LuaCATS in which it is written
local lfs = require "lfs"

local directory = "lualib/netns/meta/"

-- What is declared: classes[name] = { fields = { key -> { type, text, optional } }, methods =
-- { name -> { params, takes = types } }, parent = name, indexed = { key's type -> type } },
-- aliases[name] = text, modules[name] = class, types = all that are used, with their places,
-- files = paths.
local reference = { classes = {}, aliases = {}, modules = {}, types = {}, files = {} }

local function class_of(name)
	reference.classes[name] = reference.classes[name] or { fields = {}, methods = {},
		indexed = {} }
	return reference.classes[name]
end

-- A type ends at a blank that stands in no quotes, brackets or `fun(...): x`.
local function split_type(text)
	local depth, quoted, at = 0, false, 1
	while at <= #text do
		local c = text:sub(at, at)
		if c == '"' then
			quoted = not quoted
		elseif not quoted and c:find "[%(%[{<]" then
			depth = depth + 1
		elseif not quoted and c:find "[%)%]}>]" then
			depth = depth - 1
		elseif not quoted and depth == 0 and c == " " and not text:sub(1, at - 1):find ":$" then
			break
		end
		at = at + 1
	end
	return text:sub(1, at - 1), text:sub(at + 1)
end

local function note_type(text, at)
	table.insert(reference.types, { text = text, at = at })
end

-- One file's state: `class` of the block that is being read, `params` before a function, `owner` of
-- each local variable.
local tags = {}

function tags.meta(state, rest)
	state.module = rest ~= "" and rest or nil
end

function tags.class(state, rest)
	local name, parent = rest:match("^([%w_.]+) ?:? ?([%w_.]*)$")
	state.class = class_of(name or error("no class name: " .. rest))
	if parent ~= "" then
		state.class.parent = parent
		note_type(parent, rest)
	end
end

function tags.field(state, rest, at)
	if rest:sub(1, 1) == "[" then
		local key, after = rest:match("^%[([^%]]+)%] (.*)$")
		state.class.indexed[key] = split_type(after)
		return note_type(after, at)
	end
	local key, mark, after = rest:match("^([%w_]+)(%??) (.+)$")
	local kind, text = split_type(after)
	assert(state.class, "a field outside of a class")
	assert(not state.class.fields[key], key .. " is documented twice")
	state.class.fields[key] = { type = kind, text = text, line = rest, optional = mark ~= "" }
	note_type(kind, at)
end

function tags.alias(state, rest, at)
	local name, text = rest:match("^([%w_.]+) ?(.*)$")
	reference.aliases[name] = text
	state.alias = name
	note_type(text, at)
end

function tags.param(state, rest, at)
	local name, after = rest:match("^([%w_.]+)%?? (.+)$")
	table.insert(state.params, name)
	state.takes = (state.takes or "") .. "|" .. split_type(after)
	note_type((split_type(after)), at)
end

tags["return"] = function(_, rest, at)
	note_type((split_type(rest)), at)
end

function tags.overload(_, rest, at)
	note_type(assert(rest:match "^fun%b():? ?(.*)$"), at)
end

local function read_function(state, line)
	local owner, separator, name, list = line:match("^function ([%w_]+)([.:])([%w_]+)(%b()) end$")
	local class = assert(state.owners[owner], "of which class is this?")
	local params = {}
	for param in list:gmatch("[%w_.]+") do
		table.insert(params, param)
	end
	assert(table.concat(params, " ") == table.concat(state.params, " "),
		"@param and the function's parameters differ")
	assert(not class.methods[name], name .. " is documented twice")
	assert(state.said, "not a word about it")
	class.methods[name] = { params = params, method = separator == ":", takes = state.takes or "" }
end

local function read_code(state, line)
	local variable = line:match("^local ([%w_]+) = {}$")
	local owner, field = line:match("^([%w_]+)%.([%w_]+) = .+$")
	if variable then
		state.owners[variable] = state.class or class_of("module " .. state.module)
		if state.module then
			reference.modules[state.module] = state.owners[variable]
		end
	elseif owner then
		state.owners[owner].fields[field] = { type = "table", text = "", line = line }
	elseif line:find "^function" then
		read_function(state, line)
	else
		assert(line:find "^return [%w_]+$", "neither a declaration nor a comment")
	end
end

local function read_line(state, line, at)
	local tag, rest = line:match("^%-%-%-@(%w+) ?(.*)$")
	if tag then
		assert(tags[tag], "unknown tag " .. tag)(state, rest, at)
	elseif line:find "^%-%-%-|" then
		local alias = assert(state.alias, "a value of no alias")
		reference.aliases[alias] = reference.aliases[alias] .. "|" .. line:match("^%-%-%-| (%S+)")
	elseif line:find "^%-%-%-." then
		state.said = true
	elseif line:find "^%-%-" then
		state.said = true -- prose of the file
	elseif line ~= "" then
		read_code(state, line)
	end
	if tag then
		state.said = true
	elseif not line:find "^%-%-" then
		state.class, state.alias, state.params, state.said = nil, nil, {}, false
		state.takes = nil
	end
end

local function read_file(path)
	local state, at = { owners = {}, params = {} }, 0
	for line in io.lines(path) do
		at = at + 1
		local where = ("%s:%d"):format(path, at)
		local ok, why = pcall(read_line, state, line, where)
		if not ok then
			error(("%s: %s\n%s"):format(where, why, line), 0)
		end
	end
end

for name in lfs.dir(directory) do
	if name:find "%.lua$" then
		table.insert(reference.files, directory .. name)
	end
end
table.sort(reference.files)
for _, path in ipairs(reference.files) do
	read_file(path)
end

return reference
