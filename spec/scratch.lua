-- SPDX-License-Identifier: MIT
-- scratch.lua - a directory for a file of tests, and what is run in it: bash, nslua, a terminal
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

function scratch:write(name, text)
	local file <close> = assert(io.open(self.path .. "/" .. name, "w"))
	file:write(text)
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

-- Run an interactive bash on a terminal of its own, with a script that types: `type` a line, `key`
-- a control character, `await` what shall appear after what was awaited before. What was shown; nil
-- where there is no program for that.
function scratch:terminal(keys)
	if not support.has "script" then
		return nil
	end
	self:write("keys.sh", ("N=%s\n"):format(quote(support.interpreter)) .. [[
		seen=0
		type() { printf '%s\n' "$1"; }
		key() { printf "$1"; }
		await() {
			for i in {1..200}; do
				tail -c +$((seen + 1)) shown | grep -q -e "$1" && break
				sleep 0.05
			done
			seen=$(wc -c <shown)
		}
		await '[$#] $'
		type 'PS1=; stty -echo; echo ready'
		await '^ready'
	]] .. keys .. "\ntype exit\n")
	self:bash [[
		: >shown
		export TERM=dumb INPUTRC=/dev/null
		bash keys.sh | script -qefc 'bash --norc --noprofile -i' shown >/dev/null
	]]
	return (self:read("shown"):gsub("\27%[%?2004[hl]", ""):gsub("\r", ""))
end

return scratch
