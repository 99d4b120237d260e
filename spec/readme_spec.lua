-- SPDX-License-Identifier: MIT
-- readme_spec.lua - what the README shows is what there is, and what it prints
local firewall = require "netns.firewall"
local netns = require "netns"
local support = require "spec.support"

local readme = support.read "README.md"

--- The indented lines behind "$ COMMAND".
local function shown(command)
	local _, at = readme:find("    $ " .. command .. "\n", 1, true)
	local lines = {}
	for line in readme:sub(at + 1):gmatch("([^\n]*)\n") do
		if line ~= "" and not line:find "^    " then
			break
		end
		lines[#lines + 1] = line:sub(5)
	end
	while lines[#lines] == "" do
		lines[#lines] = nil
	end
	return table.concat(lines, "\n")
end

--- Times and counts of attempts differ from run to run.
local function plain(text)
	return (text:gsub("%d+ times in [%d.]+ s", "N times"):gsub("is reachable", "is there")
		:gsub("is delay", "is there"):gsub("%s+$", ""))
end

describe("the README", function()
	for _, name in ipairs { "example", "lab" } do
		it("shows scripts/" .. name .. ".lua as it is, and what it prints", function()
			if not firewall.available() then
				pending("libnftables is not there")
			end
			local script = support.read("scripts/" .. name .. ".lua"):match(
				"^%-%- [^\n]*\n%-%- [^\n]*\n(.*)$")
			assert.truthy(readme:find("```lua\n" .. script .. "```", 1, true), name .. ".lua differs")
			local here <close> = netns.current()
			local out = here:exec { support.interpreter, "scripts/" .. name .. ".lua" }.stdout
			assert.equal(plain(shown("build/nslua scripts/" .. name .. ".lua")), plain(out))
		end)
	end

	it("names files that are there", function()
		for path in readme:gmatch("`(scripts/[%w_/.]+)`") do
			assert.is_truthy(require "lfs".attributes(path), path)
		end
	end)
end)
