-- SPDX-License-Identifier: MIT
-- scratch.lua - a directory for a file of tests, and what is run in it: bash, nslua
local lfs = require "lfs"
local support = require "spec.support"

local scratch = {}
scratch.__index = scratch

function scratch.quote(text)
	return "'" .. text:gsub("'", [['\'']]) .. "'"
end

local quote = scratch.quote

function scratch.new()
	local path = os.tmpname()
	os.remove(path)
	assert(lfs.mkdir(path))
	return setmetatable({ path = path }, scratch)
end

function scratch:remove()
	os.execute("rm -rf " .. quote(self.path))
end

scratch.__close = scratch.remove

--- Returns the file's path.
function scratch:write(name, text)
	local path = self.path .. "/" .. name
	local file <close> = assert(io.open(path, "w"))
	file:write(text)
	return path
end

function scratch:read(name)
	return support.read(self.path .. "/" .. name)
end

-- Run a script of bash, in which $N is nslua; what it printed, its exit code.
function scratch:bash(script)
	self:write("script.sh", "N=" .. quote(support.interpreter) .. "\n" .. script)
	local _, _, code = os.execute(("cd %s && bash script.sh >out 2>&1"):format(quote(self.path)))
	return self:read("out"), code
end

-- Run Lua code in nslua; what it printed, its exit code.
function scratch:nslua(code)
	self:write("code.lua", code)
	return self:bash("exec $N code.lua")
end

return scratch
