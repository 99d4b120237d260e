-- SPDX-License-Identifier: MIT
-- lesson.lua - network namespaces in seven steps, each done, shown and proved
--
-- Run it with nslua (`make demo` does); no privilege is needed and nothing stays. What is done is
-- data, so each step also prints the line that does the same by hand. Exits 1 unless all holds.

local netns = require "netns"
local operations = require "netns.operations"

local op = operations.new

-- The page: words wrapped to its width; colours on a terminal only.

local width = 100
local held, failed = 0, 0

local function on_terminal()
	local here <close> = netns.current()
	local answer = here:exec { "test", "-t", "1", stdout = "inherit", check = false }
	return answer.code == 0 and not os.getenv("NO_COLOR")
end

local colours = { title = "1", command = "36", good = "1;32", bad = "1;31", quiet = "2" }
local terminal = on_terminal()

local function paint(colour, text)
	return terminal and ("\27[%sm%s\27[0m"):format(colours[colour], text) or text
end

local function wrap(text, indent)
	local lines, line = {}, ""
	for word in text:gmatch("%S+") do
		if line ~= "" and #indent + #line + 1 + #word > width then
			lines[#lines + 1] = indent .. line
			line = ""
		end
		line = line == "" and word or line .. " " .. word
	end
	lines[#lines + 1] = indent .. line
	return table.concat(lines, "\n")
end

-- A blank line stands between paragraphs of different kinds.
local last_kind

local function paragraph(kind, text)
	if kind ~= last_kind and last_kind then
		print()
	end
	last_kind = kind
	print(text)
end

local step_number = 0

local function step(title, text)
	step_number = step_number + 1
	paragraph("title", paint("title", step_number .. ". " .. title))
	paragraph("text", wrap(text, "   "))
end

--- Something is claimed, was looked at, and holds or not.
local function prove(holds, claim, evidence)
	held, failed = held + (holds and 1 or 0), failed + (holds and 0 or 1)
	local mark = holds and paint("good", "ok") or paint("bad", "FAILED")
	paragraph("proof", ("   %s  %s"):format(mark, claim))
	if evidence then
		print(paint("quiet", wrap(evidence, "       ")))
	end
end

local function remark(text)
	paragraph("remark", wrap(text, "   "))
end

local function show_command(line)
	paragraph("command", paint("command", "     $ " .. line:gsub("\n", "\n     ")))
end

-- The network: namespaces by name, closed at the end in any case.

local net = setmetatable({}, { __close = function(self)
	for _, ns in next, self do
		ns:close()
	end
end })

--- Print what is to be done as one does it by hand, and do it.
local function act(list)
	for _, line in ipairs(operations.lines(list)) do
		show_command(line)
	end
	operations.apply(list, net)
end

-- How long silence must last where it is expected, in seconds: what is not stopped arrives at once.
local patience = { dropped = 0.4, one_way = 0.4 }

--- Ask whether packets get from one namespace to another, and expect an answer.
local function expect(rows)
	local probes = {}
	for i, row in ipairs(rows) do
		probes[i] = row.probe
		row.probe.from, row.probe.to = net[row[1]], net[row[2]]
		row.probe.timeout = patience[row[3]]
	end
	for i, verdict in ipairs(netns.probe(probes)) do
		local row, probe = rows[i], probes[i]
		local what = probe.port and probe.proto .. "/" .. probe.port or probe.proto
		local claim = ("%s -> %s %s is %s"):format(row[1], row[2], what, row[3])
		if verdict.verdict ~= row[3] then
			claim = claim .. ", but it was " .. verdict.verdict
		end
		prove(verdict.verdict == row[3], claim, verdict.why)
	end
end

local function names(ns)
	local list = {}
	for i, link in ipairs(ns.link:list()) do
		list[i] = link.name
	end
	table.sort(list)
	return table.concat(list, " ")
end

local function routes(ns)
	local list = {}
	for i, route in ipairs(ns.route:list { family = "inet" }) do
		list[i] = route.dst .. (route.via and " via " .. route.via or "") .. " dev " .. route.dev
	end
	return table.concat(list, ", ")
end

local function isolation()
	step("Two namespaces that see nothing of each other", [[
		A network namespace is a network of its own: interfaces, addresses, routes, firewall. A new
		one has nothing but a loopback interface, and that one is down.]])
	act { op("red", "add", "netns"), op("blue", "add", "netns") }
	local red, blue, here <close> = net.red, net.blue, netns.current()
	prove(red ~= blue and red ~= here and blue ~= here,
		"red, blue and the one this script runs in are three different namespaces",
		("The kernel's numbers for them: %d, %d, %d."):format(red.inode, blue.inode, here.inode))
	prove(names(red) == "lo" and names(blue) == "lo", "each has one interface, lo",
		("red has %s; blue has %s."):format(names(red), names(blue)))
	prove(#red.addr:list() == 0 and #red.route:list() == 0, "red has no address and no route")
	expect { { "red", "blue", "no_route", probe = { proto = "icmp", addr = "10.0.0.2" } } }
end

local function loopback()
	step("Loopback: a namespace can be unable to reach even itself", [[
		127.0.0.1 is an address of lo. While lo is down, the kernel has no way to it.]])
	expect { { "red", "red", "no_route", probe = { proto = "icmp", addr = "127.0.0.1" } } }
	act { op("red", "set", "link", { name = "lo", up = true }) }
	expect { { "red", "red", "open", probe = { proto = "icmp", addr = "127.0.0.1" } } }
	prove(not net.blue.link:get("lo").up, "blue's lo is still down: it is another interface",
		"Both are called lo, and nothing that is done to the one happens to the other.")
end

local function cable()
	step("A cable: a veth pair, one end moved to the other namespace", [[
		A veth pair is a cable with an interface at each end. Both ends are born in one namespace;
		then one end is moved.]])
	act { op("red", "add", "link", { name = "cable0", kind = "veth", peer = { name = "cable1" } }) }
	prove(names(net.red) == "cable0 cable1 lo" and names(net.blue) == "lo", "both ends are in red",
		("red has %s; blue has %s."):format(names(net.red), names(net.blue)))
	act { op("red", "set", "link", { name = "cable1", netns = "blue" }) }
	prove(names(net.red) == "cable0 lo" and names(net.blue) == "cable1 lo", "cable1 is in blue now",
		("red has %s; blue has %s. red cannot name cable1 any more."):format(
			names(net.red), names(net.blue)))
	act {
		op("red", "add", "addr", { dev = "cable0", addr = "10.0.0.1/24" }),
		op("blue", "add", "addr", { dev = "cable1", addr = "10.0.0.2/24" }),
		op("red", "set", "link", { name = "cable0", up = true }),
		op("blue", "set", "link", { name = "cable1", up = true }),
	}
	expect {
		{ "red", "blue", "open", probe = { proto = "icmp" } },
		{ "blue", "red", "open", probe = { proto = "icmp" } },
		{ "red", "blue", "open", probe = { proto = "tcp", port = 80, listen = true } },
		{ "red", "blue", "refused", probe = { proto = "tcp", port = 81, listen = false } },
	}
	remark [[At port 80 somebody listened, at 81 nobody. "refused" is blue's own answer: the port is
		closed, but blue was reached. That is not isolation.]]
end

local function router()
	step("A router between two networks", [[
		Pull the cable, and give each its own network with a router between them. It forwards by a
		routing table of its own. Everything that can be missing on the way is missing first: each
		time, what the sender sees is silence or an error, and only the cause differs.]])
	act { op("red", "delete", "link", "cable0") }
	prove(names(net.blue) == "lo", "cable1 is gone from blue: a cable has two ends or none")
	act {
		op("router", "add", "netns"),
		op("router", "set", "sysctl", { ["net.ipv4.ip_forward"] = 0 }),
		op("router", "add", "link", { name = "to-red", kind = "veth", up = true,
			peer = { name = "eth0", netns = "red", up = true } }),
		op("router", "add", "link", { name = "to-blue", kind = "veth", up = true,
			peer = { name = "eth0", netns = "blue", up = true } }),
		op("router", "add", "addr", { dev = "to-red", addr = "10.1.0.1/24" }),
		op("router", "add", "addr", { dev = "to-blue", addr = "10.2.0.1/24" }),
		op("red", "add", "addr", { dev = "eth0", addr = "10.1.0.2/24" }),
		op("blue", "add", "addr", { dev = "eth0", addr = "10.2.0.2/24" }),
	}
	expect {
		{ "red", "router", "open", probe = { proto = "icmp", addr = "10.1.0.1" } },
		{ "red", "blue", "no_route", probe = { proto = "icmp" } },
	}
	act { op("red", "add", "route", { dst = "default", via = "10.1.0.1" }) }
	expect { { "red", "blue", "dropped", probe = { proto = "icmp" } } }
	remark "The router does not forward for others yet."
	act { op("router", "set", "sysctl", { ["net.ipv4.ip_forward"] = 1 }) }
	expect { { "red", "blue", "one_way", probe = { proto = "icmp" } } }
	remark [[blue was reached, but has no way to answer. From where red stands this looks like the
		silence before; only who looks at the receiving side can tell. Silence is not isolation.]]
	act { op("blue", "add", "route", { dst = "default", via = "10.2.0.1" }) }
	expect {
		{ "red", "blue", "open", probe = { proto = "icmp" } },
		{ "blue", "red", "open", probe = { proto = "icmp" } },
	}
	prove(net.router.route:lookup("10.2.0.2").dev == "to-blue",
		"the router's own table is what sends 10.2.0.2 to blue",
		("It has %s; red's has %s."):format(routes(net.router), routes(net.red)))
end

local ruleset = [[
table inet lesson {
	chain forward {
		type filter hook forward priority filter; policy drop;
		ct state established accept
		ip saddr 10.1.0.0/24 tcp dport 80 accept
		tcp dport 23 reject
		counter drop
	}
}]]

--- How many packets the rule "counter drop" has seen.
local function dropped_packets(ns)
	for _, item in ipairs(ns.nft:json().nftables) do
		local first = item.rule and item.rule.expr[1]
		if first and first.counter then
			return first.counter.packets
		end
	end
end

local function firewall()
	step("A firewall that lets one port pass", [[
		The router's own firewall. Behind each port that is tried somebody listens, so whatever does
		not get through is stopped on the way.]])
	act { op("router", "run", "nft", ruleset) }
	expect {
		{ "red", "blue", "open", probe = { proto = "tcp", port = 80, listen = true } },
		{ "red", "blue", "rejected", probe = { proto = "tcp", port = 23, listen = true } },
	}
	expect {
		{ "red", "blue", "dropped", probe = { proto = "tcp", port = 22, listen = true } },
		{ "red", "blue", "dropped", probe = { proto = "icmp" } },
		{ "blue", "red", "dropped", probe = { proto = "tcp", port = 80, listen = true } },
	}
	local packets = dropped_packets(net.router)
	prove(packets >= 3, "the last rule is what dropped them",
		("Its counter says %d packets: each probe was sent several times."):format(packets))
	act { op("router", "flush", "nft") }
	expect { { "red", "blue", "open", probe = { proto = "tcp", port = 22, listen = true } } }
	remark "Without the rules the same probe gets through: it was they that stopped it."
end

--- What a program prints that runs in a namespace.
local function run(name, ...)
	show_command(operations.lines(op(name, "run", "exec", { ... }))[1])
	return net[name]:exec({ ... }).stdout
end

local function program()
	step("A program that runs inside sees only its own network", [[
		Nothing about the program changes; the kernel shows it another network. /sys/class/net and
		/proc/net are where tools look.]])
	local red, here <close> = net.red, netns.current()
	local links = run("red", "ls", "/sys/class/net"):gsub("%s+", " "):gsub(" $", "")
	local devices = run("red", "cat", "/proc/net/dev")
	local identity = run("red", "readlink", "/proc/self/ns/net")
	prove(links == "eth0 lo", "/sys/class/net has red's interfaces and no others",
		"ls printed: " .. links)
	local seen = {}
	for name in devices:gmatch("\n%s*([^%s:|]+):") do
		seen[#seen + 1] = name
	end
	table.sort(seen)
	prove(table.concat(seen, " ") == "eth0 lo", "/proc/net/dev has the same ones",
		"It has lines for: " .. table.concat(seen, " "))
	prove(identity == ("net:[%d]\n"):format(red.inode) and red.inode ~= here.inode,
		"the program was in red, this script never was",
		("It found itself in %s; this script is in net:[%d]."):format(
			identity:gsub("\n", ""), here.inode))
end

local function ending()
	step("The end: nothing stays", [[
		These namespaces have no name in the file system: each lives as long as somebody holds it.
		When red's last holder lets go, the kernel takes red down with all that is in it.]])
	act { op("red", "delete", "netns") }
	local deadline = netns.clock() + 5
	while net.router.link:get "to-red" and netns.clock() < deadline do
		netns.sleep(0.005)
	end
	prove(names(net.router) == "lo to-blue", "the router's end of red's cable is gone as well",
		"A cable cannot outlive one of its ends: so red's eth0, and red, are no more.")
end

do
	local _ <close> = net
	paragraph("title", paint("title", "Network namespaces: what isolates, and how to know"))
	paragraph("text", wrap([[Lines with $ are what one types to do the same by hand. "ok" marks what
		was looked at and found to be so; below it stands what was seen.]], ""))
	for _, part in ipairs { isolation, loopback, cable, router, firewall, program, ending } do
		part()
	end
end

print(("\n%s"):format(failed == 0
	and paint("good", ("All %d proofs hold."):format(held))
	or paint("bad", ("%d of %d proofs do not hold."):format(failed, held + failed))))
os.exit(failed == 0, true)
