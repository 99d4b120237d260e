-- SPDX-License-Identifier: MIT
-- accidents_spec.lua - accidents that look like isolation: in each a naive check would be content,
-- and a row that claims isolation must not hold
local lab = require "netns.lab"
local netns = require "netns"
local scratch = require "spec.scratch"
local support = require "spec.support"

local policy = [[
table inet f {
	chain forward {
		type filter hook forward priority filter; policy drop;
		ct state established accept
		tcp dport 5432 accept
		tcp dport 23 reject
	}
}]]

--- web and www on a switch, db behind a router.
local function dmz()
	local net = lab.new "dmz"
	net:hosts { "web", "www", "db" }
	net:router("fw", { nft = policy })
	net:switch "lan"
	net:link({ "web", "www", "fw" }, "lan")
	net:link("db", "fw")
	net:up()
	return net
end

--- The row claims isolation, and does not hold: for each family, what was found instead.
local function exposed(net, from, to, what, expected)
	local entry = net:check({ { from, to, what, "isolated" } })[1]
	assert.is_false(entry.ok, entry.why)
	local found = {}
	for _, verdict in ipairs(entry.verdicts) do
		found[verdict.family] = verdict.verdict
	end
	assert.same(type(expected) == "table" and expected or { inet = expected, inet6 = expected }, found,
		entry.why)
	return entry
end

--- A program that listens and says so; `more` is Lua that it runs then.
local function serve(node, addr, port, more)
	local server = node:spawn { support.interpreter, "--host", "-", stdin = ([[
		local socket = require "socket"
		local addr, port = "%s", %d
		local server = assert(addr:find ":" and socket.tcp6() or socket.tcp4())
		assert(server:setoption("reuseaddr", true))
		assert(server:bind(addr, port))
		assert(server:listen())
		print "ready"
		io.flush()
		%s
		require "netns".sleep(60)
	]]):format(addr, port, more or ""), stdout = "capture" }
	server:expect("ready", 5)
	return server
end

--- What a script sees that connects: "connected", or the error.
local function naive(node, host, port)
	return (node:exec { support.interpreter, "--host", "-", stdin = ([[
		local socket = require "socket"
		local client = assert(socket.tcp())
		client:settimeout(0.3)
		local done, why = client:connect("%s", %d)
		print(done and "connected" or why)
	]]):format(host, port) }.stdout:gsub("\n", ""))
end

describe("no access", function()
	it("that is only a name which does not resolve", function()
		local net <close> = dmz()
		assert.not_equal("connected", naive(net:node "web", "database.example", 5432))
		exposed(net, "web", "db", "tcp/5432", "open")
		-- nor do rows depend on what the node itself resolves
		local web = net:node "web"
		local r = web:exec { "sh", "-c", "mount --bind /dev/null /etc/hosts && getent hosts db",
			unshare = { "mount" }, check = false }
		assert.not_equal(0, r.code)
		exposed(net, "web", "db", "tcp/5432", "open")
	end)

	it("that is only a program which is missing", function()
		local net <close> = dmz()
		local ran = pcall(function() net:node "web":exec { "no-such-ping", net:node "www":address() } end)
		assert.is_false(ran)
		local r = support.script([[
			local net <close> = require "netns.lab".star(2)
			net:up()
			io.write(net:check({ { "h1", "h2", "icmp", "isolated" } })[1].verdict)
		]], nil, { env = { PATH = "/nonexistent" } })
		assert.equal("open", r.stdout, r.stderr)
	end)

	it("that is only a listener which is not up yet", function()
		local net <close> = dmz()
		local web, db = net:node "web", net:node "db"
		assert.equal("connection refused", naive(web, db:address(), 5432))
		exposed(net, "web", "db", "tcp/5432", "open")
		assert.equal("refused", netns.probe { from = web, to = db, proto = "tcp", port = 5432 }.verdict)
		-- also where a row forbids to open one
		local report = net:check {
			{ "web", "db", "tcp/5432", "refused" }, { "web", "db", "tcp/5432", "isolated" },
		}
		assert.same({ true, false, "refused" }, { report[1].ok, report[2].ok, report[2].verdict })
		local server = serve(db, db:address(), 5432)
		assert.equal("connected", naive(web, db:address(), 5432))
		server:close()
	end)

	it("that is only the sender's own interface which is down", function()
		local net <close> = dmz()
		net:set("web", "lan", { up = false })
		local entry = exposed(net, "web", "db", "tcp/5432", "inconclusive")
		assert.truthy(entry.why:find("link_down, but the control failed", 1, true), entry.why)
		-- who means just that says so
		assert.is_true(net:check({ { "web", "db", "tcp/5432", "link_down" } }).ok)
		-- the same question of several rows: the doubt is the one row's
		local report = net:check { { "web", "db", "tcp/5432", "link_down" },
			{ "web", "db", "tcp/5432", "isolated" }, { "web", "db", "tcp/5432", "link_down" } }
		assert.same({ "link_down", "inconclusive", "link_down" },
			{ report[1].verdict, report[2].verdict, report[3].verdict })
		assert.equal("link_down", report[3].verdicts[1].verdict)
		assert.equal("inconclusive", report[2].verdicts[1].verdict)
		assert.equal("web", report[2].verdicts[1].from)
		assert.not_equal("dropped", net:check({ { "web", "db", "tcp/22", "dropped" } })[1].verdict)
	end)

	it("counts when the sender can send else", function()
		local net <close> = lab.new()
		net:hosts { "a", "b", "c" }
		net:link("a", "b")
		net:link("a", "c")
		net:up()
		net:set("a", "b", { up = false })
		local report = net:check { { "a", "b", { "icmp", "tcp/80" }, "isolated" } }
		assert.same({ true, "link_down" }, { report.ok, report[1].verdict })
	end)

	it("that is only a broken cable behind the sender's back", function()
		local net <close> = dmz()
		local broken = [[table netdev t { chain c {
			type filter hook ingress device "web" priority 0;
			meta protocol ip drop
			icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
			meta protocol ip6 drop
		}; }]]
		net:node "lan".nft:run(broken)
		local entry = exposed(net, "web", "db", "tcp/22", "inconclusive")
		assert.truthy(entry.why:find("control failed", 1, true), entry.why)
		-- that it reaches itself is no control
		local pair <close> = lab.new()
		pair:hosts { "web", "www" }
		pair:switch "lan"
		pair:link({ "web", "www" }, "lan")
		pair:up()
		pair:node "lan".nft:run(broken)
		entry = exposed(pair, "web", "www", "tcp/22", "inconclusive")
		assert.truthy(entry.why:find("control failed", 1, true), entry.why)
	end)

	it("over IPv4 only, while IPv6 is open", function()
		local net <close> = dmz()
		net:node "fw".nft:run [[flush ruleset; table ip only4 { chain c {
			type filter hook forward priority 0; policy drop; }; }]]
		exposed(net, "web", "db", { "tcp/22" }, { inet = "dropped", inet6 = "open" })
		assert.not_equal("connected", naive(net:node "web", net:node "db":address(), 22))
	end)

	it("because a datagram's answer is lost, and not the datagram", function()
		local net <close> = dmz()
		net:node "fw".nft:run [[flush ruleset; table inet t { chain c {
			type filter hook forward priority 0;
			ip saddr 10.0.1.0/24 drop; ip6 saddr fd00:0:0:1::/64 drop; }; }]]
		exposed(net, "web", "db", "udp/53", "one_way")
	end)

	it("as the rules say, of which an accept stands before the drop", function()
		local net <close> = dmz()
		net:node "fw".nft:run [[insert rule inet f forward tcp dport 20-30 accept
			add rule inet f forward tcp dport 22 drop]]
		exposed(net, "web", "db", "tcp/22", "open")
	end)

	it("by a router's firewall, past which two hosts of one switch talk", function()
		local net <close> = dmz()
		net:node "fw".nft:run 'insert rule inet f forward iifname "eth0" oifname "eth0" drop'
		exposed(net, "web", "www", { "tcp/22", "udp/53", "icmp" }, "open")
	end)

	it("because nobody listens, or somebody does on another address", function()
		local net <close> = dmz()
		local server = serve(net:node "www", "127.0.0.1", 99)
		assert.equal("connection refused", naive(net:node "web", net:node "www":address(), 99))
		local report = net:check {
			{ "web", "www", "tcp/99", "refused" }, { "web", "www", "tcp/99", "isolated" },
		}
		assert.same({ true, false }, { report[1].ok, report[2].ok }, tostring(report))
		server:close()
	end)
end)

