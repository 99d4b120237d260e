-- SPDX-License-Identifier: MIT
-- nft_spec.lua - ns.nft: transactions, variables, errors, and what the library must not do to us

local netns = require "netns"
local json = require "netns.json"

local ruleset = [[
table inet fw {
	chain input {
		type filter hook input priority filter; policy drop;
		iif "lo" accept
		tcp dport 80 accept
	}
}]]

local function fails(f, ...)
	local ok, e = pcall(f, ...)
	assert.is_false(ok)
	assert.equal("netns.error", getmetatable(e) and getmetatable(e).__name)
	return e
end

--- Run a Lua text in a process of its own, with what the shell does before it.
local function elsewhere(before, text)
	local name = os.tmpname()
	local file <close> = assert(io.open(name, "w"))
	file:write(("package.path, package.cpath = %q, %q\n"):format(package.path, package.cpath),
		"local netns = require \"netns\"\n", text)
	file:close()
	finally(function() os.remove(name) end)
	local host = arg and arg[-1] or "lua5.4"
	local pipe = io.popen(("%s; exec %s %s 2>&1"):format(before, host, name))
	local output = pipe:read("a")
	local ok, _, code = pipe:close()
	return ok and 0 or code, output
end

describe("ns.nft", function()
	local ns

	before_each(function() ns = netns.new() end)
	after_each(function() ns:close() end)

	if not pcall(require, "netns.nft") then
		pending("libnftables is not there")
		return
	end

	it("runs a ruleset and lists it as text that runs again", function()
		assert.equal("", ns.nft:run(ruleset))
		local text = ns.nft:list()
		assert.truthy(text:find("tcp dport 80 accept", 1, true))
		local other <close> = netns.new()
		other.nft:run(text)
		assert.equal(text, other.nft:list())
	end)

	it("returns what a command prints", function()
		ns.nft:run(ruleset)
		assert.equal("table inet fw\n", ns.nft:run "list tables")
	end)

	it("gives the ruleset as a table", function()
		ns.nft:run(ruleset)
		local document, rules = ns.nft:json(), {}
		for _, item in ipairs(document.nftables) do
			rules[#rules + 1] = item.rule
		end
		assert.equal(2, #rules)
		assert.same({ payload = { protocol = "tcp", field = "dport" } }, rules[2].expr[1].match.left)
		assert.equal(80, rules[2].expr[1].match.right)
		assert.equal(json.null, rules[2].expr[2].accept)
	end)

	it("works in the namespace, not in the caller's", function()
		local here <close> = netns.current()
		ns.nft:run "add table ip only_there"
		assert.falsy(here.nft:list():find("only_there", 1, true))
		assert.truthy(here == netns.current())
	end)

	it("resolves interface names in the namespace", function()
		local other <close> = netns.new()
		assert.equal("ENODEV", fails(ns.nft.run, ns.nft, [[
table inet t {
	chain c {
		iif no_such0 accept
	}
}]]).code)
		for _, each in ipairs { ns, other, ns } do
			each.nft:run [[
add table inet t
add chain inet t c
add rule inet t c iif lo accept]]
			assert.truthy(each.nft:list():find("iif \"lo\" accept", 1, true))
		end
	end)

	it("is all or nothing", function()
		local e = fails(ns.nft.run, ns.nft, "add table ip a\nadd chain ip nowhere c")
		assert.equal("ENOENT", e.code)
		assert.equal("", ns.nft:list())
	end)

	it("flushes", function()
		ns.nft:run(ruleset)
		ns.nft:flush()
		assert.equal("", ns.nft:list())
	end)

	it("checks without doing", function()
		assert.is_true(ns.nft:check(ruleset))
		assert.equal("", ns.nft:list())
		local e = fails(ns.nft.check, ns.nft, "add chain inet nowhere c")
		assert.equal("ENOENT", e.code)
		assert.equal("nft check", e.op)
	end)

	it("does not keep a closed namespace alive", function()
		local other = netns.new()
		ns.link:add { name = "v0", kind = "veth", peer = { name = "v1", netns = other } }
		other.nft:run(ruleset)
		pcall(other.nft.run, other.nft, "nonsense")
		other:close()
		local deadline = netns.clock() + 5
		while ns.link:get "v0" and netns.clock() < deadline do
			netns.sleep(0.01)
		end
		assert.is_nil(ns.link:get "v0")
		assert.equal("EBADF", fails(other.nft.run, other.nft, "list tables").code)
	end)

	it("is closed with its namespace", function()
		local other = netns.new()
		local nft = other.nft
		assert.equal(("netns.firewall (%d)"):format(other.inode), tostring(nft))
		other:close()
		assert.equal("netns.firewall (closed)", tostring(nft))
		for _, verb in ipairs { "run", "check", "list", "json", "flush" } do
			local e = fails(nft[verb], nft, "list tables")
			assert.is_true(e.misuse)
			assert.equal(("nft %s: field 'self': the namespace is closed"):format(verb), tostring(e))
		end
	end)

	it("opens no descriptor that stays", function()
		local function count()
			local n = 0
			for fd = 0, 255 do
				local file = io.open("/proc/self/fdinfo/" .. fd)
				n = n + (file and 1 or 0)
				if file then
					file:close()
				end
			end
			return n
		end
		local before = count()
		ns.nft:run(ruleset)
		fails(ns.nft.run, ns.nft, "nonsense")
		ns.nft:json()
		assert.equal(before, count())
	end)

	describe("errors", function()
		it("carry nft's message, the right line and the caret", function()
			local e = fails(ns.nft.run, ns.nft, [[
table inet t {
	chain c {
		tcp dport 80 accept
		tcp dport 80 perhaps
	}
}]])
			assert.equal("EINVAL", e.code)
			assert.equal("nft run", e.op)
			assert.equal(tostring(ns.inode), e.netns)
			assert.truthy(e.message:find("^line 4:%d+%-%d+: Error: syntax error"), e.message)
			assert.truthy(e.message:find("tcp dport 80 perhaps\n%s*%^+"), e.message)
			assert.truthy(e.where:find("nft_spec.lua:%d+"), e.where)
		end)

		it("have a code", function()
			ns.nft:run "add table ip t"
			assert.equal("ENOENT", fails(ns.nft.run, ns.nft, "list table ip nowhere").code)
			assert.equal("EEXIST", fails(ns.nft.run, ns.nft, "create table ip t").code)
			ns.nft:run "add chain ip t a; add chain ip t b; add rule ip t a jump b"
			assert.equal("EBUSY", fails(ns.nft.run, ns.nft, "delete chain ip t b").code)
		end)

		it("are not taken from the user's own words", function()
			assert.equal("EINVAL", fails(ns.nft.run, ns.nft,
				"add rule ip t c comment \"Operation not permitted\" perhaps").code)
		end)

		it("name a text that is none", function()
			for _, bad in ipairs { 5, true, {} } do
				assert.equal("text", fails(ns.nft.run, ns.nft, bad).attr)
			end
			assert.equal("text", fails(ns.nft.run, ns.nft, nil).attr)
			assert.equal("text", fails(ns.nft.run, ns.nft, "add table ip a\0b").attr)
		end)

		it("come back from the deepest nesting", function()
			fails(ns.nft.run, ns.nft, ("{"):rep(200000))
		end)
	end)

	describe("monitor", function()
		it("is refused wherever it is a command", function()
			for _, text in ipairs {
				"monitor", "  monitor trace", "list ruleset; monitor", "# x\nmonitor;",
				"# it's \"so\nmonitor\n# \"", "table ip t {\n}\nmonitor", "# a \\\nmonitor",
				"add table ip \"t\"\nmonitor",
			} do
				local e = fails(ns.nft.run, ns.nft, text)
				assert.equal("text", e.attr, text)
				assert.truthy(e.message:find("never returns", 1, true))
			end
		end)

		it("may stand in a comment, a string and a longer name", function()
			ns.nft:run [[
# the monitor sees this
table inet monitor-lan { # monitor
	chain monitor_all {
		tcp dport 80 log prefix "monitor " comment "no monitor here"
	}
}]]
		end)
	end)

	describe("variables", function()
		local function rule(text, vars)
			ns.nft:run "add table inet t; flush table inet t; add chain inet t c"
			ns.nft:run("add rule inet t c " .. text, vars)
			return ns.nft:run("list chain inet t c"):match("\n\t\t([^\n]*)\n\t}")
		end

		it("and text must fit, or the one at fault is named", function()
			local function misuse(attr, message, ...)
				local e = fails(ns.nft.run, ns.nft, ...)
				assert.same({ "EINVAL", attr, true }, { e.code, e.attr, e.misuse })
				assert.truthy(e.message:find(message, 1, true), e.message)
			end
			misuse("vars.prot", "does not use $prot", "add table inet $port", { port = "x", prot = 1 })
			misuse("vars.port", "is missing", "add table inet $port")
			misuse("vars.port", "is missing", "add table inet $port", {})
			misuse("vars.p", "does not use $p", "add table inet t # $p\n", { p = 1 })
			misuse("vars.p", "does not use $p", 'add table inet t { comment "$p"; }', { p = 1 })
			local e = fails(ns.nft.check, ns.nft, "add table inet $x")
			assert.equal("vars.x", e.attr)
			ns.nft:run "define own = 80\ntable inet t { chain c { tcp dport $own accept; }; }"
			assert.truthy(ns.nft:list():find "dport 80 accept")
			ns.nft:run "redefine own = 82\nadd rule inet t c tcp dport $own accept"
			assert.truthy(ns.nft:list():find "dport 82 accept")
			misuse("vars.own", "is missing", "redefine owner = 82\nadd rule inet t c tcp dport $own accept")
			local file = os.tmpname()
			finally(function() os.remove(file) end)
			local out <close> = io.open(file, "w")
			out:write("table inet t { chain c { tcp dport $from accept; }; }"):flush()
			ns.nft:run(('flush ruleset; include "%s"'):format(file), { from = 81 })
			assert.truthy(ns.nft:list():find "dport 81 accept")
		end)

		it("are numbers, words, addresses and sets", function()
			assert.equal("tcp dport 80 accept", rule("tcp dport $p accept", { p = 80 }))
			assert.equal("tcp dport 80 accept", rule("tcp dport $p accept", { p = 80.0 }))
			assert.equal("tcp dport { 22, 80-90 } accept",
				rule("tcp dport $ports accept", { ports = { 22, "80-90" } }))
			assert.equal("ip saddr 10.0.0.0/24 drop", rule("ip saddr $lan drop", { lan = "10.0.0.0/24" }))
			assert.equal("ip6 saddr fd00::1 drop", rule("ip6 saddr $a drop", { a = "fd00::1" }))
			assert.equal("iifname \"eth*\" accept", rule("iifname $dev accept", { dev = "eth*" }))
			assert.equal("iifname { \"eth0\", \"eth1\" } accept",
				rule("iifname $devs accept", { devs = { "eth0", "eth1" } }))
		end)

		it("work in check, too", function()
			local text = "add table inet t; add chain inet t c; add rule inet t c tcp dport $p drop"
			assert.is_true(ns.nft:check(text, { p = 80 }))
			assert.equal("EINVAL", fails(ns.nft.check, ns.nft, text).code)
			assert.equal("", ns.nft:list())
		end)

		it("cannot smuggle anything in", function()
			for _, value in ipairs {
				"80 accept; add table ip evil", "80\nadd table ip evil", "{ 80", "80 }", "\"80\"", "'80'",
				"80#", "$x", "80\0", "", "a\\", "80,81", "@set", "(80)", "80\r", "ä",
			} do
				local e = fails(ns.nft.run, ns.nft, "add table ip t", { p = value })
				assert.equal("vars.p", e.attr)
				local set = fails(ns.nft.run, ns.nft, "add table ip t", { p = { 80, value } })
				assert.equal("vars.p", set.attr)
			end
			assert.equal("", ns.nft:list())
		end)

		it("are checked for what they are", function()
			for _, value in ipairs { true, 1.5, 0 / 0, print, {}, { { 1 } }, { 1, nil, 3, x = 1 } } do
				assert.equal("vars.p", fails(ns.nft.run, ns.nft, "add table ip t", { p = value }).attr)
			end
			for _, vars in ipairs { { [1] = 1 }, { ["a b"] = 1 }, { [""] = 1 }, { ["1a"] = 1 }, "x" } do
				assert.equal("vars", fails(ns.nft.run, ns.nft, "add table ip t", vars).attr)
			end
		end)

		it("call no metamethods", function()
			local trap = setmetatable({ p = 80 }, { __index = error, __pairs = error })
			assert.equal("tcp dport 80 accept", rule("tcp dport $p accept", trap))
		end)
	end)

	it("raises instead of ending the process when no descriptor is left", function()
		local code, output = elsewhere("ulimit -n 40", [[
			local ns, held = netns.new(), {}
			ns.nft:run "add table ip t"
			while true do
				local file = io.open("/dev/null")
				if not file then break end
				held[#held + 1] = file
			end
			-- one more descriptor free each time: all of them must be enough or refused
			local outcome = {}
			for i = 1, 12 do
				local ok, e = pcall(ns.nft.run, ns.nft,
					"add table ip t; add chain ip t c; add rule ip t c iif lo accept")
				outcome[i] = ok and "ok" or e.code
				table.remove(held):close()
			end
			print(table.concat(outcome, " "))
			os.exit(0, true)
		]])
		assert.equal(0, code, output)
		assert.truthy(output:find("^EMFILE EMFILE"), output)
		assert.truthy(output:find("ok ok\n$"), output)
		assert.falsy(output:find("Unable to initialize"), output)
	end)

	it("says what is missing where the library is", function()
		local code, output = elsewhere("true", [[
			package.preload["netns.nft"] = function() error("libnftables.so.1: cannot open", 0) end
			local ns = netns.new()
			local ok, e = pcall(function() return ns.nft end)
			print(ok, e.code, e)
			print(e.hint)
			os.exit(0, true)
		]])
		assert.equal(0, code, output)
		assert.truthy(output:find("^false\tEOPNOTSUPP\t"), output)
		assert.truthy(output:find("libnftables.so.1: cannot open", 1, true), output)
		assert.truthy(output:find("libnftables-dev", 1, true), output)
	end)

	it("stands beside iptables-restore", function()
		if not ns.exec or not os.execute("command -v iptables-restore >/dev/null") then
			pending("no iptables-restore here")
			return
		end
		ns:exec { "iptables-restore", stdin = "*filter\n:INPUT DROP [0:0]\n"
			.. "-A INPUT -p tcp --dport 8080 -j ACCEPT\nCOMMIT\n" }
		local saved = ns:exec { "iptables-save" }.stdout
		assert.truthy(saved:find("--dport 8080 -j ACCEPT", 1, true), saved)
		assert.truthy(saved:find(":INPUT DROP", 1, true), saved)
	end)
end)
