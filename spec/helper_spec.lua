-- SPDX-License-Identifier: MIT
-- helper_spec.lua - the leak check finds what it is for, proven on specs that leak on purpose

local lfs = require "lfs"

local here = lfs.currentdir()
local busted_script = arg[0]

-- Run a spec of one test in a nslua of its own; returns the closing line's numbers and all output.
local function run_test(body, grace)
	local path = os.tmpname()
	local spec = path .. "_spec.lua"
	finally(function()
		os.remove(spec)
		os.remove(path)
	end)
	local file <close> = assert(io.open(spec, "w"))
	file:write('describe("a test", function() it("leaks", function()\n', body, "\nend) end)\n")
	file:close()

	local interpreter = os.getenv("NSLUA") or "build/nslua"
	local command = "cd '%s' && NETNS_LEAK_GRACE=%g '%s' '%s' --ignore-lua -o plainTerminal '%s' 2>&1"
	command = command:format(here, grace or 0.1, interpreter, busted_script, spec)
	local pipe <close> = assert(io.popen(command))
	local output = pipe:read("a")
	local passed, failed, wrong = output:match("(%d+) success%a* / (%d+) failures? / (%d+) errors?")
	assert(passed, output)
	return { passed = tonumber(passed), failed = failed + wrong, output = output }
end

local function finds(what, body)
	local run = run_test(body)
	assert.equal(1, run.failed, run.output)
	assert.truthy(run.output:find("a test leaks leaked:\n\t" .. what), run.output)
end

describe("the leak check", function()
	it("passes a test that closes what it opens", function()
		local run = run_test [[
			local file <close> = io.open("/dev/null")
			KEPT = {}
		]]
		assert.same({ 1, 0 }, { run.passed, run.failed }, run.output)
	end)

	it("passes what the collector closes", function()
		local run = run_test [[
			for _ = 1, 10 do
				io.open("/dev/null")
			end
		]]
		assert.same({ 1, 0 }, { run.passed, run.failed }, run.output)
	end)

	it("waits a moment for a process that is ending", function()
		local run = run_test([[os.execute("sleep 0.2 &")]], 10)
		assert.same({ 1, 0 }, { run.passed, run.failed }, run.output)
	end)

	it("finds a descriptor", function()
		finds("descriptor %d+ %-> /dev/null", [[KEPT = io.open("/dev/null")]])
	end)

	it("finds a process that was left behind", function()
		finds("process %d+ %(sleep%)", [[os.execute("sleep 30 &")]])
	end)

	it("finds a child that nobody waited for", function()
		finds("descriptor .*process %d+ %(%a+%) not waited for", [[KEPT = io.popen("exit 0")]])
	end)

	it("finds a changed working directory", function()
		finds("working directory /\n", [[require("lfs").chdir("/")]])
	end)

	it("finds a mount", function()
		finds("mount /mnt %(tmpfs", [[assert(os.execute("mount -t tmpfs leak /mnt"))]])
	end)

	it("finds a link in the caller's namespace", function()
		finds("link in the caller's namespace leak0",
			[[assert(os.execute("ip link add leak0 type bridge"))]])
	end)

	it("finds a namespace", function()
		finds("descriptor %d+ %-> net:%[%d+%]", [[KEPT = require("netns").new()]])
	end)

	it("finds a namespace's name", function()
		finds("mount /run/netns/leak.*name in /run/netns leak",
			[[require("netns").add("leak"):close()]])
	end)
end)