describe("a new rule", function()
	--- As an IPv4 or IPv6 client, or one with an IPv6 socket that speaks IPv4.
	local function connect(family, mapped, go)
		local net = dmz()
		local web, db = net:node "web", net:node "db"
		local server = serve(db, db:address(family), 5432, [[
			local client = assert(server:accept())
			client:send(client:receive("*l") .. " and back\n")
		]])
		local client = web:spawn { support.interpreter, "--host", "-", stdout = "capture", stdin = ([[
			local socket = require "socket"
			local addr = "%s"
			local client = assert(addr:find ":" and socket.tcp6() or socket.tcp4())
			client:setoption("ipv6-v6only", false)
			assert(client:connect(addr, 5432))
			print "connected"
			io.flush()
			while not io.open "%s" do require "netns".sleep(0.01) end
			client:send("there\n")
			print(client:receive("*l"))
			io.flush()
			require "netns".sleep(60)
		]]):format(mapped .. db:address(family), go) }
		client:expect("connected", 5)
		return net, client, server
	end

	for name, case in pairs {
		inet = { "inet", "" }, inet6 = { "inet6", "" }, mapped = { "inet", "::ffff:" },
	} do
		it("stops probes, and no flow that is established: " .. name, function()
			local family, dir <close> = case[1], scratch.new()
			local made, client, server = connect(family, case[2], dir.path .. "/go")
			local net <close> = made
			net:node "fw".nft:run [[flush chain inet f forward
				add rule inet f forward ct state established accept]]
			-- a new connection is stopped, which a naive check takes for proof
			assert.not_equal("connected", naive(net:node "web", net:node "db":address(), 5432))
			local entry = net:check({ { "web", "db", "tcp/5432", "isolated", family = family } })[1]
			assert.same({ false, "inconclusive" }, { entry.ok, entry.verdict }, entry.why)
			assert.truthy(entry.why:find("is connected to .* port 5432 already"), entry.why)
			dir:write("go", "") -- and it does pass
			assert.equal("there and back", client:expect("there and back", 5))
			-- another port, and another host, are none of its business
			assert.is_true(net:check({ { "web", "db", "tcp/5433", "isolated" },
				{ "www", "db", "tcp/5432", "isolated" } }).ok)
			client:close()
			server:close()
			assert.is_true(net:check({ { "web", "db", "tcp/5432", "isolated" } }).ok)
		end)
	end
end)
