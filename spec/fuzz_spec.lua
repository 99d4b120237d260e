-- SPDX-License-Identifier: MIT
-- fuzz_spec.lua - what reads netlink and text comes back from any input; a short run of each target
-- in spec/fuzz, with seeds from this kernel's own dumps (`make fuzz` runs them for longer)
local lfs = require "lfs"
local netns = require "netns"
local support = require "spec.support"

local RUNS = 50000

local programs = support.interpreter:gsub("/[^/]*$", "/spec/fuzz-")

-- The files of a directory, in order.
local function files(directory)
	local list = {}
	for name in lfs.dir(directory) do
		if not name:find "^%." then
			list[#list + 1] = directory .. "/" .. name
		end
	end
	table.sort(list)
	return list
end

describe("any input to", function()
	local directory

	local function is_built()
		if lfs.attributes(programs .. "dump") then
			return true
		end
		pending "the targets are not built: `make suite`"
	end

	setup(function()
		if lfs.attributes(programs .. "dump") then
			directory = os.tmpname()
			os.remove(directory)
			netns.current():exec {
				support.interpreter, "spec/fuzz/corpus.lua", programs .. "dump", directory,
			}
		end
	end)

	teardown(function()
		if directory then
			netns.current():exec { "rm", "-r", directory }
		end
	end)

	for target, least in pairs { decode = 20, conversation = 10, text = 20, encode = 20 } do
		it("the target " .. target .. " is answered, or refused as misuse", function()
			if not is_built() then
				return
			end
			local seeds = files(directory .. "/" .. target)
			assert.is_true(#seeds >= least, #seeds .. " seeds only")
			local seed = os.time()
			local r = netns.current():exec {
				programs .. target, RUNS, seed, check = false, table.unpack(seeds)
			}
			assert.equal(RUNS .. " runs\n", r.stdout, ("seed %d: %s"):format(seed, r.stderr))
			assert.equal(0, r.code)
		end)
	end

	it("a row is written so that it reads the same", function()
		if not is_built() then
			return
		end
		local seed = os.time()
		local r = netns.current():exec {
			programs .. "roundtrip", "spec/fuzz/roundtrip.lua", seed, 20, check = false,
		}
		assert.equal("", r.stderr, "seed " .. seed)
		local values, rows = r.stdout:match "^(%d+) values of (%d+) rows\n$"
		assert.is_true(tonumber(rows) > 390 and tonumber(values) >= 15 * rows, r.stdout)
	end)

	it("a driver that finds something says with which input", function()
		if not is_built() then
			return
		end
		local r = netns.current():exec { programs .. "text", 1, 1, "/no/such/file", check = false }
		assert.is_nil(r.code)
		assert.matches("/no/such/file cannot be read", r.stderr)
	end)

	it("make fuzz says what it needs", function()
		local r = netns.current():exec {
			"scripts/fuzz", env = { CLANG = "/no/such/compiler" }, check = false,
		}
		assert.equal(2, r.code)
		assert.matches("libFuzzer is needed", r.stderr)
	end)
end)
