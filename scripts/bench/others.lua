-- SPDX-License-Identifier: MIT
-- others.lua - which of other people's programs are here, for the rows that stand beside them
local netns = require "netns"

local others = {}

-- Nil if the command works, else the words for why a row is skipped.
function others.lacks(what, argv)
	argv.check = false
	local here = netns.current()
	local ok, result = pcall(here.exec, here, argv)
	if not ok or result.code ~= 0 then
		return what .. " is not installed"
	end
end

-- A Python that has the module (there may be several in PATH), else nil and why.
function others.python(module)
	for _, name in ipairs { "/usr/bin/python3", "python3" } do
		if not others.lacks("", { name, "-c", "import " .. module }) then
			return name
		end
	end
	return nil, module .. " (Python) is not installed"
end

-- A Python that has Mininet, else nil; and why Mininet cannot be used, if so.
function others.mininet()
	local python, why = others.python "mininet"
	return python, why
		or others.lacks("brctl (bridge-utils), which Mininet's switch needs,", { "brctl", "-V" })
end

return others
