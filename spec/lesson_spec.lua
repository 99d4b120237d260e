-- SPDX-License-Identifier: MIT
-- lesson_spec.lua - what `make demo` runs, and the example of the README

local netns = require "netns"
local support = require "spec.support"

local lesson = support.read "scripts/lesson.lua"
local example = support.read "scripts/example.lua"

local function run(text)
	return support.script(text)
end

--- The lesson without, or with other than, what `pattern` matches; it must be there once.
local function broken(pattern, replacement)
	local text, n = lesson:gsub(pattern, replacement)
	assert.equal(1, n, pattern)
	return text
end

describe("the lesson", function()
	if not pcall(require, "netns.nft") then
		pending("libnftables is not there")
		return
	end

	local whole
	setup(function()
		whole = run(lesson)
	end)

	it("holds, and shows how it knows", function()
		local r = whole
		assert.equal(0, r.code, r.stdout .. r.stderr)
		assert.equal("", r.stderr)
		assert.falsy(r.stdout:find("FAILED", 1, true))
		assert.falsy(r.stdout:find("\27", 1, true))
		local proofs = tonumber(r.stdout:match("All (%d+) proofs hold%.\n$"))
		local _, marks = r.stdout:gsub("\n   ok  ", "")
		assert.equal(marks, proofs)
		assert.truthy(proofs >= 30)
		for _, line in ipairs {
			"ok  red -> blue icmp is no_route", "ok  red -> red icmp is open", "ok  cable1 is in blue now",
			"ok  red -> blue tcp/81 is refused", "ok  red -> blue icmp is one_way",
			"ok  red -> blue tcp/80 is open", "ok  red -> blue tcp/22 is dropped",
			"ok  red -> blue tcp/23 is rejected", "ok  the last rule is what dropped them",
			"$ ip -n red link set dev cable1 netns blue", "$ ip netns exec router nft -f - <<'EOF'",
		} do
			assert.truthy(r.stdout:find(line, 1, true), line)
		end
		for line in r.stdout:gmatch("[^\n]+") do
			assert.truthy(#line <= 100, line)
		end
	end)

	it("fails when the firewall lets nothing pass", function()
		local r = run(broken("\n[^\n]*tcp dport 80 accept", ""))
		assert.equal(1, r.code)
		assert.truthy(r.stdout:find("FAILED  red -> blue tcp/80 is open, but it was dropped", 1, true))
		assert.truthy(r.stdout:find("\n1 of %d+ proofs do not hold%.\n$"))
	end)

	it("fails when the firewall lets too much pass", function()
		local r = run(broken("tcp dport 80 accept", "accept"))
		assert.equal(1, r.code)
		assert.truthy(r.stdout:find("FAILED  red -> blue tcp/22 is dropped, but it was open", 1, true))
	end)

	it("fails when an operation is refused, and names its line", function()
		local r = run(broken("dev = \"cable1\", addr", "dev = \"cable7\", addr"))
		assert.equal(1, r.code)
		assert.truthy(r.stderr:find("cable7", 1, true), r.stderr)
	end)

	it("prints lines that work by hand", function()
		if not support.has "ip" or not support.has "nft" or not support.has "sysctl" then
			pending("iproute2, nft or sysctl is not there")
			return
		end
		local script = {}
		for line in whole.stdout:gmatch("[^\n]+") do
			local command = line:match("^     %$ (.*)") or line:match("^     (.*)")
			-- what is indented deeper is evidence
			if command and not command:find("^  ") then
				script[#script + 1] = command
			end
		end
		assert.truthy(#script > 30)
		finally(function()
			netns.current():exec { "sh", "-c",
				"for n in red blue router; do ip netns delete $n; done", check = false }
		end)
		local r = netns.current():exec { "sh", "-e", "-x", check = false,
			stdin = table.concat(script, "\n") .. "\nip netns list\n" }
		assert.equal(0, r.code, r.stderr)
		assert.truthy(r.stdout:find("blue", 1, true))
		assert.truthy(r.stdout:find("^eth0\nlo\n"), r.stdout)
		local router <close> = netns.open "router"
		assert.is_true(support.eventually(function()
			return not router.link:get "to-red"
		end))
	end)
end)

describe("the example", function()
	if not pcall(require, "netns.nft") then
		pending("libnftables is not there")
		return
	end

	it("proves one open and one isolated port, in less than 20 lines", function()
		local r = run(example)
		assert.equal(0, r.code, r.stderr)
		assert.truthy(r.stdout:find("^tcp/5432\topen\t"), r.stdout)
		assert.truthy(r.stdout:find("\ntcp/22\tdropped\t"), r.stdout)
		assert.truthy(select(2, example:gsub("\n", "")) < 20)
	end)

	it("fails when the firewall is not there", function()
		local text, n = example:gsub("policy drop;", "")
		assert.equal(1, n)
		local r = run(text)
		assert.equal(1, r.code)
		assert.truthy(r.stdout:find("\ntcp/22\topen\t"), r.stdout)
	end)
end)
